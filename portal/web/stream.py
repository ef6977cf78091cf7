"""The events of a run as they come, by server-sent events (WHATWG HTML, 9.2), and the same as JSON for those who ask.

Every event has its number in the run as its id. Whoever was cut off names the last one that they have and goes on
there, so none is missed and none comes twice. One task a run looks into the database, however many watch. It keeps the
newest events in memory; a watcher who is further behind reads the database, so a slow one costs nobody anything.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from sqlalchemy import func, select

from portal.audit import Actor
from portal.database import Database
from portal.states import FINAL, State
from portal.tables import Event, Run
from portal.transitions import events_after
from portal.web import api, views
from portal.web.dependencies import CurrentActor, TheDatabase
from portal.web.schemas import RunEvent, RunEvents
from portal.web.words import event, plain

LOG: Final = logging.getLogger("portal.web")
POLL_SECONDS: Final = 0.3
KEEPALIVE_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 300.0
"""After which a stream ends and the browser asks anew, by itself: with that its sign-in is proved again."""
MOST_STREAMS: Final = 100
"""Streams of a person at a time."""
_IN_MEMORY: Final = 2000
_BATCH: Final = 500
_RETRY_MILLISECONDS: Final = 2000

router = APIRouter(tags=["runs"])


@dataclass(frozen=True)
class Look:
    """One look into the database: what came after a number, and the state that the run had at that moment."""

    events: tuple[RunEvent, ...]
    state: State

    @property
    def full(self) -> bool:
        """Whether there may be more already."""
        return len(self.events) >= _BATCH


def look(database: Database, run_id: int, after: int, limit: int = _BATCH) -> Look:
    """Look. The state is read first: a final one is written together with its event, so that is among the events."""
    with database.read() as session:
        state = session.scalars(select(Run.state).where(Run.id == run_id)).one()
        return Look(tuple(of_row(each) for each in events_after(session, run_id, after, limit)), state)


def newest(database: Database, run_id: int) -> int:
    """The number of a run's last event; 0 when it has none."""
    with database.read() as session:
        return session.scalar(select(func.max(Event.seq)).where(Event.run_id == run_id)) or 0


def of_row(row: Event) -> RunEvent:
    """An event as it is told."""
    return RunEvent(seq=row.seq, type=row.type, at=row.at, data=_plain(row.data), text=event(row.type, row.data))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return plain(value) if isinstance(value, str) else value


class Feed:
    """The events of one run for all who watch it. `run` is the one task that looks; `after` waits for what is new."""

    def __init__(self, database: Database, run_id: int, poll: float = POLL_SECONDS) -> None:
        self._database = database
        self._run_id = run_id
        self._poll = poll
        self._recent: deque[RunEvent] = deque(maxlen=_IN_MEMORY)
        self._tip: int | None = None
        self._changed = asyncio.Event()
        self.ended: State | None = None
        self.broken = False

    async def run(self) -> None:
        """Look until the run has ended. When the database fails, everybody is told and asks anew later."""
        try:
            self._tip = await asyncio.to_thread(newest, self._database, self._run_id)
            self._tell()
            while self.ended is None:
                found = await asyncio.to_thread(look, self._database, self._run_id, self._tip)
                self._take(found)
                if not found.full and self.ended is None:
                    await asyncio.sleep(self._poll)
        except Exception:
            LOG.exception("the events of run %s cannot be read", self._run_id)
            self.broken = True
        finally:
            self._tell()

    def _take(self, found: Look) -> None:
        if found.events:
            self._recent.extend(found.events)
            self._tip = found.events[-1].seq
        if found.state in FINAL and not found.full:
            self.ended = found.state
        if found.events or self.ended:
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def over(self, seq: int) -> bool:
        """Whether nothing comes after this number any more."""
        return self.broken or (self.ended is not None and self._tip is not None and seq >= self._tip)

    async def after(self, seq: int, seconds: float) -> tuple[RunEvent, ...]:
        """What came after a number, in order, a part of it where it is much; nothing when nothing came in time."""
        changed = self._changed
        found = self._remembered(seq)
        if found is None:
            found = (await asyncio.to_thread(look, self._database, self._run_id, seq)).events
        if found or self.over(seq):
            return found
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return ()
        return self._remembered(seq) or ()

    def _remembered(self, seq: int) -> tuple[RunEvent, ...] | None:
        """From memory; None when memory does not reach that far back."""
        if self._tip is not None and seq >= self._tip:
            return ()
        if not self._recent or seq + 1 < self._recent[0].seq:
            return None
        first = seq + 1 - self._recent[0].seq  # numbers have no gaps
        return tuple(self._recent[place] for place in range(first, min(first + _BATCH, len(self._recent))))


@dataclass
class _Open:
    feed: Feed
    task: asyncio.Task[None]
    watchers: int = 0


