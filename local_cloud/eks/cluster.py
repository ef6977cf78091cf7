"""``eks:index:Cluster``: its children in the order, with the names, parents and inputs of nodejs/eks/cluster.ts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from local_cloud.eks import vpc_cni
from local_cloud.eks.checks import cluster_problems
from local_cloud.eks.kubeconfig import DESCRIBED, compact, configured
from local_cloud.eks.monitor import Child, Component
from local_cloud.eks.security import cluster_group, node_group_rules
from local_cloud.eks.traced import ABSENT, Reference, Traced, both, flat
from local_cloud.eks.versions import newest

_PARTITION: Final = "aws"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_IGNORED: Final = ("accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons")


def build(component: Component) -> Any:
    """Registers everything; gives the answer to the engine's Construct."""
    cluster_problems(component)
    component.open()
    name = component.name
    role, attachments = _service_role(component)
    group, made = cluster_group(component)
    cluster = _cluster(component, role, attachments, group)
    _kube_proxy(component, cluster)
    config = _kubeconfig(cluster, component["providerCredentialOpts"], profile=True)
    mutable = component["enableConfigMapMutable"]
    provider_inputs = {
        "kubeconfig": config.map(compact),
        "enableConfigMapMutable": mutable.map(compact) if mutable else None,
    }
    provider = component.child("pulumi:providers:kubernetes", f"{name}-eks-k8s", provider_inputs)
    instance_roles = _instance_roles(component)
    _access_entries(component, cluster)
    cni = vpc_cni.build(component, cluster)
    _coredns(component, cluster)
    core = _core(
        component, cluster=cluster, provider=provider, role=role, instance_roles=instance_roles, group=group, cni=cni
    )
    nodes, ingress = node_group_rules(component, cluster, group) if made else (None, None)
    if nodes is not None and ingress is not None:
        core["nodeGroupOptions"] |= {"nodeSecurityGroup": nodes.reference, "clusterIngressRule": ingress.reference}
    return component.outputs(_outputs(core, cluster, nodes, ingress, group))


def _service_role(component: Component) -> tuple[Traced, list[Child]]:
    """The role's reference, and what the cluster waits for."""
    given = component["serviceRole"]
    if given:
        return given, []
    name = f"{component.name}-eksRole"
    role, attachments = service_role(
        component,
        name,
        service="eks.amazonaws.com",
        policies=("AmazonEKSClusterPolicy",),
        actions=("sts:AssumeRole", "sts:TagSession"),
        description="Allows EKS to manage clusters on your behalf.",
    )
    return role.reference, [role, *attachments]


def service_role(
    component: Component,
    name: str,
    *,
    service: str,
    policies: tuple[str, ...],
    actions: tuple[str, ...],
    description: str = "",
) -> tuple[Child, list[Child]]:
    """``eks:index:ServiceRole``: a role and its managed policies (nodejs/eks/servicerole.ts)."""
    urn = component.component("eks:index:ServiceRole", name)
    statement = {"Action": list(actions), "Effect": "Allow", "Principal": {"Service": [service]}}
    document = compact({"Version": "2012-10-17", "Statement": [statement]})
    role = component.child(
        "aws:iam/role:Role",
        f"{name}-role",
        {"description": description or None, "assumeRolePolicy": document, "tags": component["tags"]},
        parent=urn,
    )
    attachments = []
    for policy in policies:
        identity = f"arn:aws:iam::aws:policy/{policy}"
        suffix = hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest()[:8]
        properties = {"policyArn": f"arn:{_PARTITION}:iam::aws:policy/{policy}", "role": role.id}
        attachments.append(component.child(_ATTACHMENT, f"{name}-{suffix}", properties, parent=urn))
    component.outputs({"role": role.reference}, urn)
    return role, attachments


