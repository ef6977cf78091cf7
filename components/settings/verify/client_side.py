"""Rules of balancing by the client."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from components.settings.broken import sound
from components.settings.model import Settings
from components.settings.wording import Fault, listed, quoted, suggestion

# Set by the platform on workloads whose clients balance by themselves.
AGE_VARIABLES: Final = ("MAX_CONNECTION_AGE", "MAX_CONNECTION_AGE_GRACE")


def variables_of(callee: str) -> tuple[str, str]:
    """The two variables that say where a workload is and how to call it."""
    name = callee.upper().replace("-", "_")
    return f"{name}_TARGET", f"{name}_SERVICE_CONFIG"


def _grpc_only(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    if workload.expose.client_side is not None and workload.protocol != "grpc":
        yield Fault(
            ("services", name, "expose", "client_side"),
            f"only for gRPC workloads, and the protocol is {workload.protocol}; leave it out",
        )


def _age_beside_balancer(settings: Settings, name: str) -> Iterator[Fault]:
    """ALB User Guide, "Connection idle timeout": a target that ends connections first makes the balancer answer 502."""
    client_side, balancer = settings.services[name].expose.client_side, settings.load_balancer_of(name)
    if client_side is None or balancer is None or balancer not in settings.load_balancers:
        return
    idle = settings.load_balancers[balancer].idle_timeout
    if client_side.max_connection_age <= idle:
        yield Fault(
            ("services", name, "expose", "client_side", "max_connection_age"),
            f"must be longer than load_balancers.{balancer}.idle_timeout, {idle}: the load balancer's connections to "
            f"the pods end by it as well, and one that ends first is a 502; received {client_side.max_connection_age}",
        )


def _backoff(settings: Settings, name: str) -> Iterator[Fault]:
    client_side = settings.services[name].expose.client_side
    if client_side is not None and client_side.retry.initial_backoff > client_side.retry.max_backoff:
        yield Fault(
            ("services", name, "expose", "client_side", "retry", "initial_backoff"),
            f"must be at most max_backoff, {client_side.retry.max_backoff}; received "
            f"{client_side.retry.initial_backoff}",
        )


def _age_variables(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    if workload.expose.client_side is not None:
        yield from _taken(settings, name, AGE_VARIABLES, "expose.client_side")


def _taken(settings: Settings, name: str, variables: tuple[str, ...], reason: str) -> Iterator[Fault]:
    workload = settings.services[name]
    for section, given in (("env", list(workload.env)), ("secrets", list(workload.secrets))):
        for variable in given:
            if variable in variables:
                yield Fault(
                    ("services", name, section, variable),
                    f"the platform sets this variable itself because of {reason}; choose another name",
                )


def _calls(settings: Settings, name: str) -> Iterator[Fault]:
    path = ("services", name, "calls")
    balanced = [key for key in settings.services if sound(partial(_balances, settings, key)) is not False]
    for callee in settings.services[name].calls:
        if callee in balanced:
            yield from _taken(settings, name, variables_of(callee), f"calls: {callee}")
        elif callee in settings.services:
            yield Fault(path, f"services.{callee} has no expose.client_side, so there is nothing to call it by")
        else:
            near = suggestion(callee, balanced) or ";"
            there = f"there is: {listed(balanced)}" if balanced else "no workload has expose.client_side"
            yield Fault(path, f"there is no workload {quoted(callee)}{near} ({there})")


def _balances(settings: Settings, name: str) -> bool:
    return settings.services[name].expose.client_side is not None


RULES: Final = (_grpc_only, _age_beside_balancer, _backoff, _age_variables, _calls)
