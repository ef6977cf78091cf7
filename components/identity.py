"""IAM roles of pods, bound to their service accounts by EKS Pod Identity: of workloads and of controllers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes import core

from components import iam, settings, versions
from components.base import Component
from components.settings.verify.permissions import policy as permissions_policy


@dataclass(frozen=True, kw_only=True)
class PodIdentity:
    """How pods of the cluster get a role. agent: the Pod Identity agent's add-on, which hands out the credentials."""

    cluster_name: pulumi.Input[str]
    agent: pulumi.Resource | None


@dataclass(frozen=True)
class Account:
    """A service account by the names of its namespace and its own."""

    namespace: pulumi.Input[str]
    name: pulumi.Input[str]


def associated(
    owner: Component,
    identity: PodIdentity,
    account: Account,
    role: aws.iam.Role,
    rights: Sequence[pulumi.Resource],
    tags: Mapping[str, str],
) -> aws.eks.PodIdentityAssociation:
    """A role for the pods of a service account, once the agent runs and the role has its rights."""
    return aws.eks.PodIdentityAssociation(
        f"{owner.name}-identity",
        cluster_name=identity.cluster_name,
        namespace=account.namespace,
        service_account=account.name,
        role_arn=role.arn,
        tags=dict(tags),
        opts=owner.child(depends_on=[*([identity.agent] if identity.agent else []), *rights]),
    )


def attachment_key(arn: str) -> str:
    """What stands for a policy in logical names: `aws/AmazonS3ReadOnlyAccess`, `111122223333/team/orders`."""
    account, _, name = arn.partition(":iam::")[2].partition(":policy/")
    return f"{account}/{name}"


def workload_role(
    owner: Component,
    config: settings.Workload,
    identity: PodIdentity,
    account: core.v1.ServiceAccount,
    tags: Mapping[str, str],
) -> list[pulumi.Resource]:
    """Role, its policies and the association; depend on all of it, since credentials are injected at a pod's creation.

    The role may be assumed by EKS Pod Identity alone (EKS user guide: "Pod Identities", role trust policy).
    """
    role, rights = iam.role(
        owner,
        f"{owner.name}-role",
        trust_policy=iam.pod_identity_trust(),
        policy_arns={attachment_key(arn): arn for arn in config.permissions},
        tags=tags,
    )
    if config.statements:
        own = aws.iam.RolePolicy(
            f"{owner.name}-role-policy",
            role=role.name,
            policy=json.dumps(permissions_policy(config)),
            opts=owner.child(),
        )
        rights = [*rights, own]
    names = Account(account.metadata.namespace.apply(str), account.metadata.name.apply(str))
    return [*rights, associated(owner, identity, names, role, rights, tags)]


def chart_identity(
    owner: Component,
    identity: PodIdentity,
    chart: versions.Chart,
    *,
    policy: str,
    description: str,
    tags: Mapping[str, str],
    more: Mapping[str, str] | None = None,
) -> aws.eks.PodIdentityAssociation:
    """The role of a controller's release, with a policy of its own; the release must come after.

    policy: JSON text. description: of the policy, which IAM never changes in place. more: JSON texts of further
    policies, by a short key that becomes part of their logical names.
    """
    own = aws.iam.Policy(
        f"{owner.name}-policy", policy=policy, description=description, tags=dict(tags), opts=owner.child()
    )
    further = {
        key: aws.iam.Policy(f"{owner.name}-{key}-policy", policy=text, tags=dict(tags), opts=owner.child()).arn
        for key, text in sorted((more or {}).items())
    }
    role, attachments = iam.role(
        owner,
        f"{owner.name}-role",
        trust_policy=iam.pod_identity_trust(),
        policy_arns={"controller": own.arn, **further},
        tags=tags,
    )
    return associated(owner, identity, Account(chart.namespace, chart.service_account), role, attachments, tags)
