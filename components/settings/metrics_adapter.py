"""Metrics of the workloads themselves, by which they may be scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from .base import Keys, Planned, Says, Section, Settled, Text
from .forms import Port, Whole

# Prometheus, "Data model": metric names; no colon here, which stands for recording rules.
METRIC_KEY: Final = Text(
    r"[a-z_][a-z0-9_]*", "lower-case letters, digits and underscores, not starting with a digit", maximum=63
)
MetricKey = Annotated[str, METRIC_KEY]


class Metric(Section):
    """A number that each pod has, read from Prometheus."""

    series: Annotated[
        Annotated[str, Text(r"[a-zA-Z_:][a-zA-Z0-9_:]*", "the name of a Prometheus series", maximum=200)],
        Says("Series in Prometheus; it must have the labels `namespace` and `pod`."),
    ]
    kind: Annotated[
        Literal["rate", "value"],
        Says("`rate`: how fast a counter grows per second. `value`: a gauge as it is."),
    ] = "rate"
    window: Annotated[
        Whole, Field(ge=30, le=3600), Says("Seconds over which a rate is taken; at least twice the scrape interval.")
    ] = 120


class MetricsAdapter(Section):
    """An adapter that shows metrics from Prometheus to the autoscalers (custom.metrics.k8s.io)."""

    kind: Annotated[
        Literal["prometheus"],
        Planned(("keda",)),
        Says("Which adapter: `prometheus` installs prometheus-adapter. Prometheus itself is yours."),
    ]
    url: Annotated[
        Annotated[
            str, Text(r"https?://[a-z0-9.-]+(?:/[A-Za-z0-9._~/-]*)?", "http:// or https:// and a host", maximum=300)
        ],
        Says("Where Prometheus is, without the port, as pods reach it."),
    ] = "http://prometheus-server.monitoring.svc"
    port: Annotated[Port, Says("Port of Prometheus.")] = 80
    metrics: Annotated[
        Mapping[MetricKey, Settled[Metric]],
        Field(min_length=1, max_length=100),
        Keys(METRIC_KEY),
        Says("Metrics that `scaling.metrics` of a workload may name."),
    ]
