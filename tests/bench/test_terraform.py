"""The Terraform plan made from Pulumi state."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pulumi_aws
import pytest

from bench import terraform
from bench.architecture import build
from bench.faults import FAULTS, Fault, seeded

TARGET_GROUP = "aws_lb_target_group.service-0000"


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    return terraform.plan(build(1).state())


def values(plan: dict[str, Any], address: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        each["values"] for each in plan["planned_values"]["root_module"]["resources"] if each["address"] == address
    ]
    assert len(found) == 1
    return found[0]


def expressions(plan: dict[str, Any], address: str) -> dict[str, Any]:
    configured = plan["configuration"]["root_module"]["resources"]
    found: dict[str, Any] = next(each["expressions"] for each in configured if each["address"] == address)
    return found


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("protocolVersion", "protocol_version"),
        ("enableHttp2", "enable_http2"),
        ("cidrIpv4", "cidr_ipv4"),
        ("kmsKeyId", "kms_key_id"),
        ("port", "port"),
    ],
)
def test_keys_in_snake_case(key: str, expected: str) -> None:
    assert terraform.snake(key) == expected


def test_maps_are_blocks_unless_their_keys_are_the_users(plan: dict[str, Any]) -> None:
    group = values(plan, TARGET_GROUP)
    assert group["protocol_version"] == "GRPC"
    assert group["health_check"][0]["healthy_threshold"] == 2
    assert len(group["health_check"]) == 1
    assert group["tags"] == {"project": "shop", "environment": "prod"}
    service = values(plan, "kubernetes_service_v1.service-0000")
    assert service["spec"][0]["selector"] == {"app": "service-0000"}
    assert "api_version" not in service


def test_lists_of_blocks_have_the_name_of_one(plan: dict[str, Any]) -> None:
    rule = values(plan, "aws_lb_listener_rule.service-0000")
    assert [next(iter(each)) for each in rule["condition"]] == ["host_header", "path_pattern"]
    assert rule["condition"][0]["host_header"] == [{"values": ["service-0000.shop.example.com"]}]
    pod = values(plan, "kubernetes_deployment_v1.service-0000")["spec"][0]["template"][0]["spec"][0]
    container = pod["container"][0]
    assert container["port"] == [{"name": "grpc", "container_port": 50051}]
    assert container["readiness_probe"][0]["grpc"] == [{"port": 50051, "service": "service-0000"}]
    assert container["resources"][0]["limits"] == {"cpu": "1", "memory": "256Mi"}
    assert container["security_context"][0]["capabilities"] == [{"drop": ["ALL"]}]


def test_an_autoscaler_keeps_the_kind_of_what_it_scales(plan: dict[str, Any]) -> None:
    scaler = values(plan, "kubernetes_horizontal_pod_autoscaler_v2.service-0000")
    target = {"api_version": "apps/v1", "kind": "Deployment", "name": "service-0000"}
    assert scaler["spec"][0]["scale_target_ref"] == [target]
    assert "kind" not in scaler


def test_a_custom_resource_stays_as_it_is(plan: dict[str, Any]) -> None:
    manifest = values(plan, "kubernetes_manifest.service-0000")["manifest"]
    assert manifest["kind"] == "TargetGroupBinding"
    assert manifest["spec"]["targetType"] == "ip"


def test_references_are_told_by_the_values(plan: dict[str, Any]) -> None:
    rule = expressions(plan, "aws_lb_listener_rule.service-0000")
    assert rule["listener_arn"] == {"references": ["aws_lb_listener.edge-0.arn", "aws_lb_listener.edge-0"]}
    assert rule["action"][0]["target_group_arn"] == {"references": [f"{TARGET_GROUP}.arn", TARGET_GROUP]}
    assert rule["priority"] == {"constant_value": 1}
    alias = expressions(plan, "aws_route53_record.service-0000")["alias"][0]
    assert alias["name"] == {"references": ["aws_lb.edge-0.dns_name", "aws_lb.edge-0"]}
    subnets = expressions(plan, "aws_lb.edge-0")["subnets"]["references"]
    assert subnets == ["aws_subnet.public-a.id", "aws_subnet.public-a", "aws_subnet.public-b.id", "aws_subnet.public-b"]
    pods = expressions(plan, "aws_vpc_security_group_ingress_rule.edge-0-to-pods")["security_group_id"]["references"]
    assert pods == ["aws_eks_cluster.cluster.vpc_config[0].cluster_security_group_id", "aws_eks_cluster.cluster"]


def test_every_resource_is_planned_changed_and_configured_once(plan: dict[str, Any]) -> None:
    state = build(1).state()["deployment"]["resources"]
    addresses = [each["address"] for each in plan["resource_changes"]]
    assert len(addresses) == len(set(addresses)) == len(state) - 1
    assert [each["address"] for each in plan["planned_values"]["root_module"]["resources"]] == addresses
    assert [each["address"] for each in plan["configuration"]["root_module"]["resources"]] == addresses
    assert all(each["change"]["actions"] == ["create"] for each in plan["resource_changes"])


def test_the_table_has_every_type_of_the_architecture_and_no_other() -> None:
    types = {type_ for type_, _ in build(1).entries}
    assert set(terraform.table()["types"]) == types


def test_types_that_are_not_in_the_table_are_named() -> None:
    made = build(1)
    made.add("aws:sqs/queue:Queue", "mail", {})
    made.add("aws:sns/topic:Topic", "mail", {})
    with pytest.raises(terraform.UnmappedError, match="aws:sns/topic:Topic, aws:sqs/queue:Queue"):
        terraform.plan(made.state())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_a_fault_is_in_the_plan_as_well(fault: Fault) -> None:
    clean = terraform.plan(build(3).state())
    assert terraform.plan(seeded(fault).state()) != clean


def aws_keys() -> Iterator[tuple[str, str]]:
    """Type and top-level key of every AWS resource of the architecture."""
    for each in build(1).entries.values():
        if each.type.startswith("aws:"):
            yield from ((each.type, key) for key in each.inputs)


def test_keys_of_aws_are_arguments_of_the_provider() -> None:
    """The SDK's arguments are Terraform's own names but for plurals, which the table has."""
    for type_, key in set(aws_keys()):
        module, _, name = type_.removeprefix("aws:").partition("/")
        made = getattr(getattr(pulumi_aws, module), name.rpartition(":")[2])
        assert terraform.snake(key) in inspect.signature(made._internal_init).parameters, (type_, key)
