"""What a load balancer does beside routing: client certificates, firewall, headers, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from .base import Keys, Says, Section, Text
from .forms import Arn, Flag, Whole

_LB = "Elastic Load Balancing API Reference, LoadBalancerAttribute"
_LISTENER = "Elastic Load Balancing API Reference, ListenerAttribute"

# S3 User Guide, "General purpose bucket naming rules".
BucketName = Annotated[
    str,
    Text(
        r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*(?<=[a-z0-9])",
        "a bucket name of 3 to 63 lower-case letters, digits, hyphens and dots",
        maximum=63,
        refused=r".{0,2}|xn--.*|[0-9]+(?:\.[0-9]+){3}",
    ),
]
_ObjectKey = Annotated[str, Text(r"[^\x00-\x1f\x7f]+", "a key of 1 to 1,024 printable characters", maximum=1024)]
TrustStoreArn = Annotated[
    str,
    Text(
        rf"{Arn}:elasticloadbalancing:[a-z0-9-]+:[0-9]{{12}}:truststore/[A-Za-z0-9-]{{1,32}}/[0-9a-f]{{16}}",
        "the ARN of a trust store such as "
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/partners/0123456789abcdef",
    ),
]
WebAclArn = Annotated[
    str,
    Text(
        rf"{Arn}:wafv2:[a-z0-9-]+:[0-9]{{12}}:regional/webacl/[A-Za-z0-9_-]{{1,128}}/[0-9a-f-]{{36}}",
        "the ARN of a regional web ACL such as arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/edge/"
        "12345678-1234-1234-1234-123456789012",
    ),
]


class TrustStore(Section):
    """The CA certificates clients are verified with: an existing trust store, or a bundle in S3 to make one of."""

    arn: Annotated[TrustStoreArn | None, Says("A trust store of the stack's region.", default="none")] = None
    bucket: Annotated[
        BucketName | None,
        Says(
            "Bucket of the stack's region with the CA certificates in PEM.",
            default="none",
            source="Elastic Load Balancing API Reference, CreateTrustStore",
        ),
    ] = None
    key: Annotated[_ObjectKey | None, Says("Key of the bundle in the bucket.", default="none")] = None
    version: Annotated[
        Annotated[str, Text(r"[!-~]+", "a version id of S3", maximum=1024)] | None,
        Says(
            "Version of the object. With a new bundle give its version: the load balancer reads the bundle once and "
            "does not notice that the object changed.",
            default="the newest when the trust store is made",
        ),
    ] = None


class Mtls(Section):
    """Client certificates (mutual TLS)."""

    mode: Annotated[
        Literal["passthrough", "verify"],
        Says(
            "`verify`: clients without a certificate of the trust store's CAs are refused. `passthrough`: whatever "
            "certificate there is goes to the pod in the header X-Amzn-Mtls-Clientcert, unverified.",
            source="Elastic Load Balancing API Reference, MutualAuthenticationAttributes",
        ),
    ]
    trust_store: Annotated[TrustStore | None, Says("CAs of the clients; with `verify` only.", default="none")] = None
    ignore_expiry: Annotated[Flag, Says("Whether expired client certificates are taken; with `verify` only.")] = False
    advertise_ca_names: Annotated[
        Flag, Says("Whether clients are told which CAs are accepted; with `verify` only.")
    ] = False


class Waf(Section):
    """A web application firewall before the load balancer. What it blocks a gRPC client sees as PERMISSION_DENIED."""

    web_acl_arn: Annotated[
        WebAclArn,
        Says("Regional web ACL of the stack's region.", source="AWS WAF API Reference, AssociateWebACL"),
    ]
    fail_open: Annotated[
        Flag,
        Says("Whether calls pass when the firewall does not answer.", source=f"{_LB} waf.fail_open.enabled"),
    ] = False


# ListenerAttribute routing.http.request.*.header_name: headers that the load balancer adds to requests.
RequestHeader = Literal[
    "x_amzn_mtls_clientcert",
    "x_amzn_mtls_clientcert_issuer",
    "x_amzn_mtls_clientcert_leaf",
    "x_amzn_mtls_clientcert_serial_number",
    "x_amzn_mtls_clientcert_subject",
    "x_amzn_mtls_clientcert_validity",
    "x_amzn_tls_cipher_suite",
    "x_amzn_tls_version",
]
# ListenerAttribute routing.http.response.*.header_value: headers that it can put on every answer.
ResponseHeader = Literal[
    "access_control_allow_credentials",
    "access_control_allow_headers",
    "access_control_allow_methods",
    "access_control_allow_origin",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "strict_transport_security",
    "x_content_type_options",
    "x_frame_options",
]
REQUEST_HEADERS: Final[tuple[str, ...]] = get_args(RequestHeader)
RESPONSE_HEADERS: Final[tuple[str, ...]] = get_args(ResponseHeader)
_REQUEST_KEY = Text("|".join(REQUEST_HEADERS), f"one of {', '.join(REQUEST_HEADERS)}")
_RESPONSE_KEY = Text("|".join(RESPONSE_HEADERS), f"one of {', '.join(RESPONSE_HEADERS)}")
_NewName = Annotated[str, Text(r"[A-Za-z0-9-]+", "a header name of 1 to 40 letters, digits and hyphens", maximum=40)]
_NewValue = Annotated[str, Text(r"[\x20-\x7e]+", "1 to 1,024 printable ASCII characters", maximum=1024)]


class Headers(Section):
    """What the load balancer does with headers of requests and answers."""

    drop_invalid: Annotated[
        Flag,
        Says(
            "Whether headers are dropped whose names have other characters than letters, digits and hyphens: gRPC "
            "metadata with `_` or `.` in the key is then lost.",
            source=f"{_LB} routing.http.drop_invalid_header_fields.enabled",
        ),
    ] = False
    preserve_host: Annotated[
        Flag,
        Says(
            "Whether the Host header reaches the pod as the client sent it.",
            source=f"{_LB} routing.http.preserve_host_header.enabled",
        ),
    ] = False
    forwarded_for: Annotated[
        Literal["append", "preserve", "remove"],
        Says(
            "What becomes of X-Forwarded-For. `append`: the client's address is added.",
            source=f"{_LB} routing.http.xff_header_processing.mode",
        ),
    ] = "append"
    client_port: Annotated[
        Flag,
        Says(
            "Whether X-Forwarded-For has the client's port too.", source=f"{_LB} routing.http.xff_client_port.enabled"
        ),
    ] = False
    tls_version_and_cipher: Annotated[
        Flag,
        Says(
            "Whether X-Amzn-Tls-Version and X-Amzn-Tls-Cipher-Suite are added.",
            source=f"{_LB} routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        ),
    ] = False
    server: Annotated[
        Flag,
        Says(
            "Whether answers have a Server header.",
            source=f"{_LISTENER} routing.http.response.server.enabled",
        ),
    ] = True
    rename: Annotated[
        Mapping[RequestHeader, _NewName],
        Keys(_REQUEST_KEY, known=REQUEST_HEADERS),
        Says(
            "Other names of headers that the load balancer adds to requests.",
            source=f"{_LISTENER} routing.http.request",
        ),
    ] = Field(default_factory=dict)
    add: Annotated[
        Mapping[ResponseHeader, _NewValue],
        Keys(_RESPONSE_KEY, known=RESPONSE_HEADERS),
        Says(
            "Values of headers that the load balancer puts on answers: for browsers, gRPC clients ignore them.",
            source=f"{_LISTENER} routing.http.response",
        ),
    ] = Field(default_factory=dict)


class Logs(Section):
    """Logs of the load balancer in S3: in `existing.log_bucket`, or in a bucket that is made for them."""

    access: Annotated[Flag, Says("A line for each call.", source=f"{_LB} access_logs.s3.enabled")] = True
    connections: Annotated[
        Flag,
        Says("A line for each connection: TLS, client certificate.", source=f"{_LB} connection_logs.s3.enabled"),
    ] = False
    health_checks: Annotated[
        Flag, Says("A line for each health check.", source=f"{_LB} health_check_logs.s3.enabled")
    ] = False
    retention: Annotated[
        Whole,
        Field(ge=1, le=3650),
        Says(
            "Days until lines are deleted; in a bucket that is made for them only.", source="S3 User Guide, Lifecycle"
        ),
    ] = 90
