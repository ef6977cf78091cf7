"""What several rules know about gRPC: method paths, status codes, and whether a target group is meant to speak it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from policies.engine.resource import Resource
from policies.engine.unknown import is_unknown, known

# gRPC over HTTP2, "Requests": /package.Service/Method.
METHOD: Final = re.compile(r"/(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*/[A-Za-z_]\w*")
HEALTH_CHECK: Final = "/grpc.health.v1.Health/Check"
# What AWS takes for a health check when none is given, and how its documentation misprints it.
AWS_DEFAULT: Final = "/AWS.ALB/healthcheck"
MISPRINT: Final = "/Amazon Web Services.ALB/healthcheck"
_CODES: Final = re.compile(r"\d{1,3}(?:-\d{1,3})?(?:,\d{1,3}(?:-\d{1,3})?)*")


def ranges(text: Any) -> list[tuple[int, int]] | None:
    """The codes of a matcher as ranges, `"0,12-14"` being 0 to 0 and 12 to 14; None when it is none."""
    value = str(known(text)).replace(" ", "")
    if not _CODES.fullmatch(value):
        return None
    found = []
    for part in value.split(","):
        low, _, high = part.partition("-")
        found.append((int(low), int(high or low)))
    return found


def codes(text: Any) -> Iterator[int]:
    """Every code of a matcher that can be read."""
    for low, high in ranges(text) or ():
        yield from range(low, min(high, 999) + 1)


def version(group: Resource) -> str:
    """The protocol version of a target group in upper case, HTTP1 where none is given."""
    return str(known(group.get("protocolVersion", "HTTP1"))).upper()


def speaks_grpc(group: Resource) -> bool:
    """Whether a target group's own settings say gRPC, in whatever case."""
    return version(group) == "GRPC"


def meant_for_grpc(group: Resource) -> str:
    """The setting that shows that a target group is meant for gRPC though its version may say otherwise; "" if none.

    Raises UnknownValueError when none shows it and one is not known.
    """
    signs = {
        "protocolVersion": lambda value: str(value).upper() == "GRPC",
        "healthCheck.path": lambda value: METHOD.fullmatch(str(value)) is not None,
        "healthCheck.matcher": lambda value: 0 <= max(codes(value), default=-1) < 100,
    }
    values = {path: group.get(path) for path in signs}
    for path, value in values.items():
        if value is not None and not is_unknown(value) and signs[path](value):
            return path
    for value in values.values():
        known(value)
    return ""
