"""What hostile people get from the portal: nothing, and no knowledge of what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from portal import audit
from portal.access import Action
from portal.tables import Run

from .site import DIGEST, Site, ask, count, planned, signed_in

CLEAR = "hunter2hunter2hunter2"

ALL = (
    ("GET", "/environments/{e}", None),
    ("GET", "/environments/{e}/why", None),
    ("POST", "/environments/{e}/previews", {"kind": "destroy"}),
    ("POST", "/environments/{e}/lock", {"reason": "mine"}),
    ("POST", "/environments/{e}/unlock", None),
    ("GET", "/runs/{r}", None),
    ("POST", "/runs/{r}/approve", {"plan": DIGEST}),
    ("POST", "/runs/{r}/apply", None),
    ("POST", "/runs/{r}/discard", None),
    ("POST", "/runs/{r}/cancel", None),
    ("POST", "/runs/{r}/force", None),
    ("GET", "/runs?environment={e}", None),
    ("GET", "/audit?environment={e}", None),
)


@pytest.mark.parametrize(("method", "path", "body"), ALL)
def test_another_teams_environment_is_no_different_from_none(site: Site, method: str, path: str, body: Any) -> None:
    theirs = ask(site, who="pam", where="pay")
    planned(site, theirs)
    headers = {**signed_in("ann"), "sec-fetch-site": "same-origin"}

    def asked(environment: str, run: int) -> tuple[int, str, dict[str, str], list[str], list[str]]:
        concrete = path.replace("{e}", environment).replace("{r}", str(run))
        with statements(site) as done:
            answer = site.send(method, concrete, headers, json=body)
        found = answer.json()
        found.pop("request_id")
        said = json.dumps(found).replace(environment, "…").replace(f"run {run} ", "run … ")
        told = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "content-length")}
        with site.database.read() as session:
            rows = [json.loads(line) for line in audit.export(session)]
        return answer.status_code, said, told, [row["action"] for row in rows[-2:]], done

    asked("none", 4710)  # her sign-in
    first, second = asked("pay", theirs), asked("gone", 4711)
    assert first == second
    assert (first[0], first[3]) == (404, ["request.denied"] * 2)
    assert first[4]
    assert site.get(f"/runs/{theirs}", "pam").json()["state"] == "awaiting_approval"


@contextmanager
def statements(site: Site) -> Iterator[list[str]]:
    """What the portal asks its database meanwhile."""
    found: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        found.append(statement)

    engine = site.app.state.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("method", "path", "body"), [each for each in ALL if each[0] == "POST"])
def test_a_token_without_the_scope_does_nothing(site: Site, method: str, path: str, body: Any) -> None:
    """Though its owner may do everything there."""
    number = ask(site)
    planned(site, number)
    before = site.get(f"/runs/{number}", "boss").json(), site.get("/environments/dev", "boss").json()
    concrete = path.replace("{e}", "dev").replace("{r}", str(number))
    for scopes in (["view"], ["audit:dev", "approve:prod", "cancel:prod", "lock:prod", "unlock:prod", "preview:prod"]):
        shown = {"authorization": f"Bearer {site.token(*scopes, who='boss')}"}
        assert site.send("GET", f"/runs/{number}", shown).status_code == 200
        answer = site.send(method, concrete, shown, json=body)
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith("the token has no scope ")
    assert (site.get(f"/runs/{number}", "boss").json(), site.get("/environments/dev", "boss").json()) == before


def test_a_token_neither_makes_nor_ends_one(site: Site) -> None:
    shown = {"authorization": f"Bearer {site.token(*Action)}"}
    (token,) = site.get("/tokens").json()["tokens"]
    for path, body in (("/tokens", {"name": "x", "scopes": ["view"]}), (f"/tokens/{token['id']}/revoke", None)):
        assert site.send("POST", path, shown, json=body).status_code == 403
    assert site.send("GET", "/", shown).status_code == 200


NAMES = (
    "--stack",
    "-v",
    "%2e%2e",
    "%2e%2e%2fpay",
    "dev%2f..%2fpay",
    "dev%00",
    "dev%0a",
    "dev ",
    "DEV",
    "d",
    "x" * 40,
    "dev;id",
    "$(id)",
    "%F0%9F%92%A3",
    "*",
    "%2A",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_leads_nowhere(site: Site, name: str) -> None:
    for method, path in (("GET", f"/environments/{name}"), ("POST", f"/environments/{name}/previews")):
        for who in ("ann", "root"):
            headers = {**signed_in(who), "sec-fetch-site": "same-origin"}
            answer = site.send(method, path, headers, json={} if method == "POST" else None)
            assert answer.status_code in (404, 405, 422), (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
    assert count(site, Run) == 0


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", "9" * 30, "1e3", "1%00", "٣"])
def test_a_number_that_is_none_leads_nowhere(site: Site, number: str) -> None:
    assert site.get(f"/runs/{number}").status_code == 422
    assert site.get(f"/runs?before={number}").status_code == 422
    assert site.post(f"/runs/{number}/apply").status_code == 422


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "another kind": b'{"kind": "erase"}',
    "something more": b'{"kind": "update", "settings_version": 0, "settings": {}, "requester": "bob"}',
    "not a number": b'{"settings_version": 0, "settings": {"a": NaN}}',
    "no number at all": b'{"settings_version": 0, "settings": {"a": [1, -Infinity, 1e999]}}',
    "half a character": b'{"settings_version": 0, "settings": {"a": "\\ud800"}}',
    "half a name": b'{"settings_version": 0, "settings": {"\\udfff": 1}}',
    "half a name and half a character": b'{"settings_version": 0, "settings": {"\\ud800": "\\udfff"}}',
    "half a kind": b'{"kind": "\\ud800"}',
    "a zero": b'{"settings_version": 0, "settings": {"a": "x\\u0000y"}}',
    "no UTF-8": b'{"settings_version": 0, "settings": {"a": "\xff"}}',
    "deep": b'{"settings_version": 0, "settings": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
    "deeper": b'{"settings_version": 0, "settings": ' + b"[" * 100_000,
    "endless digits": b'{"settings_version": 0, "settings": {"a": ' + b"9" * 10_000 + b"}}",
    "settings of text": b'{"settings_version": 0, "settings": "-f /etc/passwd"}',
    "a secret in clear": json.dumps(
        {"settings_version": 0, "settings": {"x:services": {"o": {"secrets": {"URL": CLEAR}}}}}
    ).encode(),
    "a secret in a wrong place": json.dumps({"settings_version": 0, "settings": CLEAR}).encode(),
    "a secret beside": json.dumps(
        {"settings_version": 0, "settings": {"a": {"secrets": {"k": CLEAR}}, "b": "\x00"}}
    ).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_right_makes_no_run_and_comes_not_back(site: Site, body: bytes) -> None:
    headers = {**signed_in("ann"), "sec-fetch-site": "same-origin", "content-type": "application/json"}
    answer = site.send("POST", "/environments/dev/previews", headers, content=body)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]
    assert "hunter2" not in answer.text
    assert count(site, Run) == 0
    with site.database.read() as session:
        assert not any("hunter2" in line for line in audit.export(session))


def test_everything_that_is_wrong_is_named_at_once(site: Site) -> None:
    answer = site.post("/environments/dev/previews", {"kind": "erase", "more": 1, "settings": {"a": "\x00"}})
    found = {each["path"]: each["message"] for each in answer.json()["errors"]}
    assert set(found) == {"kind", "more", "settings"}
    assert "'update', 'destroy'" in found["kind"]
    assert "not 'erase'" in found["kind"]


def test_no_answer_sends_a_browser_elsewhere(site: Site) -> None:
    for path in ("/runs/", "//evil.example.org/", "/environments/dev/", "/static"):
        answer = site.send("GET", path, {**signed_in("ann"), "host": "evil.example.org"})
        assert "evil" not in answer.headers.get("location", ""), path
        assert not answer.is_redirect, path
