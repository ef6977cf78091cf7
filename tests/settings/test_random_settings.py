"""Ten thousand settings, some of them sound and most of them not: each loads or is refused in words."""

import copy
import pickle
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.settings import Settings, SettingsError, load

from .conftest import VALID
from .existing_things import everything

HOSTILE: list[Callable[[Random], Any]] = [
    lambda _: None,
    lambda r: r.choice([True, False]),
    lambda r: r.choice([0, 1, -1, 2**31, 10**400, -(10**5000)]),
    lambda r: r.choice([0.0, 1.36, float("nan"), float("inf"), -0.5]),
    lambda r: r.choice(
        ["", " ", "true", "1", "50051", "0.0.0.0/0", "10.0.0.0/16", "a.b", "a.b/C", "/a/*", "*", "sha256:"]
    ),
    lambda r: "".join(
        chr(r.choice([0, 7, 10, 27, 127, 0x202E, 0xD800, 0x1F600, 65, 46, 47])) for _ in range(r.randint(1, 8))
    ),
    lambda r: "x" * r.choice([33, 129, 5000]),
    lambda r: r.choice([[], {}, [[]], [None], [{}], {"a": {"b": {"c": []}}}, {"secure": "v1:x"}]),
    lambda r: {r.choice([1, None, True, 1.5, ("t",), "k", "\x00"]): r.choice([None, 1, "v", {}])},
    lambda r: r.choice([b"bytes", object(), {1, 2}, range(3), Exception("e"), Settings]),
    lambda r: [r.choice(["a", 1, None, "a.b/C", "203.0.113.0/24"]) for _ in range(r.randint(0, 5))],
]
WORDS = ("Input should", "validation error", "pydantic", "Extra inputs", "Field required", "<broken>", "Traceback")
SECRET = "hunter2"
PICKLED = pickle.dumps(VALID)


