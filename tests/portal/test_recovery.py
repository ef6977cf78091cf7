"""Who holds a stack, when a recover run may begin, what it does: nothing to a living holder, nothing for nothing."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from portal import access, audit, requests
from portal.audit import Actor
from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.recovery import living, readable
from portal.settings import Target
from portal.states import Kind, State
from portal.tables import Binding, Environment, Run
from portal.transitions import RefusedError, transition

from .cli import FakeCli
from .site import Site

OPS, ROOT = Actor("ops"), Actor("root")
QUEUE = TableQueue()
HERE = socket.gethostname()
CUT_OFF = (
    '{"deployment": {"pending_operations": [{"type": "updating", "resource": {"urn": "urn:pulumi:dev::p::t::gone"}}]}}'
)


def locked(pid: int, at: float | str, host: str = HERE) -> str:
    """As the CLI says it (pulumi pkg/backend/diy/lock.go)."""
    moment = at if isinstance(at, str) else dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        "lock file with `pulumi cancel`.\n"
        f"  file:///s/.pulumi/locks/1.json: created by zoe@{host} (pid {pid}) at {moment}"
    )


def ended() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def test_an_engine_that_started_before_the_lock_holds_it(engine: psutil.Process) -> None:
    started = engine.create_time()
    assert living(locked(engine.pid, started + 1), "dev") == (
        f"zoe@{HERE} (pid {engine.pid}) at {dt.datetime.fromtimestamp(started + 1, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    assert living(locked(engine.pid, started - 0.5), "dev")  # the CLI tells whole seconds
    assert living(locked(engine.pid, started + 7200), "dev")


def test_a_number_that_went_to_another_process_holds_nothing(engine: psutil.Process) -> None:
    assert living(locked(engine.pid, engine.create_time() - 10), "dev") == ""
    assert living(locked(os.getpid(), time.time()), "dev") == ""  # it is no engine
    assert living(locked(ended(), time.time()), "dev") == ""


def test_an_engine_of_this_very_stack_holds_it_whatever_the_clock_says(engine: psutil.Process) -> None:
    assert living(locked(engine.pid, engine.create_time() - 86400), "other")


@pytest.mark.parametrize("at", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_who_cannot_be_told_is_taken_for_living(engine: psutil.Process, at: str) -> None:
    assert living(locked(engine.pid, at), "dev")
    assert living(locked(ended(), at, "elsewhere"), "dev").startswith("zoe@elsewhere")
    assert living("the stack is currently locked by 1 lock(s)", "dev") == "somebody who is not named"
    two = f"{locked(ended(), 0)}\n{locked(1, 0, 'elsewhere')}"
    assert living(two, "dev").startswith("zoe@elsewhere")


@pytest.fixture
def people(database: Database) -> Database:
    with database.write() as session:
        for who, role in ((OPS, "operator"), (ROOT, "admin")):
            session.add(Binding(environment="dev", subject=f"user:{who.name}", role=role))
    return database


def interrupted(database: Database) -> None:
    with database.write() as session:
        session.get_one(Environment, "dev").needs_recovery = True


def ask(database: Database, who: Actor = OPS, forced: str = "") -> int:
    with database.write() as session:
        if forced:
            return requests.recover_by_force(session, QUEUE, who, "dev", forced).id
        return requests.submit(session, QUEUE, who, "dev", Kind.RECOVER).id


def worked(cli: FakeCli, number: int) -> Run:
    """The job is there already: whoever asks for a recover run asks for its apply."""
    with cli.database.write() as session:
        assert QUEUE.withdraw(session, number)
    return cli.work(number, Phase.APPLY)


def test_a_recover_run_is_refused_where_there_is_nothing_to_recover(people: Database) -> None:
    with pytest.raises(access.DeniedError, match="nothing in dev was interrupted"):
        ask(people)


def test_two_recover_runs_are_not_under_way_at_once(people: Database) -> None:
    interrupted(people)
    first = ask(people)
    with pytest.raises(RefusedError, match=f"run {first} recovers dev already"):
        ask(people)
    with pytest.raises(RefusedError, match=f"run {first} recovers dev already"):
        ask(people, ROOT, "now")


def test_a_recover_run_that_comes_too_late_touches_nothing(people: Database, cli: FakeCli) -> None:
    interrupted(people)
    number = ask(people)
    with people.write() as session:
        session.get_one(Environment, "dev").needs_recovery = False
    run = worked(cli, number)
    assert (run.state, run.reason) == (
        State.FAILED,
        "nothing in dev was interrupted, so there is nothing to recover",
    )
    assert cli.asked == []


def test_a_forced_recovery_that_is_asked_for_again_is_the_same_one(people: Database) -> None:
    def asked(reason: str, key: str = "k") -> int:
        with people.write() as session:
            return requests.recover_by_force(session, QUEUE, ROOT, "dev", reason, key=key).id

    first = asked("it burned down")
    with people.write() as session:
        run = session.get_one(Run, first)
        assert QUEUE.withdraw(session, first)
        transition(session, run, State.APPLYING, ROOT)
        transition(session, run, State.SUCCEEDED, ROOT)
    assert asked("it burned down") == first  # its answer was lost; somebody may hold the stack by now
    with pytest.raises(requests.KeyReusedError):
        asked("another reason")
    with people.write() as session, pytest.raises(requests.TooManyError):
        requests.recover_by_force(session, QUEUE, ROOT, "dev", "more", limits=requests.Limits(waiting=0))


def test_a_recovery_that_is_asked_for_again_after_it_has_ended_is_the_same_one(people: Database, cli: FakeCli) -> None:
    interrupted(people)

    def asked() -> int:
        with people.write() as session:
            return requests.submit(session, QUEUE, OPS, "dev", Kind.RECOVER, key="k").id

    first = asked()
    assert worked(cli, first).state is State.SUCCEEDED
    assert asked() == first


def test_a_lock_that_stays_is_no_success(people: Database, cli: FakeCli) -> None:
    cli.does(cancel={"code": 255, "stderr": "the backend does not answer"})
    run = worked(cli, ask(people, ROOT, "it burned down"))
    assert run.state is State.FAILED
    assert "the lock could not be taken off" in run.reason


def test_what_was_cut_off_keeps_the_environment_closed_until_it_is_recovered(people: Database, cli: FakeCli) -> None:
    cli.does(export={"stdout": CUT_OFF}, refresh={"code": 255, "stderr": "no way"})
    run = worked(cli, ask(people, ROOT, "it burned down"))
    assert (run.state, run.where.needs_recovery) == (State.FAILED, True)


def test_attributes_that_were_cut_off_do_not_hide_a_state_that_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "with space" / ".pulumi" / "stacks" / "p"
    folder.mkdir(parents=True)
    for name, text in (
        ("dev.json", "{}"),
        ("dev.json.attrs", ""),
        ("dev.json.bak.attrs", "{}"),
        ("prod.json.attrs", ""),
    ):
        (folder / name).write_text(text)
    url = (tmp_path / "with space").as_uri()
    for variables in ({}, {"PULUMI_BACKEND_URL": "s3://state"}, {"PULUMI_BACKEND_URL": url}):
        readable(Target(program=tmp_path, stack="dev", variables=variables))
    assert sorted(each.name for each in folder.iterdir()) == ["dev.json", "dev.json.bak.attrs", "prod.json.attrs"]


def test_the_lock_of_a_dead_holder_is_taken_off_and_the_state_brought_in_line(people: Database, cli: FakeCli) -> None:
    interrupted(people)
    cli.does(refresh={"code": 255, "stderr": locked(ended(), time.time()), "then": {}})
    run = worked(cli, ask(people))
    assert (run.state, run.where.needs_recovery) == (State.SUCCEEDED, False)
    assert cli.asked == ["export", "refresh", "cancel", "refresh", "export"]


def test_a_living_holder_keeps_the_stack_and_an_admin_may_take_it(
    people: Database, cli: FakeCli, engine: psutil.Process
) -> None:
    interrupted(people)
    cli.does(refresh={"code": 255, "stderr": locked(engine.pid, time.time()), "then": {}})
    run = worked(cli, ask(people))
    assert run.state is State.FAILED
    assert f"still locked by zoe@{HERE} (pid {engine.pid})" in run.reason
    assert "cancel" not in cli.asked

    with pytest.raises(access.DeniedError, match="to force you must be admin"):
        ask(people, OPS, "it hangs")
    with pytest.raises(requests.InvalidError, match="say why"):
        ask(people, ROOT, " ")
    cli.does(refresh={"code": 255, "stderr": locked(engine.pid, time.time()), "then": {}})
    number = ask(people, ROOT, "it hangs since noon")
    assert worked(cli, number).state is State.SUCCEEDED
    assert cli.asked[-4:] == ["refresh", "cancel", "refresh", "export"]
    told = [each["reason"] for each in cli.events(number) if "by force" in str(each.get("reason"))]
    assert told[0].startswith(f"by force, from zoe@{HERE} (pid {engine.pid})")
    with people.read() as session:
        lines = [each for each in audit.export(session) if "run.forced" in each]
    assert len(lines) == 1
    assert "it hangs since noon" in lines[0]
    assert '"actor":"root"' in lines[0].replace(": ", ":")


def test_force_where_nothing_was_cut_off_takes_the_lock_and_no_more(people: Database, cli: FakeCli) -> None:
    """Another look at the cloud would change the state, and nobody has approved what comes of it."""
    assert worked(cli, ask(people, ROOT, "that machine is gone")).state is State.SUCCEEDED
    assert cli.asked == ["export", "cancel"]
    cli.does(export={"stdout": CUT_OFF, "then": {}})
    assert worked(cli, ask(people, ROOT, "that machine is gone")).state is State.SUCCEEDED
    assert cli.asked[2:] == ["export", "refresh", "export"]


@pytest.mark.parametrize("dead", [True, False])
def test_a_stack_that_a_dead_one_holds_must_be_recovered_and_the_approval_stays(
    people: Database, cli: FakeCli, engine: psutil.Process, *, dead: bool
) -> None:
    number = cli.approved()
    plan = {"stdout": (cli.folder / "plan.json").read_text()}
    cli.does(
        preview_destroy=plan,
        destroy={"code": 255, "stderr": locked(ended() if dead else engine.pid, time.time())},
    )
    run = cli.work(number, Phase.APPLY)
    assert run.state is State.APPROVED
    assert run.reason.startswith("nothing was changed: ")
    assert run.where.needs_recovery is dead
    assert ("must be recovered first" in run.reason) is dead
    if dead:
        assert ask(people)


def test_asking_twice_to_force_is_one_run(people: Database) -> None:
    first = ask(people, ROOT, "that machine is gone")
    assert ask(people, ROOT, " that machine is gone ") == first
    with pytest.raises(RefusedError, match=f"run {first} recovers dev already"):
        ask(people, ROOT, "another reason")


def test_only_an_update_takes_settings_and_only_a_recover_run_is_forced(site: Site) -> None:
    for body, path in (
        ({"kind": "destroy", "settings": {"grpc-platform:a": 1}}, "settings"),
        ({"kind": "drift", "settings": {}}, "settings"),
        ({"kind": "recover", "settings": {}}, "settings"),
        ({"kind": "refresh", "settings": {}}, "settings"),
        ({"kind": "update", "forced": "now"}, "forced"),
        ({"forced": "now"}, "forced"),
    ):
        answer = site.post("/environments/dev/previews", body, "boss")
        assert answer.status_code == 422, body
        assert [each["path"] for each in answer.json()["errors"]] == [path]
    assert site.post("/environments/dev/previews", {"kind": "recover", "forced": "now"}, "ops").status_code == 403
    assert site.post("/environments/dev/previews", {"kind": "recover", "forced": "now"}, "boss").status_code == 201
