"""One phase of one run, in a process of its own: python -m portal.runner SETTINGS RUN RUNNER.

It outlives the web process, and every way it can end leaves the run in a true state: by its own transition, or, when
it is killed, by the worker that notices.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
from sqlalchemy.exc import SQLAlchemyError

from portal import audit, plan, processes, redaction, requests, settings, topology, verdicts, workspace
from portal.audit import Actor
from portal.database import Database
from portal.engine import LOCKED, Engine, Finished, UnreadableError
from portal.forge import ForgeError, Repository, branch, program_tree
from portal.queue import Phase
from portal.recovery import living, recover, wait_again
from portal.settings import PortalSettings, folder_of
from portal.source import MovedError, Source, WaitsError
from portal.states import RUNNING, Kind, State
from portal.tables import Run
from portal.topology import Topology
from portal.transitions import ApprovalError, HeldError, RefusedError, record, transition
from portal.watch import LostError, Watch, leave, own

LOG: Final = logging.getLogger("portal.runner")
RUNNER: Final = Actor("system:runner")


class Runner:
    """The work on one run. `preview` and `apply` leave it in its next state."""

    def __init__(self, chosen: PortalSettings, database: Database, run_id: int, name: str) -> None:
        self.database = database
        self.run_id = run_id
        with database.read() as session:
            run = session.get_one(Run, run_id)
        self.kind, self.environment = run.kind, run.environment
        self.target = chosen.targets[run.environment]
        self.name = name
        self.folder = folder_of(chosen, run_id, name)
        self.wanted, self.repairs = run.settings, run.repairs
        self.chosen, self.redactor = chosen, redaction.redactor(chosen, run)
        self.watch = Watch(database, run_id, name, chosen.heartbeat, self.redactor)
        self.program = workspace.make(self.target, self.folder, self.wanted)
        self.digest = workspace.program_digest(self.program)  # before anything in it runs
        self.engine = Engine(self.target, self.program, self.watch.tick, chosen.grace, self.own)
        self.source: Source | None = None
        if self.target.git is not None:
            file = self.target.git.file or self.target.stack_file
            self.source = Source(self.target.git, Repository(self.target.git, file, self.folder / "settings.git"))
        self.began = False  # whether the cloud may have been changed

    def own(self) -> None:
        """Raise LostError when the run is no longer this runner's."""
        with self.database.read() as session:
            own(session, self.run_id, self.name)

    def change(self, new: State, reason: str = "", *, broken: bool = False) -> None:
        """Lead the run into another state. Where others may go on with it, it is theirs at that moment.

        broken: the environment must be recovered. Raises LostError, as everything does that changes something.
        """
        with self.database.write() as session:
            own(session, self.run_id, self.name)
            run = session.get_one(Run, self.run_id)
            run.where.needs_recovery |= broken
            transition(session, run, new, RUNNER, self.redactor.text(reason))
            if new not in RUNNING:
                leave(session, self.run_id, self.name)

    def preview(self) -> None:
        """Preview, with policies, and say what comes of it."""
        self.change(State.PREVIEWING)
        try:
            self._begin()
        except ForgeError as error:
            self.change(State.FAILED, str(error))
            return
        state, digest, reason, kept = self.planned()
        with self.database.write() as session:
            own(session, self.run_id, self.name)
            run = session.get_one(Run, self.run_id)
            for key, value in kept.items():
                setattr(run, key, value)
            # At once: an apply that is asked for before this runner is gone must find the queue free.
            leave(session, self.run_id, self.name)
            if state is State.AWAITING_APPROVAL:
                requests.planned(session, run, digest, RUNNER)
            else:
                transition(session, run, state, RUNNER, self.redactor.text(reason))

    def _begin(self) -> None:
        """Take the settings from git where they come from there, and note what is previewed."""
        tree = program_tree(self.target.program)
        if self.source is None:
            with self.database.write() as session:
                own(session, self.run_id, self.name)
                session.get_one(Run, self.run_id).program_tree = tree
            return
        self.own()
        with self.database.read() as session:
            run = session.get_one(Run, self.run_id)
        begun = self.source.begin(run)
        self.wanted = begun.settings
        workspace.configure(self.target, self.program, begun.settings, begun.document)
        with self.database.write() as session:
            own(session, self.run_id, self.name)
            run = session.get_one(Run, self.run_id)
            run.settings, run.base, run.commit = begun.settings, begun.base, begun.commit
            run.program_tree, run.settings_tree = tree, begun.tree
            run.marks = redaction.remembered(session, run)
        self.redactor = self.watch.redactor = redaction.redactor(self.chosen, run)
        self.watch.tell("git", commit=begun.commit, base=begun.base, branch=branch(self.run_id))

    def _merged(self, run: Run, *, now: bool) -> State | None:
        """What the run must become because of git: nothing, stale, or still approved. now: the portal may merge."""
        if self.source is None:
            return None
        self.own()
        try:
            commit = self.source.merged(run, partial(self._merges, run)) if now else self.source.demand(run)
        except WaitsError as error:
            self.watch.tell("waits", reason=str(error))
            return State.APPROVED
        except MovedError as error:
            self.change(State.STALE, str(error))
            return State.STALE
        if commit:
            document = self.source.document(commit)
            workspace.configure(self.target, self.program, self.wanted, document)
        return None

    def _merges(self, run: Run) -> None:
        git = self.target.git
        into = git.branch if git is not None else ""
        self.note("run.merge", f"run:{run.id}", branch=branch(run.id), into=into, base=run.base, commit=run.commit)

    def note(self, action: str, about: str, **details: str) -> None:
        """A row of the audit, just before the portal does by itself what cannot be in one transaction with the row."""
        with self.database.write() as session:
            own(session, self.run_id, self.name)
            where = session.get_one(Run, self.run_id).environment
            audit.append(session, RUNNER, action, about, environment=where, **details)

    def planned(self) -> tuple[State, str, str, dict[str, Any]]:
        """The state that a preview leads to, its digest, a reason, and what the run keeps of it."""
        log = self.folder / "preview.events"
        self.watch.follow(log)
        settings_digest = workspace.settings_digest(self.target, self.program)  # before anything in it runs
        state_hash = self._state_hash()
        if self.watch.cancelled:
            return State.CANCELLED, "", "cancelled before the preview", {"state_hash": state_hash}
        done = self._previewed()(log)
        steps = done.json().get("steps") or []
        changes = self.redactor.data(plan.changes(steps))
        kept: dict[str, Any] = {"state_hash": state_hash, "changes": changes}
        self.watch.tell("plan", headline=plan.headline(changes))
        if steps and self.kind is Kind.UPDATE:
            self._draw(lambda: topology.of_preview(steps))
        state, reason = self._outcome(done, kept)
        digest = ""
        if state is State.AWAITING_APPROVAL:
            digest = plan.digest(
                steps,
                with_outputs=self.kind is Kind.REFRESH,
                program=self.digest,
                settings=settings_digest,
                stack=self.target.stack,
            )
        return state, digest, reason, kept

    def _outcome(self, done: Finished, kept: dict[str, Any]) -> tuple[State, str]:
        """State and reason. What the policies say goes into what is kept."""
        changes = kept["changes"]
        if self.watch.cancelled:
            return State.CANCELLED, "cancelled during the preview"
        if self.kind is Kind.UPDATE and (against := verdicts.judge(self, done, kept)):
            return State.POLICY_FAILED, against
        if done.code or not self.watch.of("summary"):
            return State.FAILED, self.said(done)
        if self.kind is Kind.DRIFT:
            return State.SUCCEEDED if changes else State.NO_CHANGES, plan.headline(changes)
        return (State.AWAITING_APPROVAL, "") if changes else (State.NO_CHANGES, self._unmerged())

    def _unmerged(self) -> str:
        """What is left to do though nothing changes; empty where nothing is."""
        if self.source is None:
            return ""
        with self.database.read() as session:
            return self.source.unmerged(session.get_one(Run, self.run_id))

    def _state_hash(self) -> str:
        """Names the state of the stack; empty where a cancel came in between. Raises UnreadableError."""
        try:
            return self.engine.state()[0]
        except UnreadableError:
            if self.watch.cancelled:
                return ""
            raise

    def _draw(self, found: Callable[[], Topology]) -> None:
        """Keep what the pages draw. A drawing that cannot be made says nothing of the run, so it never fails it."""
        try:
            self.watch.tell("topology", **topology.plain(found()))
        except LostError:
            raise
        except Exception:
            LOG.warning("run %s has no topology: %s", self.run_id, self.redactor.text(traceback.format_exc()))

    def _previewed(self) -> Callable[[Path], Finished]:
        if self.kind is Kind.DESTROY:
            return self.engine.preview_destroy
        if self.kind is Kind.UPDATE:
            return partial(self.engine.preview, look=self.repairs)
        return self.engine.preview_refresh

    def said(self, done: Finished) -> str:
        """Why the engine failed, in its own words."""
        errors = [each["message"].strip() for each in self.watch.of("diagnostic") if each["severity"] == "error"]
        return self.redactor.text("\n".join(errors) or done.stderr.strip() or f"exit code {done.code}")[-4000:]

    def apply(self) -> None:
        """Apply what was approved: as the only writer, preview again, and go on only when it is the same plan."""
        with self.database.read() as session:
            run = session.get_one(Run, self.run_id)
        if self.kind is Kind.RECOVER and self.source is not None:
            try:
                workspace.configure(self.target, self.program, self.wanted, self.source.current(run))
            except ForgeError as error:
                self.change(State.FAILED, str(error))
                return
        if not self._may_write(run):
            return
        if self.kind is Kind.RECOVER:
            self.began = True
            self.change(*recover(self, run))
            return
        with self.database.read() as session:
            run = session.get_one(Run, self.run_id)
            approved, moved = run.plan_digest, run.where.settings_version != run.settings_version
        if moved:
            self.change(State.STALE, "the settings of the environment have changed since the preview")
            return
        ended = self._merged(run, now=True)
        if ended is State.APPROVED:
            wait_again(self, "what was approved is not merged")
        if ended is not None:
            return
        state, digest, reason, kept = self.planned()
        if state is not State.AWAITING_APPROVAL:
            self.change({State.NO_CHANGES: State.STALE}.get(state, state), reason or "there is nothing left to change")
        elif digest != approved:
            self.change(
                State.STALE,
                "a new preview differs from what was approved: program, policies, settings, encryption or state",
            )
        else:
            self._apply_unless(moved=self._state_hash() != kept["state_hash"])

    def _may_write(self, run: Run) -> bool:
        """Become the writer; where that cannot be, the run is told so and its state is true."""
        if spared := requests.spared(run):
            self.change(State.STALE, spared)
            return False
        if self.kind is not Kind.RECOVER and self._merged(run, now=False) is not None:
            return False
        try:
            self.change(State.APPLYING)
        except ApprovalError as error:
            self.change(State.STALE, str(error))
            return False
        except RefusedError as error:
            if isinstance(error, HeldError):
                self.watch.tell("held", holder=error.holder, reason=str(error))
            elif self.kind is not Kind.RECOVER:
                raise
            if self.kind is Kind.RECOVER:  # it was never approved, so it has no state to wait in
                self.change(State.FAILED, str(error))
            return False
        return True

    def _apply_unless(self, *, moved: bool) -> None:
        if self.watch.cancelled:
            self.change(State.CANCELLED, "cancelled before anything was changed")
        elif moved:
            self.change(State.STALE, "somebody else changed the stack meanwhile")
        else:
            self._apply_now()

    def _apply_now(self) -> None:
        log = self.folder / "apply.events"
        self.watch.follow(log)
        self.watch.tell("phase", name="apply")  # the events before it were of the preview
        self.began = True
        done = self._applied()(log)
        if done.code == 0 and self.watch.of("summary"):
            self.watch.done = True
            self._draw(lambda: topology.of_state(self.engine.deployment()))
            self._succeeded()
        elif done.code < 0:
            self.change(State.INTERRUPTED, f"the engine was ended by signal {-done.code} in the middle of its work")
        elif LOCKED in (text := done.stdout + done.stderr + self.said(done)):
            dead = "" if living(text, self.target.stack) else "; whoever held it is dead, so it must be recovered first"
            wait_again(self, f"nothing was changed: {self.said(done)}{dead}", broken=bool(dead))
        elif self.watch.cancelled:
            self.change(State.CANCELLED, "cancelled; what was under way was finished first")
        else:
            self.change(State.FAILED, self.said(done))

    def _applied(self) -> Callable[[Path], Finished]:
        if self.kind is Kind.DESTROY:
            return self.engine.destroy
        return partial(self.engine.up, look=self.repairs) if self.kind is Kind.UPDATE else self.engine.refresh

    def _succeeded(self) -> None:
        outputs = {} if self.kind is Kind.DESTROY else self.redactor.data(self.engine.outputs())
        with self.database.write() as session:
            own(session, self.run_id, self.name)
            run = session.get_one(Run, self.run_id)
            run.where.outputs = outputs
            transition(session, run, State.SUCCEEDED, RUNNER)


