"""The settings of a stack: what people type, checked in one place, before anything is made.

`load` turns the plain values of a stack file into frozen `Settings` or raises `SettingsError` with every problem at
once. `json_schema` describes the stack file for editors. Nothing here imports Pulumi.
"""

from .addons import ExternalDns, ExtraAddon
from .base import Section
from .cluster import Access, Cluster, NodeGroup, Taint
from .environment import Environment
from .errors import Problem, SettingsError
from .existing import Existing, ExistingCluster, ExistingListener, HostedZone, ServiceNetwork, Vpc
from .expose import Alb, Expose, Route
from .lattice import Lattice, LatticeExposure, LatticeHealthCheck
from .load import load
from .load_balancers import Certificate, LoadBalancer
from .model import Settings
from .network import FlowLogs, Network
from .schema import json_schema
from .workload import Health, Image, Resources, Scaling, Workload

__all__ = [
    "Access",
    "Alb",
    "Certificate",
    "Cluster",
    "Environment",
    "Existing",
    "ExistingCluster",
    "ExistingListener",
    "Expose",
    "ExternalDns",
    "ExtraAddon",
    "FlowLogs",
    "Health",
    "HostedZone",
    "Image",
    "Lattice",
    "LatticeExposure",
    "LatticeHealthCheck",
    "LoadBalancer",
    "Network",
    "NodeGroup",
    "Problem",
    "Resources",
    "Route",
    "Scaling",
    "Section",
    "ServiceNetwork",
    "Settings",
    "SettingsError",
    "Taint",
    "Vpc",
    "Workload",
    "json_schema",
    "load",
]
