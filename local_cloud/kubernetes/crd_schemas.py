"""Strict schemas of the custom resources this platform writes.

The API server prunes unknown fields of a custom resource in silence, so only a strict schema finds a typing error.
Source: the CRD files of the AWS Load Balancer Controller chart (helm/aws-load-balancer-controller/crds/crds.yaml).
"""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_PORT: Final = {"oneOf": [{"type": "integer"}, {"type": "string"}]}
_META: Final = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
_SELECTOR: Final = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}


def _map(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _choice(*allowed: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(allowed)}


def _custom(api_version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return _map(
        ("apiVersion", "kind", "spec"),
        apiVersion=_choice(api_version), kind=_choice(kind), metadata=_META, spec=spec, status={"type": "object"},
    )  # fmt: skip


_PEER = _map(ipBlock=_map(("cidr",), cidr=_TEXT), securityGroup=_map(("groupID",), groupID=_TEXT))
_RULE = _map(
    ("from", "ports"),
    **{"from": _list(_PEER), "ports": _list(_map(port=_PORT, protocol=_choice("TCP", "UDP")))},
)

TARGET_GROUP_BINDING: Final = ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding")

CUSTOM: Final[dict[tuple[str, str], dict[str, Any]]] = {
    TARGET_GROUP_BINDING: _custom(
        *TARGET_GROUP_BINDING,
        _map(
            ("serviceRef",),
            serviceRef=_map(("name", "port"), name=_TEXT, port=_PORT),
            targetGroupARN=_TEXT,
            targetGroupName=_TEXT,
            targetType=_choice("instance", "ip"),
            targetGroupProtocol=_choice("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
            ipAddressType=_choice("ipv4", "ipv6"),
            vpcID={"type": "string", "pattern": r"^vpc-[0-9a-f]+$"},
            networking=_map(ingress=_list(_RULE)),
            nodeSelector=_SELECTOR,
            multiClusterTargetGroup={"type": "boolean"},
            iamRoleArnToAssume=_TEXT,
            assumeRoleExternalId=_TEXT,
        ),
    ),
}
