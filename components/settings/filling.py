"""Defaults that depend on other settings."""

from __future__ import annotations

from typing import Final

from .client_side import ClientSide
from .cloud_map import CloudMap
from .cluster import Cluster
from .expose import Alb
from .lattice import LatticeExposure, LatticeHealthCheck
from .model import Settings
from .workload import Health, Workload

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
    defaults = {
        "deletion_protection": settings.environment.protected,
        "zones": settings.network.zones or settings.existing.zones,
    }
    given = settings.cluster.model_fields_set
    return settings.cluster.model_copy(update={key: value for key, value in defaults.items() if key not in given})


def _cloud_map(settings: Settings) -> CloudMap | None:
    found = settings.cloud_map
    if found is None or "allow_cidrs" in found.model_fields_set:
        return found
    cidr = settings.existing.vpc.cidr if settings.existing.vpc else settings.network.cidr
    return found.model_copy(update={"allow_cidrs": (cidr,)})


def _workload(workload: Workload, settings: Settings) -> Workload:
    health = workload.health.model_copy(update=_health(workload))
    exposed = {
        "alb": _alb(workload, settings),
        "lattice": _lattice(workload, health),
        "client_side": _client_side(workload),
    }
    expose = workload.expose.model_copy(update={key: value for key, value in exposed.items() if value is not None})
    return workload.model_copy(update={"health": health, "expose": expose})


def _alb(workload: Workload, settings: Settings) -> Alb | None:
    alb = workload.expose.alb
    if alb is None:
        return None
    update: dict[str, object] = {"load_balancer": alb.load_balancer or next(iter(settings.balancers), "")}
    if workload.protocol == "http" and not alb.paths:
        update["paths"] = ("/*",)
    return alb.model_copy(update=update)


def _lattice(workload: Workload, health: Health) -> LatticeExposure | None:
    """HTTP is checked as the load balancer would, unless said otherwise; gRPC only where an HTTP check is described."""
    exposure = workload.expose.lattice
    if exposure is None or workload.protocol == "grpc":
        return exposure
    given = exposure.health_check
    said = {name: getattr(given, name) for name in given.model_fields_set} if given else {}
    usual = {name: getattr(health, name) for name in LatticeHealthCheck.model_fields if name in Health.model_fields}
    check = LatticeHealthCheck.model_construct(**{**usual, "port": health.port or workload.port, **said})
    return exposure.model_copy(update={"health_check": check})


def _client_side(workload: Workload) -> ClientSide | None:
    exposure = workload.expose.client_side
    if exposure is None or exposure.max_connection_age_grace is not None:
        return exposure
    return exposure.model_copy(update={"max_connection_age_grace": workload.drain})


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
