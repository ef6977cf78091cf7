"""What the probe says of servers and load balancers that fail, each in one way."""

import socket
from collections.abc import Callable
from pathlib import Path

import h2.errors
import pytest

from probe import diagnosis
from tests.greeter.processes import free_port
from tests.probe.conftest import Probe
from tests.probe.faulty import CHECK, NOT_SERVING, SERVING, WATCH, Peer, faulty, http1, secured, serving, silent, sound

PLAIN = ("--plaintext", "--timeout", "5")


def with_status(status: int, **headers: str) -> Callable[[Peer, int, str], None]:
    def behave(peer: Peer, stream: int, _path: str) -> None:
        peer.http_only(stream, status, **headers)

    return behave


def test_a_sound_server_without_reflection_has_no_problem(probe: Probe) -> None:
    with faulty(sound) as port:
        found = probe(port, *PLAIN)
    assert (found.code, found.document["outcome"], found.problems) == (0, "ok", [])
    assert found.step("reflection")["facts"]["failed"] == {"v1": "UNIMPLEMENTED", "v1alpha": "UNIMPLEMENTED"}


@pytest.mark.parametrize(
    ("status", "client_sees", "words"),
    [
        (400, "INTERNAL", "a listener without HTTP/2"),
        (403, "PERMISSION_DENIED", "web ACL"),
        (404, "UNIMPLEMENTED", "no listener rule knows this host and path"),
        (415, "UNKNOWN", "does not take application/grpc"),
        (464, "UNKNOWN", "protocol version of the target group"),
        (502, "UNAVAILABLE", "closed or reset the connection"),
        (503, "UNAVAILABLE", "no target that could answer"),
        (504, "UNAVAILABLE", "no connection to a target"),
        (301, "UNKNOWN", "a redirect"),
        (418, "UNKNOWN", "HTTP 418 instead of a gRPC answer"),
    ],
)
def test_a_status_of_http_is_explained(probe: Probe, status: int, client_sees: str, words: str) -> None:
    with faulty(with_status(status, server="awselb/2.0")) as port:
        found = probe(port, *PLAIN)
    assert found.code == 1
    call = found.step("call")
    assert call["outcome"] == "problem"
    assert words in call["text"]
    assert "the load balancer itself" in call["text"]
    assert call["facts"]["status"] == client_sees
    assert call["advice"]
    assert found.outcomes["calls"] == "skipped"


def test_a_page_is_no_grpc_answer(probe: Probe) -> None:
    with faulty(with_status(200, content_type="text/html")) as port:
        found = probe(port, *PLAIN)
    assert "content type text/html: not a gRPC server" in found.text("call")


