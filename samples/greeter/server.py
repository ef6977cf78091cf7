"""The gRPC server: python -m samples.greeter.server

Set by the environment (README.md lists the variables). SIGTERM drains: the readiness name says NOT_SERVING, then the
server stops accepting and lets streams finish, all within DRAIN_SECONDS. Exit codes: 0 stopped as asked, 1 could not
serve, 2 wrong environment.
"""

import asyncio
import os
import signal
import sys

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from samples.greeter import config as configuration
from samples.greeter import greeter_pb2_grpc
from samples.greeter.config import Config
from samples.greeter.health import READINESS, Health
from samples.greeter.logs import event, set_up
from samples.greeter.service import Greeter

REFLECTION = "grpc.reflection.v1.ServerReflection"
REFLECTION_ALPHA = "grpc.reflection.v1alpha.ServerReflection"
# A client that pings more often than its server allows is cut off (grpc/grpc doc/keepalive.md); five minutes, the
# default, is more than the minute that the same page advises to clients.
PING_MILLISECONDS = 30_000


def options(config: Config) -> list[tuple[str, int]]:
    """Channel arguments of the server; no idle limit, because one below the load balancer's makes 502s."""
    chosen = [
        ("grpc.so_reuseport", 0),  # else a second process on a port that is taken silently shares it
        ("grpc.http2.min_ping_interval_without_data_ms", PING_MILLISECONDS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_MILLISECONDS),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    if config.max_connection_age:
        chosen.append(("grpc.max_connection_age_ms", config.max_connection_age * 1000))
        chosen.append(("grpc.max_connection_age_grace_ms", config.max_connection_age_grace * 1000))
    return chosen


def credentials(config: Config) -> grpc.ServerCredentials | None:
    """TLS from the two files, None without them."""
    if config.tls_cert is None or config.tls_key is None:
        return None
    return grpc.ssl_server_credentials([(config.tls_key.read_bytes(), config.tls_cert.read_bytes())])


def build(config: Config, health: Health) -> list[grpc.aio.Server]:
    """The serving server and, with a health port, one that answers nothing but health checks, without TLS.

    Raises RuntimeError: a port cannot be bound.
    """
    server = grpc.aio.server(options=options(config))
    greeter_pb2_grpc.add_GreeterServicer_to_server(Greeter(config.pod), server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if config.reflection:
        _reflect(server)
    address = f"{config.host}:{config.port}"
    tls = credentials(config)
    if tls is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, tls)
    if config.health_port is None:
        return [server]
    checks = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    health_pb2_grpc.add_HealthServicer_to_server(health, checks)
    checks.add_insecure_port(f"{config.host}:{config.health_port}")
    return [server, checks]


def _reflect(server: grpc.aio.Server) -> None:
    """Reflection under both names: newer tools ask for v1, and its messages are those of v1alpha on the wire."""
    names = (READINESS, "grpc.health.v1.Health", REFLECTION, REFLECTION_ALPHA)
    servicer = ReflectionServicer(names)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        tuple(
            grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})
            for name in (REFLECTION, REFLECTION_ALPHA)
        )
    )


async def drain(servers: list[grpc.aio.Server], health: Health, config: Config) -> None:
    """Leave: tell the watchers, wait for them, stop accepting, let calls finish; the health port goes last."""
    event("draining", drain_seconds=config.drain_seconds)
    await health.leave()
    await asyncio.sleep(config.shutdown_wait)
    await health.finish()
    # GOAWAY to every client; what is still open after the rest of the time is cancelled.
    await servers[0].stop(config.drain_seconds - config.shutdown_wait)
    for checks in servers[1:]:
        await checks.stop(0)
    event("stopped")


async def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    leaving = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, leaving.set)
    health = Health()
    servers = build(config, health)
    for server in servers:
        await server.start()
    event("serving", port=config.port, health_port=config.health_port, tls=config.tls, reflection=config.reflection)
    await leaving.wait()
    await drain(servers, health, config)


def main() -> int:
    """Run the server; the exit code."""
    try:
        config = configuration.load(os.environ)
    except configuration.ConfigError as error:
        sys.stderr.write(f"The environment cannot be used:\n{error}\n")
        return 2
    set_up(config.pod, config.log_level)
    try:
        asyncio.run(serve(config))
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"The server cannot serve: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
