"""The body of a load balancer's dashboard (CloudWatch API reference: "Dashboard body structure and syntax")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.metrics import NAMESPACE, PERIOD, Place

WIDTH = 6  # of 24 columns: four graphs side by side
HEIGHT = 6

NOTE = (
    "gRPC status codes are not here: a gRPC error is an answer with HTTP status 200 to the load balancer, so only the "
    "servers' own metrics count them."
)


def body(region: str, title: str, balancer: Place, workloads: Mapping[str, Place]) -> str:
    """A row for the load balancer, then one for each workload, as JSON text."""
    widgets: list[dict[str, Any]] = [_text(f"# {title}\n{NOTE}", 0)]
    rows = [_balancer_row(balancer), *(_workload_row(name, place) for name, place in sorted(workloads.items()))]
    for number, row in enumerate(rows):
        top = 2 + number * HEIGHT
        widgets += [_graph(region, graph, column, top) for column, graph in enumerate(row)]
    return json.dumps({"widgets": widgets}, sort_keys=True)


def _text(markdown: str, top: int) -> dict[str, Any]:
    return {"type": "text", "x": 0, "y": top, "width": 24, "height": 2, "properties": {"markdown": markdown}}


def _graph(region: str, graph: dict[str, Any], column: int, top: int) -> dict[str, Any]:
    properties = {"region": region, "view": "timeSeries", "period": PERIOD, "stat": "Sum", **graph}
    place = {"x": column * WIDTH, "y": top, "width": WIDTH, "height": HEIGHT}
    return {"type": "metric", **place, "properties": properties}


def _metric(place: Place, name: str, **options: str) -> list[Any]:
    dimensions = [part for pair in sorted(place.dimensions().items()) for part in pair]
    return [NAMESPACE, name, *dimensions, *([options] if options else [])]


def _balancer_row(place: Place) -> list[dict[str, Any]]:
    return [
        {
            "title": "Calls",
            "metrics": [
                _metric(place, "RequestCount", label="all"),
                _metric(place, "GrpcRequestCount", label="gRPC"),
            ],
        },
        {
            "title": "Answered by the load balancer itself",
            "metrics": [
                _metric(place, "HTTPCode_ELB_4XX_Count", label="4xx, 464 among them"),
                *(_metric(place, f"HTTPCode_ELB_{code}_Count", label=code) for code in ("502", "503", "504")),
            ],
        },
        {
            "title": "Connections",
            "metrics": [
                _metric(place, "NewConnectionCount", label="new"),
                _metric(place, "ActiveConnectionCount", label="active"),
                _metric(place, "RejectedConnectionCount", label="rejected"),
                _metric(place, "ClientTLSNegotiationErrorCount", label="TLS failed"),
            ],
        },
        {
            "title": "Capacity and bytes",
            "metrics": [
                _metric(place, "ConsumedLCUs", label="LCUs"),
                _metric(place, "ProcessedBytes", label="bytes", yAxis="right"),
            ],
        },
    ]


def _workload_row(name: str, place: Place) -> list[dict[str, Any]]:
    return [
        {"title": f"{name}: calls", "metrics": [_metric(place, "RequestCount", label="calls")]},
        {
            "title": f"{name}: time to the first response header",
            "metrics": [_metric(place, "TargetResponseTime", stat=stat, label=stat) for stat in ("p50", "p90", "p99")],
        },
        {
            "title": f"{name}: failed",
            "metrics": [
                _metric(place, "HTTPCode_Target_5XX_Count", label="HTTP 5xx of pods"),
                _metric(place, "TargetConnectionErrorCount", label="connections to pods"),
            ],
        },
        {
            "title": f"{name}: pods",
            "metrics": [
                _metric(place, "HealthyHostCount", stat="Maximum", label="healthy"),
                _metric(place, "UnHealthyHostCount", stat="Maximum", label="unhealthy"),
            ],
        },
    ]
