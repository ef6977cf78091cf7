"""What stands before every handler: request numbers, headers, limits, and that no other site acts through a browser.

Each guard is an ASGI application around the next, so that a stream passes through as it comes.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal import audit
from portal.audit import Actor
from portal.database import Database
from portal.web import errors
from portal.web.addresses import client_address
from portal.web_settings import WebSettings

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNCOUNTED: Final = frozenset({"/health", "/ready"})
"""What a load balancer asks for, often and from one address."""
STRANGER: Final = "system:stranger"
"""Stands in the audit for somebody who could not say who they are."""
_MOST_KEYS: Final = 10_000
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HSTS: Final = "max-age=31536000; includeSubDomains"


class Envelope:
    """Gives every request a number and every answer its headers, also the answer to a fault of the portal itself."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings
        self._headers = dict(_HEADERS)
        if settings.origin.startswith("https:"):
            self._headers["Strict-Transport-Security"] = _HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, begun = Request(scope), False
        request.state.request_id = secrets.token_hex(8)
        request.state.address = client_address(scope, self._settings.proxies)

        async def sealed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._seal(MutableHeaders(scope=message), request.state.request_id)
            await send(message)

        try:
            await self._app(scope, receive, sealed)
        except Exception as error:
            errors.LOG.exception("request %s failed", request.state.request_id)
            if begun:
                raise
            await errors.fault_of(request, error)(scope, receive, sealed)

    def _seal(self, headers: MutableHeaders, number: str) -> None:
        for name, value in self._headers.items():
            headers[name] = value
        headers["X-Request-Id"] = number
        headers.add_vary_header("Accept")
        if "cache-control" not in headers:
            headers["Cache-Control"] = "no-store"


class Rate:
    """So many requests a minute for each key, in bursts of as many. clock: seconds that only grow."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Count one; 0 when it may be, otherwise the seconds until one may."""
        now = self._clock()
        with self._lock:
            left, since = self._left.pop(key, (self._most, now))
            left = min(self._most, left + (now - since) * self._most / 60)
            self._left[key] = (left - 1 if left >= 1 else left, now)
            while len(self._left) > _MOST_KEYS:
                self._left.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) * 60 / self._most


class AddressLimit:
    """Refuses an address that asks too often, before anything is looked up for it."""

    def __init__(self, app: ASGIApp, rate: Rate) -> None:
        self._app = app
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or 429."""
        if scope["type"] == "http" and scope["path"] not in UNCOUNTED:
            request = Request(scope)
            seconds = self._rate.wait(f"address:{request.state.address}")
            if seconds:
                await too_often(request, seconds)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def too_often(request: Request, seconds: float) -> ASGIApp:
    """The answer to somebody who must wait."""
    headers = {"Retry-After": str(int(seconds) + 1)}
    return errors.respond(request, HTTPStatus.TOO_MANY_REQUESTS, "too many requests; wait a moment", headers=headers)


class BodyLimit:
    """Reads the body before the handler runs: at most `most` bytes, whatever its head says, and within `seconds`."""

    def __init__(self, app: ASGIApp, most: int, seconds: float) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the whole body, or 413 or 408."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        request, length = Request(scope), headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            await errors.respond(request, HTTPStatus.BAD_REQUEST, "Content-Length is not a number")(
                scope, receive, send
            )
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive) if int(length) <= self._most else None
        except ClientDisconnect:
            return  # half a body is none
        except TimeoutError:
            late = errors.respond(request, HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time")
            await late(scope, receive, send)
            return
        if body is None:
            detail = f"a body may have {self._most} bytes"
            await errors.respond(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, headers={"Connection": "close"})(
                scope, receive, send
            )
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body, or None when it is too large. Raises ClientDisconnect."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part = message.get("body", b"")
            size += len(part)
            if size > self._most:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class SameOrigin:
    """Refuses an unsafe request that another site makes through somebody's browser.

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin. A request with a token and without
    a cookie is not made by a browser on its own. As in Go's net/http CrossOriginProtection, but a request that says
    nothing of where it comes from is refused as well, since the proxy vouches for every request of its cookie.
    """

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or 403."""
        if scope["type"] == "http" and scope["method"] not in SAFE:
            reason = refusal(Headers(scope=scope), self._origin)
            if reason:
                request = Request(scope)
                await _noted(request, "cross-site", reason)
                await errors.respond(request, HTTPStatus.FORBIDDEN, reason)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def refusal(headers: Headers, origin: str) -> str:
    """Why an unsafe request with these headers is refused; empty when it is not."""
    if headers.get("authorization", "").lower().startswith("bearer ") and "cookie" not in headers:
        return ""
    sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    if len(sites) > 1 or len(origins) > 1:
        return "the request says more than once where it comes from"
    if sites:
        return "" if sites[0] in ("same-origin", "none") else "the request comes from another site"
    if origins:
        return "" if origins[0] == origin else f"the request comes from another site than {origin}"
    return "the request does not say where it comes from: send Origin, or a token and no cookie"


class Denials:
    """Writes into the audit what was refused, but not all of a flood, which would fill the disk.

    It writes no more than `most` rows a minute of an address, and ten times as many of all; the next row tells how many
    were left out.
    """

    def __init__(self, database: Database, most: int = 30, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._each = Rate(most, clock)
        self._all = Rate(most * 10, clock)
        self._left_out = 0
        self._lock = threading.Lock()

    def note(self, request: Request, kind: str, reason: str) -> None:
        """A row `request.<kind>` about the URL."""
        actor = getattr(request.state, "actor", None) or Actor(STRANGER)
        address = getattr(request.state, "address", "")
        if self._each.wait(f"{address} {actor.name}") or self._all.wait(""):
            with self._lock:
                self._left_out += 1
            return
        with self._lock:
            left_out, self._left_out = self._left_out, 0
        who = replace(actor, request_id=request.state.request_id, address=address)
        about = f"{request.method} {request.scope['path']}"[:200].encode("utf-8", "replace").decode()
        with self._database.write() as session:
            audit.append(session, who, f"request.{kind}", about, reason=reason[:500], left_out=left_out)


async def _noted(request: Request, kind: str, reason: str) -> None:
    await asyncio.to_thread(request.app.state.denials.note, request, kind, reason)
