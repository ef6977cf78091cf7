"""A load balancer that the controller makes of Ingresses: one for itself, and one for each workload."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes import apiextensions, meta, networking

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
from components.settings.ingress_order import order
from components.settings.rules import Rule, rules_of
from components.target_group import protocol, protocol_version

CONTROLLER_NAME = "ingress.k8s.aws/alb"
_PREFIX = "alb.ingress.kubernetes.io/"
_LISTENERS = json.dumps([{"HTTPS": 443}])
_WITH_HTTP = json.dumps([{"HTTP": 80}, {"HTTPS": 443}])
# The name of an action that stands in an annotation, and the port by which a path refers to one.
_DENIED = "no-route"
_BY_ANNOTATION = "use-annotation"
# The provider's own waiting would look for a Service of every action's name (pulumi-kubernetes
# provider/pkg/await/ingress.go).
_WAIT = {"pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].hostname}"}
_FIXED = {
    "type": "fixed-response",
    "fixedResponseConfig": {
        "contentType": NO_ROUTE["content_type"],
        "messageBody": NO_ROUTE["message_body"],
        "statusCode": NO_ROUTE["status_code"],
    },
}


class IngressLoadBalancer(Component):
    """Class, its parameters, and an Ingress without rules, which gives the load balancer its address and its life.

    Everything that all Ingresses of the group must agree on stands in the parameters alone, which win over annotations:
    one Ingress that disagrees would stop the reconciliation of all (Ingress annotations, "IngressGroup").
    """

    type_name = "IngressLoadBalancer"

    def __init__(self, name: str, args: ControlledArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._class = physical_name(name, args)
        namespace = home(self, args)
        base = self._base(namespace.metadata["name"], self._ingress_class())
        self.dns_name: pulumi.Output[str] = base.status.apply(_hostname)
        self.edge = IngressEdge(class_name=self._class, base=base, kubernetes=args.kubernetes)
        self.register_outputs({"dns_name": self.dns_name})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        args = self._args
        return self.child(provider=args.kubernetes, depends_on=depends_on, protect=args.protect or None)

    def _ingress_class(self) -> networking.v1.IngressClass:
        """IngressClass and IngressClassParams are of the whole cluster, so both have the load balancer's name."""
        parameters = apiextensions.CustomResource(
            f"{self.name}-parameters",
            api_version="elbv2.k8s.aws/v1beta1",
            kind="IngressClassParams",
            metadata=meta.v1.ObjectMetaArgs(name=self._class),
            spec=self._parameters(),
            opts=self._child(*self._args.controller, *self._args.depends_on),
        )
        return networking.v1.IngressClass(
            f"{self.name}-class",
            metadata=meta.v1.ObjectMetaArgs(name=self._class),
            spec=networking.v1.IngressClassSpecArgs(
                controller=CONTROLLER_NAME,
                parameters=networking.v1.IngressClassParametersReferenceArgs(
                    api_group="elbv2.k8s.aws", kind="IngressClassParams", name=self._class
                ),
            ),
            opts=self._child(parameters),
        )

    def _parameters(self) -> dict[str, Any]:
        config = self._args.config
        return {
            # Who may join a group can take its calls away, so nobody else's Ingress may.
            "namespaceSelector": {"matchLabels": pods.stack_labels()},
            "group": {"name": self._class},
            "scheme": config.scheme,
            "ipAddressType": "ipv4",
            "targetType": "ip",
            "subnets": {"ids": list(self._args.subnet_ids)},
            "certificateArn": [self._args.certificate_arn],
            "sslPolicy": config.tls_policy,
            "inboundCIDRs": sorted(set(config.allow_cidrs)),
            "loadBalancerAttributes": balancer_attributes(config),
            # Port 80 then redirects whatever it gets; without it gRPC rules would be put there too, which AWS refuses
            # (Ingress annotations: "ssl-redirect").
            **({"sslRedirectPort": "443"} if config.http_redirect else {}),
            "tags": pairs(self._args.tags),
        }

    def _base(self, namespace: pulumi.Input[str], of: networking.v1.IngressClass) -> networking.v1.Ingress:
        """Answers what no workload's Ingress knows; the last of the group, so the load balancer goes with it."""
        return networking.v1.Ingress(
            f"{self.name}-ingress",
            metadata=meta.v1.ObjectMetaArgs(
                name=self._class,
                namespace=namespace,
                annotations={
                    **_WAIT,
                    f"{_PREFIX}listen-ports": _WITH_HTTP if self._args.config.http_redirect else _LISTENERS,
                    f"{_PREFIX}group.order": "1000",
                    f"{_PREFIX}actions.{_DENIED}": json.dumps(_FIXED, sort_keys=True),
                },
            ),
            spec=networking.v1.IngressSpecArgs(ingress_class_name=self._class, default_backend=_backend(_DENIED)),
            opts=self._child(of),
        )


