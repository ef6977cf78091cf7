"""Routes: what decides about a call beside the host and the gRPC service, and where it goes then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .base import EACH_ONCE, Keys, Says, Section, Text
from .forms import Cidr, Flag, GrpcMethod, GrpcServiceName, Host, WorkloadKey

_API = "Elastic Load Balancing API Reference"

# At most 40 characters: Elastic Load Balancing API Reference, HttpHeaderConditionConfig. Over HTTP/2 the load balancer
# takes letters, digits and hyphens only (LoadBalancerAttribute routing.http2.enabled). Host has a condition of its own.
_HEADER = Text(
    r"[A-Za-z0-9-]+",
    "a header name of 1 to 40 letters, digits and hyphens, other than host",
    maximum=40,
    refused=r"[hH][oO][sS][tT]",
)
HeaderName = Annotated[str, _HEADER]
HeaderValue = Annotated[
    str, Text(r"[\x20-\x7e]+", "1 to 128 printable ASCII characters, with * and ? as wildcards", maximum=128)
]
_QUERY_KEY = Text(
    r"[\x21-\x7e]+", "a query key of 1 to 128 printable ASCII characters without spaces, wildcards * ?", maximum=128
)
QueryKey = Annotated[str, _QUERY_KEY]
QueryValue = Annotated[
    str,
    Text(r"[\x21-\x7e]+", "1 to 128 printable ASCII characters without spaces, with * and ? as wildcards", maximum=128),
]
# A listener rule takes wildcards anywhere; a star at the end alone keeps "which rule is more specific" decidable.
HttpPath = Annotated[
    str,
    Text(
        r"/\*?|(?:/[A-Za-z0-9_.$~@:+&-]+)+(?:/\*?)?",
        "a path such as /api/v1/users or /api/* (letters, digits, _ . $ ~ @ : + & -; * only at the end, after a slash)",
        maximum=128,
    ),
]
# Elastic Load Balancing API Reference, RewriteConfig: 1,024 characters each.
_Regex = Annotated[str, Text(r"[\x20-\x7e]+", "a regular expression of 1 to 1,024 characters", maximum=1024)]
_Replacement = Annotated[
    str, Text(r"[\x20-\x7e]*", "a replacement of 0 to 1,024 characters, $1 for the first group", maximum=1024)
]


class Rewrite(Section):
    """What a part of the request that matches becomes."""

    regex: Annotated[_Regex, Says("What to look for.", source=f"{_API}, RewriteConfig")]
    replace: Annotated[
        _Replacement,
        Says("What stands there instead; `$1` is what the first group found.", source=f"{_API}, RewriteConfig"),
    ]


class Rewrites(Section):
    """Changes to a request on its way to the pods. At least one of host and path."""

    host: Annotated[
        Rewrite | None, Says("Change of the Host header.", default="none", source=f"{_API}, RuleTransform")
    ] = None
    path: Annotated[
        Rewrite | None, Says("Change of the URL: path and query.", default="none", source=f"{_API}, RuleTransform")
    ] = None
    grpc: Annotated[
        Flag,
        Says(
            "Says that a gRPC workload is meant: the path of a gRPC call is its method, so another path is another "
            "method."
        ),
    ] = False


class Route(Section):
    """Calls that are told apart from the workload's other ones, and where they go.

    A route takes what it names out of the workload's own rules: a call of its methods that lacks the conditions gets
    the listener's default action, unless `otherwise` says `pass`.
    """

    methods: Annotated[
        tuple[GrpcMethod, ...],
        Field(min_length=1),
        EACH_ONCE,
        Says("gRPC methods, each as package.Service/Method.", default="none"),
    ] = ()
    services: Annotated[
        tuple[GrpcServiceName, ...],
        Field(min_length=1),
        EACH_ONCE,
        Says(
            "gRPC services, with all their methods.",
            default="none; without `methods` too: every service of the workload",
        ),
    ] = ()
    paths: Annotated[
        tuple[HttpPath, ...],
        Field(min_length=1),
        EACH_ONCE,
        Says("Paths of an HTTP workload.", default="every path of the workload"),
    ] = ()
    hosts: Annotated[
        tuple[Host, ...],
        Field(min_length=1),
        EACH_ONCE,
        Says(
            "Host names of the route; each gets a record and a name on the certificate like the workload's own.",
            default="the workload's `host`",
            source=f"{_API}, HostHeaderConditionConfig",
        ),
    ] = ()
    headers: Annotated[
        Mapping[HeaderName, Annotated[tuple[HeaderValue, ...], Field(min_length=1), EACH_ONCE]],
        Field(min_length=1),
        Keys(_HEADER),
        Says(
            "Header values (gRPC: metadata), by header name. A call must carry one of the values of every header; case "
            "does not matter.",
            default="none",
            source=f"{_API}, HttpHeaderConditionConfig",
        ),
    ] = Field(default_factory=dict)
    query: Annotated[
        Mapping[QueryKey, Annotated[tuple[QueryValue, ...], Field(min_length=1), EACH_ONCE]],
        Field(min_length=1),
        Keys(_QUERY_KEY),
        Says(
            "Values of the query string of an HTTP workload, by key. A request must have one of the values of every "
            "key; case does not matter.",
            default="none",
            source=f"{_API}, QueryStringConditionConfig",
        ),
    ] = Field(default_factory=dict)
    source_ips: Annotated[
        tuple[Cidr, ...],
        Field(min_length=1),
        EACH_ONCE,
        Says(
            "Networks the connection may come from: the client's own or its proxy's; X-Forwarded-For does not count.",
            default="any",
            source=f"{_API}, SourceIpConditionConfig",
        ),
    ] = ()
    to: Annotated[
        WorkloadKey | None,
        Says("Workload that answers: one of the same protocol on the same load balancer.", default="this workload"),
    ] = None
    otherwise: Annotated[
        Literal["deny", "pass"],
        Says(
            "What a call of these methods or paths without the conditions gets. `deny`: the listener's default action; "
            "`pass`: whatever the other rules say."
        ),
    ] = "deny"
    rewrite: Annotated[
        Rewrites | None,
        Says("Changes to the request.", default="the workload's `rewrite`", source=f"{_API}, RuleTransform"),
    ] = None
