"""Settings as a form and as YAML: what somebody fills in becomes the settings of a run, or comes back with its errors.

Nothing is kept between the two: the form carries the version of the settings that it was made of, and the values that
were typed come back in the answer. A secret never does.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path as Folder
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from portal import access, form, prepare, requests
from portal.access import Action
from portal.audit import Actor
from portal.form import SERVICES, Path, Problem, Reading
from portal.form.build import secure
from portal.form.fields import parsed, typed
from portal.prepare import Base
from portal.settings import PortalSettings, Target
from portal.states import Kind
from portal.web import api, schemas, views
from portal.web.changes import see
from portal.web.dependencies import (
    BrowserRoute,
    CurrentActor,
    TheDatabase,
    TheMeans,
    TheQueue,
    TheSettings,
    TheWebSettings,
    room,
)
from portal.web.errors import status_of_later
from portal.web.rendering import page

router = APIRouter(route_class=BrowserRoute, include_in_schema=False)

ALL: Final = "all"
"""As `at`: everything in one form."""
_MOST_FIELDS: Final = 20_000
_LONGEST_VERSION: Final = 16
_SHOWN: Final = 10


async def sent_pairs(request: Request) -> list[tuple[str, str]]:
    """Names and values of a form that was sent, in its order."""
    try:
        async with request.form(max_files=0, max_fields=_MOST_FIELDS) as found:
            return [(name, value) for name, value in found.multi_items() if isinstance(value, str)]
    except UnicodeError:  # a multipart form names its encoding itself, and there are encodings of nothing
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the form is not in the encoding that it names") from None


Pairs = Annotated[list[tuple[str, str]], Depends(sent_pairs)]


@dataclass(frozen=True)
class Place:
    """An environment whose settings somebody looks at. target: None where the portal knows no program of it."""

    environment: schemas.EnvironmentDetail
    base: Base
    target: Target | None

    @property
    def settings(self) -> Mapping[str, Any]:
        """As they were applied last."""
        return self.base.settings

    @property
    def editable(self) -> bool:
        """Whether whoever asks may change them here."""
        return self.target is not None and self.environment.may[Action.PREVIEW].allowed

    @property
    def program(self) -> Folder:
        """The checkout that says which settings there are. Raises InvalidError where there is none."""
        if self.target is None:
            raise requests.InvalidError(f"the portal knows no program of {self.environment.name}")
        return self.target.program


def place_of(session: Session, actor: Actor, name: str, chosen: PortalSettings) -> Place:
    """Raises NotFoundError."""
    detail = views.environment(session, actor, name)
    row = views.environment_of(session, actor, name)
    return Place(detail, Base.of(row), chosen.targets.get(name))


@dataclass(frozen=True)
class Filled:
    """What somebody sent. at: which part it is of, None for YAML. text: the YAML."""

    at: Path | None
    version: int
    key: str
    text: str
    pairs: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> Filled:
        """From a form's inputs. Raises InvalidError for a part that is none."""
        own = dict(pairs)
        at = None if "yaml" in own else part_of(own.get("at", ""))
        version = own.get("version", "")
        known = int(version) if version.isascii() and version.isdigit() and len(version) < _LONGEST_VERSION else -1
        return cls(at, known, own.get("key", "")[:64], own.get("yaml", ""), pairs)


