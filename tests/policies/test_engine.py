"""The rule engine: values, resources, relations, evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.engine import sources
from policies.engine.decode import Decoder
from policies.engine.evaluate import Evaluator
from policies.engine.kinds import kind_of
from policies.engine.resource import Resource, flag, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, Context, Level, Problem, Registry, Rule
from policies.engine.unknown import Unknown, UnknownValueError, is_unknown, stated

from .conftest import GROUP, made, urn_of

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


@pytest.mark.parametrize(
    ("token", "kind", "patch"),
    [
        ("aws:lb/targetGroup:TargetGroup", "aws:lb:TargetGroup", False),
        ("aws:alb/targetGroup:TargetGroup", "aws:lb:TargetGroup", False),
        ("aws:elasticloadbalancingv2/listener:Listener", "aws:lb:Listener", False),
        ("kubernetes:core/v1:Service", ":Service", False),
        ("kubernetes:core/v1:ServicePatch", ":Service", True),
        ("kubernetes:apps/v1:DeploymentPatch", "apps:Deployment", True),
        ("kubernetes:networking.k8s.io/v1beta1:Ingress", "networking.k8s.io:Ingress", False),
        ("kubernetes:extensions/v1beta1:Ingress", "networking.k8s.io:Ingress", False),
        ("kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBindingPatch", "elbv2.k8s.aws:TargetGroupBinding", True),
        ("grpc-platform:index:Workload", "grpc-platform:index:Workload", False),
    ],
)
def test_a_kind_is_one_however_it_is_written(token: str, kind: str, patch: bool) -> None:
    assert tuple(kind_of(token)) == (kind, patch)


def test_whatever_is_done_with_an_unknown_value_is_noticed() -> None:
    value = Unknown("a.b")
    for use in (
        lambda: bool(value),
        lambda: value == 1,
        lambda: f"{value}",
        lambda: value > 1,
        lambda: [*value],
        lambda: value["x"],
        lambda: value.lower,
        lambda: int(value),
        lambda: len(value),
        lambda: value + 1,
    ):
        with pytest.raises(UnknownValueError, match=r"a\.b is not known yet"):
            use()
    assert is_unknown(value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8).filter(lambda text: text != UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def internal(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key.startswith("__") or key == SIGNATURE or internal(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(internal, value))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine it may take its time
@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=4).filter(lambda value: not internal(value)))
def test_what_the_engine_sends_and_what_json_says_are_the_same(value: dict[str, Any]) -> None:
    message = struct_pb2.Struct()
    message.update(value)
    assert Decoder().struct(message) == Decoder().plain(value) == value


def test_markers_are_taken_away_and_secrets_remembered() -> None:
    raw: dict[str, Any] = {
        "unknown": UNKNOWN,
        "secret": {SIGNATURE: SECRET, "value": {"inner": "hush-hush"}},
        "sealed": {SIGNATURE: SECRET, "ciphertext": "v1:…"},
        "later": {SIGNATURE: OUTPUT, "secret": True},
        "whose": {SIGNATURE: REFERENCE, "urn": "urn:x", "id": "tg-1"},
        "__defaults": ["a"],
        "whole": 3.0,
        "part": 0.5,
    }
    message = struct_pb2.Struct()
    message.update(raw)
    decoder = Decoder()
    found = decoder.struct(message)
    assert is_unknown(found["unknown"])
    assert is_unknown(found["sealed"])
    assert is_unknown(found["later"])
    assert found["secret"] == {"inner": "hush-hush"}
    assert (found["whose"], found["whole"], found["part"]) == ("tg-1", 3, 0.5)
    assert isinstance(found["whole"], int)
    assert "__defaults" not in found
    assert sorted(decoder.secrets) == ["later", "sealed", "secret"]


def test_a_message_shows_no_secret() -> None:
    secret = Resource("t", "it", "urn:it", {"a": {"b": "hush-hush"}, "c": "x" * 200}, secrets=("a",))
    assert secret.shown("a.b") == "[secret]"
    assert len(secret.shown("c")) < 90
    assert secret.shown("d") == "nothing"


def test_a_path_leads_through_maps_and_lists_and_stops_at_the_unknown() -> None:
    resource = made("t", a={"b": [{"c": 1}, {"c": Unknown("a.b[1].c")}], "d": Unknown("a.d")})
    assert resource.get("a.b[0].c") == 1
    assert resource.get("a.b[7].c", "none") == "none"
    assert is_unknown(resource.get("a.d.e.f"))
    assert [path for path, _ in resource.items("a.b")] == ["a.b[0]", "a.b[1]"]
    with pytest.raises(UnknownValueError):
        list(resource.items("a.d"))


def test_what_a_patch_does_not_state_is_not_known() -> None:
    assert made("kubernetes:apps/v1:Deployment").get("spec.replicas") is None
    assert is_unknown(made("kubernetes:apps/v1:DeploymentPatch").get("spec.replicas"))


def test_numbers_and_flags_are_read_from_text_too() -> None:
    assert (number("30"), number(30.5), number("thirty"), number(None), number(True)) == (30, 30.5, None, None, None)
    assert (flag("True", default=False), flag(None, default=True), flag("no", default=True)) == (True, True, False)


def rule(identity: str, check: Any, *, stack: bool = False, level: Level = MANDATORY) -> Rule:
    return Rule(identity, "title", HIGH, level, ("aws:lb:TargetGroup",), check, "why", "Do.", "source", stack=stack)


def test_a_rule_that_breaks_harms_no_other_and_is_no_pass() -> None:
    def broken(resource: Resource, _: Context) -> Iterator[Problem]:
        yield Problem("a", "found before it broke")
        raise KeyError(resource.get("password"))

    def sound(_: Resource, __: Context) -> Iterator[Problem]:
        yield Problem("", "found")

    report = Evaluator([rule("A1", broken), rule("B1", sound, stack=True)], {}, {}).everything(
        [made(GROUP, password="hush-hush")]
    )
    assert [each.message for each in report.findings] == ["found before it broke", "found"]
    assert report.failures[0].rule == "A1"
    assert report.failures[0].error.startswith("KeyError at test_engine.py:")
    assert "hush" not in report.failures[0].error
    assert (report.pairs, report.evaluated) == (2, 1)


def test_what_is_found_does_not_depend_on_the_order_of_resources() -> None:
    def first(_: Resource, context: Context) -> Iterator[Problem]:
        yield Problem("", f"beside {next(context.graph.of('aws:lb:TargetGroup')).name}")

    groups = [made(GROUP, name) for name in "bca"]
    evaluator = Evaluator([rule("A1", first, stack=True)], {}, {})
    assert evaluator.together(groups) == evaluator.together(groups[::-1])
    assert {each.message for each in evaluator.together(groups).findings} == {"beside a"}


def test_a_rule_sees_what_it_can_before_the_unknown() -> None:
    def half(resource: Resource, _: Context) -> Iterator[Problem]:
        yield Problem("port", "seen")
        if resource.get("vpcId") == "x":
            yield Problem("vpcId", "never")

    report = Evaluator([rule("A1", half)], {}, {}).everything([made(GROUP, vpcId=Unknown("vpcId"))])
    assert [each.path for each in report.findings] == ["port"]
    assert [each.path for each in report.not_evaluated] == ["vpcId"]


def test_disabled_rules_are_not_tried_and_ids_are_unique() -> None:
    every = rule("A1", lambda *_: [Problem("", "x")])
    assert Evaluator([every], {"A1": Level.DISABLED}, {}).everything([made(GROUP)]).pairs == 0
    assert Evaluator([every], {"A1": ADVISORY}, {}).everything([made(GROUP)]).pairs == 1
    with pytest.raises(ValueError, match="same id: A1"):
        Registry([every, every])


def test_state_says_provider_ignored_changes_and_what_is_only_looked_up() -> None:
    provider = "urn:pulumi:test::grpc-platform::pulumi:providers:kubernetes::blue"
    entry = {
        "urn": urn_of("it", "aws:lb/targetGroup:TargetGroup"),
        "type": "aws:lb/targetGroup:TargetGroup",
        "provider": f"{provider}::0123",
        "ignoreChanges": ["tags"],
        "external": True,
        "outputs": {"port": 80, "arn": "arn:x"},
    }
    found = sources.resource(entry, computed=True)
    assert (found.provider, found.ignored, found.read) == (provider, ("tags",), True)
    assert found.properties == {"port": 80, "arn": "arn:x"}
    found = sources.resource({**entry, "external": False, "provider": ""}, computed=True)
    assert (found.provider, found.read, found.properties) == ("", False, {"arn": "arn:x"})


def test_what_a_patch_does_not_state_inside_is_not_known_either() -> None:
    value = stated({"containers": [{"name": "a"}]}, "spec")
    assert next(iter(value["containers"]))["name"] == "a"
    assert is_unknown(value["containers"][0].get("image"))
    assert "name" in value["containers"][0]
    for use in (lambda: "image" in value["containers"][0], lambda: [*value["containers"]]):
        with pytest.raises(UnknownValueError):
            use()


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), "9" * 5000, True, "a", None])
def test_what_cannot_be_counted_with_is_no_number(value: Any) -> None:
    assert number(value) is None
