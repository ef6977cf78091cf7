"""Application Load Balancers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import EACH_ONCE, Says, Section
from .edge import Headers, Logs, Mtls, Waf
from .forms import CertificateArn, CertificateDomain, Cidr, Flag, Port, Whole

_ATTRIBUTES = "Elastic Load Balancing API Reference, LoadBalancerAttribute"

# TLS 1.2 or newer without the Ext sets, which add weaker ciphers. ELB User Guide, "Security policies for your ALB".
TlsPolicy = Literal[
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
]


class Certificate(Section):
    """The certificate of the HTTPS listener: an existing one, or one to request. Exactly one of the two keys."""

    arn: Annotated[CertificateArn | None, Says("An ACM certificate of the stack's region.", default="none")] = None
    domains: Annotated[
        tuple[CertificateDomain, ...],
        # ACM User Guide, "Quotas": 10 domain names per certificate unless raised.
        Field(max_length=10),
        EACH_ONCE,
        Says(
            "Names of a certificate to request and to validate in `existing.hosted_zone`.",
            default="none",
            source="ACM User Guide, Quotas",
        ),
    ] = ()


class LoadBalancer(Section):
    """An Application Load Balancer with one HTTPS listener on port 443."""

    scheme: Annotated[
        Literal["internet-facing", "internal"],
        Says("Whether the addresses of the load balancer are public; changing it makes a new load balancer."),
    ]
    owner: Annotated[
        Literal["pulumi", "ingress", "gateway"],
        Says(
            "Who makes the load balancer. `pulumi`: it, its listener, rules and target groups belong to the stack. "
            "`ingress`, `gateway`: the AWS Load Balancer Controller makes them of Ingresses, or of a Gateway and its "
            "routes; see docs/owner-modes.md.",
            source="AWS Load Balancer Controller, Ingress; Gateway API",
        ),
    ] = "pulumi"
    idle_timeout: Annotated[
        Whole,
        Field(ge=1, le=4000),
        Says(
            "Seconds after which a silent stream is reset. HTTP/2 pings do not count as traffic: choose more than the "
            "longest silence of a stream, or send heartbeats in the application.",
            source=f"{_ATTRIBUTES} idle_timeout.timeout_seconds",
        ),
    ] = 300
    client_keep_alive: Annotated[
        Whole,
        Field(ge=60, le=604800),
        Says("Seconds a client connection may live.", source=f"{_ATTRIBUTES} client_keep_alive.seconds"),
    ] = 3600
    certificate: Annotated[
        Certificate | None,
        Says(
            "Certificate of the listener; gRPC needs HTTPS.",
            default="one is requested for the hosts of its services and validated in `existing.hosted_zone`",
            source="ALB User Guide, Target groups, protocol version gRPC",
        ),
    ] = None
    tls_policy: Annotated[
        TlsPolicy,
        Says("Security policy of the listener: TLS versions and ciphers.", source="ALB User Guide, Security policies"),
    ] = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    allow_cidrs: Annotated[
        tuple[Cidr, ...],
        Field(min_length=1, max_length=60),
        EACH_ONCE,
        Says(
            "Networks that may connect; 60 is the default quota of a security group.",
            source="VPC User Guide, Amazon VPC quotas",
        ),
    ] = ("0.0.0.0/0",)
    http_redirect: Annotated[
        Flag,
        Says(
            "Whether port 80 sends browsers on to HTTPS. For HTTP workloads: gRPC clients follow no redirect.",
            source="ALB User Guide, Redirect actions; grpc/grpc doc/http-grpc-status-mapping.md",
        ),
    ] = False
    pod_ports: Annotated[
        tuple[Port, ...],
        Field(max_length=50),
        EACH_ONCE,
        Says(
            "Kind `platform`: ports of pods that services stacks may use behind this load balancer; the platform "
            "stack opens each once for all of them.",
            default="the ports of the workloads behind it",
            source="EC2 API Reference, InvalidPermission.Duplicate",
        ),
    ] = ()
    generation: Annotated[
        Whole,
        Field(ge=1, le=1000),
        Says(
            "Part of the physical name of the load balancer and of its target groups. "
            "Raise it when a change that needed a new one failed half-way and is taken back: the old name is still "
            'in use ("already exists").'
        ),
    ] = 1
    deletion_protection: Annotated[
        Flag, Says("Whether AWS refuses to delete the load balancer.", default="`environment.protected`")
    ] = False
    mtls: Annotated[Mtls | None, Says("Client certificates.", default="none are asked for")] = None
    waf: Annotated[Waf | None, Says("Web application firewall.", default="none")] = None
    headers: Annotated[Headers, Says("Headers of requests and answers.")] = Field(default_factory=Headers)
    desync_mitigation: Annotated[
        Literal["monitor", "defensive", "strictest"],
        Says(
            "How requests are treated that servers might read in different ways.",
            source=f"{_ATTRIBUTES} routing.http.desync_mitigation_mode",
        ),
    ] = "defensive"
    logs: Annotated[Logs | None, Says("Logs in S3.", default="none")] = None
    zonal_shift: Annotated[
        Flag,
        Says(
            "Whether a zone can be taken out by hand, or by AWS when it is impaired (Amazon Application Recovery "
            "Controller).",
            source=f"{_ATTRIBUTES} zonal_shift.config.enabled",
        ),
    ] = False
