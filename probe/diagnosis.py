"""From what came back to what is wrong and what to do. Tables, each row with its source where it is AWS's."""

from dataclasses import dataclass

from probe import codes
from probe.model import Answer

# "ALB guide" is AWS's Application Load Balancers user guide, "Troubleshoot" unless another page is named.


@dataclass(frozen=True)
class Finding:
    """What is wrong, in a sentence, and what to do about it."""

    meaning: str
    advice: tuple[str, ...]


HTTP: dict[int, Finding] = {
    # ALB guide, "HTTP 400".
    400: Finding(
        "HTTP 400: the request was not understood; a listener without HTTP/2 answers so",
        ("Call the HTTPS listener.", "Turn HTTP/2 on at the load balancer (routing.http2.enabled)."),
    ),
    401: Finding(
        "HTTP 401: something on the way wants credentials",
        ("Send them with --metadata.", "A GRPC target group cannot stand behind an authenticate action."),
    ),
    # ALB guide, "HTTP 403".
    403: Finding(
        "HTTP 403: refused on the way, by a web ACL or an auth policy, not by the server",
        ("Look the request up in the WAF log, or in the service network's access log.",),
    ),
    404: Finding(
        "HTTP 404: no listener rule knows this host and path; a client reports UNIMPLEMENTED",
        (
            "Compare --authority with the rule's host, and the path with its pattern: /package.Service/*, case counts.",
            "Reflection and health checks need routes of their own, which an edge usually does not have.",
        ),
    ),
    # ALB guide, "HTTP 408".
    408: Finding(
        "HTTP 408: no data before the idle timeout",
        ("Raise idle_timeout above the longest silence.", "Or let the application send something: pings do not count."),
    ),
    413: Finding("HTTP 413: a message larger than a proxy on the way takes", ("Raise that limit, or send less.",)),
    415: Finding(
        "HTTP 415: what answers speaks HTTP, but does not take application/grpc",
        ("Route to the gRPC port of the workload, not to its HTTP port.", "Put no JSON gateway in front of it."),
    ),
    # ALB guide, "HTTP 460".
    460: Finding("HTTP 460: the client left before the idle timeout", ("Give the call a longer deadline.",)),
    # ALB guide, "HTTP 464".
    464: Finding(
        "HTTP 464: the protocol version of the target group does not go with the request",
        (
            "gRPC needs a target group with protocol version GRPC, behind an HTTPS listener.",
            "The version cannot be changed: a new target group is needed.",
            "Serve browsers and gRPC clients by separate rules and target groups.",
        ),
    ),
    426: Finding("HTTP 426: another protocol version is wanted", ("What answers speaks no HTTP/2 here.",)),
    429: Finding("HTTP 429: too many requests, said something on the way", ("Look for a rate rule of a web ACL.",)),
    # ALB guide, "HTTP 502".
    502: Finding(
        "HTTP 502: the server closed or reset the connection while the call was in flight",
        (
            "The server's own idle and age limits must be longer than the load balancer's idle_timeout.",
            "During a rollout: drain, and a deregistration delay that covers it.",
            "TLS to the pod and protocol HTTP in the target group, or the reverse, look like this, too.",
        ),
    ),
    # ALB guide, "HTTP 503".
    503: Finding(
        "HTTP 503: no target that could answer; a client reports UNAVAILABLE and may retry",
        (
            "Are pods ready and registered? aws elbv2 describe-target-health --target-group-arn …",
            "No target at all: does a TargetGroupBinding exist, and does the Deployment have an image?",
        ),
    ),
    # ALB guide, "HTTP 504".
    504: Finding(
        "HTTP 504: no connection to a target within 10 s, or no answer before the idle timeout",
        (
            "Does the pods' security group admit the load balancer on the serving port?",
            "For slow or silent calls raise idle_timeout.",
        ),
    ),
    505: Finding("HTTP 505: what answers speaks no HTTP/2", ("Call the gRPC port.",)),
}

REDIRECT = Finding(
    "a redirect, which gRPC clients do not follow; they report UNKNOWN", ("Call the HTTPS port directly, usually 443.",)
)

GOAWAY: dict[str, Finding] = {
    # 10,000 requests: ALB guide, "HTTP 000". Age: gRFC A9.
    "NO_ERROR": Finding(
        "GOAWAY: the peer ends this connection in good order",
        (
            "Usual after MAX_CONNECTION_AGE, while a server drains, and at an ALB after 10,000 requests.",
            "Clients connect again; give them a retryPolicy on UNAVAILABLE for the calls in between.",
        ),
    ),
    "ENHANCE_YOUR_CALM": Finding(
        "GOAWAY with ENHANCE_YOUR_CALM: the peer has had too many pings or requests",
        ("Ping no more often than the server permits: five minutes by default, a minute is the usual advice.",),
    ),
    "HTTP_1_1_REQUIRED": Finding(
        "GOAWAY with HTTP_1_1_REQUIRED: the peer wants HTTP/1.1", ("Call the gRPC port; gRPC needs HTTP/2.",)
    ),
    "PROTOCOL_ERROR": Finding(
        "GOAWAY with PROTOCOL_ERROR: the peer says a rule of HTTP/2 was broken",
        ("Look for a proxy on the way, and for metadata with names that HTTP/2 does not allow.",),
    ),
}

