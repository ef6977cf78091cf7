"""What exists already and is used, not made: nothing here is looked up, changed or destroyed.

A look-up would make every preview need credentials and a network, so what it would find is typed instead; each error
names the command that prints the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base import EACH_ONCE, Keys, Says, Section, Settled, Text
from .forms import BALANCER_KEY, BalancerKey, CertificateDomain, Domain, Flag, Port, Whole, canonical_cidr
from .network import ZONE, Zone
from .priorities import LAST, LEAST

_DESCRIBE_CLUSTER: Final = "aws eks describe-cluster --name NAME --query cluster."
_DESCRIBE_BALANCER: Final = "aws elbv2 describe-load-balancers --names NAME --query 'LoadBalancers[0]."


def _printed(allowed: str, command: str) -> str:
    return f"{allowed} ({command} prints it)"


VpcId = Annotated[
    str,
    Text(
        r"vpc-[0-9a-f]{8,17}",
        _printed("the id of a VPC such as vpc-0123456789abcdef0", "aws ec2 describe-vpcs --query 'Vpcs[].VpcId'"),
    ),
]
_BLOCK: Final = _printed(
    "an IPv4 network from /16 to /28 such as 10.0.0.0/16",
    "aws ec2 describe-vpcs --vpc-ids ID --query 'Vpcs[0].CidrBlock'",
)


def _block(value: str) -> str:
    if not 16 <= int(canonical_cidr(value).rpartition("/")[2]) <= 28:
        raise PydanticCustomError("shape", "shape", {"allowed": _BLOCK})
    return value


SubnetId = Annotated[
    str,
    Text(
        r"subnet-[0-9a-f]{8,17}",
        _printed(
            "the id of a subnet such as subnet-0123456789abcdef0",
            "aws ec2 describe-subnets --filters Name=vpc-id,Values=ID --query 'Subnets[].[AvailabilityZone,SubnetId]'",
        ),
    ),
]
_GROUP: Final = r"sg-[0-9a-f]{8,17}"


class Subnets(Section):
    """The subnets of a VPC that exists, one for each zone."""

    public: Annotated[
        Mapping[Zone, SubnetId],
        Keys(ZONE),
        Says(
            "Subnets with a route to an internet gateway, by zone; internet-facing load balancers lie in them.",
            default="none",
        ),
    ] = Field(default_factory=dict)
    private: Annotated[
        Mapping[Zone, SubnetId],
        Keys(ZONE),
        Says(
            "Subnets behind NAT gateways or VPC endpoints, by zone; nodes and internal load balancers lie in them.",
            default="none: nodes lie in the public ones",
        ),
    ] = Field(default_factory=dict)


class Vpc(Section):
    """A VPC that exists. Its subnets carry the role tags that load balancers look for, if controllers make any."""

    id: Annotated[VpcId, Says("Id of the VPC.")]
    cidr: Annotated[
        Annotated[str, Text(r"[0-9.]+/[0-9]{1,2}", _BLOCK), AfterValidator(_block)],
        Says("Addresses of the VPC."),
    ]
    subnets: Annotated[Subnets, Says("Its subnets: two zones or more.")]


class ExistingCluster(Section):
    """An EKS cluster that exists, in API authentication mode, with the Pod Identity agent and a way to run pods.

    Objects are made through its endpoint with a kubeconfig of these values; who runs `pulumi` needs an access entry.
    """

    name: Annotated[
        Annotated[
            str,
            Text(
                r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}",
                _printed("the name of an EKS cluster", "aws eks list-clusters"),
            ),
        ],
        Says("Name of the cluster."),
    ]
    version: Annotated[
        Literal["1.34", "1.35", "1.36", "1.37"],
        Says(f"Its Kubernetes version; `{_DESCRIBE_CLUSTER}version` prints it."),
    ]
    endpoint: Annotated[
        Annotated[
            str,
            Text(
                r"https://[A-Za-z0-9.-]+",
                _printed(
                    "the address of a cluster's API such as "
                    "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
                    f"{_DESCRIBE_CLUSTER}endpoint",
                ),
            ),
        ],
        Says("Address of its API."),
    ]
    certificate_authority: Annotated[
        Annotated[
            str,
            Text(
                r"[A-Za-z0-9+/]{16,}={0,2}",
                _printed("a certificate in base64", f"{_DESCRIBE_CLUSTER}certificateAuthority.data"),
                maximum=8192,
            ),
        ],
        Says("Certificate authority of its API, in base64. It is no secret."),
    ]
    security_group_id: Annotated[
        Annotated[
            str,
            Text(
                _GROUP,
                _printed(
                    "the id of a security group such as sg-0123456789abcdef0",
                    f"{_DESCRIBE_CLUSTER}resourcesVpcConfig.clusterSecurityGroupId",
                ),
            ),
        ],
        Says("The cluster security group, which nodes and pods carry."),
    ]
    load_balancer_controller: Annotated[
        Flag,
        Says(
            "Whether the AWS Load Balancer Controller is installed. `false`: this stack installs it; a cluster takes "
            "one. `helm list -A` prints it."
        ),
    ] = True


class Priorities(Section):
    """The numbers that this stack's rules may have on the listener."""

    first: Annotated[Whole, Field(ge=1, le=LAST), Says("The lowest priority.")] = 1
    last: Annotated[
        Whole,
        Field(ge=1, le=LAST),
        Says(
            f"The highest priority, at least {LEAST - 1} more than `first`. "
            "`aws elbv2 describe-rules --listener-arn ARN --query 'Rules[].Priority'` prints those in use."
        ),
    ] = LAST


