"""Set a checkout up: Python environment, Pulumi CLI, language host, local providers. Safe to run at any time.

    python3 tools/bootstrap.py

Does only what is missing; a run with nothing to do takes a fraction of a second. Interrupted, it goes on where it was.
Exit codes: 0 ready, 1 something is missing that only the user can bring, 130 interrupted.
"""

from __future__ import annotations

import os
import shutil
import sys

MINIMUM = (3, 11)


def require_python() -> None:
    """Continue on a newer interpreter when this one is too old; say what to install when there is none."""
    if sys.version_info >= MINIMUM:
        return
    for minor in range(14, MINIMUM[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)  # noqa: UP031
        if found:
            os.execv(found, [found] + sys.argv)  # noqa: S606, RUF005
    sys.stderr.write(
        "Python %d.%d or later is needed; `%s` is %s. Install one, or name one: make setup PYTHON=/path/to/python3.12\n"  # noqa: UP031
        % (MINIMUM + (sys.executable, sys.version.split()[0]))  # noqa: RUF005
    )
    sys.exit(1)


require_python()

import json  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).resolve().parent)]

from tools import environment, progress, provision  # noqa: E402

_SOURCES = ("bootstrap.py", "provision.py", "environment.py", "language_host.py", "language_child.py")


def main() -> int:
    """Bring the checkout up to date; the exit code."""
    place = environment.here()
    stamp = place.root / "setup.json"
    if is_ready(place, stamp):
        return 0
    started = time.monotonic()
    sys.stderr.write("Setting up (only what is missing):\n")
    try:
        with progress.exclusive(provision.cache() / "locks" / f"checkout-{provision.digest(str(place.checkout))}.lock"):
            prepare(place)
            stamp.write_text(json.dumps(fingerprint(place), indent=2) + "\n", encoding="utf-8")
    except progress.SetupError as error:
        sys.stderr.write(f"\nSet-up stopped: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run it again: it goes on where it was.\n")
        return 130
    sys.stderr.write(f"Ready ({progress.duration(time.monotonic() - started)}).\n")
    return 0


def prepare(place: environment.Environment) -> None:
    """Provide everything that is missing."""
    lock = place.checkout / "requirements.lock"
    if not lock.is_file():
        raise progress.SetupError(f"{lock} is missing: is this a whole checkout?")
    venv = provision.python_environment(lock)
    link(place.venv, venv)
    cli = provision.pulumi_cli(place.checkout / "tools" / "cli", place.bin)
    binary = provision.with_host(cli, venv / "bin" / "python", place.checkout / "tools")
    place.bin.mkdir(parents=True, exist_ok=True)
    link(place.bin / "pulumi", binary)
    place.state.mkdir(exist_ok=True)
    place.home.mkdir(exist_ok=True)
    install_plugins(place)


def install_plugins(place: environment.Environment) -> None:
    """Put the local providers into the PULUMI_HOME of this checkout."""
    step = progress.Step("Local providers", "a few seconds")
    progress.run(
        [str(place.python), "-m", "local_cloud", "install-plugins", str(place.home)],
        step=step,
        log=provision.cache() / "logs" / "plugins.log",
        describe=lambda _: "installing",
        failed="The local providers could not be installed.",
        cwd=place.checkout,
    )
    step.done(f"installed in {place.home / 'plugins'}")


def link(place: Path, target: Path) -> None:
    """Make `place` a link to `target`, in one step; a real folder there is somebody's and stays."""
    if place.is_symlink() and Path(os.readlink(place)) == target:  # noqa: PTH115 - readlink() needs no second type
        return
    if place.exists() and not place.is_symlink():
        raise progress.SetupError(f"{place} is in the way: set-up wants a link to {target} there. Move it, run again.")
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(place)


def fingerprint(place: environment.Environment) -> dict[str, object]:
    """Everything the result of set-up depends on, cheap to compute."""
    tools = place.checkout / "tools"
    inputs = [place.checkout / "requirements.lock", tools / "cli" / "go.mod", tools / "cli" / "go.sum"]
    inputs += [tools / name for name in _SOURCES] + [place.checkout / "local_cloud" / "plugins.py"]
    present = provision.cli_on_path(place.bin)
    return {
        "checkout": str(place.checkout),
        "cache": str(provision.cache()),
        "inputs": provision.digest(*[file.read_bytes() if file.is_file() else b"" for file in inputs]),
        "python": sys.version,
        "on_path": provision.identity(present) if present else None,
    }


def is_ready(place: environment.Environment, stamp: Path) -> bool:
    """Whether an earlier set-up was complete and still stands."""
    try:
        known = json.loads(stamp.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    outcome = (place.python, place.bin / "pulumi", place.home / "plugins", place.state)
    return bool(known == fingerprint(place)) and all(path.exists() for path in outcome)


if __name__ == "__main__":
    sys.exit(main())
