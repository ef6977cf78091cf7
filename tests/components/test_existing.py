"""Parts that exist already: used as the settings name them, and nothing of them made, changed or looked up."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from components import settings
from components.existing import kubeconfig
from tests.settings.existing_things import CLUSTER, LISTENER, VPC, everything

Platform = Callable[..., Any]
Raw = dict[str, Any]
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.fixture
def on_existing(minimal: Raw) -> Raw:
    """The minimal workload on a cluster and a listener that exist."""
    return {"existing": everything(), "services": minimal["services"]}


def test_on_what_exists_only_the_workload_is_made(platform: Platform, on_existing: Raw) -> None:
    seen = platform(on_existing)
    rooms = {each.type.split(":")[1].split("/")[0] for each in seen.all if each.type.startswith("aws:")}
    assert rooms == {"lb", "route53"}
    assert not [each for each in seen.all if each.type.startswith("eks:")]
    assert not seen.of("kubernetes:helm.sh/v3:Release")


def test_rules_lie_on_the_listener_and_the_record_leads_to_its_load_balancer(
    platform: Platform, on_existing: Raw
) -> None:
    seen = platform(on_existing)
    assert {each.inputs["listenerArn"] for each in seen.of("aws:lb/listenerRule:ListenerRule")} == {LISTENER["arn"]}
    record = seen.one("aws:route53/record:Record", "record-orders.dev.example.com").inputs
    assert record["aliases"][0]["name"] == LISTENER["dns_name"]
    assert seen.one("aws:lb/targetGroup:TargetGroup").inputs["vpcId"] == VPC["id"]


def test_priorities_stay_in_the_run_that_is_free(platform: Platform, on_existing: Raw) -> None:
    on_existing["existing"]["listeners"]["shared"]["priorities"] = {"first": 2501, "last": 5000}
    rules = platform(on_existing).of("aws:lb/listenerRule:ListenerRule")
    assert rules
    assert all(2501 <= each.inputs["priority"] <= 5000 for each in rules)


def test_another_listener_is_another_target_group(platform: Platform, on_existing: Raw) -> None:
    def name(raw: Raw) -> str:
        return str(platform(raw).one("aws:lb/targetGroup:TargetGroup").inputs["name"])

    moved = deepcopy(on_existing)
    moved["existing"]["listeners"]["shared"]["arn"] = LISTENER["arn"].replace("fedcba", "abcdef")
    assert name(on_existing) == name(deepcopy(on_existing)) != name(moved)


def test_objects_go_to_the_cluster_that_is_named(platform: Platform, on_existing: Raw) -> None:
    provider = platform(on_existing).one("pulumi:providers:kubernetes").inputs
    assert provider["clusterIdentifier"] == CLUSTER["name"]
    config = json.loads(
        str(provider["kubeconfig"]["value"] if isinstance(provider["kubeconfig"], dict) else provider["kubeconfig"])
    )
    assert config["clusters"][0]["cluster"]["server"] == CLUSTER["endpoint"]


@pytest.mark.parametrize("profile", [None, "acme"])
def test_the_kubeconfig_asks_for_a_token_and_holds_no_secret(profile: str | None) -> None:
    loaded = settings.load(
        {"environment": {"kind": "services"}, "existing": everything()}, region="eu-west-1"
    ).existing.cluster
    assert loaded is not None
    found = json.loads(kubeconfig(loaded, region="eu-west-1", profile=profile))
    command = found["users"][0]["user"]["exec"]
    assert command["args"][:6] == ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "shared"]
    assert ("--profile" in command["args"]) is (profile is not None)
    assert found["contexts"][0]["name"] == found["current-context"]
    assert "token" not in found["users"][0]["user"]


def test_the_controller_is_installed_where_it_is_not_yet(platform: Platform, on_existing: Raw) -> None:
    on_existing["existing"]["cluster"]["load_balancer_controller"] = False
    seen = platform(on_existing)
    release = seen.one("kubernetes:helm.sh/v3:Release")
    assert release.inputs["values"]["clusterName"] == CLUSTER["name"]
    assert release.inputs["values"]["vpcId"] == VPC["id"]
    assert release.urn in seen.one("kubernetes:core/v1:Namespace").depends_on


def test_a_cluster_and_a_load_balancer_of_its_own_in_an_existing_vpc(platform: Platform, minimal: Raw) -> None:
    del minimal["network"]
    minimal["existing"]["vpc"] = deepcopy(VPC)
    seen = platform(minimal)
    assert not [each for each in seen.all if each.type.startswith("aws:ec2/") and "SecurityGroup" not in each.type]
    assert seen.one("eks:index:ManagedNodeGroup").inputs["subnetIds"] == list(VPC["subnets"]["private"].values())
    assert seen.one("aws:lb/loadBalancer:LoadBalancer").inputs["subnets"] == list(VPC["subnets"]["public"].values())
    assert len(seen.one("eks:index:Cluster").inputs["subnetIds"]) == 4


def test_an_own_load_balancer_reaches_the_pods_of_an_existing_cluster(platform: Platform, on_existing: Raw) -> None:
    del on_existing["existing"]["listeners"]
    on_existing["load_balancers"] = {"public": {"scheme": "internet-facing"}}
    seen = platform(on_existing)
    rule = seen.one(RULE, "public-pods-from-load-balancer-50051").inputs
    assert rule["securityGroupId"] == CLUSTER["security_group_id"]
    assert seen.one("aws:lb/loadBalancer:LoadBalancer").inputs["subnets"] == list(VPC["subnets"]["public"].values())


def test_an_own_cluster_lets_an_existing_load_balancer_in(platform: Platform, minimal: Raw) -> None:
    del minimal["network"]
    del minimal["load_balancers"]
    minimal["existing"] |= {"vpc": deepcopy(VPC), "listeners": {"shared": deepcopy(LISTENER)}}
    seen = platform(minimal)
    rule = seen.one(RULE, "shared-pods-from-load-balancer-50051")
    assert rule.inputs["securityGroupId"] == "sg-cluster"
    assert rule.inputs["referencedSecurityGroupId"] == LISTENER["security_group_id"]
    binding = next(each for each in seen.all if each.type.endswith(":TargetGroupBinding"))
    assert rule.urn in binding.depends_on
