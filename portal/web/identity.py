"""Who asks. A proxy that we trust, a load balancer's signature or a token says so; without one of them nobody gets in.

Every request but those for `OPEN` has exactly one identity before a handler runs, so no handler can forget to ask.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Protocol

from pydantic import IPvAnyNetwork
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portal import people, tokens
from portal.audit import Actor
from portal.database import Database
from portal.web import errors
from portal.web.addresses import peer, within
from portal.web.guard import Denials, Rate, too_often
from portal.web.load_balancer import Signed
from portal.web.unknown import UnknownError
from portal.web_settings import Development, TrustedHeader, WebSettings, loopback

OPEN: Final = frozenset({"/health", "/ready"})
"""What is answered to everybody. The folder of static files is as well, and with a development sign-in its page."""
STATIC: Final = "/static/"
SIGN_IN: Final = "/sign-in"
COOKIE: Final = "portal_development"
_SHORTEST_SECRET: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+|'\\-]{0,127}")
_GROUP: Final = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._@+|/: -]{0,127}")
_MOST_GROUPS: Final = 500
_OURS: Final = "system:"


class ConfigurationError(Exception):
    """The portal cannot be started like this; the message names everything that is wrong."""


class SignIn(Protocol):
    """A way to know people."""

    def who(self, request: Request) -> Actor | None:
        """Who asks; None when the request says nothing of it. Raises UnknownError when what it says is not so."""


def actor(name: str, groups: Sequence[str]) -> Actor:
    """Somebody by name, in lower case: two ways to write a name are not two people. Raises UnknownError.

    Names that begin with `system:` are the portal's own, and no name from outside is one of them. A group of a form
    that the portal does not know is left out: groups only add to what somebody may do.
    """
    if any(each.lower().startswith(_OURS) for each in (name, *groups)) or not _NAME.fullmatch(name):
        raise UnknownError("the name is not one that the portal takes")
    if len(groups) > _MOST_GROUPS:
        raise UnknownError(f"the portal takes {_MOST_GROUPS} groups of a person at most")
    return Actor(name.lower(), tuple(sorted({each.lower() for each in groups if _GROUP.fullmatch(each)})))


class ByHeader:
    """Headers of a proxy, counted only from its address and with its secret."""

    def __init__(self, chosen: TrustedHeader, proxies: Sequence[IPvAnyNetwork]) -> None:
        self._chosen = chosen
        self._proxies = proxies
        self._secret = _secret(chosen)

    def who(self, request: Request) -> Actor | None:
        """Who asks, by the proxy's word."""
        names = (self._chosen.user, self._chosen.groups, self._chosen.secret)
        user, groups, secret = (request.headers.getlist(each) for each in names)
        if not (user or groups or secret):
            return None
        if not within(peer(request.scope), self._proxies):
            raise UnknownError("the headers of a sign-in do not come from a trusted proxy")
        if len(user) != 1 or len(groups) > 1 or len(secret) != 1:
            raise UnknownError("a header of the sign-in is missing, or is there more than once")
        if not hmac.compare_digest(_digest(secret[0]), self._secret):
            raise UnknownError("the proxy does not prove who it is")
        return actor(user[0], [each.strip() for each in ",".join(groups).split(",") if each.strip()])


def _secret(chosen: TrustedHeader) -> bytes:
    where = f"the file {chosen.secret_file}" if chosen.secret_file else f"the variable {chosen.secret_variable}"
    try:
        text = chosen.secret_file.read_text("utf-8") if chosen.secret_file else os.environ[chosen.secret_variable or ""]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the proxy's secret cannot be read from {where}") from error
    if len(text.strip()) < _SHORTEST_SECRET:
        raise ConfigurationError(f"the proxy's secret in {where} has less than {_SHORTEST_SECRET} characters")
    return _digest(text.strip())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