class ExistingListener(Section):
    """An HTTPS listener of an Application Load Balancer that exists; rules and target groups are made for it.

    Its default action should be 404, which a gRPC client reads as UNIMPLEMENTED.
    """

    arn: Annotated[
        Annotated[
            str,
            Text(
                r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener/app/[A-Za-z0-9-]+/[0-9a-f]+/[0-9a-f]+",
                _printed(
                    "the ARN of an Application Load Balancer's listener",
                    "aws elbv2 describe-listeners --load-balancer-arn ARN --query 'Listeners[].ListenerArn'",
                ),
            ),
        ],
        Says("ARN of the HTTPS listener."),
    ]
    dns_name: Annotated[
        Annotated[
            str,
            Text(
                r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
                _printed("the DNS name of the load balancer", f"{_DESCRIBE_BALANCER}DNSName'"),
                maximum=253,
            ),
        ],
        Says("DNS name of the load balancer, for alias records."),
    ]
    zone_id: Annotated[
        Annotated[
            str,
            Text(
                r"Z[A-Z0-9]{1,31}",
                _printed(
                    "the hosted zone id of the load balancer's own name such as Z32O12XQLNTSW2",
                    f"{_DESCRIBE_BALANCER}CanonicalHostedZoneId'",
                ),
            ),
        ],
        Says("Hosted zone id of the load balancer's own name, for alias records."),
    ]
    security_group_id: Annotated[
        Annotated[
            str,
            Text(
                _GROUP,
                _printed(
                    "the id of a security group such as sg-0123456789abcdef0", f"{_DESCRIBE_BALANCER}SecurityGroups'"
                ),
            ),
        ],
        Says("A security group of the load balancer. A cluster that this stack makes lets it in."),
    ]
    pod_ports: Annotated[
        tuple[Port, ...],
        Field(min_length=1, max_length=50),
        EACH_ONCE,
        Says(
            "Ports on which the load balancer reaches pods: let out by its security group and, where the cluster "
            "exists already, let in by the cluster's. `aws ec2 describe-security-group-rules --filters "
            "Name=group-id,Values=ID` prints the rules."
        ),
    ]
    certificate_domains: Annotated[
        tuple[CertificateDomain, ...],
        EACH_ONCE,
        Says(
            "Names that the listener's certificates cover, so that hosts can be checked; `aws acm describe-certificate "
            "--certificate-arn ARN --query Certificate.SubjectAlternativeNames` prints them.",
            default="not known, not checked",
        ),
    ] = ()
    priorities: Annotated[
        Priorities, Says("Priorities that are free for this stack's rules.", default="1 to 50000, all of them")
    ] = Field(default_factory=Priorities)


