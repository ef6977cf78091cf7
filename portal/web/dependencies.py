"""What handlers ask for: who is there, the database, the queue, and whether a page or JSON is wanted."""

from __future__ import annotations

from typing import Annotated, Final, cast

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from portal.audit import Actor
from portal.database import Database
from portal.prepare import Encryptions, Means
from portal.queue import Queue
from portal.requests import Limits
from portal.settings import PortalSettings
from portal.web_settings import WebSettings

_HTML: Final = ("text/html", "application/xhtml+xml")


def current_actor(request: Request) -> Actor:
    """Who asks; there is always somebody, for nobody else comes past the sign-in (identity.py)."""
    return cast("Actor", request.state.actor)


def database(request: Request) -> Database:
    """The database."""
    return cast("Database", request.app.state.database)


def queue(request: Request) -> Queue:
    """Where runs wait for a runner."""
    return cast("Queue", request.app.state.queue)


def settings(request: Request) -> PortalSettings:
    """The settings of the portal."""
    return cast("PortalSettings", request.app.state.settings)


def web_settings(request: Request) -> WebSettings:
    """The settings of the web process."""
    return cast("WebSettings", request.app.state.settings.web)


def means(request: Request) -> Means:
    """What settings are prepared with."""
    return Means(settings(request), cast("Encryptions", request.app.state.encryptions))


def room(limits: WebSettings) -> Limits:
    """How many runs somebody may have."""
    return Limits(limits.waiting, limits.runs_per_hour)


CurrentActor = Annotated[Actor, Depends(current_actor)]
TheDatabase = Annotated[Database, Depends(database)]
TheQueue = Annotated[Queue, Depends(queue)]
TheMeans = Annotated[Means, Depends(means)]
TheSettings = Annotated[PortalSettings, Depends(settings)]
TheWebSettings = Annotated[WebSettings, Depends(web_settings)]


def wants_html(scope: Scope) -> bool:
    """Whether a page is wanted: HTML is asked for by name and before JSON, and no token is shown.

    Browsers ask for HTML by name; scripts ask for JSON or for anything.
    """
    headers = Headers(scope=scope)
    if "authorization" in headers:
        return False
    asked = _qualities(",".join(headers.getlist("accept")))
    html = max((asked.get(each, 0.0) for each in _HTML), default=0.0)
    return html > 0 and html >= asked.get("application/json", 0.0)


def _qualities(accept: str) -> dict[str, float]:
    found = {}
    for part in accept.split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            found[kind.lower()] = float(quality)
        except ValueError:
            found[kind.lower()] = 0.0
    return found


class BrowserRoute(APIRoute):
    """A route that is there for browsers alone; the same URL of `api.router` answers everybody else."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As of any route, but nothing where JSON is wanted."""
        if scope["type"] == "http" and not wants_html(scope):
            return Match.NONE, {}
        return super().matches(scope)
