"""Puts faults into our own platform's resources on their way to the engine, ahead of the program in one file."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from pulumi.runtime import settings


def _target_group(inputs: dict[str, Any], number: int) -> None:
    check = inputs.setdefault("healthCheck", {})
    check |= [{"matcher": "0-99"}, {"path": "/AWS.ALB/healthcheck"}, {"matcher": "200"}, {"interval": 300}][number % 4]
    if number % 4 == 3:
        inputs["protocolVersion"] = "HTTP1"


def _deployment(inputs: dict[str, Any], number: int) -> None:
    pod = inputs["spec"]["template"]["spec"]
    if number % 2:
        pod["terminationGracePeriodSeconds"] = 1
    for container in pod["containers"]:
        container.pop("readinessProbe" if number % 2 else "livenessProbe", None)


def _service(inputs: dict[str, Any], number: int) -> None:
    for port in inputs["spec"]["ports"]:
        port.pop("appProtocol", None)
        port["targetPort"] = "nowhere" if number % 2 else port.get("targetPort")


def _listener(inputs: dict[str, Any], number: int) -> None:
    inputs["sslPolicy"] = "ELBSecurityPolicy-2016-08"


def _load_balancer(inputs: dict[str, Any], number: int) -> None:
    inputs |= {"enableHttp2": False, "idleTimeout": 1, "dropInvalidHeaderFields": True}


def _namespace(inputs: dict[str, Any], number: int) -> None:
    inputs["metadata"].pop("labels", None)


def _disruption_budget(inputs: dict[str, Any], number: int) -> None:
    inputs["spec"] = {**inputs["spec"], "maxUnavailable": "100%"}


FAULTS: dict[str, Callable[[dict[str, Any], int], None]] = {
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "kubernetes:apps/v1:Deployment": _deployment,
    "kubernetes:core/v1:Service": _service,
    "aws:lb/listener:Listener": _listener,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "kubernetes:core/v1:Namespace": _namespace,
    "kubernetes:policy/v1:PodDisruptionBudget": _disruption_budget,
}


def put_faults() -> None:
    """From now on every resource inside a component of the platform has one."""
    stub: Any = settings.SETTINGS.monitor
    register, numbers = stub.RegisterResource, Counter[str]()

    def faulty(request: Any) -> Any:
        if request.type in FAULTS and "grpc-platform:index:" in request.parent:
            inputs = json_format.MessageToDict(request.object)
            FAULTS[request.type](inputs, numbers[request.type])
            numbers[request.type] += 1
            request.object.Clear()
            json_format.ParseDict(inputs, request.object)
        return register(request)

    stub.RegisterResource = faulty


put_faults()
