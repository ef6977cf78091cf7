"""A running greeter: its answers, its health, its log."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from samples.greeter import greeter_pb2, greeter_pb2_grpc
from samples.greeter.health import LIVENESS, OVERALL, READINESS
from tests.greeter.processes import CHECKOUT, Servers, free_port, greeter, health

SERVING = health_pb2.HealthCheckResponse.SERVING
ANN = greeter_pb2.GreetRequest(name="Ann")
BOB = greeter_pb2.GreetRequest(name="Bob")
TAGGED = (("x-team", "red"), ("authorization", "Bearer of-a-secret"))


def test_all_four_kinds_of_call_name_the_pod_and_echo_metadata(servers: Servers) -> None:
    server = servers.start(POD_NAME="pod-a")
    with greeter(server.address) as stub:
        one, call = stub.Greet.with_call(ANN, metadata=TAGGED)
        series = list(stub.GreetSeries(greeter_pb2.GreetSeriesRequest(name="Ann", count=3), metadata=TAGGED))
        together = stub.GreetAll(iter([ANN, BOB]), metadata=TAGGED)
        chat = list(stub.Chat(iter([ANN, BOB]), metadata=TAGGED))
    assert one.message == "Hello, Ann!"
    assert dict(call.initial_metadata())["x-pod"] == "pod-a"
    assert [each.sequence for each in series] == [1, 2, 3]
    assert (together.message, together.count) == ("Hello, Ann, Bob!", 2)
    assert [each.message for each in chat] == ["Hello, Ann!", "Hello, Bob!"]
    for answer in (one, *series, together, *chat):
        assert (answer.pod, dict(answer.metadata)) == ("pod-a", {"x-team": "red"})


def test_chat_answers_each_name_before_the_next_comes(servers: Servers) -> None:
    server = servers.start()
    with greeter(server.address) as stub:
        heard: list[str] = []
        answered = threading.Event()

        def names() -> Iterator[greeter_pb2.GreetRequest]:
            yield ANN
            assert answered.wait(15)
            yield BOB

        for answer in stub.Chat(names(), timeout=20):
            heard.append(answer.message)
            answered.set()
    assert heard == ["Hello, Ann!", "Hello, Bob!"]


@pytest.mark.parametrize("name", ["", "x" * 257])
def test_a_name_out_of_range_is_refused_and_the_pod_still_named(servers: Servers, name: str) -> None:
    server = servers.start()
    with greeter(server.address) as stub, pytest.raises(grpc.RpcError) as caught:
        stub.Greet(greeter_pb2.GreetRequest(name=name))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    failed = caught.value
    assert isinstance(failed, grpc.Call)
    assert f"received {len(name)}" in str(failed.details())
    assert dict(failed.initial_metadata())["x-pod"] == server.pod


def test_health_has_three_names_and_knows_no_other(servers: Servers) -> None:
    server = servers.start(HEALTH_PORT=str(free_port()))
    for target in (server.address, f"127.0.0.1:{server.health_port}"):
        assert [health(target, name) for name in (OVERALL, LIVENESS, READINESS)] == [SERVING] * 3
        with pytest.raises(grpc.RpcError) as caught:
            health(target, "acme.orders.v1.Orders")
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_health_port_answers_nothing_else(servers: Servers) -> None:
    server = servers.start(HEALTH_PORT=str(free_port()))
    with greeter(f"127.0.0.1:{server.health_port}") as stub, pytest.raises(grpc.RpcError) as caught:
        stub.Greet(ANN)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
@pytest.mark.parametrize("switched", ["true", "false"])
def test_reflection_is_there_when_it_is_switched_on(servers: Servers, version: str, switched: str) -> None:
    from grpc_reflection.v1alpha import reflection_pb2

    server = servers.start(REFLECTION=switched)
    with grpc.insecure_channel(server.address) as channel:
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        answers: Iterator[reflection_pb2.ServerReflectionResponse] = iter(
            ask(iter([reflection_pb2.ServerReflectionRequest(list_services="*")]), timeout=10)
        )
        if switched == "true":
            assert "greeter.v1.Greeter" in [each.name for each in next(answers).list_services_response.service]
        else:
            with pytest.raises(grpc.RpcError) as caught:
                next(answers)
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_tls_on_the_serving_port_and_none_on_the_health_port(servers: Servers, certificate: tuple[Path, Path]) -> None:
    crt, key = certificate
    server = servers.start(HEALTH_PORT=str(free_port()), TLS_CERT_FILE=str(crt), TLS_KEY_FILE=str(key))
    credentials = grpc.ssl_channel_credentials(crt.read_bytes())
    with grpc.secure_channel(server.address, credentials) as channel:
        assert greeter_pb2_grpc.GreeterStub(channel).Greet(ANN, timeout=10).pod == server.pod
    assert health(f"127.0.0.1:{server.health_port}", READINESS) == SERVING
    with greeter(server.address) as stub, pytest.raises(grpc.RpcError):
        stub.Greet(ANN, timeout=5)


def test_the_log_is_json_and_holds_no_metadata(servers: Servers) -> None:
    server = servers.start()
    with greeter(server.address) as stub:
        stub.Greet(greeter_pb2.GreetRequest(name="Very Private"), metadata=TAGGED)
    server.terminate()
    assert server.wait() == 0
    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["message"] for line in lines] == ["serving", "call", "draining", "stopped"]
    assert (lines[1]["method"], lines[1]["code"], lines[1]["pod"]) == ("Greet", "OK", server.pod)
    assert "secret" not in text
    assert "Private" not in text


def test_a_port_that_is_taken_is_an_error(servers: Servers) -> None:
    import subprocess
    import sys

    server = servers.start()
    environment = {"PORT": str(server.port), "HOST": "127.0.0.1"}
    second = subprocess.run(
        [sys.executable, "-m", "samples.greeter.server"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 1
    assert "cannot serve" in second.stderr


def test_the_committed_modules_are_what_the_compiler_makes(tmp_path: Path) -> None:
    from samples.greeter.generate import generate

    assert generate(tmp_path) == 0
    made = sorted((tmp_path / "samples" / "greeter").iterdir())
    assert [file.name for file in made] == ["greeter_pb2.py", "greeter_pb2.pyi", "greeter_pb2_grpc.py"]
    for file in made:
        assert file.read_text() == (CHECKOUT / "samples" / "greeter" / file.name).read_text()
