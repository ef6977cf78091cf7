"""The comparison runs and compares what it says; its figures are nobody's promise."""

import re
import socket
import subprocess
import sys
import threading

import pytest

from samples.greeter import compare
from tests.greeter.processes import CHECKOUT, Servers


@pytest.mark.slow
def test_both_comparisons_run_within_bounds() -> None:
    command = [sys.executable, "-m", "samples.greeter.compare", "--servers", "2", "--seconds", "0.2", "--rounds", "1"]
    shown = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=200).stdout
    assert re.search(r"1  one connection each +2\.00 +1 +\[400, 0\]", shown)
    assert re.search(r"1  round_robin +1\.0\d +0 ", shown)
    ratios = re.findall(r"^(.{30}) +[\d.]+ +[\d.]+ +([\d.]+)$", shown, re.MULTILINE)
    assert len(ratios) == 7
    # The same greeting in both, so protobuf over HTTP/2 is the smaller one.
    assert all(float(ratio) > 1 for name, ratio in ratios if name.startswith("bytes"))


def test_the_relay_counts_both_directions(servers: Servers) -> None:
    server = servers.start()
    one = compare.bytes_of(compare.grpc_client, server.port, lambda client: client.greet(), 50)
    series = compare.bytes_of(compare.grpc_client, server.port, lambda client: client.series(), 1)
    assert 50 < one < 2_000
    assert series > 100 * one


def test_a_relay_that_is_closed_leaves_no_thread_and_no_connection(servers: Servers) -> None:
    server, before = servers.start(), set(threading.enumerate())
    relay = compare.Relay(server.port)
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as link:
        link.sendall(b"no HTTP/2 at all\r\n\r\n")
        assert link.recv(100)  # it was passed on, and there was an answer
        relay.close()
        while link.recv(100):
            pass
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", relay.port), timeout=10)
