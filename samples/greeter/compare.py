"""Measure what the docs say: python -m samples.greeter.compare [--servers N] [--seconds S]

Two comparisons on this machine, each as ratios within one run, because absolute times are those of one machine:

1. How calls spread over N servers, by clients that balance themselves and by clients that keep one connection.
2. gRPC beside REST with JSON: the same greetings, one server process each, the same client machine, in turns.

Exit code 0.
"""

import argparse
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import psutil

from samples.greeter import greeter_pb2, greeter_pb2_grpc

ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
# A connection through a cluster IP lands on a pod at random; shuffled addresses do the same.
ONE_CONNECTION = json.dumps({"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": True}}]})
CLIENTS = 8
SERIES = 1000
METADATA = (("x-request-id", "3f2c9d7e-0001"), ("x-team", "orders"))


def say(text: str) -> None:
    """A line of the report, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Server:
    """A server process on loopback."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)


@contextmanager
def server(module: str, pod: str) -> Iterator[Server]:
    """A running server of the sample."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    variables = {"PORT": str(port), "HOST": "127.0.0.1", "POD_NAME": pod, "LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", f"samples.greeter.{module}"]
    process = subprocess.Popen(command, env={**os.environ, **variables, "DRAIN_SECONDS": "1"})
    try:
        _await(port)
        yield Server(port, process)
    finally:
        process.kill()
        process.wait()


def _await(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"no server on port {port} within a minute")


@contextmanager
def stub(target: str, service_config: str = "") -> Iterator[greeter_pb2_grpc.GreeterStub]:
    """A stub on a connection that is shared with nobody."""
    options: list[tuple[str, object]] = [("grpc.use_local_subchannel_pool", 1)]
    if service_config:
        options.append(("grpc.service_config", service_config))
    with grpc.insecure_channel(target, options=options) as channel:
        grpc.channel_ready_future(channel).result(timeout=30)
        yield greeter_pb2_grpc.GreeterStub(channel)


# ---------------------------------------------------------------------------------------------------------- balancing


def spread(target: str, service_config: str, clients: int, calls: int) -> Counter[str]:
    """Which pods answer `calls` calls of each client."""
    found: Counter[str] = Counter()
    for _ in range(clients):
        with stub(target, service_config) as each:
            time.sleep(0.2)  # round_robin starts with the first connection that is ready
            found.update(each.Greet(greeter_pb2.GreetRequest(name="Ann")).pod for _ in range(calls))
    return found


def balancing(number: int) -> None:
    """Print how calls spread over `number` servers; 1.0 is even, `number` is everything on one."""
    say(f"Balancing: {number} servers, 400 calls in all; busiest is its calls over an even share\n")
    say(f"{'clients':>7}  {'policy':<34} {'busiest':>7} {'idle':>5}  calls by server")
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(server("server", f"pod-{at}")) for at in range(number)]
        target = "ipv4:" + ",".join(f"127.0.0.1:{each.port}" for each in started)
        policies = (("one connection each", ONE_CONNECTION), ("round_robin", ROUND_ROBIN))
        for clients in (1, CLIENTS):
            for name, config in policies:
                found = spread(target, config, clients, 400 // clients)
                counts = sorted((found[f"pod-{at}"] for at in range(number)), reverse=True)
                busiest = counts[0] / (sum(counts) / number)
                say(f"{clients:>7}  {name:<34} {busiest:>7.2f} {counts.count(0):>5}  {counts}")


# ---------------------------------------------------------------------------------------------------------- gRPC, REST


class Relay:
    """Passes connections on to a port and counts the bytes of both directions."""

    def __init__(self, port: int) -> None:
        self.to = port
        self.bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._links: list[socket.socket] = []
        self._passing: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", self.to))
            self._links += [link, other]
            for one, two in ((link, other), (other, link)):
                self._passing.append(threading.Thread(target=self._pass, args=(one, two), daemon=True))
                self._passing[-1].start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while received := source.recv(65_536):
                self.bytes += len(received)
                target.sendall(received)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Take no more connections, and end those that there are."""
        # Closing alone leaves a thread that waits in accept or recv where it is, and its number to the next socket.
        for sockets, threads in (([self._listener], [self._accepting]), (self._links, self._passing)):
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            for each in sockets:
                each.close()


@dataclass(frozen=True)
class Client:
    """One connection: a unary call, and a series of greetings."""

    greet: Callable[[], object]
    series: Callable[[], int]


