"""What the probe is asked, and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """How a step ended: a note is worth knowing, a problem is worth an exit code."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Step:
    """One thing that was looked at. `advice` says what to do; `facts` is for programs."""

    name: str
    outcome: Outcome
    text: str
    advice: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """What to probe, and how. Times are seconds; `authority` is sent as :authority and checked in the certificate."""

    host: str
    port: int
    plaintext: bool = False
    authority: str = ""
    ca: Path | None = None
    insecure: bool = False
    health_service: str = ""
    method: str = ""
    data: str = "{}"
    metadata: tuple[tuple[str, str], ...] = ()
    calls: int = 20
    connections: int = 4
    stream: float = 0
    timeout: float = 10
    pod_header: str = "x-pod"
    pod_field: str = "pod"

    @property
    def name(self) -> str:
        """Name of the server, for the certificate and the name indication of TLS."""
        return self.authority.rpartition(":")[0] or self.authority or self.host

    @property
    def sent_authority(self) -> str:
        """The :authority of requests: without the port, as the listener rules of a load balancer compare it."""
        return self.authority or (f"[{self.host}]" if ":" in self.host else self.host)


@dataclass(frozen=True)
class Goaway:
    """The peer's announcement that a connection ends (RFC 9113, section 6.8)."""

    code: int
    last_stream: int
    debug: str


@dataclass
class Answer:
    """What came back for one request; `broken` says how it ended when it did not end well."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    reset: int | None = None
    goaway: Goaway | None = None
    broken: str = ""
    ended: bool = False
    seconds: float = 0

    @property
    def messages(self) -> list[bytes]:
        """Whole gRPC messages of the body (grpc/grpc doc/PROTOCOL-HTTP2.md: flag, length in four bytes, message)."""
        found, at = [], 0
        while len(self.body) >= at + 5:
            end = at + 5 + int.from_bytes(self.body[at + 1 : at + 5], "big")
            if len(self.body) < end:
                break
            found.append(bytes(self.body[at + 5 : end]))
            at = end
        return found

    @property
    def is_grpc(self) -> bool:
        """Whether a gRPC server answered, and not something on the way."""
        return self.headers.get("content-type", "").startswith("application/grpc")
