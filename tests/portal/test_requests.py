"""What people may ask for, what they may not and why, and that the database keeps no secret and no second run."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import access, audit, requests, tokens
from portal.access import Action
from portal.audit import Actor
from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.states import Kind, State
from portal.tables import Binding, Environment, Job, Lock, Person, Run, Token, now
from portal.transitions import RefusedError, transition

from .conftest import ANN, BOB, add
from .site import DIGEST

OPS, EVE, ROOT = Actor("ops"), Actor("eve"), Actor("root", groups=("platform",))
QUEUE = TableQueue()


@pytest.fixture
def people(database: Database) -> Database:
    with database.write() as session:
        for subject, role in (
            ("user:ann", "requester"),
            ("user:bob", "approver"),
            ("user:ops", "operator"),
            ("user:eve", "viewer"),
        ):
            session.add(Binding(environment="dev", subject=subject, role=role))
        session.add(Binding(environment="*", subject="group:platform", role="admin"))
    return database


def ask(database: Database, who: Actor = ANN, kind: Kind = Kind.UPDATE, where: str = "dev", **options: object) -> int:
    with database.write() as session:
        return requests.submit(session, QUEUE, who, where, kind, **options).id  # type: ignore[arg-type]


def why(database: Database, who: Actor, action: Action, run_id: int | None = None, where: str = "dev") -> str:
    with database.read() as session:
        run = session.get_one(Run, run_id) if run_id else None
        decision = access.can(session, who, action, session.get_one(Environment, where), run)
        assert decision.allowed == (not decision.reason)
        return decision.reason


def test_every_action_needs_a_role_and_the_reason_names_it(people: Database) -> None:
    for action in Action:
        assert why(people, Actor("stranger"), action).startswith(f"you have no role in dev; to {action} you must be ")
    assert why(people, EVE, Action.VIEW) == ""
    assert why(people, EVE, Action.PREVIEW) == "you are viewer in dev; to preview you must be requester or admin"
    assert why(people, ANN, Action.PREVIEW) == ""
    assert why(people, ANN, Action.PREVIEW, where="prod").startswith("you have no role in prod")
    with people.read() as session:
        everywhere = access.can(session, ANN, Action.AUDIT, Environment(name=access.EVERYWHERE))
    assert everywhere.reason == "you have no role in the whole portal; to audit you must be admin"
    assert why(people, ROOT, Action.PREVIEW, where="prod") == ""
    assert why(people, OPS, Action.RECOVER) == "nothing in dev was interrupted"


def test_nobody_approves_a_run_of_their_own_or_another_plan(people: Database) -> None:
    with people.write() as session:
        session.add(Binding(environment="dev", subject="user:ann", role="approver"))
    number = add(people, State.AWAITING_APPROVAL)
    assert why(people, ANN, Action.APPROVE, number) == "you asked for this run; in dev somebody else must approve it"
    with people.write() as session, pytest.raises(access.DeniedError):
        requests.approve(session, ANN, session.get_one(Run, number), DIGEST)
    with people.write() as session, pytest.raises(RefusedError, match="has changed since it was shown"):
        requests.approve(session, BOB, session.get_one(Run, number), "e" * 64)
    for _ in range(2):  # the second time changes nothing
        with people.write() as session:
            requests.approve(session, BOB, session.get_one(Run, number), DIGEST)
    with people.read() as session:
        run = session.get_one(Run, number)
        assert run.state is State.APPROVED
        assert len(run.approvals) == 1
    assert why(people, BOB, Action.APPROVE, number) == "the run is approved; to approve it must be awaiting_approval"


def test_two_approvals_are_of_two_people(people: Database) -> None:
    with people.write() as session:
        session.get_one(Environment, "dev").approvals = 2
        session.add(Person(name="root", groups=["platform"]))
    number = add(people, State.AWAITING_APPROVAL)
    for who, state in ((BOB, State.AWAITING_APPROVAL), (BOB, State.AWAITING_APPROVAL), (ROOT, State.APPROVED)):
        with people.write() as session:
            requests.approve(session, who, session.get_one(Run, number), DIGEST)
        with people.read() as session:
            assert session.get_one(Run, number).state is state


def test_a_locked_environment_says_who_and_why(people: Database) -> None:
    number = add(people, State.AWAITING_APPROVAL)
    with people.write() as session:
        requests.lock(session, OPS, "dev", " release week ")
        requests.approve(session, BOB, session.get_one(Run, number), DIGEST)
    assert why(people, ANN, Action.APPLY, number) == "dev is locked by ops: release week"
    with people.write() as session:
        requests.unlock(session, OPS, "dev")
        requests.apply(session, QUEUE, ANN, session.get_one(Run, number))
        requests.apply(session, QUEUE, ANN, session.get_one(Run, number))
    with people.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
        actions = [json.loads(line)["action"] for line in audit.export(session)]
    assert actions[-3:] == ["run.approved", "environment.unlock", "run.apply"]


def test_the_same_key_makes_one_run_and_another_body_is_refused(people: Database) -> None:
    first = ask(people, settings={"grpc-platform:a": 1}, key="k1")
    assert ask(people, settings={"grpc-platform:a": 1}, key="k1") == first
    assert ask(people, settings={"grpc-platform:a": 1}) != first
    with pytest.raises(requests.KeyReusedError):
        ask(people, settings={"grpc-platform:a": 2}, key="k1")
    assert ask(people, ROOT, settings={"grpc-platform:a": 2}, key="k1") != first


def test_nobody_fills_the_queue(people: Database) -> None:
    limits = requests.Limits(waiting=3)
    for _ in range(3):
        ask(people, limits=limits)
    with pytest.raises(requests.TooManyError):
        ask(people, limits=limits)
    assert ask(people, ROOT, limits=limits)


def test_nobody_asks_for_runs_without_end(people: Database) -> None:
    limits = requests.Limits(hourly=3)
    numbers = [ask(people, limits=limits, key=f"k{place}") for place in range(3)]
    with people.write() as session:
        session.get_one(Run, numbers[0]).created = now() - dt.timedelta(minutes=50)
    with pytest.raises(requests.TooManyError, match=r"3 runs within an hour.*in 10 minutes") as refused:
        ask(people, limits=limits)
    assert 590 < refused.value.retry_after <= 600
    assert ask(people, limits=limits, key="k1") == numbers[1]  # sent again, it is no other run
    assert ask(people, ROOT, limits=limits)
    with people.write() as session:
        session.get_one(Run, numbers[0]).created = now() - dt.timedelta(minutes=61)
    assert ask(people, limits=limits)
    with pytest.raises(requests.TooManyError):
        ask(people, limits=limits)


def test_a_secret_in_clear_is_never_kept(people: Database) -> None:
    settings = {"grpc-platform:services": {"orders": {"secrets": {"URL": "hunter2hunter2"}}}}
    with pytest.raises(requests.InvalidError) as refused:
        ask(people, settings=settings)
    assert "grpc-platform:services.orders.secrets.URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert ask(people, settings={"grpc-platform:services": {"orders": {"secrets": {"URL": {"secure": "v1:x"}}}}})


def test_what_is_no_text_is_not_encrypted_whatever_it_is_called(people: Database) -> None:
    for wrong in (["hunter2hunter2"], {"a": "hunter2hunter2"}, 1234512345, None):
        with pytest.raises(requests.InvalidError, match=r"secrets\.URL: a secret must be encrypted"):
            ask(people, settings={"grpc-platform:services": {"orders": {"secrets": {"URL": {"secure": wrong}}}}})


@pytest.mark.parametrize("wrong", ["hunter2hunter2", ["hunter2hunter2"]])
def test_what_is_no_map_of_secrets_is_no_secret(people: Database, wrong: object) -> None:
    with pytest.raises(requests.InvalidError, match=r"services\.orders\.secrets: a secret must be encrypted"):
        ask(people, settings={"grpc-platform:services": {"orders": {"secrets": wrong}}})


def test_with_which_rights_the_cloud_is_changed_is_not_the_teams_to_choose(people: Database) -> None:
    with people.write() as session:
        session.get_one(Environment, "dev").settings = {"aws:region": "eu-west-1", "aws:profile": "dev"}
    kept = {"aws:profile": "dev", "aws:region": "eu-west-3", "grpc-platform:services": {}}
    assert ask(people, settings=kept)
    for name, value in (("aws:profile", "prod"), ("aws:assumeRoles", [{"roleArn": "x"}]), ("pulumi:tags", {})):
        with pytest.raises(requests.InvalidError, match=f"{name}: only settings of the platform"):
            ask(people, settings=kept | {name: value})
    with pytest.raises(requests.InvalidError, match="aws:profile"):
        ask(people, settings={"aws:region": "eu-west-1"})


def test_an_apply_in_a_locked_environment_waits_until_it_is_unlocked(people: Database) -> None:
    number = add(people, State.AWAITING_APPROVAL)
    with people.write() as session:
        requests.lock(session, OPS, "dev", "an incident")
        QUEUE.submit(session, number, Phase.APPLY)
        assert QUEUE.claim(session, "one") is None
        requests.unlock(session, OPS, "dev")
        claimed = QUEUE.claim(session, "one")
        assert claimed is not None
        assert claimed.run_id == number


@pytest.mark.parametrize("claimed", [False, True])
def test_a_newer_plan_does_not_end_one_whose_apply_was_asked_for(people: Database, *, claimed: bool) -> None:
    asked_for, only_approved, newer = (add(people, State.AWAITING_APPROVAL) for _ in range(3))
    previewed = add(people, State.PREVIEWING)
    with people.write() as session:
        for number in (asked_for, only_approved):
            requests.approve(session, BOB, session.get_one(Run, number), DIGEST)
        requests.apply(session, QUEUE, ANN, session.get_one(Run, asked_for))
        if claimed:
            assert QUEUE.claim(session, "runner") is not None
        requests.planned(session, session.get_one(Run, previewed), DIGEST, ANN)
    with people.read() as session:
        states = [session.get_one(Run, each).state for each in (asked_for, only_approved, newer, previewed)]
        assert states == [State.APPROVED, State.SUPERSEDED, State.SUPERSEDED, State.AWAITING_APPROVAL]
        assert [each.run_id for each in session.scalars(select(Job))] == [asked_for]


def test_a_plan_whose_apply_was_given_up_ends_with_the_next_newer_one(people: Database) -> None:
    """Its runner let go of it because somebody else held the stack."""
    number = add(people, State.AWAITING_APPROVAL)
    with people.write() as session:
        requests.approve(session, BOB, session.get_one(Run, number), DIGEST)
        requests.apply(session, QUEUE, ANN, session.get_one(Run, number))
        session.delete(session.get_one(Job, number))
        session.flush()
        requests.planned(session, session.get_one(Run, add_previewing(session)), DIGEST, ANN)
        assert session.get_one(Run, number).state is State.SUPERSEDED


def add_previewing(session: Session) -> int:
    where = session.get_one(Environment, "dev")
    run = Run(environment="dev", kind=Kind.UPDATE, requester=ANN.name, where=where, state=State.QUEUED)
    session.add(run)
    session.flush()
    transition(session, run, State.PREVIEWING, ANN)
    return run.id


def test_a_protected_environment_is_not_destroyed(people: Database) -> None:
    with pytest.raises(requests.InvalidError, match="prod is protected"):
        ask(people, ROOT, Kind.DESTROY, "prod")


def test_a_waiting_run_ends_at_once_and_only_its_own_person_or_an_operator_may(people: Database) -> None:
    first, second = ask(people), ask(people)
    for who, number in ((ANN, first), (OPS, second)):
        with people.write() as session:
            requests.cancel(session, QUEUE, who, session.get_one(Run, number))
        with people.read() as session:
            assert session.get_one(Run, number).state is State.CANCELLED
            assert session.get(Job, number) is None
    third = ask(people)
    with people.write() as session, pytest.raises(access.DeniedError):
        requests.cancel(session, QUEUE, EVE, session.get_one(Run, third))
    with people.write() as session, pytest.raises(access.DeniedError, match="to force you must be admin"):
        requests.cancel(session, QUEUE, OPS, session.get_one(Run, third), force=True)


def test_an_apply_waits_for_the_writer_and_others_go_before_it(people: Database) -> None:
    writer, later = add(people, kind=Kind.RECOVER), add(people, State.AWAITING_APPROVAL)
    with people.write() as session:
        session.get_one(Run, writer).forced = "so that it may write"
        transition(session, session.get_one(Run, writer), State.APPLYING, OPS)
        QUEUE.submit(session, later, Phase.APPLY)
    other = ask(people)
    with people.write() as session:
        assert session.get_one(Lock, "dev").run_id == writer
        claimed = [QUEUE.claim(session, name) for name in ("one", "two")]
    assert [each and each.run_id for each in claimed] == [other, None]


def test_a_token_is_known_by_its_hash_alone_and_ends(people: Database) -> None:
    with people.write() as session:
        text = tokens.create(session, ANN, "pipeline", ["preview:dev"])
    with people.read() as session:
        token = tokens.check(session, text)
        stored = [str(value) for value in vars(session.scalars(select(Token)).one()).values()]
        assert not any(text.split("_", 2)[2] in each for each in [*stored, *audit.export(session)])
    assert access.covers(token.scopes, Action.PREVIEW, "dev")
    assert not access.covers(token.scopes, Action.PREVIEW, "prod")
    assert not access.covers(token.scopes, Action.APPLY, "dev")
    for wrong in ("", "gp_x", text[:-1], text[:-1] + ("A" if text[-1] != "A" else "B"), text + "A"):
        with people.read() as session, pytest.raises(tokens.BadTokenError):
            tokens.check(session, wrong)
    with people.write() as session:
        session.get_one(Token, token.id).expires = now() - dt.timedelta(seconds=1)
    with people.read() as session, pytest.raises(tokens.BadTokenError):
        tokens.check(session, text)
    with people.write() as session, pytest.raises(ValueError, match="everything"):
        tokens.create(session, ANN, "pipeline", ["everything"])
