"""ALB042, LAT023: values that Elastic Load Balancing and VPC Lattice refuse by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.forms import Each, Fields, Number, Table, Text
from policies.engine.resource import Resource
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import UnknownValueError, known
from policies.rules import shapes
from policies.rules.forwarding import ACTIONS, actions
from policies.rules.lattice import LISTENER as LATTICE_LISTENER
from policies.rules.lattice import NETWORK, TARGETS
from policies.rules.lattice import RULE as LATTICE_RULE
from policies.rules.lattice import SERVICE as LATTICE_SERVICE
from policies.rules.lattice import _check as _lattice_check
from policies.rules.lattice import targets as _lattice_targets
from policies.rules.listeners import edge, listener, rule
from policies.rules.load_balancers import balancer
from policies.rules.target_groups import GOOD, bad, checked, group
from policies.rules.tokens import LISTENER, LISTENER_RULE, LOAD_BALANCER, TARGET_GROUP
from policies.rules.values import FLAG, PORT, TEXT, misshapen

_PROTOCOLS: Final = ("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
# Spellings of GRPC and health checks of gRPC target groups have rules of their own (ALB001, ALB005 to ALB007, ALB009,
# ALB037), and so have the times of health checks.
_VERSION: Final = Text(pattern=r"HTTP1|HTTP2|(?i:GRPC)", words="HTTP1, HTTP2 or GRPC, in capitals")
_CHECK: Final = Fields(
    {
        "enabled": FLAG,
        "path": TEXT,
        "matcher": TEXT,
        "port": Number(1, 65535, other="traffic-port"),
        "protocol": Text(("HTTP", "HTTPS", "TCP")),
    }
)
_TAGS: Final = Table(TEXT)
_TARGET_GROUP: Final = Fields(
    {
        "name": TEXT,
        "tags": _TAGS,
        "port": PORT,
        "protocol": Text(_PROTOCOLS),
        "protocolVersion": _VERSION,
        "targetType": Text(("instance", "ip", "lambda", "alb")),
        "ipAddressType": Text(("ipv4", "ipv6")),
        "deregistrationDelay": Number(0, 3600, " s"),
        "slowStart": Number(0, 900, " s"),
        "loadBalancingAlgorithmType": Text(("round_robin", "least_outstanding_requests", "weighted_random")),
        "loadBalancingAnomalyMitigation": Text(("on", "off")),
        "healthCheck": _CHECK,
        "stickiness": Fields(
            {
                "enabled": FLAG,
                "type": Text(("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto")),
            }
        ),
    }
)
_ANSWER: Final = Fields(
    {
        "statusCode": Text(pattern=r"[245]\d\d", words="a status from 200 to 299, 400 to 499 or 500 to 599"),
        "contentType": Text(("text/plain", "text/css", "text/html", "application/javascript", "application/json")),
    },
    required=("contentType", "statusCode"),
)
_FORWARD: Final = Fields({"targetGroups": Each(Fields({"arn": TEXT, "weight": Number(0, 999)}), least=1)})
_ACTIONS: Final = Each(
    Fields(
        {
            "type": Text(
                (
                    "forward",
                    "authenticate-oidc",
                    "authenticate-cognito",
                    "redirect",
                    "fixed-response",
                    "jwt-validation",
                )
            ),
            "targetGroupArn": TEXT,
            "fixedResponse": _ANSWER,
            "forward": _FORWARD,
            "redirect": Fields({}),
        },
        required=("type",),
    ),
    least=1,
)
_LISTENER: Final = Fields(
    {
        "port": PORT,
        "protocol": Text(("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")),
        "certificateArn": TEXT,
        "sslPolicy": TEXT,
        "alpnPolicy": Text(("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None")),
        "defaultActions": _ACTIONS,
        "mutualAuthentication": Fields({"mode": TEXT}, required=("mode",)),
    },
    required=("defaultActions",),
)
_VALUES: Final = Fields(
    {"values": Each(Text(pattern=r".{1,128}", words="text of 1 to 128 characters")), "regexValues": Each(TEXT)}
)
_CONDITION: Final = Fields(
    {
        "pathPattern": _VALUES,
        "hostHeader": _VALUES,
        "httpHeader": Fields(
            {
                "httpHeaderName": Text(pattern=r"\S{1,40}", words="the name of a header, of at most 40 characters"),
                "values": Each(TEXT),
                "regexValues": Each(TEXT),
            },
            required=("httpHeaderName",),
        ),
        "httpRequestMethod": Fields({"values": Each(TEXT, least=1)}),
        "queryStrings": Each(Fields({"key": TEXT, "value": TEXT}, required=("value",))),
        "sourceIp": Fields({"values": Each(TEXT, least=1)}),
    }
)
_RULE: Final = Fields(
    {
        "priority": Number(1, 50000),
        "actions": _ACTIONS,
        "conditions": Each(_CONDITION, least=1),
        "transforms": Each(Fields({"type": Text(("host-header-rewrite", "url-rewrite"))}, required=("type",))),
    },
    required=("actions", "conditions"),
)
_LOAD_BALANCER: Final = Fields(
    {
        "loadBalancerType": Text(("application", "network", "gateway")),
        "ipAddressType": Text(("ipv4", "dualstack", "dualstack-without-public-ipv4")),
        "enableHttp2": FLAG,
        "idleTimeout": Number(1, 4000, " s"),
        "clientKeepAlive": Number(60, 604800, " s"),
        "desyncMitigationMode": Text(("monitor", "defensive", "strictest")),
        "dropInvalidHeaderFields": FLAG,
        "xffHeaderProcessingMode": Text(("append", "preserve", "remove")),
        "subnets": Each(TEXT),
        "subnetMappings": Each(Fields({})),
        "securityGroups": Each(TEXT),
        "accessLogs": Fields({"enabled": FLAG}),
        "tags": _TAGS,
    }
)

# What an action of each type must have beside it, one of these.
_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "forward": ("targetGroupArn", "forward"),
    "redirect": ("redirect",),
    "fixed-response": ("fixedResponse",),
    "authenticate-oidc": ("authenticateOidc",),
    "authenticate-cognito": ("authenticateCognito",),
    "jwt-validation": ("jwtValidation",),
}


def _together(resource: Resource) -> Iterator[Problem]:
    """Values that are right by themselves and refused beside others, or without them."""
    if resource.kind in ACTIONS:
        for path, action in actions(resource):
            needed = _BESIDE.get(str(known(action.get("type"))), ())
            if needed and all(action.get(each) is None for each in needed):
                yield Problem(path, f"is {action['type']} and has no {' or '.join(needed)}")
    alpn = known(resource.get("alpnPolicy")) if resource.kind == LISTENER else None
    if alpn not in (None, "None") and str(known(resource.get("protocol"))) != "TLS":
        yield Problem("alpnPolicy", "is for TLS listeners of network load balancers")
    if resource.kind == LISTENER and resource.get("port") is None and resource.get("protocol") is not None:
        yield Problem("port", "missing; only gateway load balancers do without")
    if resource.kind == TARGET_GROUP and known(resource.get("targetType")) != "lambda":
        for name in ("port", "protocol", "vpcId"):
            if resource.get(name) is None:
                yield Problem(name, "missing; only functions do without")


def _refused(resource: Resource, context: Context) -> Iterator[Problem]:
    unknown = None
    try:
        yield from _together(resource)
    except UnknownValueError as error:
        unknown = error
    yield from misshapen(resource, context)
    if unknown is not None:
        raise unknown


ALB042: Final = Rule(
    id="ALB042",
    title="Load balancers, listeners, rules and target groups have values that AWS takes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP, LISTENER, LISTENER_RULE, LOAD_BALANCER),
    check=_refused,
    why="AWS refuses others in the middle of a deployment, other spellings too: it tells capitals from small letters.",
    remedy="Choose one of the values that the message names.",
    source=(
        "Elastic Load Balancing API Reference, CreateTargetGroup, CreateListener, CreateRule, CreateLoadBalancer, "
        "TargetGroupAttribute, LoadBalancerAttribute"
    ),
    forms={
        TARGET_GROUP: _TARGET_GROUP,
        LISTENER: _LISTENER,
        LISTENER_RULE: _RULE,
        LOAD_BALANCER: _LOAD_BALANCER,
        **shapes.AWS,
    },
    bad=(
        bad("another case", group(protocol="http")),
        bad("a port beyond the last", group(port=65536)),
        bad("a delay of more than an hour", group(deregistrationDelay=3601)),
        bad("a health check on a port by its name", checked(port="grpc")),
        bad("a flag of no meaning", checked(enabled="perhaps")),
        bad("an algorithm of another maker", group(loadBalancingAlgorithmType="least_connections")),
        bad("no port", group(port=None)),
        Example("a forward to nothing", edge(one=rule("orders", actions=[{"type": "forward"}])), about=("one",)),
        Example("ALPN where there is none to choose", edge(https=listener(alpnPolicy="HTTP2Only")), about=("https",)),
        Example("a rule without actions", edge(one=rule("orders", actions=[])), about=("one",)),
        Example("a priority of nought", edge(one=rule("orders", priority=0)), about=("one",)),
        Example("a listener on port nought", edge(https=listener(port=0)), about=("https",)),
        Example("an idle timeout of two hours", {"edge": balancer(idleTimeout=7200)}, about=("edge",)),
    ),
    good=(
        GOOD,
        Example("numbers and flags as text", {"orders": checked(enabled="true", interval="10", port="8081")}),
        Example("a rule", edge(one=rule("orders"))),
        Example("a load balancer", {"edge": balancer(idleTimeout="300")}),
    ),
)

_LATTICE_ANSWER: Final = Fields({"statusCode": Number(100, 599)}, required=("statusCode",))
_LATTICE_GROUPS: Final = Fields(
    {
        "targetGroups": Each(
            Fields({"targetGroupIdentifier": TEXT, "weight": Number(0, 999)}, required=("targetGroupIdentifier",)),
            least=1,
        )
    }
)
_LATTICE_ACTION: Final = Fields(
    {"fixedResponse": _LATTICE_ANSWER, "forwards": Each(_LATTICE_GROUPS), "forward": _LATTICE_GROUPS}
)
_LATTICE_PATH: Final = Fields(
    {"caseSensitive": FLAG, "match": Fields({"exact": TEXT, "prefix": TEXT}, one=("exact", "prefix"))}
)
_LATTICE_MATCH: Final = Fields({"httpMatch": Fields({"method": TEXT, "pathMatch": _LATTICE_PATH})})
# 0 stands for AWS's own default everywhere here.
_LATTICE_CHECK: Final = Fields(
    {
        "enabled": FLAG,
        "healthCheckIntervalSeconds": Number(0, 300, " s"),
        "healthCheckTimeoutSeconds": Number(0, 120, " s"),
        "healthyThresholdCount": Number(0, 10),
        "unhealthyThresholdCount": Number(0, 10),
        "path": TEXT,
        "port": Number(1, 65535),
        "protocol": Text(("HTTP", "HTTPS")),
        "protocolVersion": TEXT,
        "matcher": Fields({"value": TEXT}),
    }
)
_LATTICE_CONFIG: Final = Fields(
    {
        "port": PORT,
        "protocol": Text(("HTTP", "HTTPS", "TCP")),
        "protocolVersion": TEXT,
        "vpcIdentifier": TEXT,
        "ipAddressType": Text(("IPV4", "IPV6")),
        "healthCheck": _LATTICE_CHECK,
    }
)


def _targets(**config: Any) -> Mapping[str, Mapping[str, Any]]:
    return {"orders": _lattice_targets(**config)}


LAT023: Final = Rule(
    id="LAT023",
    title="Resources of Lattice have values that AWS takes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGETS, LATTICE_SERVICE, NETWORK, LATTICE_LISTENER, LATTICE_RULE),
    check=misshapen,
    why="AWS refuses others in the middle of a deployment.",
    remedy="Choose one of the values that the message names.",
    source="VPC Lattice API Reference, TargetGroupConfig, HealthCheckConfig, CreateService, CreateListener, CreateRule",
    forms={
        TARGETS: Fields(
            {
                "type": Text(("IP", "LAMBDA", "INSTANCE", "ALB")),
                "name": TEXT,
                "tags": _TAGS,
                "config": _LATTICE_CONFIG,
            }
        ),
        LATTICE_SERVICE: Fields(
            {"authType": Text(("NONE", "AWS_IAM")), "name": TEXT, "tags": Table(TEXT), "certificateArn": TEXT}
        ),
        NETWORK: Fields({"authType": Text(("NONE", "AWS_IAM")), "name": TEXT}),
        LATTICE_LISTENER: Fields(
            {"port": PORT, "protocol": Text(("HTTP", "HTTPS", "TLS_PASSTHROUGH")), "defaultAction": _LATTICE_ACTION},
            required=("protocol", "defaultAction"),
        ),
        LATTICE_RULE: Fields(
            {"priority": Number(1, 2000), "action": _LATTICE_ACTION, "match": _LATTICE_MATCH},
            required=("action", "match", "priority"),
        ),
    },
    bad=(
        Example("a port beyond the last", _targets(port=70000), about=("orders",)),
        Example("another case", _targets(protocol="http"), about=("orders",)),
        Example(
            "an interval of an hour",
            {"orders": _lattice_check(healthCheckIntervalSeconds=3600)},
            about=("orders",),
        ),
    ),
    good=(Example("a target group", _targets()), Example("its check", {"orders": _lattice_check()})),
)

RULES: Final = (ALB042, LAT023)