class Feeds:
    """The feeds that somebody watches; each begins with its first watcher and ends with its last."""

    def __init__(self, database: Database, poll: float = POLL_SECONDS) -> None:
        self._database = database
        self._poll = poll
        self._open: dict[int, _Open] = {}
        self._people: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """How many runs are looked at."""
        return len(self._open)

    @asynccontextmanager
    async def watched(self, run_id: int, person: str) -> AsyncIterator[Feed]:
        """The feed of a run, as long as the block lasts."""
        found = self._open.get(run_id)
        if found is None or found.feed.broken:
            feed = Feed(self._database, run_id, self._poll)
            found = self._open[run_id] = _Open(feed, asyncio.create_task(feed.run()))
        found.watchers += 1
        self._people[person] += 1
        try:
            yield found.feed
        finally:
            found.watchers -= 1
            self._people[person] -= 1
            if not self._people[person]:
                del self._people[person]
            if not found.watchers:
                found.task.cancel()
                if self._open.get(run_id) is found:
                    del self._open[run_id]

    def room(self, person: str) -> None:
        """Raise an HTTPException, 429, when somebody has as many streams open as they may have."""
        if self._people[person] >= MOST_STREAMS:
            detail = f"you watch {MOST_STREAMS} runs already; close one of them"
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": "30"})


@dataclass(frozen=True)
class Watching:
    """How one watcher is served. allowed: whether they still may see the run; it asks the database."""

    allowed: Callable[[], bool]
    keepalive: float = KEEPALIVE_SECONDS
    longest: float = LONGEST_SECONDS


async def frames(feed: Feed, after: int, how: Watching) -> AsyncIterator[bytes]:
    """The stream of one watcher, from the event after a number to the end of the run.

    It ends with an event `end`, that has the last state, or `denied`; without either it was cut off, and goes on with
    the next request.
    """
    begun = checked = time.monotonic()
    yield format_sse_event(retry=_RETRY_MILLISECONDS, comment="the events of a run; id is the number of each")
    while time.monotonic() - begun < how.longest:
        found = await feed.after(after, how.keepalive)
        if time.monotonic() - checked >= how.keepalive:
            if not await asyncio.to_thread(how.allowed):
                yield format_sse_event(event="denied", data_str="{}")
                return
            checked = time.monotonic()
        if found:
            after = found[-1].seq
            yield b"".join(format_sse_event(data_str=each.model_dump_json(), id=str(each.seq)) for each in found)
        elif not feed.over(after):
            yield KEEPALIVE_COMMENT
        if feed.over(after):
            if feed.ended is not None:
                yield format_sse_event(event="end", data_str=f'{{"state":"{feed.ended}"}}')
            return


def feeds(request: Request) -> Feeds:
    """The feeds of the application."""
    return cast("Feeds", request.app.state.feeds)


def _may_see(database: Database, actor: Actor, number: int) -> bool:
    try:
        with database.read() as session:
            views.run_of(session, actor, number)
    except views.NotFoundError:
        return False
    return True


_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": RunEvents,
        "description": "Server-sent events, or one look as JSON where `Accept` is application/json.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **api.FAILURES,
}


@router.get("/runs/{number}/events", response_class=Response, response_model=None, responses=_STREAM)
async def run_events(
    number: Annotated[int, Path(ge=1, le=2**31, description="The number of a run.")],
    request: Request,
    actor: CurrentActor,
    database: TheDatabase,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only what came after this one.")] = 0,
    last: Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=2**53)] = None,
) -> Response:
    """The events of a run. Last-Event-ID, that a browser sends by itself, counts more than `after`."""
    begin = after if last is None else last
    await asyncio.to_thread(_demand, database, actor, number)
    if "application/json" in request.headers.get("accept", ""):
        found = await asyncio.to_thread(look, database, number, begin)
        return JSONResponse(_answer(found, begin).model_dump(mode="json"))
    open_feeds = feeds(request)
    open_feeds.room(actor.name)
    how = Watching(lambda: _may_see(database, actor, number))
    return EventSourceResponse(
        _served(open_feeds, number, begin, actor, how), headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    )


def _demand(database: Database, actor: Actor, number: int) -> None:
    with database.read() as session:
        views.run_of(session, actor, number)


def _answer(found: Look, begin: int) -> RunEvents:
    last = found.events[-1].seq if found.events else begin
    return RunEvents(
        events=list(found.events), after=last, state=found.state, ended=found.state in FINAL and not found.full
    )


async def _served(open_feeds: Feeds, number: int, after: int, actor: Actor, how: Watching) -> AsyncIterator[bytes]:
    async with open_feeds.watched(number, actor.name) as feed:
        async for each in frames(feed, after, how):
            yield each
