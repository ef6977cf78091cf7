"""The rule engine: values, resources, relations, evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.engine import sources
from policies.engine.decode import Decoder
from policies.engine.evaluate import Evaluator
from policies.engine.graph import Graph, Space
from policies.engine.kinds import kind_of
from policies.engine.resource import Resource, flag, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, Context, Level, Problem, Registry, Rule
from policies.engine.unknown import Unknown, UnknownValueError, is_unknown, stated

from .conftest import urn_of

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"


def made(type_: str, name: str = "it", made_of: dict[str, list[Resource]] | None = None, **properties: Any) -> Resource:
    deps = {key: tuple(each.urn for each in others) for key, others in (made_of or {}).items()}
    return Resource(type_, name, urn_of(name, type_), properties, property_dependencies=deps)


@pytest.mark.parametrize("backwards", [False, True])
def test_an_arn_is_that_of_the_resource_though_its_component_gives_it_too(backwards: bool) -> None:
    whole = made("grpc-platform:index:LoadBalancer", "whole", arn="arn:lb")
    half = replace(made("grpc-platform:index:Half", "half", arn="arn:lb"), parent=whole.urn)
    inner = replace(made("aws:lb/loadBalancer:LoadBalancer", "inner", arn="arn:lb"), parent=half.urn)
    listener = made("aws:lb/listener:Listener", loadBalancerArn="arn:lb")
    graph = Graph([whole, half, inner, listener][:: -1 if backwards else 1])
    assert graph.by_identity("arn:lb") is inner
    assert graph.referred(listener, "loadBalancerArn", "aws:lb:LoadBalancer") is inner


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


GROUP = "aws:lb/targetGroup:TargetGroup"


def test_a_relation_is_by_id_where_it_is_known_and_else_by_what_a_property_was_made_of() -> None:
    one, other = made(GROUP, "one", arn="arn:aws:one:1"), made(GROUP, "other")
    rule = made("aws:lb/listenerRule:ListenerRule", "rule", {"actions": [one, other]}, target="arn:aws:one:1")
    blind = made("aws:lb/listenerRule:ListenerRule", "blind", {"target": [other]}, target=Unknown("target"))
    lost = made("aws:lb/listenerRule:ListenerRule", "lost", {"target": [one, other]}, target=Unknown("target"))
    graph = Graph([one, other, rule, blind, lost])
    assert graph.referred(rule, "target", one.kind) is one
    assert graph.made_of(rule, "actions[0].x", one.kind) == [one, other]
    assert graph.referred(blind, "target", one.kind) is other
    with pytest.raises(UnknownValueError):
        graph.referred(lost, "target", one.kind)
    assert graph.users(other, rule.kind) == [rule, blind, lost]
    assert graph.users(one, rule.kind) == [rule, lost]
    assert graph.referred(rule, "nothing", one.kind) is None


def test_a_component_stands_for_what_it_has_inside() -> None:
    whole = Resource("acme:index:Edge", "edge", "urn:edge", {})
    inner = Resource(GROUP, "inner", "urn:inner", {"port": 1}, parent="urn:edge")
    user = Resource("t", "user", "urn:user", {}, property_dependencies={"group": ("urn:edge",)})
    assert Graph([whole, inner, user]).made_of(user, "group", "aws:lb:TargetGroup") == [inner]


def service(namespace: Any, spaces: list[Resource], name: str = "orders") -> Resource:
    metadata = {"name": name, "namespace": namespace}
    return made("kubernetes:core/v1:Service", f"service-{name}", {"metadata": spaces}, metadata=metadata)


@pytest.mark.parametrize("known", [True, False])
def test_objects_find_each_other_though_their_namespace_has_no_name_yet(known: bool) -> None:
    name = "orders" if known else Unknown("metadata.name")
    space = made("kubernetes:core/v1:Namespace", "space", metadata={"name": name})
    there = service(Unknown("metadata.namespace"), [space])
    elsewhere = service("other", [], "orders2")
    binding = made(
        "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
        "binding",
        {"metadata": [space], "spec": [there]},
        metadata={"namespace": Unknown("metadata.namespace")},
        spec={"serviceRef": {"name": Unknown("spec.serviceRef.name")}},
    )
    graph = Graph([space, there, elsewhere, binding])
    assert graph.object(binding, "spec.serviceRef.name", ":Service") is there
    assert graph.namespace(binding) is space
    assert list(graph.inside(graph.namespace_of(binding), ":Service")) == [there]
    assert graph.named(graph.namespace_of(there), "orders", ":Service") is there


def test_a_namespace_that_cannot_be_told_is_no_namespace() -> None:
    lost = service(Unknown("metadata.namespace"), [])
    with pytest.raises(UnknownValueError):
        Graph([lost]).namespace_of(lost)


def test_a_selector_finds_workloads_of_its_own_namespace() -> None:
    def workload(name: str, namespace: str, **labels: str) -> Resource:
        template = {"metadata": {"labels": labels}}
        metadata = {"name": name, "namespace": namespace}
        return made("kubernetes:apps/v1:Deployment", name, metadata=metadata, spec={"template": template})

    one, two, far = (
        workload("one", "a", app="x", tier="1"),
        workload("two", "a", app="y"),
        workload("far", "b", app="x"),
    )
    selecting = made(
        "kubernetes:core/v1:Service", "svc", metadata={"name": "s", "namespace": "a"}, spec={"selector": {"app": "x"}}
    )
    graph = Graph([one, two, far, selecting])
    assert graph.selected(selecting, "apps:Deployment") == [one]


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


def selecting(kind: str, selector: Any) -> Resource:
    metadata = {"name": "it", "namespace": "shop"}
    return made(f"kubernetes:{kind}", metadata=metadata, spec={"selector": selector})


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["orders", "web"]}]}, ["orders", "web"]),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, ["orders", "plain"]),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, ["web"]),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, []),
        ({}, ["orders", "plain", "web"]),
        (None, []),
    ],
)
def test_a_selector_may_have_expressions_and_an_empty_one_selects_all_but_for_a_service(
    selector: Any, found: list[str]
) -> None:
    labels = {"orders": {"app": "orders"}, "web": {"app": "web", "tier": "front"}, "plain": {}}
    workloads = [
        made(
            "kubernetes:apps/v1:Deployment",
            name,
            metadata={"name": name, "namespace": "shop"},
            spec={"template": {"metadata": {"labels": each}}},
        )
        for name, each in labels.items()
    ]
    budget = selecting("policy/v1:PodDisruptionBudget", selector)
    graph = Graph([*workloads, budget])
    assert sorted(each.name for each in graph.selected(budget, "apps:Deployment")) == found
    empty = selecting("core/v1:Service", {})
    assert Graph([*workloads, empty]).selected(empty, "apps:Deployment") == []


def test_who_leads_to_an_object_is_worked_out_once_and_one_that_cannot_tell_may_lead_to_it() -> None:
    def behind(ingress: Resource, graph: Graph) -> list[Resource]:
        asked.append(ingress.name)
        service = graph.object(ingress, "spec.service", ":Service")
        return [service] if service is not None else []

    def ingress(name: str, service: Any, namespace: str = "shop") -> Resource:
        metadata = {"name": name, "namespace": namespace}
        return made("kubernetes:networking.k8s.io/v1:Ingress", name, metadata=metadata, spec={"service": service})

    asked: list[str] = []
    orders = made("kubernetes:core/v1:Service", "orders", metadata={"name": "orders", "namespace": "shop"})
    first, second = ingress("first", "orders"), ingress("second", "web")
    graph = Graph([orders, first, second, ingress("away", Unknown("spec.service"), "elsewhere")])
    for _ in range(2):
        assert graph.leading(orders, behind, "networking.k8s.io:Ingress") == [first]
    assert sorted(asked) == ["away", "first", "second"]
    graph = Graph([orders, first, ingress("near", Unknown("spec.service"))])
    with pytest.raises(UnknownValueError):
        graph.leading(orders, behind, "networking.k8s.io:Ingress")


def test_a_namespace_at_a_path_is_told_apart_by_what_the_path_was_made_of() -> None:
    space = made("kubernetes:core/v1:Namespace", "space")
    near = made(
        "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute",
        metadata={"name": "it", "namespace": "shop"},
        spec={"parentRefs": [{"name": "a"}, {"name": "b", "namespace": Unknown("x")}, {"namespace": "other"}]},
        made_of={"spec": [space]},
    )
    graph = Graph([space, near])
    places = [graph.namespace_at(near, f"spec.parentRefs[{place}].namespace") for place in range(3)]
    assert [each.name for each in places] == ["shop", space.urn, "other"]
    alone = Graph([near])
    with pytest.raises(UnknownValueError):
        alone.namespace_at(near, "spec.parentRefs[1].namespace")


def test_what_is_asked_of_all_resources_is_worked_out_once() -> None:
    asked: list[int] = []

    def count(graph: Graph) -> int:
        asked.append(1)
        return len(graph.resources)

    graph = Graph([made("aws:lb/targetGroup:TargetGroup")])
    assert [graph.once(count), graph.once(count)] == [1, 1]
    assert len(asked) == 1


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


def test_a_provider_says_the_namespace_of_what_names_none() -> None:
    provider = made("pulumi:providers:kubernetes", "p", namespace="shop", clusterIdentifier="main")
    service = replace(made("kubernetes:core/v1:Service", metadata={"name": "it"}), provider=provider.urn)
    assert Graph([provider, service]).namespace_of(service) == Space("main", "shop")
    assert Graph([service]).namespace_of(service) == Space(provider.urn, "default")
