"""Rules of the kinds of stack: what each holds, and what keeps several services stacks apart. See docs/stacks.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.model import Settings
from components.settings.wording import Fault, quoted

_OF_THE_PLATFORM: Final = ("network", "cluster", "load_balancers")


def _services_kind(settings: Settings) -> Iterator[Fault]:
    """A services stack has workloads alone; what they run on is somewhere else."""
    if settings.environment.kind != "services":
        return
    for section in _OF_THE_PLATFORM:
        if section in settings.model_fields_set:
            yield Fault((section,), "belongs to the platform stack; a stack of kind services has none of its own")
    existing = settings.existing
    if existing.platform_stack is None and (existing.vpc is None or existing.cluster is None):
        yield Fault(
            ("existing",),
            "a stack of kind services makes no network and no cluster: give existing.platform_stack, or existing.vpc "
            "and existing.cluster",
        )


def _platform_kind(settings: Settings) -> Iterator[Fault]:
    """A platform stack has everything but workloads."""
    if settings.environment.kind != "platform":
        return
    for section in ("services", "registry"):
        if section in settings.model_fields_set and (section != "services" or settings.services):
            yield Fault((section,), "a stack of kind platform has none; they belong to stacks of kind services")
    if settings.existing.listeners:
        yield Fault(
            ("existing", "listeners"),
            "a stack of kind platform has no rules to put on them; name them where services are",
        )
    for name, balancer in settings.load_balancers.items():
        if not balancer.pod_ports:
            yield Fault(
                ("load_balancers", name, "pod_ports"),
                "missing; must be the ports of pods that services stacks may use, such as [50051]: the platform stack "
                "opens each once for all of them",
            )


def _whole_stacks(settings: Settings) -> Iterator[Fault]:
    """Their controllers have one name on a cluster, their network or namespace one place in a VPC."""
    if settings.environment.kind == "all":
        return
    for section in ("lattice", "cloud_map"):
        if getattr(settings, section) is not None:
            yield Fault(
                (section,),
                f"not available yet in a stack of kind {settings.environment.kind}; a stack of kind all may have it",
            )


def _only_platform(settings: Settings) -> Iterator[Fault]:
    if settings.environment.kind == "platform":
        return
    if settings.environment.services_stacks:
        yield Fault(
            ("environment", "services_stacks"),
            f"only a stack of kind platform can be joined, and the kind is {settings.environment.kind}",
        )
    for name, balancer in settings.load_balancers.items():
        if balancer.pod_ports:
            yield Fault(
                ("load_balancers", name, "pod_ports"),
                "only for a stack of kind platform; here the ports come from the workloads behind it",
            )


def _joined(settings: Settings) -> Iterator[Fault]:
    """What the platform stack exports is not said a second time."""
    existing = settings.existing
    if existing.platform_stack is None:
        return
    if settings.environment.kind != "services":
        yield Fault(
            ("existing", "platform_stack"),
            f"only a stack of kind services joins another one, and the kind is {settings.environment.kind}",
        )
    for name in ("hosted_zone", "vpc", "cluster", "listeners", "log_bucket", "service_network"):
        if name in existing.model_fields_set:
            yield Fault(("existing", name), "comes from existing.platform_stack; leave one of the two out")


def _slots(settings: Settings) -> Iterator[Fault]:
    """Elastic Load Balancing API Reference, CreateRule: a priority is used once on a listener."""
    owners: dict[int, str] = {}
    for name, number in settings.environment.services_stacks.items():
        first = owners.setdefault(number, name)
        if first != name:
            yield Fault(
                ("environment", "services_stacks", name),
                f"{number} is the number of {quoted(first)} already; the listener rules of the two would want the same "
                "priorities: choose another",
            )


def _prefixes(settings: Settings) -> Iterator[Fault]:
    """Namespaces are `<stack>-<workload>`: of `shop` and `shop-eu` both could want `shop-eu-orders`."""
    names = settings.environment.services_stacks
    for name in names:
        for other in names:
            if name.startswith(f"{other}-"):
                yield Fault(
                    ("environment", "services_stacks", name),
                    f"starts with {quoted(other)} and a hyphen, so that the two could want one namespace; rename it",
                )


RULES: Final = (_services_kind, _platform_kind, _whole_stacks, _only_platform, _joined, _slots, _prefixes)
