"""Rules of the namespace for clients outside the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from components.settings.broken import sound
from components.settings.model import Settings
from components.settings.verify.balancers import MAX_GROUP_RULES, opened_ports, within
from components.settings.wording import Fault


def found_outside(settings: Settings) -> list[str]:
    """Workloads that clients outside the cluster find, in name order."""
    return sorted(name for name in settings.services if sound(partial(_uses, settings, name)))


def _uses(settings: Settings, name: str) -> bool:
    client_side = settings.services[name].expose.client_side
    return client_side is not None and client_side.cloud_map


def _namespace(settings: Settings, name: str) -> Iterator[Fault]:
    if _uses(settings, name) and settings.cloud_map is None:
        yield Fault(
            ("services", name, "expose", "client_side", "cloud_map"),
            "there is no namespace to be found in; add the section cloud_map",
        )


def _shadow(settings: Settings) -> Iterator[Fault]:
    """Route 53 Developer Guide, "Considerations when working with a private hosted zone": the private one is asked."""
    if settings.cloud_map is None:
        return
    namespace = f"{settings.cloud_map.namespace}"
    path = ("cloud_map", "namespace")
    zone = settings.existing.hosted_zone
    if zone is not None and within(zone.name, namespace):
        yield Fault(
            path,
            f"hides the hosted zone {zone.name} (existing.hosted_zone) from everything in the VPC, which would ask the "
            "namespace instead; choose a name beside or below it",
        )
    for name in settings.services:
        host = sound(partial(_host, settings, name))
        if host and within(host, namespace):
            yield Fault(
                ("services", name, "expose", "alb", "host"),
                f"{host} lies in {namespace} (cloud_map.namespace), so clients in the VPC would not find the load "
                "balancer; choose another host or namespace",
            )


def _host(settings: Settings, name: str) -> str | None:
    alb = settings.services[name].expose.alb
    return f"{alb.host}" if alb else None


def _room(settings: Settings) -> Iterator[Fault]:
    if settings.cloud_map is None:
        return
    cidrs = settings.cloud_map.allow_cidrs if "allow_cidrs" in settings.cloud_map.model_fields_set else ("network",)
    ports = {settings.services[name].port for name in found_outside(settings)}
    rules = len(ports) * len(cidrs)
    if rules and rules + len(opened_ports(settings)) >= MAX_GROUP_RULES:
        yield Fault(
            ("cloud_map", "allow_cidrs"),
            f"{rules} rules let clients reach the pods, and load balancers need {len(opened_ports(settings))}; a "
            f"security group takes {MAX_GROUP_RULES}, one of them EKS's own: name fewer, larger networks",
        )


RULES: Final = (_shadow, _room)
WORKLOAD_RULES: Final = (_namespace,)
