"""From settings to VPC Lattice: service network, controller and Gateway, and what the stack says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components import clients, crds, settings
from components.base import Component
from components.cluster import Cluster
from components.existing import ExistingCluster, ExistingNetwork
from components.lattice_route import Mesh
from components.network import Network
from components.workload import Workload

if TYPE_CHECKING:
    from components.lattice import ServiceNetwork
    from components.lattice_controller import LatticeController, LatticeControllerArgs


@dataclass(frozen=True, kw_only=True)
class Wired:
    """The service network of a stack. mesh: as its workloads meet it."""

    config: settings.Lattice
    region: str
    name: str
    network: ServiceNetwork
    mesh: Mesh

    def outputs(self, workloads: Mapping[str, Workload]) -> dict[str, Any]:
        """What the stack exports: the service network, and by workload what its clients need."""
        shared = {"share_arn": self.network.share_arn} if self.network.share_arn is not None else {}
        return {
            "service_network": {"id": self.network.id, "arn": self.network.arn, "name": self.name, **shared},
            "clients": {
                name: workload.routed.domain.apply(
                    clients.lattice_client(workload.config, self.config.auth, self.region)
                )
                for name, workload in sorted(workloads.items())
                if workload.routed
            },
        }


def require(config: settings.Settings) -> None:
    """Stop where a service network is asked for and its routes' definitions are not here: pulumi.RunError."""
    if config.lattice is not None:
        crds.require("gateway-api", mode="lattice")


def wired(
    owner: Component,
    config: settings.Settings,
    *,
    region: str,
    network: Network | ExistingNetwork,
    cluster: Cluster | ExistingCluster,
    after: Sequence[pulumi.Resource],
    tags: Mapping[str, str],
) -> Wired | None:
    """Everything of VPC Lattice but the workloads' own; None without the section `lattice`.

    after: what comes first on the cluster: the definitions of routes, the load balancer controller's release.
    """
    if config.lattice is None:
        return None
    # Here, so that a stack without VPC Lattice does not wait for the provider's modules.
    from components.lattice import ServiceNetwork, ServiceNetworkArgs, network_name  # noqa: PLC0415
    from components.lattice_controller import LatticeControllerArgs  # noqa: PLC0415

    project, stack = pulumi.get_project(), pulumi.get_stack()
    existing = config.existing.service_network
    name = existing.name if existing else network_name(project, stack)
    service_network = ServiceNetwork(
        "service-network",
        ServiceNetworkArgs(
            config=config.lattice,
            network_name=name,
            vpc_id=network.vpc_id,
            vpc_cidr=config.existing.vpc.cidr if config.existing.vpc else config.network.cidr,
            subnet_ids=list(network.private_subnet_ids.values()),
            pod_security_group_id=cluster.security_group_id,
            ports=_ports(config),
            existing=existing,
            protect=config.environment.protected,
            tags=tags,
        ),
        owner.child(),
    )
    controller = _controller(
        owner,
        LatticeControllerArgs(
            cluster_name=cluster.cluster_name,
            region=region,
            account_id=service_network.account_id,
            vpc_id=network.vpc_id,
            network_name=name,
            kubernetes=cluster.kubernetes,
            agent=cluster.addons.get("eks-pod-identity-agent"),
            depends_on=[*cluster.ready, *after],
            network_ready=service_network.ready,
            tags=tags,
        ),
    )
    mesh = _mesh(config.lattice, name, controller, (project, stack))
    return Wired(config=config.lattice, region=region, name=name, network=service_network, mesh=mesh)


def _controller(owner: Component, args: LatticeControllerArgs) -> LatticeController:
    from components.lattice_controller import LatticeController  # noqa: PLC0415

    return LatticeController("lattice-controller", args, owner.child())


def _mesh(config: settings.Lattice, name: str, controller: LatticeController, identity: tuple[str, ...]) -> Mesh:
    return Mesh(
        auth=config.auth,
        gateway_name=name,
        gateway_namespace=controller.namespace,
        gateway=controller.gateway,
        controller=controller.release,
        identity=identity,
    )


def _ports(config: settings.Settings) -> list[int]:
    """The ports of pods that VPC Lattice connects to: for calls, and for health checks."""
    ports: set[int] = set()
    for workload in config.services.values():
        exposure = workload.expose.lattice
        if exposure is not None:
            ports |= {workload.port, (exposure.health_check and exposure.health_check.port) or workload.port}
    return sorted(ports)
