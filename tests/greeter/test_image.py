"""The image, as far as it can be checked without building it."""

import ast
import fnmatch
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.greeter.processes import CHECKOUT, free_port, health, reachable, wait_for

SAMPLE = CHECKOUT / "samples" / "greeter"
DOCKERFILE = (SAMPLE / "Dockerfile").read_text()
PACKAGES = {"grpc": "grpcio", "grpc_health": "grpcio-health-checking", "grpc_reflection": "grpcio-reflection"}
PACKAGES["google"] = "protobuf"


def instructions(word: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{word} (.*)$", joined, re.MULTILINE)


def included(name: str) -> bool:
    """Whether a file is sent to the build (Docker: ".dockerignore file"; the last match wins)."""
    decision = True
    for line in (SAMPLE / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and fnmatch.fnmatch(name, pattern.lstrip("!")):
            decision = pattern.startswith("!")
    return decision


def sources() -> list[Path]:
    """The modules that end up in the image."""
    return sorted(file for file in SAMPLE.glob("*.py") if included(file.name))


def test_both_stages_have_one_named_base() -> None:
    base = re.search(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert base
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base[1])
    assert instructions("FROM") == ["${BASE} AS packages", "${BASE}"]


def test_it_runs_as_a_number_that_is_not_root() -> None:
    users = instructions("USER")
    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[0])
    assert DOCKERFILE.index("USER ") > DOCKERFILE.rindex("COPY ")


def test_the_server_is_process_one() -> None:
    assert [json.loads(text) for text in instructions("ENTRYPOINT")] == [["python", "-m", "samples.greeter.server"]]
    assert instructions("CMD") == []


def test_packages_are_installed_with_hashes_and_no_compiler() -> None:
    run = " ".join(instructions("RUN"))
    assert "--require-hashes" in run
    assert "--only-binary :all:" in run


def test_the_image_needs_no_other_package_than_its_own_list() -> None:
    listed = set(re.findall(r"^([a-z-]+)==", (SAMPLE / "requirements.in").read_text(), re.MULTILINE))
    needed: set[str] = set()
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            needed |= {name.partition(".")[0] for name in names}
    foreign = needed - sys.stdlib_module_names - {"samples"}
    assert {PACKAGES[name] for name in foreign} == listed


@pytest.mark.parametrize("package", sorted(PACKAGES.values()))
def test_the_image_has_the_versions_that_are_tested_here(package: str) -> None:
    pin = rf"^{package}==(\S+)"
    own, tested = (
        re.search(pin, (folder / "requirements.lock").read_text(), re.MULTILINE) for folder in (SAMPLE, CHECKOUT)
    )
    assert own
    assert tested
    assert own[1] == tested[1]


def test_the_lock_has_a_hash_for_every_package() -> None:
    blocks = re.split(r"^(?=[a-z])", (SAMPLE / "requirements.lock").read_text(), flags=re.MULTILINE)
    packages = [block for block in blocks if re.match(r"[a-z-]+==", block)]
    assert len(packages) >= 4
    assert all("--hash=sha256:" in block for block in packages)


def test_what_the_image_holds_is_enough_to_serve_from_a_read_only_folder(tmp_path: Path) -> None:
    app = tmp_path / "app" / "samples" / "greeter"
    app.mkdir(parents=True)
    for file in sources():
        shutil.copy(file, app)
    for folder in (app, app.parent, app.parent.parent):
        folder.chmod(0o555)
    port = free_port()
    environment = {"PORT": str(port), "HOST": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1", "SHUTDOWN_WAIT_SECONDS": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "samples.greeter.server"], cwd=tmp_path / "app", env=environment, stdout=subprocess.PIPE
    )
    try:
        wait_for(lambda: reachable(port) or process.poll() is not None, "the server listens")
        assert health(f"127.0.0.1:{port}", "greeter.v1.Greeter") == 1
        process.terminate()
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        for folder in (app, app.parent, app.parent.parent):
            folder.chmod(0o755)
    assert sorted(file.name for file in app.iterdir()) == [file.name for file in sources()]
