"""What a preview comes to: sentences, what is never shown, and a digest that names exactly the plan."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from portal import events, plan, workspace
from portal.events import Redactor, Tail
from portal.settings import Target

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def urn(name: str) -> str:
    return f"urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::{name}"


def state(name: str, /, **inputs: Any) -> dict[str, Any]:
    return {"type": "aws:lb/targetGroup:TargetGroup", "urn": urn(name), "inputs": inputs}


STEPS: list[dict[str, Any]] = [
    {"op": "same", "urn": urn("kept"), "newState": state("kept", port=1), "oldState": state("kept", port=1)},
    {
        "op": "update",
        "urn": urn("orders"),
        "oldState": state("orders", port=1, check={"path": "/a"}, password=SECRET),
        "newState": state("orders", port=2, check={"path": "/b"}, password=SECRET),
        "detailedDiff": {"port": {}, "check.path": {}, "password": {}},
        "diffReasons": ["check", "port"],
    },
    {
        "op": "create",
        "urn": urn("new"),
        "newState": state("new", name="new-0a1b2c3", vpc="04da6b54-80e4-46f7-96ec-b56ff0331ba9"),
    },
    {"op": "create", "urn": urn("rule"), "newState": state("rule", target="arn:aws:x/new-0a1b2c3/1")},
    {"op": "delete", "urn": urn("gone"), "oldState": {**state("gone"), "id": "arn", "protect": True}},
    {
        "op": "create-replacement",
        "urn": urn("old"),
        "oldState": state("old"),
        "newState": state("old"),
        "replaceReasons": ["name"],
    },
    {"op": "replace", "urn": urn("old"), "oldState": state("old"), "newState": state("old")},
    {"op": "delete-replaced", "urn": urn("old"), "oldState": state("old")},
]


def test_what_is_lost_comes_first_and_everything_is_said_in_words() -> None:
    found = plan.changes(STEPS)
    assert [each["words"] for each in found] == [
        "TargetGroup old is replaced: the old one goes and a new one comes because of name",
        "TargetGroup gone is deleted; it is protected, so Pulumi refuses",
        "TargetGroup new is created",
        "TargetGroup rule is created",
        "TargetGroup orders is changed in place because of check, port",
    ]
    assert plan.headline(found) == "1 replaced, 1 deleted, 2 created, 1 changed in place"
    assert plan.headline([]) == "nothing changes"


def test_a_change_shows_old_and_new_and_never_a_secret() -> None:
    orders = plan.changes(STEPS)[-1]
    assert orders["properties"] == [
        {"path": "check.path", "old": "/a", "new": "/b"},
        {"path": "password", "old": "[secret]", "new": "[secret]"},
        {"path": "port", "old": "1", "new": "2"},
    ]
    assert "v1:abc" not in json.dumps(plan.changes(STEPS))


def test_names_made_up_anew_do_not_change_the_digest() -> None:
    text = json.dumps(STEPS).replace("new-0a1b2c3", "new-fffffff")
    assert plan.digest(json.loads(text), program="p") == plan.digest(STEPS, program="p")
    assert plan.digest(list(reversed(STEPS)), program="p") == plan.digest(STEPS, program="p")


@pytest.mark.parametrize("place", range(1, len(STEPS)))
def test_every_other_difference_does(place: int) -> None:
    before = plan.digest(STEPS, program="p")
    assert plan.digest(STEPS, program="q") != before
    assert plan.digest(STEPS[:place] + STEPS[place + 1 :], program="p") != before
    changed = copy.deepcopy(STEPS)
    if "newState" in changed[place]:
        changed[place]["newState"]["inputs"]["tags"] = {"a": "b"}
        assert plan.digest(changed, program="p") != before


def test_the_same_end_from_another_beginning_is_another_plan() -> None:
    other = copy.deepcopy(STEPS)
    other[1]["oldState"]["inputs"]["port"] = 30
    assert plan.digest(other) != plan.digest(STEPS)


def test_known_secrets_and_terminal_codes_leave_events() -> None:
    redactor = Redactor(["correct horse", "short"])
    found = redactor.data(
        {"message": "\x1b[31mbad: correct horse<{%reset%}>", "list": ["correct horse!", 1], "k": "short"}
    )
    assert found == {"message": "bad: [secret]", "list": ["[secret]!", 1], "k": "short"}


def test_text_that_begins_many_marks_is_read_once() -> None:
    text = "<{%" * 200_000  # quadratic work would take hours
    assert Redactor([]).text(text) == text
    assert Redactor([]).text("<{%fg 13%}>blue<{%reset%}>") == "blue"


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "log"
    tail = Tail(file)
    assert list(tail.read()) == []
    file.write_bytes(b'{"a": 1}\n{"b"')
    assert list(tail.read()) == [{"a": 1}]
    with file.open("ab") as stream:
        stream.write(b": 2}\n")
    assert list(tail.read()) == [{"b": 2}]
    assert list(tail.read()) == []


def test_a_long_event_is_cut() -> None:
    found = events.capped({"message": "x" * 100_000, "urn": "u"})
    assert len(found["message"]) < 3000
    assert found["urn"] == "u"


def test_a_program_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "rules").mkdir(parents=True)
    (source / "__main__.py").write_text("1")
    (source / "rules" / "a.py").write_text("2")
    (source / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:salt\nconfig: {old: 1}\n")
    target = Target(program=source, stack="dev")
    copied = [workspace.make(target, tmp_path / name, {"shop:a": 1}) for name in ("one", "two")]
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700
    assert (copied[0] / "Pulumi.dev.yaml").read_text() == "encryptionsalt: v1:salt\nconfig:\n  shop:a: 1\n"
    first = workspace.program_digest(copied[0])
    (copied[1] / "rules" / "__pycache__").mkdir()
    (copied[1] / "rules" / "__pycache__" / "a.pyc").write_text("x")
    assert workspace.program_digest(copied[1]) == first
    (copied[1] / "rules" / "a.py").write_text("3")
    assert workspace.program_digest(copied[1]) != first
