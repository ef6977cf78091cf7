"""The client's command line."""

import json
from pathlib import Path

import pytest

from components import clients, settings
from samples.greeter import client
from tests.greeter.processes import Servers, free_port


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("kind", "messages"),
    [
        ("greet", ["Hello, Ann!"]),
        ("series", ["Hello, Ann!", "Hello, Ann!"]),
        ("all", ["Hello, Ann, Bob!"]),
        ("chat", ["Hello, Ann!", "Hello, Bob!"]),
    ],
)
def test_every_kind_of_call(
    servers: Servers, capsys: pytest.CaptureFixture[str], kind: str, messages: list[str]
) -> None:
    server = servers.start()
    options = [
        "--plaintext",
        "--call",
        kind,
        "--name",
        "Ann",
        "--name",
        "Bob",
        "--count",
        "2",
        "--metadata",
        "X-Team=a",
    ]
    assert client.main([server.address, *options, "--keepalive", "60"]) == 0
    answers = said(capsys)
    assert [each["message"] for each in answers] == messages
    assert all(each["metadata"] == {"x-team": "a"} for each in answers)


def test_target_and_service_config_come_from_the_stack(
    servers: Servers, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    started = [servers.start() for _ in range(2)]
    exported = {
        "greeter": {
            "protocol": "grpc",
            "target": "ipv4:" + ",".join(each.address for each in started),
            "service_config": json.dumps(clients.service_config()),
        }
    }
    file = tmp_path / "clients.json"
    file.write_text(json.dumps(exported))
    assert client.main(["--clients", str(file), "--plaintext", "--times", "20"]) == 0
    assert {each["pod"] for each in said(capsys)} == {each.pod for each in started}


def test_the_platform_exports_what_the_client_reads() -> None:
    raw = {
        "protocol": "grpc",
        "port": 50051,
        "grpc_services": ["greeter.v1.Greeter"],
        "expose": {"alb": {"host": "greeter.dev.example.com"}},
    }
    loaded = settings.load(
        {
            "existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
            "network": {"zones": ["eu-west-1a", "eu-west-1b"]},
            "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
            "load_balancers": {"public": {"scheme": "internet-facing"}},
            "services": {"greeter": raw},
        },
        region="eu-west-1",
    )
    entry = clients.client("greeter", loaded.services["greeter"])
    assert entry
    given = client.parser().parse_args(["--clients", json.dumps({"greeter": entry})])
    assert client.endpoint(given) == ("dns:///greeter.dev.example.com:443", entry["service_config"])


def test_tls_with_an_authority_of_its_own(
    servers: Servers, certificate: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    crt, key = certificate
    server = servers.start(HEALTH_PORT=str(free_port()), TLS_CERT_FILE=str(crt), TLS_KEY_FILE=str(key))
    assert client.main([f"127.0.0.1:{server.port}", "--ca", str(crt), "--authority", "localhost"]) == 0
    assert client.main([f"127.0.0.1:{server.port}", "--deadline", "3"]) == 1
    assert said(capsys)[-1]["code"] in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


def test_a_failed_call_is_told_and_gives_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert client.main([f"127.0.0.1:{free_port()}", "--plaintext"]) == 1
    assert said(capsys)[0]["code"] == "UNAVAILABLE"


def test_a_deadline_ends_a_call(servers: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    server = servers.start()
    options = ["--plaintext", "--call", "series", "--interval", "30", "--deadline", "0.5"]
    assert client.main([server.address, *options]) == 1
    assert said(capsys)[-1]["code"] == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a TARGET is needed, or --clients with a gRPC workload"),
        (["--clients", "absent.json"], "absent.json: "),
        (["--clients", '{"orders": {}}'], '--workload: "greeter" is not among orders'),
        (["--clients", '{"greeter": {"url": "https://x"}}'], "a TARGET is needed"),
        (["x:1", "--service-config", "{"], "{: "),
        (["x:1", "--metadata", "team"], '--metadata: must be KEY=VALUE; received "team"'),
        (["x:1", "--ca", "absent.pem"], "--ca: "),
    ],
)
def test_wrong_usage_is_told_and_gives_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert client.main(arguments) == 2
    assert capsys.readouterr().err.startswith(message)
