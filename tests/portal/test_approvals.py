"""An approval counts while whoever gave it may still give it: when an apply is asked for, and for the runner again."""

from __future__ import annotations

import pytest

from portal import requests
from portal.audit import Actor
from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.states import Kind, State
from portal.tables import Binding, Environment, Person, Run
from portal.transitions import ApprovalError, RefusedError

from .conftest import ANN, BOB, add
from .puppet import Cloud, Puppet
from .site import DIGEST

QUEUE = TableQueue()
OPS = Actor("ops", groups=("leads",))


@pytest.fixture
def people(database: Database) -> Database:
    with database.write() as session:
        for subject, role in (("user:ann", "requester"), ("user:bob", "approver"), ("group:leads", "approver")):
            session.add(Binding(environment="dev", subject=subject, role=role))
        session.add(Person(name="ops", groups=["leads"]))
    return database


def approved(database: Database) -> int:
    number = add(database, State.AWAITING_APPROVAL)
    with database.write() as session:
        requests.approve(session, BOB, session.get_one(Run, number), DIGEST)
    return number


def lose(database: Database, subject: str = "user:bob") -> None:
    with database.write() as session:
        session.delete(session.get_one(Binding, ("dev", subject, "approver")))


def apply(database: Database, number: int) -> None:
    with database.write() as session:
        requests.apply(session, QUEUE, ANN, session.get_one(Run, number))


def test_an_apply_is_not_asked_for_on_the_word_of_somebody_who_may_no_longer_give_it(people: Database) -> None:
    number = approved(people)
    lose(people)
    with pytest.raises(RefusedError, match=r"0 of 1 approvals .* bob may no longer approve here"):
        apply(people, number)


def test_a_runner_does_not_apply_on_it_either(people: Database) -> None:
    number, cloud = approved(people), Cloud()
    apply(people, number)
    lose(people)
    with people.write() as session:
        assert QUEUE.claim(session, "one") is not None
    worker = Puppet(people, number, "one", Kind.UPDATE, cloud)
    worker.begin(Phase.APPLY)
    while not worker.over:
        worker.go_on()
    with people.read() as session:
        run = session.get_one(Run, number)
    assert (worker.error, run.state, cloud.applied) == ("", State.STALE, [])
    assert "bob may no longer approve here" in run.reason


def test_a_lost_word_does_not_complete_the_others(people: Database) -> None:
    with people.write() as session:
        session.get_one(Environment, "dev").approvals = 2
    number = approved(people)
    lose(people)
    with people.write() as session:
        run = session.get_one(Run, number)
        requests.approve(session, OPS, run, DIGEST)
        assert run.state is State.AWAITING_APPROVAL
        session.add(Binding(environment="dev", subject="user:bob", role="admin"))
    with people.write() as session:  # an admin may approve as well, so the word counts again
        run = session.get_one(Run, number)
        requests.approve(session, BOB, run, DIGEST)
        assert run.state is State.APPROVED


def test_a_role_by_a_group_lasts_as_long_as_the_last_sign_in_has_the_group(people: Database) -> None:
    number = add(people, State.AWAITING_APPROVAL)
    with people.write() as session:
        requests.approve(session, OPS, session.get_one(Run, number), DIGEST)
    apply(people, number)
    with people.write() as session:
        session.get_one(Person, "ops").groups = []
    with pytest.raises(ApprovalError, match="ops may no longer approve here"):
        apply(people, number)


def test_the_word_of_the_requester_counts_where_it_is_allowed_now(people: Database) -> None:
    with people.write() as session:
        session.get_one(Environment, "dev").self_approval = True
        session.add(Binding(environment="dev", subject="user:ann", role="approver"))
    number = add(people, State.AWAITING_APPROVAL)
    with people.write() as session:
        requests.approve(session, ANN, session.get_one(Run, number), DIGEST)
        assert session.get_one(Run, number).state is State.APPROVED
    apply(people, number)
    with people.write() as session:
        session.get_one(Environment, "dev").self_approval = False
    with pytest.raises(ApprovalError, match="0 of 1 approvals"):
        apply(people, number)
