"""What a stack costs in a month, before a call is made."""

from __future__ import annotations

from typing import Any

import pytest

from tools import cost, prices

CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"


def nodes(**more: Any) -> tuple[str, dict[str, Any]]:
    scaling = {"minSize": 2, "maxSize": 6, "desiredSize": 2}
    return NODES, {"instanceTypes": ["m7g.large"], "scalingConfig": scaling, "diskSize": 50, **more}


def one(*resources: tuple[str, dict[str, Any]]) -> cost.Item:
    (item,) = cost.estimate(resources).items
    return item


def test_a_control_plane_costs_more_in_extended_support() -> None:
    assert round(one((CLUSTER, {})).most, 2) == 73.00
    extended = one((CLUSTER, {"upgradePolicy": {"supportType": "EXTENDED"}}))
    assert (round(extended.least), round(extended.most)) == (73, 438)


def test_nodes_cost_by_fewest_and_most_with_their_disks() -> None:
    item = one(nodes())
    single = 0.0816 * 730 + 50 * 0.08
    assert item.least == pytest.approx(2 * single)
    assert item.most == pytest.approx(6 * single)
    assert one(nodes(capacityType="SPOT")).what == "nodes, m7g.large, spot at its most"


def test_a_type_without_a_price_is_named_and_not_left_out() -> None:
    found = cost.estimate([nodes(instanceTypes=["x9.huge"]), (CLUSTER, {})])
    assert found.unpriced == ("nodes of type x9.huge",)
    assert "    not priced: nodes of type x9.huge" in cost.lines(found)


def test_an_internet_facing_balancer_has_an_address_in_each_zone() -> None:
    facing = cost.estimate([("aws:lb/loadBalancer:LoadBalancer", {"internal": False, "subnets": ["a", "b", "c"]})])
    inside = cost.estimate([("aws:lb/loadBalancer:LoadBalancer", {"internal": True, "subnets": ["a", "b"]})])
    assert facing.most == pytest.approx((0.0225 + 3 * 0.005) * prices.HOURS)
    assert inside.most == pytest.approx(0.0225 * prices.HOURS)


def test_endpoints_of_a_gateway_cost_nothing() -> None:
    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    assert cost.estimate([(token, {"vpcEndpointType": "Gateway"})]).items == ()
    interface = one((token, {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}))
    assert interface.most == pytest.approx(2 * 0.01 * prices.HOURS)


def test_a_route_of_vpc_lattice_is_a_service() -> None:
    annotations = {"application-networking.k8s.aws/service-name-override": "x"}
    item = one(("kubernetes:gateway.networking.k8s.io/v1:GRPCRoute", {"metadata": {"annotations": annotations}}))
    assert item.most == pytest.approx(0.025 * prices.HOURS)


def test_the_most_expensive_comes_first_and_like_things_are_one_line() -> None:
    said = cost.lines(cost.estimate([(CLUSTER, {}), nodes(), nodes(), ("aws:kms/key:Key", {})]))
    assert said[0].startswith("  About 328 to 837 USD a month before any traffic")
    assert [line.split("  ")[-1] for line in said[1:4]] == ["nodes, m7g.large", "EKS control plane", "KMS keys"]
    assert cost.lines(cost.estimate([])) == []
