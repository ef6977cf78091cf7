"""The gRPC side of the API: four kinds of call, the pod's name in each answer, one log line a call."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from samples.greeter import greeter_pb2, greeter_pb2_grpc, greetings
from samples.greeter.logs import LOG, event

POD_HEADER = "x-pod"

Context = grpc.aio.ServicerContext[Any, Any]


class Greeter(greeter_pb2_grpc.GreeterServicer):
    """greeter.v1.Greeter, answered by the pod of that name."""

    def __init__(self, pod: str) -> None:
        self.pod = pod

    async def Greet(  # noqa: N802 - the API's name
        self, request: greeter_pb2.GreetRequest, context: Context
    ) -> greeter_pb2.GreetResponse:
        """One greeting."""
        async with self._answering("Greet", context) as metadata:
            return greetings.greet(request.name, self.pod, metadata)

    async def GreetSeries(  # noqa: N802
        self, request: greeter_pb2.GreetSeriesRequest, context: Context
    ) -> AsyncIterator[greeter_pb2.GreetResponse]:
        """`count` greetings, `interval_ms` apart."""
        async with self._answering("GreetSeries", context) as metadata:
            greetings.checked_series(request)
            for sequence in range(1, request.count + 1):
                if sequence > 1 and request.interval_ms:
                    await asyncio.sleep(request.interval_ms / 1000)
                yield greetings.greet(request.name, self.pod, metadata, sequence)

    async def GreetAll(  # noqa: N802
        self, requests: AsyncIterator[greeter_pb2.GreetRequest], context: Context
    ) -> greeter_pb2.GreetAllResponse:
        """One greeting for everybody."""
        async with self._answering("GreetAll", context) as metadata:
            names = [request.name async for request in requests]
            return greetings.greet_all(names, self.pod, metadata)

    async def Chat(  # noqa: N802
        self, requests: AsyncIterator[greeter_pb2.GreetRequest], context: Context
    ) -> AsyncIterator[greeter_pb2.GreetResponse]:
        """A greeting for each name, as it comes."""
        async with self._answering("Chat", context) as metadata:
            sequence = 0
            async for request in requests:
                sequence += 1
                yield greetings.greet(request.name, self.pod, metadata, sequence)

    @asynccontextmanager
    async def _answering(self, method: str, context: Context) -> AsyncIterator[dict[str, str]]:
        """Send the pod's name at once, turn a bad request into INVALID_ARGUMENT, log the outcome."""
        started = time.monotonic()
        code = "OK"
        # Sent before the first message, so that a client knows the pod of a call that fails, too.
        await context.send_initial_metadata(((POD_HEADER, self.pod),))
        try:
            yield greetings.echoed(context.invocation_metadata() or ())
        except greetings.BadRequestError as error:
            code = "INVALID_ARGUMENT"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except (asyncio.CancelledError, GeneratorExit):
            code = "CANCELLED"
            raise
        except BaseException:
            code = "UNKNOWN"
            raise
        finally:
            if LOG.isEnabledFor(logging.INFO):
                milliseconds = round((time.monotonic() - started) * 1000, 3)
                event("call", method=method, code=code, milliseconds=milliseconds)
