"""However much a run tells, so much of it is kept and a page shows so much, and all that is kept can be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from portal import events
from portal.database import Database
from portal.events import Redactor
from portal.states import State
from portal.tables import Event, Job
from portal.transitions import last
from portal.watch import Watch
from portal.web.overview import LOG_LINES, log

from .browser import Browser
from .conftest import add
from .site import Site

MANY = 3000
ROW = re.compile(r'<li class="[^"]*">')


def noisy(site: Site, count: int = MANY) -> int:
    """A run that is previewed now and whose engine has said much."""
    number = add(site.database, State.PREVIEWING)
    with site.database.write() as session:
        first = last(session, number) + 1
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("begins", {"op": "create", "type": "t"}),
            ("policy", {"rule": "R1", "level": "advisory"}),
            ("diagnostic", {"severity": "warning", "message": "said"}),
        ]
        told = []
        for place in range(count):
            type_, data = kinds[place % 3]
            about = {"urn": f"urn:pulumi:dev::p::t::n{place}", "message": f"said {place}"}
            told.append({"run_id": number, "seq": first + place, "type": type_, "data": {**data, **about}})
        session.execute(insert(Event), told)
    return number


def test_a_page_shows_the_newest_and_leads_to_all_the_others(site: Site) -> None:
    number = noisy(site)
    with site.database.read() as session:
        newest = last(session, number)
        shown = log(session, number)
    assert (len(shown.events), shown.seq, shown.older) == (LOG_LINES, newest, True)
    assert (len(shown.steps), shown.fewer, len(shown.policies)) == (1000, True, 500)
    assert shown.steps[-1].urn.endswith(f"::n{MANY - 3}")
    ann = Browser(site, "ann")
    page = ann.open(f"/runs/{number}")
    assert f'data-events="/runs/{number}/events?after={newest}"' in page.html
    seen: list[int] = []
    while True:
        begin, end = map(int, re.findall(r"Lines (\d+) to (\d+)\.", page.html)[0])
        assert len(ROW.findall(page.html)) >= end - begin + 1
        assert end - begin < LOG_LINES
        seen = [*range(begin, end + 1), *seen]
        older = re.findall(r'href="(/runs/\d+\?before=\d+)#log-heading"', page.html)
        if not older:
            break
        page = ann.open(older[0])
        assert "data-events" not in page.html  # what comes now does not belong below old lines
        assert "The newest" in page.text
    assert seen == list(range(1, newest + 1))


def test_a_page_before_the_first_line_is_no_fault(site: Site) -> None:
    page = Browser(site, "ann").open(f"/runs/{noisy(site, 3)}?before=1")
    assert "There are no lines before that" in page.text


def test_what_a_runner_tells_counts_with_what_its_engine_says(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST", 10)
    monkeypatch.setattr(events, "MOST_TOLD", 5)
    number = add(database)
    with database.write() as session:
        session.add(Job(run_id=number, phase="preview", waiting=False, runner="r"))

    def kept() -> int:
        with database.read() as session:
            return last(session, number)

    for phase in range(2):  # each has a runner of its own, and the run is one
        watch = Watch(database, number, "r", 1e9, Redactor([]))
        for _ in range(3):
            watch.tell("git", commit="c")
        log_file = tmp_path / f"{phase}.events"
        said = {"diagnosticEvent": {"severity": "warning", "message": "said", "urn": ""}}
        log_file.write_text(f"{json.dumps(said)}\n" * 20)
        watch.follow(log_file)
        watch._pass_on()
        assert len(watch.of("diagnostic")) == 20  # for its own judgement it knows them all
        assert kept() == (10, 13)[phase]
    for _ in range(9):
        watch.tell("held", reason="later")
    assert kept() == 15
