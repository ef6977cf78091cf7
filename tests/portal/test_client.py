"""A pipeline's way through the portal, against a real server on loopback; and what that server does with raw bytes."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from portal import audit, client, requests, tokens
from portal.audit import Actor
from portal.client import AWAY, BAD, DONE, LATE, REFUSED, Portal
from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.states import State
from portal.tables import Binding, Environment, Job, Run
from portal.transitions import transition
from portal.web.__main__ import main as start
from portal.web.views import hidden
from tests.conftest import CHECKOUT

from .samples import SETTINGS
from .site import DIGEST, ROLES, leave_planned, new_database

RUNNER = Actor("system:runner")


@dataclass
class Served:
    """The web process. `main` is the client, as somebody with all scopes."""

    port: int
    process: subprocess.Popen[str]
    database: Database
    capture: pytest.CaptureFixture[str]

    def token(self, who: str = "ann", *scopes: str) -> str:
        with self.database.write() as session:
            every = ("preview", "approve", "apply", "cancel", "force", "discard")
            return tokens.create(session, Actor(who), "pipeline", scopes or every)

    def main(self, *arguments: str, who: str = "ann") -> tuple[int, str, str]:
        environment = {"PORTAL_URL": f"http://127.0.0.1:{self.port}", "PORTAL_TOKEN": self.token(who)}
        code = client.main(arguments, environment)
        said = self.capture.readouterr()
        return code, said.out, said.err

    def planned(self) -> int:
        """A run with a plan."""
        code, out, _ = self.main("preview", "dev", "--json")
        assert code == DONE
        number: int = json.loads(out)["id"]
        leave_planned(self.database, number)
        return number


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, subprocess.Popen[str], Database]]:
    folder = tmp_path_factory.mktemp("served")
    database = new_database(f"sqlite:///{folder / 'portal.sqlite'}")
    with database.write() as session:
        session.add(Environment(name="pay", owner="payments"))
        session.add_all(Binding(environment=where, subject=who, role=role) for where, who, role in ROLES)
    file = folder / "portal.json"
    targets = {"dev": {"program": str(CHECKOUT), "stack": "dev"}}
    web = {"port": 0, "development": {"people": {"ann": []}}, "waiting": 1000}
    file.write_text(
        json.dumps({"database": database.url, "folder": str(folder / "runs"), "targets": targets, "web": web})
    )
    command = [sys.executable, "-m", "portal.web", str(file)]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        found = next(match for line in lines if (match := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
        yield int(found[1]), process, database
        process.terminate()
        assert process.wait(30) == -15
    database.close()


@pytest.fixture
def served(server: tuple[int, subprocess.Popen[str], Database], capsys: pytest.CaptureFixture[str]) -> Served:
    return Served(*server, capsys)


def test_a_pipeline_goes_from_preview_to_apply(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump({"encryptionsalt": "v1:x", "config": SETTINGS}))
    code, out, _ = served.main("preview", "dev", "--settings", str(file), "--json")
    assert code == DONE
    made = json.loads(out)
    assert made["settings"] == hidden(SETTINGS)
    number = str(made["id"])
    leave_planned(served.database, made["id"])
    code, out, _ = served.main("wait", number)
    assert code == DONE
    assert f"run {number}: update of dev by ann is awaiting_approval" in out
    assert f"plan {DIGEST}, approved by nobody" in out
    assert served.main("approve", number, "--plan", DIGEST)[0] == REFUSED
    code, out, _ = served.main("approve", number, "--plan", DIGEST, who="bob")
    assert (code, "is approved" in out, "approved by bob" in out) == (DONE, True, True)
    assert served.main("apply", number)[0] == DONE
    with served.database.write() as session:
        run = session.get_one(Run, made["id"])
        transition(session, run, State.APPLYING, RUNNER)
        transition(session, run, State.SUCCEEDED, RUNNER)
    code, out, _ = served.main("wait", number, "--until", "applied")
    assert (code, "is succeeded" in out) == (DONE, True)
    assert "ann: requester; last run" in served.main("environments")[1].replace("dev", "ann")
    shown = served.main("show", "dev")[1]
    assert f"run {number}: update is succeeded" in shown
    assert "settings: version 1" in shown
    for version, code in (("0", REFUSED), ("1", DONE)):
        asked = ("preview", "dev", "--settings", str(file), "--settings-version", version)
        assert served.main(*asked)[0] == code
    assert f"run {number}, that ann asked for, was applied" in served.main(*asked[:-1], "0")[2]


def test_waiting_tells_what_happens_and_ends_when_nothing_works_on_the_run(served: Served) -> None:
    code, out, _ = served.main("preview", "dev", "--json")
    number = json.loads(out)["id"]
    queue = TableQueue()
    begun = json.loads(served.main("show", str(number), "--json")[1])
    assert (code, begun["state"], client.stands_still(begun)) == (DONE, "queued", False)

    def leave() -> None:
        leave_planned(served.database, number, keep_job=True)

    def end_the_job() -> None:
        with served.database.write() as session:
            session.delete(session.get_one(Job, number))

    steps = iter([leave, end_the_job])
    said: list[str] = []
    with client.connect({"PORTAL_URL": f"http://127.0.0.1:{served.port}", "PORTAL_TOKEN": served.token()}) as http:
        portal = Portal(http, lambda _: next(steps)())
        run = portal.wait(number, said.append, 60, 1)
        assert next(steps, None) is None
        assert run["state"] == "awaiting_approval"
        assert len(said) == 3  # queued, previewing, awaiting approval
        assert not any(each in "".join(said) for each in ("\n", "\x1b"))
        with served.database.write() as session:
            run_row = session.get_one(Run, number)
            requests.approve(session, Actor("bob"), run_row, DIGEST)
            assert queue.submit(session, number, Phase.APPLY)
        assert client.stands_still(portal.run(number)) is False


def test_a_run_that_ends_badly_and_one_that_does_not_end(served: Served) -> None:
    code, out, _ = served.main("preview", "dev", "--json")
    number = json.loads(out)["id"]
    code, _, err = served.main("wait", str(number), "--timeout", "0")
    assert (code, err) == (LATE, f"run {number} is still queued\n")
    assert served.main("cancel", str(number))[0] == DONE
    code, out, _ = served.main("wait", str(number), "--json")
    assert (code, json.loads(out)["state"]) == (BAD, "cancelled")
    planned = served.planned()
    assert served.main("wait", str(planned), "--until", "applied")[0] == BAD


def test_the_same_key_makes_one_run(served: Served) -> None:
    made = {json.loads(served.main("preview", "dev", "--json", "--key", "build-7")[1])["id"] for _ in range(2)}
    assert len(made) == 1
    other = json.loads(served.main("preview", "dev", "--json")[1])["id"]
    assert other not in made
    code, _, err = served.main("preview", "dev", "--kind", "drift", "--key", "build-7")
    assert (code, "the key build-7 was used for another request" in err) == (REFUSED, True)


def test_a_refusal_says_why_and_all_that_is_wrong(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("grpc-platform:services: {orders: {secrets: {URL: '[secret]', KEY: hunter2hunter2}}}")
    code, _, err = served.main("preview", "dev", "--settings", str(file))
    assert code == REFUSED
    assert "services.orders.secrets.URL" in err
    assert "hunter2" not in err
    code, _, err = served.main("cancel", str(served.planned()), "--force")
    assert (code, "to force you must be admin" in err) == (REFUSED, True)
    code, _, err = served.main("preview", "dev", "--kind", "recover", "--forced", "that machine is gone")
    assert (code, "to force you must be admin" in err) == (REFUSED, True)
    code, _, err = served.main("preview", "dev", "--forced", "now")
    assert (code, "only a recover run is forced" in err) == (REFUSED, True)
    code, _, err = served.main("show", "pay")
    assert (code, "there is no environment pay that you have a role in" in err) == (REFUSED, True)


def portal_of(answers: list[httpx.Response | Exception]) -> tuple[Portal, list[str], list[float]]:
    """A portal that answers like this, one after the other; what it was asked, and how long was waited."""
    asked: list[str] = []
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path} {request.headers.get('idempotency-key', '')}".strip())
        found = answers[len(asked) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="https://portal")
    return Portal(http, waited.append), asked, waited


def test_a_portal_that_is_busy_is_asked_again_later_and_not_for_ever() -> None:
    busy = httpx.Response(429, headers={"retry-after": "7"})
    portal, asked, waited = portal_of([busy, httpx.Response(503), httpx.Response(200, json={"id": 1})])
    assert portal.post("/previews", {}, "k") == {"id": 1}
    assert asked == ["POST /previews k"] * 3
    assert waited == [7, 2]
    portal, _, waited = portal_of(
        [httpx.Response(429, headers=[(b"retry-after", b"\xb2")]), httpx.Response(200, json={})]
    )
    assert (portal.get("/"), waited) == ({}, [1])
    portal, asked, waited = portal_of([httpx.Response(429, headers={"retry-after": "9999"})] * 9)
    with pytest.raises(client.RefusedError):
        portal.get("/")
    assert (len(asked), waited) == (4, [30, 30, 30])


def test_what_might_have_been_done_is_not_asked_for_again() -> None:
    lost = httpx.ReadTimeout("lost")
    done = httpx.Response(200, json={})
    calls: list[tuple[Callable[[Portal], Any], Exception, bool]] = [
        (lambda portal: portal.get("/runs/1"), lost, True),
        (lambda portal: portal.post("/previews", {}, "k"), lost, True),
        (lambda portal: portal.post("/runs/1/apply"), lost, False),
        (lambda portal: portal.post("/runs/1/apply"), httpx.ConnectError("away"), True),
    ]
    for call, error, again in calls:
        portal, asked, _ = portal_of([error, done])
        if again:
            assert call(portal) == {}
        else:
            with pytest.raises(httpx.ReadTimeout):
                call(portal)
        assert len(asked) == 1 + again


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, text="<html>"), "is no JSON"),
        (httpx.Response(302, headers={"location": "https://evil"}), "HTTP 302"),
        (httpx.Response(500, text="oops"), "HTTP 500"),
        (httpx.Response(403, json={"title": "No", "detail": "not\x1b[2J you", "errors": []}), "No: not[2J you"),
    ],
)
def test_an_answer_that_is_not_the_portals_is_told_as_such(answer: httpx.Response, told: str) -> None:
    portal, _, _ = portal_of([answer])
    with pytest.raises(client.RefusedError) as refused:
        portal.get("/")
    assert told in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_portal_that_is_not_there_is_code_4(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(client, "_TRIES", 1)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert client.main(["environments"], {"PORTAL_URL": url, "PORTAL_TOKEN": "t"}) == AWAY
    assert "the portal does not answer" in capsys.readouterr().err


def test_nothing_on_the_command_line_is_a_secret() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portal.client", "--help"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert "exit codes:" in done.stdout
    assert "--token" not in done.stdout


# The server itself.


def raw(port: int, *parts: bytes) -> bytes:
    """The answer to raw bytes, until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        found = b""
        try:
            while piece := connection.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines, "", ""]).encode()


