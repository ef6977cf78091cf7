"""The settings of a stack: what people type, checked in one place, before anything is made.

`load` turns the plain values of a stack file into frozen `Settings` or raises `SettingsError` with every problem at
once. `json_schema` describes the stack file for editors. Nothing here imports Pulumi.
"""

from .backend_tls import BackendTls
from .base import Section
from .cluster import Access, Cluster, NodeGroup, Taint
from .edge import Headers, Logs, Mtls, TrustStore, Waf
from .environment import Environment, Existing, HostedZone
from .errors import Problem, SettingsError
from .expose import Alb, Expose
from .load import load
from .load_balancers import Certificate, LoadBalancer
from .model import Settings
from .network import Network
from .routes import Rewrite, Rewrites, Route
from .schema import json_schema
from .spreading import Canary, Stickiness, TargetHealth, Threshold
from .workload import Health, Image, Resources, Scaling, Workload

__all__ = [
    "Access",
    "Alb",
    "BackendTls",
    "Canary",
    "Certificate",
    "Cluster",
    "Environment",
    "Existing",
    "Expose",
    "Headers",
    "Health",
    "HostedZone",
    "Image",
    "LoadBalancer",
    "Logs",
    "Mtls",
    "Network",
    "NodeGroup",
    "Problem",
    "Resources",
    "Rewrite",
    "Rewrites",
    "Route",
    "Scaling",
    "Section",
    "Settings",
    "SettingsError",
    "Stickiness",
    "Taint",
    "TargetHealth",
    "Threshold",
    "TrustStore",
    "Waf",
    "Workload",
    "json_schema",
    "load",
]
