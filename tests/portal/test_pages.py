"""What people see: every page for every role, in valid HTML, usable without a script, and safe whatever is in it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from portal.access import Action
from portal.states import FINAL, RUNNING, Kind, State
from portal.tables import Approval, Binding, Environment, Run
from portal.transitions import record, transition
from portal.web import assets, overview, words

from .browser import Browser
from .conftest import ANN, add
from .samples import (
    BEFORE,
    EVENT,
    EVENTS,
    EVIL,
    SETTINGS,
    SVG_TAGS,
    URN,
    change,
    finding,
    furnished,
    led,
    waiting,
    way_to,
)
from .site import BROWSER, DIGEST, PROXY, Site, signed_in

EVERYBODY = ("ann", "bob", "eve", "ops", "boss", "root", "pam", "nobody")


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return furnished(new_site())


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_page_is_there_for_every_role(site: Site, who: str) -> None:
    number = waiting(site)
    drift = led(site, State.PREVIEWING, State.SUCCEEDED, kind=Kind.DRIFT)
    browser = Browser(site, who)
    pages = [
        "/",
        "/runs",
        f"/runs/{number}",
        f"/runs/{drift}",
        "/tokens",
        "/audit",
        "/audit?environment=dev",
        "/nothing",
    ]
    where = "/environments/dev"
    pages += [where, *(f"{where}/{each}" for each in ("why", f"why?run={number}", "settings", "destroy"))]
    pages += [f"{where}/settings?{each}" for each in ("workload=orders", "workload=new", "view=yaml")]
    pages += [f"{where}/settings?at=/grpc-platform:{each}" for each in ("network", "cluster", "lattice")]
    seen = {path: (browser.open(path), browser.status) for path in pages}
    for path, (page, status) in seen.items():
        assert status in (200, 403, 404), (path, page.text)
        assert f"Signed in as {who}" in page.text
    outsider = who in ("pam", "nobody")
    assert seen[where][1] == seen[f"/runs/{number}"][1] == (404 if outsider else 200)
    assert seen["/"][1] == seen["/runs"][1] == seen["/tokens"][1] == 200
    assert seen["/audit?environment=dev"][1] == (200 if who in ("boss", "root") else 404 if outsider else 403)


def test_workloads_that_are_not_there_are_not_shown_as_if_they_were(site: Site) -> None:
    assert "None of them is there yet" in Browser(site, "ann").open("/environments/dev").text
    led(site, *BEFORE[State.APPLYING], State.SUCCEEDED)
    furnished(site)
    assert "None of them is there" not in Browser(site, "ann").open("/environments/dev").text
    led(site, *BEFORE[State.APPLYING], State.SUCCEEDED, kind=Kind.DESTROY)
    page = Browser(site, "ann").open("/environments/dev").text
    assert "None of them is there any more" in page
    assert "Nothing is there to draw" in page


@pytest.mark.parametrize("state", list(State))
def test_a_run_in_every_state_says_how_it_is_and_what_comes_next(site: Site, state: State) -> None:
    number = led(site, *way_to(state))
    for who in ("ann", "bob", "ops", "boss", "eve"):
        page = Browser(site, who).open(f"/runs/{number}")
        assert words.STATES[state].title in page.text
        assert words.STATES[state].next in page.text
    assert ("data-events" in page.html) == (state not in FINAL)
    assert ('http-equiv="refresh"' in page.html) == (state in RUNNING or state is State.QUEUED)


def test_everything_has_words() -> None:
    assert set(words.STATES) == set(State)
    assert set(words.KINDS) == set(Kind)
    assert set(words.ACTIONS) == set(Action)
    assert {each.tone for each in words.STATES.values()} == {"quiet", "busy", "wait", "good", "bad"}


def test_what_is_lost_is_said_first(site: Site) -> None:
    text = Browser(site, "bob").open(f"/runs/{waiting(site)}").text
    order = [
        "1 replaced, 1 deleted, 1 created",
        "Protected resources would be lost",
        "Replaced: the old one goes and a new one comes: 1",
        "Deleted: 1",
        "Created: 1",
        DIGEST,
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_each_policy_says_what_helps(site: Site) -> None:
    number = led(site, State.PREVIEWING, State.POLICY_FAILED, reason="against it: ALB006")
    with site.database.write() as session:
        verdict = {
            "rules": 98,
            "resources": 3,
            "blocks": True,
            "findings": [finding(), finding(blocks=False, rule="X1")],
        }
        session.get_one(Run, number).verdict = verdict
        engine = {"rule": "CAME-LATE", "urn": "", "level": "mandatory", "message": "only the engine said this"}
        record(session, number, "policy", engine)
        record(session, number, "policy", {**engine, "rule": "ALB006", "urn": finding()["urn"]})
    page = Browser(site, "ann").open(f"/runs/{number}")
    assert "1 of 2 stand against the change" in page.text
    assert "Set matcher to 0-99" in page.text
    assert ("https://docs.example.org/alb", "") in page.links
    assert page.html.count("only the engine said this</pre>") == 1
    assert not any("Approve this plan" in each.buttons for each in page.forms)


def test_nobody_writes_into_a_page(site: Site) -> None:
    number = waiting(site, reason=EVIL, requester=EVIL, settings={EVIL: EVIL})
    with site.database.write() as session:
        where, run = session.get_one(Environment, "dev"), session.get_one(Run, number)
        where.owner = where.locked_by = where.locked_reason = EVIL
        where.settings = {
            **SETTINGS,
            "grpc-platform:services": {EVIL: {"grpc_services": [EVIL], "port": EVIL}},
            EVIL: EVIL,
        }
        diff = {"path": EVIL, "old": EVIL, "new": EVIL}
        run.changes = [change("replace", EVIL, urn=URN, type=EVIL, words=EVIL, protect=True, properties=[diff])]
        run.verdict = {"rules": 1, "resources": 1, "findings": [finding(**dict.fromkeys(finding(), EVIL))]}
        run.approvals.append(Approval(run_id=number, actor=EVIL, plan_digest=DIGEST))
        for type_ in EVENTS:
            record(session, number, type_, {**dict.fromkeys(EVENT, EVIL), "urn": URN})
    pages = ["/", "/runs", f"/runs/{number}", "/audit", "/environments/dev", "/environments/dev/destroy"]
    pages += [f"/environments/dev/{each}" for each in ("why", "settings", "settings?at=all", "settings?view=yaml")]
    pages += [
        "/runs?environment=%3Cscript%3E",
        "/environments/%3Cscript%3E",
        "/environments/dev/settings?workload=%3Cscript%3E",
    ]
    for path in pages:
        browser = Browser(site, "root")
        page = browser.open(path)  # checks that no script, handler or foreign address is in it
        assert page.tags["script"] == 1, path
        assert page.tags["img"] == 1 + page.html.count('topology.svg" alt'), path
        assert "\x1b" not in page.html
        assert "1343433" not in page.html, path
    answer = site.get(f"/runs/{number}", "root", accept=BROWSER)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_runs_are_filtered_and_their_emptiness_says_what_to_do(site: Site) -> None:
    ann = Browser(site, "ann")
    assert "make the first preview" in ann.open("/runs").text
    number = waiting(site)
    ann.open("/runs")
    assert (f"/runs/{number}", "") in ann.press("Show", state="awaiting_approval", environment="dev").links
    assert "No run is like that" in ann.press("Show", state="failed").text
    assert "You have no role in any environment yet" in Browser(site, "nobody").open("/").text


def test_the_audit_is_for_admins_and_of_what_they_are_admins_of(site: Site) -> None:
    waiting(site)
    assert "you are requester in * to audit" not in Browser(site, "ann").open("/audit").text
    with site.database.write() as session:
        session.add(Binding(environment="prod", subject="user:boss", role="admin"))
    boss = Browser(site, "boss")
    assert "You may read the audit of dev, prod" in boss.open("/audit").text
    assert "run.awaiting_approval" in boss.press("Show", environment="dev").text
    page = Browser(site, "root").open("/audit")
    assert ("/audit/export", "") in page.links


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "Please sign in"),
        (403, "That is not yours to do"),
        (404, "There is nothing here"),
        (409, "Things have changed"),
        (413, "That is too much at once"),
        (422, "Something is wrong with what was sent"),
        (429, "That was too fast"),
        (500, "The portal has a fault"),
    ],
)
def test_every_failure_says_what_to_do_next(new_site: Callable[..., Site], status: int, said: str) -> None:
    site = new_site(body_limit=100, requests_per_minute=3 if status == 429 else 600)
    number = add(site.database, State.AWAITING_APPROVAL)
    unsafe = {"sec-fetch-site": "same-origin", "accept": BROWSER}
    for _ in range(4 if status == 429 else 1):
        who, method, path, data = {
            401: ("", "GET", "/", None),
            403: ("eve", "POST", f"/runs/{number}/discard", {"reason": ""}),
            404: ("ann", "GET", "/environments/pay", None),
            409: ("bob", "POST", f"/runs/{number}/approve", {"plan": "e" * 64}),
            413: ("ops", "POST", "/environments/dev/lock", {"reason": "x" * 200}),
            422: ("ops", "POST", "/environments/dev/lock", {"nothing": "x"}),
            429: ("ann", "GET", "/", None),
            500: ("ann", "GET", "/environments/dev", None),
        }[status]
        broken = RuntimeError("secret inside") if status == 500 else None
        with mock.patch.object(overview, "standing", side_effect=broken):
            answer = site.send(method, path, {**(signed_in(who) if who else {}), **unsafe}, data=data, client=PROXY)
    assert answer.status_code == status, answer.text
    browser = Browser(site, who)
    page = browser._seen(path, answer)
    assert said in page.text
    assert "What to do next" in page.text
    assert answer.headers["x-request-id"] in page.text
    assert "secret inside" not in page.text


def test_static_files_are_kept_for_ever_under_the_name_of_their_content(site: Site) -> None:
    page = site.get("/", accept=BROWSER).text
    for url in assets.URLS.values():
        assert url in page
        answer = site.send("GET", url)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert site.send("GET", "/static/portal.css").status_code == 404
    assert site.send("GET", "/static/..%2fpages.py").status_code == 404


def test_the_development_sign_in_is_a_page_with_a_button_each(new_site: Callable[..., Site]) -> None:
    site = new_site(development={"people": {"ann": ["shop"], "bob": []}}, origin="http://127.0.0.1:8080")
    here: dict[str, Any] = {"client": ("127.0.0.1", 5), "base": "http://127.0.0.1:8080"}
    headers = {"accept": BROWSER, "sec-fetch-site": "same-origin"}
    shown = site.send("GET", "/sign-in", headers, **here)
    assert "Be ann" in shown.text
    chosen = site.send("POST", "/sign-in", headers, data={"person": "ann"}, **here)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    cookie = chosen.headers["set-cookie"].partition(";")[0]
    assert "Signed in as <strong>ann" in site.send("GET", "/", {**headers, "cookie": cookie}, **here).text
    left = site.send("POST", "/sign-out", {**headers, "cookie": cookie}, **here)
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")


def test_colours_can_be_told_apart_in_light_and_dark() -> None:
    css = Path(assets.__file__).with_name("static").joinpath("portal.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in css.split("@media", 2)[:2])
    text = [("ink", "page"), ("ink", "surface"), ("ink", "code-back"), ("muted", "page"), ("muted", "surface")]
    text += [("accent", "surface"), ("accent", "page"), ("on-accent", "accent"), ("on-danger", "danger")]
    text += [(tone, f"{tone}-back") for tone in ("good", "wait", "bad", "busy", "quiet")]
    text += [(tone, "surface") for tone in ("good", "bad", "accent")]
    for colours in (light, dark):
        for ink, back in text:
            assert contrast(colours[ink], colours[back]) >= 4.5, (ink, back)
        for edge in ("edge", "focus"):
            assert contrast(colours[edge], colours["surface"]) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_an_environment_shows_its_outputs_its_end_and_where_lattice_answers(site: Site) -> None:
    clients = {"orders": {"target": "dns:///orders-1.vpc-lattice-svcs.eu-west-1.on.aws:443"}}
    with site.database.write() as session:
        where = session.get_one(Environment, "dev")
        where.outputs = {"endpoints": {"orders": "orders.local.example.com:443"}, "lattice": {"clients": clients}}
        where.since, where.ttl_hours = dt.datetime(2030, 1, 1, tzinfo=dt.UTC), 48
    text = Browser(site, "eve").open("/environments/dev").text
    assert "orders-1.vpc-lattice-svcs.eu-west-1.on.aws:443 acme.orders.v1.Orders/METHOD" in text
    assert "2030-01-03 00:00:00 UTC" in text
    assert "Outputs of the last apply" in text
    assert "Ends by itself" in Browser(site, "eve").open("/").text


def test_the_topology_is_drawn_and_told_in_words(site: Site) -> None:
    number = waiting(site)
    node = {"key": URN, "column": 0, "kind": "load balancer", "name": EVIL, "detail": "", "operation": "create"}
    with site.database.write() as session:
        record(session, number, "topology", {"nodes": [node], "edges": [], "networks": []})
    page = Browser(site, "eve").open(f"/runs/{number}")
    assert page.tags["img"] == 2
    assert "load balancer" in page.text
    drawing = site.get(f"/runs/{number}/topology.svg", "eve")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert set(re.findall(r"<([a-z]+)", drawing.text)) <= SVG_TAGS
    assert site.get("/environments/dev/topology.svg", "eve").status_code == 404
    assert site.get(f"/runs/{number}/topology.svg", "pam").status_code == 404
    with site.database.write() as session:
        run = session.get_one(Run, number)
        run.approvals.append(Approval(run_id=number, actor="bob", plan_digest=DIGEST))
        session.flush()
        for state in (State.APPROVED, State.APPLYING, State.SUCCEEDED):
            transition(session, run, state, ANN)
    assert site.get("/environments/dev/topology.svg", "eve").status_code == 200
    assert "load balancer" in Browser(site, "eve").open("/environments/dev").text
