"""Settings of a pipeline, a form and a text go one way: the program judges them, and no secret is kept in clear."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from portal import audit, engine, form, requests
from portal.prepare import MOST_SECRETS, BusyError, Encryptions
from portal.settings import Target
from portal.tables import Environment, Run

from .browser import Browser
from .samples import SETTINGS, furnished
from .site import Site, wanted

CLEAR = "hunter2hunter2hunter2"
KEPT = {"TOKEN": "[secret]"}
SECRET_INPUT = "v:/grpc-platform:services/orders/secrets/TOKEN"


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return furnished(new_site())


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was encrypted, in its order; each time to something else, as Pulumi does."""
    found: list[str] = []

    def encrypt(_: Target, __: Path, secrets: Mapping[Any, str]) -> dict[Any, str]:
        done = {}
        for path, value in secrets.items():
            found.append(value)
            done[path] = f"v1:{len(found)}"
        return done

    monkeypatch.setattr(engine, "encrypt", encrypt)
    return found


def config(**orders: Any) -> dict[str, Any]:
    found = copy.deepcopy(SETTINGS)
    found["grpc-platform:services"]["orders"] |= {"secrets": KEPT, **orders}
    return found


def send(site: Site, settings: Any, who: str = "ann", **headers: str) -> Any:
    return site.post("/environments/dev/previews", wanted(settings), who, **headers)


def secrets_of(site: Site, number: int) -> Any:
    with site.database.read() as session:
        return session.get_one(Run, number).settings["grpc-platform:services"]["orders"]["secrets"]


def test_everything_that_the_program_says_is_told_at_once(site: Site) -> None:
    answer = send(site, config(port="seventy", imagee="x", secrets={"OTHER": "[secret]"}))
    assert answer.status_code == 422
    told = {each["path"]: each["message"] for each in answer.json()["errors"]}
    for name in ("port", "imagee", "secrets.OTHER"):
        assert f"grpc-platform:services.orders.{name}" in told
    assert "there is no secret here that [secret] could keep" in told.values()
    assert send(site, config()).status_code == 201


def test_a_secret_stays_and_a_new_one_is_encrypted(site: Site, sealed: list[str]) -> None:
    made = send(site, config(secrets={**KEPT, "URL": CLEAR}))
    assert made.status_code == 201, made.text
    assert made.json()["settings"]["grpc-platform:services"]["orders"]["secrets"] == {**KEPT, "URL": "[secret]"}
    assert secrets_of(site, made.json()["id"]) == {"TOKEN": {"secure": "v1:abc"}, "URL": {"secure": "v1:1"}}
    assert sealed == [CLEAR]
    with site.database.read() as session:
        assert not any(CLEAR in line for line in audit.export(session))


def test_the_same_secret_sent_again_stays_as_it_is_by_json_form_and_text(site: Site, sealed: list[str]) -> None:
    number = send(site, config(secrets={"TOKEN": CLEAR})).json()["id"]
    with site.database.write() as session:
        where, run = session.get_one(Environment, "dev"), session.get_one(Run, number)
        where.settings, where.marks = run.settings, run.marks
    send(site, config(secrets={"TOKEN": CLEAR}))
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    ann.press("Preview the change", **{SECRET_INPUT: CLEAR})
    page = ann.open("/environments/dev/settings?view=yaml")
    text = next(each.value for each in page.form("Preview the change").controls if each.name == "yaml")
    ann.press("Preview the change", yaml=text.replace("'[secret]'", CLEAR))
    assert ann.status == 200
    assert sealed == [CLEAR]
    with site.database.read() as session:
        runs = session.query(Run).all()
    assert len(runs) == 4
    assert {str(secrets_of(site, each.id)) for each in runs} == {"{'TOKEN': {'secure': 'v1:1'}}"}
    assert send(site, config(secrets={"TOKEN": f"{CLEAR}!"})).status_code == 201
    assert sealed == [CLEAR, f"{CLEAR}!"]


def test_a_key_holds_though_a_secret_is_encrypted_anew_or_has_changed_since(site: Site, sealed: list[str]) -> None:
    settings, key = config(secrets={**KEPT, "URL": CLEAR}), {"idempotency-key": "k"}
    first = send(site, settings, **key).json()["id"]
    with site.database.write() as session:
        where = session.get_one(Environment, "dev")
        where.settings = config(secrets={"TOKEN": {"secure": "v1:other"}})
        where.settings_version += 1
    assert send(site, settings, **key).json()["id"] == first
    assert len(sealed) == 2
    for other in ({**KEPT, "URI": CLEAR}, {**KEPT, "URL": f"{CLEAR}!"}, {"TOKEN": {"secure": "v1:x"}, "URL": CLEAR}):
        assert send(site, config(secrets=other), **key).status_code == 409


