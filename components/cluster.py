"""The EKS cluster: control plane, managed node groups, pinned add-ons, and the provider for objects on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes

from components import iam, settings, versions
from components.addons import extra_addons
from components.base import Component

# Before the nodes: what makes a node ready and lets its pods have credentials. After them: what needs a node to run
# on, since EKS reports such an add-on as DEGRADED and Pulumi waits for ACTIVE.
ADDONS_BEFORE_NODES = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
ADDONS_ON_NODES = ("coredns", "metrics-server")

# Names of the AMI types differ in word order between the families (EKS API: Nodegroup.amiType).
AMI_TYPES = {
    ("al2023", "amd64"): "AL2023_x86_64_STANDARD",
    ("al2023", "arm64"): "AL2023_ARM_64_STANDARD",
    ("bottlerocket", "amd64"): "BOTTLEROCKET_x86_64",
    ("bottlerocket", "arm64"): "BOTTLEROCKET_ARM_64",
}
ACCESS_POLICIES = {
    "cluster_admin": "AmazonEKSClusterAdminPolicy",
    "admin": "AmazonEKSAdminPolicy",
    "edit": "AmazonEKSEditPolicy",
    "view": "AmazonEKSViewPolicy",
}
_NODE_POLICIES = {"worker": "AmazonEKSWorkerNodePolicy", "registry": "AmazonEC2ContainerRegistryPullOnly"}


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """Inputs of `Cluster`.

    cluster_name: the physical name, 1-100 of `[0-9A-Za-z-_]`. region: AWS region, for example `eu-west-1`.
    config: the `cluster` section of the settings. subnet_ids: at least two zones, for the control plane.
    node_subnet_ids: where nodes run. network_ready: resources that give nodes their way out. profile: AWS profile
    of the kubeconfig. protect: refuse deletion by Pulumi.
    """

    cluster_name: str
    region: str
    config: settings.Cluster
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    node_subnet_ids: Sequence[pulumi.Input[str]]
    network_ready: Sequence[pulumi.Resource] = ()
    profile: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False


class Cluster(Component):
    """`pulumi_eks.Cluster` in API authentication mode with node groups and add-ons of our own.

    Outputs: `cluster_name`, `security_group_id` (the one EKS makes; nodes and pods carry it), `kubeconfig` (secret).
    `kubernetes` is the provider for objects on the cluster; `nodes` and `addons` are what workloads wait for.
    """

    type_name = "Cluster"

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._tags = dict(args.tags)
        self._overrides: dict[str, str] = {str(addon): build for addon, build in args.config.addons.items()}
        self._log_group = self._control_plane_logs()
        self.eks = self._control_plane()
        self.cluster_name = self.eks.eks_cluster.name
        self._access = self._access_entries()
        before = {addon: self._addon(addon, depends_on=[]) for addon in ADDONS_BEFORE_NODES}
        self.nodes = self._node_groups(list(before.values()))
        after = {addon: self._addon(addon, depends_on=self.nodes) for addon in ADDONS_ON_NODES}
        extra = extra_addons(
            self,
            args.config.extra_addons,
            cluster_name=self.cluster_name,
            region=args.region,
            depends_on=self.nodes,
            tags=self._tags,
        )
        self.addons: dict[str, aws.eks.Addon] = {**before, **after, **extra}
        self._publish()

    def _publish(self) -> None:
        self.security_group_id = self.eks.cluster_security_group_id
        self.endpoint = self.eks.eks_cluster.endpoint
        self.certificate_authority = self.eks.eks_cluster.certificate_authority.data
        self.kubeconfig: pulumi.Output[str] = pulumi.Output.secret(self.eks.kubeconfig_json)
        # Without an identifier of our own the Kubernetes provider identifies the cluster by its kubeconfig, and one
        # that becomes unknown in a preview (any change of the cluster) would show every object as replaced.
        self.kubernetes = kubernetes.Provider(
            f"{self.name}-kubernetes",
            kubeconfig=self.kubeconfig,
            cluster_identifier=self._args.cluster_name,
            enable_server_side_apply=True,
            opts=self.child(depends_on=[self.eks, *self._access]),
        )
        self.register_outputs({"cluster_name": self.cluster_name, "security_group_id": self.security_group_id})

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What pods need before they can run: nodes, network, DNS and credentials."""
        return [*self.nodes, *self.addons.values()]

    def _control_plane_logs(self) -> aws.cloudwatch.LogGroup | None:
        if not self._args.config.logs:
            return None
        # EKS makes this group itself when it is missing, without retention, and then a later create collides.
        return aws.cloudwatch.LogGroup(
            f"{self.name}-log-group",
            name=f"/aws/eks/{self._args.cluster_name}/cluster",
            retention_in_days=self._args.config.log_retention,
            tags=self._tags,
            opts=self.child(),
        )

    def _encryption_key(self) -> aws.kms.Key:
        key = aws.kms.Key(
            f"{self.name}-key",
            description=f"Kubernetes secrets of EKS cluster {self._args.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=self._tags,
            opts=self.child(protect=self._args.protect or None),
        )
        aws.kms.Alias(
            f"{self.name}-key-alias",
            name=f"alias/{self._args.cluster_name}",
            target_key_id=key.id,
            opts=self.child(),
        )
        return key

    def _control_plane(self) -> eks.Cluster:
        config = self._args.config
        public = bool(config.public_access_cidrs)
        before = [*self._args.network_ready, *([self._log_group] if self._log_group else [])]
        return eks.Cluster(
            self.name,
            name=self._args.cluster_name,
            version=config.version,
            vpc_id=self._args.vpc_id,
            subnet_ids=list(self._args.subnet_ids),
            authentication_mode=eks.AuthenticationMode.API,
            endpoint_private_access=True,
            endpoint_public_access=public,
            public_access_cidrs=list(config.public_access_cidrs) if public else None,
            enabled_cluster_log_types=list(config.logs) or None,
            encryption_config_key_arn=self._encryption_key().arn,
            deletion_protection=config.deletion_protection,
            provider_credential_opts=self._credentials(),
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type=config.support.upper()),
            # The add-ons, node groups and groups below are our own, pinned and in the order that works.
            bootstrap_self_managed_addons=False,
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            skip_default_node_group=True,
            skip_default_security_groups=True,
            create_oidc_provider=False,
            tags=self._tags,
            opts=self.child(depends_on=before, protect=self._args.protect or None),
        )

    def _credentials(self) -> eks.KubeconfigOptionsArgs | None:
        # The kubeconfig runs `aws eks get-token`, which knows nothing of the profile that Pulumi itself was given.
        return eks.KubeconfigOptionsArgs(profile_name=self._args.profile) if self._args.profile else None

    def _access_entries(self) -> list[pulumi.Resource]:
        """Entries of our own, not the eks component's: its protection would keep anybody's access for ever."""
        return [
            made for key, entry in sorted(self._args.config.access.items()) for made in self._access_entry(key, entry)
        ]

    def _access_entry(self, key: str, entry: settings.Access) -> list[pulumi.Resource]:
        made = aws.eks.AccessEntry(
            f"{self.name}-access-{key}",
            cluster_name=self.cluster_name,
            principal_arn=entry.principal_arn,
            tags=self._tags,
            # One entry for each principal, so the old one goes first.
            opts=self.child(delete_before_replace=True),
        )
        policy = ACCESS_POLICIES[entry.policy]
        association = aws.eks.AccessPolicyAssociation(
            f"{self.name}-access-{key}-policy",
            cluster_name=self.cluster_name,
            principal_arn=made.principal_arn,
            policy_arn=f"arn:{iam.partition(self._args.region)}:eks::aws:cluster-access-policy/{policy}",
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(
                type="namespace" if entry.namespaces else "cluster", namespaces=list(entry.namespaces) or None
            ),
            opts=self.child(delete_before_replace=True),
        )
        return [made, association]

    def _addon(self, addon: str, *, depends_on: Sequence[pulumi.Resource]) -> aws.eks.Addon:
        identity, rights = self._cni_identity() if addon == "vpc-cni" else (None, [])
        return aws.eks.Addon(
            f"{self.name}-{addon}",
            cluster_name=self.cluster_name,
            addon_name=addon,
            addon_version=versions.addon_version(self._args.config.version, addon, self._overrides),
            configuration_values=self._addon_configuration(addon),
            pod_identity_associations=identity,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self._tags,
            opts=self.child(depends_on=[*depends_on, *rights]),
        )

    def _addon_configuration(self, addon: str) -> str | None:
        # The add-on's schema wants text, not a truth value.
        enforced = addon == "vpc-cni" and self._args.config.network_policies
        return json.dumps({"enableNetworkPolicy": "true"}) if enforced else None

    def _cni_identity(self) -> tuple[list[aws.eks.AddonPodIdentityAssociationArgs], list[pulumi.Resource]]:
        # The network plug-in's rights on a role of its own, not on the nodes' (EKS user guide: "Node IAM role").
        made, rights = iam.role(
            self,
            f"{self.name}-vpc-cni-role",
            trust_policy=iam.pod_identity_trust(),
            policy_arns={"cni": iam.managed_policy(self._args.region, "AmazonEKS_CNI_Policy")},
            tags=self._tags,
        )
        return [aws.eks.AddonPodIdentityAssociationArgs(service_account="aws-node", role_arn=made.arn)], rights

    def _node_groups(self, depends_on: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        node_role, attachments = iam.role(
            self,
            f"{self.name}-node-role",
            trust_policy=iam.trust(iam.ec2_principal(self._args.region)),
            policy_arns={key: iam.managed_policy(self._args.region, policy) for key, policy in _NODE_POLICIES.items()},
            tags=self._tags,
        )
        return [
            self._node_group(key, group, node_role, [*depends_on, *attachments])
            for key, group in sorted(self._args.config.node_groups.items())
        ]

    def _node_group(
        self,
        key: str,
        group: settings.NodeGroup,
        node_role: aws.iam.Role,
        depends_on: Sequence[pulumi.Resource],
    ) -> eks.ManagedNodeGroup:
        return eks.ManagedNodeGroup(
            f"{self.name}-{key}",
            cluster=self.eks,
            node_role_arn=node_role.arn,
            subnet_ids=list(self._args.node_subnet_ids),
            ami_type=AMI_TYPES[group.ami, group.architecture],
            release_version=group.release_version,
            instance_types=list(group.instance_types),
            capacity_type=group.capacity.upper(),
            disk_size=group.disk_size,
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=group.min, max_size=group.max, desired_size=group.min
            ),
            # With an autoscaler Pulumi sets the first size only; without one a raised minimum must raise the size too
            # ("Minimum capacity can't be greater than desired size").
            ignore_scaling_changes=group.autoscaled,
            labels=dict(group.labels) or None,
            taints=[
                aws.eks.NodeGroupTaintArgs(key=taint, value=entry.value, effect=entry.effect)
                for taint, entry in sorted(group.taints.items())
            ]
            or None,
            tags=self._tags,
            opts=self.child(depends_on=depends_on),
        )
