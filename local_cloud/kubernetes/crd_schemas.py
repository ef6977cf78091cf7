"""Strict schemas of the custom resources this platform writes.

The API server prunes unknown fields of a custom resource in silence, so only a strict schema finds a typing error.
Source of this file's: the CRD files of the AWS Load Balancer Controller chart
(helm/aws-load-balancer-controller/crds/crds.yaml).
"""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes import crd_gateway_api, crd_gateway_aws, crd_lattice
from local_cloud.kubernetes.crd_shapes import FLAG, PORT_OR_NAME, SELECTOR, TEXT, choice, custom, fields, listed, text

_PEER = fields(ipBlock=fields(("cidr",), cidr=TEXT), securityGroup=fields(("groupID",), groupID=TEXT))
_RULE = fields(
    ("from", "ports"),
    **{"from": listed(_PEER), "ports": listed(fields(port=PORT_OR_NAME, protocol=choice("TCP", "UDP")))},
)

TARGET_GROUP_BINDING: Final = ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding")

CUSTOM: Final[dict[tuple[str, str], dict[str, Any]]] = {
    TARGET_GROUP_BINDING: custom(
        TARGET_GROUP_BINDING,
        fields(
            ("serviceRef",),
            serviceRef=fields(("name", "port"), name=TEXT, port=PORT_OR_NAME),
            targetGroupARN=TEXT,
            targetGroupName=TEXT,
            targetType=choice("instance", "ip"),
            targetGroupProtocol=choice("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
            ipAddressType=choice("ipv4", "ipv6"),
            vpcID=text(r"^vpc-[0-9a-f]+$"),
            networking=fields(ingress=listed(_RULE)),
            nodeSelector=SELECTOR,
            multiClusterTargetGroup=FLAG,
            iamRoleArnToAssume=TEXT,
            assumeRoleExternalId=TEXT,
        ),
    ),
    **crd_gateway_api.SCHEMAS,
    **crd_gateway_aws.SCHEMAS,
    **crd_lattice.SCHEMAS,
}
