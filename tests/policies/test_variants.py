"""Correct set-ups that are unusual: no mandatory rule finds anything, and none breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from policies.engine.evaluate import Evaluator, Finding
from policies.engine.resource import Resource
from policies.engine.rule import Example, Level
from policies.engine.unknown import Unknown
from policies.rules import REGISTRY
from policies.rules.end_to_end import binding
from policies.rules.probes import workload
from policies.rules.target_groups import group

from .conftest import resources
from .stacks import EDGE, ORDERS, Resources, aws, ingress, merged, rule, service
from .variants import VARIANTS

MANDATORY = [each for each in REGISTRY if each.level is Level.MANDATORY]


def findings(made: Sequence[Resource], **options: Mapping[str, Any]) -> list[Finding]:
    """What the mandatory rules find; no rule of any level may break on it."""
    defaults = {each.id: {key: option.default for key, option in each.options.items()} for each in REGISTRY}
    given = {identity: {**defaults[identity], **chosen} for identity, chosen in options.items()}
    every = Evaluator(REGISTRY, {each.id: Level.ADVISORY for each in REGISTRY}, given).everything(made)
    assert every.failures == []
    return Evaluator(MANDATORY, {}, given).everything(made).findings


def settled(made: Sequence[Resource]) -> list[Resource]:
    """The same as exported state has it: every resource of AWS has an id and an ARN, and what was made of it knows."""
    own = {each.urn: f"arn:aws:example:{each.name}" for each in made if each.type.startswith("aws:")}
    found = []
    for each in made:
        properties = dict(each.properties)
        for key, urns in each.property_dependencies.items():
            known = [own[urn] for urn in urns if urn in own]
            if known:
                properties[key] = _filled(properties.get(key), known)
        identity = {"arn": own[each.urn], "id": own[each.urn]} if each.urn in own else {}
        found.append(replace(each, properties={**identity, **properties}))
    return found


def _filled(value: Any, known: list[str]) -> Any:
    """A value with the next ARN in place of each that is not known; a whole that is not known is all of them."""
    if isinstance(value, Unknown):
        return known.pop(0) if len(known) == 1 else list(known)
    rest = iter(known)

    def inner(each: Any) -> Any:
        if isinstance(each, Mapping):
            return {key: inner(one) for key, one in each.items()}
        if isinstance(each, list):
            return [inner(one) for one in each]
        return next(rest) if isinstance(each, Unknown) else each

    return inner(value)


@pytest.mark.parametrize("title", VARIANTS)
def test_a_correct_set_up_passes_in_a_first_preview(title: str) -> None:
    assert findings(resources(Example(title, VARIANTS[title]))) == []


@pytest.mark.parametrize("title", VARIANTS)
def test_a_correct_set_up_passes_when_all_is_known(title: str) -> None:
    assert findings(settled(resources(Example(title, VARIANTS[title])))) == []


def test_a_health_method_of_ones_own_passes_where_it_is_configured() -> None:
    check = {"path": "/acme.Health/Ready", "matcher": "0,1"}
    made = {**EDGE, "orders": group(healthCheck=check), "one": rule("orders", conditions=[ORDERS])}
    options: dict[str, Any] = {"ALB006": {"codes": [0, 1]}, "ALB008": {"paths": ["/acme.Health/Ready"]}}
    assert findings(resources(Example("", made)), **options) == []
    assert [each.rule for each in findings(resources(Example("", made)))] == ["ALB006"]


@pytest.mark.parametrize("kind", sorted({kind for each in REGISTRY for kind in each.kinds}))
def test_no_rule_breaks_on_a_resource_without_properties(kind: str) -> None:
    package = kind.startswith("aws:")
    token = f"aws:{kind.split(':')[1]}/x:{kind.split(':')[2]}" if package else f"kubernetes:{kind.replace(':', '/v1:')}"
    token = token.replace("kubernetes:/v1", "kubernetes:core/v1")
    made = Resource(token, "it", f"urn:pulumi:test::grpc-platform::{token}::it", {})
    assert made.kind == kind
    findings([made])
    assert findings([replace(made, partial=True)]) == []


def test_what_a_program_only_looks_up_is_judged_by_nobody() -> None:
    made = resources(Example("", {"orders": merged(group(), protocolVersion="grpc")}))
    assert findings(made)
    assert findings([replace(each, read=True) for each in made]) == []


def _provider(name: str, **properties: Any) -> Resource:
    type_ = "pulumi:providers:kubernetes"
    return Resource(type_, name, f"urn:pulumi:test::grpc-platform::{type_}::{name}", properties)


def _in(provider: Resource, made: Resources, prefix: str) -> list[Resource]:
    """The objects of an example in the cluster of a provider."""
    found = resources(Example("", {f"{prefix}{name}": each for name, each in made.items()}))
    return [replace(each, provider=provider.urn) for each in found]


BLUE = _provider("blue", kubeconfig="clusters: [{cluster: {server: https://blue.example.com}}]")
GREEN = _provider("green", kubeconfig="clusters: [{cluster: {server: https://green.example.com}}]")


def test_objects_of_the_same_name_in_two_clusters_are_two() -> None:
    right = {"service": service(), "pods": workload(), "group": group(arn="arn:aws:elasticloadbalancing:group")}
    http = {"name": "grpc-orders", "port": 80, "targetPort": 80, "appProtocol": "kubernetes.io/h2c"}
    wrong = {
        "service": service("orders", http, selector={"app": "web"}),
        "pods": merged(workload(), metadata={"name": "web", "namespace": "shop"}),
    }
    here = [BLUE, *_in(BLUE, {**right, "binding": binding()}, "blue-")]
    beside = [GREEN, *_in(GREEN, wrong, "green-")]
    assert findings(here) == []
    names = {each.urn.rpartition("::")[2].partition("-")[0] for each in findings([*beside, *here])}
    assert names <= {"green"}


def test_providers_that_say_the_same_server_are_of_one_cluster() -> None:
    again = replace(_provider("again"), properties=BLUE.properties)
    scaled = merged(workload(), spec={**workload()["properties"]["spec"], "replicas": 3})
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "orders"}, "maxReplicas": 9}
    scaler = {
        "type": "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": target},
    }
    there = _in(again, {"scaler": scaler}, "")
    assert [each.rule for each in findings([BLUE, again, *_in(BLUE, {"pods": scaled}, ""), *there])] == ["K8S022"]
    assert findings([BLUE, GREEN, again, *_in(GREEN, {"pods": scaled}, ""), *there]) == []
    ignoring = [replace(each, ignored=("spec.replicas",)) for each in _in(BLUE, {"pods": scaled}, "")]
    assert findings([BLUE, again, *ignoring, *there]) == []


def test_groups_of_ingresses_in_two_clusters_are_two() -> None:
    def one(scheme: str) -> Resources:
        return {scheme: ingress(scheme, group="edge", scheme=scheme)}

    both = [*_in(BLUE, one("internal"), ""), *_in(GREEN, one("internet-facing"), "")]
    assert findings([BLUE, GREEN, *both]) == []
    assert [each.rule for each in findings([replace(each, provider="") for each in both])] == ["K8S026"]


def test_an_old_cluster_is_not_judged_by_the_probes_of_another() -> None:
    private = {"endpointPublicAccess": False}
    old = resources(Example("", {"old": aws("eks/cluster:Cluster", version="1.25", vpcConfig=private)}))
    assert findings([*old, BLUE, *_in(BLUE, {"pods": workload()}, "")]) == []