def test_raw_bodies_without_end_are_cut_off(served: Served) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = raw(served.port, head("/runs", "Transfer-Encoding: chunked", "Origin: x"), *[chunk] * 20)
    assert answer.startswith(b"HTTP/1.1 413 ")
    answer = raw(served.port, head("/runs", "Content-Length: 99999999999"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    for twice in (("Content-Length: 5", "Content-Length: 6"), ("Content-Length: x",), ("Content-Length: -1",)):
        assert raw(served.port, head("/runs", *twice), b"12345").startswith(b"HTTP/1.1 400 ")
    assert not raw(served.port, head("/", f"X: {'x' * 200_000}", method="GET")).startswith(b"HTTP/1.1 200 ")


def test_nobody_on_this_machine_lends_themselves_another_address(served: Served) -> None:
    """uvicorn itself would believe X-Forwarded-For from loopback."""
    secret = served.token("eve", "view")
    for who, code in ((f"Bearer {secret}", b"403"), ("Bearer gp_0000000000000000_" + "x" * 43, b"401")):
        lines = (f"Authorization: {who}", "X-Forwarded-For: 203.0.113.9", "Content-Type: application/json")
        body = b'{"reason":"x"}'
        answer = raw(served.port, head("/environments/dev/lock", *lines, f"Content-Length: {len(body)}"), body)
        assert answer.split()[1] == code
    with served.database.read() as session:
        rows = [json.loads(line) for line in audit.export(session)]
    assert [row["address"] for row in rows if row["action"].startswith("request.")][-2:] == ["127.0.0.1"] * 2


def test_it_says_what_is_wrong_and_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "portal.json"
    for text, told in (
        ("{}", "database: Field required"),
        ('{"database": "sqlite://", "folder": "x", "targets": {}}', "have no `web`"),
        ("{", "the file: Invalid JSON"),
    ):
        file.write_text(text)
        assert start([str(file)]) == 2
        assert told in capsys.readouterr().err
    assert start([str(tmp_path / "gone")]) == 2
    with pytest.raises(SystemExit) as ended:
        start([])
    assert ended.value.code == 2
    assert "usage: python -m portal.web" in capsys.readouterr().err
