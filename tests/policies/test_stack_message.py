"""What the pack takes out of the message of the whole stack, beside the inputs it has seen before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import analyzer_pb2 as proto

from policies.engine.analyzer import Analyzer
from policies.engine.resource import Resource
from policies.engine.rule import HIGH, MANDATORY, Context, Problem, Registry, Rule

from .conftest import urn_of

TYPE = "aws:lb/targetGroup:TargetGroup"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush-hush"}


def shown(resource: Resource, _: Context) -> Iterator[Problem]:
    values = " ".join(f"{key}={resource.shown(key)}" for key in ("arn", "id", "name", "port", "made"))
    yield Problem("", values)


def told(inputs: dict[str, Any], outputs: dict[str, Any], *, seen: bool = True) -> str:
    """What a rule about the stack is shown of a resource."""
    rule = Rule("XST900", "Shows", HIGH, MANDATORY, ("aws:lb:TargetGroup",), shown, "-", "-", "-", stack=True)
    pack = Analyzer(Registry([rule]))
    request = proto.AnalyzeRequest(type=TYPE, urn=urn_of("it", TYPE), name="it")
    request.properties.update(inputs)
    if seen:
        pack.Analyze(request, None)
    whole = proto.AnalyzerResource(type=TYPE, urn=request.urn, name="it")
    whole.properties.update(outputs)
    found = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[whole]), None).diagnostics
    return "\n".join(str(each.message) for each in found)


def test_inputs_go_before_outputs_and_ids_are_added() -> None:
    message = told({"name": "a", "port": 1}, {"name": "b", "port": 2, "made": "c", "arn": "arn:x", "id": "tg-1"})
    assert 'arn="arn:x" id="tg-1" name="a" port=1 made=nothing' in message


@pytest.mark.parametrize(
    "outputs", [{"name": SECRET, "id": "tg-1"}, {"name": "hush-hush", "id": "tg-1", "arn": SECRET}]
)
def test_what_the_provider_says_is_secret_is_not_shown(outputs: dict[str, Any]) -> None:
    message = told({"name": "hush-hush"}, outputs)
    assert 'id="tg-1"' in message
    assert "hush" not in message


def test_outputs_stand_for_inputs_that_were_never_seen() -> None:
    assert 'name="b" port=2 made="c"' in told({}, {"name": "b", "port": 2, "made": "c"}, seen=False)
    nothing = told({}, {}, seen=False)
    assert "could not be evaluated" in nothing or "not known yet" in nothing
