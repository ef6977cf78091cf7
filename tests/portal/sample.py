"""The portal that `make portal` starts, in a folder of its own, for tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.conftest import CHECKOUT
from tests.greeter.processes import free_port


@dataclass
class Sample:
    """A portal that answers at `address`, and keeps everything in `folder`."""

    folder: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def drift(self, resource: str, name: str, value: object) -> None:
        """Change a resource of `dev` behind Pulumi's back."""
        file = json.loads((self.folder / "portal.json").read_text())
        environment = {**os.environ, **file["targets"]["dev"]["variables"]}
        command = [sys.executable, "-m", "local_cloud", "drift", resource, name, json.dumps(value)]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def engine(self) -> psutil.Process:
        """The Pulumi CLI that applies something just now. It is held, so that a test can take its time."""
        found = [each for each in psutil.process_iter(["cmdline", "environ"]) if self._applies(each)]
        assert len(found) == 1, found
        engine: psutil.Process = found[0]
        engine.suspend()
        return engine

    def let_go(self, engine: psutil.Process) -> None:
        """Let the engine go on that is held, once it was told to end: the runner looks for that every heartbeat."""
        status = Path(f"/proc/{engine.pid}/status")
        while not int(re.findall(r"ShdPnd:\s*(\w+)", status.read_text())[0], 16) >> (signal.SIGTERM - 1) & 1:
            time.sleep(0.1)
        engine.resume()

    def _applies(self, process: psutil.Process) -> bool:
        command, environment = process.info["cmdline"] or [], process.info["environ"] or {}
        return "up" in command[:3] and str(self.folder) in environment.get("PULUMI_BACKEND_URL", "")


@contextmanager
def started(folder: Path) -> Iterator[Sample]:
    """The portal, once it answers; it is stopped as Ctrl-C does."""
    port = free_port()
    command = [sys.executable, "-m", "tools.portal_sample", "--port", str(port), "--folder", str(folder)]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        assert process.poll() is None, "".join(said)
        yield Sample(folder, port, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
