"""`make portal`: the portal on a local cloud of its own, with sample people, for a first look.

Everything it keeps lies in one folder, `.local-portal/`: deleting it is a factory reset. Runs that are under way when
it is stopped go on; the next start finds them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from portal.access import EVERYWHERE, Role
from portal.database import Database
from portal.tables import Binding, Environment
from tools import environment
from tools.engine import LocalEngine

PEOPLE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "ann": ("asks for changes in dev and prod", ("shop",)),
    "bob": ("approves what others ask for", ("leads",)),
    "ops": ("cancels, locks and recovers", ("platform",)),
    "ada": ("may do everything, and reads the audit", ("admins",)),
    "eve": ("is of another team: she has no role here", ()),
}
_ROLES: Final = {"shop": Role.REQUESTER, "leads": Role.APPROVER, "platform": Role.OPERATOR}
_ENVIRONMENTS: Final = {"dev": {"destroy_protected": False}, "prod": {"destroy_protected": True}}
_KEPT: Final = ("PULUMI_", "LOCAL_CLOUD", "GRPC_PLATFORM_", "no_proxy", "NO_PROXY")
_NOT_THE_PROGRAM: Final = ("tests", "docs", "bench")
_END_SECONDS: Final = 10


def lay_out(checkout: Path, folder: Path) -> Path:
    """The program as the portal's environments see it: this checkout's, with stack files of the sample's own.

    Those of the checkout are for AWS, and keep their names and their encryption.
    """
    program = folder / "program"
    program.mkdir(exist_ok=True)
    for entry in (checkout / ".venv", *sorted(checkout.iterdir())):
        link = program / entry.name
        wanted = entry.name == ".venv" or not (entry.name.startswith(".") or entry.match("Pulumi.*.yaml"))
        if wanted and entry.name not in _NOT_THE_PROGRAM and not link.is_symlink():
            link.symlink_to(entry)
    salt = yaml.safe_load((checkout / "Pulumi.local.yaml").read_text("utf-8"))["encryptionsalt"]
    for name in _ENVIRONMENTS:
        (program / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"encryptionsalt": salt}), encoding="utf-8")
    return program


def write(checkout: Path, folder: Path, port: int) -> Path:
    """The file of settings, for a local cloud under `folder`; nobody else may read it."""
    engine = LocalEngine.create(folder / "cloud")
    program = lay_out(checkout, folder)
    variables = {name: value for name, value in engine.env.items() if name.startswith(_KEPT)}
    variables["PATH"] = engine.env["PATH"]
    targets = {
        name: {"program": str(program), "stack": name, "variables": variables, "secret_variables": []}
        for name in _ENVIRONMENTS
    }
    settings = {
        "database": f"sqlite:///{folder / 'portal.sqlite'}",
        "folder": str(folder / "runs"),
        "targets": targets,
        "web": {
            "port": port,
            "origin": f"http://127.0.0.1:{port}",
            "development": {"people": {name: groups for name, (_, groups) in PEOPLE.items()}},
        },
    }
    file = folder / "portal.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    for name in _ENVIRONMENTS:
        engine.run("stack", "select", "--create", name, cwd=program)
    return file


def fill(database: Database, config: Mapping[str, Any]) -> None:
    """Sample environments and roles, where they are not there yet."""
    database.migrate()
    with database.write() as session:
        session.merge(Binding(environment=EVERYWHERE, subject="group:admins", role=Role.ADMIN))
        for name, options in _ENVIRONMENTS.items():
            if session.get(Environment, name) is not None:
                continue
            session.add(Environment(name=name, owner="shop", settings=dict(config), **options))
            session.flush()
            session.add_all(
                Binding(environment=name, subject=f"group:{group}", role=role) for group, role in _ROLES.items()
            )


def sample_config(checkout: Path) -> dict[str, Any]:
    """The settings that both environments begin with: those of `make up`."""
    document = yaml.safe_load((checkout / "Pulumi.local.yaml").read_text("utf-8"))
    config: dict[str, Any] = document["config"]
    return config


def main(arguments: list[str]) -> int:
    """The command; 0 when it was stopped, 1 when a process ended by itself, 2 for wrong arguments."""
    checkout = environment.here().checkout
    parser = argparse.ArgumentParser(
        prog="make portal",
        description="Start the portal on a local cloud of its own, with sample people, until Ctrl-C.",
        epilog="exit codes: 0 stopped, 1 a process of it ended by itself, 2 wrong arguments",
    )
    parser.add_argument("--port", type=int, default=8080, help="where it listens on 127.0.0.1 (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=checkout / ".local-portal", help="what it keeps (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    if not _free(given.port):
        sys.stderr.write(f"port {given.port} is taken; choose another: make portal port={given.port + 1}\n")
        return 2
    folder = given.folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = write(checkout, folder, given.port)
    database = Database(f"sqlite:///{folder / 'portal.sqlite'}")
    fill(database, sample_config(checkout))
    database.close()
    return _serve(checkout, folder, file, given.port)


def _free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _serve(checkout: Path, folder: Path, file: Path, port: int) -> int:
    """Web and worker until one ends or somebody stops them."""
    log = folder / "portal.log"
    ended = False

    def stop(*_: object) -> None:
        nonlocal ended
        ended = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with log.open("ab") as out:
        # Sessions of their own, so that Ctrl-C reaches this process alone, which ends them in order.
        processes = {
            part: subprocess.Popen(
                [sys.executable, "-m", f"portal.{part}", str(file)],
                cwd=checkout,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            for part in ("web", "worker")
        }
    while not (ended or _answers(port)) and all(each.poll() is None for each in processes.values()):
        time.sleep(0.1)
    if _answers(port):
        _tell(port, log)
    while not ended and all(each.poll() is None for each in processes.values()):
        time.sleep(0.2)
    dead = [part for part, each in processes.items() if each.poll() is not None]
    for each in processes.values():
        each.terminate()
    for each in processes.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            each.wait(_END_SECONDS)
        each.kill()
    if dead and not ended:
        sys.stderr.write(f"the {' and the '.join(dead)} process ended by itself; see {log}\n")
        return 1
    sys.stdout.write("\nstopped; runs under way go on, `make portal` finds them again\n")
    return 0


def _tell(port: int, log: Path) -> None:
    people = "\n".join(f"  {name}  {what}" for name, (what, _) in PEOPLE.items())
    sys.stdout.write(
        f"the portal: http://127.0.0.1:{port}/sign-in\n\nsign in as one of\n{people}\n\n"
        "A first way through: as ann ask for a preview in dev, as bob approve it, as ann apply it.\n"
        f"Its log: {log}\nStop it with Ctrl-C.\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
