"""Rules of how calls are spread over pods: canary, algorithm, stickiness, thresholds; and of TLS to the pod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.model import Settings
from components.settings.spreading import Threshold
from components.settings.wording import Fault

TLS_VARIABLES: Final = ("TLS_CERT_FILE", "TLS_KEY_FILE")


def _canary(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    canary = workload.expose.alb.canary if workload.expose.alb else None
    if canary is None:
        return
    path = ("services", name, "expose", "alb", "canary")
    if (canary.digest is None) == (canary.tag is None):
        yield Fault(path, "must have exactly one of digest and tag")
    if settings.environment.protected and canary.tag is not None:
        yield Fault((*path, "tag"), "a protected environment needs a digest, since a tag can be moved")
    if workload.image is None:
        yield Fault(path, "the workload has no image yet, so there is nothing to compare a canary with")


def _anomaly(settings: Settings, name: str) -> Iterator[Fault]:
    """Elastic Load Balancing API Reference, TargetGroupAttribute load_balancing.algorithm.anomaly_mitigation."""
    alb = settings.services[name].expose.alb
    if alb is not None and alb.anomaly_mitigation and alb.algorithm != "weighted_random":
        yield Fault(
            ("services", name, "expose", "alb", "anomaly_mitigation"),
            f"works with the algorithm weighted_random only, and it is {alb.algorithm}; leave one of the two out",
        )


def _stickiness(settings: Settings, name: str) -> Iterator[Fault]:
    """ALB User Guide, "Sticky sessions": by cookies, which gRPC clients neither keep nor send back."""
    workload = settings.services[name]
    stickiness = workload.expose.alb.stickiness if workload.expose.alb else None
    if stickiness is None:
        return
    path = ("services", name, "expose", "alb", "stickiness")
    if workload.protocol == "grpc":
        yield Fault(path, "only for HTTP workloads: it is done with cookies, which gRPC clients do not keep")
    if stickiness.type == "app_cookie" and stickiness.cookie is None:
        yield Fault((*path, "cookie"), "missing; type app_cookie needs the name of the application's cookie")
    if stickiness.type == "lb_cookie" and stickiness.cookie is not None:
        yield Fault((*path, "cookie"), "only with type app_cookie; leave it out")


def _target_health(settings: Settings, name: str) -> Iterator[Fault]:
    """ALB User Guide, "Target group health": DNS fails over before calls go to any target, or at the same time."""
    alb = settings.services[name].expose.alb
    if alb is None or alb.target_health is None:
        return
    dns, anyone = alb.target_health.dns_failover, alb.target_health.any_target
    path = ("services", name, "expose", "alb", "target_health", "dns_failover")
    for key, low, high in (("count", anyone.count, dns.count), ("percent", _percent(anyone), _percent(dns))):
        if high < low:
            yield Fault((*path, key), f"must be at least any_target.{key}, {low}; received {high}")


def _percent(threshold: Threshold) -> int:
    return threshold.percent or 0


def _backend_tls(settings: Settings, name: str) -> Iterator[Fault]:
    """Kubernetes, "Configure Liveness, Readiness and Startup Probes", gRPC: probes speak no TLS."""
    workload = settings.services[name]
    if workload.backend_tls is None:
        return
    if workload.health.port is None or workload.health.port == workload.port:
        yield Fault(
            ("services", name, "health", "port"),
            "backend_tls needs another port than the workload's for health checks, without TLS: the kubelet's gRPC "
            "probe speaks none",
        )
    for section, variables in (("env", list(workload.env)), ("secrets", list(workload.secrets))):
        for variable in variables:
            if variable in TLS_VARIABLES:
                yield Fault(
                    ("services", name, section, variable),
                    "the platform sets this variable itself with backend_tls; choose another name",
                )


RULES: Final = (_canary, _anomaly, _stickiness, _target_health, _backend_tls)
