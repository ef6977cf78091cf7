"""Rules for workloads and their scaling (k8s.io/kubernetes pkg/apis/{apps,batch,autoscaling,policy}/validation)."""

from __future__ import annotations

from collections.abc import Iterator

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.rules.metadata import matches, selector_problems
from local_cloud.kubernetes.rules.pod import pod_problems, template_problems


def pod(root: Field, _version: str) -> Iterator[str]:
    """A bare Pod."""
    yield from pod_problems(root["spec"])


def _selected(spec: Field) -> Iterator[str]:
    yield from selector_problems(spec["selector"], required=True)
    labels = spec.at("template", "metadata", "labels")
    if matches(spec["selector"], labels) is False:
        yield labels.says(f"{labels.value!r} must match the selector {spec['selector'].value!r}")


def deployment(root: Field, _version: str) -> Iterator[str]:
    """A Deployment (ReplicaSet too: it has no strategy)."""
    spec = root["spec"]
    if spec.unknown:
        return
    yield from _selected(spec)
    yield from template_problems(spec["template"])
    for name in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        yield from spec[name].within(0)
    deadline, ready = spec["progressDeadlineSeconds"].number_or(600), spec["minReadySeconds"].number_or(0)
    if deadline is not None and ready is not None and deadline <= ready:
        yield spec["progressDeadlineSeconds"].says(f"{deadline} must be greater than minReadySeconds ({ready})")
    yield from _strategy(spec["strategy"])


def _strategy(strategy: Field) -> Iterator[str]:
    kind, rolling = strategy["type"], strategy["rollingUpdate"]
    yield from kind.among("RollingUpdate", "Recreate")
    if kind.text == "Recreate" and rolling.present:
        yield rolling.says("may not be specified when strategy type is 'Recreate'")
    surge, gone = rolling["maxSurge"], rolling["maxUnavailable"]
    yield from syntax.share(surge)
    yield from syntax.share(gone)
    if gone.text is not None and (syntax.percent(gone.text) or 0) > 100:
        yield gone.says(f"{gone.text!r} must not be greater than 100%")
    if _nothing(surge) and _nothing(gone):
        yield gone.says("may not be 0 when maxSurge is 0")


def _nothing(share: Field) -> bool:
    return share.number == 0 or (share.text is not None and syntax.percent(share.text) == 0)


def stateful_set(root: Field, _version: str) -> Iterator[str]:
    """A StatefulSet."""
    spec = root["spec"]
    yield from _selected(spec)
    yield from template_problems(spec["template"])
    yield from spec["replicas"].within(0)
    yield from spec["podManagementPolicy"].among("OrderedReady", "Parallel")
    yield from spec["updateStrategy"]["type"].among("RollingUpdate", "OnDelete")


def daemon_set(root: Field, _version: str) -> Iterator[str]:
    """A DaemonSet."""
    spec = root["spec"]
    yield from _selected(spec)
    yield from template_problems(spec["template"])
    yield from spec["updateStrategy"]["type"].among("RollingUpdate", "OnDelete")


def job(root: Field, _version: str) -> Iterator[str]:
    """A Job."""
    yield from _job_spec(root["spec"])


def cron_job(root: Field, _version: str) -> Iterator[str]:
    """A CronJob."""
    spec = root["spec"]
    yield from spec["schedule"].required()
    if spec["schedule"].text:
        yield from syntax.spelled(spec["schedule"], syntax.schedule)
    yield from spec["concurrencyPolicy"].among("Allow", "Forbid", "Replace")
    yield from _job_spec(spec.at("jobTemplate", "spec"))


def _job_spec(spec: Field) -> Iterator[str]:
    yield from template_problems(spec["template"], ("OnFailure", "Never"))
    for name in ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"):
        yield from spec[name].within(0)
    yield from spec["completionMode"].among("NonIndexed", "Indexed")


_METRICS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def autoscaler(root: Field, version: str) -> Iterator[str]:
    """A HorizontalPodAutoscaler of autoscaling/v2."""
    spec = root["spec"]
    low, high = spec["minReplicas"].number_or(1), spec["maxReplicas"].number
    lowest = (
        0 if tuple(int(part) for part in version.split(".")) >= (1, 37) else 1
    )  # HPAScaleToZero is on by default from 1.37
    yield from spec["minReplicas"].within(lowest)
    yield from spec["maxReplicas"].within(1)
    if low is not None and high is not None and high < low:
        yield spec["maxReplicas"].says(f"{high} must be greater than or equal to minReplicas ({low})")
    for name in ("kind", "name"):
        yield from spec["scaleTargetRef"][name].required()
    for metric in spec["metrics"].items:
        yield from _metric(metric)
    for direction in ("scaleUp", "scaleDown"):
        yield from _behavior(spec["behavior"][direction])


def _metric(metric: Field) -> Iterator[str]:
    kind = metric["type"]
    yield from kind.among(*_METRICS)
    if kind.text not in _METRICS:
        return
    wanted = _METRICS[kind.text]
    if metric[wanted].missing:
        yield metric[wanted].says(f"is required with type {kind.text}")
    for other in _METRICS.values():
        if other != wanted and metric[other].present:
            yield metric[other].says(f"must not be set with type {kind.text}")
    target = metric[wanted]["target"]
    yield from target["type"].among("Utilization", "Value", "AverageValue")
    needed = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}.get(
        target["type"].text or ""
    )
    if needed and target[needed].missing:
        yield target[needed].says(f"is required with target type {target['type'].text}")
    yield from target["averageUtilization"].within(1)


def _behavior(rules: Field) -> Iterator[str]:
    yield from rules["stabilizationWindowSeconds"].within(0, 3600)
    yield from rules["selectPolicy"].among("Max", "Min", "Disabled")
    for policy in rules["policies"].items:
        yield from policy["type"].among("Pods", "Percent")
        yield from policy["value"].within(1)
        yield from policy["periodSeconds"].within(1, 1800)


def disruption_budget(root: Field, _version: str) -> Iterator[str]:
    """A PodDisruptionBudget."""
    spec = root["spec"]
    low, high = spec["minAvailable"], spec["maxUnavailable"]
    if low.present and high.present:
        yield spec.says("minAvailable and maxUnavailable cannot be both set")
    for share in (low, high):
        yield from syntax.share(share)
        if share.text is not None and (syntax.percent(share.text) or 0) > 100:
            yield share.says(f"{share.text!r} must not be greater than 100%")
    yield from spec["unhealthyPodEvictionPolicy"].among("IfHealthyBudget", "AlwaysAllow")
    yield from selector_problems(spec["selector"])
