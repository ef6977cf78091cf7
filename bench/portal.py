"""The portal under many eyes: a run is applied while 50 people watch it, 20 runs wait and pages are read.

The portal is that of `make portal`: web and worker processes on a local cloud, and the client beside them on the same
cores. Pages are read one after the other all the time, with nothing going on first, then beside the apply.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx

from bench.turns import Table
from tools import environment

WATCHERS: Final = 50
QUEUED: Final = 20
_PAGES: Final = ("/", "/environments/dev", "/runs/1")
_EACH: Final = 10
"""How many runs of one person may wait (`waiting`)."""
_QUIET_READS: Final = 60
_BETWEEN_SECONDS: Final = 0.05
_PATIENCE: Final = httpx.Timeout(60.0)


@dataclass
class Seen:
    """What one watcher got: the number of each event, and when it came."""

    events: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """Milliseconds of the pages, seconds of the events on their way, and what was wrong with any watcher's events."""

    quiet: Sequence[float]
    busy: Sequence[float]
    lags: Sequence[float]
    events: int
    wrong: Sequence[str]


def watched(root: Path, watchers: int = WATCHERS, queued: int = QUEUED) -> Table:
    """The whole of it. Raises RuntimeError when the portal does not do what it should."""
    with _started(root / "portal") as url:
        found = asyncio.run(_measure(url, watchers, queued))
    rows = [
        ("pages, nothing going on", f"{median(found.quiet):.0f} ms", f"{_high(found.quiet):.0f} ms", "1.00"),
        (
            f"pages beside an apply, {watchers} watchers",
            f"{median(found.busy):.0f} ms",
            f"{_high(found.busy):.0f} ms",
            f"{median(found.busy) / median(found.quiet):.2f}",
        ),
        ("an event on its way", f"{1000 * median(found.lags):.0f} ms", f"{1000 * _high(found.lags):.0f} ms", ""),
    ]
    notes = [
        f"{found.events} events to each of {watchers} watchers, {queued} runs beside; "
        + ("none missed, none twice, all in order" if not found.wrong else "; ".join(found.wrong[:5]))
    ]
    figures = {"quiet_ms": found.quiet, "busy_ms": found.busy, "lag_seconds": found.lags, "wrong": found.wrong}
    return Table("The portal", ("what", "median", "p99", "ratio"), rows, notes, figures)


def _high(values: Sequence[float]) -> float:
    """The 99th percentile, by the nearest rank."""
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


@contextmanager
def _started(folder: Path) -> Iterator[str]:
    """The portal, stopped at the end; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tools.portal_sample", "--port", str(port), "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=environment.here().checkout, stdout=subprocess.DEVNULL)
    try:
        _until_ready(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/ready").is_success:
                return
        except httpx.ConnectError:
            time.sleep(0.1)
    raise RuntimeError("the portal ended by itself")


@asynccontextmanager
async def _person(url: str, name: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    headers = {"Accept": "application/json", "Origin": url}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_PATIENCE, limits=limits) as client:
        (await client.post("/sign-in", json={"person": name})).raise_for_status()
        yield client


async def _measure(url: str, watchers: int, queued: int) -> Outcome:
    async with _person(url, "ann") as ann, _person(url, "bob") as bob, _person(url, "ada") as ada:
        await _approved(ann, bob)
        quiet = [await _read(ann, page) for page in itertools.islice(itertools.cycle(_PAGES), _QUIET_READS)]
        (await ann.post("/runs/1/apply")).raise_for_status()
        await _wait(ann, {"approved"})
        seen = [Seen() for _ in range(watchers)]
        watching = [asyncio.create_task(_watch(ann, each)) for each in seen]
        for number in range(queued):
            who = (ann, ada)[number // _EACH % 2]
            (await who.post("/environments/prod/previews", json={})).raise_for_status()
        busy = await _read_until_done(ann, watching)
        events = await _events(ann)
    return Outcome(quiet, busy, _lags(seen, events), len(events), _wrong(seen, len(events)))


async def _approved(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    """Run 1, asked for, previewed and approved."""
    (await ann.post("/environments/dev/previews", json={})).raise_for_status()
    run = await _wait(ann, {"queued", "previewing"})
    if run["state"] != "awaiting_approval":
        raise RuntimeError(f"the preview ended {run['state']}: {run['reason']}")
    (await bob.post("/runs/1/approve", json={"plan": run["plan"]})).raise_for_status()


async def _wait(client: httpx.AsyncClient, states: set[str]) -> dict[str, Any]:
    """Run 1 once it is in none of these states."""
    while True:
        run: dict[str, Any] = (await client.get("/runs/1")).raise_for_status().json()
        if run["state"] not in states:
            return run
        await asyncio.sleep(0.2)


async def _events(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Every event of run 1, a page at a time."""
    found: list[dict[str, Any]] = []
    while True:
        page = (await client.get("/runs/1/events", params={"after": len(found)})).raise_for_status().json()
        found += page["events"]
        if page["ended"]:
            return found


async def _watch(client: httpx.AsyncClient, seen: Seen) -> None:
    """Follow run 1 as a browser does, to its end."""
    async with client.stream("GET", "/runs/1/events", headers={"Accept": "text/event-stream"}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id:"):
                seen.events.append((int(line.removeprefix("id:")), time.time()))


async def _read(client: httpx.AsyncClient, page: str) -> float:
    """Milliseconds until a page is there."""
    started = time.perf_counter()
    (await client.get(page, headers={"Accept": "text/html"})).raise_for_status()
    return 1000 * (time.perf_counter() - started)


async def _read_until_done(client: httpx.AsyncClient, watching: Sequence[asyncio.Task[None]]) -> list[float]:
    taken = []
    for page in itertools.cycle(_PAGES):
        taken.append(await _read(client, page))
        if all(each.done() for each in watching):
            await asyncio.gather(*watching)
            return taken
        await asyncio.sleep(_BETWEEN_SECONDS)
    raise AssertionError


def _lags(seen: Sequence[Seen], events: Sequence[dict[str, Any]]) -> list[float]:
    """Seconds from when an event was written until it was here, of those written while somebody watched."""
    written = {each["seq"]: dt.datetime.fromisoformat(each["at"]).timestamp() for each in events}
    since = max(each.events[0][1] for each in seen)
    return [came - written[seq] for each in seen for seq, came in each.events if written[seq] > since]


def _wrong(seen: Sequence[Seen], count: int) -> list[str]:
    wanted = list(range(1, count + 1))
    return [
        f"watcher {place} got {json.dumps([seq for seq, _ in each.events])[:200]} of {count}"
        for place, each in enumerate(seen)
        if [seq for seq, _ in each.events] != wanted
    ]
