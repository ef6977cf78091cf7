"""What the buttons of the pages do: one call to `portal.requests` each, then 303 to the page that shows it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from portal import requests
from portal import tokens as keys
from portal.access import Action
from portal.states import Kind
from portal.web import api, pages, schemas, views
from portal.web.dependencies import BrowserRoute, CurrentActor, TheDatabase, TheQueue, TheWebSettings, room

router = APIRouter(route_class=BrowserRoute, include_in_schema=False)


def see(path: str) -> RedirectResponse:
    """On to a page: what was asked for is done, and looking at it again does not do it again."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


class Confirmed(schemas.Asked):
    """kind: what a run is to do. confirm: the environment's name, typed, before it is destroyed. key: of the form.

    forced: why a recover run takes the stack from whoever holds it; for admins.
    """

    kind: Kind
    forced: schemas.Line = ""
    confirm: Annotated[str, Field(max_length=64)] = ""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""


@router.post("/environments/{name}/previews")
def preview(
    name: api.Name,
    request: Request,
    asked: Annotated[Confirmed, Form()],
    actor: CurrentActor,
    database: TheDatabase,
    queue: TheQueue,
    limits: TheWebSettings,
) -> Response:
    """Ask for a run with the settings as they are. To destroy, the name must have been typed."""
    with database.write() as session:
        views.environment_of(session, actor, name)
        if asked.kind is Kind.DESTROY and asked.confirm.strip() != name:
            return pages.destroy_page(request, session, actor, name, f"To destroy {name}, type its name: {name}")
        options: dict[str, Any] = {"key": asked.key, "limits": room(limits)}
        if asked.forced and asked.kind is Kind.RECOVER:
            made = requests.recover_by_force(session, queue, actor, name, asked.forced, **options)
        else:
            made = requests.submit(session, queue, actor, name, asked.kind, **options)
    return see(f"/runs/{made.id}?said=queued")


@router.post("/environments/{name}/lock")
def lock(
    name: api.Name, asked: Annotated[api.LockAsked, Form()], actor: CurrentActor, database: TheDatabase
) -> Response:
    """Keep everybody from applying, with a reason."""
    with database.write() as session:
        views.environment_of(session, actor, name)
        requests.lock(session, actor, name, asked.reason)
    return see(f"/environments/{name}?said=locked")


@router.post("/environments/{name}/unlock")
def unlock(name: api.Name, actor: CurrentActor, database: TheDatabase) -> Response:
    """Take a lock off."""
    with database.write() as session:
        views.environment_of(session, actor, name)
        requests.unlock(session, actor, name)
    return see(f"/environments/{name}?said=unlocked")


@router.post("/runs/{number}/approve")
def approve(
    number: api.Number, asked: Annotated[api.ApprovalAsked, Form()], actor: CurrentActor, database: TheDatabase
) -> Response:
    """Say yes to the plan that the page showed."""
    with database.write() as session:
        requests.approve(session, actor, views.run_of(session, actor, number), asked.plan)
    return see(f"/runs/{number}?said=approved")


@router.post("/runs/{number}/discard")
def discard(
    number: api.Number,
    asked: Annotated[api.DiscardAsked, Form()],
    actor: CurrentActor,
    database: TheDatabase,
    queue: TheQueue,
) -> Response:
    """Drop a plan."""
    with database.write() as session:
        requests.discard(session, queue, actor, views.run_of(session, actor, number), asked.reason)
    return see(f"/runs/{number}?said=discarded")


@router.post("/runs/{number}/apply")
def apply(number: api.Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue) -> Response:
    """Apply what was approved."""
    with database.write() as session:
        requests.apply(session, queue, actor, views.run_of(session, actor, number))
    return see(f"/runs/{number}?said=apply")


@router.post("/runs/{number}/cancel")
def cancel(number: api.Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue) -> Response:
    """End a run, when its engine has saved what it did."""
    with database.write() as session:
        requests.cancel(session, queue, actor, views.run_of(session, actor, number))
    return see(f"/runs/{number}?said=cancel")


@router.post("/runs/{number}/force")
def force(number: api.Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue) -> Response:
    """End a run at once."""
    with database.write() as session:
        requests.cancel(session, queue, actor, views.run_of(session, actor, number), force=True)
    return see(f"/runs/{number}?said=force")


class TokenForm(schemas.Asked):
    """As in the API, but the scopes are chosen as actions and one environment, or all."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
    actions: Annotated[list[Action], Field(min_length=1)]
    environment: Annotated[str, Field(max_length=64)] = ""
    days: Annotated[int, Field(ge=1, le=365)] = 30


@router.post("/tokens")
def make_token(
    request: Request,
    asked: Annotated[TokenForm, Form()],
    actor: CurrentActor,
    database: TheDatabase,
    limits: TheWebSettings,
) -> Response:
    """A new token. It is in this answer and nowhere else, so there is no page to go on to."""
    scopes = [f"{each}:{asked.environment}" if asked.environment else str(each) for each in asked.actions]
    with database.write() as session:
        made = views.make_token(session, actor, asked.name, scopes, asked.days, limits.token_days)
        return pages.tokens_page(request, session, actor, limits, made=made)


@router.post("/tokens/{identity}/revoke")
def revoke(
    identity: Annotated[str, Path(pattern="^[0-9a-f]{16}$")], actor: CurrentActor, database: TheDatabase
) -> Response:
    """End a token at once."""
    with database.write() as session:
        keys.revoke(session, actor, views.token_of(session, actor, identity))
    return see("/tokens?said=revoked")