def test_what_comes_too_late_keeps_no_engine_busy(site: Site, sealed: list[str]) -> None:
    body = {"settings": config(secrets={**KEPT, "URL": CLEAR}), "settings_version": 1}
    assert site.post("/environments/dev/previews", body).status_code == 409
    assert sealed == []


def test_one_run_too_many_keeps_no_engine_busy(site: Site, sealed: list[str]) -> None:
    for _ in range(requests.Limits().waiting):
        assert send(site, config()).status_code == 201
    new = config(secrets={**KEPT, "URL": CLEAR})
    assert send(site, new).status_code == 429
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    ann.press("Preview the change", **{SECRET_INPUT: CLEAR})
    assert ann.status == 429
    assert "runs are waiting already" in ann.page.text
    assert sealed == []


def test_a_form_with_a_new_secret_sent_twice_makes_one_run(site: Site, sealed: list[str]) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    form_page = ann.page
    ann.press("Preview the change", **{SECRET_INPUT: CLEAR})
    first, ann.page = ann.path, form_page
    ann.press("Preview the change", **{SECRET_INPUT: CLEAR})
    assert (ann.path, len(sealed)) == (first, 2)


def test_only_who_may_ask_makes_the_program_work(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.form.check", lambda *_, **__: pytest.fail("it was asked"))
    for who, code in (("eve", 403), ("pam", 404)):
        answer = send(site, config(port="x"), who)
        assert answer.status_code == code
        assert "port" not in answer.text


@pytest.mark.parametrize(
    "secret", [CLEAR * 1000, f"{CLEAR}\0", {"value": CLEAR}, [CLEAR]], ids=["long", "zero", "map", "list"]
)
def test_a_wrong_secret_is_in_no_answer(site: Site, sealed: list[str], secret: Any) -> None:
    answer = send(site, config(secrets={"a wrong name": secret}, port=0))
    assert answer.status_code == 422
    assert CLEAR not in answer.text
    assert sealed == []


def test_so_many_new_secrets_and_no_more(site: Site, sealed: list[str]) -> None:
    for count, code in ((MOST_SECRETS, 201), (MOST_SECRETS + 1, 422)):
        answer = send(site, config(secrets={f"KEY{place}": CLEAR for place in range(count)}))
        assert answer.status_code == code
    assert "at most 50 new secrets go into one change; these are 51" in answer.text
    assert len(sealed) == MOST_SECRETS


@pytest.fixture
def full(site: Site) -> Iterator[Site]:
    """Others have all the room there is for engines that encrypt."""
    room: Encryptions = site.app.state.encryptions
    with room.one(), room.one():
        yield site


def test_where_others_encrypt_it_is_refused_in_words_and_nothing_typed_is_lost(full: Site, sealed: list[str]) -> None:
    answer = send(full, config(secrets={**KEPT, "URL": CLEAR}))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["detail"].startswith("secrets of 2 other requests are being encrypted")
    assert send(full, config()).status_code == 201  # without a new secret there is nothing to wait for
    ann = Browser(full, "ann")
    ann.open("/environments/dev/settings?workload=orders")
    port = "v:/grpc-platform:services/orders/port"
    page = ann.press("Preview the change", **{SECRET_INPUT: CLEAR, port: "50099"})
    assert ann.status == 503
    assert "secrets of 2 other requests are being encrypted" in page.text.lower()
    assert next(each for each in page.form("Preview the change").controls if each.name == port).value == "50099"
    assert CLEAR not in page.html
    assert sealed == []


def test_room_is_given_back_whatever_happens() -> None:
    room = Encryptions(1)
    with pytest.raises(RuntimeError), room.one():
        raise RuntimeError
    with room.one(), pytest.raises(BusyError), room.one():
        pytest.fail("there were two")
    with room.one():
        pass


def test_what_the_portal_does_not_let_teams_choose_comes_again_in_the_form(site: Site) -> None:
    ann = Browser(site, "ann")
    ann.open("/environments/dev/settings?view=yaml")
    text = f"{form.to_yaml(SETTINGS)}  aws:profile: prod\n"
    page = ann.press("Preview the change", yaml=text)
    assert ann.status == 422
    shown = next(each.value for each in page.form("Preview the change").controls if each.name == "yaml")
    assert shown == text.strip()


def test_an_environment_without_a_program_takes_no_settings(site: Site) -> None:
    site.app.state.settings = site.settings
    answer = send(site, config())
    assert (answer.status_code, answer.json()["detail"]) == (422, "the portal knows no program of dev")
