"""Two people change one environment: nobody undoes what they have not seen, and nothing that was typed is lost."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from portal import requests
from portal.audit import Actor
from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.requests import Prepared
from portal.states import Kind, State
from portal.tables import Binding, Environment, Run
from portal.transitions import transition

from .browser import Browser
from .conftest import ANN, BOB
from .puppet import Cloud, Puppet
from .samples import SETTINGS, furnished
from .site import Site, wanted

RUNNER = Actor("system:runner")
PORT = "v:/grpc-platform:services/orders/port"


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return furnished(new_site())


def changed(**orders: Any) -> dict[str, Any]:
    found = copy.deepcopy(SETTINGS)
    found["grpc-platform:services"]["orders"] |= orders
    return found


def applied(site: Site, settings: dict[str, Any]) -> int:
    """A run that boss asked for and that was applied."""
    with site.database.write() as session:
        session.get_one(Environment, "dev").approvals = 0
        run = requests.submit(session, TableQueue(), Actor("boss"), "dev", Kind.UPDATE, settings)
        transition(session, run, State.PREVIEWING, RUNNER)
        requests.planned(session, run, "a" * 64, RUNNER)
        transition(session, run, State.APPLYING, RUNNER)
        transition(session, run, State.SUCCEEDED, RUNNER)
        return run.id


def test_a_form_comes_again_with_what_was_typed_and_who_was_faster(site: Site) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    number = applied(site, changed(protocol="http"))
    page = ann.press("Preview the change", **{PORT: "50099"})
    assert ann.status == 409
    assert f"run {number}, that boss asked for, was applied" in page.text
    assert "grpc-platform:services.orders.port" in page.text
    assert "grpc-platform:services.orders.protocol" in page.text  # sent again as it is, it would undo that
    control = next(each for each in page.form("Preview the change").controls if each.name == PORT)
    assert control.value == "50099"
    with site.database.read() as session:
        assert session.query(Run).count() == 1
    ann.press("Preview the change")  # having seen it
    assert ann.status == 200
    with site.database.read() as session:
        assert session.query(Run).filter_by(requester="ann").one().settings_version == 1


def test_yaml_comes_again_as_it_was_typed(site: Site) -> None:
    ann = Browser(site, "ann")
    page = ann.open("/environments/dev/settings?view=yaml")
    text = next(each.value for each in page.form("Preview the change").controls if each.name == "yaml")
    applied(site, changed(port=50077))
    mine = f"# mine\n{text.replace('port: 50051', 'port: 50099')}"
    page = ann.press("Preview the change", yaml=mine)
    assert ann.status == 409
    assert "that boss asked for" in page.text
    shown = next(each.value for each in page.form("Preview the change").controls if each.name == "yaml")
    assert shown == mine.strip()


def test_what_was_applied_while_a_form_was_looked_at_counts_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    numbers: list[int] = []

    def slow(*_: Any, **__: Any) -> tuple[()]:
        if not numbers:
            numbers.append(applied(site, changed(protocol="http")))
        return ()

    monkeypatch.setattr("portal.form.check", slow)
    page = ann.press("Preview the change", **{PORT: "50099"})
    assert ann.status == 409
    assert f"run {numbers[0]}, that boss asked for" in page.text


@pytest.mark.parametrize("version", ["", "-1", "x", "9" * 40, "²", "7"])
def test_a_version_that_never_was_is_not_this_one(site: Site, version: str) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    ann.press("Preview the change", version=version)
    assert ann.status == 409
    assert "-1" not in ann.page.text
    assert ("othing says which version" in ann.page.text) is (version != "7")


def test_json_says_which_settings_it_was_made_from(site: Site) -> None:
    answer = site.post("/environments/dev/previews", {"settings": changed()})
    assert answer.status_code == 422
    assert "settings_version" in answer.text
    number = applied(site, changed(port=50077))
    answer = site.post("/environments/dev/previews", wanted(changed(port=50099)))
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(
        f"the settings of dev have changed since these were read: run {number}, that boss asked for, was applied"
    )
    version = site.get("/environments/dev").json()["settings_version"]
    assert site.post("/environments/dev/previews", wanted(changed(port=50099), version)).status_code == 201
    assert site.post("/environments/dev/previews", {"kind": "drift"}).status_code == 201


def test_a_request_sent_again_has_its_run_whatever_was_applied_since(site: Site) -> None:
    body, key = wanted(changed(port=50099)), {"idempotency-key": "k"}
    first = site.post("/environments/dev/previews", body, **key).json()["id"]
    applied(site, changed(port=50077))
    again = site.post("/environments/dev/previews", body, **key)
    assert (again.status_code, again.json()["id"]) == (201, first)


def test_of_two_queued_together_the_second_is_stale_once_the_first_is_applied(database: Database) -> None:
    queue, cloud = TableQueue(), Cloud()
    with database.write() as session:
        for who, role in ((ANN, "requester"), (BOB, "approver")):
            session.add(Binding(environment="dev", subject=f"user:{who.name}", role=role))
        asked = [
            requests.submit(
                session, queue, ANN, "dev", Kind.UPDATE, Prepared({"grpc-platform:size": size}, {}, str(size), 0)
            ).id
            for size in (1, 2)
        ]
        for number in asked:
            claimed = queue.claim(session, f"{Phase.PREVIEW}-{number}")
            assert claimed is not None
            assert claimed.run_id == number
    ended = [through(database, number, cloud) for number in asked]
    assert ended == [State.SUCCEEDED, State.STALE]
    with database.read() as session:
        where = session.get_one(Environment, "dev")
        assert (where.settings, where.settings_version) == ({"grpc-platform:size": 1}, 1)
        assert "the settings of the environment have changed" in session.get_one(Run, asked[1]).reason
    assert [number for number, _ in cloud.applied] == asked[:1]


def through(database: Database, number: int, cloud: Cloud) -> State:
    """A run on its whole way, with a runner for each phase; the state that it ends in."""
    queue = TableQueue()
    for phase in (Phase.PREVIEW, Phase.APPLY):
        if phase is Phase.APPLY:
            with database.write() as session:
                run = session.get_one(Run, number)
                requests.approve(session, BOB, run, run.plan_digest)
                requests.apply(session, queue, ANN, run)
                assert queue.claim(session, f"{phase}-{number}") is not None
        worker = Puppet(database, number, f"{phase}-{number}", Kind.UPDATE, cloud)
        worker.begin(phase)
        while not worker.over:
            worker.go_on()
        assert worker.error == ""
    with database.read() as session:
        return session.get_one(Run, number).state
