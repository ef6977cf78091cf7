"""Previews of the committed environments: no network, no credentials, the same twice, the same URNs as ever."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tools import copies, environment
from tools.preview import manifest_problems, steps

pytestmark = pytest.mark.engine

SNAPSHOT = Path(__file__).with_name("urns.dev.txt")

# A network of its own with loopback alone: whatever else is asked for is refused by the kernel. The interface is
# brought up by hand (SIOCGIFFLAGS, SIOCSIFFLAGS), since `ip` is not everywhere.
LOOPBACK_ONLY = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    flags = struct.unpack("16sH14x", fcntl.ioctl(sock, 0x8913, struct.pack("16sH14x", b"lo", 0)))[1]
    fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""

ISOLATED = ("unshare", "--net", "--map-root-user", sys.executable, "-c", LOOPBACK_ONLY)


def preview(name: str, folder: Path) -> list[dict[str, Any]]:
    """The planned steps of a preview of an empty stack, run where there is no network and no credential."""
    folder.mkdir()
    program, engine = copies.make(environment.here(), name, folder)
    events = folder / "events.json"
    result = subprocess.run(
        [*ISOLATED, "pulumi", "preview", "--stack", name, "--event-log", str(events), "--non-interactive"],
        cwd=program,
        env={**engine.env, "PULUMI_DEBUG_COMMANDS": "true", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return list(steps(events))


def inputs(planned: list[dict[str, Any]]) -> dict[str, Any]:
    return {step["urn"]: (step.get("new") or {}).get("inputs") for step in planned}


def without_auto_names(value: Any) -> Any:
    """Random endings replaced by a word: `-` and 7 hexadecimal digits (aws) or 8 (kubernetes)."""
    return json.loads(re.sub(r"-[0-9a-f]{7,8}\"", '-random"', json.dumps(value, sort_keys=True)))


def stack_files() -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in sorted(CHECKOUT.glob("Pulumi.*"))}


@pytest.fixture(scope="module")
def files_before() -> dict[Path, bytes]:
    return stack_files()


@pytest.fixture(scope="module")
def dev(files_before: dict[Path, bytes], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    assert files_before
    return preview("dev", tmp_path_factory.mktemp("dev") / "copy")


def test_a_network_that_is_not_there_is_noticed_by_this_test() -> None:
    """The isolation itself works: from inside, an outside address is unreachable."""
    code = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=2)"
    result = subprocess.run(
        [*ISOLATED, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Network is unreachable" in result.stderr


def test_two_previews_of_nothing_differ_only_in_random_auto_names(dev: list[dict[str, Any]], tmp_path: Path) -> None:
    again = preview("dev", tmp_path / "copy")
    assert without_auto_names(inputs(dev)) == without_auto_names(inputs(again))


def test_the_urns_of_the_dev_stack_are_those_of_the_snapshot(dev: list[dict[str, Any]]) -> None:
    """Logical names, parents and types are an API: a change here replaces what exists, so it needs an alias and a
    changelog line. To accept one: UPDATE_SNAPSHOTS=1."""
    urns = "\n".join(sorted(step["urn"] for step in dev)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(urns)
    assert urns == SNAPSHOT.read_text()


def test_secrets_of_the_dev_stack_are_marked_wherever_they_go(dev: list[dict[str, Any]]) -> None:
    """The placeholder that stands for every secret appears in no input in clear."""
    assert any(step["type"] == "kubernetes:core/v1:Secret" for step in dev)
    assert "placeholder.invalid" not in json.dumps(inputs(dev))


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_every_manifest_would_be_admitted(name: str, dev: list[dict[str, Any]], tmp_path: Path) -> None:
    planned = dev if name == "dev" else preview(name, tmp_path / "copy")
    assert not list(manifest_problems(planned, "1.36"))
    assert not [step for step in planned if protected_missing(name, step)]


def protected_missing(name: str, step: Mapping[str, Any]) -> bool:
    """In prod what holds state is protected."""
    state = {"aws:ec2/vpc:Vpc", "aws:kms/key:Key", "eks:index:Cluster", "aws:ecr/repository:Repository"}
    return name == "prod" and step["type"] in state and not (step.get("new") or {}).get("protect")


def test_a_preview_leaves_the_stack_files_alone(files_before: dict[Path, bytes], dev: list[dict[str, Any]]) -> None:
    assert dev
    assert stack_files() == files_before
