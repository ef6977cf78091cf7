"""The settings of a stack: what people type, checked in one place, before anything is made.

`load` turns the plain values of a stack file into frozen `Settings` or raises `SettingsError` with every problem at
once. `json_schema` describes the stack file for editors. Nothing here imports Pulumi.
"""

from .addons import ExternalDns, ExtraAddon
from .backend_tls import BackendTls
from .base import Section
from .client_side import ClientSide, Retry
from .cloud_map import CloudMap
from .cluster import Access, Cluster, NodeGroup, Taint
from .edge import Headers, Logs, Mtls, TrustStore, Waf
from .environment import Environment
from .errors import Problem, SettingsError
from .existing import Existing, ExistingCluster, ExistingListener, HostedZone, ServiceNetwork, Vpc
from .expose import Alb, Expose
from .lattice import Lattice, LatticeExposure, LatticeHealthCheck
from .load import load
from .load_balancers import Certificate, LoadBalancer
from .metrics_adapter import Metric, MetricsAdapter
from .model import Settings
from .network import FlowLogs, Network
from .observability import AccessLogs, Observability, Thresholds, WorkloadThresholds
from .permissions import Statement
from .registry import Registry
from .routes import Rewrite, Rewrites, Route
from .schema import json_schema
from .secrecy import encrypted
from .spreading import Canary, Stickiness, TargetHealth, Threshold
from .workload import Health, Image, Resources, Scaling, Spread, Workload

__all__ = [
    "Access",
    "AccessLogs",
    "Alb",
    "BackendTls",
    "Canary",
    "Certificate",
    "ClientSide",
    "CloudMap",
    "Cluster",
    "Environment",
    "Existing",
    "ExistingCluster",
    "ExistingListener",
    "Expose",
    "ExternalDns",
    "ExtraAddon",
    "FlowLogs",
    "Headers",
    "Health",
    "HostedZone",
    "Image",
    "Lattice",
    "LatticeExposure",
    "LatticeHealthCheck",
    "LoadBalancer",
    "Logs",
    "Metric",
    "MetricsAdapter",
    "Mtls",
    "Network",
    "NodeGroup",
    "Observability",
    "Problem",
    "Registry",
    "Resources",
    "Retry",
    "Rewrite",
    "Rewrites",
    "Route",
    "Scaling",
    "Section",
    "ServiceNetwork",
    "Settings",
    "SettingsError",
    "Spread",
    "Statement",
    "Stickiness",
    "Taint",
    "TargetHealth",
    "Threshold",
    "Thresholds",
    "TrustStore",
    "Vpc",
    "Waf",
    "Workload",
    "WorkloadThresholds",
    "encrypted",
    "json_schema",
    "load",
]