@dataclass
class Judged:
    """Settings that were filled in, and what is wrong with them. others: not about a place. lines: of YAML.

    moved: whether the environment has other settings by now than those that these were made from.
    """

    reading: Reading | None
    moved: bool = False
    problems: list[Problem] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether they can be previewed."""
        return not (self.problems or self.others or self.lines)


def part_of(at: str) -> Path:
    """The path of a part from a URL: `/grpc-platform:services/orders`, or `all`. Raises InvalidError."""
    if at == ALL:
        return ()
    found = parsed(f"v:{at}")
    if found is None or not found[1]:
        raise requests.InvalidError(f"there is no part of the settings such as {at[:80] or 'nothing'}")
    return found[1]


@router.get("/environments/{name}/settings")
def settings(
    name: api.Name,
    request: Request,
    actor: CurrentActor,
    database: TheDatabase,
    chosen: TheSettings,
    at: Annotated[str, Query(max_length=400)] = "",
    workload: Annotated[str | None, Query(max_length=64)] = None,
    view: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """The parts of the settings, one of them as a form, or all of them as YAML."""
    with database.read() as session:
        place = place_of(session, actor, name, chosen)
    if not place.editable or (view == "yaml"):
        return _yaml(request, place, form.to_yaml(place.settings), Judged(None))
    if workload is None and not at:
        return _parts(request, place)
    try:
        under = part_of(at) if workload is None else (SERVICES, workload.strip())
        return _form(request, place, under, form.build(form.load(place.program), place.settings, under=under))
    except KeyError:
        wrong = f"{workload} cannot be a workload's name" if workload is not None else f"there is no part {at}"
        return _parts(request, place, wrong)


@router.post("/environments/{name}/settings")
def change(
    name: api.Name,
    request: Request,
    pairs: Pairs,
    actor: CurrentActor,
    database: TheDatabase,
    queue: TheQueue,
    means: TheMeans,
    limits: TheWebSettings,
) -> Response:
    """Ask for a run with what was filled in, or show what is wrong with it."""
    filled = Filled.of(pairs)
    with database.read() as session:
        place = place_of(session, actor, name, means.chosen)
        row = views.environment_of(session, actor, name)
        access.demand(session, actor, Action.PREVIEW, row)
        moved = requests.outdated(session, row, filled.version)
    judged = judge(place, filled, moved)
    if not judged.sound or judged.reading is None:
        return _again(request, place, filled, judged)
    try:
        with database.read() as session:  # what is too many, or too late by now, keeps no engine busy
            row = views.environment_of(session, actor, name)
            requests.demand_early(session, actor, row, filled.version, filled.key, room(limits))
        ready = prepare.seal(means, place.base, filled.version, judged.reading)
        with database.write() as session:
            views.environment_of(session, actor, name)
            made = requests.submit(session, queue, actor, name, Kind.UPDATE, ready, key=filled.key, limits=room(limits))
    except requests.OutdatedError as error:  # others were applied while these were looked at
        with database.read() as session:
            place = place_of(session, actor, name, means.chosen)
        return _again(request, place, filled, judge(place, filled, str(error)))
    except requests.InvalidError as error:
        judged.others.append(str(error))
        return _again(request, place, filled, judged)
    except (requests.TooManyError, prepare.BusyError) as error:
        judged.others.append(str(error))
        answer = _again(request, place, filled, judged, status_of_later(error))
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    return see(f"/runs/{made.id}?said=queued")


def judge(place: Place, filled: Filled, moved: str = "") -> Judged:
    """Everything that is wrong with what was filled in: as a form, and for the program, that is asked itself.

    moved: why settings made from the version that was filled in are not taken, if they are not.
    """
    schema = form.load(place.program)
    if filled.at is not None:
        reading = form.read(schema, place.settings, filled.pairs, under=filled.at)
    else:
        try:
            written = form.from_yaml(schema, place.settings, filled.text)
        except form.YamlError as error:
            return Judged(None, lines=[(error.line, str(error).partition(": ")[2])], others=[moved] if moved else [])
        reading = written.reading
    found = Judged(reading, moved=bool(moved), problems=list(prepare.judge(place.program, reading)))
    if filled.at is None:
        where = {each.path: written.line_of(each) for each in found.problems}
        found.lines = [(where[each.path], f"{each.where}: {each.message}") for each in found.problems]
    if moved:
        found.others += [moved, *_differs(place.settings, reading.settings)]
    return found


def _differs(now: Mapping[str, Any], sent: Mapping[str, Any]) -> list[str]:
    """Where what was sent is not what there is now: it would be written over."""
    paths = list(differences(now, sent))
    more = [f"{len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
    told = ", ".join([*map(typed, paths[:_SHOWN]), *more])
    return [f"what is below is not what is there now in: {told}"] if paths else []


def differences(one: Any, other: Any, path: Path = ()) -> Iterator[Path]:
    """The paths at which two settings differ, each as short as it can be."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and not secure(one):
        for name in dict.fromkeys([*one, *other]):
            yield from differences(one.get(name), other.get(name), (*path, str(name)))
    elif one != other:
        yield path


def _again(request: Request, place: Place, filled: Filled, judged: Judged, status: int = 0) -> Response:
    """The form with what was filled in and what is wrong with it. status: where that is not by what is wrong."""
    status = status or (HTTPStatus.CONFLICT if judged.moved else HTTPStatus.UNPROCESSABLE_ENTITY)
    reading = judged.reading
    if filled.at is None:
        # A text with a new secret in it is not sent back: what is shown is what it says, without the secret.
        text = form.to_yaml(reading.settings) if reading is not None and reading.secrets else filled.text
        return _yaml(request, place, text, judged, status)
    assert reading is not None  # noqa: S101 - a form can always be read
    built = form.build(
        form.load(place.program),
        reading.settings,
        under=filled.at,
        problems=judged.problems,
        pending=reading.pending,
        entered=reading.entered,
    )
    return _form(request, place, filled.at, built, judged, status)


def _parts(request: Request, place: Place, wrong: str = "") -> Response:
    schema = form.load(place.program)
    whole = form.build(schema, place.settings)
    sections = [each for each in whole.root.items if isinstance(each, form.Group) and each.path != (SERVICES,)]
    existing = place.settings.get(SERVICES)
    return page(
        request,
        "settings.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        environment=place.environment,
        sections=sections,
        workloads=sorted(existing) if isinstance(existing, dict) else [],
        services=SERVICES,
        wrong=wrong,
    )


def _form(
    request: Request,
    place: Place,
    under: Path,
    built: form.Form,
    judged: Judged | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "settings_form.html",
        status,
        environment=place.environment,
        form=built,
        at="".join(f"/{each.replace('~', '~0').replace('/', '~1')}" for each in under) or ALL,
        workload=under[1] if len(under) == 2 and under[0] == SERVICES else "",
        others=[*(judged.others if judged else ()), *built.errors],
        wrong=_wrong(built),
        retype=bool(judged and judged.reading and judged.reading.secrets),
        key=secrets.token_urlsafe(16),
        kinds=form.Kind,
        yes=form.YES,
    )


def _wrong(built: form.Form) -> list[form.Group | form.Field]:
    return [
        *(each for each in built.root.groups() if each.errors),
        *(each for each in built.root.fields() if each.errors),
    ]


def _yaml(request: Request, place: Place, text: str, judged: Judged, status: int = HTTPStatus.OK) -> Response:
    return page(
        request,
        "settings_yaml.html",
        status,
        environment=place.environment,
        editable=place.editable,
        known=place.target is not None,
        text=text,
        lines=sorted(judged.lines),
        others=judged.others,
        retype=bool(judged.reading and judged.reading.secrets),
        key=secrets.token_urlsafe(16),
    )
