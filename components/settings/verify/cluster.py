"""Rules of the cluster, its nodes and who may use it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from components.settings.cluster import ADDON_NAMES
from components.settings.forms import PRIVATE
from components.settings.model import Settings
from components.settings.wording import Fault, listed, quoted, suggestion
from components.versions import ADDON_BUILDS

# The EKS API refuses these in publicAccessCidrs: they cannot reach it from the internet.
_UNREACHABLE: Final = (*PRIVATE, ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv4Network("169.254.0.0/16"))


def _zones(settings: Settings) -> Iterator[Fault]:
    """The control plane's interfaces lie in subnets of the network."""
    known = settings.network.zones or settings.existing.zones
    for zone in settings.cluster.zones if known else ():
        if zone not in known:
            near = suggestion(zone, known) or ";"
            yield Fault(
                ("cluster", "zones"), f"{quoted(zone)} is not a zone of the network{near} (there is: {listed(known)})"
            )


def _addons(settings: Settings) -> Iterator[Fault]:
    """Every add-on has a build: pinned here or named by the user."""
    version, named = settings.cluster.version, settings.cluster.addons
    for addon in ADDON_NAMES:
        if addon not in named and addon not in ADDON_BUILDS.get(version, {}):
            yield Fault(
                ("cluster", "addons", addon),
                f"missing; no build is pinned for Kubernetes {version}. Choose one that this prints: aws eks "
                f"describe-addon-versions --addon-name {addon} --kubernetes-version {version} "
                "--query 'addons[0].addonVersions[].addonVersion'",
            )


def _kube_proxy(settings: Settings) -> Iterator[Fault]:
    """EKS User Guide, "Manage kube-proxy": its minor version is that of the cluster."""
    version, build = settings.cluster.version, settings.cluster.addons.get("kube-proxy")
    if build is not None and not build.startswith(f"v{version}."):
        yield Fault(
            ("cluster", "addons", "kube-proxy"),
            f"must be of Kubernetes {version} (cluster.version); received {build}",
        )


def _private_access(settings: Settings) -> Iterator[Fault]:
    for position, cidr in enumerate(settings.cluster.public_access_cidrs):
        network = ipaddress.IPv4Network(cidr)
        if any(network.subnet_of(block) for block in _UNREACHABLE):
            yield Fault(
                ("cluster", "public_access_cidrs", position),
                f"{cidr} is a private network, which EKS refuses here: the list is for networks that come from the "
                "internet; the endpoint inside the VPC needs no entry",
            )


def _principals(settings: Settings) -> Iterator[Fault]:
    """EKS User Guide, "Access entries": one entry for each principal of a cluster."""
    seen: dict[str, str] = {}
    for name, entry in settings.cluster.access.items():
        first = seen.setdefault(entry.principal_arn, name)
        if first != name:
            yield Fault(
                ("cluster", "access", name, "principal_arn"),
                f"{entry.principal_arn} already has the entry {quoted(first)}; EKS takes one for each role or user",
            )
        if entry.policy == "cluster_admin" and entry.namespaces:
            yield Fault(
                ("cluster", "access", name, "namespaces"),
                "cluster_admin holds for the whole cluster; leave the namespaces out, or choose admin",
            )


def _schedulable(settings: Settings) -> Iterator[Fault]:
    groups = settings.cluster.node_groups.values()
    if groups and all(any(taint.effect != "PREFER_NO_SCHEDULE" for taint in group.taints.values()) for group in groups):
        yield Fault(
            ("cluster", "node_groups"),
            "every group is tainted, so nothing could run CoreDNS or the workloads; leave one group without "
            "NO_SCHEDULE and NO_EXECUTE",
        )


def _size(settings: Settings, name: str) -> Iterator[Fault]:
    group = settings.cluster.node_groups[name]
    if group.min > group.max:
        yield Fault(("cluster", "node_groups", name, "min"), f"must be at most max, {group.max}; received {group.min}")


def _architecture(settings: Settings, name: str) -> Iterator[Fault]:
    group = settings.cluster.node_groups[name]
    for position, instance_type in enumerate(group.instance_types):
        actual = "arm64" if is_graviton(instance_type) else "amd64"
        if actual != group.architecture:
            yield Fault(
                ("cluster", "node_groups", name, "instance_types", position),
                f"{instance_type} is {actual}, but the group's architecture is {group.architecture}",
            )


def is_graviton(instance_type: str) -> bool:
    """Whether an instance type has an Arm processor.

    EC2 User Guide, "Instance type naming conventions": a `g` among the letters behind the generation (m7g, c7gn,
    is4gen). Older or other: a1, and the -gb types with Grace processors.
    """
    family = instance_type.partition(".")[0]
    found = re.match(r"[a-z]+[0-9]+([a-z]*)", family)
    return family == "a1" or "-gb" in family or (found is not None and "g" in found[1])


def _release(settings: Settings, name: str) -> Iterator[Fault]:
    """A group gets the version of the cluster, and EKS refuses a release of another minor version with it.

    eksctl-io/eksctl#7976. The first numbers of a Bottlerocket release are its own, not Kubernetes's.
    """
    group, version = settings.cluster.node_groups[name], settings.cluster.version
    if group.release_version is None or group.ami != "al2023":
        return
    if not group.release_version.startswith(f"{version}."):
        yield Fault(
            ("cluster", "node_groups", name, "release_version"),
            f"must be of Kubernetes {version} (cluster.version), or EKS refuses the group; "
            f"received {group.release_version}",
        )


RULES: Final = (_zones, _addons, _kube_proxy, _private_access, _principals, _schedulable)
GROUP_RULES: Final = (_size, _architecture, _release)
