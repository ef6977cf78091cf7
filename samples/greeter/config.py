"""The server's environment: read once, every error at once."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SHUTDOWN_WAIT = 5
LEVELS = ("debug", "info", "warning", "error")


class ConfigError(ValueError):
    """One line for each variable that cannot be used."""


@dataclass(frozen=True)
class Config:
    """What the environment says.

    `drain_seconds` is the whole time from SIGTERM to the end of the process; `shutdown_wait` of it pass before the
    server stops accepting calls, for watchers of the readiness name to notice. Zero for an age: no limit.
    """

    port: int
    host: str = "[::]"
    pod: str = ""
    drain_seconds: int = 30
    shutdown_wait: int = SHUTDOWN_WAIT
    max_connection_age: int = 0
    max_connection_age_grace: int = 30
    reflection: bool = False
    health_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    log_level: str = "info"

    @property
    def tls(self) -> bool:
        """Whether the serving port speaks TLS."""
        return self.tls_cert is not None


@dataclass
class _Reader:
    """Reads variables and gathers what is wrong with them."""

    variables: Mapping[str, str]
    errors: list[str] = field(default_factory=list)

    def number(self, name: str, default: int | None, low: int, high: int) -> int:
        """A whole number from `low` to `high`; without a default the variable is required."""
        text = self.variables.get(name, "")
        if not text and default is not None:
            return default
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        said = f'received "{text}"' if text else "it is not set"
        self.errors.append(f"{name}: must be a whole number from {low} to {high}; {said}")
        return low

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`."""
        text = self.variables.get(name, "") or default
        if text not in allowed:
            self.errors.append(f'{name}: must be one of {", ".join(allowed)}; received "{text}"')
        return text

    def file(self, name: str) -> Path | None:
        """A file that can be read."""
        text = self.variables.get(name, "")
        if not text:
            return None
        if not os.access(text, os.R_OK) or not Path(text).is_file():
            self.errors.append(f'{name}: must be a file that can be read; received "{text}"')
        return Path(text)


def load(variables: Mapping[str, str]) -> Config:
    """The configuration in `variables`.

    Raises ConfigError: with every variable that is wrong.
    """
    read = _Reader(variables)
    drain = read.number("DRAIN_SECONDS", 30, 0, 3600)
    config = Config(
        port=read.number("PORT", None, 1, 65535),
        host=variables.get("HOST", "") or "[::]",
        pod=variables.get("POD_NAME", "") or socket.gethostname(),
        drain_seconds=drain,
        shutdown_wait=read.number("SHUTDOWN_WAIT_SECONDS", min(SHUTDOWN_WAIT, drain // 2), 0, 3600),
        max_connection_age=read.number("MAX_CONNECTION_AGE", 0, 0, 86400),
        max_connection_age_grace=read.number("MAX_CONNECTION_AGE_GRACE", 30, 1, 86400),
        reflection=read.choice("REFLECTION", "false", ("true", "false")) == "true",
        health_port=read.number("HEALTH_PORT", 0, 1, 65535) or None,
        tls_cert=read.file("TLS_CERT_FILE"),
        tls_key=read.file("TLS_KEY_FILE"),
        log_level=read.choice("LOG_LEVEL", "info", LEVELS),
    )
    read.errors += _contradictions(config)
    if read.errors:
        raise ConfigError("\n".join(read.errors))
    return config


def _contradictions(config: Config) -> list[str]:
    errors = []
    if (config.tls_cert is None) != (config.tls_key is None):
        missing = "TLS_KEY_FILE" if config.tls_key is None else "TLS_CERT_FILE"
        errors.append(f"{missing}: must be set, because the other of the pair is")
    # The kubelet's gRPC probe speaks no TLS (Kubernetes: "Configure Liveness, Readiness and Startup Probes").
    if config.tls and config.health_port is None:
        errors.append("HEALTH_PORT: must be set with TLS, because the kubelet's gRPC probe speaks no TLS")
    if config.health_port == config.port:
        errors.append(f"HEALTH_PORT: must differ from PORT; both are {config.port}")
    if config.shutdown_wait > config.drain_seconds:
        errors.append(f"SHUTDOWN_WAIT_SECONDS: must not exceed DRAIN_SECONDS ({config.drain_seconds})")
    return errors
