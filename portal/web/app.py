"""The web application: python -m portal.web SETTINGS.

One URL serves a page and JSON, by two thin handlers. Those of `pages.router` and `changes.router` are there only for
browsers, which ask for HTML by name (`dependencies.BrowserRoute`); they come first, and `api.router` answers everybody
else. Both get what they show from `views`, which checks who may see it, and do what was asked by one call to
`portal.requests` in one transaction:

    with database.write() as session:
        requests.approve(session, actor, views.run_of(session, actor, number), plan)

after which `api` answers with the model and `changes` with 303 to the page that shows it. A handler raises the errors
of those modules as they are; `errors` makes a problem document of them, or the page `pages.problem`. `stream.router` is
for what is neither, such as the events of a run, and answers everybody.

Before any handler stand, from outside to inside: `guard.Envelope` (request number, headers, faults),
`guard.AddressLimit`, `guard.BodyLimit`, `guard.SameOrigin` and `identity.Identity`. So `request.state.actor` is always
there (`dependencies.CurrentActor`), except for the few paths that are open to everybody.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware

from portal.database import Database
from portal.prepare import Encryptions
from portal.queue import TableQueue
from portal.settings import PortalSettings
from portal.web import (
    api,
    assets,
    changes,
    drawings,
    errors,
    guard,
    identity,
    pages,
    settings_pages,
    sign_in,
    sign_in_pages,
    stream,
)
from portal.web.schemas import Problem


def create(settings: PortalSettings, clock: Callable[[], float] = time.monotonic) -> FastAPI:
    """The application. Raises ConfigurationError when nothing says how people sign in.

    clock: seconds that only grow, for the limits. The application's state: settings, database, queue,
    sign_in, denials, feeds, encryptions. The schema must be that of this version (`migrate`).
    """
    web = settings.web
    if web is None:
        raise identity.ConfigurationError("the settings have no `web`, so nothing says how people sign in")
    database = Database(settings.database)
    denials = guard.Denials(database, clock=clock)
    known = identity.sign_in_of(web)
    app = FastAPI(
        title="Portal of the gRPC platform",
        version="1",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # the address would be made of whatever Host says
        lifespan=_lifespan,
        middleware=[
            Middleware(guard.Envelope, web),
            Middleware(guard.AddressLimit, guard.Rate(web.address_requests_per_minute, clock)),
            Middleware(guard.BodyLimit, web.body_limit, web.body_seconds),
            Middleware(guard.SameOrigin, web.origin),
            Middleware(
                identity.Identity, known, database, denials, guard.Rate(web.requests_per_minute, clock), web.group_days
            ),
        ],
    )
    app.state.settings, app.state.database, app.state.queue = settings, database, TableQueue(settings.silence)
    app.state.feeds = stream.Feeds(database)
    app.state.encryptions = Encryptions(web.encryptions)
    app.state.denials, app.state.sign_in = denials, known
    errors.register(app)
    app.include_router(assets.router)
    app.include_router(stream.router)
    app.include_router(drawings.router)
    app.include_router(pages.router)
    app.include_router(changes.router)
    app.include_router(settings_pages.router)
    app.include_router(sign_in_pages.router)
    app.include_router(sign_in.router)
    app.include_router(api.router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.database.close()


def _described(app: FastAPI) -> dict[str, object]:
    """The OpenAPI document; the problem documents, that no handler returns, are in it as well."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes, description=_READ)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs")
        schemas["Problem"] = problem
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        app.openapi_schema = found
    return app.openapi_schema


_READ: Final = "Ask with a token (Authorization: Bearer …), and do not send a cookie. Every failure is a Problem."