def children(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def somewhere(random: Random, value: Any) -> tuple[Any, ...]:
    """A place inside, deep ones as likely as high ones."""
    path: tuple[Any, ...] = ()
    while (inner := children(value)) and (not path or random.random() < 0.8):
        key, value = random.choice(inner)
        path = (*path, key)
    return path


def hidden(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place where the secret stands."""
    if value == SECRET:
        return [path]
    return [found for key, item in children(value) for found in hidden(item, (*path, key))]


def at(raw: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        raw = raw[part]
    return raw


def mutate(random: Random, raw: Any) -> Any:
    """Change, remove, add, move or copy one thing somewhere."""
    path = somewhere(random, raw)
    if not path:
        return raw
    inner, last = at(raw, path[:-1]), path[-1]
    match random.randrange(6):
        case 0 | 1:
            inner[last] = random.choice(HOSTILE)(random)
        case 2:
            del inner[last]
        case 3 if isinstance(inner, dict):
            inner[random.choice(["new", "min", "port", "X", 5, None, "\x1b", "default", "paths", "health"])] = inner[
                last
            ]
        case 4:
            inner[last] = copy.deepcopy(at(raw, somewhere(random, raw)))
        case _:
            inner[last] = sensible(random)
    return raw


def sensible(random: Random) -> Any:
    return random.choice(
        [
            random.randint(0, 1000),
            random.choice(["grpc", "http", "internal", "public", "1.37", "spot", "amd64", "bottlerocket", "single"]),
            {"arn": "arn:aws:acm:us-east-1:111122223333:certificate/1"},
            {"domains": ["*.dev.example.com"]},
            {"repository": "orders", "tag": "1"},
            {"min": random.randint(0, 20), "max": random.randint(0, 20)},
            {"path": "/a.B/C", "success_codes": random.choice(["0", "12", "0-99", "200"])},
            ["eu-west-1a", "eu-west-1c"],
        ]
    )


def rich(random: Random) -> Any:
    raw = pickle.loads(PICKLED)  # noqa: S301 - our own, and many times faster than a deep copy
    raw["environment"] = {"protected": random.random() < 0.5, "tags": {"a": "b"}}
    raw["services"]["orders"] |= {"secrets": {"TOKEN": SECRET}, "env": {"A": "b"}, "scaling": {"max": 4}}
    raw["services"]["orders"]["image"] = {"repository": "web", "digest": "sha256:" + "a" * 64}
    if random.random() < 0.5:
        raw["lattice"] = {"prefix_lists": {"ipv4": "pl-0123456789abcdef0"}, "share": {"principals": ["111122223333"]}}
        check = {"port": 8081, "path": "/healthz"}
        allow = ["arn:aws:iam::111122223333:role/billing"]
        raw["services"]["orders"]["expose"]["lattice"] = {"allow": allow, "health_check": check, "longest_stream": 60}
        raw["services"]["web"]["expose"]["lattice"] = {"allow": allow}
    if random.random() < 0.3:
        raw["load_balancers"]["inner"] = {"scheme": "internal", "certificate": {"domains": ["*.dev.example.com"]}}
    if random.random() < 0.2:
        on_what_exists(random, raw)
    return raw


def on_what_exists(random: Random, raw: Any) -> None:
    """The services alone, on a platform stack or on what is named."""
    for section in ("network", "cluster", "load_balancers"):
        raw.pop(section)
    raw["environment"] = {"kind": "services", "protected": random.random() < 0.5}
    raw["existing"] = everything() if random.random() < 0.7 else {"platform_stack": "platform"}


def judge(raw: Any, **options: Any) -> str:
    """What is said about them, empty when they load: in lines that can be printed, without a secret, nothing else."""
    refusal: SettingsError | None = None
    try:
        loaded = load(raw, **options)
    except SettingsError as error:
        refusal = error
    if refusal is None:
        assert isinstance(loaded, Settings)
        assert SECRET not in repr(loaded) + str(loaded)
        return ""
    said = str(refusal)
    assert refusal.problems
    assert all(line.isprintable() and 0 < len(line) < 1500 for line in said.split("\n"))
    assert SECRET not in said + repr(refusal)
    return said


def secrets_of(random: Random, raw: Any) -> list[tuple[str, ...]]:
    """Where the secret really is, and now and then somewhere else."""
    found = hidden(raw)
    if random.random() < 0.1:
        found.append(somewhere(random, raw))
    return [tuple(str(part) for part in path) for path in found]


@pytest.mark.parametrize("seeds", [range(2_000), pytest.param(range(2_000, 10_000), marks=pytest.mark.slow)])
def test_ten_thousand_settings_load_or_are_refused_in_words(seeds: range) -> None:
    sound = 0
    for seed in seeds:
        random = Random(seed)  # noqa: S311 - the same in every run
        raw = rich(random)
        for _ in range(random.choice([0, 1, 1, 2, 3, 5])):
            raw = mutate(random, raw)
        region = random.choice(["eu-west-1"] * 9 + [None] * 3 + ["us-east-1", "", "\n"])
        try:
            said = judge(raw, region=region, secret_paths=secrets_of(random, raw))
            assert not [word for word in WORDS if word in said]
            sound += not said
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
    assert 0.05 < sound / len(seeds) < 0.95


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10) | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=20,
)
SECTIONS = st.dictionaries(st.sampled_from(list(Settings.model_fields)) | st.text(max_size=8), JUNK, max_size=6)


@settings(max_examples=400, deadline=None)
@given(JUNK | SECTIONS)
def test_junk_is_refused_in_words(raw: Any) -> None:
    assert judge(raw)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text(max_size=10), max_size=5).map(tuple), max_size=3))
def test_any_secret_path_is_taken(paths: list[tuple[str, ...]]) -> None:
    judge(copy.deepcopy(VALID), secret_paths=paths)


def test_names_of_sections_are_plain() -> None:
    assert all(re.fullmatch("[a-z_]+", name) for name in Settings.model_fields)
