"""EKS add-ons beyond those that every cluster of the platform has, and ExternalDNS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .base import EACH_ONCE, Keys, Says, Section, Text
from .forms import AddonVersion, Arn

EXTRA_ADDON = Text(
    r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?",
    "the name of an EKS add-on such as aws-ebs-csi-driver (aws eks describe-addon-versions --query "
    "'addons[].addonName' prints them)",
    maximum=100,
)
ExtraAddonName = Annotated[str, EXTRA_ADDON]
_SERVICE_ACCOUNT = Text(
    r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", "a Kubernetes service account such as ebs-csi-controller-sa", maximum=253
)
ServiceAccount = Annotated[str, _SERVICE_ACCOUNT]
PolicyArn = Annotated[
    str,
    Text(
        rf"{Arn}:iam::(?:aws|[0-9]{{12}}):policy/[A-Za-z0-9+=,.@_/-]+",
        "the ARN of an IAM policy such as arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
    ),
]


class ExtraAddon(Section):
    """An EKS add-on with a pinned build."""

    version: Annotated[
        AddonVersion,
        Says(
            "Build of the add-on; `aws eks describe-addon-versions --addon-name NAME --kubernetes-version VERSION` "
            "prints them."
        ),
    ]
    configuration: Annotated[
        Annotated[str, Text(r"(?s:.+)", "a JSON object in text", maximum=65536)],
        Says(
            "Its configuration, a JSON object in text.",
            default="the add-on's own",
            source="EKS API Reference, CreateAddon, configurationValues",
        ),
    ] = ""
    permissions: Annotated[
        Mapping[ServiceAccount, Annotated[tuple[PolicyArn, ...], Field(min_length=1, max_length=10), EACH_ONCE]],
        Keys(_SERVICE_ACCOUNT),
        Says(
            "IAM policies of its pods by service account; each gets a role of its own by Pod Identity.",
            default="what AWS names for aws-ebs-csi-driver, aws-efs-csi-driver and amazon-cloudwatch-observability",
        ),
    ] = Field(default_factory=dict)


class ExternalDns(Section):
    """ExternalDNS, a controller that keeps DNS records for Kubernetes objects."""

    policy: Annotated[
        Literal["upsert-only", "sync", "create-only"],
        Says(
            "Which records of its own it changes: `sync` also deletes those whose object is gone. Records of others, "
            "Pulumi's among them, are never its own: it marks its records with TXT records of the cluster's name."
        ),
    ] = "upsert-only"
    sources: Annotated[
        tuple[Literal["service", "ingress", "gateway-httproute", "gateway-grpcroute"], ...],
        Field(min_length=1),
        EACH_ONCE,
        Says("Kinds of objects it reads; the gateway kinds need the Gateway API's definitions (`make crds`)."),
    ] = ("service", "ingress")
