"""Rules of add-ons beyond the platform's own, of ExternalDNS, and of the architecture a workload asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from components.settings.cluster import ADDON_NAMES
from components.settings.model import Settings
from components.settings.wording import Fault, listed


def _own(settings: Settings) -> Iterator[Fault]:
    for name in settings.cluster.extra_addons:
        if name in ADDON_NAMES:
            yield Fault(
                ("cluster", "extra_addons", name),
                f"is one of the platform's own; name another build of it under cluster.addons.{name}",
            )


def _twice(settings: Settings) -> Iterator[Fault]:
    """Two ExternalDNS would write the same records, each for the other's owner id."""
    if settings.cluster.external_dns is not None and "external-dns" in settings.cluster.extra_addons:
        yield Fault(
            ("cluster", "extra_addons", "external-dns"),
            "cluster.external_dns installs it already; leave one of the two out",
        )


def _namespace(settings: Settings) -> Iterator[Fault]:
    if settings.cluster.external_dns is not None and "external-dns" in settings.services:
        yield Fault(
            ("services", "external-dns"), "cluster.external_dns has the namespace external-dns; rename the workload"
        )


def _zone(settings: Settings) -> Iterator[Fault]:
    """Its rights are on one zone; an empty list of zones would be none ("MalformedPolicyDocument") or all."""
    if settings.cluster.external_dns is not None and settings.existing.hosted_zone is None:
        yield Fault(("cluster", "external_dns"), "needs existing.hosted_zone, the one zone it may write to")


def _configuration(settings: Settings) -> Iterator[Fault]:
    """EKS API Reference, CreateAddon, configurationValues: an object."""
    for name, addon in settings.cluster.extra_addons.items():
        if addon.configuration and not _is_object(addon.configuration):
            yield Fault(
                ("cluster", "extra_addons", name, "configuration"),
                "must be a JSON object in text; `aws eks describe-addon-configuration "
                f"--addon-name {name} --addon-version {addon.version}` prints what it may hold",
            )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _architecture(settings: Settings) -> Iterator[Fault]:
    """A pod with a node selector that no node has stays Pending, and Pulumi waits ten minutes for it."""
    groups = settings.cluster.node_groups.values()
    open_to_all: set[str] = {
        group.architecture
        for group in groups
        if all(taint.effect == "PREFER_NO_SCHEDULE" for taint in group.taints.values())
    }
    for name in settings.services if groups else ():
        yield from _architecture_of(settings, name, open_to_all)


def _architecture_of(settings: Settings, name: str, there: set[str]) -> Iterator[Fault]:
    wanted = settings.services[name].architecture
    if wanted is not None and wanted not in there:
        yield Fault(
            ("services", name, "architecture"),
            f"no node group without a taint is {wanted} (there is: {listed(sorted(there))}); its pods would stay "
            "Pending",
        )


RULES: Final = (_own, _twice, _namespace, _zone, _configuration, _architecture)
