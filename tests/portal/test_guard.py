"""What is refused before a handler runs, and what every answer carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.datastructures import Headers
from starlette.types import Message

from portal import audit
from portal.tables import Audit, Run
from portal.web import errors, guard
from portal.web.addresses import client_address
from portal.web.guard import Rate, refusal
from portal.web.views import environments

from .site import BROWSER, ORIGIN, PROXY, STRANGER, Site, signed_in


def rows(site: Site) -> list[dict[str, object]]:
    with site.database.read() as session:
        return [json.loads(line) for line in audit.export(session)]


def runs(site: Site) -> int:
    with site.database.read() as session:
        return session.scalar(select(func.count()).select_from(Run)) or 0


ELSEWHERE = {
    "another site": {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    "a sibling": {"sec-fetch-site": "same-site", "origin": ORIGIN},
    "another origin": {"origin": "https://evil.example.org"},
    "a longer origin": {"origin": f"{ORIGIN}.evil.example.org"},
    "another port": {"origin": f"{ORIGIN}:8443"},
    "another scheme": {"origin": ORIGIN.replace("https", "http")},
    "a hidden origin": {"origin": "null"},
    "nothing": {},
    "an empty site": {"sec-fetch-site": ""},
    "a referrer": {"referer": f"{ORIGIN}/"},
    "a cookie and a token": {"authorization": "Bearer x", "cookie": "a=b"},
    "no token": {"authorization": "Basic x"},
}


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_another_site_does_nothing_through_a_browser(site: Site, headers: dict[str, str]) -> None:
    body: dict[str, Any] = {}
    answer = site.send("POST", "/environments/dev/previews", {**signed_in("ann"), **headers}, json=body)
    assert answer.status_code == 403
    assert runs(site) == 0
    assert [(row["action"], row["about"]) for row in rows(site)] == [
        ("request.cross-site", "POST /environments/dev/previews")
    ]


def test_a_form_of_another_site_is_refused_whatever_its_content_type(site: Site) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {**signed_in("ann"), "sec-fetch-site": "cross-site", "content-type": content_type}
        answer = site.send("POST", "/environments/dev/previews", headers, content=b"{}")
        assert answer.status_code == 403


def test_the_site_itself_and_pipelines_are_let_through(site: Site) -> None:
    for headers in ({"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": ORIGIN}):
        answer = site.send("POST", "/environments/dev/previews", {**signed_in("ann"), **headers}, json={})
        assert answer.status_code == 201
    shown = {"authorization": f"Bearer {site.token('preview:dev')}"}
    assert site.send("POST", "/environments/dev/previews", shown, json={}).status_code == 201
    with_cookie = {**shown, "cookie": "a=b"}
    assert site.send("POST", "/environments/dev/previews", with_cookie, json={}).status_code == 403
    assert site.send("GET", "/", {**signed_in("ann"), "sec-fetch-site": "cross-site"}).status_code == 200  # a link


def test_where_a_request_comes_from_is_said_once() -> None:
    for name, value in (("sec-fetch-site", "same-origin"), ("origin", ORIGIN)):
        once = [(name.encode(), value.encode())]
        assert refusal(Headers(raw=once), ORIGIN) == ""
        assert "more than once" in refusal(Headers(raw=once * 2), ORIGIN)


def test_a_body_has_an_end(new_site: Callable[..., Site]) -> None:
    site = new_site(body_limit=1000)

    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b" " * 100

    headers = {**signed_in("ann"), "sec-fetch-site": "same-origin", "content-type": "application/json"}
    for content in (b" " * 1001, chunks(11), chunks(10_000)):
        answer = site.send("POST", "/environments/dev/previews", headers, content=content)
        assert answer.status_code == 413
        assert answer.json()["detail"] == "a body may have 1000 bytes"
    # Nobody needs to be known for that.
    assert site.send("POST", "/nothing", {}, content=b" " * 1001).status_code == 413
    lies = {**headers, "content-length": "10"}
    assert site.send("POST", "/environments/dev/previews", lies, content=chunks(11)).status_code == 413
    for length in ("-1", "1_0", "x", "", "0x10"):
        wrong = {**headers, "content-length": length}
        answer = site.send("POST", "/environments/dev/previews", wrong, content=chunks(1))
        assert answer.status_code == 400
    whole = json.dumps({"kind": "drift"}).encode().ljust(1000)
    assert site.send("POST", "/environments/dev/previews", headers, content=whole).status_code == 201


def test_half_a_body_and_a_late_one_are_none() -> None:
    reached, sent = [], []

    async def app(*_: object) -> None:
        reached.append(True)

    async def send(message: Message) -> None:
        sent.append(message)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"10")], "state": {}}
    limit = guard.BodyLimit(app, 100, 0.01)
    asyncio.run(limit(scope, gone, send))
    assert (reached, sent) == ([], [])
    asyncio.run(limit(scope, never, send))
    assert reached == []
    assert sent[0]["status"] == 408


def test_every_answer_has_its_headers(site: Site) -> None:
    answers = [
        site.get("/"),
        site.get("/", accept=BROWSER),
        site.get("/health"),
        site.get("/nothing"),
        site.send("GET", "/", {}),
        site.send("POST", "/", {}),
        site.post("/environments/dev/previews", {"kind": "x"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert answer.headers["cache-control"] == "no-store"
        assert "Accept" in answer.headers["vary"]
        assert "server" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def test_a_request_is_found_in_the_audit_by_its_number(site: Site) -> None:
    answer = site.post("/environments/dev/previews", {}, **{"x-request-id": "mine"})
    row = rows(site)[-1]
    assert (row["action"], row["request_id"]) == ("run.queued", answer.headers["x-request-id"])
    assert row["address"] == "198.51.100.9"
    refused = site.post("/environments/dev/lock", {"reason": "x"})
    assert refused.status_code == 403
    row = rows(site)[-1]
    assert (row["actor"], row["action"], row["request_id"]) == ("ann", "request.denied", refused.json()["request_id"])
    assert row["details"] == {"reason": refused.json()["detail"], "left_out": 0}


def test_a_fault_of_the_portal_tells_its_log_and_nobody_else(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("hunter2hunter2")

    monkeypatch.setattr(environments.__module__ + ".environments", broken)
    logged: list[object] = []
    monkeypatch.setattr(errors.LOG, "exception", lambda *args: logged.append(args))
    for accept in ("*/*", BROWSER):
        answer = site.get("/", accept=accept) if accept == "*/*" else site.get("/nothing", accept=accept)
        assert answer.status_code == (500 if accept == "*/*" else 404)
        assert "hunter2" not in answer.text
        assert "Traceback" not in answer.text
        assert "content-security-policy" in answer.headers
    assert len(logged) == 1


def test_a_flood_of_refusals_does_not_fill_the_audit(site: Site) -> None:
    for _ in range(100):
        assert site.send("GET", "/", {"x-forwarded-user": "root"}, client=STRANGER).status_code == 401
    assert len(rows(site)) == 30
    site.now = 2.0
    site.send("GET", "/", {"x-forwarded-user": "root"}, client=STRANGER)
    assert rows(site)[-1]["details"] == {
        "reason": "the headers of a sign-in do not come from a trusted proxy",
        "left_out": 70,
    }
    for n in range(400):  # of many addresses
        site.send("GET", "/", {"x-forwarded-user": "root"}, client=(f"192.0.2.{n % 250}", 1))
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Audit)) == 30 + 1 + 279


def test_who_asks_too_often_waits(new_site: Callable[..., Site]) -> None:
    site = new_site(requests_per_minute=5)
    codes = [site.get("/").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    answer = site.get("/")
    assert answer.headers["retry-after"] == "13"
    assert site.get("/", "bob").status_code == 200  # a colleague behind the same address
    # ann from elsewhere is still ann
    assert site.send("GET", "/", {**signed_in("ann"), "x-forwarded-for": "198.51.100.11"}).status_code == 429
    # Where nobody signs in, nobody guesses for long; health is asked for as often as it likes.
    codes = [site.send("GET", "/", {}, client=STRANGER).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert {site.send("GET", "/health", {}, client=STRANGER).status_code for _ in range(10)} == {200}
    site.now = 12.0
    assert [site.get("/").status_code for _ in range(2)] == [200, 429]


def test_an_address_as_a_whole_has_its_limit(new_site: Callable[..., Site]) -> None:
    site = new_site(address_requests_per_minute=6)
    codes = [site.get("/", who).status_code for who in ("ann", "bob", "eve", "ops", "boss", "pam", "root", "ann")]
    assert codes == [200] * 6 + [429] * 2


def test_a_rate_comes_back_with_time() -> None:
    now = [0.0]
    rate = Rate(60, lambda: now[0])
    assert [rate.wait("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait("a") == 1.0
    assert rate.wait("b") == 0.0
    now[0] = 0.5
    assert rate.wait("a") == 0.5
    now[0] = 1.0
    assert rate.wait("a") == 0.0
    assert rate.wait("a") == 1.0
    for n in range(20_000):
        rate.wait(str(n))
    assert len(rate._left) == 10_000


@pytest.mark.parametrize(
    ("client", "said", "found"),
    [
        (STRANGER, [], STRANGER[0]),
        (STRANGER, ["198.51.100.1"], STRANGER[0]),
        (PROXY, ["198.51.100.1"], "198.51.100.1"),
        (PROXY, ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        (PROXY, ["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        (PROXY, ["198.51.100.1, 10.0.0.9"], "198.51.100.1"),
        (PROXY, ["198.51.100.1, <script>"], PROXY[0]),
        (PROXY, [""], PROXY[0]),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_an_address_is_what_a_trusted_proxy_saw(
    site: Site, client: tuple[str, int] | None, said: list[str], found: str
) -> None:
    headers = [(b"x-forwarded-for", each.encode()) for each in said]
    scope = {"type": "http", "client": client, "headers": headers}
    assert site.settings.web is not None
    assert client_address(scope, site.settings.web.proxies) == found
