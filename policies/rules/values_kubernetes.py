"""K8S031: values that an API server or a controller refuses by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.engine.forms import Anything, Each, Fields, Form, Number, Table, Text
from policies.engine.rule import HIGH, MANDATORY, Example, Rule
from policies.rules import shapes
from policies.rules.end_to_end import binding
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.rollouts import _budget
from policies.rules.tokens import (
    AUTOSCALER,
    BINDING,
    BUDGET,
    DAEMON_SET,
    DEPLOYMENT,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    NAMESPACE,
    SERVICE,
    STATEFUL_SET,
)
from policies.rules.values import AMOUNT, FLAG, PORT_OR_NAME, STRICT_PORT, TEXT, misshapen

TARGET_GROUP_POLICY: Final = "application-networking.k8s.aws:TargetGroupPolicy"
_MOST: Final = 2**31 - 1
_SECONDS: Final = Number(0, _MOST, " s", strict=True)
_COUNT: Final = Number(0, _MOST, strict=True)
_NAME: Final = Text(
    pattern=r"(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?",
    words="at most 15 lower-case letters, digits and hyphens",
)
_LABELS: Final = Table(TEXT)
_METADATA: Final = Fields({"name": TEXT, "namespace": TEXT, "labels": _LABELS, "annotations": Table(Anything())})
_EXPRESSIONS: Final = Each(Fields({"key": TEXT, "operator": TEXT, "values": Each(TEXT)}))
_SELECTOR: Final = Fields({"matchLabels": _LABELS, "matchExpressions": _EXPRESSIONS})
_HANDLERS: Final = ("grpc", "httpGet", "tcpSocket", "exec")
_PROBE: Final = Fields(
    {
        "grpc": Fields({"port": STRICT_PORT, "service": TEXT}, required=("port",)),
        "httpGet": Fields({"port": PORT_OR_NAME}, required=("port",)),
        "tcpSocket": Fields({"port": PORT_OR_NAME}, required=("port",)),
        "exec": Fields({"command": Each(TEXT)}),
        # 0 stands for the default everywhere here.
        "periodSeconds": _SECONDS,
        "timeoutSeconds": _SECONDS,
        "failureThreshold": _COUNT,
        "initialDelaySeconds": _SECONDS,
    },
    one=_HANDLERS,
)
_CONTAINER: Final = Fields(
    {
        "name": TEXT,
        "image": TEXT,
        "ports": Each(Fields({"containerPort": STRICT_PORT, "name": _NAME}, required=("containerPort",))),
        "readinessProbe": _PROBE,
        "livenessProbe": _PROBE,
        "startupProbe": _PROBE,
        "resources": Fields({"requests": Table(TEXT), "limits": Table(TEXT)}),
        "lifecycle": Fields(
            {
                "preStop": Fields(
                    {"sleep": Fields({"seconds": _SECONDS}, required=("seconds",)), "exec": Fields({})},
                    one=("sleep", "exec", "httpGet", "tcpSocket"),
                )
            }
        ),
    },
    required=("name",),
)
_TERM: Final = Fields({"topologyKey": TEXT})
_APART: Final = Fields(
    {
        "requiredDuringSchedulingIgnoredDuringExecution": Each(_TERM),
        "preferredDuringSchedulingIgnoredDuringExecution": Each(Fields({"podAffinityTerm": _TERM})),
    }
)
_POD: Final = Fields(
    {
        "containers": Each(_CONTAINER, least=1),
        "initContainers": Each(_CONTAINER),
        "affinity": Fields({"podAntiAffinity": _APART}),
        "terminationGracePeriodSeconds": _SECONDS,
        "topologySpreadConstraints": Each(Fields({"topologyKey": TEXT, "labelSelector": _SELECTOR})),
    },
    required=("containers",),
)
_TEMPLATE: Final = Fields({"metadata": _METADATA, "spec": _POD})
_UPDATE: Final = Fields({"maxUnavailable": AMOUNT, "maxSurge": AMOUNT})
_DEPLOYMENT: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {
                "replicas": _COUNT,
                "selector": _SELECTOR,
                "template": _TEMPLATE,
                "strategy": Fields({"type": Text(("RollingUpdate", "Recreate")), "rollingUpdate": _UPDATE}),
            }
        ),
    }
)
_OTHER_WORKLOAD: Final = Fields(
    {"metadata": _METADATA, "spec": Fields({"replicas": _COUNT, "selector": _SELECTOR, "template": _TEMPLATE})}
)
_SERVICE_PORT: Final = Fields(
    {
        "port": STRICT_PORT,
        "targetPort": PORT_OR_NAME,
        "name": Text(pattern=r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", words="lower-case letters, digits and hyphens"),
        "protocol": Text(("TCP", "UDP", "SCTP")),
        "appProtocol": Text(
            pattern=r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?",
            words="a name such as http, or one with a domain such as kubernetes.io/h2c",
        ),
    },
    required=("port",),
)
_SERVICE: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {
                "ports": Each(_SERVICE_PORT),
                "selector": _LABELS,
                "clusterIP": Text(pattern=r"None||[0-9a-fA-F:.]+", words="None, or an address"),
                "type": Text(("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")),
            }
        ),
    }
)
_BINDING: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {
                "targetType": Text(("ip", "instance")),
                "ipAddressType": Text(("ipv4", "ipv6")),
                "targetGroupARN": TEXT,
                "targetGroupName": TEXT,
                "serviceRef": Fields({"name": TEXT, "port": PORT_OR_NAME}, required=("name", "port")),
            },
            required=("serviceRef",),
            one=("targetGroupARN", "targetGroupName"),
        ),
    },
    required=("spec",),
)
_METRIC: Final = Fields({"name": TEXT, "target": Fields({"type": TEXT})})
_AUTOSCALER: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {
                # minReplicas 0 is behind a feature gate that is off by default.
                "minReplicas": Number(1, _MOST, strict=True),
                "maxReplicas": Number(1, _MOST, strict=True),
                "metrics": Each(Fields({"type": TEXT, "resource": _METRIC}, required=("type",))),
                "scaleTargetRef": Fields({"kind": TEXT, "name": TEXT}, required=("kind", "name")),
            },
            required=("maxReplicas", "scaleTargetRef"),
        ),
    }
)
_BUDGET: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {"maxUnavailable": AMOUNT, "minAvailable": AMOUNT, "selector": _SELECTOR},
            most_one=("maxUnavailable", "minAvailable"),
        ),
    }
)
_REFERENCE: Final = {"group": TEXT, "kind": TEXT, "name": TEXT, "namespace": TEXT, "port": STRICT_PORT}
_PARENTS: Final = Each(Fields({**_REFERENCE, "sectionName": TEXT}, required=("name",)))
_FILTERS: Final = Each(Fields({"type": TEXT}))
_BACKENDS: Final = Each(Fields({**_REFERENCE, "weight": _COUNT, "filters": _FILTERS}, required=("name",)))
_HEADERS: Final = Each(Fields({"name": TEXT, "value": TEXT, "type": TEXT}, required=("name", "value")))
_METHOD: Final = Fields({"service": TEXT, "method": TEXT, "type": TEXT})


def _route(match: Mapping[str, Form]) -> Fields:
    matches = Each(Fields({**match, "headers": _HEADERS}))
    rule = Fields({"backendRefs": _BACKENDS, "matches": matches, "filters": _FILTERS})
    spec = Fields({"parentRefs": _PARENTS, "hostnames": Each(TEXT), "rules": Each(rule)})
    return Fields({"metadata": _METADATA, "spec": spec})


_GATEWAY: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {
                "gatewayClassName": TEXT,
                "infrastructure": Fields({"parametersRef": Fields({"group": TEXT})}),
                "listeners": Each(
                    Fields(
                        {
                            "name": TEXT,
                            "hostname": TEXT,
                            "port": STRICT_PORT,
                            "protocol": Text(
                                pattern=r"HTTP|HTTPS|TLS|TCP|UDP|[a-z0-9.-]+/.+",
                                words="HTTP, HTTPS, TLS, TCP, UDP, or one with a domain",
                            ),
                        },
                        required=("name", "port", "protocol"),
                    ),
                    least=1,
                ),
            },
            required=("gatewayClassName", "listeners"),
        ),
    }
)
_TARGET_GROUP_POLICY: Final = Fields(
    {
        "metadata": _METADATA,
        "spec": Fields(
            {
                "targetRef": Fields({"name": TEXT}),
                "protocol": Text(("HTTP", "HTTPS", "TCP")),
                "protocolVersion": Text(("HTTP1", "HTTP2", "GRPC")),
                "healthCheck": Fields(
                    {
                        "enabled": FLAG,
                        "port": STRICT_PORT,
                        "protocol": Text(("HTTP", "HTTPS")),
                        "protocolVersion": Text(("HTTP1", "HTTP2")),
                        "statusMatch": Text(pattern=r"[\d,-]+", words="HTTP codes such as 200-299"),
                    }
                ),
            }
        ),
    }
)


def _with_port(**port: Any) -> Mapping[str, Any]:
    spec = GRPC_SERVICE["properties"]["spec"]
    ports = [{**spec["ports"][0], **port}]
    return {**GRPC_SERVICE, "properties": {**GRPC_SERVICE["properties"], "spec": {**spec, "ports": ports}}}


def _odd_binding() -> Mapping[str, Any]:
    whole = binding()
    return {
        **whole,
        "properties": {**whole["properties"], "spec": {**whole["properties"]["spec"], "targetType": "lambda"}},
    }


K8S031: Final = Rule(
    id="K8S031",
    title="Kubernetes objects have values that are taken",
    severity=HIGH,
    level=MANDATORY,
    kinds=(
        *(DEPLOYMENT, STATEFUL_SET, DAEMON_SET, SERVICE, BINDING, AUTOSCALER, BUDGET, NAMESPACE),
        *(GATEWAY, GRPC_ROUTE, HTTP_ROUTE, TARGET_GROUP_POLICY),
    ),
    check=misshapen,
    why=(
        "The API server refuses others in the middle of a deployment: numbers as text, names in capitals, a probe with "
        "two handlers or none."
    ),
    remedy="Choose one of the values that the message names.",
    source=(
        "Kubernetes API Reference; AWS Load Balancer Controller, TargetGroupBinding; Gateway API reference; "
        "AWS Gateway API Controller, TargetGroupPolicy"
    ),
    forms={
        DEPLOYMENT: _DEPLOYMENT,
        STATEFUL_SET: _OTHER_WORKLOAD,
        DAEMON_SET: _OTHER_WORKLOAD,
        SERVICE: _SERVICE,
        BINDING: _BINDING,
        AUTOSCALER: _AUTOSCALER,
        BUDGET: _BUDGET,
        GATEWAY: _GATEWAY,
        GRPC_ROUTE: _route({"method": _METHOD}),
        HTTP_ROUTE: _route({"path": Fields({"type": TEXT, "value": TEXT})}),
        TARGET_GROUP_POLICY: _TARGET_GROUP_POLICY,
        NAMESPACE: Fields({"metadata": _METADATA}),
        **shapes.KUBERNETES,
    },
    bad=(
        Example(
            "a port as text",
            {"orders": workload(ports=[{"name": "grpc", "containerPort": "50051"}])},
            about=("orders",),
        ),
        Example(
            "a name in capitals",
            {"orders": workload("StatefulSet", ports=[{"name": "GRPC", "containerPort": 50051}])},
            about=("orders",),
        ),
        Example("a Service on port nought", {"orders": _with_port(port=0)}, about=("orders",)),
        Example("a protocol in small letters", {"orders": _with_port(protocol="tcp")}, about=("orders",)),
        Example("two budgets", {"budget": _budget(maxUnavailable=1, minAvailable=1)}, about=("budget",)),
        Example("a binding of functions", {"binding": _odd_binding()}, about=("binding",)),
    ),
    good=(
        Example("a workload and its Service", {"orders": workload(), "service": GRPC_SERVICE}),
        Example("a binding by the port's name", {"binding": binding(port="grpc")}),
        Example("a share", {"budget": _budget(maxUnavailable="25%")}),
    ),
)

RULES: Final = (K8S031,)