@dataclass(frozen=True, kw_only=True)
class IngressEdge:
    """The load balancer as a workload meets it: see `controlled.ControlledEdge`. base: the load balancer's Ingress."""

    class_name: str
    base: pulumi.Resource
    kubernetes: pulumi.ProviderResource

    def expose(self, owner: Component, exposed: Exposed) -> list[pulumi.Resource]:
        """The workload's Ingress, ready once its rules and target groups are there."""
        return [
            networking.v1.Ingress(
                f"{owner.name}-ingress",
                metadata=meta.v1.ObjectMetaArgs(
                    name=self.class_name,
                    namespace=exposed.namespace,
                    annotations={**_WAIT, **_annotations(exposed)},
                ),
                spec=networking.v1.IngressSpecArgs(
                    ingress_class_name=self.class_name,
                    rules=_rules(exposed),
                ),
                opts=owner.child(provider=self.kubernetes, depends_on=[self.base, *exposed.services.values()]),
            )
        ]


def _annotations(exposed: Exposed) -> dict[str, str]:
    """What is the workload's own; all values are text (Ingress annotations)."""
    config, health = exposed.config, exposed.config.health
    attributes = ",".join(f"{key}={value}" for key, value in sorted(target_attributes(config, exposed.alb).items()))
    found = {
        "listen-ports": _LISTENERS,
        "group.order": str(order(exposed.name, config)),
        "backend-protocol": protocol(config),
        # Upper case, anything else is an error; left out it is HTTP1.
        "backend-protocol-version": protocol_version(config),
        "target-group-attributes": attributes,
        "healthcheck-protocol": "HTTP",
        "healthcheck-port": health_port(config),
        # The controller's default asks a method nobody has, and takes UNIMPLEMENTED for healthy.
        "healthcheck-path": health.path,
        "success-codes": health.success_codes,
        "healthcheck-interval-seconds": str(health.interval),
        "healthcheck-timeout-seconds": str(health.timeout),
        "healthy-threshold-count": str(health.healthy),
        "unhealthy-threshold-count": str(health.unhealthy),
        **_actions(exposed),
    }
    return {f"{_PREFIX}{key}": value for key, value in found.items()}


def _actions(exposed: Exposed) -> dict[str, str]:
    """Actions and conditions of the paths that are more than a path to a Service."""
    found: dict[str, str] = {}
    for rule in rules_of(exposed.name, exposed.config):
        action = _action_name(rule, exposed)
        if action is None:
            continue
        content = _FIXED if rule.action == "deny" else _forward(exposed)
        found[f"actions.{action}"] = json.dumps(content, sort_keys=True)
        if rule.conditional:
            found[f"conditions.{action}"] = json.dumps(_conditions(rule), sort_keys=True)
    return found


def _action_name(rule: Rule, exposed: Exposed) -> str | None:
    """Name of the action of a rule, None where a plain Service will do."""
    _, kind, key, *_ = (*rule.key.split("/"), "")
    if rule.action == "deny":
        return _DENIED
    if rule.conditional:
        return f"{kind}-{key}"
    return "versions" if len(exposed.services) > 1 else None


def _forward(exposed: Exposed) -> dict[str, Any]:
    groups = [
        {"serviceName": service, "servicePort": exposed.config.port, "weight": weight}
        for service, weight in exposed.weights.items()
    ]
    return {"type": "forward", "forwardConfig": {"targetGroups": groups}}


def _conditions(rule: Rule) -> list[dict[str, Any]]:
    """Ingress annotations, "conditions"; every one must hold, and of its values any may."""
    found: list[dict[str, Any]] = [
        {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": header, "values": list(values)}}
        for header, values in sorted(rule.headers.items())
    ]
    found += [
        {"field": "query-string", "queryStringConfig": {"values": [{"key": key, "value": each} for each in values]}}
        for key, values in sorted(rule.query.items())
    ]
    if rule.source_ips:
        found.append({"field": "source-ip", "sourceIPConfig": {"values": list(rule.source_ips)}})
    return found


def _rules(exposed: Exposed) -> list[networking.v1.IngressRuleArgs]:
    """Paths by host, the narrower first.

    Paths of type ImplementationSpecific are patterns of the load balancer, tried in the order they stand in; a Prefix
    `/package.Service` would take two values of a rule (AWS Load Balancer Controller, Ingress specification).
    """
    by_host: dict[str, list[networking.v1.HTTPIngressPathArgs]] = {}
    rules = sorted(rules_of(exposed.name, exposed.config), key=lambda rule: rule.specificity, reverse=True)
    for rule in rules:
        action = _action_name(rule, exposed)
        backend = _backend(action) if action else _backend(exposed.name, exposed.config.port)
        for host in rule.hosts or (exposed.alb.host,):
            by_host.setdefault(host, []).extend(
                networking.v1.HTTPIngressPathArgs(path=path, path_type="ImplementationSpecific", backend=backend)
                for path in rule.paths
            )
    return [
        networking.v1.IngressRuleArgs(host=host, http=networking.v1.HTTPIngressRuleValueArgs(paths=paths))
        for host, paths in sorted(by_host.items())
    ]


def _backend(name: str, port: int | None = None) -> networking.v1.IngressBackendArgs:
    """A port of a Service, or without one an action that stands in an annotation."""
    place = (
        networking.v1.ServiceBackendPortArgs(name=_BY_ANNOTATION)
        if port is None
        else networking.v1.ServiceBackendPortArgs(number=port)
    )
    return networking.v1.IngressBackendArgs(service=networking.v1.IngressServiceBackendArgs(name=name, port=place))


def _hostname(status: Any) -> str:
    """Empty while a preview does not know it."""
    entries = status.load_balancer.ingress if status and status.load_balancer else None
    return str(entries[0].hostname or "") if entries else ""