def work(chosen: PortalSettings, database: Database, run_id: int, name: str) -> None:
    """Do the phase that the queue names, then leave the queue. A fault of the portal itself fails the run."""
    with database.write() as session:
        try:
            job = own(session, run_id, name)
        except LostError:
            return
        job.pid, job.boot = os.getpid(), processes.boot()
        job.pid_started = processes.started(psutil.Process(), job.boot)
        phase, run = job.phase, session.get_one(Run, run_id)
    runner = redactor = None
    try:
        redactor = redaction.redactor(chosen, run)
        runner = Runner(chosen, database, run_id, name)
        runner.apply() if phase == Phase.APPLY else runner.preview()
    except LostError:
        return
    except Exception as error:
        began = runner is not None and runner.began
        kind = type(error).__name__
        _failed(database, run_id, name, redactor.text(f"{kind}: {error}") if redactor else kind, began=began)
        raise
    finally:
        shutil.rmtree(folder_of(chosen, run_id, name), ignore_errors=True)  # settings and plans lie in it
        with database.write() as session:
            leave(session, run_id, name)


def _failed(database: Database, run_id: int, name: str, reason: str, *, began: bool) -> None:
    with contextlib.suppress(LostError), database.write() as session:
        own(session, run_id, name)
        run = session.get_one(Run, run_id)
        if run.state is State.QUEUED or run.state in RUNNING:
            # What the engine had done when it was ended is not known to be all that was asked for, or none of it.
            cut_off = began and run.state is State.APPLYING
            transition(session, run, State.INTERRUPTED if cut_off else State.FAILED, RUNNER, reason)
        else:
            record(session, run_id, "runner", {"reason": reason})  # nothing was begun: the plan stays as it was


def main(arguments: list[str]) -> int:
    """Run one phase: file of settings, number of the run, name of the runner. 1 when the portal itself has a fault."""
    try:
        chosen = settings.load(Path(arguments[0]))
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    database, number = Database(chosen.database), int(arguments[1])
    try:
        work(chosen, database, number, arguments[2])
    except Exception as error:
        run = None
        with contextlib.suppress(SQLAlchemyError), database.read() as session:
            run = session.get(Run, number)
        sys.stderr.write(redaction.trace(chosen, run, error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
