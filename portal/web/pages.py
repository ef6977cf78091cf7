"""The pages to look at. Each handler gets a model from `views` and renders it; what is done is in `changes`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from portal import calls
from portal.access import Action, DeniedError, Role
from portal.audit import Actor
from portal.plan import ORDER, headline, loses
from portal.states import Kind, State
from portal.topology import Item, Topology, outline
from portal.web import api, overview, schemas, views
from portal.web.dependencies import BrowserRoute, CurrentActor, TheDatabase, TheWebSettings
from portal.web.rendering import page
from portal.web.schemas import Problem
from portal.web_settings import WebSettings

router = APIRouter(route_class=BrowserRoute, include_in_schema=False)

SAID: Final = {
    "queued": "Your request is in the queue. This page follows it.",
    "approved": "Your approval is noted.",
    "apply": "The apply is in the queue: it begins as soon as a runner is free.",
    "discarded": "The plan is discarded.",
    "cancel": "The run was asked to end. What is under way is finished first.",
    "force": "The engine is ended at once.",
    "locked": "The environment is locked: nobody applies here until it is unlocked.",
    "unlocked": "The environment is unlocked.",
    "revoked": "The token is revoked.",
}
"""What a page says after something was done: the name is in its URL, the text never is."""
Said = Annotated[str, Query(max_length=20)]


def empty_as_none(value: str | None) -> str | None:
    """A field of a filter that was left empty is none."""
    return value or None


@router.get("/")
def environments(request: Request, actor: CurrentActor, database: TheDatabase) -> Response:
    """All environments, and how each stands."""
    with database.read() as session:
        found = views.environments(session, actor).environments
        standings = {each.name: overview.standing(session, each.name) for each in found}
        return page(request, "environments.html", environments=found, standings=standings)


@router.get("/environments/{name}")
def environment(
    name: api.Name, request: Request, actor: CurrentActor, database: TheDatabase, said: Said = ""
) -> Response:
    """One environment."""
    with database.read() as session:
        found = views.environment(session, actor, name)
        stands = overview.standing(session, name)
        outputs = views.environment_of(session, actor, name).outputs
        return page(
            request,
            "environment.html",
            environment=found,
            standing=stands,
            workloads=calls.workloads(found.settings, outputs),
            outputs=outputs,
            topology=_outline(overview.drawn(session, stands.last_apply)),
            said=SAID.get(said, ""),
        )


@router.get("/environments/{name}/destroy")
def destroy(name: api.Name, request: Request, actor: CurrentActor, database: TheDatabase) -> Response:
    """What it means to destroy an environment, and the field that its name is typed into."""
    with database.read() as session:
        return destroy_page(request, session, actor, name)


def destroy_page(request: Request, session: Session, actor: Actor, name: str, wrong: str = "") -> Response:
    """wrong: what is wrong with the name that was typed. Raises NotFoundError."""
    found = views.environment(session, actor, name)
    return page(
        request,
        "destroy.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        environment=found,
        workloads=calls.workloads(found.settings),
        wrong=wrong,
    )


@router.get("/environments/{name}/why")
def why(
    name: api.Name,
    request: Request,
    actor: CurrentActor,
    database: TheDatabase,
    run: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    action: Action | None = None,
) -> Response:
    """Why somebody may or may not do each thing."""
    with database.read() as session:
        found = views.reasons(session, actor, name, run, action)
        summary = views.environment(session, actor, name)
        return page(request, "why.html", found=found, environment=summary)


@router.get("/runs")
def runs(
    request: Request,
    actor: CurrentActor,
    database: TheDatabase,
    environment: Annotated[str, Query(max_length=64)] = "",
    state: Annotated[str, Query(max_length=32)] = "",
    kind: Annotated[str, Query(max_length=32)] = "",
    before: api.Before = None,
) -> Response:
    """Runs, with filters; a filter that names nothing finds nothing out and is left out."""
    chosen_state = State(state) if state in set(State) else None
    chosen_kind = Kind(kind) if kind in set(Kind) else None
    with database.read() as session:
        seen = [each.name for each in views.environments(session, actor).environments]
        found = views.runs(
            session, actor, name=environment or None, state=chosen_state, kind=chosen_kind, before=before
        )
        chosen = {"environment": environment, "state": chosen_state or "", "kind": chosen_kind or ""}
        return page(request, "runs.html", found=found, names=seen, chosen=chosen)


@router.get("/runs/{number}")
def run(
    number: api.Number,
    request: Request,
    actor: CurrentActor,
    database: TheDatabase,
    said: Said = "",
    before: api.Before = None,
    still: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """One run: how far it is, what it would change, what stands against it, and what can be done."""
    with database.read() as session:
        found = views.run(session, actor, number)
        kept = overview.log(session, number, before)
        topology = overview.drawn(session, views.run_of(session, actor, number))
    groups = [(operation, [each for each in found.changes if each["operation"] == operation]) for operation in ORDER]
    lost = [each for each in found.changes if each["protect"] and loses(each)]
    return page(
        request,
        "run.html",
        run=found,
        log=kept,
        before=before,
        groups=[(operation, each) for operation, each in groups if each],
        protected=lost,
        headline=headline(found.changes),
        engine_only=_engine_only(found, kept),
        said=SAID.get(said, ""),
        still=bool(still),
        topology=_outline(topology),
    )


def _outline(found: Topology | None) -> tuple[Item, ...]:
    return outline(found) if found is not None else ()


def _engine_only(found: schemas.RunDetail, kept: overview.Log) -> list[dict[str, str]]:
    """What the policies said in the engine and the checks did not say again."""
    known = {(each["rule"], each["urn"]) for each in found.verdict.get("findings", ())}
    return [each for each in kept.policies if (each.get("rule"), each.get("urn")) not in known]


@router.get("/audit")
def audit(
    request: Request,
    actor: CurrentActor,
    database: TheDatabase,
    environment: Annotated[str, Query(max_length=64)] = "",
    before: api.Before = None,
) -> Response:
    """Who did what. Somebody who may read a part of it is asked which."""
    with database.read() as session:
        seen = views.environments(session, actor).environments
        readable = [each.name for each in seen if Role.ADMIN in each.roles]
        if not environment and readable and not _reads_all(session, actor):
            return page(request, "audit.html", found=None, names=readable, all=False, chosen="")
        found = views.audit_rows(session, actor, empty_as_none(environment), before)
        return page(
            request, "audit.html", found=found, names=readable, all=_reads_all(session, actor), chosen=environment
        )


def _reads_all(session: Session, actor: Actor) -> bool:
    try:
        views.demand_audit(session, actor, None)
    except DeniedError:
        return False
    return True


@router.get("/tokens")
def tokens(
    request: Request, actor: CurrentActor, database: TheDatabase, limits: TheWebSettings, said: Said = ""
) -> Response:
    """Somebody's tokens, and the form for a new one."""
    with database.read() as session:
        return tokens_page(request, session, actor, limits, said=SAID.get(said, ""))


def tokens_page(
    request: Request,
    session: Session,
    actor: Actor,
    limits: WebSettings,
    *,
    made: schemas.TokenMade | None = None,
    said: str = "",
) -> Response:
    """Somebody's tokens. made: a new one, whose secret is in this answer and nowhere else."""
    return page(
        request,
        "tokens.html",
        HTTPStatus.CREATED if made else HTTPStatus.OK,
        found=views.tokens(session, actor).tokens,
        names=[each.name for each in views.environments(session, actor).environments],
        actions=list(Action),
        longest=limits.token_days,
        made=made,
        said=said,
    )


def problem(request: Request, found: Problem) -> Response:
    """The page that says why a request was not done, and what to do next."""
    return page(request, "problem.html", found.status, problem=found)
