"""A secret that somebody typed is encrypted as the stack encrypts, and is in clear nowhere on the way."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from portal import engine, settings
from portal.settings import Target

from .world import new_portal

pytestmark = pytest.mark.engine

TYPED = {"a": "hunter2hunter2", "b": "-starts like a flag", "c": "of two\nlines\n"}


@pytest.fixture
def target(tmp_path: Path) -> Target:
    new_portal(tmp_path / "portal").database.close()
    return settings.load(tmp_path / "portal" / "portal.json").targets["dev"]


def clear(target: Target, folder: Path, encrypted: str) -> str:
    """What the engine itself makes of an encrypted value."""
    folder.mkdir()
    shutil.copy(target.program / "Pulumi.yaml", folder)
    document = yaml.safe_load((target.program / f"Pulumi.{target.stack}.yaml").read_text())
    document["config"] = {"grpc-platform:it": {"secure": encrypted}}
    (folder / f"Pulumi.{target.stack}.yaml").write_text(yaml.safe_dump(document))
    command = ["pulumi", "config", "get", "grpc-platform:it", "--stack", target.stack, "--non-interactive"]
    environment = engine.variables(target)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.removesuffix("\n")


def test_secrets_are_encrypted_by_the_stack_itself(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    encrypted = engine.encrypt(target, folder, TYPED)
    for key, text in TYPED.items():
        assert encrypted[key].startswith("v1:")
        assert clear(target, tmp_path / key, encrypted[key]) == text
    assert list(folder.iterdir()) == []
    assert "portal_secret" not in (target.program / f"Pulumi.{target.stack}.yaml").read_text()


def test_a_stack_that_does_not_say_how_is_refused_and_the_secret_is_not_told(target: Target, tmp_path: Path) -> None:
    (target.program / f"Pulumi.{target.stack}.yaml").unlink()
    with pytest.raises(engine.EncryptionError) as refused:
        engine.encrypt(target, tmp_path / "runs", TYPED)
    assert "hunter2" not in str(refused.value)
    assert list((tmp_path / "runs").iterdir()) == []