class HostedZone(Section):
    """A Route 53 hosted zone that exists already."""

    id: Annotated[
        str,
        Text(r"Z[A-Z0-9]{1,31}", "a hosted zone id such as Z0123456789ABCDEFGHIJ (aws route53 list-hosted-zones)"),
        Says("Id of the zone; `aws route53 list-hosted-zones` prints it."),
    ]
    name: Annotated[Domain, Says("Domain of the zone, without a final dot.")]


BucketName = Annotated[
    str,
    Text(
        r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*(?<=[a-z0-9])",
        _printed(
            "a bucket name of 3 to 63 lower-case letters, digits, hyphens and dots",
            "aws s3api list-buckets --query 'Buckets[].Name'",
        ),
        maximum=63,
        refused=r".{0,2}|xn--.*|[0-9]+(?:\.[0-9]+){3}",
    ),
]


class ServiceNetwork(Section):
    """A VPC Lattice service network that exists, of this account or shared with it."""

    arn: Annotated[
        Annotated[
            str,
            Text(
                r"arn:aws[a-z-]*:vpc-lattice:[a-z0-9-]+:[0-9]{12}:servicenetwork/sn-[0-9a-f]{17}",
                _printed(
                    "the ARN of a service network such as "
                    "arn:aws:vpc-lattice:eu-west-1:111122223333:servicenetwork/sn-0123456789abcdef0",
                    "aws vpc-lattice list-service-networks --query 'items[].arn'",
                ),
            ),
        ],
        Says("ARN of the service network."),
    ]
    name: Annotated[
        Annotated[
            str,
            Text(
                r"(?!servicenetwork-)(?![-])(?!.*--)[a-z0-9-]{3,63}(?<!-)",
                _printed(
                    "the name of a service network: 3 to 63 lower-case letters, digits and single hyphens",
                    "aws vpc-lattice list-service-networks --query 'items[].name'",
                ),
            ),
        ],
        Says("Its name, which a Gateway of the Lattice controller has as well."),
    ]

    @property
    def id(self) -> str:
        """`sn-` and 17 digits, the end of the ARN."""
        return self.arn.rpartition("/")[2]


class Existing(Section):
    """What exists already and is used, not made."""

    hosted_zone: Annotated[
        HostedZone | None,
        Says(
            "Zone in which certificates are validated and hosts get their alias records.",
            default="none; nothing is written to DNS",
        ),
    ] = None
    platform_stack: Annotated[
        Annotated[
            str,
            Text(
                r"(?:[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/)?[a-z](?:[a-z0-9-]*[a-z0-9])?",
                "the name of a stack of kind platform, alone or as organization/project/stack (pulumi stack ls --all "
                "prints them)",
                maximum=200,
            ),
        ]
        | None,
        Says(
            "Stack of kind `platform` that this stack of kind `services` joins: its outputs stand for everything else "
            "here.",
            default="none",
        ),
    ] = None
    vpc: Annotated[
        Vpc | None, Says("VPC to use; `network` is then left out.", default="one is made as `network` says")
    ] = None
    cluster: Annotated[
        ExistingCluster | None,
        Says("Cluster to use, in `existing.vpc`; `cluster` is then left out.", default="one is made as `cluster` says"),
    ] = None
    listeners: Annotated[
        Mapping[BalancerKey, Settled[ExistingListener]],
        Keys(BALANCER_KEY),
        Says("Listeners in `existing.vpc` to use, by name, beside those of `load_balancers`."),
    ] = Field(default_factory=dict)
    log_bucket: Annotated[
        BucketName | None,
        Says(
            "Bucket for logs that go to S3. Its policy must let log delivery (delivery.logs.amazonaws.com) write.",
            default="none; flow logs go to CloudWatch",
            source="VPC User Guide, Flow logs to Amazon S3, bucket permissions",
        ),
    ] = None
    service_network: Annotated[
        ServiceNetwork | None,
        Says("VPC Lattice service network to use, as the section `lattice` says.", default="one is made"),
    ] = None

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones of the existing VPC's subnets, sorted; empty without one."""
        if self.vpc is None:
            return ()
        return tuple(sorted({*self.vpc.subnets.public, *self.vpc.subnets.private}))
