"""What clients see while a server leaves."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from components import clients
from samples.greeter import greeter_pb2, greeter_pb2_grpc
from samples.greeter.health import LIVENESS, OVERALL, READINESS
from tests.greeter.processes import Servers, free_port, greeter, health, wait_for

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ANN = greeter_pb2.GreetRequest(name="Ann")
PLATFORM = json.dumps(clients.service_config())
ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


@dataclass
class Load:
    """Calls from several threads until told to stop."""

    stub: greeter_pb2_grpc.GreeterStub
    pods: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def call(self) -> None:
        while not self.stop.is_set():
            try:
                self.pods[self.stub.Greet(ANN, timeout=10).pod] += 1
            except grpc.RpcError as error:
                self.failures.append(f"{error.code().name}: {error.details()}")

    def __enter__(self) -> "Load":
        self.threads += [threading.Thread(target=self.call) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_streams_finish_and_calls_go_on_while_servers_leave_one_by_one(servers: Servers) -> None:
    first, second, third = (servers.start(LOG_LEVEL="warning") for _ in range(3))
    target = f"ipv4:{first.address},{second.address},{third.address}"
    with greeter(target, grpc__service_config=PLATFORM) as stub, Load(stub) as load:
        wait_for(lambda: len(load.pods) == 3, "every server is called")
        series = greeter_pb2.GreetSeriesRequest(name="Ann", count=30, interval_ms=100)
        with greeter(first.address) as pinned:
            stream = pinned.GreetSeries(series, timeout=30)
            assert next(stream).pod == first.pod
            first.terminate()
            assert [each.sequence for each in stream] == list(range(2, 31))
        assert first.wait() == 0
        second.terminate()
        assert second.wait() == 0
        reached = load.pods[third.pod]
        wait_for(lambda: load.pods[third.pod] > reached + 50, "the last one answers")
    # gRPC core drops a call that arrives in the very moment a server stops accepting: CANCELLED, which the retry
    # policy leaves alone. That is at most the one call that each thread has under way, at each of the two servers.
    assert [each for each in load.failures if not each.startswith("CANCELLED")] == []
    assert len(load.failures) <= 2 * len(load.threads)


def test_a_killed_server_fails_calls_of_a_client_without_retries(servers: Servers) -> None:
    """The test above can fail: the same load, without drain and retry."""
    first, second = (servers.start(LOG_LEVEL="warning") for _ in range(2))
    with greeter(f"ipv4:{first.address},{second.address}", grpc__service_config=ROUND_ROBIN) as stub:
        series = greeter_pb2.GreetSeriesRequest(name="Ann", count=1000, interval_ms=50)
        stream = stub.GreetSeries(series, timeout=30)
        chosen = first if next(stream).pod == first.pod else second
        chosen.process.kill()
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_only_readiness_says_not_serving_and_calls_go_on_until_the_wait_is_over(servers: Servers) -> None:
    server = servers.start(SHUTDOWN_WAIT_SECONDS="3")
    with greeter(server.address) as stub:
        stub.Greet(ANN, timeout=10)
        server.terminate()
        wait_for(lambda: health(server.address, READINESS) == NOT_SERVING, "readiness is withdrawn")
        assert [health(server.address, name) for name in (OVERALL, LIVENESS)] == [SERVING, SERVING]
        assert stub.Greet(ANN, timeout=10).pod == server.pod
    assert server.wait() == 0


def test_the_health_port_answers_until_the_last_stream_is_done(servers: Servers) -> None:
    server = servers.start(HEALTH_PORT=str(free_port()), SHUTDOWN_WAIT_SECONDS="0")
    with greeter(server.address) as stub:
        stream = stub.GreetSeries(greeter_pb2.GreetSeriesRequest(name="Ann", count=20, interval_ms=100), timeout=30)
        next(stream)
        server.terminate()
        wait_for(lambda: server.logged("draining"), "it drains")
        target = f"127.0.0.1:{server.health_port}"
        assert (health(target, LIVENESS), health(target, READINESS)) == (SERVING, NOT_SERVING)
        assert len(list(stream)) == 19
    assert server.wait() == 0


def test_those_who_watch_are_told_and_hold_nothing_up(servers: Servers) -> None:
    server = servers.start(DRAIN_SECONDS="600", SHUTDOWN_WAIT_SECONDS="1")
    with grpc.insecure_channel(server.address) as channel:
        request = health_pb2.HealthCheckRequest(service=READINESS)
        watches = [health_pb2_grpc.HealthStub(channel).Watch(request, timeout=60) for _ in range(2)]
        assert [next(watch).status for watch in watches] == [SERVING, SERVING]
        server.terminate()
        for watch in watches:
            assert [each.status for each in watch] == [NOT_SERVING]
    assert server.wait() == 0


def test_a_stream_longer_than_the_drain_is_cut(servers: Servers) -> None:
    server = servers.start(DRAIN_SECONDS="2", SHUTDOWN_WAIT_SECONDS="1")
    with greeter(server.address) as stub:
        stream = stub.GreetSeries(greeter_pb2.GreetSeriesRequest(name="Ann", count=1000, interval_ms=100), timeout=60)
        next(stream)
        server.terminate()
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
    assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert server.wait() == 0
