"""Forms of kinds whose values no rule judges for themselves: what is a list, a map or text there, which others rely on.

They say nothing to whoever runs the rules. A value of another type is `Unknown` to all rules, and so "not evaluated".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.engine.forms import Anything, Each, Fields, Form, Table, Text

_TEXT: Final = Text()
_ANY: Final = Anything()
_TEXTS: Final = Each(_TEXT)
_TAGS: Final = Table(_TEXT)
_NAMED: Final = Fields({"name": _TEXT})
_METADATA: Final = Fields({"name": _TEXT, "namespace": _TEXT, "labels": _TAGS, "annotations": Table(_ANY)})


def _object(**spec: Form) -> Fields:
    """An object of Kubernetes with some fields of its spec."""
    return Fields({"metadata": _METADATA, "spec": Fields(spec)})


_BACKEND: Final = Fields({"service": Fields({"name": _TEXT, "port": Fields({"number": _TEXT, "name": _TEXT})})})
_HTTP: Final = Fields({"paths": Each(Fields({"path": _TEXT, "pathType": _TEXT, "backend": _BACKEND}))})
_REFERENCE: Final = Fields({"name": _TEXT, "namespace": _TEXT, "kind": _TEXT})
_GROUPS: Final = Fields(
    {
        "targetType": _TEXT,
        "protocolVersion": _TEXT,
        "healthCheckConfig": Fields(
            {"healthCheckPath": _TEXT, "matcher": Fields({"grpcCode": _TEXT, "httpCode": _TEXT})}
        ),
    }
)
_BACKENDS: Final = Each(_REFERENCE)
_ROUTE: Final = _object(parentRefs=Each(_REFERENCE), rules=Each(Fields({"backendRefs": _BACKENDS})), hostnames=_TEXTS)
KUBERNETES: Final[Mapping[str, Fields]] = {
    "networking.k8s.io:Ingress": _object(
        ingressClassName=_TEXT,
        defaultBackend=_BACKEND,
        tls=Each(Fields({})),
        rules=Each(Fields({"host": _TEXT, "http": _HTTP})),
    ),
    "networking.k8s.io:IngressClass": _object(parameters=_NAMED),
    "elbv2.k8s.aws:IngressClassParams": _object(
        group=_NAMED,
        scheme=_TEXT,
        subnets=Fields({"ids": _TEXTS}),
        targetType=_TEXT,
        sslRedirectPort=_TEXT,
        certificateArn=_TEXTS,
        inboundCIDRs=_TEXTS,
    ),
    "gateway.networking.k8s.io:GatewayClass": _object(controllerName=_TEXT),
    "gateway.networking.k8s.io:TLSRoute": _ROUTE,
    "gateway.networking.k8s.io:TCPRoute": _ROUTE,
    "gateway.k8s.aws:TargetGroupConfiguration": _object(
        targetReference=_REFERENCE,
        defaultConfiguration=_GROUPS,
        routeConfigurations=Each(Fields({"routeIdentifier": _REFERENCE, "targetGroupProps": _GROUPS})),
    ),
    "keda.sh:ScaledObject": _object(scaleTargetRef=_REFERENCE),
    ":ServiceAccount": _object(),
    "helm.sh:Release": Fields(
        {
            "chart": _TEXT,
            "version": _TEXT,
            "name": _TEXT,
            "namespace": _TEXT,
            "values": Fields(
                {
                    "image": Fields({"tag": _TEXT}),
                    "serviceAccount": Fields({"name": _TEXT, "annotations": _TAGS}),
                    "ingressClassParams": Fields({"spec": Fields({"group": _NAMED, "targetType": _TEXT})}),
                    "ingressClass": _TEXT,
                    "defaultTargetType": _TEXT,
                }
            ),
        }
    ),
}

_LETS_IN: Final = {
    **dict.fromkeys(("type", "protocol", "ipProtocol", "securityGroupId", "cidrIpv4", "prefixListId"), _TEXT),
    **dict.fromkeys(("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups"), _TEXTS),
}
_SECURITY_GROUP: Final = Fields({"ingress": Each(Fields(_LETS_IN)), "tags": _TAGS})
AWS: Final[Mapping[str, Fields]] = {
    "aws:eks:Cluster": Fields(
        {
            "version": _TEXT,
            "tags": _TAGS,
            "vpcConfig": Fields({"publicAccessCidrs": _TEXTS, "securityGroupIds": _TEXTS, "subnetIds": _TEXTS}),
            "encryptionConfig": Fields({"provider": Fields({"keyArn": _TEXT}), "resources": _TEXTS}),
            "enabledClusterLogTypes": _TEXTS,
            "computeConfig": Fields({}),
        }
    ),
    "aws:eks:Addon": Fields({"addonName": _TEXT}),
    "aws:eks:PodIdentityAssociation": Fields({"serviceAccount": _TEXT, "namespace": _TEXT}),
    "aws:ec2:SecurityGroup": _SECURITY_GROUP,
    "aws:ec2:DefaultSecurityGroup": _SECURITY_GROUP,
    "aws:ec2:SecurityGroupRule": Fields(_LETS_IN),
    "aws:vpc:SecurityGroupIngressRule": Fields(_LETS_IN),
    "aws:ec2:LaunchTemplate": Fields({"vpcSecurityGroupIds": _TEXTS}),
    "aws:ec2:Subnet": Fields({"tags": _TAGS, "availabilityZone": _TEXT, "cidrBlock": _TEXT, "vpcId": _TEXT}),
    "aws:ec2:Tag": Fields({"key": _TEXT}),
    "aws:ecr:Repository": Fields(
        {
            "name": _TEXT,
            "tags": _TAGS,
            "imageScanningConfiguration": Fields({}),
            "encryptionConfigurations": Each(Fields({"encryptionType": _TEXT})),
        }
    ),
    "aws:ecr:RegistryScanningConfiguration": Fields(
        {
            "scanType": _TEXT,
            "rules": Each(
                Fields({"scanFrequency": _TEXT, "repositoryFilters": Each(Fields({"filter": _TEXT}))}),
            ),
        }
    ),
    "aws:vpclattice:ServiceNetworkVpcAssociation": Fields({"securityGroupIds": _TEXTS}),
}
