"""The REST twin answers what the gRPC server answers."""

import json
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.message import Message

from samples.greeter import greeter_pb2
from samples.greeter.rest import as_json
from tests.greeter.processes import Servers, greeter

HEADERS = {"x-team": "red", "authorization": "Bearer of-a-secret"}
ANN = {"name": "Ann"}
BOB = {"name": "Bob"}


@pytest.fixture
def twins(servers: Servers) -> tuple[str, str]:
    """Address of the gRPC server and URL of the REST server, with one pod's name."""
    return (
        servers.start(POD_NAME="pod-a").address,
        f"http://{servers.start('rest', POD_NAME='pod-a').address}/v1/greetings",
    )


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def plain(*messages: Message) -> list[dict[str, Any]]:
    return [as_json(message) for message in messages]


def test_all_kinds_of_call_are_answered_alike(twins: tuple[str, str]) -> None:
    address, url = twins
    metadata = tuple(HEADERS.items())
    people = [greeter_pb2.GreetRequest(**each) for each in (ANN, BOB)]
    series = {"name": "Ann", "count": 3}
    with greeter(address) as stub, httpx.Client(headers=HEADERS) as http:
        answer = http.post(url, json=ANN)
        assert [answer.json()] == plain(stub.Greet(people[0], metadata=metadata))
        assert answer.headers["x-pod"] == "pod-a"
        wanted = stub.GreetSeries(greeter_pb2.GreetSeriesRequest(name="Ann", count=3), metadata=metadata)
        assert lines(http.post(f"{url}/series", json=series).text) == plain(*wanted)
        assert [http.post(f"{url}/all", json=[ANN, BOB]).json()] == plain(
            stub.GreetAll(iter(people), metadata=metadata)
        )
        assert lines(http.post(f"{url}/chat", json=[ANN, BOB]).text) == plain(
            *stub.Chat(iter(people), metadata=metadata)
        )


def test_bad_requests_are_refused_alike(twins: tuple[str, str]) -> None:
    address, url = twins
    with greeter(address) as stub:
        with pytest.raises(grpc.RpcError) as unary:
            stub.Greet(greeter_pb2.GreetRequest())
        with pytest.raises(grpc.RpcError) as series:
            list(stub.GreetSeries(greeter_pb2.GreetSeriesRequest(name="Ann")))
        with pytest.raises(grpc.RpcError) as nobody:
            stub.GreetAll(iter([]))
    for path, body, refused in (("", {}, unary), ("/series", ANN, series), ("/all", [], nobody)):
        answer = httpx.post(f"{url}{path}", json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": refused.value.details()})


@pytest.mark.parametrize(
    ("path", "body"),
    [("", b"{"), ("", b"\xff"), ("", b'{"nom": "Ann"}'), ("/all", b"{}"), ("/all", b"[1]"), ("/chat", b"nonsense")],
)
def test_what_is_no_request_is_refused(twins: tuple[str, str], path: str, body: bytes) -> None:
    answer = httpx.post(f"{twins[1]}{path}", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("body: ")
