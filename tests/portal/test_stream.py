"""The events of a run over server-sent events: each once and in order, whoever is slow, cut off or late."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from unittest import mock

from fastapi.sse import KEEPALIVE_COMMENT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.database import Database
from portal.states import State
from portal.tables import Run
from portal.transitions import record, transition
from portal.web import stream
from portal.web.schemas import RunEvent
from portal.web.stream import Feed, Feeds, Watching, frames

from .conftest import ANN, add
from .site import Site

ALWAYS = Watching(lambda: True, keepalive=0.02, longest=60)


def write(database: Database, number: int, count: int = 1, text: str = "said") -> None:
    with database.write() as session:
        for _ in range(count):
            record(session, number, "diagnostic", {"severity": "warning", "message": text, "urn": ""})


def end(database: Database, number: int) -> None:
    with database.write() as session:
        transition(session, session.get_one(Run, number), State.FAILED, ANN, "it broke")


def last(database: Database, number: int) -> int:
    return stream.newest(database, number)


def events(chunks: Sequence[bytes]) -> list[dict[str, str]]:
    """Events as a browser reads them: comments are nothing, an event without data is none."""
    found = []
    for block in b"".join(chunks).decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            found.append(fields)
    return found


def ids(chunks: Sequence[bytes]) -> list[int]:
    return [int(each["id"]) for each in events(chunks) if "id" in each]


def watch(database: Database, number: int, after: int = 0, how: Watching = ALWAYS) -> list[bytes]:
    """All that a watcher gets until the stream ends."""

    async def watched() -> list[bytes]:
        open_feeds = Feeds(database, poll=0.01)
        async with open_feeds.watched(number, "ann") as feed:
            return [each async for each in frames(feed, after, how)]

    return asyncio.run(watched())


def test_a_run_that_has_ended_is_told_once_and_ends(database: Database) -> None:
    number = add(database, State.PREVIEWING)
    write(database, number, 30)
    end(database, number)
    got = watch(database, number)
    assert ids(got) == list(range(1, last(database, number) + 1))
    assert events(got)[-1] == {"event": "end", "data": '{"state":"failed"}'}
    assert json.loads(events(got)[-2]["data"])["text"] == "Failed (ann): it broke"
    after = watch(database, number, after=20)
    assert ids(after) == list(range(21, last(database, number) + 1))
    assert events(watch(database, number, after=last(database, number))) == events(got)[-1:]


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 9)),
        st.tuples(st.just("join"), st.integers(0, 12)),
        st.tuples(st.just("read"), st.integers(0, 3)),
        st.tuples(st.just("again"), st.integers(0, 3)),
        st.tuples(st.just("pause"), st.integers(0, 3)),
    ),
    max_size=30,
)


class Watcher:
    """A browser: it reads when it likes, loses its connection, and asks again with the last id it has."""

    def __init__(self, feed: Feed, after: int) -> None:
        self.feed, self.begin = feed, after
        self.got: list[bytes] = []
        self.stream: AsyncIterator[bytes] = frames(feed, after, ALWAYS)

    @property
    def at(self) -> int:
        return max([self.begin, *ids(self.got)])

    async def read(self) -> bool:
        try:
            self.got.append(await anext(self.stream))
        except StopAsyncIteration:
            return False
        return True

    async def again(self) -> None:
        await self.stream.aclose()  # type: ignore[attr-defined]
        self.stream = frames(self.feed, self.at, ALWAYS)


async def play(database: Database, number: int, acts: list[tuple[str, int]]) -> list[Watcher]:
    async with Feeds(database, poll=0.001).watched(number, "ann") as feed:
        watchers = [Watcher(feed, 0)]
        for act, value in acts:
            watcher = watchers[value % len(watchers)]
            if act == "write":
                await asyncio.to_thread(write, database, number, value)
            elif act == "join":
                watchers.append(Watcher(feed, min(value, await asyncio.to_thread(last, database, number))))
            elif act == "read":
                await watcher.read()
            elif act == "again":
                await watcher.again()
            else:
                await asyncio.sleep(0.002 * value)
        await asyncio.to_thread(end, database, number)
        for watcher in watchers:
            while await watcher.read():
                pass
        return watchers


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_nothing_is_missed_or_doubled_however_it_comes(database: Database, acts: list[tuple[str, int]]) -> None:
    number = add(database, State.PREVIEWING)
    with mock.patch.object(stream, "_IN_MEMORY", 5), mock.patch.object(stream, "_BATCH", 3):
        watchers = asyncio.run(play(database, number, acts))
    for watcher in watchers:
        assert ids(watcher.got) == list(range(watcher.begin + 1, last(database, number) + 1))
        assert events(watcher.got)[-1]["event"] == "end"


def test_fifty_watchers_look_into_the_database_once(database: Database) -> None:
    number = add(database, State.PREVIEWING)
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    looked: list[str] = []
    real = stream.look

    def counted(*args: Any) -> stream.Look:
        looked.append(who.get())
        return real(*args)

    async def one(feed: Feed, ready: asyncio.Barrier) -> list[RunEvent]:
        who.set("watcher")
        got: list[RunEvent] = []
        at = await asyncio.to_thread(last, database, number)
        await ready.wait()
        while not feed.over(at):
            got += await feed.after(at, 5)
            at = got[-1].seq if got else at
        return got

    async def all_of_them() -> list[list[RunEvent]]:
        feed, ready = Feed(database, number, poll=0.001), asyncio.Barrier(51)
        who.set("feed")
        task = asyncio.create_task(feed.run())
        await feed.after(10**6, 5)  # until it knows how far the run is
        watching = [asyncio.create_task(one(feed, ready)) for _ in range(50)]
        await ready.wait()
        for _ in range(20):
            await asyncio.to_thread(write, database, number, 5)
        await asyncio.to_thread(end, database, number)
        found = await asyncio.gather(*watching)
        await task
        return found

    with mock.patch.object(stream, "look", counted):
        got = asyncio.run(all_of_them())
    assert [len(each) for each in got] == [101] * 50
    assert all([event.seq for event in each] == [event.seq for event in got[0]] for each in got)
    assert set(looked) == {"feed"}


def test_a_feed_ends_with_its_last_watcher(database: Database) -> None:
    number = add(database, State.PREVIEWING)

    async def come_and_go() -> list[int]:
        open_feeds, seen = Feeds(database, poll=0.001), []
        async with open_feeds.watched(number, "ann") as one:
            async with open_feeds.watched(number, "bob") as other:
                assert one is other
                seen.append(open_feeds.open)
            seen.append(open_feeds.open)
        seen.append(open_feeds.open)
        assert len(asyncio.all_tasks()) <= 2  # the one that was told to end, and this
        return seen

    assert asyncio.run(come_and_go()) == [1, 1, 0]


def test_who_may_no_longer_see_it_is_told_and_cut_off(database: Database) -> None:
    number = add(database, State.PREVIEWING)
    answers = iter([True, False])
    got = watch(database, number, how=Watching(lambda: next(answers), keepalive=0, longest=60))
    assert events(got)[-1] == {"event": "denied", "data": "{}"}
    assert ids(got) == list(range(1, last(database, number) + 1))


def test_a_stream_ends_before_a_sign_in_can_grow_old(database: Database) -> None:
    number = add(database, State.PREVIEWING)
    got = watch(database, number, how=Watching(lambda: True, keepalive=0.01, longest=0.05))
    assert ids(got) == list(range(1, last(database, number) + 1))
    assert not any("event" in each for each in events(got))
    assert KEEPALIVE_COMMENT in got


def test_when_the_database_fails_the_stream_is_cut_off_without_an_end(database: Database) -> None:
    number = add(database, State.PREVIEWING)
    with mock.patch.object(stream, "newest", side_effect=OSError("gone")):
        got = watch(database, number)
    assert not any("event" in each for each in events(got))


def test_engines_cannot_write_to_a_terminal_or_forge_an_event(database: Database) -> None:
    number = add(database, State.PREVIEWING)
    write(database, number, text="\x1b[31mred\x1b[0m\n\nid: 999\nevent: end\ndata: {}\n\n")
    end(database, number)
    got = watch(database, number)
    assert ids(got) == list(range(1, last(database, number) + 1))
    assert [each.get("event") for each in events(got)].count("end") == 1
    assert b"\x1b" not in b"".join(got)


def test_it_is_resumed_by_the_last_id_over_http(site: Site) -> None:
    number = add(site.database, State.PREVIEWING)
    write(site.database, number, 5)
    end(site.database, number)
    whole = site.get(f"/runs/{number}/events", accept="text/event-stream")
    assert whole.headers["content-type"].startswith("text/event-stream")
    assert whole.headers["cache-control"] == "no-store"
    assert ids([whole.content]) == list(range(1, last(site.database, number) + 1))
    path = f"/runs/{number}/events?after=1"
    assert ids([site.get(path, accept="text/event-stream").content])[0] == 2
    assert ids([site.get(path, accept="text/event-stream", **{"last-event-id": "4"}).content])[0] == 5
    assert site.get(path, accept="text/event-stream", **{"last-event-id": "x"}).status_code == 422


def test_the_same_is_there_as_json_for_those_who_ask_again_and_again(site: Site) -> None:
    number = add(site.database, State.PREVIEWING)
    first = site.get(f"/runs/{number}/events", accept="application/json").json()
    assert (first["state"], first["ended"]) == ("previewing", False)
    assert [each["seq"] for each in first["events"]] == list(range(1, first["after"] + 1))
    end(site.database, number)
    rest = site.get(f"/runs/{number}/events?after={first['after']}", accept="application/json").json()
    assert (rest["state"], rest["ended"]) == ("failed", True)
    assert [each["seq"] for each in rest["events"]] == [first["after"] + 1]


def test_a_stranger_gets_no_event(site: Site) -> None:
    number = add(site.database, State.PREVIEWING)
    for accept in ("text/event-stream", "application/json"):
        assert site.get(f"/runs/{number}/events", who="pam", accept=accept).status_code == 404
        assert site.send("GET", f"/runs/{number}/events", {"accept": accept}).status_code == 401
