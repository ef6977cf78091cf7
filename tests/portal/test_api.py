"""The portal as JSON: what pipelines and hostile people get from it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal import audit
from portal.access import Action
from portal.audit import Actor
from portal.states import Kind, State
from portal.tables import Approval, Job, Run
from portal.transitions import transition
from portal.web.api import FAILURES

from .samples import SETTINGS, furnished
from .site import BROWSER, DIGEST, ORIGIN, Site, ask, count, planned

SEALED = "v1:abc"


def test_a_change_goes_from_preview_to_apply(site: Site) -> None:
    number = ask(furnished(site), SETTINGS)
    run = site.get(f"/runs/{number}").json()
    assert (run["state"], run["phase"], run["requester"], run["kind"]) == ("queued", "preview", "ann", "update")
    planned(site, number)
    run = site.get(f"/runs/{number}", "bob").json()
    assert (run["headline"], run["plan"], run["approvals_needed"]) == ("1 created", DIGEST, 1)
    assert run["may"]["approve"] == {"allowed": True, "reason": ""}
    approved = site.post(f"/runs/{number}/approve", {"plan": DIGEST}, "bob").json()
    assert (approved["state"], approved["approvals"][0]["actor"]) == ("approved", "bob")
    applying = site.post(f"/runs/{number}/apply").json()
    assert (applying["state"], applying["phase"]) == ("approved", "apply")
    assert site.post(f"/runs/{number}/apply").status_code == 200
    assert count(site, Job) == 1
    shown = site.get("/environments/dev").json()
    assert shown["last"]["id"] == number
    assert [each["id"] for each in shown["runs"]] == [number]


def test_approving_again_changes_nothing_and_an_old_approval_is_worth_nothing(site: Site) -> None:
    number = ask(site)
    planned(site, number)
    for _ in range(3):
        assert site.post(f"/runs/{number}/approve", {"plan": DIGEST}, "bob").json()["state"] == "approved"
    assert count(site, Approval) == 1
    assert site.post(f"/runs/{number}/discard", {"reason": "wrong"}).json()["state"] == "discarded"
    for path, body in (("approve", {"plan": DIGEST}), ("apply", None), ("discard", None)):
        answer = site.post(f"/runs/{number}/{path}", body, "boss")
        assert answer.status_code == 403
        assert "the run is discarded" in answer.json()["detail"]
    newer = ask(site)
    planned(site, newer, "e" * 64)
    answer = site.post(f"/runs/{newer}/approve", {"plan": DIGEST}, "bob")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "the plan has changed since it was shown; look at the new one",
    )


def test_nobody_approves_what_they_asked_for(site: Site) -> None:
    number = ask(site, who="boss")
    planned(site, number)
    answer = site.post(f"/runs/{number}/approve", {"plan": DIGEST}, "boss")
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "you asked for this run; in dev somebody else must approve it",
    )
    for other_name in ("BOSS", "Boss", "bOsS"):
        assert site.post(f"/runs/{number}/approve", {"plan": DIGEST}, other_name).status_code == 403
    token = {"authorization": f"Bearer {site.token('approve', who='boss')}"}
    assert site.send("POST", f"/runs/{number}/approve", token, json={"plan": DIGEST}).status_code == 403
    assert site.post(f"/runs/{number}/apply", who="boss").status_code == 403
    assert site.get(f"/runs/{number}").json()["state"] == "awaiting_approval"


def test_lists_show_what_one_may_see(site: Site) -> None:
    mine, theirs = ask(site), ask(site, who="pam", where="pay")
    assert [each["id"] for each in site.get("/runs").json()["runs"]] == [mine]
    assert [each["id"] for each in site.get("/runs", "pam").json()["runs"]] == [theirs]
    assert [each["id"] for each in site.get("/runs", "root").json()["runs"]] == [theirs, mine]
    assert site.get("/runs", "nobody").json() == {"runs": [], "before": None}
    assert site.get(f"/environments/dev/why?run={theirs}").status_code == 404
    assert site.get(f"/environments/dev/why?run={theirs}", "root").status_code == 404


def test_a_list_goes_on_where_it_ended(site: Site) -> None:
    numbers = [ask(site) for _ in range(5)]
    seen, before = [], ""
    while True:
        page = site.get(f"/runs?limit=2{before}").json()
        seen += [each["id"] for each in page["runs"]]
        if page["before"] is None:
            break
        before = f"&before={page['before']}"
    assert seen == numbers[::-1]
    assert site.get("/runs?state=approved").json()["runs"] == []
    assert len(site.get("/runs?state=queued&kind=update&environment=dev").json()["runs"]) == 5


def test_every_reason_is_told(site: Site) -> None:
    number = ask(site)
    found = site.get(f"/environments/dev/why?run={number}").json()
    assert set(found["actions"]) == set(Action)
    assert found["actions"]["cancel"] == {"allowed": True, "reason": ""}  # her own, and nothing is done yet
    assert found["actions"]["approve"]["reason"] == "you are requester in dev; to approve you must be approver or admin"
    assert found["actions"]["preview"]["allowed"] is True
    one = site.get("/environments/dev/why?action=lock", "ops").json()
    assert one["actions"] == {"lock": {"allowed": True, "reason": ""}}


def test_the_same_key_makes_one_run(site: Site) -> None:
    first = ask(site, **{"idempotency-key": "k1"})
    assert ask(site, **{"idempotency-key": "k1"}) == first
    again = site.post("/environments/dev/previews", {"kind": "drift"}, **{"idempotency-key": "k1"})
    assert (again.status_code, again.json()["detail"]) == (409, "the key k1 was used for another request")
    assert ask(site, who="boss", **{"idempotency-key": "k1"}) != first
    for wrong in ("x" * 201, "a b", "a\tb"):
        answer = site.post("/environments/dev/previews", {}, **{"idempotency-key": wrong})
        assert answer.status_code == 422
    assert count(site, Run) == 2


def test_who_has_too_many_waiting_is_told_when_to_come_again(new_site: Callable[..., Site]) -> None:
    site = new_site(waiting=2)
    ask(site), ask(site)
    answer = site.post("/environments/dev/previews", {})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert ask(site, who="boss")


def test_who_asks_for_too_many_in_an_hour_is_told_too_with_all_tokens_counted(new_site: Callable[..., Site]) -> None:
    site = new_site(runs_per_hour=2)
    shown = {"authorization": f"Bearer {site.token('preview:dev')}"}
    ask(site)
    assert site.send("POST", "/environments/dev/previews", shown, json={}).status_code == 201
    answer = site.send("POST", "/environments/dev/previews", shown, json={})
    assert answer.status_code == 429
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert "2 runs within an hour" in answer.json()["detail"]
    assert count(site, Run) == 2


def test_a_secret_is_in_no_answer(site: Site) -> None:
    number = ask(furnished(site), SETTINGS)
    with site.database.write() as session:
        run = session.get_one(Run, number)
        run.where.settings = run.settings
    planned(site, number)
    text = site.token("view", "preview")
    secret = text.split("_", 2)[2]  # it may have such a sign in it
    for who in ("ann", "root"):
        for path in ("/", "/environments/dev", "/runs", f"/runs/{number}", "/tokens", "/audit", "/audit/export"):
            answer = site.get(path, who)
            assert answer.status_code in (200, 403), path
            assert SEALED not in answer.text, path
            assert secret not in answer.text, path
            assert "digest" not in answer.text or path.startswith("/audit"), path
    shown = site.get(f"/runs/{number}").json()["settings"]["grpc-platform:services"]["orders"]
    assert shown["secrets"] == {"TOKEN": "[secret]"}
    assert site.get("/environments/dev").json()["settings"] == site.get(f"/runs/{number}").json()["settings"]


def test_a_lock_keeps_others_from_applying_and_says_why(site: Site) -> None:
    number = ask(site)
    planned(site, number)
    site.post(f"/runs/{number}/approve", {"plan": DIGEST}, "bob")
    assert site.post("/environments/dev/lock", {"reason": " "}, "ops").status_code == 422
    assert site.post("/environments/dev/lock", {"reason": "a\x1b[31mb"}, "ops").status_code == 422
    locked = site.post("/environments/dev/lock", {"reason": "release week"}, "ops").json()
    assert locked["locked"] == {"by": "ops", "reason": "release week"}
    refused = site.post(f"/runs/{number}/apply")
    assert (refused.status_code, refused.json()["detail"]) == (403, "dev is locked by ops: release week")
    assert site.post("/environments/dev/unlock", who="ops").json()["locked"] is None
    assert site.post(f"/runs/{number}/apply").status_code == 200


def test_a_run_is_cancelled_by_its_own_person_and_forced_by_an_admin(site: Site) -> None:
    mine, other = ask(site), ask(site, who="boss")
    assert site.post(f"/runs/{mine}/cancel").json()["state"] == "cancelled"
    assert site.post(f"/runs/{other}/cancel").status_code == 403
    assert site.post(f"/runs/{other}/force", who="ops").status_code == 403
    with site.database.write() as session:
        session.get_one(Job, other).waiting = False
        transition(session, session.get_one(Run, other), State.PREVIEWING, Actor("system:runner"))
    cancelled = site.post(f"/runs/{other}/cancel", who="ops").json()
    assert (cancelled["cancel_requested"], cancelled["force_requested"]) == (True, False)
    assert site.post(f"/runs/{other}/force", who="boss").json()["force_requested"] is True


def test_the_audit_is_for_admins_and_of_their_own_environments(site: Site) -> None:
    ask(site)
    ask(site, who="pam", where="pay")
    for who in ("ann", "bob", "ops", "boss", "pam"):
        assert site.get("/audit", who).status_code == 403
        assert site.get("/audit/export", who).status_code == 403
    ours = site.get("/audit?environment=dev", "boss").json()["rows"]
    assert {row["details"]["environment"] for row in ours} == {"dev"}
    assert site.get("/audit?environment=dev", "ann").status_code == 403
    assert site.get("/audit?environment=pay", "boss").status_code == 404
    lines = site.get("/audit/export", "root").text.splitlines()
    assert audit.verify(lines, json.loads(lines[-1])["hash"]) == len(lines)
    last = json.loads(lines[-1])
    assert (last["actor"], last["action"]) == ("root", "audit.export")
    rows = site.get("/audit?limit=1", "root").json()
    assert len(rows["rows"]) == 1
    assert rows["rows"][0]["seq"] == rows["before"]
    older = site.get(f"/audit?limit=500&before={rows['before']}", "root").json()
    assert older["rows"][0]["seq"] == rows["before"] - 1
    assert older["before"] is None


def test_a_protected_environment_is_not_destroyed(site: Site) -> None:
    answer = site.post("/environments/prod/previews", {"kind": "destroy"}, "root")
    assert (answer.status_code, answer.json()["detail"]) == (422, "prod is protected: it is not destroyed from here")


def test_scopes_are_actions_and_a_token_does_not_live_for_ever(site: Site) -> None:
    for body in (
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["preview:--all"]},
        {"name": "", "scopes": ["view"]},
        {"name": "<b>", "scopes": ["view"]},
        {"name": "x", "scopes": ["view"], "days": 0},
        {"name": "x", "scopes": ["view"], "days": 91},
        {"name": "x", "scopes": ["view"], "actor": "root"},
    ):
        answer = site.post("/tokens", body)
        assert answer.status_code == 422, body
    assert site.get("/tokens").json() == {"tokens": []}
    wrong = site.post("/tokens", {"name": "x", "scopes": ["all", "preview", "some:dev"]}).json()["detail"]
    assert "all, some:dev" in wrong


def test_an_admin_of_everything_ends_anybodys_token(site: Site) -> None:
    site.token("view")
    (mine,) = site.get("/tokens").json()["tokens"]
    assert site.get("/tokens", "root").json() == {"tokens": []}
    assert site.post(f"/tokens/{mine['id']}/revoke", who="boss").status_code == 404
    assert site.post(f"/tokens/{mine['id']}/revoke", who="root").json()["revoked"] is True


def test_the_document_describes_every_answer(site: Site) -> None:
    document = site.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            where = f"{method} {path}"
            good = next(code for code in described["responses"] if code.startswith("2"))
            content = described["responses"][good]["content"]
            assert all(each["schema"] for each in content.values()), where
            for code in (*FAILURES, 408, 503):  # a slow body, and what waits for the database or an engine
                problem = described["responses"][str(code)]["content"]["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}, where
    names = set(document["components"]["schemas"])
    used = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {each.partition('"')[0] for each in used} <= names
    assert set(site.get("/nothing").json()) == set(document["components"]["schemas"]["Problem"]["properties"])


def test_a_browser_gets_a_page_that_says_the_same(site: Site) -> None:
    answer = site.get("/runs/4711", accept=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "here is no run 4711" in answer.text
    named = site.get("/environments/%3Cimg%20src=x%20onerror=alert(1)%3E", accept=BROWSER)
    assert named.status_code == 422
    assert "<img src=x" not in named.text
    shown = {"authorization": f"Bearer {site.token('view')}", "accept": BROWSER}
    assert site.send("GET", "/", shown).headers["content-type"] == "application/json"
    assert site.get("/", accept="application/json, text/html;q=0.9").headers["content-type"] == "application/json"


def test_ready_says_when_the_database_does_not_answer(site: Site) -> None:
    assert site.send("GET", "/ready").json() == {"status": "ok"}
    with site.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE environments RENAME TO gone")
    answer = site.send("GET", "/ready")
    assert answer.status_code == 503
    assert "SELECT" not in answer.text


def test_whoever_comes_second_at_the_same_moment_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    number = ask(site)
    planned(site, number)

    def meanwhile(session: Session, *_: object) -> None:
        session.connection().execute(update(Run).where(Run.id == number).values(version=Run.version + 1))

    monkeypatch.setattr("portal.access.demand", meanwhile)
    answer = site.post(f"/runs/{number}/discard", None, "boss")
    assert (answer.status_code, answer.json()["detail"]) == (409, "somebody changed it at the same moment; look again")


def test_a_kind_that_needs_another_role_is_refused_by_name(site: Site) -> None:
    answer = site.post("/environments/dev/previews", {"kind": Kind.RECOVER})
    assert answer.json()["detail"] == "you are requester in dev; to recover you must be operator or admin"
    assert site.send("POST", "/environments/dev/previews", {"origin": ORIGIN}, json={}).status_code == 401