def _cluster(component: Component, role: Traced, waits: list[Child], group: Traced) -> Child:
    role_arn = waits[0]["arn"] if waits else _attribute(component, role, "arn")
    key, family, cidr = (
        component["encryptionConfigKeyArn"],
        component["ipFamily"],
        component["kubernetesServiceIpAddressRange"],
    )
    name = f"{component.name}-eksCluster"
    properties = {
        "name": component["name"],
        "roleArn": role_arn,
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": cidr if family.value in {None, "ipv4"} else None, "ipFamily": family.otherwise("ipv4"),
        } if family or cidr else None,
        "bootstrapSelfManagedAddons": component["bootstrapSelfManagedAddons"].otherwise(True),  # noqa: FBT003
        "vpcConfig": {
            "securityGroupIds": [_attribute(component, group, "id")] if group else None,
            "subnetIds": subnets(component),
            "endpointPrivateAccess": component["endpointPrivateAccess"],
            "endpointPublicAccess": component["endpointPublicAccess"],
            "publicAccessCidrs": component["publicAccessCidrs"],
        },
        "version": component["version"],
        "enabledClusterLogTypes": component["enabledClusterLogTypes"],
        "tags": tags(name, component["clusterTags"], component["tags"]),
        "encryptionConfig": {"provider": {"keyArn": key}, "resources": ["secrets"]} if key else None,
        "accessConfig": {"authenticationMode": component["authenticationMode"],
        "bootstrapClusterCreatorAdminPermissions": True}, "upgradePolicy": component["upgradePolicy"],
        "deletionProtection": component["deletionProtection"],
    }  # fmt: skip
    return component.child("aws:eks/cluster:Cluster", name, properties, depends=waits, ignore=_IGNORED)


def tags(name: str, *given: Traced) -> Traced:
    """A Name tag, then the given tags, later ones winning."""
    merged = flat([item.otherwise({}) for item in given])
    return merged.map(lambda parts: {"Name": name} | {key: value for part in parts for key, value in part.items()})


def subnets(component: Component) -> Traced:
    """The cluster's subnets: subnetIds, or the public ones and then the private ones."""
    if component["subnetIds"].value is not None:
        return component["subnetIds"]
    public, private = (component[name].otherwise([]) for name in ("publicSubnetIds", "privateSubnetIds"))
    return both(public, private, lambda first, second: first + second)


def _attribute(component: Component, resource: Traced, name: str) -> Traced:
    """An attribute of a resource given as a reference (an id, when the program could only give that)."""
    reference = resource.value
    if not isinstance(reference, Reference):
        return resource
    if name == "id":
        return Traced(reference.id, resource.urns | {reference.urn})
    return component.look(reference).get(name, ABSENT)


def _kube_proxy(component: Component, cluster: Child) -> None:
    if component["kubeProxyAddonOptions"]["enabled"].value is not False:
        addon(component, cluster, "kube-proxy", component["kubeProxyAddonOptions"])


def _coredns(component: Component, cluster: Child) -> None:
    options = component["corednsAddonOptions"]
    if options["enabled"].value is True or options["configurationValues"]:
        addon(component, cluster, "coredns", options)


def addon(component: Component, cluster: Child, kind: str, options: Traced) -> Child:
    """One of the component's own add-ons."""
    pinned = options["version"]
    values = options["configurationValues"]
    properties = {
        "clusterName": cluster["name"],
        "addonName": kind,
        "preserve": True,
        "tags": component["tags"],
        "resolveConflictsOnCreate": options["resolveConflictsOnCreate"].otherwise("OVERWRITE"),
        "resolveConflictsOnUpdate": options["resolveConflictsOnUpdate"].otherwise("OVERWRITE"),
        "addonVersion": pinned or cluster["version"].map(lambda minor: newest(kind, minor)),
        "configurationValues": values.map(sorted_json) if values else None,
    }
    return component.child("aws:eks/addon:Addon", f"{component.name}-{kind}", properties)


