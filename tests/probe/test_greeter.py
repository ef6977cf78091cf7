"""The probe against real servers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from probe import __main__ as command
from probe.load import percentile
from probe.model import Answer, Options
from tests.greeter.processes import CHECKOUT, Servers, free_port, wait_for
from tests.probe.conftest import Probe

GREET = ("--method", "greeter.v1.Greeter/Greet", "--data", '{"name": "Ann"}')


def test_a_whole_run_against_a_greeter(servers: Servers, probe: Probe) -> None:
    server = servers.start(REFLECTION="true", POD_NAME="pod-a")
    found = probe(server.address, "--plaintext", *GREET, "--health-service", "greeter.v1.Greeter", "--stream", "0.5")
    assert (found.code, found.document["outcome"]) == (0, "ok")
    assert found.outcomes == {
        "name": "ok",
        "tcp": "ok",
        "tls": "skipped",
        "http2": "ok",
        "health": "ok",
        "reflection": "ok",
        "call": "ok",
        "calls": "ok",
        "distribution": "note",
        "latency": "ok",
        "stream": "ok",
    }
    assert found.step("reflection")["facts"]["version"] == "v1"
    assert found.step("distribution")["facts"]["several_connections"] == {"pod-a": 20}
    assert found.step("latency")["facts"]["calls"] == 19


def test_tls_and_a_health_port(servers: Servers, probe: Probe, certificate: tuple[Path, Path]) -> None:
    crt, key = (str(path) for path in certificate)
    server = servers.start(HEALTH_PORT=str(free_port()), TLS_CERT_FILE=crt, TLS_KEY_FILE=key)
    found = probe(f"localhost:{server.port}", "--ca", crt)
    assert (found.code, found.outcomes["alpn"], found.outcomes["health"]) == (0, "ok", "ok")
    assert probe(f"127.0.0.1:{server.health_port}", "--plaintext").code == 0


def test_metadata_is_kept_from_a_server_that_is_not_trusted(
    servers: Servers, probe: Probe, certificate: tuple[Path, Path]
) -> None:
    crt, key = (str(path) for path in certificate)
    server = servers.start(HEALTH_PORT=str(free_port()), TLS_CERT_FILE=crt, TLS_KEY_FILE=key, REFLECTION="true")
    options = (*GREET, "--metadata", "x-key=of-a-secret")
    assert "of-a-secret" in probe(f"localhost:{server.port}", "--ca", crt, *options).text("call")
    found = probe(f"localhost:{server.port}", *options)
    assert found.problems == ["tls"]
    assert "of-a-secret" not in json.dumps(found.document)


def test_a_draining_server_is_noticed(servers: Servers, probe: Probe) -> None:
    server = servers.start(SHUTDOWN_WAIT_SECONDS="10")
    server.terminate()
    wait_for(lambda: server.logged("draining"), "it drains")
    found = probe(server.address, "--plaintext", "--health-service", "greeter.v1.Greeter")
    assert (found.code, found.problems) == (1, ["health"])
    assert "NOT_SERVING" in found.text("health")
    assert probe(server.address, "--plaintext", "--health-service", "liveness").code == 0


def test_without_reflection_a_method_is_called_with_an_empty_message(servers: Servers, probe: Probe) -> None:
    server = servers.start()
    found = probe(server.address, "--plaintext", *GREET)
    assert found.code == 0
    assert found.outcomes["call"] == "note"
    assert "INVALID_ARGUMENT (name: must have 1 to 256 characters; received 0)" in found.text("call")
    assert found.step("distribution")["facts"]["one_connection"] == {server.pod: 20}


def test_a_method_that_is_not_there(servers: Servers, probe: Probe) -> None:
    plain = servers.start()
    reflecting = servers.start(REFLECTION="true")
    for server, words in ((plain, "does not know this method"), (reflecting, "has no method Salute")):
        found = probe(server.address, "--plaintext", "--method", "greeter.v1.Greeter/Salute")
        assert (found.code, found.problems) == (1, ["call"])
        assert words in found.text("call")


def test_data_that_does_not_fit_the_method(servers: Servers, probe: Probe) -> None:
    server = servers.start(REFLECTION="true")
    found = probe(server.address, "--plaintext", "--method", GREET[1], "--data", '{"nom": "Ann"}')
    assert found.problems == ["call"]
    assert "--data does not fit greeter.v1.GreetRequest" in found.text("call")


def test_connections_that_age_cost_no_call(servers: Servers, probe: Probe) -> None:
    server = servers.start(MAX_CONNECTION_AGE="1", MAX_CONNECTION_AGE_GRACE="20", REFLECTION="true")
    series = json.dumps({"name": "Ann", "count": 3, "intervalMs": 200})
    method = ("--method", "greeter.v1.Greeter/GreetSeries", "--data", series)
    found = probe(server.address, "--plaintext", *method, "--calls", "6")
    assert (found.code, found.outcomes["calls"]) == (0, "note")
    assert found.step("calls")["facts"]["goaways"] > 0


def test_the_rest_twin_speaks_http1_only(servers: Servers, probe: Probe) -> None:
    server = servers.start("rest")
    found = probe(server.address, "--plaintext")
    assert (found.code, found.problems) == (1, ["http2"])
    assert "HTTP/1.1 only" in found.text("http2")


def test_the_readable_report(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    server = servers.start()
    assert command.main([server.address, "--plaintext", "--calls", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok      name           127.0.0.1 is 127.0.0.1"
    assert lines[-1] == "No problem found."


def test_help_names_the_exit_codes() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "probe", "--help"], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "0 no problem, 1 a problem was found, 2 wrong usage, 3 not reached" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["example.com"], 'HOST:PORT: must be a name or address and a port; received "example.com"'),
        (["example.com:0"], 'HOST:PORT: must be a name or address and a port; received "example.com:0"'),
        (["https://example.com:443"], "HOST:PORT: must be"),
        (["x:1", "--method", "Greet"], '--method: must be package.Service/Method; received "Greet"'),
        (["x:1", "--plaintext", "--insecure"], "--plaintext: there is no certificate"),
        (["x:1", "--ca", "absent.pem"], '--ca: must be a file; received "absent.pem"'),
        (["x:1", "--metadata", "team"], '--metadata: must be KEY=VALUE; received "team"'),
        (["x:1", "--data", "[]"], "--data: must be a JSON object"),
        (["x:1", "--data", "{"], "--data: "),
        (["x:1", "--timeout", "0"], 'must be seconds, above 0 and at most 86400; received "0"'),
        (["x:1", "--stream", "nan"], 'must be seconds, above 0 and at most 86400; received "nan"'),
        (["x:1", "--calls", "-1"], 'must be a whole number from 0 to 100000; received "-1"'),
    ],
)
def test_wrong_usage_gives_2_and_says_why(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_forms_of_a_target() -> None:
    for text, host, port in (("[::1]:50051", "::1", 50051), ("dns:///a.example.com:443", "a.example.com", 443)):
        chosen, as_json = command.options([text])
        assert (chosen.host, chosen.port, as_json) == (host, port, False)
    assert Options("::1", 1).sent_authority == "[::1]"
    assert Options("h", 1, authority="orders.example.com:443").name == "orders.example.com"


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(each) for each in range(1, 101)]
    assert [percentile(values, share) for share in (50, 90, 99)] == [50, 90, 99]
    assert percentile([7.0], 99) == 7.0


def test_a_message_cut_short_is_none() -> None:
    assert Answer(body=bytearray(b"\0\0\0\0\x02ab\0\0\0\0\x05ab")).messages == [b"ab"]
    assert Answer(body=bytearray(b"\0\0")).messages == []
