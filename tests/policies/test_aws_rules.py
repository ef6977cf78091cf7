"""Rules of AWS resources where it matters what is not in the program, or is said in another way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2

from policies.engine.evaluate import Evaluator
from policies.engine.remedies import remedied
from policies.engine.rule import Example, Level, Rule
from policies.rules import REGISTRY
from policies.rules.clusters import cluster
from policies.rules.registries import repository
from policies.rules.releases import LATTICE_CHART, release

from .conftest import judged, resources

Resources = Mapping[str, Mapping[str, Any]]


def rule(identity: str) -> Rule:
    found = REGISTRY.get(identity)
    assert found is not None
    return found


def example(identity: str, title: str) -> dict[str, Mapping[str, Any]]:
    """The resources of a rule's bad or good example."""
    known = rule(identity)
    return dict(next(each for each in (*known.bad, *known.good) if each.title == title).resources)


def changed(made: Mapping[str, Any], **properties: Any) -> Mapping[str, Any]:
    return {**made, "properties": {**made["properties"], **properties}}


def found(identity: str, made: Resources, **options: Any) -> list[str]:
    """The names of the resources that a rule finds; whatever it judges must be judged."""
    known = rule(identity)
    given = {key: options.get(key, option.default) for key, option in known.options.items()}
    report = Evaluator([known], {identity: Level.ADVISORY}, {identity: given}).everything(resources(Example("", made)))
    assert report.failures == []
    assert report.not_evaluated == []
    return [each.urn.rpartition("::")[2] for each in report.findings]


@pytest.mark.parametrize("identity", ["EKS007", "LAT021"])
def test_what_pods_let_in_is_judged_only_where_their_cluster_is_in_the_program(identity: str) -> None:
    made = example(identity, "no rule")
    assert found(identity, made)
    del made["platform"]
    assert found(identity, made) == []


def test_a_load_balancer_with_the_clusters_own_group_is_let_in_by_that_group() -> None:
    made = example("EKS007", "no rule")
    made["edge"] = {**made["edge"], "made_of": {"securityGroups": ("platform",)}}
    assert found("EKS007", made) == []


def test_a_binding_that_has_the_controller_open_the_way_needs_no_rule() -> None:
    made = example("EKS007", "no rule")
    spec = {**made["binding"]["properties"]["spec"], "networking": {"ingress": [{"ports": [{"protocol": "TCP"}]}]}}
    made["binding"] = changed(made["binding"], spec=spec)
    assert found("EKS007", made) == []


def test_the_prefix_list_of_lattice_lets_no_load_balancer_in() -> None:
    made = example("EKS007", "no rule")
    made["list"] = {
        "type": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "properties": {"ipProtocol": "tcp", "fromPort": 1, "toPort": 65535, "prefixListId": "pl-0123456789abcdef0"},
        "made_of": {"securityGroupId": ("platform",)},
    }
    assert found("EKS007", made) == []
    made["network"] = {"type": "aws:vpclattice/serviceNetwork:ServiceNetwork", "properties": {"name": "shared"}}
    assert found("EKS007", made) == ["binding"]


def test_a_route_is_found_whose_controller_is_forgotten_beside_the_other_one() -> None:
    made = example("EKS006", "chart 1.14")
    made["controller"] = release(LATTICE_CHART, version="v2.1.4")
    assert found("EKS006", made) == ["orders"]
    del made["controller"]  # installed elsewhere, as far as one can tell
    assert found("EKS006", made) == []


@pytest.mark.parametrize(
    "otherwise",
    [
        {"type": "kubernetes:helm.sh/v4:Chart", "properties": {}},
        {"type": "aws:eks/addon:Addon", "properties": {"addonName": "aws-load-balancer-controller"}},
        cluster(computeConfig={"enabled": True}),
    ],
)
def test_a_controller_may_be_installed_without_a_release(otherwise: Mapping[str, Any]) -> None:
    made = example("EKS006", "chart 1.14")
    made["controller"] = release(LATTICE_CHART, version="v2.1.4")
    assert found("EKS006", {**made, "otherwise": otherwise}) == []


def test_tags_of_subnets_may_be_resources_of_their_own() -> None:
    made = example("EKS009", "no tags")
    for place in (0, 1):
        made[f"tag-{place}"] = {
            "type": "aws:ec2/tag:Tag",
            "properties": {"key": "kubernetes.io/role/elb", "value": "1"},
            "made_of": {"resourceId": (f"subnet-{place}",)},
        }
    assert found("EKS009", made) == []


def test_enhanced_scanning_goes_by_the_registrys_rules_alone() -> None:
    made = example("ECR001", "beside a rule of the registry for others")
    made["orders"] = repository(name="unscanned/orders")
    assert found("ECR001", made) == []
    made["registry"] = changed(made["registry"], scanType="ENHANCED")
    assert found("ECR001", made) == ["orders"]
    assert found("ECR001", made, elsewhere=True) == []


def test_images_come_from_the_registries_that_are_allowed() -> None:
    made = example("ECR007", "a tag")
    for allowed in (["ghcr.io"], ["ghcr.io/acme"], ["docker.io", "ghcr.io/acme/orders"]):
        assert found("ECR007", made, registries=allowed) == []
    for allowed in (["docker.io"], ["ghcr.io/ac"], ["ghcr.io/acme/billing"]):
        assert found("ECR007", made, registries=allowed) == ["orders"]


def test_a_network_that_is_shared_with_other_accounts_can_be_reached() -> None:
    made = example("LAT012", "in a network without a VPC")
    made["share"] = {
        "type": "aws:ram/resourceAssociation:ResourceAssociation",
        "properties": {"resourceShareArn": "arn:aws:ram:eu-west-1:111122223333:resource-share/1"},
        "made_of": {"resourceArn": ("network",)},
    }
    assert found("LAT012", made) == []


def test_in_state_a_rule_knows_its_listener_by_an_id_that_the_listener_does_not_have() -> None:
    made = example("LAT006", "a rule by path")
    assert found("LAT006", made) == ["one"]
    made["one"] = changed(made["one"], listenerIdentifier="listener-0123456789abcdef0")
    assert found("LAT006", made) == ["one"]


def test_http2_that_is_offered_second_is_offered() -> None:
    made = example("ALB041", "bound to gRPC pods")
    made["tls"] = changed(made["tls"], alpnPolicy="HTTP2Optional")
    assert found("ALB041", made) == []


def test_a_chart_is_not_suspected_of_what_another_namespace_misses() -> None:
    made = example("XST005", "a binding to its Service")
    made["billing"] = changed(made["billing"], namespace="finance")
    assert found("XST005", made) == []


def test_a_chart_that_is_listed_may_be_a_release() -> None:
    assert found("XST005", example("XST005", "its values"), charts=["billing"]) == []


def test_values_in_files_are_not_judged() -> None:
    made = {"billing": release("billing", values=None, valueYamlFiles=["values.yaml"])}
    report = judged(rule("XST005"), resources(Example("", made)))
    assert [each.path for each in report.not_evaluated] == ["billing: valueYamlFiles"]


def test_a_remedy_may_write_a_list() -> None:
    known = rule("EKS003")
    made = resources(Example("", {"platform": cluster(enabledClusterLogTypes=["api"], version="1.36")}))[0]
    message = struct_pb2.Struct()
    message.update({"enabledClusterLogTypes": ["api"], "version": "1.36"})
    properties, repaired = remedied(made, message, [known], {})
    assert repaired == [known]
    assert json_format.MessageToDict(properties) == {"enabledClusterLogTypes": ["api", "audit"], "version": "1.36"}