class ByChoice:
    """The development sign-in: a cookie names whom somebody on this machine chose to be."""

    def __init__(self, chosen: Development) -> None:
        self.people = {name: actor(name, groups) for name, groups in chosen.people.items()}
        self._key = secrets.token_bytes(32)

    def who(self, request: Request) -> Actor | None:
        """Who asks, by the cookie."""
        if not self.here(request):
            raise UnknownError("the development sign-in is for this machine alone")
        found = request.cookies.get(COOKIE, "")
        if not found:
            return None
        name = found.partition(".")[0]
        name = bytes.fromhex(name).decode("utf-8", "replace") if re.fullmatch("([0-9a-f]{2})+", name) else ""
        if name not in self.people or not hmac.compare_digest(_digest(found), _digest(self.cookie(name))):
            return None  # of a portal that ran here before
        return self.people[name]

    def here(self, request: Request) -> bool:
        """Whether a request comes from this machine, and was meant for it: a foreign name may lead here as well."""
        host = Headers(scope=request.scope).get("host", "").rpartition(":")
        name = host[0] if host[0] and not host[2].endswith("]") else "".join(host)
        return loopback(peer(request.scope)) and loopback(name)

    def cookie(self, name: str) -> str:
        """What the cookie of somebody holds. Raises KeyError for a name that is none of the people."""
        seal = hmac.new(self._key, self.people[name].name.encode(), hashlib.sha256).hexdigest()
        return f"{name.encode().hex()}.{seal}"


def sign_in_of(settings: WebSettings) -> SignIn:
    """The way to know people that the settings name. Raises ConfigurationError."""
    if settings.header:
        return ByHeader(settings.header, settings.proxies)
    if settings.load_balancer:
        try:
            return Signed(settings.load_balancer, settings.proxies, actor)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
    if settings.development:
        return ByChoice(settings.development)
    raise ConfigurationError("nothing says how people sign in: web.header or web.load_balancer")


class Identity:
    """Lets a request pass that has an identity, and answers 401 to every other, and 429 to one that asks too often."""

    def __init__(
        self, app: ASGIApp, sign_in: SignIn, database: Database, denials: Denials, rate: Rate, group_days: int
    ) -> None:
        self._app = app
        self._group_days = group_days
        self._sign_in = sign_in
        self._database = database
        self._denials = denials
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] != "http" or self._open(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer = await asyncio.to_thread(self._admit, request)
        await (answer or self._app)(scope, receive, send)

    def _open(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path in OPEN or (path.startswith(STATIC) and scope["method"] in ("GET", "HEAD")):
            return True
        return path == SIGN_IN and isinstance(self._sign_in, ByChoice)

    def _admit(self, request: Request) -> ASGIApp | None:
        """The answer to a request that is refused; None for one that has its actor now."""
        try:
            found = self._who(request)
        except (UnknownError, tokens.BadTokenError) as error:
            seconds = self._rate.wait(f"address:{request.state.address}")
            if seconds:
                return too_often(request, seconds)
            self._denials.note(request, "unknown", str(error))
            headers = {"WWW-Authenticate": "Bearer"}
            return errors.respond(request, HTTPStatus.UNAUTHORIZED, str(error), headers=headers)
        seconds = self._rate.wait(f"user:{found.name}")
        if seconds:
            return too_often(request, seconds)
        request.state.actor = found
        return None

    def _who(self, request: Request) -> Actor:
        number, address = request.state.request_id, request.state.address
        shown = request.headers.getlist("authorization")
        signed_in = self._sign_in.who(request)
        if shown and signed_in:
            raise UnknownError("a request has a token or a sign-in, not both")
        if shown:
            return people.of_token(self._database, _bearer(shown), self._group_days, number, address)
        if signed_in is None:
            raise UnknownError("sign in, or show a token")
        return people.seen(self._database, signed_in, number, address)


def _bearer(shown: Sequence[str]) -> str:
    kind, _, text = shown[0].partition(" ")
    if len(shown) != 1 or kind.lower() != "bearer":
        raise UnknownError("Authorization is one Bearer token")
    return text.strip()
