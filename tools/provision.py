"""The parts set-up provides: Python environment, Pulumi CLI, language host. Only the standard library.

Everything lies in a cache outside the checkout, under a key made of what it was made from, and counts only once it is
complete: an interrupted set-up leaves nothing that is taken for whole, and a second checkout finds everything ready.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import environment, progress

INSTALLER = "https://get.pulumi.com"
_INSTALLER_SECONDS = 4  # a closed network drops packets instead of refusing them
_GO_MINIMUM = (1, 21)  # from here on Go fetches by itself the release that go.mod asks for
_COMPLETE = ".complete"
_HOST = "pulumi-language-python"
_HOST_SOURCES = ("language_host.py", "language_child.py")


def cache() -> Path:
    """Folder of everything that outlives a checkout: $GRPC_PLATFORM_CACHE, else grpc-platform in the user's cache."""
    own = os.environ.get("GRPC_PLATFORM_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    users = os.environ.get("XDG_CACHE_HOME")
    return (Path(users) if users else Path.home() / ".cache") / environment.PROJECT


def digest(*parts: bytes | str) -> str:
    """Short hash over the parts."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        whole.update(f"{len(content)}:".encode() + content)
    return whole.hexdigest()[:16]


def identity(file: Path) -> list[str | int]:
    """What tells a file from another one at the same path."""
    found = file.stat()
    return [str(file), found.st_size, found.st_mtime_ns]


def python_environment(lock: Path, folder: Path | None = None) -> Path:
    """Make, or find, the virtual environment with exactly what the lock file says.

    folder: where to make it when the cache has none, so that the cache keeps nothing of it.
    """
    base = Path(sys.executable).resolve()
    key = digest(lock.read_bytes(), sys.version, platform.machine(), str(base))
    venv = cache() / "venv" / f"py{sys.version_info[0]}{sys.version_info[1]}-{key}"
    if (venv / _COMPLETE).is_file():
        return venv
    home = folder or cache()
    venv = home / "venv" / venv.name
    with progress.exclusive(home / "locks" / f"venv-{venv.name}.lock") as handle:
        if (venv / _COMPLETE).is_file():
            return venv
        _make_venv(venv, lock, home / "logs", handle)
        (venv / _COMPLETE).write_text(f"{lock}\n", encoding="utf-8")
    return venv


def _make_venv(venv: Path, lock: Path, logs: Path, handle: int) -> None:
    # Built where it stays, because scripts of a virtual environment hold its path; what makes it count is the mark at
    # the end. The child processes keep the lock, so that a killed set-up and its successor never install side by side.
    step = progress.Step("Python environment", "1 to 3 min, once per machine")
    shutil.rmtree(venv, ignore_errors=True)
    progress.run(
        [sys.executable, "-m", "venv", str(venv)],
        step=step,
        log=logs / "venv.log",
        describe=lambda _: "making a virtual environment",
        failed="Python cannot make a virtual environment (on Debian and Ubuntu: apt install python3-venv).",
        keep=[handle],
    )
    wanted = len(re.findall(r"^[a-z0-9].*==", lock.read_text("utf-8"), re.MULTILINE | re.IGNORECASE))

    def describe(log: str) -> str:
        if "Installing collected packages" in log:
            return f"installing {wanted} packages"
        return f"fetching packages: {len(re.findall(r'^Collecting ', log, re.MULTILINE))} of {wanted}"

    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    progress.run(
        # Most of the provider SDKs is never used: what is, Python compiles at its first import, in a second or two.
        [*pip, "--no-compile", "--require-hashes", "-r", str(lock)],
        step=step,
        log=logs / "pip.log",
        describe=describe,
        failed="pip could not install requirements.lock. Is the package index reachable?",
        keep=[handle],
    )
    step.done(f"{wanted} packages in {venv}")


@dataclass(frozen=True)
class Cli:
    """A Pulumi CLI and where it comes from."""

    path: Path
    origin: str

    @property
    def has_host(self) -> bool:
        """Whether the engine finds a Python language host beside the CLI; one elsewhere on PATH may be of any age."""
        return (self.path.parent / _HOST).is_file()


def cli_on_path(own: Path) -> Path | None:
    """The first `pulumi` on PATH outside `own`, the folder this checkout puts on PATH."""
    folders = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry and Path(entry) != own]
    found = shutil.which("pulumi", path=os.pathsep.join(folders))
    return Path(found).resolve() if found else None


def version_of(cli: Path) -> tuple[int, ...] | None:
    """Version a CLI names, None when it names none (built without a stamp) or does not run."""
    settings = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        found = subprocess.run(
            [str(cli), "version"], env=settings, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", found.stdout.strip())
    return tuple(map(int, match.groups())) if match else None


def pulumi_cli(source: Path, own: Path) -> Cli:
    """The CLI to use: on PATH and new enough, else from the official installer, else built from `source` (a go.mod)."""
    present = cli_on_path(own)
    if present is not None:
        version = version_of(present)
        if version and environment.CLI_MINIMUM <= version < (environment.CLI_MINIMUM[0] + 1,):
            return Cli(present, "found on PATH")
        said = _dotted(version) if version else "of an unknown version"
        wanted = _dotted(environment.CLI_MINIMUM)
        sys.stderr.write(f"  {present} is {said}; {wanted} or later is needed, so this checkout gets its own.\n")
    installed = cache() / "cli" / f"installed-{environment.CLI_VERSION}"
    built = cache() / "cli" / f"built-{environment.CLI_VERSION}-{source_key(source)}"
    with progress.exclusive(cache() / "locks" / "cli.lock") as handle:
        if not (installed.is_dir() or built.is_dir()):
            script = _installer()
            if not (script and _install(script, installed, handle)):
                _build(source, built, handle)
    if installed.is_dir():
        return Cli(installed / "bin" / "pulumi", "from the official installer")
    return Cli(built / "pulumi", "built from source")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def source_key(source: Path) -> str:
    """What a build from a go.mod depends on."""
    return digest((source / "go.mod").read_bytes(), (source / "go.sum").read_bytes(), platform.machine())


def _installer() -> bytes | None:
    try:
        with urllib.request.urlopen(INSTALLER, timeout=_INSTALLER_SECONDS) as answer:
            script: bytes = answer.read()
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return script if script.startswith(b"#!") else None  # anything else is a proxy's login page


def _install(script: bytes, target: Path, handle: int) -> bool:
    step = progress.Step("Pulumi CLI from the official installer", "under a minute, once per machine")
    partial = fresh(target.with_name(f"{target.name}.partial"))
    file = partial / "install.sh"
    file.write_bytes(script)
    try:
        progress.run(
            ["sh", str(file), "--version", environment.CLI_VERSION, "--install-root", str(partial), "--no-edit-path"],
            step=step,
            log=cache() / "logs" / "installer.log",
            describe=lambda _: "downloading",
            failed="The installer failed.",
            keep=[handle],
        )
    except progress.SetupError as error:
        step.done(f"{error}\n    building it from source instead")
        return False
    if version_of(partial / "bin" / "pulumi") is None:
        step.done("the installer brought no CLI that runs here; building it from source instead")
        return False
    partial.rename(target)
    step.done(f"{environment.CLI_VERSION} in {target}")
    return True


def _build(source: Path, target: Path, handle: int) -> None:
    advice = (
        f"Install the Pulumi CLI {_dotted(environment.CLI_MINIMUM)} or later (pulumi.com/docs/install), "
        f"or Go {_dotted(_GO_MINIMUM)} or later (go.dev/dl) to build it here."
    )
    go = go_command("the Pulumi CLI", f"no Pulumi CLI on PATH, {INSTALLER} is out of reach, and there is no Go", advice)
    step = progress.Step("Pulumi CLI, built from source", "8 to 12 min on 2 cores, once per machine; then seconds")
    partial = fresh(target.with_name(f"{target.name}.partial"))
    stamp = f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{environment.CLI_VERSION}"
    go_build(
        [go, "build", "-v", "-ldflags", f"-s -w -X {stamp}", "-o", str(partial / "pulumi")],
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        source=source,
        step=step,
        failed="Go could not build the Pulumi CLI. Is the Go module proxy reachable? "
        "A Pulumi CLI on PATH makes the build unnecessary.",
        handle=handle,
    )
    if version_of(partial / "pulumi") is None:
        raise progress.SetupError(f"the CLI built in {partial} does not run")
    partial.rename(target)
    step.done(f"{environment.CLI_VERSION} in {target}")


def go_build(
    command: Sequence[str], package: str, *, source: Path, step: progress.Step, failed: str, handle: int
) -> None:
    """Run a `go build -v` of a package in `source` (a go.mod); SetupError with `failed` when Go fails.

    `handle` is the lock that the compilers keep, so that a killed set-up and its successor never build side by side.
    """

    def describe(log: str) -> str:
        lines = log.splitlines()
        fetched = sum(line.startswith("go: downloading") for line in lines)
        compiled = len(lines) - fetched
        return f"compiling: {compiled} packages done" if compiled else f"fetching modules: {fetched} so far"

    progress.run(
        [*command, package],
        step=step,
        log=cache() / "logs" / "go.log",
        describe=describe,
        failed=failed,
        cwd=source,
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        keep=[handle],
    )


def go_command(product: str, without: str, advice: str) -> str:
    """The Go to build `product` with; SetupError with `without`, or how old it is, and `advice` when there is none."""
    go = shutil.which("go")
    if go is None:
        raise progress.SetupError(f"{without}. {advice}")
    found = subprocess.run([go, "version"], capture_output=True, text=True, check=False)
    match = re.search(r"go(\d+)\.(\d+)", found.stdout)
    if not match or tuple(map(int, match.groups())) < _GO_MINIMUM:
        raise progress.SetupError(f"{go} is too old to build {product} ({found.stdout.strip()}). {advice}")
    return go


def with_host(cli: Cli, python: Path, sources: Path) -> Path:
    """The CLI to run: the given one when it has a Python language host, else a twin with our host beside it."""
    return cli.path if cli.has_host else hosted(cli.path, python, sources)


def hosted(cli: Path, python: Path, sources: Path) -> Path:
    """A twin of `cli` with our language host, which runs on `python`, beside it."""
    # The engine takes a host beside its own binary silently and warns about one found elsewhere.
    contents = [(sources / name).read_bytes() for name in _HOST_SOURCES]
    key = digest(*contents, str(python), *map(str, identity(cli)))
    folder = cache() / "cli" / f"hosted-{key}"
    if (folder / "pulumi").is_file():
        return folder / "pulumi"
    with progress.exclusive(cache() / "locks" / "host.lock"):
        if not folder.is_dir():
            partial = fresh(folder.with_name(f"{folder.name}.partial"))
            (partial / "tools").mkdir()
            for name, content in zip(_HOST_SOURCES, contents, strict=True):
                (partial / "tools" / name).write_bytes(content)
            host = folder / "tools" / _HOST_SOURCES[0]
            command = f"exec {shlex.quote(str(python))} {shlex.quote(str(host))}"
            (partial / _HOST).write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
            (partial / _HOST).chmod(0o755)
            _twin(cli, partial / "pulumi")
            partial.rename(folder)
    return folder / "pulumi"


def _twin(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(file, target)


def fresh(folder: Path) -> Path:
    """An empty folder; what an interrupted run left there goes (the caller holds the lock)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
