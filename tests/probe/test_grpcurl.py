"""The probe beside grpcurl, the tool that people know: both see the same server."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.go_tools import built
from tests.greeter.processes import Servers, free_port
from tests.probe.conftest import Probe
from tests.probe.faulty import faulty, sound
from tests.probe.test_faults import with_status

SOURCE = Path(__file__).resolve().parent / "grpcurl"
PACKAGE = "github.com/fullstorydev/grpcurl/cmd/grpcurl"
pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="session")
def grpcurl() -> Path:
    """grpcurl of the version in go.mod, built once into the user's cache."""
    return built(SOURCE, PACKAGE)


def run(grpcurl: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([grpcurl, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_both_list_the_same_services(grpcurl: Path, servers: Servers, probe: Probe) -> None:
    server = servers.start(REFLECTION="true")
    listed = run(grpcurl, "-plaintext", server.address, "list").stdout.split()
    assert "greeter.v1.Greeter" in listed
    assert probe(server.address, "--plaintext").step("reflection")["facts"]["services"] == sorted(listed)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("greeter.v1.Greeter/Greet", {"name": "Ann"}),
        ("greeter.v1.Greeter/GreetAll", {"name": "Ann"}),
        ("greeter.v1.Greeter/Chat", {"name": "Ann"}),
        ("grpc.health.v1.Health/Check", {"service": "greeter.v1.Greeter"}),
    ],
)
def test_both_get_the_same_answer_without_stubs(
    grpcurl: Path, servers: Servers, probe: Probe, method: str, data: dict[str, str]
) -> None:
    server = servers.start(REFLECTION="true")
    theirs = run(grpcurl, "-plaintext", "-H", "x-team: red", "-d", json.dumps(data), server.address, method)
    found = probe(
        server.address, "--plaintext", "--metadata", "x-team=red", "--method", method, "--data", json.dumps(data)
    )
    said = found.text("call").partition(": OK, ")[2]
    assert found.code == 0
    assert json.loads(said) == json.loads(theirs.stdout)


def test_both_get_through_tls(grpcurl: Path, servers: Servers, probe: Probe, certificate: tuple[Path, Path]) -> None:
    crt, key = (str(path) for path in certificate)
    server = servers.start(HEALTH_PORT=str(free_port()), TLS_CERT_FILE=crt, TLS_KEY_FILE=key, REFLECTION="true")
    target = f"localhost:{server.port}"
    assert run(grpcurl, "-cacert", crt, target, "grpc.health.v1.Health/Check").returncode == 0
    assert probe(target, "--ca", crt).code == 0
    assert run(grpcurl, target, "list").returncode != 0
    assert probe(target).problems == ["tls"]


@pytest.mark.parametrize("status", [403, 404, 415, 464, 502, 503, 504])
def test_both_report_the_same_status_and_the_probe_says_why(grpcurl: Path, probe: Probe, status: int) -> None:
    method = "grpc.health.v1.Health/Check"
    protos = ["-import-path", str(SOURCE), "-proto", "health.proto"]
    with faulty(with_status(status, server="awselb/2.0")) as port:
        theirs = run(grpcurl, "-plaintext", *protos, f"127.0.0.1:{port}", method)
        mine = probe(port, "--plaintext").step("call")
    code = re.search(r"Code: (\w+)", theirs.stderr)
    assert code, theirs.stderr
    assert mine["facts"]["status"].replace("_", "").lower() == code[1].lower()
    assert f"HTTP {status}" in mine["text"]


def test_both_say_that_there_is_no_reflection(grpcurl: Path, probe: Probe) -> None:
    with faulty(sound) as port:
        theirs = run(grpcurl, "-plaintext", f"127.0.0.1:{port}", "list")
        mine = probe(port, "--plaintext").step("reflection")
    assert theirs.returncode != 0
    assert "does not support the reflection API" in theirs.stderr
    assert mine["outcome"] == "note"
