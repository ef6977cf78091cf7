"""Random settings, all of them valid, and walks from one to the next."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from .apply import loaded, put
from .base import BASE, Variation
from .table import ALL

WALKING = tuple(each for each in ALL if not each.why_not)
_GRPC, _HTTP = BASE["services"]["orders"], BASE["services"]["web"]


def present(raw: Mapping[str, Any], path: str) -> bool:
    """Whether something stands at a path."""
    inner: Any = raw
    for section in path.split("."):
        if not isinstance(inner, Mapping) or section not in inner:
            return False
        inner = inner[section]
    return True


def added(raw: Mapping[str, Any], variation: Variation) -> dict[str, Any] | None:
    """The settings with a variation and what it needs, as far as that is not there; None when they are refused then."""
    changed: dict[str, Any] = copy.deepcopy(dict(raw))
    for path, value in variation.given.items():
        if value is None or not present(changed, path):
            put(changed, path, value)
    put(changed, variation.path, variation.value)
    return changed if loaded(changed) is not None else None


def random_settings(random: Random, variations: Sequence[Variation] = ALL, *, most: int = 30) -> dict[str, Any]:
    """Valid settings: some workloads, and up to `most` variations that go together."""
    raw: dict[str, Any] = copy.deepcopy(BASE)
    for _ in range(random.randint(0, 3)):
        add_workload(random, raw)
    for variation in random.sample(variations, k=min(len(variations), random.randint(1, most))):
        raw = added(raw, variation) or raw
    return raw


def add_workload(random: Random, raw: dict[str, Any]) -> str:
    """One more workload, of either protocol, some of them not exposed and some without an image; its name."""
    name = f"more-{random.randrange(1000)}"
    workload: dict[str, Any] = copy.deepcopy(random.choice([_GRPC, _HTTP]))
    workload["port"] = random.choice([50051, 50052, 8080, 9000])
    balancer = random.choice(sorted(raw["load_balancers"]))
    workload["expose"] = {"alb": {"load_balancer": balancer, "host": f"{name}.dev.example.com"}}
    if random.random() < 0.2:
        workload["expose"] = {}
    if random.random() < 0.2:
        del workload["image"]
    raw["services"][name] = workload
    if loaded(raw) is None:
        del raw["services"][name]
    return name


def walk(random: Random, steps: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Successive settings of one stack, each with what changed: what a team does to its stack file over the months."""
    raw: dict[str, Any] = copy.deepcopy(BASE)
    yield "the base", raw
    taken: list[Variation] = []
    for _ in range(steps - 1):
        said, raw = _step(random, raw, taken)
        yield said, raw


def _step(random: Random, raw: dict[str, Any], taken: list[Variation]) -> tuple[str, dict[str, Any]]:
    """Several changes at once: settings come and go, and so do workloads."""
    said: list[str] = []
    for _ in range(random.randint(1, 4)):
        match random.randrange(5):
            case 0 if taken:
                variation = taken.pop(random.randrange(len(taken)))
                changed = copy.deepcopy(raw)
                if present(changed, variation.path):
                    put(changed, variation.path, None)
                    if loaded(changed) is not None:
                        raw = changed
                        said.append(f"without {variation.path}")
            case 1:
                changed = copy.deepcopy(raw)
                extra = sorted(name for name in changed["services"] if name.startswith("more-"))
                if extra and random.random() < 0.5:
                    gone = random.choice(extra)
                    del changed["services"][gone]
                    said += [f"without services.{gone}"] if loaded(changed) is not None else []
                else:
                    said.append(f"services.{add_workload(random, changed)}")
                raw = changed if loaded(changed) is not None else raw
            case _:
                variation = random.choice(WALKING)
                changed_ = added(raw, variation)
                if changed_ is not None:
                    raw = changed_
                    taken.append(variation)
                    said.append(f"{variation.path}: {variation.value}")
    return "; ".join(said) or "nothing", raw
