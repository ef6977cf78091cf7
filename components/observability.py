"""Alarms, dashboards and saved queries of a stack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components import alarms, dashboard, settings
from components.access_log_queries import access_log_queries
from components.base import Component
from components.existing import ExistingListener
from components.load_balancer import LoadBalancer
from components.metrics import Place


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """Inputs of `Observability`. load_balancers: by key. region: AWS region, for example `eu-west-1`."""

    config: settings.Observability
    load_balancers: Mapping[str, LoadBalancer | ExistingListener]
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)


class Observability(Component):
    """Alarms of every load balancer and workload, one dashboard for each load balancer, access-log queries.

    Workloads come in one by one (`watch`); `close` makes the dashboards, which show them all. Outputs: `topic_arn` (of
    the topic the stack makes, None without), `dashboards` (their names, by load balancer).
    """

    type_name = "Observability"

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.topic_arn = self._topic()
        own = [self.topic_arn] if self.topic_arn is not None else []
        self._notice = alarms.Notice(
            thresholds=args.config.thresholds, topics=[*args.config.topic_arns, *own], tags=args.tags
        )
        self.dashboards = {key: dashboard_name(key) for key in args.load_balancers} if args.config.dashboards else {}
        self._workloads: dict[str, dict[str, pulumi.Output[str]]] = {key: {} for key in args.load_balancers}
        for key, balancer in sorted(args.load_balancers.items()):
            watched = alarms.Watched(
                name=f"load-balancer-{key}", place=pulumi.Output.from_input(balancer.arn_suffix).apply(Place)
            )
            alarms.load_balancer_alarms(self, watched, self._notice)
        self._queries()

    def _topic(self) -> pulumi.Output[str] | None:
        if not self._args.config.create_topic:
            return None
        # Not encrypted with the key AWS manages for SNS: CloudWatch has no right to use that one, and alarms would tell
        # nobody (SNS developer guide: "Enabling compatibility between event sources from AWS services").
        return aws.sns.Topic(f"{self.name}-topic", tags=dict(self._args.tags), opts=self.child()).arn

    def _queries(self) -> None:
        logs, balancers = self._args.config.access_logs, self._args.load_balancers
        if logs is None or not balancers:
            return
        account = pulumi.Output.from_input(balancers[min(balancers)].arn).apply(lambda arn: arn.split(":")[4])
        access_log_queries(self, logs, account=account, region=self._args.region, tags=self._args.tags)

    def watch(
        self,
        name: str,
        config: settings.Workload,
        *,
        target_group: pulumi.Output[str],
        depends_on: Sequence[pulumi.Resource],
    ) -> None:
        """Watch a workload behind a load balancer.

        target_group: ARN suffix of its target group. depends_on: its pods, so that a first roll-out rings nothing.
        """
        alb = config.expose.alb
        if alb is None:
            return
        self._workloads[alb.load_balancer][name] = target_group
        if config.image is None:
            return  # nothing runs yet
        balancer = self._args.load_balancers[alb.load_balancer].arn_suffix
        place = pulumi.Output.all(balancer, target_group).apply(lambda both: Place(both[0], both[1]))
        watched = alarms.Watched(name=name, place=place, depends_on=depends_on)
        alarms.workload_alarms(self, watched, self._notice, config)

    def close(self) -> None:
        """Make the dashboards."""
        for key, name in sorted(self.dashboards.items()):
            aws.cloudwatch.Dashboard(
                f"{self.name}-dashboard-{key}",
                dashboard_name=name,
                dashboard_body=self._body(key, name),
                opts=self.child(delete_before_replace=True),
            )
        self.register_outputs({"topic_arn": self.topic_arn, "dashboards": self.dashboards})

    def _body(self, key: str, title: str) -> pulumi.Output[str]:
        region = self._args.region
        balancer, workloads = self._args.load_balancers[key].arn_suffix, self._workloads[key]

        def write(known: dict[str, Any]) -> str:
            whole = str(known["balancer"])
            places = {name: Place(whole, str(suffix)) for name, suffix in known["workloads"].items()}
            return dashboard.body(region, title, Place(whole), places)

        return pulumi.Output.from_input({"balancer": balancer, "workloads": workloads}).apply(write)


def dashboard_name(key: str) -> str:
    """Name of a load balancer's dashboard: letters, digits, hyphens and underscores (CloudWatch API: PutDashboard)."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"{pulumi.get_project()}-{pulumi.get_stack()}-{key}")
