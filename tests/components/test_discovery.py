"""The namespace in which clients outside the cluster find pods."""

import json
from collections.abc import Callable
from typing import Any

from components import clients, settings
from tests.conftest import REGION

Platform = Callable[..., Any]
Raw = dict[str, Any]

NAMESPACE = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
SERVICE = "aws:servicediscovery/service:Service"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
RELEASE = "kubernetes:helm.sh/v3:Release"
HEADLESS = "orders-headless-service"


def outside(minimal: Raw) -> Raw:
    minimal["cloud_map"] = {"namespace": "grpc.internal", "ttl": 20}
    minimal["services"]["orders"]["expose"]["client_side"] = {"max_connection_age": 600, "cloud_map": True}
    return minimal


def test_a_workload_gets_a_service_that_external_dns_fills(platform: Platform, minimal: Raw) -> None:
    seen = platform(outside(minimal))
    assert seen.one(NAMESPACE).inputs["name"] == "grpc.internal"
    service = seen.one(SERVICE, "discovery-orders")
    assert service.inputs["name"] == "orders"
    assert service.inputs["dnsConfig"]["dnsRecords"] == [{"type": "A", "ttl": 20}]
    assert service.inputs["forceDestroy"] is True
    headless = seen.one("kubernetes:core/v1:Service", HEADLESS)
    assert headless.inputs["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/hostname"] == (
        "orders.grpc.internal"
    )
    assert service.urn in headless.depends_on
    values = seen.one(RELEASE, "discovery-release").inputs["values"]
    assert (values["provider"], values["domainFilters"]) == ({"name": "aws-sd"}, ["grpc.internal"])
    assert service.urn in seen.one(RELEASE, "discovery-release").depends_on


def test_external_dns_may_register_but_not_make_services(platform: Platform, minimal: Raw) -> None:
    policy = json.loads(
        platform(outside(minimal)).one("aws:iam/rolePolicy:RolePolicy", "discovery-role-policy").inputs["policy"]
    )
    actions = set(policy["Statement"][0]["Action"])
    assert "servicediscovery:RegisterInstance" in actions
    assert not actions & {"servicediscovery:CreateService", "servicediscovery:*"}


def test_clients_of_the_vpc_reach_the_pods(platform: Platform, minimal: Raw) -> None:
    rule = platform(outside(minimal)).one(RULE, "discovery-pods-50051-from-10.0.0.0/16").inputs
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == (50051, 50051, "10.0.0.0/16")


def test_clients_are_told_the_name(minimal: Raw) -> None:
    loaded = settings.load(outside(minimal), region=REGION).services["orders"]
    found = clients.client("orders", loaded, cloud_map="grpc.internal")
    assert found is not None
    assert found["client_side"]["cloud_map_target"] == "dns:///orders.grpc.internal:50051"


def test_without_it_nothing_is_known_outside(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"]["client_side"] = {"max_connection_age": 600}
    seen = platform(minimal)
    assert not seen.of(NAMESPACE)
    assert "external-dns" not in repr(seen.one("kubernetes:core/v1:Service", HEADLESS).inputs)
