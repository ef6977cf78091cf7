"""What the portal answers, in JSON and to the templates: the same models for both."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from portal.access import Action, Role
from portal.states import Kind, State

DIGEST_PATTERN = r"^[0-9a-f]{64}$"


class Fault(BaseModel):
    """One thing that is wrong with a request: where, and what would be right."""

    path: str
    message: str


class Problem(BaseModel):
    """Why a request was not done (RFC 9457). errors: everything that is wrong with it. request_id: as in the audit."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
    request_id: str = ""


class Answer(BaseModel):
    """Whether somebody may do something, and if not, why."""

    allowed: bool
    reason: str = ""


class LockedBy(BaseModel):
    """Who keeps everybody from applying, and why."""

    by: str
    reason: str


class RunSummary(BaseModel):
    """A run in a list. phase: what a runner does for it or will do next, preview or apply; empty when nothing."""

    id: int
    environment: str
    kind: Kind
    state: State
    requester: str
    reason: str
    phase: str
    created: dt.datetime
    changed: dt.datetime


class Approved(BaseModel):
    """Somebody's word on a plan."""

    actor: str
    plan: str
    at: dt.datetime


class RunDetail(RunSummary):
    """A run. plan: the digest that an approval must name. headline: the changes in a sentence.

    settings: with every secret hidden. may: what whoever asks may do to it now.
    """

    plan: str
    headline: str
    changes: list[dict[str, Any]]
    verdict: dict[str, Any]
    approvals: list[Approved]
    approvals_needed: int
    cancel_requested: bool
    force_requested: bool
    settings: dict[str, Any]
    may: dict[Action, Answer]


class RunEvent(BaseModel):
    """What happened in a run. seq: counts from 1 in each run, without a gap. text: the same in words."""

    seq: int
    type: str
    at: dt.datetime
    data: dict[str, Any]
    text: str


class RunEvents(BaseModel):
    """Events of a run. after: give it to the next request. ended: whether no more will come."""

    events: list[RunEvent]
    after: int
    state: State
    ended: bool


class EnvironmentSummary(BaseModel):
    """An environment in a list. roles: of whoever asks. last: its newest run."""

    name: str
    owner: str
    roles: list[Role]
    approvals: int
    self_approval: bool
    destroy_protected: bool
    locked: LockedBy | None
    needs_recovery: bool
    last: RunSummary | None


class EnvironmentDetail(EnvironmentSummary):
    """An environment. settings: as they were applied last, with every secret hidden. runs: the newest of them."""

    settings: dict[str, Any]
    settings_version: int
    runs: list[RunSummary]
    may: dict[Action, Answer]


class EnvironmentList(BaseModel):
    """The environments in which whoever asks has a role."""

    environments: list[EnvironmentSummary]


class RunList(BaseModel):
    """Runs, the newest first. before: give it to the next request for the older ones; null when there are none."""

    runs: list[RunSummary]
    before: int | None


class Reasons(BaseModel):
    """Why somebody may or may not do each thing in an environment."""

    environment: str
    run: int | None
    actions: dict[Action, Answer]


class AuditRow(BaseModel):
    """Who did what. hash: of this row and so of all before it."""

    seq: int
    at: dt.datetime
    actor: str
    action: str
    about: str
    details: dict[str, Any]
    request_id: str
    address: str
    previous: str
    hash: str


class AuditList(BaseModel):
    """Rows of the audit, the newest first. before: as in a list of runs."""

    rows: list[AuditRow]
    before: int | None


class TokenSummary(BaseModel):
    """A token without its secret, which nobody knows any more."""

    id: str
    actor: str
    name: str
    scopes: list[str]
    created: dt.datetime
    expires: dt.datetime
    revoked: bool


class TokenList(BaseModel):
    """Tokens of whoever asks."""

    tokens: list[TokenSummary]


class TokenMade(TokenSummary):
    """A new token. token: to be shown this once."""

    token: str


class Status(BaseModel):
    """How the portal itself is."""

    status: str


class Asked(BaseModel):
    """What the bodies of requests share: nothing else may be in them."""

    model_config = ConfigDict(extra="forbid")


Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]

_DEEPEST: Final = 32


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Settings that the database and every later answer can hold; ValueError names all that is not.

    JSON as Python reads it has numbers that are none, and halves of characters that no encoding knows.
    """
    wrong = list(_faults(value, "", 0))
    if wrong:
        raise ValueError("; ".join(wrong[:10]))
    return value


def _faults(value: Any, path: str, depth: int) -> Iterator[str]:
    where = path or "settings"
    if depth > _DEEPEST:
        yield f"{where}: at most {_DEEPEST} levels"
    elif isinstance(value, str):
        if any("\ud800" <= each <= "\udfff" or each == "\x00" for each in value):
            yield f"{where}: has a character that is none"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{where}: not a number that JSON has"
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _faults(key, f"a name in {where}", depth)
            yield from _faults(each, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _faults(each, f"{path}[{place}]", depth + 1)


Settings = Annotated[dict[str, Any], AfterValidator(_storable)]
