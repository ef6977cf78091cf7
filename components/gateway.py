"""A load balancer that the controller makes of a Gateway, and of the routes that hang on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes import apiextensions, meta

from components import pods
from components.base import Component
from components.controlled import (
    ControlledArgs,
    Exposed,
    balancer_attributes,
    health_port,
    home,
    pairs,
    physical_name,
    target_attributes,
)
from components.listener import NO_ROUTE
from components.settings.gateway_rules import Match, RouteRule, route_rules
from components.settings.rules import rules_of
from components.target_group import protocol, protocol_version

GATEWAY_API = "gateway.networking.k8s.io/v1"
CONFIGURATION_API = "gateway.k8s.aws/v1"
CONTROLLER_NAME = "gateway.k8s.aws/alb"
LISTENER = "https"
_PLAIN = "http"
# On every namespace (Kubernetes, "Well-Known Labels": kubernetes.io/metadata.name).
_NAME_LABEL = "kubernetes.io/metadata.name"
_GROUP = "gateway.k8s.aws"
_READY = {"pulumi.com/waitFor": json.dumps(["condition=Accepted", "condition=Programmed"])}
# The first condition is whether the Gateway takes the route (LBC source: controllers/gateway/route_reconciler.go).
_ACCEPTED = {"pulumi.com/waitFor": "jsonpath={.status.parents[0].conditions[0].status}=True"}
_KINDS = {"grpc": "GRPCRoute", "http": "HTTPRoute"}


class _Gateway(pulumi.CustomResource):
    """A Gateway with its status, which the SDK's class for custom resources does not have."""

    status: pulumi.Output[Mapping[str, Any]]

    def __init__(self, name: str, properties: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        whole = {"apiVersion": GATEWAY_API, "kind": "Gateway", "status": None, **properties}
        super().__init__(f"kubernetes:{GATEWAY_API}:Gateway", name, whole, opts)


class GatewayLoadBalancer(Component):
    """GatewayClass, Gateway, and the LoadBalancerConfiguration that says what the Gateway API has no fields for."""

    type_name = "GatewayLoadBalancer"

    def __init__(self, name: str, args: ControlledArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._identity = physical_name(name, args)
        namespace = home(self, args)
        self._home: pulumi.Output[str] = namespace.metadata["name"]
        gateway = self._gateway(self._gateway_class(), self._configuration())
        if args.config.http_redirect:
            self._redirect(gateway)
        self.dns_name: pulumi.Output[str] = gateway.status.apply(_address)
        self.edge = GatewayEdge(
            gateway_name=self._identity,
            gateway_namespace=self._home,
            gateway=gateway,
            kubernetes=args.kubernetes,
        )
        self.register_outputs({"dns_name": self.dns_name})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        args = self._args
        return self.child(provider=args.kubernetes, depends_on=depends_on, protect=args.protect or None)

    def _gateway_class(self) -> pulumi.Resource:
        """Of the whole cluster, hence the load balancer's own name. It outlives the Gateway, which is nobody's else."""
        return apiextensions.CustomResource(
            f"{self.name}-class",
            api_version=GATEWAY_API,
            kind="GatewayClass",
            metadata=meta.v1.ObjectMetaArgs(name=self._identity),
            spec={"controllerName": CONTROLLER_NAME},
            opts=self._child(*self._args.controller),
        )

    def _configuration(self) -> pulumi.Resource:
        config = self._args.config
        return apiextensions.CustomResource(
            f"{self.name}-configuration",
            api_version=CONFIGURATION_API,
            kind="LoadBalancerConfiguration",
            metadata=meta.v1.ObjectMetaArgs(name=self._identity, namespace=self._home),
            spec={
                "scheme": config.scheme,
                "ipAddressType": "ipv4",
                "loadBalancerSubnets": [{"identifier": subnet} for subnet in self._args.subnet_ids],
                "sourceRanges": sorted(set(config.allow_cidrs)),
                "loadBalancerAttributes": balancer_attributes(config),
                # A Gateway's own certificateRefs are of no use here (AWS Load Balancer Controller, "L7 Gateway").
                "listenerConfigurations": [
                    {
                        "protocolPort": "HTTPS:443",
                        "defaultCertificate": self._args.certificate_arn,
                        "sslPolicy": config.tls_policy,
                    }
                ],
                "tags": dict(self._args.tags),
            },
            opts=self._child(*self._args.controller, *self._args.depends_on),
        )

    def _gateway(self, *before: pulumi.Resource) -> _Gateway:
        """Workloads on HTTPS alone: behind any other listener target groups are HTTP1 (LBC source: pkg/gateway)."""
        reference = {"group": _GROUP, "kind": "LoadBalancerConfiguration", "name": self._identity}
        listeners = [self._listener(LISTENER, 443, "HTTPS", {"matchLabels": pods.stack_labels()})]
        if self._args.config.http_redirect:
            listeners.append(self._listener(_PLAIN, 80, "HTTP", {"matchLabels": {_NAME_LABEL: self._home}}))
        return _Gateway(
            f"{self.name}-gateway",
            {
                "metadata": {"name": self._identity, "namespace": self._home, "annotations": _READY},
                "spec": {
                    "gatewayClassName": self._identity,
                    "infrastructure": {"parametersRef": reference},
                    "listeners": listeners,
                },
            },
            self._child(*before),
        )

    @staticmethod
    def _listener(name: str, port: int, protocol: str, selector: Mapping[str, Any]) -> dict[str, Any]:
        """selector: whose routes may hang on it."""
        namespaces = {"from": "Selector", "selector": selector}
        return {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": namespaces}}

    def _redirect(self, gateway: pulumi.Resource) -> None:
        """Sends browsers on from port 80; a listener without any route would not exist."""
        redirect = {"scheme": "https", "port": 443, "statusCode": 301}
        parent = {"name": self._identity, "sectionName": _PLAIN}
        apiextensions.CustomResource(
            f"{self.name}-redirect",
            api_version=GATEWAY_API,
            kind="HTTPRoute",
            metadata=meta.v1.ObjectMetaArgs(name=f"{self._identity}-http", namespace=self._home, annotations=_ACCEPTED),
            spec={
                "parentRefs": [parent],
                "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}],
            },
            opts=self._child(gateway),
        )


@dataclass(frozen=True, kw_only=True)
class GatewayEdge:
    """The load balancer as a workload meets it: see `controlled.ControlledEdge`."""

    gateway_name: str
    gateway_namespace: pulumi.Input[str]
    gateway: pulumi.Resource
    kubernetes: pulumi.ProviderResource

    def expose(self, owner: Component, exposed: Exposed) -> list[pulumi.Resource]:
        """What target groups are like comes before the route, which makes them."""
        rules = route_rules(rules_of(exposed.name, exposed.config))
        before = [*self._target_groups(owner, exposed), *self._denial(owner, exposed, rules)]
        parent = {"name": self.gateway_name, "namespace": self.gateway_namespace, "sectionName": LISTENER}
        route = apiextensions.CustomResource(
            f"{owner.name}-route",
            api_version=GATEWAY_API,
            kind=_KINDS[exposed.config.protocol],
            metadata=meta.v1.ObjectMetaArgs(name=self.gateway_name, namespace=exposed.namespace, annotations=_ACCEPTED),
            spec={
                "parentRefs": [parent],
                "hostnames": [exposed.alb.host],
                "rules": [_rule(rule, exposed) for rule in rules],
            },
            opts=owner.child(provider=self.kubernetes, depends_on=[self.gateway, *exposed.services.values(), *before]),
        )
        return [route]

    def _target_groups(self, owner: Component, exposed: Exposed) -> list[pulumi.Resource]:
        return [
            apiextensions.CustomResource(
                f"{track.logical(owner.name)}-target-group-configuration",
                api_version=CONFIGURATION_API,
                kind="TargetGroupConfiguration",
                metadata=meta.v1.ObjectMetaArgs(name=track.name(exposed.name), namespace=exposed.namespace),
                spec={
                    "targetReference": {"name": track.name(exposed.name)},
                    "defaultConfiguration": _target_group(exposed),
                },
                opts=owner.child(provider=self.kubernetes, depends_on=[self.gateway, service]),
            )
            for track, service in exposed.services.items()
        ]

    def _denial(self, owner: Component, exposed: Exposed, rules: Sequence[RouteRule]) -> list[pulumi.Resource]:
        """What a route leads to whose conditions a call does not meet."""
        if not any(rule.denies for rule in rules):
            return []
        fixed = {
            "statusCode": int(NO_ROUTE["status_code"]),
            "contentType": NO_ROUTE["content_type"],
            "messageBody": NO_ROUTE["message_body"],
        }
        return [
            apiextensions.CustomResource(
                f"{owner.name}-no-route",
                api_version=CONFIGURATION_API,
                kind="ListenerRuleConfiguration",
                metadata=meta.v1.ObjectMetaArgs(name=_denial_name(exposed), namespace=exposed.namespace),
                spec={"actions": [{"type": "fixed-response", "fixedResponseConfig": fixed}]},
                opts=owner.child(provider=self.kubernetes, depends_on=[self.gateway]),
            )
        ]


def _denial_name(exposed: Exposed) -> str:
    return f"{exposed.name}-no-route"


def _target_group(exposed: Exposed) -> dict[str, Any]:
    config, health = exposed.config, exposed.config.health
    matcher = {"grpcCode" if config.protocol == "grpc" else "httpCode": health.success_codes}
    return {
        "targetType": "ip",
        "ipAddressType": "ipv4",
        "protocol": protocol(config),
        "protocolVersion": protocol_version(config),
        "targetGroupAttributes": pairs(target_attributes(config, exposed.alb)),
        # The controller's default asks a method nobody has, and takes UNIMPLEMENTED for healthy. It takes the block as
        # a whole, so that what is left out is its default and not AWS's.
        "healthCheckConfig": {
            "healthCheckProtocol": "HTTP",
            "healthCheckPort": health_port(config),
            "healthCheckPath": health.path,
            "matcher": matcher,
            "healthCheckInterval": health.interval,
            "healthCheckTimeout": health.timeout,
            "healthyThresholdCount": health.healthy,
            "unhealthyThresholdCount": health.unhealthy,
        },
    }


def _rule(rule: RouteRule, exposed: Exposed) -> dict[str, Any]:
    match_of = _grpc_match if exposed.config.protocol == "grpc" else _http_match
    matches = [match_of(match) for match in rule.matches]
    found: dict[str, Any] = {"matches": matches} if any(matches) else {}
    if rule.denies:
        reference = {"group": _GROUP, "kind": "ListenerRuleConfiguration", "name": _denial_name(exposed)}
        return {**found, "filters": [{"type": "ExtensionRef", "extensionRef": reference}]}
    backends = [
        {"name": service, "port": exposed.config.port, "weight": weight} for service, weight in exposed.weights.items()
    ]
    return {**found, "backendRefs": backends}


def _grpc_match(match: Match) -> dict[str, Any]:
    """`/package.Service/Method`, `/package.Service/*`, or `/*`, which is no match on the method at all."""
    service, _, method = match.path.removeprefix("/").removesuffix("*").partition("/")
    found: dict[str, Any] = {}
    if service:
        found["method"] = {"type": "Exact", "service": service, **({"method": method} if method else {})}
    return {**found, **_named("headers", match.headers)}


def _http_match(match: Match) -> dict[str, Any]:
    """A prefix matches the path without the final slash too, unlike `/api/*` of a listener rule."""
    prefix = match.path.endswith("*")
    value = (match.path.removesuffix("*").rstrip("/") or "/") if prefix else match.path
    path = {"type": "PathPrefix" if prefix else "Exact", "value": value}
    return {"path": path, **_named("headers", match.headers), **_named("queryParams", match.query)}


def _named(key: str, values: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {key: [{"type": "Exact", "name": name, "value": value} for name, value in values]} if values else {}


def _address(status: Any) -> str:
    """Empty while a preview does not know it."""
    addresses = (status or {}).get("addresses") or []
    return str(addresses[0].get("value") or "") if addresses else ""
