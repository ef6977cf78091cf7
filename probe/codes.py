"""Numbers and their names: gRPC status codes, HTTP/2 error codes, and what gRPC makes of HTTP status codes."""

from probe.model import Answer

GRPC = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

# RFC 9113, section 7.
HTTP2 = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

# What a client reports when an answer has no grpc-status (grpc/grpc doc/http-grpc-status-mapping.md).
FROM_HTTP = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}

# What a client reports for a stream that is reset (grpc/grpc doc/PROTOCOL-HTTP2.md, "Errors").
FROM_RESET = {"REFUSED_STREAM": "UNAVAILABLE", "CANCEL": "CANCELLED", "ENHANCE_YOUR_CALM": "RESOURCE_EXHAUSTED"}


def name_of(names: tuple[str, ...], code: int) -> str:
    """The name of a code, or the number where it has none."""
    return names[code] if 0 <= code < len(names) else str(code)


def status(answer: Answer) -> str:
    """The gRPC status a client would report for this answer."""
    said = answer.trailers.get("grpc-status") or answer.headers.get("grpc-status")
    if said is not None:
        return name_of(GRPC, int(said)) if said.isdigit() else "UNKNOWN"
    if answer.broken == "timed out":
        return "DEADLINE_EXCEEDED"
    if answer.status is not None and answer.status != 200:
        return FROM_HTTP.get(answer.status, "UNKNOWN")
    if answer.reset is not None:
        return FROM_RESET.get(name_of(HTTP2, answer.reset), "INTERNAL")
    return "UNAVAILABLE" if answer.broken else "UNKNOWN"
