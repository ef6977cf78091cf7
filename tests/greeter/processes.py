"""Greeter servers as processes of their own on loopback, stopped by their own process ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from samples.greeter import greeter_pb2_grpc

CHECKOUT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reachable(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: object, what: str, seconds: float = 30) -> None:
    """Wait until `condition` is true; fails by saying what did not happen."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@dataclass
class Server:
    """One running server."""

    process: subprocess.Popen[str]
    port: int
    pod: str
    log: Path
    health_port: int | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        return self.process.wait(timeout=60)

    def logged(self, message: str) -> bool:
        return f'"message": "{message}"' in self.log.read_text()


@dataclass
class Servers:
    """Starts servers, and stops what is left of them."""

    folder: Path
    running: list[Server] = field(default_factory=list)

    def start(self, module: str = "server", **variables: str) -> Server:
        port = int(variables.get("PORT", "") or free_port())
        pod = variables.setdefault("POD_NAME", f"pod-{len(self.running) + 1}")
        log = self.folder / f"{len(self.running)}-{pod}.log"
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        settings = {"PORT": str(port), "HOST": "127.0.0.1", "DRAIN_SECONDS": "10", "SHUTDOWN_WAIT_SECONDS": "1"}
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", f"samples.greeter.{module}"],
                cwd=CHECKOUT,
                env={**kept, **settings, **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        health_port = int(variables["HEALTH_PORT"]) if "HEALTH_PORT" in variables else None
        server = Server(process, port, pod, log, health_port)
        self.running.append(server)
        for each in filter(None, (port, health_port)):
            wait_for(lambda each=each: reachable(each) or process.poll() is not None, f"{module} listens on {each}")
        assert process.poll() is None, log.read_text()
        return server

    def stop(self) -> None:
        for server in self.running:
            if server.process.poll() is None:
                server.process.kill()
            server.process.wait(timeout=30)


@contextmanager
def greeter(target: str, **options: object) -> Iterator[greeter_pb2_grpc.GreeterStub]:
    """A stub on a channel of its own, without TLS."""
    pairs = [(key.replace("__", "."), value) for key, value in options.items()]
    with grpc.insecure_channel(target, options=[*pairs, ("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield greeter_pb2_grpc.GreeterStub(channel)


def health(target: str, service: str) -> int:
    """The serving status of a name; raises grpc.RpcError for a name nobody set."""
    with grpc.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=10).status)
