"""What people do on the pages: every form and button, without a script, and what comes back when something is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from portal.states import Kind, State
from portal.tables import Run
from portal.transitions import transition
from portal.web import words

from .browser import Browser
from .conftest import ANN
from .samples import (
    BEFORE,
    SETTINGS,
    change,
    furnished,
    led,
    waiting,
)
from .site import BROWSER, DIGEST, Site, signed_in


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return furnished(new_site())


def test_the_whole_way_needs_no_script(site: Site) -> None:
    ann, bob = Browser(site, "ann"), Browser(site, "bob")
    ann.open("/environments/dev/settings")
    ann.press("Go on", workload="stock")
    page = ann.press(
        "Preview the change",
        **{
            "v:/grpc-platform:services/stock/protocol": "grpc",
            "v:/grpc-platform:services/stock/port": "50052",
            "v:/grpc-platform:services/stock/grpc_services": "acme.stock.v1.Stock",
        },
    )
    assert "Your request is in the queue" in page.text
    number = int(re.findall(r"/runs/(\d+)", ann.path)[0])
    with site.database.write() as session:
        run = session.get_one(Run, number)
        assert run.settings["grpc-platform:services"]["stock"]["port"] == 50052
        assert run.settings["grpc-platform:services"]["orders"] == SETTINGS["grpc-platform:services"]["orders"]
        transition(session, run, State.PREVIEWING, ANN)
        run.plan_digest, run.changes = DIGEST, [change("create", "stock")]
        transition(session, run, State.AWAITING_APPROVAL, ANN)
    assert "you are requester in dev; to approve you must be approver or admin" in ann.open(f"/runs/{number}").text
    bob.open(f"/runs/{number}")
    assert "Your approval is noted" in bob.press("Approve this plan").text
    ann.open(f"/runs/{number}")
    assert "The apply is in the queue" in ann.press("Apply this plan").text
    with site.database.read() as session:
        assert session.get_one(Run, number).state is State.APPROVED
        assert site.app.state.queue.waiting(session) == [number]


def test_a_plan_is_discarded_and_a_run_cancelled(site: Site) -> None:
    ann, ops = Browser(site, "ann"), Browser(site, "ops")
    ann.open(f"/runs/{waiting(site)}")
    assert "nobody wants it" in ann.press("Discard", reason="nobody wants it").text
    ann.open("/environments/dev")
    ann.press("Look for drift")
    assert words.STATES[State.CANCELLED].title in ann.press("Cancel").text
    ops.open(f"/runs/{led(site, *BEFORE[State.APPLYING])}")
    assert "It was asked to end" in ops.press("Cancel").text
    assert "to force you must be admin" in ops.page.text
    boss = Browser(site, "boss")
    boss.open(ops.path)
    assert "at once" in boss.press("End it at once").text


def test_an_admin_recovers_by_force_and_says_why(site: Site) -> None:
    led(site, *BEFORE[State.APPLYING], State.INTERRUPTED)
    assert "Recover by force" not in Browser(site, "ops").open("/environments/dev").text
    boss = Browser(site, "boss")
    boss.open("/environments/dev")
    boss.press("Recover by force", forced=" ")
    assert boss.status == 422
    assert "Say why" in boss.page.text
    boss.open("/environments/dev")
    boss.press("Recover by force", forced="that machine burned down")
    with site.database.read() as session:
        made = session.query(Run).order_by(Run.id.desc()).limit(1).one()
        assert (made.kind, made.forced) == (Kind.RECOVER, "that machine burned down")


def test_an_environment_is_locked_with_a_reason_and_unlocked(site: Site) -> None:
    ops = Browser(site, "ops")
    ops.open("/environments/dev")
    assert "Release week" in ops.press("Lock", reason="release week").text
    assert "Locked by ops" in Browser(site, "eve").open("/").text
    assert "The environment is unlocked" in ops.press("Unlock").text
    ops.press("Lock", reason=" ")
    assert ops.status == 422
    assert "Say why, for those who have to wait" in ops.page.text


def test_to_destroy_the_name_is_typed(site: Site) -> None:
    ann = Browser(site, "ann")
    page = ann.open("/environments/dev/destroy")
    assert "orders" in page.text
    ann.press("Preview the destruction", confirm="prod")
    assert ann.status == 422
    ann.press("Preview the destruction", confirm="dev")
    assert ann.status == 200
    with site.database.read() as session:
        assert [each.kind for each in session.query(Run)] == [Kind.DESTROY]


def test_a_form_sent_twice_makes_one_run(site: Site) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    form = ann.page
    ann.press("Preview the change", **{"v:/grpc-platform:services/orders/port": "50055"})
    first, ann.page = ann.path, form
    ann.press("Preview the change", **{"v:/grpc-platform:services/orders/port": "50055"})
    assert ann.path == first


def test_what_is_wrong_is_said_at_its_field_and_above_with_links(site: Site) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    port, secret = "v:/grpc-platform:services/orders/port", "v:/grpc-platform:services/orders/secrets/TOKEN"
    page = ann.press("Preview the change", **{port: "seventy", secret: "hunter2hunter2"})
    assert ann.status == 422
    assert "1 thing is not right yet" in page.text
    control = next(each for each in page.form("Preview the change").controls if each.name == port)
    assert control.value == "seventy"
    assert (f"#{control.id}", "") in page.links
    assert "<code>backend_tls</code>" in page.html
    assert "hunter2" not in page.html
    assert "Secrets are never sent back" in page.text
    with site.database.read() as session:
        assert session.query(Run).count() == 0


def test_yaml_is_judged_in_the_same_way_with_its_lines(site: Site) -> None:
    ann = Browser(site, "ann")
    page = ann.open("/environments/dev/settings?view=yaml")
    text = next(each.value for each in page.form("Preview the change").controls if each.name == "yaml")
    assert "v1:abc" not in text
    page = ann.press("Preview the change", yaml=text.replace("port: 50051", "prot: 50051"))
    line = 1 + next(place for place, each in enumerate(text.split("\n")) if "port: 50051" in each)
    assert ann.status == 422
    assert f"Line {line}" in page.text
    ann.press("Preview the change", yaml="config: [")
    assert ann.status == 422
    ann.press("Preview the change", yaml=text.replace("port: 50051", "port: 50053"))
    assert ann.status == 200
    with site.database.read() as session:
        services = session.query(Run).one().settings["grpc-platform:services"]
        assert services["orders"]["port"] == 50053
        assert services["orders"]["secrets"] == {"TOKEN": {"secure": "v1:abc"}}


def test_whoever_may_not_change_settings_only_reads_them(site: Site) -> None:
    page = Browser(site, "eve").open("/environments/dev/settings")
    assert "You cannot change them: you are viewer in dev" in page.text
    assert "v1:abc" not in page.html
    headers = {**signed_in("eve"), "sec-fetch-site": "same-origin", "accept": BROWSER}
    answer = site.send("POST", "/environments/dev/settings", headers, data={"at": "all"})
    assert answer.status_code == 403


def test_a_token_is_shown_once(site: Site) -> None:
    ann = Browser(site, "ann")
    ann.open("/tokens")
    page = ann.press("Make the token", name="pipeline", actions=["preview", "view"])
    secret = next(each for each in re.findall(r'value="(gp_[^"]+)"', page.html))
    assert "preview:dev, view:dev" in page.text
    assert secret not in ann.open("/tokens").html
    assert "Revoked" in ann.press("Revoke").text
    assert site.send("GET", "/", {"authorization": f"Bearer {secret}"}).status_code == 401


def test_a_form_in_an_encoding_that_it_is_not_in_is_refused(site: Site) -> None:
    headers = {**signed_in("ann"), "sec-fetch-site": "same-origin", "accept": BROWSER}
    body = b'--x\r\nContent-Disposition: form-data; name="yaml"\r\n\r\na: \xff\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x; charset=undefined"}
    answer = site.send("POST", "/environments/dev/settings", headers | kind, content=body)
    assert answer.status_code == 400
    assert "the form is not in the encoding that it names" in answer.text.lower()
