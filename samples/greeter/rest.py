"""The same API as REST with JSON, for comparison: python -m samples.greeter.rest

| gRPC        | REST |
|-------------|------|
| Greet       | POST /v1/greetings, an object for an object |
| GreetSeries | POST /v1/greetings/series, answered with one JSON object a line |
| GreetAll    | POST /v1/greetings/all, a list instead of a stream |
| Chat        | POST /v1/greetings/chat, a list in, one JSON object a line out: HTTP/1.1 has no two-way stream |

Health: GET /readyz and /livez. The variables are those of the gRPC server, as far as they mean something here.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as StartMessage

from samples.greeter import config as configuration
from samples.greeter import greeter_pb2, greetings
from samples.greeter.config import Config
from samples.greeter.logs import set_up
from samples.greeter.service import POD_HEADER

LINES = "application/x-ndjson"


def as_json(message: Message) -> dict[str, Any]:
    """A message as JSON with the names of the proto file, fields without a value included."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def parsed(body: bytes, message: Message) -> Message:
    """`message` filled from the body.

    Raises BadRequestError: no JSON, or not that message.
    """
    try:
        return json_format.Parse(body, message)
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise greetings.BadRequestError(f"body: {error}") from error


def names(body: bytes) -> list[str]:
    """Names of a list of requests.

    Raises BadRequestError: no JSON, or no list of requests.
    """
    try:
        entries = json.loads(body)
    except ValueError as error:
        raise greetings.BadRequestError(f"body: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise greetings.BadRequestError("body: must be a list of objects")
    try:
        return [json_format.ParseDict(entry, greeter_pb2.GreetRequest()).name for entry in entries]
    except json_format.ParseError as error:
        raise greetings.BadRequestError(f"body: {error}") from error


class PodHeader:
    """Names the pod in every answer. Plain ASGI: the framework's own middleware costs more than the greeting."""

    def __init__(self, app: ASGIApp, pod: str) -> None:
        self.app = app
        self.header = (POD_HEADER.encode(), pod.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the header."""

        async def named(message: StartMessage) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self.header]
            await send(message)

        await self.app(scope, receive, named)


def application(config: Config) -> FastAPI:
    """The API, answered by the pod of the configuration."""
    app = FastAPI(title="Greeter", docs_url=None, redoc_url=None)

    app.add_middleware(PodHeader, pod=config.pod)

    @app.exception_handler(greetings.BadRequestError)
    async def _refuse(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400)

    @app.get("/readyz")
    @app.get("/livez")
    async def _healthy() -> dict[str, str]:
        return {"status": "SERVING"}

    @app.post("/v1/greetings")
    async def _greet(request: Request) -> JSONResponse:
        wanted = parsed(await request.body(), greeter_pb2.GreetRequest())
        return JSONResponse(as_json(greetings.greet(_name(wanted), config.pod, _metadata(request.headers))))

    @app.post("/v1/greetings/series")
    async def _series(request: Request) -> StreamingResponse:
        wanted = greeter_pb2.GreetSeriesRequest()
        parsed(await request.body(), wanted)
        greetings.checked_series(wanted)
        return StreamingResponse(_lines_of(wanted, config.pod, _metadata(request.headers)), media_type=LINES)

    @app.post("/v1/greetings/all")
    async def _all(request: Request) -> JSONResponse:
        metadata = _metadata(request.headers)
        return JSONResponse(as_json(greetings.greet_all(names(await request.body()), config.pod, metadata)))

    @app.post("/v1/greetings/chat")
    async def _chat(request: Request) -> Response:
        metadata = _metadata(request.headers)
        answers = [
            greetings.greet(name, config.pod, metadata, number)
            for number, name in enumerate(names(await request.body()), start=1)
        ]
        return Response("".join(json.dumps(as_json(each)) + "\n" for each in answers), media_type=LINES)

    return app


def _name(message: Message) -> str:
    return str(message.name)  # type: ignore[attr-defined]


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    return greetings.echoed(headers.items())


async def _lines_of(request: greeter_pb2.GreetSeriesRequest, pod: str, metadata: dict[str, str]) -> AsyncIterator[str]:
    for sequence in range(1, request.count + 1):
        if sequence > 1 and request.interval_ms:
            await asyncio.sleep(request.interval_ms / 1000)
        yield json.dumps(as_json(greetings.greet(request.name, pod, metadata, sequence))) + "\n"


def main() -> int:
    """Run the server; the exit code."""
    try:
        config = configuration.load(os.environ)
    except configuration.ConfigError as error:
        sys.stderr.write(f"The environment cannot be used:\n{error}\n")
        return 2
    set_up(config.pod, config.log_level)
    uvicorn.run(
        application(config),
        host="" if config.host == "[::]" else config.host,  # asyncio's "::" would leave IPv4 out
        port=config.port,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=config.drain_seconds,
        ssl_certfile=config.tls_cert,
        ssl_keyfile=config.tls_key,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
