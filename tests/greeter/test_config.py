"""The environment of the server."""

from pathlib import Path

import pytest

from samples.greeter import config
from samples.greeter.config import Config, ConfigError
from samples.greeter.server import options

GOOD = {"PORT": "50051"}


def errors(**variables: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(variables)
    return str(caught.value).splitlines()


def test_the_port_alone_is_enough() -> None:
    found = config.load(GOOD)
    assert (found.port, found.drain_seconds, found.shutdown_wait, found.reflection, found.tls) == (
        50051,
        30,
        5,
        False,
        False,
    )
    assert found.pod  # the host's name


def test_every_error_is_told_at_once(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    found = errors(DRAIN_SECONDS="-1", TLS_CERT_FILE=absent, REFLECTION="yes", LOG_LEVEL="loud")
    assert found == [
        'DRAIN_SECONDS: must be a whole number from 0 to 3600; received "-1"',
        "PORT: must be a whole number from 1 to 65535; it is not set",
        'REFLECTION: must be one of true, false; received "yes"',
        f'TLS_CERT_FILE: must be a file that can be read; received "{absent}"',
        'LOG_LEVEL: must be one of debug, info, warning, error; received "loud"',
        "TLS_KEY_FILE: must be set, because the other of the pair is",
        "HEALTH_PORT: must be set with TLS, because the kubelet's gRPC probe speaks no TLS",
    ]


@pytest.mark.parametrize("port", ["0", "65536", "http", " 80", "٣", "1e3"])
def test_a_port_is_a_port(port: str) -> None:
    assert errors(PORT=port) == [f'PORT: must be a whole number from 1 to 65535; received "{port}"']


def test_the_wait_lies_within_the_drain() -> None:
    assert errors(**GOOD, DRAIN_SECONDS="3", SHUTDOWN_WAIT_SECONDS="4") == [
        "SHUTDOWN_WAIT_SECONDS: must not exceed DRAIN_SECONDS (3)"
    ]
    assert config.load({**GOOD, "DRAIN_SECONDS": "3"}).shutdown_wait == 1


def test_the_health_port_is_another_one() -> None:
    assert errors(**GOOD, HEALTH_PORT="50051") == ["HEALTH_PORT: must differ from PORT; both are 50051"]
    assert config.load({**GOOD, "HEALTH_PORT": "50052"}).health_port == 50052


def test_tls_with_both_files_and_a_health_port(tmp_path: Path) -> None:
    files = {"TLS_CERT_FILE": str(tmp_path / "crt"), "TLS_KEY_FILE": str(tmp_path / "key")}
    for path in files.values():
        Path(path).write_text("x")
    assert config.load({**GOOD, **files, "HEALTH_PORT": "50052"}).tls


def test_connections_have_an_age_only_where_one_is_set() -> None:
    assert not [name for name, _ in options(Config(port=1)) if "connection_age" in name]
    assert ("grpc.max_connection_age_ms", 300_000) in options(Config(port=1, max_connection_age=300))


def test_what_the_platform_sets_is_understood() -> None:
    """Variable names and the reserved ones of the Deployment agree with the server."""
    from components import pods, settings

    raw = {
        "existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
        "network": {"zones": ["eu-west-1a", "eu-west-1b"]},
        "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
        "load_balancers": {"public": {"scheme": "internet-facing"}},
        "services": {
            "greeter": {
                "protocol": "grpc",
                "port": 50051,
                "grpc_services": ["greeter.v1.Greeter"],
                "drain": 45,
                "expose": {"alb": {"host": "greeter.dev.example.com"}},
            }
        },
    }
    workload = settings.load(raw, region="eu-west-1").services["greeter"]
    variables = {str(each.name): str(each.value) for each in pods.environment(workload, pods.Contents("image"))}
    found = config.load(variables)
    assert (found.port, found.drain_seconds) == (50051, 45)


def test_the_platform_asks_for_names_that_the_server_has() -> None:
    from samples.greeter.health import LIVENESS, OVERALL, READINESS

    assert READINESS == "greeter.v1.Greeter"
    assert len({LIVENESS, OVERALL, READINESS}) == 3
