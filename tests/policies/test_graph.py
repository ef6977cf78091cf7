"""How resources lead to each other: by id, by what a property was made of, by namespace and name, by labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.engine.graph import Graph, Space
from policies.engine.resource import Resource
from policies.engine.unknown import Unknown, UnknownValueError

from .conftest import GROUP, made


@pytest.mark.parametrize("backwards", [False, True])
def test_an_arn_is_that_of_the_resource_though_its_component_gives_it_too(backwards: bool) -> None:
    whole = made("grpc-platform:index:LoadBalancer", "whole", arn="arn:lb")
    half = replace(made("grpc-platform:index:Half", "half", arn="arn:lb"), parent=whole.urn)
    inner = replace(made("aws:lb/loadBalancer:LoadBalancer", "inner", arn="arn:lb"), parent=half.urn)
    listener = made("aws:lb/listener:Listener", loadBalancerArn="arn:lb")
    graph = Graph([whole, half, inner, listener][:: -1 if backwards else 1])
    assert graph.by_identity("arn:lb") is inner
    assert graph.referred(listener, "loadBalancerArn", "aws:lb:LoadBalancer") is inner


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


def test_a_provider_says_the_namespace_of_what_names_none() -> None:
    provider = made("pulumi:providers:kubernetes", "p", namespace="shop", clusterIdentifier="main")
    service = replace(made("kubernetes:core/v1:Service", metadata={"name": "it"}), provider=provider.urn)
    assert Graph([provider, service]).namespace_of(service) == Space("main", "shop")
    assert Graph([service]).namespace_of(service) == Space(provider.urn, "default")
