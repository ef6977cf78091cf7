"""The JSON form of every URL. What is done, and what is seen, is in `portal.requests` and `views`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import Field, ValidationInfo, field_validator, model_validator
from sqlalchemy import text

from portal import access, audit, requests
from portal import tokens as keys
from portal.access import Action
from portal.prepare import Base, prepare
from portal.states import Kind, State
from portal.web import schemas, views
from portal.web.dependencies import CurrentActor, TheDatabase, TheMeans, TheQueue, TheWebSettings, room
from portal.web_settings import KEY_PATTERN, NAME_PATTERN

Name = Annotated[str, Path(pattern=NAME_PATTERN, description="The name of an environment.")]
Number = Annotated[int, Path(ge=1, le=2**31, description="The number of a run.")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="Only what came before this one.")]
Key = Annotated[str, Header(alias="Idempotency-Key", pattern=KEY_PATTERN)]

_SAID: Final = {
    400: "The request is not in a form that can be read.",
    401: "Nobody vouches for whoever asks.",
    403: "They may not; `detail` says why.",
    404: "There is nothing of that name, or nothing that they may know of.",
    408: "The body did not come in time.",
    409: "Not as things are now; `detail` says why.",
    413: "The body is too large.",
    422: "Something is wrong with the request; `errors` names everything.",
    429: "Too many requests, or too many runs that wait; try again after `Retry-After` seconds.",
    503: "The database or the engines are busy; try again after `Retry-After` seconds.",
}
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
FAILURES: Final[dict[int | str, dict[str, Any]]] = {
    code: {"description": said, "content": _PROBLEM} for code, said in _SAID.items()
}

_LINES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/jsonl": {"schema": {"type": "string"}}}}
}

router = APIRouter(responses=FAILURES)


@router.get("/health", tags=["portal"])
async def health() -> schemas.Status:
    """Whether the process answers."""
    return schemas.Status(status="ok")


@router.get("/ready", tags=["portal"])
def ready(database: TheDatabase) -> schemas.Status:
    """Whether it can do its work: the database answers."""
    with database.read() as session:
        session.execute(text("SELECT 1 FROM environments"))
    return schemas.Status(status="ok")


@router.get("/", tags=["environments"])
def environments(actor: CurrentActor, database: TheDatabase) -> schemas.EnvironmentList:
    """The environments in which you have a role."""
    with database.read() as session:
        return views.environments(session, actor)


@router.get("/environments/{name}", tags=["environments"])
def environment(name: Name, actor: CurrentActor, database: TheDatabase) -> schemas.EnvironmentDetail:
    """One environment, with its newest runs and what you may do in it."""
    with database.read() as session:
        return views.environment(session, actor, name)


@router.get("/environments/{name}/why", tags=["environments"])
def why(
    name: Name,
    actor: CurrentActor,
    database: TheDatabase,
    run: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    action: Action | None = None,
) -> schemas.Reasons:
    """Why you may or may not do each thing; with `run`, to that run."""
    with database.read() as session:
        return views.reasons(session, actor, name, run, action)


class PreviewAsked(schemas.Asked):
    """kind: what a run is to do. settings: the whole `config` of the stack; without it, as it is now.

    settings_version: that of the settings which these were made from, as the environment tells it. Where others were
    applied since, the answer is 409, so that nobody undoes what they have not seen. forced: why a recover run takes the
    stack from a holder that is not proved dead; for admins.
    """

    kind: Kind = Kind.UPDATE
    settings: schemas.Settings | None = None
    settings_version: Annotated[int, Field(ge=0, le=2**53)] | None = None
    forced: schemas.Line = ""

    @field_validator("settings")
    @classmethod
    def _of_an_update(cls, value: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        kind = info.data.get("kind", Kind.UPDATE)
        if value is not None and kind is not Kind.UPDATE:
            raise ValueError(f"only an update takes settings; a run of kind {kind} has those that are there")
        return value

    @field_validator("forced")
    @classmethod
    def _of_a_recover_run(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("kind") is not Kind.RECOVER:
            raise ValueError("only a recover run is forced")
        return value

    @model_validator(mode="after")
    def _from(self) -> Self:
        if self.settings is not None and self.settings_version is None:
            raise ValueError("settings_version: say which version of the settings yours were made from")
        return self


@router.post("/environments/{name}/previews", status_code=201, tags=["runs"])
def preview(
    name: Name,
    asked: PreviewAsked,
    actor: CurrentActor,
    database: TheDatabase,
    queue: TheQueue,
    means: TheMeans,
    limits: TheWebSettings,
    key: Key = "",
) -> schemas.RunDetail:
    """Ask for a run. The same Idempotency-Key with the same request answers with the run it made then.

    In the settings, `[secret]` keeps the secret that is there, and a new one is encrypted before anything keeps it.
    """
    settings = None
    if asked.settings is not None and asked.settings_version is not None:
        with database.read() as session:  # the program is asked for those alone who may, and outside a transaction
            where = views.environment_of(session, actor, name)
            access.demand(session, actor, Action.PREVIEW, where)
            requests.demand_early(session, actor, where, asked.settings_version, key, room(limits))
            base = Base.of(where)
        settings = prepare(means, base, asked.settings_version, asked.settings)
    with database.write() as session:
        views.environment_of(session, actor, name)
        options: dict[str, Any] = {"key": key, "limits": room(limits)}
        if asked.forced:
            made = requests.recover_by_force(session, queue, actor, name, asked.forced, **options)
        else:
            made = requests.submit(session, queue, actor, name, asked.kind, settings, **options)
        return views.run(session, actor, made.id)


class LockAsked(schemas.Asked):
    """reason: for those who have to wait."""

    reason: schemas.Line


@router.post("/environments/{name}/lock", tags=["environments"])
def lock(name: Name, asked: LockAsked, actor: CurrentActor, database: TheDatabase) -> schemas.EnvironmentDetail:
    """Keep everybody from applying, with a reason."""
    with database.write() as session:
        views.environment_of(session, actor, name)
        requests.lock(session, actor, name, asked.reason)
        return views.environment(session, actor, name)


@router.post("/environments/{name}/unlock", tags=["environments"])
def unlock(name: Name, actor: CurrentActor, database: TheDatabase) -> schemas.EnvironmentDetail:
    """Take a lock off."""
    with database.write() as session:
        views.environment_of(session, actor, name)
        requests.unlock(session, actor, name)
        return views.environment(session, actor, name)


@router.get("/runs", tags=["runs"])
def runs(
    actor: CurrentActor,
    database: TheDatabase,
    environment: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
    state: State | None = None,
    kind: Kind | None = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> schemas.RunList:
    """Runs of the environments in which you have a role, the newest first."""
    with database.read() as session:
        return views.runs(session, actor, name=environment, state=state, kind=kind, before=before, limit=limit)


@router.get("/runs/{number}", tags=["runs"])
def run(number: Number, actor: CurrentActor, database: TheDatabase) -> schemas.RunDetail:
    """One run: its state, what it would change, what the policies say, who approved it, what you may do to it."""
    with database.read() as session:
        return views.run(session, actor, number)


class ApprovalAsked(schemas.Asked):
    """plan: the digest of the plan that was looked at. Another one is not approved."""

    plan: Annotated[str, Field(pattern=schemas.DIGEST_PATTERN)]


@router.post("/runs/{number}/approve", tags=["runs"])
def approve(number: Number, asked: ApprovalAsked, actor: CurrentActor, database: TheDatabase) -> schemas.RunDetail:
    """Say yes to a plan. Saying it twice changes nothing."""
    with database.write() as session:
        requests.approve(session, actor, views.run_of(session, actor, number), asked.plan)
        return views.run(session, actor, number)


class DiscardAsked(schemas.Asked):
    """reason: for those who look later."""

    reason: schemas.Line = ""


@router.post("/runs/{number}/discard", tags=["runs"])
def discard(
    number: Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue, asked: DiscardAsked | None = None
) -> schemas.RunDetail:
    """Drop a plan that nobody will apply."""
    with database.write() as session:
        found = views.run_of(session, actor, number)
        requests.discard(session, queue, actor, found, asked.reason if asked else "")
        return views.run(session, actor, number)


@router.post("/runs/{number}/apply", tags=["runs"])
def apply(number: Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue) -> schemas.RunDetail:
    """Apply exactly what was approved. Asking twice changes nothing."""
    with database.write() as session:
        requests.apply(session, queue, actor, views.run_of(session, actor, number))
        return views.run(session, actor, number)


@router.post("/runs/{number}/cancel", tags=["runs"])
def cancel(number: Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue) -> schemas.RunDetail:
    """End a run; what its engine does at this moment is finished first."""
    with database.write() as session:
        requests.cancel(session, queue, actor, views.run_of(session, actor, number))
        return views.run(session, actor, number)


@router.post("/runs/{number}/force", tags=["runs"])
def force(number: Number, actor: CurrentActor, database: TheDatabase, queue: TheQueue) -> schemas.RunDetail:
    """End a run's engine at once; what it was doing is then unknown, and the environment must be recovered."""
    with database.write() as session:
        requests.cancel(session, queue, actor, views.run_of(session, actor, number), force=True)
        return views.run(session, actor, number)


