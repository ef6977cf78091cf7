"""VPC endpoints and flow logs: what EC2 refuses, what replaces, what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import ec2_stage
from tests.local_cloud.ec2_stage import Stage
from tests.local_cloud.edge_world import LOG_GROUP, ROLE, Invalid, Made

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"


@pytest.fixture
def stage() -> Stage:
    return ec2_stage.stage()


def gateway(stage: Stage, name: str = "s3", /, **more: Any) -> Made:
    given = {"vpcId": stage.vpc.id, "serviceName": "com.amazonaws.eu-west-1.s3", "routeTableIds": [stage.table.id]}
    return stage.world.make(ENDPOINT, name, **given | more)


def interface(stage: Stage, name: str = "sts", /, **more: Any) -> Made:
    given = {
        "vpcId": stage.vpc.id,
        "serviceName": "com.amazonaws.eu-west-1.sts",
        "vpcEndpointType": "Interface",
        "subnetIds": [each.id for each in stage.network.subnets],
        "securityGroupIds": [stage.web.id],
    }
    return stage.world.make(ENDPOINT, name, **given | more)


def flow_log(stage: Stage, name: str = "all", /, **more: Any) -> Made:
    given = {
        "vpcId": stage.vpc.id,
        "trafficType": "ALL",
        "logDestination": "arn:aws:s3:::acme-logs",
        "logDestinationType": "s3",
    }
    return stage.world.make(FLOW_LOG, name, **given | more)


def role(stage: Stage, service: str = "vpc-flow-logs.amazonaws.com") -> Made:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return stage.world.make(ROLE, service.partition(".")[0], assumeRolePolicy=policy)


def test_endpoints_have_what_others_refer_to(stage: Stage) -> None:
    s3, sts = gateway(stage), interface(stage)
    assert s3.id.startswith("vpce-")
    assert s3["prefixListId"].startswith("pl-")
    assert s3["dnsEntries"] == []
    assert len(sts["networkInterfaceIds"]) == 2
    assert sts["dnsEntries"][0]["dnsName"].endswith(".sts.eu-west-1.vpce.amazonaws.com")
    assert interface(stage, "kms", serviceName="com.amazonaws.eu-west-1.kms", securityGroupIds=[])["securityGroupIds"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"serviceName": "com.amazonaws.eu-west-1.stss"}, "InvalidServiceName: The Vpc Endpoint Service"),
        ({"serviceName": "com.amazonaws.us-east-1.sts"}, "InvalidServiceName: The Vpc Endpoint Service"),
        ({"vpcEndpointType": "Gateway", "subnetIds": [], "securityGroupIds": []}, "Gateway is not available"),
        ({"vpcEndpointType": "Gateway", "serviceName": "com.amazonaws.eu-west-1.s3"}, "only supported for Interface"),
        ({"routeTableIds": ["rtb-1"]}, "Route table IDs are only supported for Gateway type VPC Endpoints"),
        ({"subnetIds": ["subnet-1"]}, "InvalidSubnetID.NotFound"),
        ({"securityGroupIds": ["sg-1"]}, "InvalidGroup.NotFound"),
        ({"vpcId": "vpc-1"}, "InvalidVpcID.NotFound"),
    ],
)
def test_ec2_refuses_an_endpoint_that_fits_nothing(stage: Stage, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        interface(stage, "other", **more)


def test_two_subnets_of_one_zone_are_refused(stage: Stage) -> None:
    first = stage.network.subnets[0].id
    with pytest.raises(Refused, match="DuplicateSubnetsInSameZone"):
        interface(stage, subnetIds=[first, first])


def test_one_private_name_and_one_route_for_a_service(stage: Stage) -> None:
    with pytest.raises(Refused, match="requires both enableDnsSupport and enableDnsHostnames"):
        interface(stage, privateDnsEnabled=True)
    stage.world.change(stage.vpc, enableDnsHostnames=True)
    interface(stage, privateDnsEnabled=True)
    interface(stage, "unnamed")
    with pytest.raises(Refused, match=r"conflicting DNS domain for sts\.eu-west-1\.amazonaws\.com in the VPC"):
        interface(stage, "again", privateDnsEnabled=True)
    gateway(stage)
    with pytest.raises(Refused, match=f"RouteAlreadyExists: route table {stage.table.id} already has a route"):
        gateway(stage, "again")


def test_an_endpoint_moves_between_tables_in_place_and_between_services_not(stage: Stage) -> None:
    made = gateway(stage)
    assert stage.world.diff(made, **made.given | {"routeTableIds": []}).replaces == ()
    other = made.given | {"serviceName": "com.amazonaws.eu-west-1.dynamodb"}
    assert stage.world.diff(made, **other).replaces == ("serviceName",)


def test_an_endpoint_holds_its_subnet_and_its_group(stage: Stage) -> None:
    interface(stage)
    for held in (stage.network.subnets[1], stage.web):
        with pytest.raises(Refused, match="DependencyViolation"):
            stage.world.drop(held)


def test_a_flow_log_to_a_bucket_or_to_a_group_with_a_role(stage: Stage) -> None:
    assert flow_log(stage).id.startswith("fl-")
    group = stage.world.make(LOG_GROUP, "flows", name="/flows")
    flows = {"logDestinationType": "cloud-watch-logs", "logDestination": group["arn"]}
    assert (
        flow_log(stage, "group", **flows, iamRoleArn=role(stage)["arn"])["arn"].endswith(":vpc-flow-log/fl-") is False
    )
    with pytest.raises(Refused, match="DeliverLogsPermissionArn can't be empty"):
        flow_log(stage, "no role", **flows)
    with pytest.raises(Refused, match="DeliverLogsPermissionArn is not applicable"):
        flow_log(stage, "role for s3", trafficType="REJECT", iamRoleArn="arn:aws:iam::123456789012:role/x")
    with pytest.raises(Refused, match="Access Denied for IAM role"):
        flow_log(stage, "wrong role", **flows, iamRoleArn=role(stage, "ec2.amazonaws.com")["arn"])


def test_two_flow_logs_of_one_configuration_are_refused(stage: Stage) -> None:
    flow_log(stage)
    flow_log(stage, "rejected", trafficType="REJECT")
    with pytest.raises(Refused, match=r"FlowLogAlreadyExists: Error\. There is an existing Flow Log"):
        flow_log(stage, "again")


def test_a_flow_log_never_changes(stage: Stage) -> None:
    made = flow_log(stage)
    assert stage.world.diff(made, **made.given | {"trafficType": "REJECT"}).replaces == ("trafficType",)
    assert stage.world.diff(made, **made.given | {"maxAggregationInterval": 60}).replaces == ("maxAggregationInterval",)
    assert stage.world.diff(made, **made.given | {"tags": {"a": "b"}}).replaces == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"trafficType": "NONE"}, "expected trafficType to be one of"),
        ({"trafficType": None}, "trafficType is required"),
        ({"maxAggregationInterval": 61}, "expected maxAggregationInterval to be one of"),
        ({"subnetId": "subnet-1"}, "only one of"),
        ({"vpcId": None}, "one of `eniId,"),
    ],
)
def test_a_flow_log_that_cannot_be_planned(stage: Stage, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        flow_log(stage, "odd", **more)