STATUS: dict[str, Finding] = {
    "UNIMPLEMENTED": Finding(
        "the server does not know this method",
        ("Check package, service and method: /package.Service/Method, case counts.", "Is it the newest image?"),
    ),
    "UNAVAILABLE": Finding(
        "the server, or a proxy, cannot take the call now", ("Are pods ready? Is one of them draining?",)
    ),
    "UNAUTHENTICATED": Finding("the server wants credentials", ("Send them with --metadata.",)),
    "PERMISSION_DENIED": Finding(
        "these credentials may not do this", ("With an auth policy of VPC Lattice: is the caller allowed in it?",)
    ),
    "DEADLINE_EXCEEDED": Finding("the server did not answer in time", ("Raise --timeout, look at the server's log.",)),
    "RESOURCE_EXHAUSTED": Finding(
        "the server has too much to do, or the message is too large", ("The usual limit of a message is 4 MiB.",)
    ),
    "UNKNOWN": Finding("the server failed without saying how", ("Look at the server's log.",)),
    "INTERNAL": Finding("the server failed", ("Look at the server's log.",)),
}

BROKEN: dict[str, Finding] = {
    "reset": Finding(
        "the connection was reset",
        (
            "A pod that is killed without a drain does this: is it restarting?",
            "So does a security appliance on the way that does not let HTTP/2 through.",
        ),
    ),
    "closed": Finding(
        "the connection was closed in the middle of the call",
        ("A server that stops without a drain does this.", "So does one whose idle limit is below the balancer's."),
    ),
    "timed out": Finding(
        "no answer in time", ("Is this a gRPC port?", "Raise --timeout if the server is merely slow.")
    ),
    "refused by GOAWAY": GOAWAY["NO_ERROR"],
}

NO_TLS = Finding(
    "the port speaks no TLS",
    ("Say --plaintext to call it so.", "A load balancer's gRPC port is its HTTPS listener, usually 443."),
)
TLS_WANTED = Finding("the port speaks TLS", ("Leave --plaintext out.",))
HTTP1_ONLY = Finding(
    "the port speaks HTTP/1.1 only; gRPC needs HTTP/2",
    (
        "Call the gRPC port of the workload, not its HTTP port.",
        "Behind an ALB: the HTTPS listener, with routing.http2.enabled.",
    ),
)
# Load balancer settings: ALB guide, "Edit attributes"; NLB guide, "ALPN policies".
NO_ALPN = Finding(
    "TLS does not choose h2, so gRPC clients refuse the connection",
    (
        "ALB: turn HTTP/2 on (routing.http2.enabled).",
        "NLB with a TLS listener: alpn_policy HTTP2Preferred or HTTP2Only; the default offers nothing.",
        "A server of your own: let its TLS offer h2 by ALPN.",
    ),
)
IDLE = Finding(
    "the silent stream was cut; a load balancer does so after its idle timeout, and pings do not count",
    (
        "Raise idle_timeout above the longest silence of a stream.",
        "Or let the application send something more often than that.",
        "Cut sooner or at odd times: a server's MAX_CONNECTION_AGE_GRACE, a rollout, a deregistration delay.",
    ),
)


def explain(answer: Answer) -> Finding | None:
    """What is wrong with an answer, None when the call ended with status OK or as the server's own business.

    The outermost layer speaks first: a status of HTTP other than 200 is not the gRPC server's.
    """
    status = codes.status(answer)
    if answer.status not in {None, 200}:
        return _of_http(answer.status or 0)
    if answer.goaway is not None and answer.goaway.code:
        return _of_goaway(codes.name_of(codes.HTTP2, answer.goaway.code), answer.goaway.debug)
    if answer.reset is not None:
        name = codes.name_of(codes.HTTP2, answer.reset)
        return Finding(f"the stream was reset with {name}; a client reports {status}", BROKEN["closed"].advice)
    if answer.broken:
        return BROKEN.get(answer.broken) or Finding(f"the connection broke: {answer.broken}", BROKEN["reset"].advice)
    if not answer.is_grpc:
        kind = answer.headers.get("content-type", "none")
        return Finding(
            f"HTTP 200 with content type {kind}: not a gRPC server", ("Route the host and path to the gRPC port.",)
        )
    return STATUS.get(status)


def _of_http(status: int) -> Finding:
    if 300 <= status < 400:
        return Finding(f"HTTP {status}: {REDIRECT.meaning}", REDIRECT.advice)
    return HTTP.get(status) or Finding(
        f"HTTP {status} instead of a gRPC answer", ("Look at what stands between here and the server.",)
    )


def _of_goaway(name: str, debug: str) -> Finding:
    found = GOAWAY.get(name) or Finding(f"GOAWAY with {name}: the peer ends the connection", GOAWAY["NO_ERROR"].advice)
    return Finding(f"{found.meaning} (it says: {debug})" if debug else found.meaning, found.advice)


def speaker(answer: Answer) -> str:
    """Who answered, as far as headers tell."""
    server = answer.headers.get("server", "")
    if server.startswith("awselb"):
        return "the load balancer itself"
    return f"server {server}" if server else "no server header"
