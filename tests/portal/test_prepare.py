"""Settings and secrets on their way into a run, with the program's own check and the real engine's encryption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal import form, requests
from portal.database import Database
from portal.prepare import Base, Encryptions, InvalidSettingsError, Means
from portal.prepare import prepare as prepared
from portal.queue import TableQueue
from portal.requests import Prepared
from portal.settings import PortalSettings
from portal.states import Kind
from portal.tables import Binding, Environment, Run
from tests.conftest import CHECKOUT
from tools.engine import LocalEngine

from .conftest import ANN

pytestmark = pytest.mark.engine
PATH = ("grpc-platform:services", "orders", "secrets", "KEY")
CLEAR = "-a secret\nof two lines\n"


@pytest.fixture
def chosen(tmp_path: Path, database: Database) -> PortalSettings:
    engine = LocalEngine.create(tmp_path / "cloud")
    program = tmp_path / "program"
    program.mkdir()
    for name in (".venv", "components", "Pulumi.yaml", "__main__.py", "settings.schema.json"):
        (program / name).symlink_to(CHECKOUT / name)
    local = yaml.safe_load((CHECKOUT / "Pulumi.local.yaml").read_text("utf-8"))
    (program / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"encryptionsalt": local["encryptionsalt"]}))
    engine.run("stack", "select", "--create", "dev", cwd=program)
    with database.write() as session:
        session.get_one(Environment, "dev").settings = local["config"]
        session.add(Binding(environment="dev", subject="user:ann", role="requester"))
    kept = {name: value for name, value in engine.env.items() if name not in ("HOME", "LANG")}
    target = {"program": str(program), "stack": "dev", "variables": kept}
    return PortalSettings.model_validate(
        {"database": database.url, "folder": str(tmp_path / "runs"), "targets": {"dev": target}}
    )


def prepare(chosen: PortalSettings, database: Database, settings: dict[str, Any]) -> Prepared:
    """What a client sends, made from the settings as they are."""
    with database.read() as session:
        base = Base.of(session.get_one(Environment, "dev"))
    return prepared(Means(chosen, Encryptions(1)), base, base.version, settings)


def changed(database: Database, *path: str, to: Any) -> dict[str, Any]:
    with database.read() as session:
        found: dict[str, Any] = yaml.safe_load(form.to_yaml(session.get_one(Environment, "dev").settings))["config"]
    inside = found
    for name in path[:-1]:
        inside = inside.setdefault(name, {})
    inside[path[-1]] = to
    return found


def submit(database: Database, ready: Prepared, key: str = "") -> Run:
    with database.write() as session:
        return requests.submit(session, TableQueue(), ANN, "dev", Kind.UPDATE, ready, key=key)


def test_a_secret_is_encrypted_before_it_is_kept_and_the_same_one_changes_nothing(
    chosen: PortalSettings, database: Database
) -> None:
    first = prepare(chosen, database, changed(database, *PATH, to=CLEAR))
    again = prepare(chosen, database, changed(database, *PATH, to=CLEAR))
    assert first.body == again.body
    assert first.settings != again.settings  # the engine encrypts no value twice in the same way
    run = submit(database, first, "k")
    assert submit(database, again, "k").id == run.id
    with pytest.raises(requests.KeyReusedError):
        submit(database, prepare(chosen, database, changed(database, *PATH, to="another")), "k")
    with database.write() as session:
        where = session.get_one(Environment, "dev")
        where.settings, where.marks = run.settings, run.marks
    for kept in (CLEAR, form.SECRET):
        assert prepare(chosen, database, changed(database, *PATH, to=kept)).settings == first.settings
    assert prepare(chosen, database, changed(database, *PATH, to="another")).settings != first.settings
    stored = b"".join(each.read_bytes() for each in chosen.folder.parent.glob("portal.sqlite*"))
    assert b"of two lines" not in stored
    assert json.dumps(first.settings).encode()[-100:-90] in stored
    assert [each.name for each in chosen.folder.iterdir()] == ["secrets.key"]


def test_everything_wrong_with_settings_is_said_at_once(chosen: PortalSettings, database: Database) -> None:
    wrong = changed(database, "grpc-platform:network", "cidr", to="10.0.0.0/99")
    wrong["grpc-platform:services"]["orders"]["protocoll"] = "grpc"
    wrong["grpc-platform:services"]["orders"]["secrets"] = {"KEY": "", "OTHER": form.SECRET}
    with pytest.raises(InvalidSettingsError) as found:
        prepare(chosen, database, wrong)
    said = "\n".join(f"{each.where}: {each.message}" for each in found.value.problems)
    for part in ("network.cidr", "protocoll", "1 to 4096 characters", "OTHER: there is no secret here"):
        assert part in said


def test_a_secret_in_clear_among_the_settings_is_refused_and_not_repeated(
    chosen: PortalSettings, database: Database
) -> None:
    nowhere = ("grpc-platform:network", "secrets")
    with pytest.raises(InvalidSettingsError) as found:
        prepare(chosen, database, changed(database, *nowhere, to={"KEY": "hunter2-hunter2"}))
    assert any("secrets.KEY" in each.where for each in found.value.problems)
    assert "hunter2" not in str(found.value.problems)
