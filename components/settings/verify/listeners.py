"""Rules of workloads behind a listener that exists: ports, names and priorities are given, not made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from components.settings import priorities
from components.settings.broken import sound
from components.settings.model import Settings
from components.settings.rules import rules_of
from components.settings.verify import balancers
from components.settings.wording import Fault, quoted


def _run(settings: Settings, name: str) -> Iterator[Fault]:
    run = settings.existing.listeners[name].priorities
    if run.last - run.first + 1 < priorities.LEAST:
        yield Fault(
            ("existing", "listeners", name, "priorities"),
            f"must be at least {priorities.LEAST} numbers, so that rules keep theirs; received {run.first} to "
            f"{run.last}",
        )


def _ports(settings: Settings, name: str) -> Iterator[Fault]:
    """Two stacks that open one port between the same groups collide: "InvalidPermission.Duplicate"."""
    known = settings.existing.listeners[name].pod_ports
    for key, workload in balancers.behind(settings, name):
        for path, port in (("port",), workload.port), (("health", "port"), workload.health.port):
            if port is not None and port not in known:
                yield Fault(
                    ("services", key, *path),
                    f"{port} is no port on which the load balancer {quoted(name)} reaches pods (it reaches: "
                    f"{', '.join(map(str, known))}); add it to pod_ports of the platform stack, or of the listener "
                    "once security groups admit it (aws ec2 authorize-security-group-ingress)",
                )


def _covered(settings: Settings, name: str) -> Iterator[Fault]:
    domains = settings.existing.listeners[name].certificate_domains
    for host, path in balancers.hosts(settings, name).items() if domains else ():
        if not any(balancers.covers(domain, host) for domain in domains):
            yield Fault(
                path,
                f"{host} is not covered by the certificate of the load balancer {quoted(name)} ({', '.join(domains)}; "
                "a star stands for one label)",
            )


def _crowded(settings: Settings, name: str) -> Iterator[Fault]:
    """A short run of priorities has short bands."""
    run = settings.existing.listeners[name].priorities
    if run.last - run.first + 1 < priorities.LEAST:
        return
    workloads = balancers.behind(settings, name)
    rules = [rule for key, each in workloads for rule in sound(partial(rules_of, key, each)) or ()]
    try:
        priorities.assign({rule.key: rule.specificity for rule in rules}, first=run.first, last=run.last)
    except ValueError as error:
        yield Fault(("existing", "listeners", name, "priorities"), f"are too few: {error}")


RULES: Final = (_run, _ports, _covered, _crowded, balancers.host_zone, balancers.room)
