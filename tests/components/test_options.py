"""Endpoints, flow logs, more add-ons, ExternalDNS, architectures."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Platform = Callable[..., Any]
Raw = dict[str, Any]
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"


def test_without_options_there_is_none_of_it(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    assert not seen.of(ENDPOINT)
    assert not seen.of(FLOW_LOG)
    assert not [each for each in seen.all if each.type.endswith(":ExternalDns")]


def test_gateway_endpoints_are_in_every_route_table(platform: Platform, minimal: Raw) -> None:
    minimal["network"]["endpoints"] = ["s3", "dynamodb"]
    seen = platform(minimal)
    tables = {f"{name}-id" for name in seen.names("aws:ec2/routeTable:RouteTable")}
    for name in ("s3", "dynamodb"):
        inputs = seen.one(ENDPOINT, f"network-endpoint-{name}").inputs
        assert inputs["serviceName"] == f"com.amazonaws.eu-west-1.{name}"
        assert set(inputs["routeTableIds"]) == tables
    assert not [name for name in seen.names("aws:ec2/securityGroup:SecurityGroup") if "endpoints" in name]


def test_interface_endpoints_are_in_every_zone_under_the_services_own_name(platform: Platform, minimal: Raw) -> None:
    minimal["network"]["endpoints"] = ["s3", "ecr", "eks-auth"]
    seen = platform(minimal)
    interfaces = [each for each in seen.of(ENDPOINT) if each.inputs["vpcEndpointType"] == "Interface"]
    assert sorted(each.inputs["serviceName"].rpartition("eu-west-1.")[2] for each in interfaces) == [
        "ecr.api",
        "ecr.dkr",
        "eks-auth",
    ]
    for each in interfaces:
        assert each.inputs["privateDnsEnabled"] is True
        assert each.inputs["subnetIds"] == ["network-private-eu-west-1a-id", "network-private-eu-west-1b-id"]
        assert each.delete_before_replace is True
    rule = seen.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "network-endpoints-from-vpc").inputs
    assert (rule["cidrIpv4"], rule["fromPort"]) == ("10.0.0.0/16", 443)


def test_nodes_wait_for_the_endpoints(platform: Platform, minimal: Raw) -> None:
    minimal["network"]["endpoints"] = ["s3"]
    seen = platform(minimal)
    assert seen.one(ENDPOINT).urn in seen.one("eks:index:Cluster").depends_on


def test_flow_logs_go_to_a_group_with_a_role_for_it_alone(platform: Platform, minimal: Raw) -> None:
    minimal["network"]["flow_logs"] = {"traffic": "reject", "retention": 14}
    seen = platform(minimal)
    log = seen.one(FLOW_LOG)
    assert (log.inputs["trafficType"], log.inputs["logDestinationType"]) == ("REJECT", "cloud-watch-logs")
    group = seen.one("aws:cloudwatch/logGroup:LogGroup", "network-flow-logs").inputs
    assert group["retentionInDays"] == 14
    policy = json.loads(seen.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    assert policy["Statement"][0]["Resource"] == [log.inputs["logDestination"], log.inputs["logDestination"] + ":*"]
    assert log.delete_before_replace is True


def test_flow_logs_go_to_a_bucket_that_exists(platform: Platform, minimal: Raw) -> None:
    minimal["network"]["flow_logs"] = {"destination": "bucket"}
    minimal["existing"]["log_bucket"] = "acme-logs"
    seen = platform(minimal)
    inputs = seen.one(FLOW_LOG).inputs
    assert (inputs["logDestinationType"], inputs["logDestination"]) == ("s3", "arn:aws:s3:::acme-logs")
    assert "iamRoleArn" not in inputs
    assert not seen.of("aws:iam/rolePolicy:RolePolicy")


@pytest.mark.parametrize("permissions", [None, {"ebs-csi-controller-sa": ["arn:aws:iam::111122223333:policy/ebs"]}])
def test_an_addon_has_its_build_configuration_and_rights(
    platform: Platform, minimal: Raw, permissions: dict[str, Any] | None
) -> None:
    addon: Raw = {"version": "v1.66.0-eksbuild.1", "configuration": '{"controller": {"replicaCount": 1}}'}
    minimal["cluster"]["extra_addons"] = {
        "aws-ebs-csi-driver": addon | ({"permissions": permissions} if permissions else {})
    }
    seen = platform(minimal)
    made = seen.one("aws:eks/addon:Addon", "cluster-aws-ebs-csi-driver")
    assert made.inputs["addonVersion"] == "v1.66.0-eksbuild.1"
    assert json.loads(made.inputs["configurationValues"])["controller"] == {"replicaCount": 1}
    assert [each["serviceAccount"] for each in made.inputs["podIdentityAssociations"]] == ["ebs-csi-controller-sa"]
    policies = [each.inputs["policyArn"] for each in seen.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")]
    expected = "arn:aws:iam::111122223333:policy/ebs" if permissions else "service-role/AmazonEBSCSIDriverPolicy"
    assert [each for each in policies if each.endswith(expected)]
    assert seen.one("eks:index:ManagedNodeGroup").urn in made.depends_on


def test_network_policies_are_enforced_where_they_are_wanted(platform: Platform, minimal: Raw) -> None:
    addon = "cluster-vpc-cni"
    assert "configurationValues" not in platform(minimal).one("aws:eks/addon:Addon", addon).inputs
    minimal["cluster"]["network_policies"] = True
    inputs = platform(minimal).one("aws:eks/addon:Addon", addon).inputs
    assert json.loads(inputs["configurationValues"]) == {"enableNetworkPolicy": "true"}


def test_external_dns_writes_to_one_zone_and_owns_its_records_by_cluster(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"]["external_dns"] = {"policy": "sync"}
    seen = platform(minimal)
    release = seen.one("kubernetes:helm.sh/v3:Release", "external-dns-release")
    values = release.inputs["values"]
    assert (values["policy"], values["registry"], values["txtOwnerId"]) == ("sync", "txt", "grpc-platform-test")
    assert values["domainFilters"] == ["dev.example.com"]
    statement = json.loads(seen.one("aws:iam/policy:Policy", "external-dns-policy").inputs["policy"])["Statement"][0]
    assert statement["Resource"] == "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"
    association = seen.one("aws:eks/podIdentityAssociation:PodIdentityAssociation", "external-dns-identity")
    assert association.inputs["namespace"] == release.inputs["namespace"] == "external-dns"
    assert association.urn in release.depends_on


def test_pods_of_one_architecture_choose_their_nodes(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"]["node_groups"]["x86"] = {"architecture": "amd64", "instance_types": ["m7i.large"]}
    minimal["services"]["orders"]["architecture"] = "amd64"
    seen = platform(minimal)
    assert {each.inputs["amiType"] for each in seen.of("eks:index:ManagedNodeGroup")} == {
        "AL2023_ARM_64_STANDARD",
        "AL2023_x86_64_STANDARD",
    }
    spec = seen.one("kubernetes:apps/v1:Deployment").inputs["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
