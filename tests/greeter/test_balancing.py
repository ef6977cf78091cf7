"""Client-side balancing: the platform's service config over several servers, and how new ones are found."""

import json
import time
from collections import Counter

import grpc

from components import clients
from samples.greeter import greeter_pb2, greeter_pb2_grpc
from tests.greeter.names import name_server
from tests.greeter.processes import Servers, free_port, greeter, wait_for

ANN = greeter_pb2.GreetRequest(name="Ann")
PLATFORM = json.dumps(clients.service_config())


def pods(stub: greeter_pb2_grpc.GreeterStub, calls: int) -> Counter[str]:
    return Counter(stub.Greet(ANN, timeout=10).pod for _ in range(calls))


def test_round_robin_spreads_and_one_connection_does_not(servers: Servers) -> None:
    started = [servers.start(LOG_LEVEL="warning") for _ in range(3)]
    target = "ipv4:" + ",".join(each.address for each in started)
    with greeter(target, grpc__service_config=PLATFORM) as stub:
        wait_for(lambda: len(pods(stub, 3)) == 3, "every server is connected")
        assert pods(stub, 30) == Counter({each.pod: 10 for each in started})
    with greeter(target) as pinned:
        assert len(pods(pinned, 30)) == 1


def resolving(names: int, port: int) -> grpc.Channel:
    """A channel that asks our name server; the usual half minute between two questions would be a long test."""
    options = [
        ("grpc.service_config", PLATFORM),
        ("grpc.dns_min_time_between_resolutions_ms", 100),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.insecure_channel(f"dns://127.0.0.1:{names}/greeter.test:{port}", options=options)


def test_an_aged_connection_makes_the_client_find_new_servers(servers: Servers) -> None:
    port = free_port()
    first = servers.start(PORT=str(port), MAX_CONNECTION_AGE="1", MAX_CONNECTION_AGE_GRACE="5", LOG_LEVEL="warning")
    with name_server("127.0.0.1") as names, resolving(names.port, port) as channel:
        stub = greeter_pb2_grpc.GreeterStub(channel)
        assert set(pods(stub, 10)) == {first.pod}
        second = servers.start(PORT=str(port), HOST="127.0.0.2", MAX_CONNECTION_AGE="1", LOG_LEVEL="warning")
        names.addresses.append("127.0.0.2")
        wait_for(lambda: set(pods(stub, 4)) == {first.pod, second.pod}, "both servers are called", 20)


def test_without_an_age_a_new_server_stays_idle(servers: Servers) -> None:
    port = free_port()
    first = servers.start(PORT=str(port), LOG_LEVEL="warning")
    with name_server("127.0.0.1") as names, resolving(names.port, port) as channel:
        stub = greeter_pb2_grpc.GreeterStub(channel)
        assert set(pods(stub, 10)) == {first.pod}
        asked = names.asked
        servers.start(PORT=str(port), HOST="127.0.0.2", LOG_LEVEL="warning")
        names.addresses.append("127.0.0.2")
        for _ in range(30):  # longer than the age of the test above
            time.sleep(0.1)
            assert set(pods(stub, 5)) == {first.pod}
        assert names.asked == asked


def test_a_stream_outlives_the_age_within_its_grace(servers: Servers) -> None:
    server = servers.start(MAX_CONNECTION_AGE="1", MAX_CONNECTION_AGE_GRACE="20")
    with greeter(server.address) as stub:
        series = greeter_pb2.GreetSeriesRequest(name="Ann", count=30, interval_ms=100)
        assert len(list(stub.GreetSeries(series, timeout=30))) == 30
