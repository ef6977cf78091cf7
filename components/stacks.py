"""Services stacks on a platform stack: what the one exports and the other reads, by outputs alone.

The output `platform` of a platform stack has the form of the section `existing:` of a services stack, with one key
more, `services_stacks`. So joining a stack and naming what exists are one thing to everything behind the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi

from components import configuration, settings
from components.dns import certificate_domains
from components.settings import priorities

if TYPE_CHECKING:
    from components.platform import Platform

OUTPUT = "platform"


async def joined(loaded: settings.Settings, region: str) -> tuple[settings.Settings, str]:
    """The settings with what the platform stack exports in the place of `existing.platform_stack`.

    Raises pulumi.RunError when that stack exports nothing of the kind or does not list this one.
    """
    if loaded.existing.platform_stack is None:
        return loaded, region
    name = qualified(loaded.existing.platform_stack)
    reference = pulumi.StackReference("platform-stack", stack_name=name)
    exported = (await reference.get_output_details(OUTPUT)).value
    if not isinstance(exported, Mapping):
        raise pulumi.RunError(
            f"existing.platform_stack: {name} has no output `{OUTPUT}`; a stack of kind platform has it after "
            "`pulumi up`"
        )
    return configuration.read(existing=existing_of(_whole(exported), pulumi.get_stack(), name))


def qualified(name: str) -> str:
    """`organization/project/stack`; a name without slashes is a stack of this project."""
    if "/" in name:
        return name
    # Backends that people keep themselves have one organization of this name.
    return f"{pulumi.get_organization() or 'organization'}/{pulumi.get_project()}/{name}"


def existing_of(exported: Mapping[str, Any], stack: str, platform: str) -> dict[str, Any]:
    """The section `existing:` of services stack `stack`, from the output of stack `platform`.

    Its listeners get the run of priorities that the platform stack keeps for this stack. Raises pulumi.RunError when
    it keeps none.
    """
    section = dict(exported)
    numbers = section.pop("services_stacks", None) or {}
    if stack not in numbers:
        raise pulumi.RunError(
            f"existing.platform_stack: {platform} does not list this stack; add `{stack}:` with a free number under "
            "environment.services_stacks there, and run `pulumi up` there first"
        )
    first, last = priorities.slot(numbers[stack])
    section["listeners"] = {
        key: {**listener, "priorities": {"first": first, "last": last}}
        for key, listener in (section.get("listeners") or {}).items()
    }
    return section


def _whole(value: Any) -> Any:
    """Numbers travel as floating point; ours are whole."""
    if isinstance(value, Mapping):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def exported(platform: Platform, config: settings.Settings) -> dict[str, Any]:
    """The output `platform`: everything a services stack would otherwise be told under `existing:`. No secret."""
    existing = config.existing
    found: dict[str, Any] = {
        "vpc": {
            "id": platform.network.vpc_id,
            "cidr": existing.vpc.cidr if existing.vpc else config.network.cidr,
            "subnets": {
                "public": dict(platform.network.public_subnet_ids),
                "private": dict(platform.network.private_subnet_ids),
            },
        },
        "cluster": {
            "name": platform.cluster.cluster_name,
            "version": existing.cluster.version if existing.cluster else config.cluster.version,
            "endpoint": platform.cluster.endpoint,
            "certificate_authority": platform.cluster.certificate_authority,
            "security_group_id": platform.cluster.security_group_id,
            "load_balancer_controller": True,
        },
        "listeners": _listeners(platform, config),
        "services_stacks": dict(config.environment.services_stacks),
    }
    for name in ("hosted_zone", "log_bucket", "service_network"):
        given = getattr(existing, name)
        if given is not None:
            found[name] = given if isinstance(given, str) else given.model_dump()
    return found


def _listeners(platform: Platform, config: settings.Settings) -> dict[str, Any]:
    return {
        key: {
            "arn": each.listener_arn,
            "dns_name": each.dns_name,
            "zone_id": each.zone_id,
            "security_group_id": each.security_group_id,
            "pod_ports": list(config.load_balancers[key].pod_ports),
            "certificate_domains": list(_domains(config, key)),
        }
        for key, each in platform.load_balancers.items()
    }


def _domains(config: settings.Settings, key: str) -> tuple[str, ...]:
    """The names a balancer's certificate covers; none when it is given by ARN, since nothing is looked up."""
    given, zone = config.load_balancers[key].certificate, config.existing.hosted_zone
    if given is not None:
        return given.domains
    return wildcard(zone.name) if zone else ()


def wildcard(zone: str) -> tuple[str, ...]:
    """Zone and every name one label below it: what a platform's own certificate covers, whoever joins later."""
    return certificate_domains([zone, f"any.{zone}"], zone)


def namespace(stack: str, kind: str, workload: str) -> str:
    """The namespace of a workload: its name, in a services stack behind the stack's, since others share the cluster."""
    return f"{stack}-{workload}" if kind == "services" else workload
