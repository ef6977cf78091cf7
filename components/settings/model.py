"""The whole of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from .base import Keys, Says, Section, Settled
from .cloud_map import CloudMap
from .cluster import Cluster
from .environment import Environment
from .existing import Existing
from .forms import BALANCER_KEY, WORKLOAD_KEY, BalancerKey, WorkloadKey
from .lattice import Lattice
from .load_balancers import LoadBalancer
from .network import Network
from .observability import Observability
from .registry import Registry
from .workload import Workload


class Settings(Section):
    """Everything a stack file says, checked and with every default filled in."""

    environment: Annotated[Environment, Says("What kind of environment the stack is.")] = Field(
        default_factory=Environment
    )
    existing: Annotated[Existing, Says("What exists already and is used, not made.")] = Field(default_factory=Existing)
    network: Annotated[Network, Says("The VPC and its subnets; left out where one exists.")] = Field(
        default_factory=Network
    )
    cluster: Annotated[Cluster, Says("The EKS cluster, its nodes, and who may use it; left out where one exists.")] = (
        Field(default_factory=Cluster)
    )
    registry: Annotated[Registry, Says("The ECR repositories of the workloads.")] = Field(default_factory=Registry)
    load_balancers: Annotated[
        Mapping[BalancerKey, Settled[LoadBalancer]], Keys(BALANCER_KEY), Says("Application Load Balancers, by name.")
    ] = Field(default_factory=dict)
    lattice: Annotated[
        Lattice | None, Says("A VPC Lattice service network for workloads that other VPCs call.", default="none")
    ] = None
    services: Annotated[Mapping[WorkloadKey, Settled[Workload]], Keys(WORKLOAD_KEY), Says("Workloads, by name.")] = (
        Field(default_factory=dict)
    )
    cloud_map: Annotated[
        CloudMap | None,
        Says("Where clients outside the cluster find pods.", default="none; they are found inside the cluster only"),
    ] = None
    observability: Annotated[
        Observability | None,
        Says("Alarms and dashboards; `{}` has all defaults.", default="none"),
    ] = None

    def load_balancer_of(self, service: str) -> str | None:
        """Key of the load balancer before workload `service`; None when it has none. Raises KeyError if unknown."""
        alb = self.services[service].expose.alb
        if alb is None:
            return None
        return alb.load_balancer or next(iter(self.balancers), None)

    @property
    def balancers(self) -> tuple[str, ...]:
        """Keys that a workload's `load_balancer` may name: those of `load_balancers` and of `existing.listeners`."""
        return tuple(dict.fromkeys((*self.load_balancers, *self.existing.listeners)))

    @property
    def joins(self) -> bool:
        """Whether a platform stack has what the stack file does not say, and its outputs have not been read yet."""
        return self.existing.platform_stack is not None and self.existing.cluster is None
