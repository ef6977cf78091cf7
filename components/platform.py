"""The platform: the one place that knows all components and wires settings into them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi

from components import clients, settings
from components.base import Component
from components.cluster import Cluster, ClusterArgs
from components.controllers import LoadBalancerController, LoadBalancerControllerArgs
from components.dns import Certificates, alias_record, certificate_domains
from components.listener_rules import Destination, Edge
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.network import Network, NetworkArgs
from components.registry import Repository
from components.settings import priorities
from components.settings.rules import destinations, hosts_of, in_order, rules_of
from components.workload import Workload, WorkloadArgs, repository


class Platform(Component):
    """Everything one environment has, from its settings. `outputs` is what the program exports.

    settings: validated; region: AWS region of the default provider, for example `eu-west-1`. The constructor makes all
    but the workloads; `await platform.register_workloads()` adds those.
    """

    type_name = "Platform"

    def __init__(
        self,
        name: str,
        config: settings.Settings,
        *,
        region: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self._settings = config
        self._region = region
        self._stack = pulumi.get_stack()
        # What the VPC and its load balancers are told apart by: all create-only, none an output.
        self._identity = (pulumi.get_project(), self._stack, config.network.cidr)
        self._tags = {
            **config.environment.tags,
            "grpc-platform:project": pulumi.get_project(),
            "grpc-platform:stack": self._stack,
        }
        self._protected = config.environment.protected
        self._exposed = self._by_load_balancer()
        self.network = self._network()
        self.cluster = self._cluster()
        self.controller = self._controller()
        self.repositories = self._repositories()
        self.load_balancers = self._load_balancers()
        self._records()
        self.workloads: dict[str, Workload] = {}
        self.outputs = self._outputs()

    async def register_workloads(self) -> None:
        """Make the workloads, in name order but after those their routes lead to, and close the component.

        The SDK sends nothing to the engine while the program holds its event loop, and hundreds of workloads take a
        minute to construct. A turn of the loop after each lets the engine work on the first ones meanwhile.
        """
        edges = self._edges()
        for name in in_order(self._settings.services):
            self.workloads[name] = self._workload(name, self._settings.services[name], edges.get(name))
            await asyncio.sleep(0)
        self.register_outputs(self.outputs)

    def _network(self) -> Network:
        config = self._settings.network
        return Network(
            "network",
            NetworkArgs(
                cidr=config.cidr, zones=tuple(config.zones), nat=config.nat, tags=self._tags, protect=self._protected
            ),
            self.child(),
        )

    def _cluster(self) -> Cluster:
        network = self.network
        # The control plane keeps the zones it was created with (EKS user guide: "VPC and subnet requirements").
        zones = self._settings.cluster.zones
        if not self._settings.cluster.public_access_cidrs:
            pulumi.log.info("The cluster's endpoint is private: pulumi must run where the VPC can be reached.", self)
        subnets = [ids[zone] for ids in (network.public_subnet_ids, network.private_subnet_ids) for zone in zones]
        return Cluster(
            "cluster",
            ClusterArgs(
                cluster_name=f"{pulumi.get_project()}-{self._stack}",
                region=self._region,
                config=self._settings.cluster,
                vpc_id=network.vpc_id,
                subnet_ids=subnets,
                node_subnet_ids=list(network.node_subnet_ids.values()),
                network_ready=network.ready,
                profile=pulumi.Config("aws").get("profile"),
                tags=self._tags,
                protect=self._protected,
            ),
            self.child(),
        )

    def _controller(self) -> LoadBalancerController:
        return LoadBalancerController(
            "load-balancer-controller",
            LoadBalancerControllerArgs(
                cluster_name=self.cluster.cluster_name,
                region=self._region,
                vpc_id=self.network.vpc_id,
                kubernetes=self.cluster.kubernetes,
                agent=self.cluster.addons["eks-pod-identity-agent"],
                depends_on=self.cluster.ready,
                tags=self._tags,
            ),
            self.child(),
        )

    def _repositories(self) -> dict[str, Repository]:
        return {
            name: repository(self, name, stack=self._stack, tags=self._tags, protect=self._protected)
            for name, workload in sorted(self._settings.services.items())
            if workload.image is None or workload.image.uri is None
        }

    def _by_load_balancer(self) -> dict[str, dict[str, settings.Workload]]:
        """Exposed workloads by load balancer, both in name order."""
        exposed: dict[str, dict[str, settings.Workload]] = {key: {} for key in sorted(self._settings.load_balancers)}
        for name, workload in sorted(self._settings.services.items()):
            if workload.expose.alb:
                exposed[workload.expose.alb.load_balancer][name] = workload
        return exposed

    def _hosts(self, load_balancer: str) -> list[str]:
        workloads = self._exposed[load_balancer].values()
        return sorted({host for workload in workloads if workload.expose.alb for host in hosts_of(workload.expose.alb)})

    def _load_balancers(self) -> dict[str, LoadBalancer]:
        arns = self._certificate_arns()
        return {key: self._load_balancer(key, arn) for key, arn in arns.items()}

    def _certificate_arns(self) -> Mapping[str, pulumi.Input[str]]:
        zone = self._settings.existing.hosted_zone
        issuer = Certificates(self, zone, self._tags) if zone else None
        arns: dict[str, pulumi.Input[str]] = {}
        for key, config in sorted(self._settings.load_balancers.items()):
            given = config.certificate
            if given and given.arn:
                arns[key] = given.arn
                continue
            if zone is None or issuer is None:
                raise ValueError(f"load balancer {key} has neither a certificate nor a hosted zone to validate one in")
            hosts = self._hosts(key) or [zone.name]
            domains = given.domains if given and given.domains else certificate_domains(hosts, zone.name)
            arns[key] = issuer.issue(key, domains)
        return arns

    def _load_balancer(self, key: str, certificate_arn: pulumi.Input[str]) -> LoadBalancer:
        config = self._settings.load_balancers[key]
        network = self.network
        internal = config.scheme == "internal"
        workloads = self._exposed[key].values()
        return LoadBalancer(
            key,
            LoadBalancerArgs(
                config=config,
                identity=self._identity,
                vpc_id=network.vpc_id,
                subnet_ids=list((network.private_subnet_ids if internal else network.public_subnet_ids).values()),
                certificate_arn=certificate_arn,
                backend_security_group_id=self.cluster.security_group_id,
                ports=[port for each in workloads for port in (each.port, each.health.port or each.port)],
                depends_on=network.ready,
                protect=config.deletion_protection,
                log_bucket=self._settings.existing.log_bucket,
                tags=self._tags,
            ),
            self.child(),
        )

    def _records(self) -> None:
        zone = self._settings.existing.hosted_zone
        if zone is None:
            return
        for key, load_balancer in self.load_balancers.items():
            for host in self._hosts(key):
                alias_record(
                    self,
                    host,
                    zone,
                    dns_name=load_balancer.dns_name,
                    zone_id=load_balancer.zone_id,
                    protect=self._settings.load_balancers[key].deletion_protection,
                )

    def _edges(self) -> dict[str, Edge]:
        edges: dict[str, Edge] = {}
        for key, load_balancer in self.load_balancers.items():
            workloads, config = self._exposed[key], self._settings.load_balancers[key]
            rules = [rule for name, workload in workloads.items() for rule in rules_of(name, workload)]
            assigned = priorities.assign({rule.key: rule.specificity for rule in rules})
            edge = Edge(
                listener_arn=load_balancer.listener_arn,
                vpc_id=self.network.vpc_id,
                # A target group serves one load balancer only, so it is replaced together with it
                # ("TargetGroupAssociationLimit", hashicorp/terraform-provider-aws#22005).
                identity=(*self._identity, key, config.scheme, str(config.generation)),
                priorities=assigned,
                ready=load_balancer.paths_to_pods,
            )
            edges.update(dict.fromkeys(workloads, edge))
        return edges

    def _workload(self, name: str, config: settings.Workload, edge: Edge | None) -> Workload:
        return Workload(
            name,
            WorkloadArgs(
                config=config,
                kubernetes=self.cluster.kubernetes,
                controller=self.controller.release,
                edge=edge,
                repositories=self.repositories,
                destinations=self._destinations(config),
                tags=self._tags,
            ),
            self.child(),
        )

    def _destinations(self, config: settings.Workload) -> dict[str, Destination]:
        found = {name: self.workloads[name].destination for name in destinations(config)}
        return {name: destination for name, destination in found.items() if destination is not None}

    def _outputs(self) -> dict[str, Any]:
        services = sorted(self._settings.services.items())
        return {
            "cluster": {"name": self.cluster.cluster_name, "version": self._settings.cluster.version},
            "kubeconfig": self.cluster.kubeconfig,
            "vpc_id": self.network.vpc_id,
            "load_balancers": {
                key: {"arn": each.arn, "dns_name": each.dns_name} for key, each in self.load_balancers.items()
            },
            "repositories": {name: each.url for name, each in self.repositories.items()},
            "endpoints": {
                name: f"{workload.expose.alb.host}:443" for name, workload in services if workload.expose.alb
            },
            "clients": {name: found for name, workload in services if (found := clients.client(workload)) is not None},
            "topology": self._topology(),
        }

    def _topology(self) -> dict[str, Any]:
        """Who is reached through what, as plain data: load balancer → workload → host, gRPC services, pods."""
        return {
            key: {
                name: {
                    "host": workload.expose.alb.host if workload.expose.alb else None,
                    "grpc_services": list(workload.grpc_services),
                    "running": workload.image is not None,
                }
                for name, workload in self._exposed[key].items()
            }
            for key in sorted(self.load_balancers)
        }
