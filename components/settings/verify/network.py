"""Rules of VPC endpoints and flow logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.model import Settings
from components.settings.network import GATEWAY_ENDPOINTS
from components.settings.wording import Fault


def china(settings: Settings, region: str | None) -> Iterator[Fault]:
    """Endpoint services of the China regions have names of another form, not the same one for all."""
    if not isinstance(region, str) or not region.startswith("cn-"):
        return
    for position, name in enumerate(settings.network.endpoints):
        if name not in GATEWAY_ENDPOINTS:
            yield Fault(
                ("network", "endpoints", position),
                f"{name}: interface endpoints are not made in {region}, whose service names have another form; make it "
                "by hand (aws ec2 describe-vpc-endpoint-services prints the names)",
            )


def _layers(settings: Settings) -> Iterator[Fault]:
    """Amazon ECR User Guide, "Interface VPC endpoints": image layers come from S3."""
    if "ecr" in settings.network.endpoints and "s3" not in settings.network.endpoints:
        yield Fault(
            ("network", "endpoints"),
            "ecr without s3 keeps nothing inside the VPC: the layers of images come from S3; add s3, whose gateway "
            "endpoint costs nothing",
        )


def _bucket(settings: Settings) -> Iterator[Fault]:
    logs = settings.network.flow_logs
    if logs is None:
        return
    if logs.destination == "bucket":
        if settings.existing.log_bucket is None:
            yield Fault(("network", "flow_logs", "destination"), "bucket needs existing.log_bucket")
        if "retention" in logs.model_fields_set:
            yield Fault(
                ("network", "flow_logs", "retention"),
                "is CloudWatch's; a bucket has a lifecycle configuration of its own: leave it out",
            )


RULES: Final = (_layers, _bucket)
