"""Trust stores of load balancers: aws:lb/trustStore:TrustStore."""

from __future__ import annotations

import re
from typing import Final

from local_cloud.aws import elb_load_balancer, plan, s3
from local_cloud.aws.elb_common import LISTENER, SERVICE, TRUST_STORE
from local_cloud.aws.kind import Cloud, Kind, NameRule, Props, Refusal, Row

_ARN: Final = re.compile(
    r"arn:[a-z-]+:elasticloadbalancing:([a-z0-9-]+):(\d{12}):truststore/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}"
)


def known(cloud: Cloud, arn: str) -> bool:
    """Whether there is such a trust store in this region; one of another account is taken to exist (it is shared)."""
    match = _ARN.fullmatch(arn)
    if match is None or match[1] != cloud.region:
        return False
    return match[2] != cloud.account or cloud.get(TRUST_STORE, arn) is not None


def _identify(cloud: Cloud, props: Props) -> str:
    prefix = f"arn:{cloud.partition}:elasticloadbalancing:{cloud.region}:{cloud.account}"
    return f"{prefix}:truststore/{props['name']}/{cloud.hex(16)}"


def _outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    return {"arn": arn, "arnSuffix": arn.rsplit(":", 1)[1]}


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """ELB API reference: CreateTrustStore, DuplicateTrustStoreName."""
    if cloud.where(TRUST_STORE, "name", props["name"]):
        raise Refusal("DuplicateTrustStoreName", f"A trust store with the name '{props['name']}' already exists")


def _refuse_bundle(cloud: Cloud, *given: Row | Props) -> None:
    """ELB API reference: CreateTrustStore and ModifyTrustStore, CaCertificatesBundleNotFound.

    A bucket that the local cloud did not make is taken to hold the bundle; one that it made holds no objects.
    """
    props = given[-1] if isinstance(given[-1], dict) else given[-1].inputs
    if cloud.get(s3.BUCKET, str(props["caCertificatesBundleS3Bucket"])) is not None:
        raise Refusal("CaCertificatesBundleNotFound", "The specified ca certificate bundle does not exist.")


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """ELB API reference: DeleteTrustStore, TrustStoreInUse."""
    if cloud.referring(row.id, LISTENER):
        raise Refusal("TrustStoreInUse", f"Trust store '{row.id}' is currently in use")


KINDS: Final = (
    Kind(
        token=TRUST_STORE,
        service=SERVICE,
        thing="ELBv2 Trust Store",
        operations={"create": "CreateTrustStore", "update": "ModifyTrustStore", "delete": "DeleteTrustStore"},
        create_only=frozenset({"name", "namePrefix"}),
        source="terraform-provider-aws internal/service/elbv2/trust_store.go; "
        "CloudFormation schema AWS::ElasticLoadBalancingV2::TrustStore",
        computed=frozenset({"arn", "arnSuffix"}),
        identify=_identify,
        outputs=_outputs,
        name=NameRule(),
        checks=(
            elb_load_balancer.name_failures,
            plan.conflict("name", "namePrefix"),
            plan.length("namePrefix", 1, 6),
        ),
        refuse_create=(_refuse_name, _refuse_bundle),
        refuse_update=(_refuse_bundle,),
        refuse_delete=(_refuse_delete,),
    ),
)
