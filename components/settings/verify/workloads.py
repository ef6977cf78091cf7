"""Rules of one workload: what belongs to its protocol, its size, its variables."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from components.settings.model import Settings
from components.settings.wording import Fault, listed, quoted, suggestion

# Set by the platform: the port to listen on, and the seconds a server has to finish its calls.
RESERVED: Final = ("DRAIN_SECONDS", "PORT")
LEAST_MEMORY: Final = 4 * 1024**2
# Kubernetes, "Secrets", size limit: 1 MiB for one Secret; the rest is for its names, labels and quotes.
MOST_SECRET_BYTES: Final = 1_000_000
MOST_VARIABLE_BYTES: Final = 1_000_000


def _protocol(settings: Settings, name: str) -> Iterator[Fault]:
    """Keys of the other protocol would be ignored, so they are refused."""
    workload = settings.services[name]
    alb = workload.expose.alb
    grpc = workload.protocol == "grpc"
    foreign = {
        ("grpc_services",): not grpc and "grpc_services" in workload.model_fields_set,
        ("health", "service"): not grpc and "service" in workload.health.model_fields_set,
        ("health", "liveness"): not grpc and "liveness" in workload.health.model_fields_set,
        ("expose", "alb", "paths"): grpc and alb is not None and "paths" in alb.model_fields_set,
    }
    other, instead = ("HTTP", " (gRPC paths come from grpc_services)") if grpc else ("gRPC", "")
    for path, found in foreign.items():
        if found:
            yield Fault(
                ("services", name, *path),
                f"only for {other} workloads, and the protocol is {workload.protocol}; leave it out{instead}",
            )


def _load_balancer(settings: Settings, name: str) -> Iterator[Fault]:
    alb = settings.services[name].expose.alb
    if alb is None or settings.joins:
        return
    known = list(settings.balancers)
    path = ("services", name, "expose", "alb", "load_balancer")
    if not known:
        yield Fault(path[:-1], "there is no load balancer; add one under load_balancers")
    elif not alb.load_balancer:
        if len(known) > 1:
            yield Fault(path, f"missing; there are several load balancers: {listed(known)}")
    elif alb.load_balancer not in known:
        near = suggestion(alb.load_balancer, known) or ";"
        yield Fault(path, f"there is no load balancer {quoted(alb.load_balancer)}{near} (there is: {listed(known)})")


def _slow_start(settings: Settings, name: str) -> Iterator[Fault]:
    """ALB User Guide, "Target groups": slow start, 30 to 900 seconds, with the round robin algorithm only."""
    alb = settings.services[name].expose.alb
    if alb is None:
        return
    path = ("services", name, "expose", "alb", "slow_start")
    if 0 < alb.slow_start < 30:
        yield Fault(path, f"must be 0, or from 30 to 900; received {alb.slow_start}")
    if alb.slow_start and alb.algorithm != "round_robin":
        yield Fault(
            path, f"works with the algorithm round_robin only, and it is {alb.algorithm}; leave one of the two out"
        )


def _scaling(settings: Settings, name: str) -> Iterator[Fault]:
    scaling = settings.services[name].scaling
    if scaling.min > scaling.max:
        given = "max" if "min" not in scaling.model_fields_set else "min"
        bound = f"must be at most max, {scaling.max}; received {scaling.min}"
        if given == "max":
            bound = f"must be at least min, {scaling.min}; received {scaling.max}"
        yield Fault(("services", name, "scaling", given), bound)


_UNITS: Final = {"m": Decimal("0.001"), "": Decimal(1)}
_UNITS_OF_MEMORY: Final = {
    **{unit: Decimal(1000) ** (power + 1) for power, unit in enumerate("kMGT")},
    **{f"{unit}i": Decimal(1024) ** (power + 1) for power, unit in enumerate("KMGT")},
}


def amount(quantity: str) -> Decimal:
    """A Kubernetes quantity as a number (Kubernetes, "Resource Management for Pods and Containers", resource units)."""
    number = quantity.rstrip("kKMGTim")
    return Decimal(number) * (_UNITS | _UNITS_OF_MEMORY)[quantity[len(number) :]]


def _limits(settings: Settings, name: str) -> Iterator[Fault]:
    resources = settings.services[name].resources
    pairs = (("cpu", resources.cpu, resources.cpu_limit), ("memory", resources.memory, resources.memory_limit))
    for what, request, limit in pairs:
        if limit is not None and amount(limit) < amount(request):
            yield Fault(
                ("services", name, "resources", f"{what}_limit"),
                f"must be at least what is requested ({what}: {request}); received {limit}",
            )


def _memory(settings: Settings, name: str) -> Iterator[Fault]:
    """A number without a unit is bytes, which is hardly ever meant."""
    resources = settings.services[name].resources
    for key, given in (("memory", resources.memory), ("memory_limit", resources.memory_limit)):
        if given is not None and amount(given) < LEAST_MEMORY:
            yield Fault(
                ("services", name, "resources", key),
                f'must be at least "4Mi"; received {quoted(given)}, which is {amount(given)} bytes',
            )


def _variables(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    for section, names in (("env", list(workload.env)), ("secrets", list(workload.secrets))):
        for variable in names:
            if variable in RESERVED:
                yield Fault(
                    ("services", name, section, variable),
                    "the platform sets this variable itself; choose another name",
                )
    for variable in workload.secrets:
        if variable in workload.env:
            yield Fault(
                ("services", name, "env", variable), "also under secrets; a variable has one value, leave one out"
            )


def _secrets_size(settings: Settings, name: str) -> Iterator[Fault]:
    """The secrets of a workload lie in one Kubernetes Secret. Base64 is for the way there and does not count."""
    secrets = settings.services[name].secrets
    size = sum(len(key.encode()) + len(value.get_secret_value().encode()) for key, value in secrets.items())
    if size > MOST_SECRET_BYTES:
        yield Fault(
            ("services", name, "secrets"),
            f"names and values have {size} bytes together, and one Kubernetes Secret holds them all: at most "
            f"{MOST_SECRET_BYTES}; keep large files elsewhere",
        )


def _variables_size(settings: Settings, name: str) -> Iterator[Fault]:
    """etcd takes 1.5 MiB in one request (etcd documentation, "System limits"), and Linux 2 MiB for a process."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in settings.services[name].env.items())
    if size > MOST_VARIABLE_BYTES:
        yield Fault(
            ("services", name, "env"),
            f"names and values have {size} bytes together, and a Deployment holds them: at most {MOST_VARIABLE_BYTES}; "
            "keep large files elsewhere",
        )


def _same_repository(settings: Settings, name: str) -> Iterator[Fault]:
    image = settings.services[name].image
    if image is None or image.repository is None or image.repository in settings.services:
        return
    near = suggestion(image.repository, settings.services) or ";"
    yield Fault(
        ("services", name, "image", "repository"),
        f"there is no workload {quoted(image.repository)} with a repository{near} "
        f"(there is: {listed(settings.services)})",
    )


def _repository_kept(settings: Settings, name: str) -> Iterator[Fault]:
    """A workload whose image lies elsewhere has no repository, so no other one can use it."""
    image = settings.services[name].image
    owner = image.repository if image else None
    if owner is None or owner == name or owner not in settings.services:
        return
    owners_image = settings.services[owner].image
    if owners_image is not None and owners_image.uri is not None:
        yield Fault(
            ("services", name, "image", "repository"),
            f"services.{owner} has its image at {owners_image.uri}, so it has no repository here",
        )


RULES: Final = (
    _protocol,
    _load_balancer,
    _slow_start,
    _scaling,
    _limits,
    _memory,
    _variables,
    _secrets_size,
    _variables_size,
    _same_repository,
    _repository_kept,
)
