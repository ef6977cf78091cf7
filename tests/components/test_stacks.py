"""Services stacks on a platform stack: what is exported is what is read, and stacks keep out of each other's way."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pulumi
import pytest

from components import settings, stacks
from components.platform import Platform
from tests.conftest import REGION
from tests.settings.existing_things import everything

Raw = dict[str, Any]
EXPORTED = {**everything(), "services_stacks": {"shop": 1, "billing": 2}}


@pytest.fixture
def platform_settings(minimal: Raw) -> Raw:
    del minimal["services"]
    minimal["environment"] = {"kind": "platform", "services_stacks": {"shop": 1, "billing": 2}}
    minimal["load_balancers"]["public"]["pod_ports"] = [50051, 8080]
    return minimal


def outputs(register: Callable[..., Any], raw: Raw) -> Mapping[str, Any]:
    """The outputs of a platform, with known values in the place of Pulumi's."""
    found: list[Any] = []

    async def program() -> None:
        platform = Platform("platform", settings.load(raw, region=REGION), region=REGION)
        await platform.register_workloads()
        found.append(await pulumi.Output.from_input(platform.outputs).future())

    register(program)
    result: Mapping[str, Any] = found[0]
    return result


def test_a_platform_exports_what_a_services_stack_reads(
    register: Callable[..., Any], platform_settings: Raw, minimal: Raw
) -> None:
    exported = outputs(register, platform_settings)[stacks.OUTPUT]
    assert exported["services_stacks"] == {"shop": 1, "billing": 2}
    assert exported["listeners"]["public"]["pod_ports"] == [50051, 8080]
    assert exported["listeners"]["public"]["certificate_domains"] == ["*.dev.example.com", "dev.example.com"]
    section = stacks.existing_of(exported, "shop", "platform")
    for path, value in (("vpc", "id"), ("cluster", "security_group_id")):
        section[path] = {**section[path], value: everything()[path][value]}  # the mocks' ids have no form
    section["vpc"]["subnets"] = everything()["vpc"]["subnets"]
    section["cluster"]["certificate_authority"] = everything()["cluster"]["certificate_authority"]
    kept = ("pod_ports", "certificate_domains", "priorities")
    section["listeners"]["public"] |= {
        key: value for key, value in everything()["listeners"]["shared"].items() if key not in kept
    }
    loaded = settings.load({"environment": {"kind": "services"}, "existing": section}, region=REGION)
    assert (loaded.existing.listeners["public"].priorities.first, loaded.existing.zones) == (
        1,
        ("eu-west-1a", "eu-west-1b"),
    )


def test_a_whole_stack_exports_nothing_to_join(register: Callable[..., Any], minimal: Raw) -> None:
    assert stacks.OUTPUT not in outputs(register, minimal)


def test_a_platforms_certificate_covers_whoever_joins_and_its_ports_are_open(
    platform: Callable[..., Any], platform_settings: Raw
) -> None:
    seen = platform(platform_settings)
    certificate = seen.one("aws:acm/certificate:Certificate").inputs
    assert [certificate["domainName"], *certificate["subjectAlternativeNames"]] == [
        "*.dev.example.com",
        "dev.example.com",
    ]
    inward = [
        each.inputs["fromPort"]
        for each in seen.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if "pods-from" in each.name
    ]
    assert sorted(inward) == [8080, 50051]


def services(register: Callable[..., Any], minimal: Raw, stack: str) -> Any:
    section = stacks.existing_of(deepcopy(EXPORTED), stack, "platform")
    raw = {"environment": {"kind": "services"}, "existing": section, "services": minimal["services"]}
    loaded = settings.load(raw, region=REGION)
    return register(lambda: Platform("platform", loaded, region=REGION).register_workloads(), stack=stack)


def test_two_stacks_with_the_same_workload_share_no_name_and_no_priority(
    register: Callable[..., Any], minimal: Raw
) -> None:
    minimal["services"]["orders"]["image"] = {"repository": "orders", "tag": "1"}
    shop, billing = services(register, minimal, "shop"), services(register, minimal, "billing")
    names = [
        {
            seen.one("kubernetes:core/v1:Namespace").inputs["metadata"]["name"],
            seen.one("aws:lb/targetGroup:TargetGroup").inputs["name"],
            seen.one("aws:ecr/repository:Repository").inputs["name"],
            *(each.inputs["priority"] for each in seen.of("aws:lb/listenerRule:ListenerRule")),
        }
        for seen in (shop, billing)
    ]
    assert not names[0] & names[1]
    assert shop.one("kubernetes:core/v1:Namespace").inputs["metadata"]["name"] == "shop-orders"


def test_a_stack_that_the_platform_does_not_list_is_refused() -> None:
    with pytest.raises(
        pulumi.RunError, match="acme/p/platform does not list this stack; add `new:` with a free number"
    ):
        stacks.existing_of(EXPORTED, "new", "acme/p/platform")


def test_the_platform_is_found_by_its_full_name(register: Callable[..., Any]) -> None:
    found: list[str] = []
    register(lambda: found.extend(map(stacks.qualified, ("platform", "acme/other/platform"))))
    assert found == ["organization/grpc-platform/platform", "acme/other/platform"]


def test_a_whole_stack_keeps_the_namespaces_it_has() -> None:
    assert stacks.namespace("dev", "all", "orders") == "orders"
    assert len(stacks.namespace("a" * 30, "services", "b" * 32)) == 63
