"""A runner that works step by step, when a test says so, on a cloud that is a number. Its rules are the real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from portal import runner
from portal.database import Database
from portal.engine import Finished
from portal.events import Redactor
from portal.queue import Phase
from portal.settings import Target
from portal.states import Kind, State
from portal.tables import Run
from portal.transitions import record
from portal.watch import own

DONE: Final = Finished(0, "", "")


class KilledError(BaseException):
    """The runner is gone: nothing of it catches this."""


@dataclass
class Cloud:
    """What an environment is: anything that moves it gives every plan another digest."""

    moved: int = 0
    applied: list[tuple[int, str]] = field(default_factory=list)
    outcome: State = State.AWAITING_APPROVAL
    code: int = 0

    def digest(self, run: Run) -> str:
        return f"{self.moved}-{run.settings.get('grpc-platform:size', 0)}".ljust(64, ".")


class _Watch:
    def __init__(self, database: Database, run_id: int, name: str) -> None:
        self._database, self._run_id, self._name = database, run_id, name
        self.cancelled = False

    def follow(self, log: Path) -> None:
        self.cancelled = False

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [{}] if type_ == "summary" else []

    def tell(self, type_: str, **data: Any) -> None:
        with self._database.write() as session:
            own(session, self._run_id, self._name)
            record(session, self._run_id, type_, data)


class _Engine:
    """Changes the cloud once for each command, and says what the plan was that it carried out."""

    def __init__(self, puppet: Puppet) -> None:
        self._puppet = puppet

    def state(self) -> tuple[str, list[str]]:
        return str(self._puppet.cloud.moved), []

    def deployment(self) -> dict[str, Any]:
        return {}

    def outputs(self) -> dict[str, Any]:
        return {}

    def up(self, _: Path, *, look: bool = False) -> Finished:
        puppet, cloud = self._puppet, self._puppet.cloud
        puppet.own()  # as the real one does
        with puppet.database.read() as session:
            run = session.get_one(Run, puppet.run_id)
        cloud.applied.append((puppet.run_id, cloud.digest(run)))
        puppet.pause()
        cloud.moved += 1
        return Finished(cloud.code, "", "")

    destroy = refresh = up

    def break_lock(self) -> Finished:
        return DONE


class Puppet(runner.Runner):
    """`begin` and `go_on` let it work until it waits for its engine; `kill` ends it there."""

    def __init__(self, database: Database, run_id: int, name: str, kind: Kind, cloud: Cloud) -> None:
        self.database, self.run_id, self.name, self.kind, self.cloud = database, run_id, name, kind, cloud
        self.target = Target(program=Path("unused"), stack="unused")
        self.source, self.repairs = None, False
        self.folder, self.redactor, self.began = Path("unused"), Redactor([]), False
        self.watch = _Watch(database, run_id, name)  # type: ignore[assignment]
        self.engine = _Engine(self)  # type: ignore[assignment]
        self.over, self.error = False, ""
        self._killed = False
        self._go, self._waits = threading.Semaphore(0), threading.Semaphore(0)

    def _begin(self) -> None:
        """There is no program to note."""

    def planned(self) -> tuple[State, str, str, dict[str, Any]]:
        self.pause()
        with self.database.read() as session:
            run = session.get_one(Run, self.run_id)
        outcome = State.SUCCEEDED if self.kind is Kind.DRIFT else self.cloud.outcome
        return outcome, self.cloud.digest(run), "", {"state_hash": str(self.cloud.moved)}

    def pause(self) -> None:
        """Wait until the test lets it go on."""
        self._waits.release()
        self._go.acquire()
        if self._killed:
            raise KilledError

    def begin(self, phase: str) -> None:
        work = self.apply if phase == Phase.APPLY else self.preview
        self._thread = threading.Thread(target=self._all, args=(work,), daemon=True)
        self._thread.start()
        self._waits.acquire()

    def _all(self, work: Callable[[], None]) -> None:
        try:
            work()
        except KilledError:
            pass
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self.over = True
            self._waits.release()

    def go_on(self) -> None:
        self._go.release()
        self._waits.acquire()

    def kill(self) -> None:
        self._killed = True
        if not self.over:
            self.go_on()
        self._thread.join()
