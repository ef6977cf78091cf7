"""Which mutants break something, and which are harmless: the one table that decides.

Every row names what it rests on. The first row of a mutant's property that fits decides. A mutant without a row counts
as breaking and missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.engine.resource import Resource
from policies.rules import tokens
from tests.mutation import router
from tests.mutation.mutants import Mutant

When = Callable[[Mutant, Sequence[Resource]], bool]
ALWAYS: Final[When] = lambda _mutant, _stack: True  # noqa: E731 - a condition that always holds


@dataclass(frozen=True)
class Row:
    """A verdict. changes: the values that were set, or `removed`; empty for all others. source: what it rests on."""

    path: str
    changes: tuple[Any, ...]
    harmless: bool
    source: str
    when: When = ALWAYS

    def decides(self, mutant: Mutant, stack: Sequence[Resource]) -> bool:
        """Whether the row is about a mutant."""
        if mutant.domain.path != self.path or mutant.what == "wrong type":
            return False
        change = "removed" if mutant.what == "removed" else mutant.value
        fits = not self.changes or any(type(each) is type(change) and each == change for each in self.changes)
        return fits and self.when(mutant, stack)


def harmless(path: str, *changes: Any, source: str, when: When = ALWAYS) -> Row:
    return Row(path, changes, True, source, when)


def breaking(path: str, source: str, *changes: Any, when: When = ALWAYS) -> Row:
    return Row(path, changes, False, source, when)


_CREATE_GROUP: Final = "Elastic Load Balancing API Reference, CreateTargetGroup"
_GROUP_ATTRIBUTES: Final = "Elastic Load Balancing API Reference, TargetGroupAttribute"
_ATTRIBUTES: Final = "Elastic Load Balancing API Reference, LoadBalancerAttribute"
_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"
_CONTROLLER: Final = "AWS Load Balancer Controller"
_TERRAFORM: Final = "hashicorp/terraform-provider-aws"


def _evenly(mutant: Mutant, _: Sequence[Resource]) -> bool:
    """Whether no slow start stands against another algorithm."""
    return mutant.changed.properties.get("slowStart") in (None, 0)


def _in_turn(mutant: Mutant, _: Sequence[Resource]) -> bool:
    return mutant.changed.properties.get("loadBalancingAlgorithmType") in (None, "round_robin")


def _speaks_http(mutant: Mutant, _: Sequence[Resource]) -> bool:
    return mutant.resource.properties.get("protocolVersion") == "HTTP1"


def _nobody_behind(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    """Whether the stack has no pods behind a target group."""
    bound = [each for each in stack if each.kind == tokens.BINDING and _made_of(each, mutant.resource)]
    owners = [each for each in stack if each.kind == tokens.SERVICE and any(_made_of(one, each) for one in bound)]
    return not any(pods_of(each, stack) for each in owners)


def _made_of(resource: Resource, other: Resource) -> bool:
    return any(other.urn in urns for urns in resource.property_dependencies.values())


def pods_of(service: Resource, stack: Sequence[Resource]) -> list[Resource]:
    """The Deployments that a Kubernetes Service selects, names of namespaces aside: all are of their own."""
    wanted = service.properties["spec"].get("selector") or {}
    return [
        each
        for each in stack
        if each.kind == tokens.DEPLOYMENT
        and wanted
        and wanted.items() <= each.properties["spec"]["template"]["metadata"]["labels"].items()
    ]


def referred(resource: Resource, stack: Sequence[Resource]) -> bool:
    """Whether a binding or route of the stack was made of a resource."""
    return any(each.kind in (tokens.BINDING, *tokens.ROUTES) and _made_of(each, resource) for each in stack)


def _same_routes(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    return router.unchanged(mutant.resource, mutant.changed, stack)


TARGET_GROUP: Final = (
    harmless(
        "protocolVersion", "removed", source=f"{_CREATE_GROUP}, ProtocolVersion: HTTP1 by default", when=_speaks_http
    ),
    breaking("protocolVersion", f"{_GUIDE}: Target groups, protocol version; HTTP 464"),
    breaking("protocol", f"{_GUIDE}: Target groups; pulumi/pulumi-aws#3746"),
    breaking("targetType", f"{_GUIDE}: Target groups; {_CONTROLLER}, Pod readiness gate"),
    harmless("ipAddressType", "removed", source=f"{_CREATE_GROUP}, IpAddressType: ipv4 by default"),
    breaking("ipAddressType", f"{_CREATE_GROUP}, IpAddressType: pods of IPv4 cannot be its targets"),
    harmless("port", 1, 65535, source=f"{_CONTROLLER}: it registers every target with a port of its own"),
    breaking("port", f"{_CREATE_GROUP}, Port: 1 to 65535, required but for functions"),
    breaking(
        "healthCheck", f"{_GUIDE}: Health checks for your target groups: 12 at {'/AWS.ALB/healthcheck'} by default"
    ),
    harmless("healthCheck.enabled", "removed", source=f"{_CREATE_GROUP}, HealthCheckEnabled: true by default"),
    breaking("healthCheck.enabled", f"{_CREATE_GROUP}, HealthCheckEnabled: cannot be off for addresses"),
    breaking("healthCheck.path", f"{_GUIDE}: Health checks for your target groups: /package.service/method"),
    breaking("healthCheck.matcher", "Elastic Load Balancing API Reference, Matcher; grpc/grpc doc/health-checking.md"),
    harmless("healthCheck.protocol", "removed", source=f"{_CREATE_GROUP}, HealthCheckProtocol: HTTP by default"),
    breaking("healthCheck.protocol", f"{_CREATE_GROUP}, HealthCheckProtocol"),
    harmless("healthCheck.port", "removed", source=f"{_CREATE_GROUP}, HealthCheckPort: traffic-port by default"),
    breaking("healthCheck.port", f"{_CREATE_GROUP}, HealthCheckPort: nobody listens there"),
    breaking("healthCheck.interval", f"{_CREATE_GROUP}, HealthCheckIntervalSeconds: 5 to 300 s, above the timeout"),
    harmless("healthCheck.timeout", 2, "removed", source=f"{_CREATE_GROUP}, HealthCheckTimeoutSeconds: 2 to 120 s"),
    breaking("healthCheck.timeout", f"{_CREATE_GROUP}, HealthCheckTimeoutSeconds: 2 to 120 s, below the interval"),
    harmless(
        "healthCheck.healthyThreshold", 2, 10, "removed", source=f"{_CREATE_GROUP}, HealthyThresholdCount: 2 to 10"
    ),
    breaking("healthCheck.healthyThreshold", f"{_CREATE_GROUP}, HealthyThresholdCount: 2 to 10"),
    harmless("healthCheck.unhealthyThreshold", "removed", source=f"{_CREATE_GROUP}, UnhealthyThresholdCount"),
    breaking("healthCheck.unhealthyThreshold", f"{_CREATE_GROUP}, UnhealthyThresholdCount: 2 to 10; ten take minutes"),
    harmless(
        "deregistrationDelay",
        *(3600,),
        source=f"{_GROUP_ATTRIBUTES} deregistration_delay: 0 to 3600 s; whose pods they are is not told",
        when=_nobody_behind,
    ),
    breaking("deregistrationDelay", f"{_GROUP_ATTRIBUTES} deregistration_delay: 0 to 3600 s, 300 s by default"),
    harmless("slowStart", 0, "removed", source=f"{_GROUP_ATTRIBUTES} slow_start: off by default"),
    harmless("slowStart", 30, 900, source=f"{_GROUP_ATTRIBUTES} slow_start: 30 to 900 s", when=_in_turn),
    breaking("slowStart", f"{_GUIDE}: Slow start mode: 30 to 900 s, with round robin alone"),
    harmless(
        "loadBalancingAlgorithmType",
        *("removed", "round_robin"),
        source=f"{_GROUP_ATTRIBUTES} load_balancing.algorithm.type: round_robin by default",
    ),
    harmless(
        "loadBalancingAlgorithmType",
        *("least_outstanding_requests", "weighted_random"),
        source=f"{_GROUP_ATTRIBUTES} load_balancing.algorithm.type",
        when=_evenly,
    ),
    breaking("loadBalancingAlgorithmType", f"{_GUIDE}: Slow start mode, with round robin alone"),
    harmless("loadBalancingAnomalyMitigation", "off", source=f"{_GROUP_ATTRIBUTES}: off by default"),
    breaking("loadBalancingAnomalyMitigation", f"{_GROUP_ATTRIBUTES}: with weighted_random alone"),
    harmless(
        "stickiness.enabled", True, False, "removed", source=f"{_GUIDE}: Sticky sessions: cookies, which gRPC lacks"
    ),
    breaking("stickiness.type", f"{_GROUP_ATTRIBUTES} stickiness.type: lb_cookie or app_cookie with a name"),
)
LISTENER: Final = (
    breaking("protocol", "kubernetes-sigs/aws-load-balancer-controller#2214"),
    breaking("port", "Elastic Load Balancing API Reference, CreateListener, Port; the security group admits 443 alone"),
    breaking("certificateArn", "Elastic Load Balancing API Reference, CreateListener: HTTPS has one certificate"),
    harmless(
        "sslPolicy",
        *("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"),
        source=f"{_GUIDE}: Security policies: TLS 1.2 and 1.3",
    ),
    breaking("sslPolicy", f"{_GUIDE}: Security policies; without one ELBSecurityPolicy-2016-08"),
    harmless("alpnPolicy", "None", source="Elastic Load Balancing API Reference, CreateListener, AlpnPolicy"),
    breaking("alpnPolicy", "Elastic Load Balancing API Reference, CreateListener, AlpnPolicy: for TLS listeners"),
    harmless(
        "mutualAuthentication.mode", "passthrough", source=f"{_GUIDE}: Mutual authentication with TLS, with HTTP/2 too"
    ),
    breaking("mutualAuthentication.mode", f"{_GUIDE}: Mutual authentication with TLS: verify needs a trust store"),
    breaking("defaultActions", "Elastic Load Balancing API Reference, CreateListener, DefaultActions: required"),
    breaking("defaultActions[].type", "Elastic Load Balancing API Reference, Action"),
    harmless(
        "defaultActions[].fixedResponse.statusCode",
        *("200", "503"),
        source="Elastic Load Balancing API Reference, FixedResponseActionConfig: 2XX, 4XX or 5XX",
    ),
    breaking(
        "defaultActions[].fixedResponse.statusCode",
        "Elastic Load Balancing API Reference, FixedResponseActionConfig: 2XX, 4XX or 5XX",
    ),
)
LISTENER_RULE: Final = (
    harmless("priority", "removed", source=f"{_TERRAFORM} lb_listener_rule, priority: the next one that is free"),
    harmless("priority", 1, 50000, source=f"{_GUIDE}: Listener rules: the order is the same", when=_same_routes),
    breaking("priority", "Elastic Load Balancing API Reference, CreateRule, Priority: 1 to 50000; order decides"),
    breaking("actions", "Elastic Load Balancing API Reference, CreateRule, Actions: required"),
    breaking("actions[].type", f"{_GUIDE}: Listener rules: gRPC target groups take forward alone"),
    breaking("conditions", "Elastic Load Balancing API Reference, CreateRule, Conditions: required"),
    harmless("conditions[].pathPattern.values[]", source=f"{_GUIDE}: the same calls match", when=_same_routes),
    breaking("conditions[].pathPattern.values[]", f"{_GUIDE}: Condition types: /package.Service/Method, with its case"),
    harmless("conditions[].hostHeader.values[]", "*", source=f"{_GUIDE}: the same calls match", when=_same_routes),
    breaking("conditions[].hostHeader.values[]", f"{_GUIDE}: Condition types for listener rules: 1 to 128 characters"),
    breaking(
        "conditions[].httpHeader.httpHeaderName",
        "Elastic Load Balancing API Reference, HttpHeaderConditionConfig: at most 40 characters, required",
    ),
)
LOAD_BALANCER: Final = (
    harmless("loadBalancerType", "removed", source="Elastic Load Balancing API Reference, CreateLoadBalancer, Type"),
    breaking("loadBalancerType", f"{_GUIDE}: gRPC target groups are for Application Load Balancers"),
    harmless("ipAddressType", "ipv4", source="Elastic Load Balancing API Reference, CreateLoadBalancer: the default"),
    breaking("ipAddressType", "Elastic Load Balancing API Reference, CreateLoadBalancer: subnets must have IPv6"),
    harmless("enableHttp2", "removed", source=f"{_ATTRIBUTES} routing.http2.enabled: true by default"),
    breaking("enableHttp2", f"{_ATTRIBUTES} routing.http2.enabled"),
    harmless(
        "idleTimeout", 60, 4000, "removed", source=f"{_ATTRIBUTES} idle_timeout: 60 s by default, enough for calls"
    ),
    breaking("idleTimeout", f"{_ATTRIBUTES} idle_timeout: 1 to 4000 s; hashicorp/waypoint#3621"),
    harmless("clientKeepAlive", 60, 604800, "removed", source=f"{_ATTRIBUTES} client_keep_alive: 60 to 604800 s"),
    breaking("clientKeepAlive", f"{_ATTRIBUTES} client_keep_alive: 60 to 604800 s"),
    harmless(
        "desyncMitigationMode", "strictest", "removed", source=f"{_ATTRIBUTES} routing.http.desync_mitigation_mode"
    ),
    breaking("desyncMitigationMode", f"{_ATTRIBUTES} routing.http.desync_mitigation_mode"),
    harmless("dropInvalidHeaderFields", True, False, "removed", source=f"{_ATTRIBUTES} drop_invalid_header_fields"),
    harmless("xffHeaderProcessingMode", "preserve", "remove", "removed", source=f"{_ATTRIBUTES} xff_header_processing"),
    breaking("xffHeaderProcessingMode", f"{_ATTRIBUTES} routing.http.xff_header_processing.mode"),
    breaking("subnets", "Elastic Load Balancing API Reference, CreateLoadBalancer, Subnets: two zones"),
)
ROWS: Final = {
    tokens.TARGET_GROUP: TARGET_GROUP,
    tokens.LISTENER: LISTENER,
    tokens.LISTENER_RULE: LISTENER_RULE,
    tokens.LOAD_BALANCER: LOAD_BALANCER,
}