def test_not_serving_is_a_problem_although_its_status_is_ok(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        peer.grpc(stream, NOT_SERVING) if path == CHECK else sound(peer, stream, path)

    with faulty(behave) as port:
        found = probe(port, *PLAIN)
    assert (found.code, found.problems) == (1, ["health"])
    assert "NOT_SERVING, with gRPC status OK" in found.text("health")


def test_a_name_that_the_server_does_not_set(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, _path: str) -> None:
        peer.grpc(stream, status=5)

    with faulty(behave) as port:
        found = probe(port, *PLAIN, "--health-service", "acme.orders.v1.Orders")
    assert found.step("health")["outcome"] == "problem"
    assert "does not know this name" in found.text("health")


def test_no_health_service_is_a_note_where_a_method_is_asked_for(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        peer.grpc(stream, b"") if path == "/acme.orders.v1.Orders/List" else peer.http_only(stream, 404)

    with faulty(behave) as port:
        found = probe(port, *PLAIN, "--method", "acme.orders.v1.Orders/List")
        alone = probe(port, *PLAIN)
    assert (found.code, found.outcomes["health"], found.outcomes["call"]) == (0, "note", "ok")
    assert (alone.code, alone.outcomes["health"]) == (1, "problem")


@pytest.mark.parametrize(
    ("code", "debug", "words"),
    [
        (
            h2.errors.ErrorCodes.ENHANCE_YOUR_CALM,
            "too_many_pings",
            "too many pings or requests (it says: too_many_pings)",
        ),
        (h2.errors.ErrorCodes.HTTP_1_1_REQUIRED, "", "the peer wants HTTP/1.1"),
        (h2.errors.ErrorCodes.PROTOCOL_ERROR, "", "a rule of HTTP/2 was broken"),
        (h2.errors.ErrorCodes.NO_ERROR, "", "ends this connection in good order"),
    ],
)
def test_goaway_before_the_call_is_explained(probe: Probe, code: h2.errors.ErrorCodes, debug: str, words: str) -> None:
    def behave(peer: Peer, _stream: int, _path: str) -> None:
        peer.goaway(code, last=0, debug=debug)

    with faulty(behave) as port:
        found = probe(port, *PLAIN)
    assert words in found.text("health")
    assert found.step("health")["facts"]["goaway"] == code.name


def test_goaway_after_some_calls_costs_a_connection_and_no_call(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        if peer.requests == 5:
            peer.goaway(0, last=stream)
        sound(peer, stream, path)

    with faulty(behave) as port:
        found = probe(port, *PLAIN, "--calls", "20")
    assert found.code == 0
    assert found.outcomes["calls"] == "note"
    assert found.step("calls")["facts"] == {"calls": 40, "failed": {}, "goaways": 8}


def test_a_call_in_flight_survives_goaway(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        peer.goaway(0, last=stream)
        sound(peer, stream, path)

    with faulty(behave) as port:
        assert probe(port, *PLAIN).step("health")["outcome"] == "ok"


def test_a_reset_of_the_connection(probe: Probe) -> None:
    with faulty(lambda peer, _stream, _path: peer.reset_connection()) as port:
        found = probe(port, *PLAIN)
    assert "the connection was reset" in found.text("call")
    assert found.step("call")["facts"]["status"] == "UNAVAILABLE"


def test_a_connection_closed_in_the_middle_of_a_call(probe: Probe) -> None:
    with faulty(lambda peer, _stream, _path: peer.close()) as port:
        found = probe(port, *PLAIN)
    assert "closed in the middle of the call" in found.text("call")


def test_a_reset_stream(probe: Probe) -> None:
    with faulty(lambda peer, stream, _: peer.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)) as port:
        found = probe(port, *PLAIN)
    assert "reset with REFUSED_STREAM; a client reports UNAVAILABLE" in found.text("call")


def test_a_server_that_does_not_answer_the_call(probe: Probe) -> None:
    with faulty(lambda *_: None) as port:
        found = probe(port, "--plaintext", "--timeout", "0.3")
    assert found.step("call")["facts"]["status"] == "DEADLINE_EXCEEDED"


def test_http1_only(probe: Probe) -> None:
    with http1() as port:
        found = probe(port, *PLAIN)
    assert (found.code, found.problems) == (1, ["http2"])
    assert "HTTP/1.1 only" in found.text("http2")


def test_a_port_that_says_nothing(probe: Probe) -> None:
    with silent() as port:
        found = probe(port, "--plaintext", "--timeout", "0.3")
    assert found.problems == ["http2"]
    assert "no answer in time" in found.text("http2")


def test_a_port_of_something_else(probe: Probe) -> None:
    with serving(lambda link: link.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")) as port:
        found = probe(port, *PLAIN)
    assert "neither HTTP nor TLS" in found.text("http2")


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]])
def test_tls_that_does_not_choose_h2(probe: Probe, certificate: tuple[Path, Path], protocols: list[str]) -> None:
    with secured(certificate, protocols) as port:
        found = probe(f"localhost:{port}", "--ca", str(certificate[0]))
    assert (found.code, found.problems) == (1, ["alpn"])
    assert "gRPC clients refuse the connection" in found.text("alpn")


def test_tls_where_there_is_none_and_none_where_there_is(probe: Probe, certificate: tuple[Path, Path]) -> None:
    with faulty(sound) as plain:
        found = probe(plain, "--timeout", "5")
    assert (found.code, found.problems) == (1, ["tls"])
    assert found.text("tls") == diagnosis.NO_TLS.meaning
    with secured(certificate, ["h2"]) as port:
        found = probe(port, *PLAIN)
    assert (found.code, found.problems) == (1, ["http2"])
    assert found.text("http2") == diagnosis.TLS_WANTED.meaning


def test_a_certificate_that_is_not_trusted_is_told_and_the_rest_looked_at(
    probe: Probe, certificate: tuple[Path, Path]
) -> None:
    with secured(certificate, ["h2"]) as port:
        unknown = probe(f"localhost:{port}")
        misnamed = probe(f"localhost:{port}", "--ca", str(certificate[0]), "--authority", "orders.example.com")
        insecure = probe(f"localhost:{port}", "--insecure")
        trusted = probe(f"127.0.0.1:{port}", "--ca", str(certificate[0]), "--authority", "localhost")
    for found in (unknown, misnamed):
        assert (found.code, found.problems, found.outcomes["health"]) == (1, ["tls"], "ok")
    assert any("--ca" in each for each in unknown.step("tls")["advice"])
    assert any("--authority" in each for each in misnamed.step("tls")["advice"])
    assert (insecure.code, insecure.outcomes["tls"]) == (0, "note")
    # It is valid for two days: worth a note.
    assert (trusted.code, trusted.outcomes["tls"], trusted.step("tls")["facts"]["days_left"]) == (0, "note", 1)


def test_a_name_that_does_not_exist_and_a_port_that_is_closed_are_not_reached(probe: Probe) -> None:
    found = probe("nobody.invalid:443")
    assert (found.code, found.document["outcome"], found.problems) == (3, "unreachable", ["name"])
    found = probe(free_port(), "--plaintext")
    assert (found.code, found.document["outcome"], found.problems) == (3, "unreachable", ["tcp"])


def test_a_silent_stream_that_is_cut(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        sound(peer, stream, path)
        if path == WATCH:
            peer.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)

    with faulty(behave) as port:
        found = probe(port, *PLAIN, "--stream", "30")
    assert (found.code, found.problems) == (1, ["stream"])
    assert "INTERNAL: the silent stream was cut" in found.text("stream")
    assert found.step("stream")["facts"]["messages"] == 1


def test_a_silent_stream_that_lives(probe: Probe) -> None:
    with faulty(sound) as port:
        found = probe(port, *PLAIN, "--stream", "0.5")
    assert (found.code, found.outcomes["stream"]) == (0, "ok")


def test_without_watch_there_is_no_stream_to_try(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        peer.grpc(stream, status=12) if path == WATCH else sound(peer, stream, path)

    with faulty(behave) as port:
        found = probe(port, *PLAIN, "--stream", "5")
    assert (found.code, found.outcomes["stream"]) == (0, "skipped")


def test_calls_that_fail_now_and_then_are_counted(probe: Probe) -> None:
    def behave(peer: Peer, stream: int, path: str) -> None:
        peer.grpc(stream, status=14) if peer.requests == 3 else sound(peer, stream, path)

    with faulty(behave) as port:
        found = probe(port, *PLAIN, "--calls", "8", "--connections", "2")
    assert found.problems == ["calls"]
    assert "3 of 16 calls failed" in found.text("calls")
    assert found.step("calls")["facts"]["failed"] == {"UNAVAILABLE": 3}


def test_text_of_a_peer_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    from probe.__main__ import main

    def behave(peer: Peer, _stream: int, _path: str) -> None:
        peer.goaway(1, last=0, debug="\x1b[2J")

    with faulty(behave) as port:
        assert main([f"127.0.0.1:{port}", *PLAIN]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "it says: ?[2J" in out


def test_every_answer_of_a_balancer_is_told_apart(probe: Probe) -> None:
    """A balancer that balances calls, and one that balances connections."""
    turn = iter(range(10_000))
    pods: dict[Peer, str] = {}

    def per_call(peer: Peer, stream: int, path: str) -> None:
        peer.grpc(stream, SERVING, pod=f"pod-{next(turn) % 2}") if path == CHECK else sound(peer, stream, path)

    def per_connection(peer: Peer, stream: int, path: str) -> None:
        pod = pods.setdefault(peer, f"pod-{len(pods) % 2}")
        peer.grpc(stream, SERVING, pod=pod) if path == CHECK else sound(peer, stream, path)

    with faulty(per_call) as port:
        found = probe(port, *PLAIN)
    assert (found.outcomes["distribution"], len(found.step("distribution")["facts"]["one_connection"])) == ("ok", 2)
    with faulty(per_connection) as port:
        found = probe(port, *PLAIN)
    assert "sticks to one pod" in found.text("distribution")


def test_addresses_that_do_not_answer_are_named(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    from probe import sockets

    with faulty(sound) as port:
        both = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.9", free_port()))]
        monkeypatch.setattr(sockets, "addresses", lambda _options: both)
        found = probe(port, *PLAIN)
    assert (found.code, found.outcomes["tcp"]) == (0, "note")
    assert "1 of 2 addresses" in found.text("tcp")
    assert list(found.step("tcp")["facts"]["failed"]) == ["127.0.0.9"]
