"""What exists already, in settings, to leave out of or to change in a test."""

from copy import deepcopy
from typing import Any

ZONE = {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}
VPC: dict[str, Any] = {
    "id": "vpc-0123456789abcdef0",
    "cidr": "10.0.0.0/16",
    "subnets": {
        "public": {"eu-west-1a": "subnet-0123456789abcdef0", "eu-west-1b": "subnet-0123456789abcdef1"},
        "private": {"eu-west-1a": "subnet-0123456789abcdef2", "eu-west-1b": "subnet-0123456789abcdef3"},
    },
}
CLUSTER: dict[str, Any] = {
    "name": "shared",
    "version": "1.36",
    "endpoint": "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
    "certificate_authority": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
    "security_group_id": "sg-0123456789abcdef0",
}
LISTENER: dict[str, Any] = {
    "arn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/0123456789abcdef/fedcba9876543210",
    "dns_name": "shared-1.eu-west-1.elb.amazonaws.com",
    "zone_id": "Z32O12XQLNTSW2",
    "security_group_id": "sg-0123456789abcdef1",
    "pod_ports": [50051, 8080],
}


def everything() -> dict[str, Any]:
    """A whole `existing` section, each time a new one."""
    return deepcopy(
        {
            "hosted_zone": ZONE,
            "vpc": VPC,
            "cluster": CLUSTER,
            "listeners": {"shared": LISTENER},
            "log_bucket": "acme-logs",
        }
    )