@router.get("/audit", tags=["audit"])
def audit_list(
    actor: CurrentActor,
    database: TheDatabase,
    environment: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> schemas.AuditList:
    """Who did what, the newest first. An admin of an environment sees what is about it, an admin of all sees all."""
    with database.read() as session:
        return views.audit_rows(session, actor, environment, before, limit)


@router.get("/audit/export", tags=["audit"], response_class=StreamingResponse, responses=_LINES)
def audit_export(actor: CurrentActor, database: TheDatabase) -> StreamingResponse:
    """The whole audit as JSON lines, the oldest first; each line carries the hash of the one before.

    That somebody took it is the last line.
    """
    with database.write() as session:
        views.demand_audit(session, actor, None)
        audit.append(session, actor, "audit.export", "audit")
    return StreamingResponse(_exported(database), media_type="application/jsonl")


def _exported(database: TheDatabase) -> Any:
    with database.read() as session:
        for line in audit.export(session):
            yield f"{line}\n"


class TokenAsked(schemas.Asked):
    """scopes: actions such as `preview:dev`, or `view` for every environment. days: until it ends."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
    scopes: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=50)]
    days: Annotated[int, Field(ge=1, le=365)] = 30


@router.get("/tokens", tags=["tokens"])
def token_list(actor: CurrentActor, database: TheDatabase) -> schemas.TokenList:
    """Your tokens."""
    with database.read() as session:
        return views.tokens(session, actor)


@router.post("/tokens", status_code=201, tags=["tokens"])
def token_make(
    asked: TokenAsked, actor: CurrentActor, database: TheDatabase, limits: TheWebSettings
) -> schemas.TokenMade:
    """A new token. It is shown this once, and it may do no more than you may yourself."""
    with database.write() as session:
        return views.make_token(session, actor, asked.name, asked.scopes, asked.days, limits.token_days)


@router.post("/tokens/{identity}/revoke", tags=["tokens"])
def token_revoke(
    identity: Annotated[str, Path(pattern="^[0-9a-f]{16}$")], actor: CurrentActor, database: TheDatabase
) -> schemas.TokenSummary:
    """End a token at once."""
    with database.write() as session:
        found = views.token_of(session, actor, identity)
        keys.revoke(session, actor, found)
        return views.token(found)
