"""The adapter that shows metrics from Prometheus to the autoscalers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.helm import v3 as helm

from components import settings, versions
from components.base import Component


@dataclass(frozen=True, kw_only=True)
class MetricsAdapterArgs:
    """Inputs of `MetricsAdapter`. kubernetes: provider of the cluster. depends_on: nodes and add-ons."""

    config: settings.MetricsAdapter
    kubernetes: pulumi.ProviderResource
    depends_on: Sequence[pulumi.Resource]


class MetricsAdapter(Component):
    """prometheus-adapter's Helm release with one rule for each declared metric; Prometheus itself is the user's."""

    type_name = "MetricsAdapter"

    def __init__(self, name: str, args: MetricsAdapterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        chart = versions.PROMETHEUS_ADAPTER
        self.release = helm.Release(
            f"{name}-release",
            name=chart.name,
            chart=chart.name,
            version=chart.version,
            namespace=chart.namespace,
            repository_opts=helm.RepositoryOptsArgs(repo=chart.repository),
            values=values(args.config),
            opts=self.child(provider=args.kubernetes, depends_on=args.depends_on),
        )
        self.register_outputs({})


def values(config: settings.MetricsAdapter) -> dict[str, Any]:
    """Chart values (prometheus-adapter: values.yaml, docs/config.md)."""
    return {
        "prometheus": {"url": config.url, "port": config.port},
        "rules": {
            # The chart's own rules show whatever Prometheus has; here is shown what was declared, and nothing else.
            "default": False,
            "custom": [rule(name, metric) for name, metric in sorted(config.metrics.items())],
        },
        "podDisruptionBudget": {"enabled": True},
        "replicas": 2,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }


def rule(name: str, metric: settings.Metric) -> dict[str, Any]:
    """One rule: which series, which of its labels are namespace and pod, under which name, and how it is read.

    `<<.Series>>`, `<<.LabelMatchers>>` and `<<.GroupBy>>` are the adapter's own (docs/config.md).
    """
    selected = "<<.Series>>{<<.LabelMatchers>>}"
    read = f"rate({selected}[{metric.window}s])" if metric.kind == "rate" else selected
    return {
        "seriesQuery": f'{metric.series}{{namespace!="",pod!=""}}',
        "resources": {"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}},
        "name": {"as": name},
        "metricsQuery": f"sum({read}) by (<<.GroupBy>>)",
    }
