"""List prices in USD, us-east-1, on demand, without taxes and free tiers. A month has 730 hours, as AWS counts it.

They change rarely and are not looked up: a preview needs no network. Other regions have prices of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

AS_OF: Final = "2026-09"
HOURS: Final = 730
# Amazon EKS pricing: a cluster in standard and, beyond that, in extended support.
CLUSTER: Final[Mapping[str, float]] = {"STANDARD": 0.10, "EXTENDED": 0.60}
# Elastic Load Balancing pricing: an Application Load Balancer, without capacity units.
LOAD_BALANCER: Final = 0.0225
# Amazon VPC pricing: NAT gateway without its traffic; interface endpoint in each zone; public IPv4 address.
NAT_GATEWAY: Final = 0.045
ENDPOINT: Final = 0.01
ADDRESS: Final = 0.005
# Amazon VPC Lattice pricing: a service, without data and requests.
LATTICE_SERVICE: Final = 0.025
# A month: Amazon EBS pricing (gp3, for each GB), AWS KMS pricing (key), AWS WAF pricing is the web ACL owner's.
GIGABYTE: Final = 0.08
KEY: Final = 1.00
# Amazon EC2 On-Demand pricing, Linux, an hour.
INSTANCES: Final[Mapping[str, float]] = {
    "t4g.small": 0.0168, "t4g.medium": 0.0336, "t4g.large": 0.0672,
    "m6g.large": 0.0770, "m7g.large": 0.0816, "m7g.xlarge": 0.1632,
    "m8g.large": 0.08976, "m8g.xlarge": 0.17952, "m9g.large": 0.09784,
    "c6g.large": 0.0680, "c7g.large": 0.0725, "c7g.xlarge": 0.1450, "c8g.large": 0.07976, "c8g.medium": 0.03988,
    "r6g.large": 0.1008, "r7g.large": 0.1071, "r7g.xlarge": 0.2142, "r8g.large": 0.11782,
    "t3.small": 0.0208, "t3.medium": 0.0416, "t3.large": 0.0832, "t3a.medium": 0.0376,
    "m5.large": 0.0960, "m6i.large": 0.0960, "m6a.large": 0.0864, "m7i.large": 0.1008, "m7i.xlarge": 0.2016,
    "m7a.large": 0.11592, "m7i-flex.large": 0.09576, "m8i.large": 0.10584, "m8i.xlarge": 0.21168,
    "m8i-flex.large": 0.10055,
    "c5.large": 0.0850, "c6i.large": 0.0850, "c7i.large": 0.08925, "c7i.xlarge": 0.1785, "c8i.large": 0.09371,
    "r6i.large": 0.1260, "r7i.large": 0.1323, "r7i.xlarge": 0.2646, "r8i.large": 0.13892,
}  # fmt: skip