@contextmanager
def grpc_client(port: int) -> Iterator[Client]:
    """A gRPC client."""
    with stub(f"127.0.0.1:{port}") as made:
        request = greeter_pb2.GreetRequest(name="Ann Other")
        wanted = greeter_pb2.GreetSeriesRequest(name="Ann Other", count=SERIES)
        yield Client(
            lambda: made.Greet(request, metadata=METADATA),
            lambda: sum(1 for _ in made.GreetSeries(wanted, metadata=METADATA)),
        )


@contextmanager
def rest_client(port: int) -> Iterator[Client]:
    """An HTTP/1.1 client that keeps its connection."""
    link = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"content-type": "application/json", **dict(METADATA)}

    def post(path: str, body: object) -> bytes:
        link.request("POST", path, json.dumps(body), headers)
        return link.getresponse().read()

    def greet() -> object:
        return json.loads(post("/v1/greetings", {"name": "Ann Other"}))

    def series() -> int:
        lines = post("/v1/greetings/series", {"name": "Ann Other", "count": SERIES}).splitlines()
        return len([json.loads(line) for line in lines])

    link.connect()
    link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield Client(greet, series)
    link.close()


Connect = Callable[[int], contextlib.AbstractContextManager[Client]]


def bytes_of(connect: Connect, port: int, call: Callable[[Client], object], times: int) -> float:
    """Bytes on the wire of one call, both directions, connection set-up left out."""
    with contextlib.closing(Relay(port)) as relay, connect(relay.port) as client:
        call(client)
        time.sleep(0.2)
        before = relay.bytes
        for _ in range(times):
            call(client)
        time.sleep(0.2)
        return (relay.bytes - before) / times


def latencies(connect: Connect, port: int, seconds: float) -> list[float]:
    """Seconds of calls one after the other on one connection."""
    found: list[float] = []
    with connect(port) as client:
        for _ in range(50):
            client.greet()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.perf_counter()
            client.greet()
            found.append(time.perf_counter() - started)
    return found


def throughput(connect: Connect, port: int, seconds: float) -> float:
    """Calls a second by several clients at once."""

    def work(_: int) -> int:
        with connect(port) as client:
            client.greet()
            end, count = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                client.greet()
                count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(work, range(CLIENTS))) / seconds


def series_seconds(connect: Connect, port: int, seconds: float) -> float:
    """Median seconds of a series of greetings."""
    found: list[float] = []
    with connect(port) as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.perf_counter()
            if client.series() != SERIES:
                raise SystemExit("a series was cut short")
            found.append(time.perf_counter() - started)
    return statistics.median(found)


def measure(connect: Connect, target: Server, seconds: float) -> dict[str, float]:
    """Every figure of one protocol, once."""
    times = latencies(connect, target.port, seconds)
    cuts = statistics.quantiles(times, n=100)
    before = target.cpu()
    rate = throughput(connect, target.port, seconds)
    return {
        "unary p50, ms": cuts[49] * 1000,
        "unary p99, ms": cuts[98] * 1000,
        f"calls a second, {CLIENTS} clients": rate,
        "server CPU, ms a call": (target.cpu() - before) * 1000 / (rate * seconds),
        f"series of {SERIES}, ms": series_seconds(connect, target.port, seconds) * 1000,
        "bytes, unary": bytes_of(connect, target.port, lambda client: client.greet(), 200),
        f"bytes, series of {SERIES}": bytes_of(connect, target.port, lambda client: client.series(), 3),
    }


def protocols(seconds: float, rounds: int) -> None:
    """Print gRPC beside REST: medians of the rounds, which alternate."""
    say(f"\ngRPC and REST: one server process each, medians of {rounds} rounds in turns\n")
    found: dict[str, list[dict[str, float]]] = {"gRPC": [], "REST": []}
    with server("server", "pod-grpc") as first, server("rest", "pod-rest") as second:
        contestants: list[tuple[str, Connect, Server]] = [("gRPC", grpc_client, first), ("REST", rest_client, second)]
        for turn in range(rounds):
            for name, connect, target in contestants if turn % 2 else reversed(contestants):
                found[name].append(measure(connect, target, seconds))
    say(f"{'':<30} {'gRPC':>12} {'REST':>12} {'REST/gRPC':>10}")
    for figure in found["gRPC"][0]:
        mine, other = (statistics.median(each[figure] for each in found[name]) for name in ("gRPC", "REST"))
        say(f"{figure:<30} {mine:>12.2f} {other:>12.2f} {other / mine:>10.2f}")


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(
        prog="python -m samples.greeter.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--servers", type=int, default=4, help="servers to balance over (default: 4)")
    parser.add_argument("--seconds", type=float, default=3, help="seconds for each figure (default: 3)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of gRPC and REST (default: 3)")
    given = parser.parse_args()
    balancing(given.servers)
    protocols(given.seconds, given.rounds)


if __name__ == "__main__":
    main()
