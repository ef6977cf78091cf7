"""Roles: the trust policies of EKS, its nodes and Pod Identity, and the load balancer controller's rights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.base import Component

_CLUSTER_TAG = "elbv2.k8s.aws/cluster"

_READ = (
    *(
        f"ec2:Describe{noun}"
        for noun in [
            "AccountAttributes",
            "Addresses",
            "AvailabilityZones",
            "InternetGateways",
            "Vpcs",
            "VpcPeeringConnections",
            "Subnets",
            "SecurityGroups",
            "Instances",
            "NetworkInterfaces",
            "Tags",
            "IpamPools",
            "RouteTables",
            "CoipPools",
        ]
    ),
    "ec2:GetCoipPoolUsage",
    "ec2:GetSecurityGroupsForVpc",
    *(
        f"elasticloadbalancing:Describe{noun}"
        for noun in [
            "LoadBalancers",
            "LoadBalancerAttributes",
            "Listeners",
            "ListenerAttributes",
            "ListenerCertificates",
            "SSLPolicies",
            "Rules",
            "TargetGroups",
            "TargetGroupAttributes",
            "TargetHealth",
            "Tags",
            "TrustStores",
            "CapacityReservation",
        ]
    ),
)


def partition(region: str) -> str:
    """The ARN partition a region lies in: `aws`, `aws-cn` or `aws-us-gov` (AWS General Reference: "ARNs")."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def managed_policy(region: str, name: str) -> str:
    """ARN of a policy that AWS manages."""
    return f"arn:{partition(region)}:iam::aws:policy/{name}"


def ec2_principal(region: str) -> str:
    """Service principal of EC2, the one that differs between partitions (EKS user guide: "Node IAM role")."""
    return "ec2.amazonaws.com.cn" if partition(region) == "aws-cn" else "ec2.amazonaws.com"


def trust(service: str, *actions: str) -> str:
    """Assume-role policy for an AWS service principal, as JSON text. Default action: `sts:AssumeRole`."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": list(actions) or ["sts:AssumeRole"],
                }
            ],
        }
    )


def pod_identity_trust() -> str:
    """Trust for EKS Pod Identity, which assumes the role and tags the session (EKS user guide: "Pod Identities")."""
    return trust("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")


def load_balancer_controller_policy() -> str:
    """Rights of the AWS Load Balancer Controller where Pulumi owns the load balancers, as JSON text.

    It registers pods in target groups that exist (`TargetGroupBinding`) and opens security groups only where a
    binding asks for it: the controller's own policy file (docs/install/iam_policy.json) without the statements that
    create, change or delete load balancers, listeners, rules, certificates and WAF associations.
    """
    tagged = {"Null": {f"aws:ResourceTag/{_CLUSTER_TAG}": "false"}}
    statements: Sequence[Mapping[str, Any]] = (
        {"Effect": "Allow", "Action": list(_READ), "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            "Resource": "arn:*:elasticloadbalancing:*:*:targetgroup/*/*",
        },
        {
            "Effect": "Allow",
            "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
            "Resource": "*",
            "Condition": tagged,
        },
    )
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def load_balancer_making_policy() -> str:
    """Further rights of the AWS Load Balancer Controller where it makes load balancers itself, as JSON text.

    The statements of its own policy file (docs/install/iam_policy.json) that `load_balancer_controller_policy` leaves
    out, without those of AWS WAF, Shield, Cognito and IAM's server certificates, which no setting uses. What it did not
    make, and so did not tag with the cluster, it may not change.
    """
    statements = [
        _allow(
            ["iam:CreateServiceLinkedRole"],
            condition={"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        _allow(["acm:ListCertificates", "acm:DescribeCertificate"]),
        *_security_groups(),
        *_load_balancers(),
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


_REQUESTED = {"Null": {f"aws:RequestTag/{_CLUSTER_TAG}": "false"}}
_TAGGED = {"Null": {f"aws:ResourceTag/{_CLUSTER_TAG}": "false"}}
_RETAGGED = {"Null": {f"aws:RequestTag/{_CLUSTER_TAG}": "true", f"aws:ResourceTag/{_CLUSTER_TAG}": "false"}}


def _security_groups() -> list[dict[str, Any]]:
    """Groups of load balancers; the pods' group is opened for them, whoever made it."""
    groups = "arn:*:ec2:*:*:security-group/*"
    creating = {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}, **_REQUESTED}
    return [
        _allow(["ec2:CreateSecurityGroup"]),
        _allow(["ec2:CreateTags"], groups, condition=creating),
        _allow(["ec2:CreateTags", "ec2:DeleteTags"], groups, condition=_RETAGGED),
        _allow(["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]),
        _allow(["ec2:DeleteSecurityGroup"], condition=_TAGGED),
    ]


def _load_balancers() -> list[dict[str, Any]]:
    """Load balancers and target groups by tag; listeners and rules have none before they exist."""
    whole = [f"arn:*:elasticloadbalancing:*:*:{each}/*/*" for each in ("targetgroup", "loadbalancer/app")]
    parts = [f"arn:*:elasticloadbalancing:*:*:{each}" for each in ("listener/app/*/*/*", "listener-rule/app/*/*/*")]
    creating = {"StringEquals": {"elasticloadbalancing:CreateAction": ["CreateTargetGroup", "CreateLoadBalancer"]}}
    changes = (
        *("ModifyLoadBalancerAttributes", "SetIpAddressType", "SetSecurityGroups", "SetSubnets", "DeleteLoadBalancer"),
        *("ModifyTargetGroup", "ModifyTargetGroupAttributes", "DeleteTargetGroup", "ModifyListenerAttributes"),
        *("ModifyCapacityReservation", "ModifyIpPools"),
    )
    edits = (
        *("CreateListener", "DeleteListener", "ModifyListener", "CreateRule", "DeleteRule", "ModifyRule"),
        *("SetRulePriorities", "AddListenerCertificates", "RemoveListenerCertificates"),
    )
    return [
        _allow(_elb("CreateLoadBalancer", "CreateTargetGroup"), condition=_REQUESTED),
        _allow(_elb("AddTags"), *whole, condition={**creating, **_REQUESTED}),
        _allow(_elb("AddTags", "RemoveTags"), *whole, condition=_RETAGGED),
        _allow(_elb("AddTags", "RemoveTags"), *parts),
        _allow(_elb(*changes), condition=_TAGGED),
        _allow(_elb(*edits)),
    ]


def _elb(*verbs: str) -> list[str]:
    return [f"elasticloadbalancing:{verb}" for verb in verbs]


def _allow(actions: list[str], *resources: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": list(resources) or "*"}
    return {**found, "Condition": condition} if condition else found


def role(
    owner: Component,
    name: str,
    *,
    trust_policy: str,
    policy_arns: Mapping[str, pulumi.Input[str]],
    tags: Mapping[str, str],
) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
    """A role with managed policies attached; `policy_arns` by a short key that becomes part of the logical name.

    Returns the role and the attachments: depend on both, else a role is used before it has its rights.
    """
    made = aws.iam.Role(name, assume_role_policy=trust_policy, tags=dict(tags), opts=owner.child())
    attachments: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(f"{name}-{key}", role=made.name, policy_arn=arn, opts=owner.child())
        for key, arn in sorted(policy_arns.items())
    ]
    return made, attachments
