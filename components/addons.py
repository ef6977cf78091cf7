"""EKS add-ons beyond those that every cluster of the platform has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components import iam, settings, versions
from components.base import Component


def extra_addons(
    owner: Component,
    config: Mapping[str, settings.ExtraAddon],
    *,
    cluster_name: pulumi.Input[str],
    region: str,
    depends_on: Sequence[pulumi.Resource],
    tags: Mapping[str, str],
) -> dict[str, aws.eks.Addon]:
    """The add-ons of `cluster.extra_addons` by name, after the nodes, each with its roles."""
    return {
        name: _addon(owner, name, addon, cluster_name, region, depends_on, tags)
        for name, addon in sorted(config.items())
    }


def _addon(
    owner: Component,
    name: str,
    config: settings.ExtraAddon,
    cluster_name: pulumi.Input[str],
    region: str,
    depends_on: Sequence[pulumi.Resource],
    tags: Mapping[str, str],
) -> aws.eks.Addon:
    identities: list[aws.eks.AddonPodIdentityAssociationArgs] = []
    rights: list[pulumi.Resource] = []
    for account, policies in sorted(_permissions(name, config, region).items()):
        role, attachments = iam.role(
            owner,
            f"{owner.name}-{name}-{account}-role",
            trust_policy=iam.pod_identity_trust(),
            policy_arns={arn.partition(":policy/")[2].replace("/", "-"): arn for arn in policies},
            tags=tags,
        )
        identities.append(aws.eks.AddonPodIdentityAssociationArgs(service_account=account, role_arn=role.arn))
        rights += attachments
    return aws.eks.Addon(
        f"{owner.name}-{name}",
        cluster_name=cluster_name,
        addon_name=name,
        addon_version=config.version,
        configuration_values=config.configuration or None,
        pod_identity_associations=identities or None,
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="OVERWRITE",
        tags=dict(tags),
        opts=owner.child(depends_on=[*depends_on, *rights]),
    )


def _permissions(name: str, config: settings.ExtraAddon, region: str) -> Mapping[str, Sequence[str]]:
    """What the settings say, else what AWS names for the add-on."""
    if "permissions" in config.model_fields_set:
        return config.permissions
    known = versions.ADDON_PERMISSIONS.get(name, {})
    return {account: [iam.managed_policy(region, policy) for policy in policies] for account, policies in known.items()}
