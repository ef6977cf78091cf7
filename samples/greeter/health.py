"""The standard health service, with readiness and liveness under names of their own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from samples.greeter import greeter_pb2

READINESS = greeter_pb2.DESCRIPTOR.services_by_name["Greeter"].full_name
LIVENESS = "liveness"
OVERALL = ""

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # its package has no annotations
    """grpc.health.v1.Health (grpc/grpc doc/health-checking.md).

    Only the readiness name says NOT_SERVING while the server drains. Liveness and the overall name, which the platform
    asks for liveness by default, stay SERVING: else the kubelet would kill what is finishing its streams.
    """

    def __init__(self) -> None:
        self._status = {OVERALL: SERVING, LIVENESS: SERVING, READINESS: SERVING}
        self._changed = asyncio.Condition()
        self._finished = False

    async def Check(  # noqa: N802 - the protocol's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """The status of one name; NOT_FOUND for a name nobody set. NOT_SERVING is an answer with status OK."""
        status = self._status.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f'no service "{request.service}" here')
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802 - the protocol's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status of one name, and every change of it until the server stops."""
        last = None
        while not self._finished:
            async with self._changed:
                while not self._finished and self._of(request.service) == last:
                    await self._changed.wait()
                last = self._of(request.service)
            if not self._finished:
                yield health_pb2.HealthCheckResponse(status=last)

    def _of(self, name: str) -> health_pb2.HealthCheckResponse.ServingStatus:
        return self._status.get(name, SERVICE_UNKNOWN)

    async def leave(self) -> None:
        """Say that no new calls should come."""
        async with self._changed:
            self._status[READINESS] = NOT_SERVING
            self._changed.notify_all()

    async def finish(self) -> None:
        """End the streams of those who watch; they would last until the end of the drain otherwise."""
        async with self._changed:
            self._finished = True
            self._changed.notify_all()
