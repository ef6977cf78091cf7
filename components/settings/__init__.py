"""The settings of a stack: what people type, checked in one place, before anything is made.

`load` turns the plain values of a stack file into frozen `Settings` or raises `SettingsError` with every problem at
once. `json_schema` describes the stack file for editors. Nothing here imports Pulumi.
"""

from .base import Section
from .client_side import ClientSide, Retry
from .cloud_map import CloudMap
from .cluster import Access, Cluster, NodeGroup, Taint
from .environment import Environment, Existing, HostedZone
from .errors import Problem, SettingsError
from .expose import Alb, Expose, Route
from .load import load
from .load_balancers import Certificate, LoadBalancer
from .metrics_adapter import Metric, MetricsAdapter
from .model import Settings
from .network import Network
from .observability import AccessLogs, Observability, Thresholds, WorkloadThresholds
from .permissions import Statement
from .schema import json_schema
from .workload import Health, Image, Resources, Scaling, Spread, Workload

__all__ = [
    "Access",
    "AccessLogs",
    "Alb",
    "Certificate",
    "ClientSide",
    "CloudMap",
    "Cluster",
    "Environment",
    "Existing",
    "Expose",
    "Health",
    "HostedZone",
    "Image",
    "LoadBalancer",
    "Metric",
    "MetricsAdapter",
    "Network",
    "NodeGroup",
    "Observability",
    "Problem",
    "Resources",
    "Retry",
    "Route",
    "Scaling",
    "Section",
    "Settings",
    "SettingsError",
    "Spread",
    "Statement",
    "Taint",
    "Thresholds",
    "Workload",
    "WorkloadThresholds",
    "json_schema",
    "load",
]
