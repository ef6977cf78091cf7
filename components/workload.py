"""One entry of `services:`: repository, edge, and the pods behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes import apiextensions, apps, autoscaling, core, meta, policy

from components import client_side, pods, settings
from components.base import Component
from components.controlled import ControlledEdge, Exposed
from components.identity import PodIdentity, workload_role
from components.lattice_route import READINESS_GATE as LATTICE_GATE
from components.lattice_route import Mesh, Routed, routed
from components.listener_rules import Destination, Edge, listener_rules
from components.registry import Repository
from components.settings.rules import rules_of
from components.target_group import target_group
from components.track import CANARY, STABLE, Track

# New pods of a namespace with this label become ready only when the load balancer has them in service; the gate is
# put in at creation, so binding and Service come first (LBC documentation: "Pod readiness gate").
READINESS_GATE = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
# Its webhook makes these immutable; anything else of a binding changes in place.
BINDING_IMMUTABLE = ["spec.targetGroupARN", "spec.targetType", "spec.ipAddressType", "spec.vpcID"]


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """Inputs of `Workload`.

    config: its entry in the settings. kubernetes: provider of the cluster. controller: the load balancer
    controller's release, whose chart brings the binding's CRD; None where it is installed already. namespace: its
    name, by default the workload's. edge: the load balancer it is exposed on. mesh: the service network it is exposed
    on. repositories: of all workloads, by name, for images that live there. callees: the workloads it calls, by name.
    identity: how its pods get a role, needed where it has permissions. metrics: what shows other metrics than CPU and
    memory to the autoscaler. found_by: annotations of the headless Service that make it known outside the cluster, and
    what must exist before. destinations: of the workloads that its routes lead to.
    """

    config: settings.Workload
    kubernetes: pulumi.ProviderResource
    controller: pulumi.Resource | None = None
    namespace: str | None = None
    edge: Edge | ControlledEdge | None = None
    mesh: Mesh | None = None
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    callees: Mapping[str, client_side.Callee] = field(default_factory=dict)
    identity: PodIdentity | None = None
    metrics: pulumi.Resource | None = None
    found_by: tuple[Mapping[str, str], list[pulumi.Resource]] = field(default_factory=lambda: ({}, []))
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Workload(Component):
    """Namespace, Service, target group, listener rules, binding, Deployment, autoscaler and disruption budget.

    Without an image there is everything but the Deployment and what scales it; the edge waits for the first one.
    `target_group`: the one behind a load balancer, if any; `ready`: what stands for running pods.
    """

    type_name = "Workload"

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.config = self._config = args.config
        self.namespace = self._namespace()
        account = self._service_account()
        alb, edge = self._config.expose.alb, self._args.edge
        self._canary = alb.canary if alb and edge else None
        services = {track: self._kubernetes_service(track) for track in self._tracks()}
        self.destination = self._destination(alb, edge) if alb and isinstance(edge, Edge) else None
        self.target_group = self.destination.group if self.destination else None
        self.ready: list[pulumi.Resource] = []
        edges = self._exposure(services, alb, edge) if alb and edge else {}
        headless = self._client_side()
        self.routed = self._lattice(services[STABLE])
        image = self._image()
        role = self._role(account)
        if image is not None:
            secret, variables = self._secret(), client_side.call_variables(self, args.callees, self._place())
            reached = [*headless, *([self.routed.route] if self.routed else []), *role]
            for track, service in services.items():
                before = [account, service, *edges.get(track, ()), *reached]
                self._pods(track, pods.Contents(self._reference(image, track), secret, variables), before)
        self.register_outputs({"namespace": self.namespace.metadata.name})

    @property
    def _controllers(self) -> list[pulumi.Resource]:
        return [self._args.controller] if self._args.controller is not None else []

    def _object(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return self.child(provider=self._args.kubernetes, depends_on=depends_on)

    def _tracks(self) -> tuple[Track, ...]:
        return (STABLE, CANARY) if self._canary else (STABLE,)

    def _metadata(
        self, track: Track = STABLE, *, named: bool = True, annotations: Mapping[str, str] | None = None
    ) -> meta.v1.ObjectMetaArgs:
        return meta.v1.ObjectMetaArgs(
            name=track.name(self.name) if named else None,
            namespace=self.namespace.metadata.name,
            labels=pods.labels(track.name(self.name)),
            annotations=annotations,
        )

    def _namespace(self) -> core.v1.Namespace:
        # After the controller, and so deleted before it: a binding in the namespace holds a finalizer that only the
        # controller removes.
        mesh = self._args.mesh if self._config.expose.lattice else None
        gates = {**READINESS_GATE, **(LATTICE_GATE if mesh else {})}
        return core.v1.Namespace(
            f"{self.name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(
                name=self._args.namespace or self.name,
                labels={**pods.labels(self.name), **pods.stack_labels(), **gates},
            ),
            opts=self.child(
                provider=self._args.kubernetes,
                depends_on=[*self._controllers, *([mesh.controller] if mesh else [])],
                delete_timeout=pods.delete_timeout(self._config.drain),
            ),
        )

    def _service_account(self) -> core.v1.ServiceAccount:
        return core.v1.ServiceAccount(
            f"{self.name}-service-account",
            metadata=self._metadata(),
            automount_service_account_token=False,
            opts=self._object(),
        )

    def _kubernetes_service(self, track: Track) -> core.v1.Service:
        return core.v1.Service(
            f"{track.logical(self.name)}-service",
            # The pods come after the Service and its binding; waiting for endpoints here would wait for ever.
            metadata=self._metadata(track, annotations={"pulumi.com/skipAwait": "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=pods.labels(track.name(self.name)),
                ports=[
                    core.v1.ServicePortArgs(
                        name=pods.port_name(self._config),
                        port=self._config.port,
                        target_port=self._config.port,
                        app_protocol=pods.app_protocol(self._config),
                    )
                ],
            ),
            opts=self._object(),
        )

    def _destination(self, alb: settings.Alb, edge: Edge) -> Destination:
        tags = self._args.tags
        return Destination(
            group=target_group(self, self._config, alb, edge, tags),
            canary=target_group(self, self._config, alb, edge, tags, CANARY) if self._canary else None,
            weight=self._canary.weight if self._canary else 0,
            stickiness=alb.stickiness.duration if alb.stickiness else 0,
        )

    def _exposure(
        self, services: Mapping[Track, core.v1.Service], alb: settings.Alb, edge: Edge | ControlledEdge
    ) -> dict[Track, list[pulumi.Resource]]:
        """What must be there before the pods of a version, so that they are targets from their first moment."""
        if not isinstance(edge, Edge):
            namespace = self.namespace.metadata["name"]
            exposed = Exposed(self.name, namespace=namespace, config=self._config, alb=alb, services=services)
            return dict.fromkeys(services, edge.expose(self, exposed))
        own = self.destination
        if own is None:
            return {}
        destinations: dict[str | None, Destination] = {None: own}
        destinations.update(self._args.destinations)
        rules = listener_rules(self, rules_of(self.name, self._config), alb, destinations, edge, self._args.tags)
        groups = {STABLE: own.group, CANARY: own.canary}
        # After the rules: pods of a group that no listener uses are never health-checked, so the readiness gate
        # would keep them waiting.
        return {
            track: [self._binding(track, service, group, edge, rules)]
            for track, service in services.items()
            if (group := groups[track]) is not None
        }

    def _lattice(self, service: core.v1.Service) -> Routed | None:
        exposure, mesh = self._config.expose.lattice, self._args.mesh
        if exposure is None or mesh is None:
            return None
        return routed(self, self._config, exposure, mesh, service, self._args.kubernetes)

    def _binding(
        self,
        track: Track,
        service: core.v1.Service,
        group: aws.lb.TargetGroup,
        edge: Edge,
        rules: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        return apiextensions.CustomResource(
            f"{track.logical(self.name)}-binding",
            api_version="elbv2.k8s.aws/v1beta1",
            kind="TargetGroupBinding",
            metadata=self._metadata(track, named=False),
            spec={
                "serviceRef": {"name": service.metadata.name, "port": self._config.port},
                "targetGroupARN": group.arn,
                "targetType": "ip",
                "ipAddressType": "ipv4",
                "vpcID": edge.vpc_id,
            },
            opts=self.child(
                provider=self._args.kubernetes,
                depends_on=[*self._controllers, *rules, *edge.ready],
                replace_on_changes=BINDING_IMMUTABLE,
                # The old one first: while both exist new pods get a readiness gate of each, and the old target
                # group may never find them healthy (LBC source: pkg/inject/pod_readiness).
                delete_before_replace=True,
            ),
        )

    def _place(self) -> client_side.Namespaced:
        return client_side.Namespaced(namespace=self.namespace.metadata.name, kubernetes=self._args.kubernetes)

    def _client_side(self) -> list[pulumi.Resource]:
        if self._config.expose.client_side is None:
            return []
        client_side.published(self, self._config, self._args.namespace or self.name, self._place())
        annotations, before = self._args.found_by
        return [
            client_side.headless_service(self, self._config, self._place(), annotations=annotations, depends_on=before)
        ]

    def _role(self, account: core.v1.ServiceAccount) -> list[pulumi.Resource]:
        if self._args.identity is None or not (self._config.permissions or self._config.statements):
            return []
        return workload_role(self, self._config, self._args.identity, account, self._args.tags)

    def _image(self) -> settings.Image | None:
        self.repository = self._args.repositories.get(self.name)
        return self._config.image

    def _reference(self, image: settings.Image, track: Track) -> pulumi.Output[str]:
        """Where the image of a version lies: all versions in one repository."""
        version = self._canary if track.canary and self._canary else image
        reference = f"@{version.digest}" if version.digest else f":{version.tag}"
        if image.uri:
            return pulumi.Output.from_input(image.uri + reference)
        return pulumi.Output.concat(self._args.repositories[image.repository or self.name].url, reference)

    def _secret(self) -> core.v1.Secret | None:
        if not self._config.secrets:
            return None
        # Auto-named: changed content makes a new object and so a rollout, and the old pods keep theirs meanwhile.
        return core.v1.Secret(
            f"{self.name}-secret",
            metadata=self._metadata(named=False),
            string_data={
                key: pulumi.Output.secret(value.get_secret_value()) for key, value in self._config.secrets.items()
            },
            opts=self._object(),
        )

    def _pods(self, track: Track, contents: pods.Contents, depends_on: Sequence[pulumi.Resource]) -> None:
        name, logical = track.name(self.name), track.logical(self.name)
        deployment = apps.v1.Deployment(
            f"{logical}-deployment",
            metadata=self._metadata(track),
            spec=pods.deployment_spec(name, self._config, contents, account=self.name),
            opts=self.child(
                provider=self._args.kubernetes,
                depends_on=depends_on,
                delete_timeout=pods.delete_timeout(self._config.drain),
            ),
        )
        self.ready.append(deployment)
        scaling = self._config.scaling
        autoscaling.v2.HorizontalPodAutoscaler(
            f"{logical}-autoscaler",
            metadata=self._metadata(track, named=False),
            spec=pods.autoscaler_spec(name, pods.share(scaling, self._canary) if track.canary else scaling),
            opts=self._object(deployment, *([self._args.metrics] if self._args.metrics else [])),
        )
        policy.v1.PodDisruptionBudget(
            f"{logical}-disruption-budget",
            metadata=self._metadata(track, named=False),
            spec=pods.disruption_budget_spec(name),
            opts=self._object(deployment),
        )
