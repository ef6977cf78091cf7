"""The settings of a stack: what people type, checked in one place, before anything is made.

`load` turns the plain values of a stack file into frozen `Settings` or raises `SettingsError` with every problem at
once. `json_schema` describes the stack file for editors. Nothing here imports Pulumi.
"""

from .base import Section
from .cluster import Access, Cluster, NodeGroup, Taint
from .environment import Environment, Existing, HostedZone
from .errors import Problem, SettingsError
from .expose import Alb, Expose, Route
from .lattice import Lattice, LatticeExposure, LatticeHealthCheck
from .load import load
from .load_balancers import Certificate, LoadBalancer
from .model import Settings
from .network import Network
from .schema import json_schema
from .workload import Health, Image, Resources, Scaling, Workload

__all__ = [
    "Access",
    "Alb",
    "Certificate",
    "Cluster",
    "Environment",
    "Existing",
    "Expose",
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
    "Settings",
    "SettingsError",
    "Taint",
    "Workload",
    "json_schema",
    "load",
]