def sorted_json(value: Any) -> str:
    """JSON with sorted keys (nodejs/eks/addons/addon.ts, stringifyAddonConfiguration)."""
    return compact(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _instance_roles(component: Component) -> list[Traced]:
    if component["instanceRole"]:
        return [component["instanceRole"]]
    if component["createInstanceRole"].value is not True:
        return []
    name = component.name
    role, _ = service_role(
        component,
        f"{name}-instanceRole",
        service="ec2.amazonaws.com",
        policies=("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"),
        actions=("sts:AssumeRole",),
    )
    component.child("aws:iam/instanceProfile:InstanceProfile", f"{name}-instanceProfile", {"role": role.id})
    return [role.reference]


def _access_entries(component: Component, cluster: Child) -> None:
    entries = component["accessEntries"]
    for key in entries.value or {}:
        given = entries[key]
        properties = {name: given[name] for name in ("principalArn", "kubernetesGroups", "tags", "type")}
        entry = component.child(
            "aws:eks/accessEntry:AccessEntry",
            f"{component.name}-{key}",
            {**properties, "clusterName": cluster["name"], "userName": given["username"]},
            depends=[cluster],
        )
        for association in given["accessPolicies"].value or {}:
            policy = given["accessPolicies"][association]
            component.child(
                "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
                f"{component.name}-{key}-{association}",
                {
                    "accessScope": policy["accessScope"],
                    "principalArn": given["principalArn"],
                    "policyArn": policy["policyArn"],
                    "clusterName": cluster["name"],
                },
                parent=entry.urn,
                depends=[entry],
            )


def _kubeconfig(cluster: Child, options: Traced, *, profile: bool) -> Traced:
    return configured({name: cluster[name] for name in DESCRIBED}, options, profile=profile)


def _core(
    component: Component,
    *,
    cluster: Child,
    provider: Child,
    role: Traced,
    instance_roles: list[Traced],
    group: Traced,
    cni: Traced,
) -> dict[str, Any]:
    entries = component["accessEntries"]
    return {
        "vpcId": component["vpcId"],
        "subnetIds": subnets(component),
        "publicSubnetIds": component["publicSubnetIds"],
        "privateSubnetIds": component["privateSubnetIds"],
        "clusterSecurityGroup": group,
        "cluster": cluster.reference,
        "endpoint": cluster["endpoint"],
        "nodeGroupOptions": {"version": component["version"]},
        "kubeconfig": _kubeconfig(cluster, component["providerCredentialOpts"], profile=False),
        "provider": provider.reference,
        "vpcCni": cni,
        "instanceRoles": instance_roles,
        "tags": component["tags"],
        "nodeSecurityGroupTags": component["nodeSecurityGroupTags"],
        "storageClasses": {},
        "encryptionConfig": {"provider": {"keyArn": component["encryptionConfigKeyArn"]}, "resources": ["secrets"]}
        if component["encryptionConfigKeyArn"]
        else None,
        "clusterIamRole": role,
        "accessEntries": [entries[key] for key in entries.value or {}],
        "autoModeNodeRoleName": "",
    }


def _outputs(
    core: dict[str, Any], cluster: Child, nodes: Child | None, ingress: Child | None, group: Traced
) -> dict[str, Any]:
    own = cluster.within("vpcConfig", "clusterSecurityGroupId")
    issuer = cluster["identities"].map(
        lambda found: found[0]["oidcs"][0]["issuer"] if found and found[0].get("oidcs") else ""
    )
    group_id = Traced(group.value.id, group.urns) if isinstance(group.value, Reference) else group
    return {
        "core": core,
        "clusterSecurityGroup": group,
        "eksCluster": cluster.reference,
        "instanceRoles": core["instanceRoles"],
        "nodeSecurityGroup": nodes.reference if nodes else None,
        "eksClusterIngressRule": ingress.reference if ingress else None,
        "kubeconfig": core["kubeconfig"],
        "kubeconfigJson": core["kubeconfig"].map(compact),
        "clusterSecurityGroupId": group_id or own,
        "nodeSecurityGroupId": nodes.id if nodes else own,
        "clusterIngressRuleId": ingress["securityGroupRuleId"] if ingress else "",
        "defaultNodeGroupAsgName": "",
        "fargateProfileId": "",
        "fargateProfileStatus": "",
        "oidcProviderArn": "",
        "oidcProviderUrl": issuer,
        "oidcIssuer": issuer.map(lambda url: url.replace("https://", "")),
        "autoModeNodeRoleName": "",
    }
