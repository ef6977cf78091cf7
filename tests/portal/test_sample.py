"""`make portal`: what a newcomer starts."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import CHECKOUT
from tests.greeter.processes import free_port

pytestmark = pytest.mark.engine


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [sys.executable, "-m", "tools.portal_sample", "--port", str(port), "--folder", str(tmp_path / "it")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as found:
        yield found, port
        if found.poll() is None:
            found.terminate()


def wait_until_ready(process: subprocess.Popen[str], client: httpx.Client) -> None:
    """Until it has said where it is and answers there."""
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    while process.poll() is None:
        try:
            client.get("/health")
        except httpx.ConnectError:
            continue
        return
    raise AssertionError(process.stdout.read())


def test_a_newcomer_signs_in_sees_both_environments_and_stops_it(
    started: tuple[subprocess.Popen[str], int],
) -> None:
    process, port = started
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Accept": "application/json"}) as client:
        wait_until_ready(process, client)
        _signs_in_and_stops_it(process, port, client)


def _signs_in_and_stops_it(process: subprocess.Popen[str], port: int, client: httpx.Client) -> None:
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    origin = {"Origin": f"http://127.0.0.1:{port}"}
    assert client.get("/").status_code == 401
    assert client.post("/sign-in", json={"person": "ann"}, headers=origin).status_code == 200
    shown = client.get("/").json()["environments"]
    assert [(each["name"], each["roles"]) for each in shown] == [("dev", ["requester"]), ("prod", ["requester"])]
    assert client.post("/sign-in", json={"person": "eve"}, headers=origin).status_code == 200
    assert client.get("/").json()["environments"] == []
    assert client.post("/sign-in", json={"person": "ada"}, headers=origin).status_code == 200
    assert client.get("/audit/export").status_code == 200  # she reads all of it, as is said of her
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert psutil.wait_procs(children, timeout=0)[1] == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tools.portal_sample", "--port", str(port), "--folder", str(tmp_path / "it")]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert not (tmp_path / "it").exists()
