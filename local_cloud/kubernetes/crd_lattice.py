"""Schemas of the AWS Gateway API Controller's kinds (aws-application-networking-k8s config/crds/bases, 2.1).

Stricter than the CRDs in one place: the protocols of a TargetGroupPolicy are free text there, and another word than
these never works (docs/api-types/target-group-policy.md).
"""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes.crd_shapes import FLAG, PORT, TEXT, Kind, Shape, choice, custom, fields, listed, text, whole

API: Final = "application-networking.k8s.aws/v1alpha1"
TARGET_GROUP_POLICY: Final = (API, "TargetGroupPolicy")
IAM_AUTH_POLICY: Final = (API, "IAMAuthPolicy")
ACCESS_LOG_POLICY: Final = (API, "AccessLogPolicy")
VPC_ASSOCIATION_POLICY: Final = (API, "VpcAssociationPolicy")
SERVICE_EXPORT: Final = (API, "ServiceExport")
SERVICE_IMPORT: Final = (API, "ServiceImport")
SERVICE_NETWORK: Final = (API, "ServiceNetwork")

_GATEWAY_API: Final = "gateway.networking.k8s.io"
_COUNT = whole(2, 10)


def _target(group: Shape, *kinds: str) -> Shape:
    return fields(("group", "kind", "name"), group=group, kind=choice(*kinds), name=TEXT, namespace=TEXT)


_ROUTED = _target(choice(_GATEWAY_API), "Gateway", "HTTPRoute", "GRPCRoute")
_CHECK = fields(
    enabled=FLAG,
    intervalSeconds=whole(5, 300),
    timeoutSeconds=whole(1, 120),
    healthyThresholdCount=_COUNT,
    unhealthyThresholdCount=_COUNT,
    path=TEXT,
    port=PORT,
    protocol=choice("HTTP", "HTTPS"),
    protocolVersion=choice("HTTP1", "HTTP2"),
    statusMatch=TEXT,
)
_EXPORTED = listed(fields(("port", "routeType"), port=PORT, routeType=choice("HTTP", "GRPC", "TLS")))
_IMPORTED = listed(fields(("port",), port=PORT, name=TEXT, protocol=TEXT, appProtocol=TEXT))

SCHEMAS: Final[dict[Kind, dict[str, Any]]] = {
    TARGET_GROUP_POLICY: custom(
        TARGET_GROUP_POLICY,
        fields(
            ("targetRef",),
            targetRef=_target(choice("", "application-networking.k8s.aws"), "Service", "ServiceExport"),
            protocol=choice("HTTP", "HTTPS", "TCP"),
            protocolVersion=choice("HTTP1", "HTTP2"),
            healthCheck=_CHECK,
        ),
    ),
    IAM_AUTH_POLICY: custom(IAM_AUTH_POLICY, fields(("targetRef", "policy"), targetRef=_ROUTED, policy=TEXT)),
    ACCESS_LOG_POLICY: custom(
        ACCESS_LOG_POLICY,
        fields(("targetRef", "destinationArn"), targetRef=_ROUTED, destinationArn=text(r"^arn(:[a-z0-9-]*){4}:.+$")),
    ),
    VPC_ASSOCIATION_POLICY: custom(
        VPC_ASSOCIATION_POLICY,
        fields(
            ("targetRef",),
            targetRef=_target(choice(_GATEWAY_API), "Gateway"),
            associateWithVpc=FLAG,
            securityGroupIds=listed(text(r"^sg-[0-9a-z]+$"), 1),
        ),
    ),
    SERVICE_EXPORT: custom(SERVICE_EXPORT, fields(exportedPorts=_EXPORTED)),
    SERVICE_IMPORT: custom(
        SERVICE_IMPORT,
        fields(
            ("type", "ports"),
            type=choice("ClusterSetIP", "Headless"),
            ports=_IMPORTED,
            ips=listed(TEXT, most=1),
            sessionAffinity=TEXT,
            sessionAffinityConfig={"type": "object"},
        ),
    ),
    SERVICE_NETWORK: custom(SERVICE_NETWORK, {"type": "object"}),
}
