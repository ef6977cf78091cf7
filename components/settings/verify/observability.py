"""Rules of metrics and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.model import Settings
from components.settings.wording import Fault, listed, quoted, suggestion

# CloudWatch API Reference, PutMetricAlarm: actions for one state of an alarm.
MOST_ACTIONS: Final = 5


def _metrics(settings: Settings, name: str) -> Iterator[Fault]:
    """Kubernetes, "Horizontal Pod Autoscaling": metrics of pods come from an adapter, and only those it knows."""
    adapter = settings.cluster.metrics_adapter
    known = list(adapter.metrics) if adapter else []
    for metric in settings.services[name].scaling.metrics:
        path = ("services", name, "scaling", "metrics", metric)
        if adapter is None:
            yield Fault(path, "nothing shows this metric to the autoscaler; declare it in cluster.metrics_adapter")
        elif metric not in known:
            near = suggestion(metric, known) or ";"
            yield Fault(
                path, f"cluster.metrics_adapter has no metric {quoted(metric)}{near} (there is: {listed(known)})"
            )


def topics(settings: Settings, region: str | None) -> Iterator[Fault]:
    """CloudWatch User Guide, "Notifying users on alarm changes": the topic is in the alarm's region."""
    found = settings.observability
    for arn in found.topic_arns if found and region is not None else ():
        if arn.split(":")[3] != region:
            yield Fault(
                ("observability", "topic_arns"),
                f"must be topics of {region} (aws:region); received one of {arn.split(':')[3]}",
            )


def _actions(settings: Settings) -> Iterator[Fault]:
    found = settings.observability
    if found and found.create_topic and len(found.topic_arns) >= MOST_ACTIONS:
        yield Fault(
            ("observability", "topic_arns"),
            f"an alarm tells {MOST_ACTIONS} topics at most, and create_topic makes one; leave one out",
        )


def _nothing_to_watch(settings: Settings) -> Iterator[Fault]:
    if settings.observability is not None and not settings.load_balancers:
        yield Fault(
            ("observability",),
            "there is no load balancer, and its metrics are what the alarms and dashboards are made of; leave it out",
        )


RULES: Final = (_actions, _nothing_to_watch)
WORKLOAD_RULES: Final = (_metrics,)
