"""Rules of VPC Lattice: what its services can carry, who may call them, and what its prefix lists cost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from components.settings import auth_policy
from components.settings.broken import sound
from components.settings.lattice import CHECK_PATH, LONGEST_CONNECTION
from components.settings.model import Settings
from components.settings.verify.health import ranges
from components.settings.wording import Fault, quoted

# VPC Lattice User Guide, "Quotas": services of a network, rules of a listener.
MAX_SERVICES: Final = 500
MAX_RULES: Final = 10
# VPC User Guide, "AWS-managed prefix lists", weight: rules that each list counts as in a security group.
LIST_WEIGHT: Final = 10


def lists(settings: Settings, region: str | None) -> Iterator[Fault]:
    """The pods' security group must admit VPC Lattice (AWS Gateway API Controller, "Deploying")."""
    if settings.lattice is None or settings.lattice.prefix_lists is not None:
        return
    where = region or "REGION"
    yield Fault(
        ("lattice", "prefix_lists"),
        "missing; without it the pods' security group lets nothing of VPC Lattice in. ipv4: the id that `aws ec2 "
        f"describe-managed-prefix-lists --region {where} --filters "
        f"Name=prefix-list-name,Values=com.amazonaws.{where}.vpc-lattice --query 'PrefixLists[0].PrefixListId' "
        "--output text` prints",
    )


def weight(settings: Settings) -> int:
    """Rules of the pods' security group that the prefix lists take."""
    given = settings.lattice.prefix_lists if settings.lattice else None
    return LIST_WEIGHT * (1 + bool(given.ipv6)) if given and _exposed(settings) else 0


def _exposed(settings: Settings) -> list[str]:
    """The workloads behind the service network, as far as they are sound."""
    return [name for name in settings.services if sound(partial(_is_exposed, settings, name))]


def _is_exposed(settings: Settings, name: str) -> bool:
    return bool(settings.services[name].expose.lattice)


def _existing(settings: Settings) -> Iterator[Fault]:
    """The owner of a service network shares it, and needs no second section to say that it is used."""
    if settings.existing.service_network is None:
        return
    if settings.lattice is None:
        yield Fault(("existing", "service_network"), "is used by the section lattice, which is missing")
    elif settings.lattice.share is not None:
        yield Fault(("lattice", "share"), "the owner of existing.service_network shares it; leave this out")


def _services(settings: Settings) -> Iterator[Fault]:
    exposed = _exposed(settings)
    if len(exposed) > MAX_SERVICES:
        yield Fault(
            ("services",),
            f"{len(exposed)} of them are exposed by lattice; a service network takes {MAX_SERVICES} services by "
            "default: expose fewer",
        )


def _network(settings: Settings, name: str) -> Iterator[Fault]:
    if settings.services[name].expose.lattice is not None and settings.lattice is None:
        yield Fault(
            ("services", name, "expose", "lattice"),
            "there is no service network; add the section lattice, such as lattice: {auth: iam, prefix_lists: …}",
        )


def _allow(settings: Settings, name: str) -> Iterator[Fault]:
    """With AWS_IAM and no policy everything is denied (VPC Lattice User Guide, "Auth policies")."""
    exposure, network = settings.services[name].expose.lattice, settings.lattice
    if exposure is None or network is None:
        return
    path = ("services", name, "expose", "lattice", "allow")
    if network.auth == "iam" and not exposure.allow:
        yield Fault(
            path,
            "missing; with lattice.auth: iam nobody may call unless named here: give the ARNs of IAM roles or users",
        )
    if network.auth == "none" and exposure.allow:
        yield Fault(path, "has no effect with lattice.auth: none, where calls are not signed; leave one of the two out")


def _policy_size(settings: Settings, name: str) -> Iterator[Fault]:
    exposure = settings.services[name].expose.lattice
    size = len(auth_policy.service_policy(exposure.allow).encode()) if exposure else 0
    if size > auth_policy.MOST_BYTES:
        yield Fault(
            ("services", name, "expose", "lattice", "allow"),
            f"an auth policy has at most {auth_policy.MOST_BYTES} bytes, and one with these principals has {size}: let "
            "the callers share roles",
        )


def _streams(settings: Settings, name: str) -> Iterator[Fault]:
    """VPC Lattice API Reference, CreateService: the idle timeout does not change the longest connection."""
    exposure = settings.services[name].expose.lattice
    longest = exposure.longest_stream if exposure else None
    if longest is not None and longest > LONGEST_CONNECTION:
        yield Fault(
            ("services", name, "expose", "lattice", "longest_stream"),
            f"VPC Lattice ends every connection after {LONGEST_CONNECTION} seconds, which no setting changes; received "
            f"{longest}: let clients resume, or use expose.alb",
        )


def _rules(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    if workload.expose.lattice is not None and len(workload.grpc_services) > MAX_RULES:
        yield Fault(
            ("services", name, "grpc_services"),
            f"each is a listener rule of VPC Lattice, which takes {MAX_RULES} by default; received "
            f"{len(workload.grpc_services)}: split the workload, or leave grpc_services out",
        )


def _check_port(settings: Settings, name: str) -> Iterator[Fault]:
    """VPC Lattice User Guide, "Health checks": gRPC is not spoken, so a gRPC port never passes an HTTP check."""
    workload = settings.services[name]
    check = workload.expose.lattice.health_check if workload.expose.lattice else None
    if check is None or workload.protocol != "grpc":
        return
    path = ("services", name, "expose", "lattice", "health_check", "port")
    if check.port is None:
        yield Fault(path, "missing; VPC Lattice checks in HTTP, so a gRPC server must answer on a port of its own")
    elif check.port in {workload.port, workload.health.port}:
        yield Fault(
            path,
            f"must be a port that speaks HTTP, and {check.port} speaks gRPC: VPC Lattice cannot check gRPC; choose "
            "another port, or leave health_check out",
        )


def _check_path(settings: Settings, name: str) -> Iterator[Fault]:
    """An HTTP workload is checked on its health path, and VPC Lattice takes fewer characters than a load balancer."""
    workload = settings.services[name]
    exposure, path = workload.expose.lattice, workload.health.path
    check = exposure.health_check if exposure else None
    own = check is not None and "path" in check.model_fields_set
    if exposure is None or own or workload.protocol != "http":
        return
    if path and not re.fullmatch(CHECK_PATH, path):
        yield Fault(
            ("services", name, "health", "path"),
            f"VPC Lattice takes letters, digits and @ : % _ + . ~ # ? & / = - in it; received {quoted(path)}",
        )


def _check_codes(settings: Settings, name: str) -> Iterator[Fault]:
    exposure = settings.services[name].expose.lattice
    codes = exposure.health_check.success_codes if exposure and exposure.health_check else ""
    if codes and not all(200 <= first <= last <= 599 for first, last in ranges(codes)):
        yield Fault(
            ("services", name, "expose", "lattice", "health_check", "success_codes"),
            f"must be HTTP status codes from 200 to 599, ranges from low to high; received {quoted(codes)}",
        )


def _callers(settings: Settings) -> Iterator[Fault]:
    """An organization is never outside itself, so the two contradict each other (AWS RAM User Guide)."""
    share = settings.lattice.share if settings.lattice else None
    outside = [each for each in share.principals if each.isdecimal()] if share and share.external else [""]
    if not outside:
        yield Fault(
            ("lattice", "share", "external"),
            "lets accounts outside the organization in, and no account is named; leave it out",
        )


RULES: Final = (_existing, _services, _callers)
WORKLOAD_RULES: Final = (_network, _allow, _policy_size, _streams, _rules, _check_port, _check_path, _check_codes)
