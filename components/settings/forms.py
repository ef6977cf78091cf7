"""The forms of text and number that several sections share."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, Strict
from pydantic_core import PydanticCustomError

from .base import Text

Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Port = Annotated[int, Strict(), Field(ge=1, le=65535)]

# A DNS name without a final dot: RFC 1035, section 2.3.1, and RFC 1123, section 2.1.
DNS_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{DNS_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]"
Domain = Annotated[str, Text(_DOMAIN, "a domain name in lower case such as orders.dev.example.com", maximum=253)]
# A host condition takes 128 characters, and "only alphabetical characters" behind the last dot: Elastic Load Balancing
# API Reference, HostHeaderConditionConfig.
Host = Annotated[
    str,
    Text(
        rf"(?:{DNS_LABEL}\.)+[a-z]{{2,63}}",
        "a domain name in lower case such as orders.dev.example.com, with letters only behind the last dot",
        maximum=128,
    ),
]
CertificateDomain = Annotated[
    str,
    Text(
        rf"(?:\*\.)?{_DOMAIN}",
        "a domain name in lower case, with or without a leading *. (*.dev.example.com)",
        maximum=253,
    ),
]

# Fully qualified names of Protocol Buffers; "/package.Service/Method" is the path of the call (gRPC over HTTP/2).
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
GRPC_SERVICE: Final = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
GRPC_METHOD: Final = rf"{GRPC_SERVICE}/{_IDENTIFIER}"
GrpcServiceName = Annotated[
    str, Text(GRPC_SERVICE, "a full gRPC service name such as acme.orders.v1.Orders", maximum=120)
]
GrpcMethod = Annotated[str, Text(GRPC_METHOD, "a full gRPC method such as acme.orders.v1.Orders/Purge", maximum=127)]
HealthName = Annotated[
    str,
    Text(
        r"[A-Za-z0-9_.\-/]*",
        'a name of the gRPC health service: letters, digits, dot, hyphen, slash, underscore, or ""',
        maximum=200,
    ),
]

Arn = r"arn:aws[a-z-]*"
CertificateArn = Annotated[
    str,
    Text(
        rf"{Arn}:acm:[a-z0-9-]+:[0-9]{{12}}:certificate/[A-Za-z0-9-]+",
        "the ARN of an ACM certificate such as "
        "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
    ),
]
PrincipalArn = Annotated[
    str,
    Text(
        rf"{Arn}:iam::[0-9]{{12}}:(?:role|user)/(?:[A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+",
        "the ARN of an IAM role or user such as arn:aws:iam::111122223333:role/deployer (not an sts session, not root, "
        "not a service-linked role)",
        refused=rf"{Arn}:iam::[0-9]{{12}}:role/aws-service-role/.*",
    ),
]

AddonVersion = Annotated[
    str,
    Text(r"v[0-9]+\.[0-9]+\.[0-9]+(?:-[a-z0-9.-]+)?-eksbuild\.[0-9]+", "an add-on build such as v1.36.0-eksbuild.25"),
]
ImageDigest = Annotated[str, Text(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits")]
ImageTag = Annotated[
    str, Text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "1 to 128 letters, digits and _ . -, such as 1.4.2")
]

_KEY = r"[a-z](?:[a-z0-9-]*[a-z0-9])?"


def key(maximum: int, refused: str = "", beside: str = "") -> Text:
    """The form of a map key that becomes a name, at most ``maximum`` characters."""
    allowed = (
        f"1 to {maximum} lower-case letters, digits and hyphens, starting with a letter, not ending in a hyphen{beside}"
    )
    return Text(_KEY, allowed, maximum=maximum, refused=refused)


# A workload has a namespace of its own name, so the names that Kubernetes and EKS use themselves are not free.
WORKLOAD_KEY: Final = key(
    32,
    refused=r"default|(?:kube|amazon|aws)(?:-.*)?",
    beside=", and not a reserved namespace (default, kube-*, amazon-*, aws-*)",
)
BALANCER_KEY: Final = key(20)
NAME_KEY: Final = key(32)
WorkloadKey = Annotated[str, WORKLOAD_KEY]
BalancerKey = Annotated[str, BALANCER_KEY]
NameKey = Annotated[str, NAME_KEY]

# Environment variable names as POSIX.1-2017, section 8.1, gives them, plus lower case.
VARIABLE: Final = Text(
    r"[A-Za-z_][A-Za-z0-9_]*", "letters, digits and underscores, not starting with a digit", maximum=128
)
Variable = Annotated[str, VARIABLE]
_PLAIN = Text(r"[^\x00]*", "text without a NUL character", maximum=32768)


def _encodable(value: str) -> str:
    """Half a character, which JSON can write as an escape, has no bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("shape", "shape", {"allowed": "text of whole characters"}) from None
    return value


def _secret(value: SecretStr) -> SecretStr:
    text = _encodable(value.get_secret_value())
    if not _PLAIN.fits(text):
        raise PydanticCustomError(
            "shape", "shape", {"allowed": f"{_PLAIN.allowed}, at most {_PLAIN.maximum} characters"}
        )
    return value


Plain = Annotated[str, _PLAIN, AfterValidator(_encodable)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]


def _network(value: str, allowed: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise PydanticCustomError("shape", "shape", {"allowed": allowed}) from None


def canonical_cidr(value: str) -> str:
    """Refuse a network that is not IPv4 or has bits set behind its mask."""
    network = _network(value, "an IPv4 network such as 203.0.113.0/24")
    if "/" not in value or str(network) != value:
        raise PydanticCustomError("shape", "shape", {"allowed": f"an IPv4 network written {network}"})
    return value


# RFC 1918, and RFC 6598, which the VPC User Guide ("VPC CIDR blocks") also admits.
PRIVATE: Final = tuple(
    ipaddress.IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


_PRIVATE_CIDR = Text(
    r"[0-9.]+/(?:1[6-9]|20)",
    "a private IPv4 network from /16 to /20, in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10",
)


def private_cidr(value: str) -> str:
    """A private IPv4 network between /16 and /20, in canonical form."""
    network = ipaddress.IPv4Network(canonical_cidr(value))
    private = any(network.subnet_of(block) for block in PRIVATE)
    if not private or not 16 <= network.prefixlen <= 20:
        allowed = (
            "a private IPv4 network from /16 to /20, in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
        )
        raise PydanticCustomError("shape", "shape", {"allowed": allowed})
    return value


_CIDR = Text(r"[0-9.]+/[0-9]{1,2}", "an IPv4 network such as 203.0.113.0/24")
Cidr = Annotated[str, _CIDR, AfterValidator(canonical_cidr)]
PrivateCidr = Annotated[str, _PRIVATE_CIDR, AfterValidator(private_cidr)]
