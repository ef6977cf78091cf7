"""The platform: the one place that knows all components and wires settings into them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pulumi

from components import controlled, exports, external_dns, lattice_wiring, optional, settings, stacks
from components.base import Component
from components.client_side import Callee
from components.cluster import Cluster, ClusterArgs
from components.controllers import LoadBalancerController, LoadBalancerControllerArgs
from components.dns import Certificates, alias_record, certificate_domains
from components.existing import ExistingCluster, ExistingListener, ExistingNetwork, let_in
from components.identity import PodIdentity
from components.listener_rules import Destination, Edge
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.network import Network, NetworkArgs
from components.registry import Repository, RepositoryArgs
from components.settings import priorities
from components.settings.rules import destinations, hosts_of, in_order, rules_of
from components.workload import Workload, WorkloadArgs


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
        lattice_wiring.require(config)  # before anything is registered
        controlled.require(config)
        super().__init__(name, opts)
        self._settings = config
        self._region = region
        self._stack = pulumi.get_stack()
        # What the VPC and its load balancers are told apart by: all create-only, none an output.
        vpc = config.existing.vpc
        self._identity = (pulumi.get_project(), self._stack, vpc.id if vpc else config.network.cidr)
        self._tags = {
            **config.environment.tags,
            "grpc-platform:project": pulumi.get_project(),
            "grpc-platform:stack": self._stack,
        }
        self._protected = config.environment.protected
        self._exposed = self._by_load_balancer()
        self.network = self._network()
        self.cluster = self._cluster()
        self.definitions = optional.definitions(self, config)
        self.controller = self._controller()
        external_dns.of_platform(self, config, self._tags, region=region)
        self.metrics_adapter = optional.metrics_adapter(self, config)
        self.discovery = optional.discovery(self, config, region=region, tags=self._tags)
        self.repositories = self._repositories()
        certificates = self._certificate_arns()
        self.load_balancers: dict[str, LoadBalancer | ExistingListener] = {
            key: self._load_balancer(key, arn) for key, arn in certificates.items() if self._owner(key) == "pulumi"
        }
        self.load_balancers.update(self._listeners())
        self.controlled = optional.controlled_balancers(
            self,
            config,
            {key: self._controlled_args(key, arn) for key, arn in certificates.items() if self._owner(key) != "pulumi"},
        )
        self.lattice = self._lattice()
        self._records()
        self.observability = optional.observability(self, config, region=region, tags=self._tags)
        self.workloads: dict[str, Workload] = {}
        self.outputs = exports.outputs(self, config, self._exposed)

    async def register_workloads(self) -> None:
        """Make the workloads, in name order but after those their routes lead to, and close the component.

        The SDK sends nothing to the engine while the program holds its event loop, and hundreds of workloads take a
        minute to construct. A turn of the loop after each lets the engine work on the first ones meanwhile.
        """
        edges = self._edges()
        for name in in_order(self._settings.services):
            config = self._settings.services[name]
            self.workloads[name] = self._workload(name, config, edges.get(name))
            self._watch(name, config)
            await asyncio.sleep(0)
        if self.lattice is not None:
            self.outputs["lattice"] = self.lattice.outputs(self.workloads)
        if self.observability is not None:
            self.observability.close()
        self.register_outputs(self.outputs)

    def _network(self) -> Network | ExistingNetwork:
        config, existing = self._settings.network, self._settings.existing
        if existing.vpc is not None:
            return ExistingNetwork.of(existing.vpc)
        return Network(
            "network",
            NetworkArgs(
                cidr=config.cidr,
                zones=tuple(config.zones),
                nat=config.nat,
                region=self._region,
                endpoint_services=config.endpoints,
                flow_logs=config.flow_logs,
                log_bucket=existing.log_bucket,
                tags=self._tags,
                protect=self._protected,
            ),
            self.child(),
        )

    def _cluster(self) -> Cluster | ExistingCluster:
        network, existing = self.network, self._settings.existing.cluster
        profile = pulumi.Config("aws").get("profile")
        if existing is not None:
            return ExistingCluster("cluster", existing, region=self._region, profile=profile, opts=self.child())
        # The control plane keeps the zones it was created with (EKS user guide: "VPC and subnet requirements").
        zones = self._settings.cluster.zones
        if not self._settings.cluster.public_access_cidrs:
            pulumi.log.info("The cluster's endpoint is private: pulumi must run where the VPC can be reached.", self)
        subnets = [
            ids[zone]
            for ids in (network.public_subnet_ids, network.private_subnet_ids)
            for zone in zones
            if zone in ids
        ]
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
                profile=profile,
                tags=self._tags,
                protect=self._protected,
            ),
            self.child(),
        )

    def _controller(self) -> LoadBalancerController | None:
        existing = self._settings.existing.cluster
        if existing is not None and existing.load_balancer_controller:
            return None
        return LoadBalancerController(
            "load-balancer-controller",
            LoadBalancerControllerArgs(
                cluster_name=self.cluster.cluster_name,
                region=self._region,
                vpc_id=self.network.vpc_id,
                kubernetes=self.cluster.kubernetes,
                agent=self.cluster.addons.get("eks-pod-identity-agent"),
                depends_on=[*self.cluster.ready, *self.definitions],
                makes_load_balancers=any(each.owner != "pulumi" for each in self._settings.load_balancers.values()),
                tags=self._tags,
            ),
            self.child(),
        )

    def _owner(self, key: str) -> str:
        return self._settings.load_balancers[key].owner

    def _lattice(self) -> lattice_wiring.Wired | None:
        return lattice_wiring.wired(
            self,
            self._settings,
            region=self._region,
            network=self.network,
            cluster=self.cluster,
            after=[*self.definitions, *([self.controller.release] if self.controller else [])],
            tags=self._tags,
        )

    def _repositories(self) -> dict[str, Repository]:
        return {
            name: Repository(
                name,
                RepositoryArgs(
                    repository_name=f"{self._stack}/{name}",
                    config=self._settings.registry,
                    region=self._region,
                    tags=self._tags,
                    protect=self._protected,
                ),
                self.child(),
            )
            for name, workload in sorted(self._settings.services.items())
            if workload.image is None or workload.image.uri is None
        }

    def _by_load_balancer(self) -> dict[str, dict[str, settings.Workload]]:
        """Exposed workloads by load balancer, both in name order."""
        exposed: dict[str, dict[str, settings.Workload]] = {key: {} for key in sorted(self._settings.balancers)}
        for name, workload in sorted(self._settings.services.items()):
            if workload.expose.alb:
                exposed[workload.expose.alb.load_balancer][name] = workload
        return exposed

    def _hosts(self, load_balancer: str) -> list[str]:
        workloads = self._exposed[load_balancer].values()
        return sorted({host for workload in workloads if workload.expose.alb for host in hosts_of(workload.expose.alb)})

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
            arns[key] = issuer.issue(key, given.domains if given and given.domains else self._domains(key, zone.name))
        return arns

    def _domains(self, key: str, zone: str) -> tuple[str, ...]:
        if self._settings.environment.kind == "platform":
            return stacks.wildcard(zone)
        return certificate_domains(self._hosts(key) or [zone], zone)

    def _ports(self, key: str) -> list[int]:
        workloads = self._exposed[key].values()
        return [port for each in workloads for port in (each.port, each.health.port or each.port)]

    def _listeners(self) -> dict[str, ExistingListener]:
        group = None if self._settings.existing.cluster else self.cluster.security_group_id
        return {
            key: ExistingListener.of(each, let_in(self, key, each, group, self._ports(key)) if group else [])
            for key, each in sorted(self._settings.existing.listeners.items())
        }

    def _load_balancer(self, key: str, certificate_arn: pulumi.Input[str]) -> LoadBalancer:
        config = self._settings.load_balancers[key]
        return LoadBalancer(
            key,
            LoadBalancerArgs(
                config=config,
                identity=self._identity,
                vpc_id=self.network.vpc_id,
                subnet_ids=self._subnets(key),
                certificate_arn=certificate_arn,
                backend_security_group_id=self.cluster.security_group_id,
                ports=[*config.pod_ports, *self._ports(key)],
                depends_on=self.network.ready,
                protect=config.deletion_protection,
                log_bucket=self._settings.existing.log_bucket,
                tags=self._tags,
            ),
            self.child(),
        )

    def _subnets(self, key: str) -> list[pulumi.Input[str]]:
        internal = self._settings.load_balancers[key].scheme == "internal"
        return list((self.network.private_subnet_ids if internal else self.network.public_subnet_ids).values())

    def _controlled_args(self, key: str, certificate_arn: pulumi.Input[str]) -> controlled.ControlledArgs:
        config = self._settings.load_balancers[key]
        return controlled.ControlledArgs(
            config=config,
            identity=self._identity,
            subnet_ids=self._subnets(key),
            certificate_arn=certificate_arn,
            kubernetes=self.cluster.kubernetes,
            controller=[*([self.controller.release] if self.controller else []), *self.definitions],
            depends_on=self.network.ready,
            protect=config.deletion_protection,
            tags=self._tags,
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
                    protect=self._deletion_protection(key),
                )
        for key, balancer in self.controlled.items():
            for host in self._hosts(key):
                protect = self._deletion_protection(key)
                controlled.record(self, host, zone, dns_name=balancer.dns_name, protect=protect)

    def _deletion_protection(self, key: str) -> bool:
        own = self._settings.load_balancers.get(key)
        return own.deletion_protection if own else self._protected

    def _watch(self, name: str, config: settings.Workload) -> None:
        workload = self.workloads[name]
        if self.observability is not None and workload.target_group is not None:
            suffix = workload.target_group.arn_suffix
            self.observability.watch(name, config, target_group=suffix, depends_on=workload.ready)

    def _edges(self) -> dict[str, Edge | controlled.ControlledEdge]:
        edges: dict[str, Edge | controlled.ControlledEdge] = {
            name: balancer.edge for key, balancer in self.controlled.items() for name in self._exposed[key]
        }
        for key, load_balancer in self.load_balancers.items():
            workloads = self._exposed[key]
            rules = [rule for name, workload in workloads.items() for rule in rules_of(name, workload)]
            first, last = self._run(key)
            assigned = priorities.assign({rule.key: rule.specificity for rule in rules}, first=first, last=last)
            edge = Edge(
                listener_arn=load_balancer.listener_arn,
                vpc_id=self.network.vpc_id,
                # A target group serves one load balancer only, so it is replaced together with it
                # ("TargetGroupAssociationLimit", hashicorp/terraform-provider-aws#22005).
                identity=(*self._identity, key, *self._balancer_identity(key)),
                priorities=assigned,
                ready=load_balancer.paths_to_pods,
            )
            edges.update(dict.fromkeys(workloads, edge))
        return edges

    def _balancer_identity(self, key: str) -> tuple[str, ...]:
        own = self._settings.load_balancers.get(key)
        return (own.scheme, str(own.generation)) if own else (self._settings.existing.listeners[key].arn,)

    def _run(self, key: str) -> tuple[int, int]:
        """The priorities that this stack's rules may have on a load balancer."""
        listener = self._settings.existing.listeners.get(key)
        return (listener.priorities.first, listener.priorities.last) if listener else (1, priorities.LAST)

    def _workload(
        self, name: str, config: settings.Workload, edge: Edge | controlled.ControlledEdge | None
    ) -> Workload:
        return Workload(
            name,
            WorkloadArgs(
                config=config,
                kubernetes=self.cluster.kubernetes,
                controller=self.controller.release if self.controller else None,
                namespace=self.namespace_of(name),
                edge=edge,
                mesh=self.lattice.mesh if self.lattice else None,
                repositories=self.repositories,
                callees={
                    callee: Callee(self._settings.services[callee], self.namespace_of(callee))
                    for callee in config.calls
                },
                identity=PodIdentity(
                    cluster_name=self.cluster.cluster_name, agent=self.cluster.addons.get("eks-pod-identity-agent")
                ),
                found_by=self.discovery.found_by(name) if self.discovery else ({}, []),
                metrics=self.metrics_adapter.release if self.metrics_adapter and config.scaling.metrics else None,
                destinations=self._destinations(config),
                tags=self._tags,
            ),
            self.child(),
        )

    def namespace_of(self, name: str) -> str:
        """Name of a workload's Kubernetes namespace."""
        return stacks.namespace(self._stack, self._settings.environment.kind, name)

    def _destinations(self, config: settings.Workload) -> dict[str, Destination]:
        found = {name: self.workloads[name].destination for name in destinations(config)}
        return {name: destination for name, destination in found.items() if destination is not None}
