"""The component's security groups (nodejs/eks/cluster.ts and securitygroup.ts)."""

from __future__ import annotations

from typing import Any, Final

from local_cloud.eks.monitor import Child, Component
from local_cloud.eks.traced import ABSENT, Reference, Traced, both, flat

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_ALL: Final = {"fromPort": 0, "toPort": 0, "protocol": "-1"}
_HTTPS: Final = {"fromPort": 443, "toPort": 443, "protocol": "tcp"}
_INTERNET: Final = {"description": "Allow internet access.", "type": "egress", **_ALL, "cidrBlocks": ["0.0.0.0/0"]}


def _named(name: str, *given: Traced) -> Traced:
    parts = flat([item.otherwise({}) for item in given])
    return parts.map(lambda maps: {"Name": name} | {key: value for part in maps for key, value in part.items()})


def cluster_group(component: Component) -> tuple[Traced, bool]:
    """The cluster's own group (a reference, absent when skipped), and whether the node group's belongs with it."""
    wanted = component["skipDefaultSecurityGroups"].value is not True
    given = component["clusterSecurityGroup"]
    if given:
        return given, wanted
    if not wanted:
        return ABSENT, False
    name = f"{component.name}-eksClusterSecurityGroup"
    properties = {
        "vpcId": component["vpcId"],
        "revokeRulesOnDelete": True,
        "tags": _named(name, component["clusterSecurityGroupTags"], component["tags"]),
    }
    group = component.child(_GROUP, name, properties)
    component.child(_RULE, f"{component.name}-eksClusterInternetEgressRule", {**_INTERNET, "securityGroupId": group.id})
    return group.reference, True


def node_group_rules(component: Component, cluster: Child, group: Traced) -> tuple[Child, Child]:
    """The nodes' group with its rules, and the rule that lets pods reach the API server."""
    name = component.name
    owned = cluster["name"].map(lambda text: {f"kubernetes.io/cluster/{text}": "owned"})
    given = both(
        component["nodeSecurityGroupTags"].otherwise({}),
        component["tags"].otherwise({}),
        lambda first, second: first | second,
    )
    nodes = component.child(
        _GROUP,
        f"{name}-nodeSecurityGroup",
        {
            "vpcId": component["vpcId"],
            "revokeRulesOnDelete": True,
            "tags": _named(f"{name}-nodeSecurityGroup", owned, given),
        },
    )
    reference = group.value
    own = Traced(reference.id, group.urns | {reference.urn}) if isinstance(reference, Reference) else group
    rules: dict[str, dict[str, Any]] = {
        "eksNodeIngressRule": {
            "description": "Allow nodes to communicate with each other", "type": "ingress", **_ALL, "self": True,
        },
        "eksNodeClusterIngressRule": {
            "description": "Allow worker Kubelets and pods to receive communication from the cluster control plane",
            "type": "ingress", "fromPort": 1025, "toPort": 65535, "protocol": "tcp", "sourceSecurityGroupId": own,
        },
        "eksExtApiServerClusterIngressRule": {
            "description": "Allow pods running extension API servers on port 443 to receive communication "
            "from cluster control plane",
            "type": "ingress", **_HTTPS, "sourceSecurityGroupId": own,
        },
        "eksNodeInternetEgressRule": _INTERNET,
    }  # fmt: skip
    for rule, properties in rules.items():
        component.child(_RULE, f"{name}-{rule}", {**properties, "securityGroupId": nodes.id})
    description = "Allow pods to communicate with the cluster API Server"
    ingress = component.child(
        _RULE,
        f"{name}-eksClusterIngressRule",
        {
            "description": description,
            "type": "ingress",
            **_HTTPS,
            "securityGroupId": own,
            "sourceSecurityGroupId": nodes.id,
        },
    )
    return nodes, ingress
