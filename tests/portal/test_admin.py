"""Environments and roles from a file, and the audit checked, as somebody does it in a shell."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal import admin, audit, timers, worker
from portal.audit import Actor
from portal.database import Database
from portal.tables import Audit, Binding, Environment

FILE: dict[str, Any] = {
    "environments": {
        "dev": {
            "owner": "shop",
            "destroy_protected": False,
            "settings": "Pulumi.dev.yaml",
            "roles": {"requester": ["group:shop", "user:ann"], "approver": ["group:leads"]},
        },
        "prod": {"owner": "shop", "approvals": 2},
    },
    "everywhere": {"admin": ["group:platform"]},
}
CONFIG = {"aws:region": "eu-west-1"}


@pytest.fixture(autouse=True)
def _same_umask() -> Iterator[None]:
    """The command sets that of its process, which here is that of all tests."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = {"program": str(tmp_path), "stack": "dev"}
    document = {
        "database": f"sqlite:///{tmp_path / 'portal.sqlite'}",
        "folder": str(tmp_path / "runs"),
        "targets": {"dev": target, "prod": target},
    }
    (tmp_path / "portal.json").write_text(json.dumps(document))
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": CONFIG}))
    return tmp_path


def run(folder: Path, wanted: Any, *flags: str) -> int:
    (folder / "environments.yaml").write_text(wanted if isinstance(wanted, str) else yaml.safe_dump(wanted))
    return admin.main(["environments", str(folder / "portal.json"), str(folder / "environments.yaml"), *flags])


def database_of(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'portal.sqlite'}")


def roles(folder: Path) -> set[tuple[str, str, str]]:
    database = database_of(folder)
    with database.read() as session:
        found = {(each.environment, each.subject, each.role) for each in session.query(Binding)}
    database.close()
    return found


def test_a_file_makes_environments_and_roles_and_a_second_time_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, FILE) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["dev is new", "prod is new"]
    assert "group:platform is admin in every environment" in told
    assert roles(folder) == {
        ("dev", "group:shop", "requester"),
        ("dev", "user:ann", "requester"),
        ("dev", "group:leads", "approver"),
        ("*", "group:platform", "admin"),
    }
    database = database_of(folder)
    with database.read() as session:
        assert session.get_one(Environment, "dev").settings == CONFIG
        assert session.get_one(Environment, "prod").destroy_protected is True
        written = session.query(Audit).count()
        assert {each.action for each in session.query(Audit)} == {"environment.add", "role.give"}
    assert run(folder, FILE) == 0
    assert capsys.readouterr().out == "everything is as the file says\n"
    with database.read() as session:
        assert session.query(Audit).count() == written
    database.close()


def test_changes_are_said_roles_go_and_environments_stay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, FILE)
    capsys.readouterr()
    other = {"environments": {"dev": {"owner": "shop", "approvals": 3, "roles": {"viewer": ["user:ann"]}}}}
    assert run(folder, other, "--dry-run") == 0
    planned = capsys.readouterr().out.splitlines()
    assert planned.pop() == "nothing was changed: this was a dry run"
    assert ("dev", "user:ann", "requester") in roles(folder)
    assert run(folder, other) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == planned
    assert "dev: approvals was 1 and is 3" in told
    assert "dev: destroy_protected was False and is True" in told
    assert any(line.startswith("prod is not in the file: it is left") for line in told)
    assert roles(folder) == {("dev", "user:ann", "viewer")}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("environments: [", "environments.yaml"),
        ({"environments": {"Dev": {"owner": "shop"}}}, "environments.Dev"),
        ({"environments": {"dev": {"owner": "shop", "aprovals": 2}}}, "did you mean approvals?"),
        ({"environments": {"dev": {"owner": "shop", "roles": {"boss": []}}}}, "roles.boss"),
        ({"environments": {"dev": {"owner": "shop", "roles": {"admin": ["Ann"]}}}}, "roles.admin.0"),
        ({"environments": {"shop": {"owner": "shop"}}}, "has no target for shop"),
        ({"environments": {"dev": {"owner": "shop", "settings": "none.yaml"}}}, "none.yaml"),
    ],
)
def test_a_wrong_file_is_refused_and_nothing_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], wanted: Any, said: str
) -> None:
    assert run(folder, wanted) == 2
    assert said in capsys.readouterr().err


def test_a_secret_in_clear_is_never_taken_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear = {"config": {"grpc-platform:services": {"orders": {"secrets": {"KEY": "hunter2hunter2"}}}}}
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(clear))
    assert run(folder, FILE) == 2
    told = capsys.readouterr().err
    assert "services.orders.secrets.KEY is a secret in clear" in told
    assert "hunter2" not in told


def test_an_export_of_the_audit_is_checked(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, FILE)
    database = database_of(folder)
    with database.write() as session:
        head = audit.append(session, Actor("ann"), "environment.lock", "environment:dev").hash
    with database.read() as session:
        lines = list(audit.export(session))
    database.close()
    file = folder / "audit.jsonl"
    file.write_text("\n".join(lines) + "\n")
    capsys.readouterr()
    assert admin.main(["verify-audit", str(file), "--head", head]) == 0
    assert capsys.readouterr().out == f"{len(lines)} rows, all as they were written\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines[:-1])))
    assert admin.main(["verify-audit", "-", "--head", head]) == 1
    file.write_text("\n".join([lines[0].replace("dev", "prod"), *lines[1:]]))
    assert admin.main(["verify-audit", str(file)]) == 1
    file.write_text("no json")
    assert admin.main(["verify-audit", str(file)]) == 2


@pytest.mark.parametrize("process", [timers.main, worker.main])
def test_the_processes_say_what_they_need(process: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        process(["--help"])
    assert ended.value.code == 0
    assert "SETTINGS" in capsys.readouterr().out
    assert process([str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


def test_the_database_that_it_makes_is_its_users_alone(folder: Path) -> None:
    assert run(folder, FILE) == 0
    assert [each.stat().st_mode & 0o077 for each in folder.glob("portal.sqlite*")] == [0]


def test_the_commands_own_help_shows_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        admin.main(["environments", "--help"])
    assert "roles: {requester: [group:shop]" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "\n", "[" * 200_000, '{"type": "about:blank", "status": 403}'])
def test_what_is_no_export_is_not_called_whole(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An export has at least the row that says it was taken: a file without any is one that went wrong."""
    (folder / "export").write_text(text)
    assert admin.main(["verify-audit", str(folder / "export")]) == 2
    assert "no export of the audit" in capsys.readouterr().err
