"""Defaults that depend on other settings."""

from __future__ import annotations

from typing import Final

from .cloud_map import CloudMap
from .cluster import Cluster
from .model import Settings
from .workload import Workload

GRPC_HEALTH_PATH: Final = "/grpc.health.v1.Health/Check"


def filled(settings: Settings) -> Settings:
    """The same settings with every worked-out default in its place."""
    protected = settings.environment.protected
    balancers = {
        key: balancer
        if "deletion_protection" in balancer.model_fields_set
        else balancer.model_copy(update={"deletion_protection": protected})
        for key, balancer in settings.load_balancers.items()
    }
    services = {key: _workload(workload, settings) for key, workload in settings.services.items()}
    return settings.model_copy(
        update={
            "cluster": _cluster(settings),
            "load_balancers": balancers,
            "services": services,
            "cloud_map": _cloud_map(settings),
        }
    )


def _cluster(settings: Settings) -> Cluster:
    defaults = {"deletion_protection": settings.environment.protected, "zones": settings.network.zones}
    given = settings.cluster.model_fields_set
    return settings.cluster.model_copy(update={key: value for key, value in defaults.items() if key not in given})


def _cloud_map(settings: Settings) -> CloudMap | None:
    found = settings.cloud_map
    if found is None or "allow_cidrs" in found.model_fields_set:
        return found
    return found.model_copy(update={"allow_cidrs": (settings.network.cidr,)})


def _workload(workload: Workload, settings: Settings) -> Workload:
    health = workload.health.model_copy(update=_health(workload))
    expose = workload.expose.model_copy(update=_expose(workload, settings))
    return workload.model_copy(update={"health": health, "expose": expose})


def _expose(workload: Workload, settings: Settings) -> dict[str, object]:
    found: dict[str, object] = {}
    alb, client_side = workload.expose.alb, workload.expose.client_side
    if alb is not None:
        update: dict[str, object] = {"load_balancer": alb.load_balancer or next(iter(settings.load_balancers))}
        if workload.protocol == "http" and not alb.paths:
            update["paths"] = ("/*",)
        found["alb"] = alb.model_copy(update=update)
    if client_side is not None and client_side.max_connection_age_grace is None:
        found["client_side"] = client_side.model_copy(update={"max_connection_age_grace": workload.drain})
    return found


def _health(workload: Workload) -> dict[str, object]:
    health = workload.health
    grpc = workload.protocol == "grpc"
    return {
        "service": readiness_name(workload) if grpc else "",
        "path": health.path or (GRPC_HEALTH_PATH if grpc else "/"),
        "success_codes": health.success_codes or ("0" if grpc else "200"),
    }


def readiness_name(workload: Workload) -> str:
    """The name a gRPC workload's readiness probe asks for."""
    if "service" in workload.health.model_fields_set or not workload.grpc_services:
        return workload.health.service
    return workload.grpc_services[0]
