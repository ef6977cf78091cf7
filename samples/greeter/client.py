"""A client of the greeter: python -m samples.greeter.client [TARGET] [options]

Takes target and gRPC service config as the platform exports them:

    pulumi stack output clients --json | python -m samples.greeter.client --clients - --workload greeter

Prints one JSON object a line. Exit codes: 0 every call succeeded, 1 a call failed, 2 wrong usage.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format

from samples.greeter import greeter_pb2, greeter_pb2_grpc

KINDS = ("greet", "series", "all", "chat")


class UsageError(ValueError):
    """What was typed cannot be used; the text says why."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m samples.greeter.client",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("target", nargs="?", help="gRPC target, such as dns:///greeter.dev.example.com:443")
    made.add_argument("--clients", metavar="FILE", help="output `clients` of a stack as JSON, - for standard input")
    made.add_argument("--workload", default="greeter", help="entry of --clients (default: greeter)")
    made.add_argument(
        "--service-config", metavar="FILE|JSON", help="gRPC service config; wins over the one of --clients"
    )
    made.add_argument("--call", choices=KINDS, default="greet", help="kind of call (default: greet)")
    made.add_argument("--name", action="append", help="whom to greet; repeat it for all and chat (default: world)")
    made.add_argument("--times", type=int, default=1, help="calls to make, one after the other (default: 1)")
    made.add_argument("--count", type=int, default=3, help="series: greetings (default: 3)")
    made.add_argument("--interval", type=float, default=0, help="series: seconds between greetings (default: 0)")
    made.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    made.add_argument("--deadline", type=float, default=10, help="seconds for a call (default: 10)")
    made.add_argument("--keepalive", type=int, help="seconds between pings; servers cut off what is well below 60")
    made.add_argument("--plaintext", action="store_true", help="no TLS")
    made.add_argument("--ca", metavar="FILE", help="PEM file of the authorities to trust instead of the usual ones")
    made.add_argument("--authority", help="name to send and to check the certificate for instead of the target's")
    return made


def json_argument(text: str) -> Any:
    """JSON given as text, as a file, or - for standard input.

    Raises UsageError: neither.
    """
    try:
        if text == "-":
            return json.load(sys.stdin)
        return json.loads(text if text.lstrip().startswith("{") else Path(text).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{text}: {error}") from error


def endpoint(given: argparse.Namespace) -> tuple[str, str | None]:
    """Target and service config.

    Raises UsageError: no target, or an entry that is not there.
    """
    entry: dict[str, Any] = {}
    if given.clients:
        clients = json_argument(given.clients)
        if given.workload not in clients:
            raise UsageError(
                f'--workload: "{given.workload}" is not among {", ".join(sorted(clients)) or "no entries"}'
            )
        entry = clients[given.workload]
    target = given.target or entry.get("target")
    if not target:
        raise UsageError("a TARGET is needed, or --clients with a gRPC workload")
    if given.service_config:
        return target, json.dumps(json_argument(given.service_config))
    return target, entry.get("service_config")


def metadata(pairs: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of KEY=VALUE, keys in lower case as HTTP/2 wants them.

    Raises UsageError: a pair without a key or an equals sign.
    """
    found = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise UsageError(f'--metadata: must be KEY=VALUE; received "{pair}"')
        found.append((key.lower(), value))
    return found


def connect(given: argparse.Namespace) -> grpc.Channel:
    """A channel as the command line says.

    Raises UsageError: no target, or a file that cannot be read.
    """
    target, service_config = endpoint(given)
    options: list[tuple[str, Any]] = []
    if service_config:
        options.append(("grpc.service_config", service_config))
    if given.authority:
        options.append(("grpc.default_authority", given.authority))
        options.append(("grpc.ssl_target_name_override", given.authority))
    if given.keepalive:
        # Without the second one the library stops after two pings that no data follow (grpc/grpc doc/keepalive.md).
        options.append(("grpc.keepalive_time_ms", given.keepalive * 1000))
        options.append(("grpc.http2.max_pings_without_data", 0))
    if given.plaintext:
        return grpc.insecure_channel(target, options=options)
    try:
        roots = Path(given.ca).read_bytes() if given.ca else None
    except OSError as error:
        raise UsageError(f"--ca: {error}") from error
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options=options)


def answers(stub: greeter_pb2_grpc.GreeterStub, given: argparse.Namespace) -> Iterator[Any]:
    """The answers of one call of the chosen kind.

    Raises grpc.RpcError: the call failed.
    """
    names = given.name or ["world"]
    call: dict[str, Any] = {"timeout": given.deadline, "metadata": metadata(given.metadata)}
    requests = [greeter_pb2.GreetRequest(name=name) for name in names]
    if given.call == "greet":
        yield stub.Greet(requests[0], **call)
    elif given.call == "series":
        series = greeter_pb2.GreetSeriesRequest(
            name=names[0], count=given.count, interval_ms=round(given.interval * 1000)
        )
        yield from stub.GreetSeries(series, **call)
    elif given.call == "all":
        yield stub.GreetAll(iter(requests), **call)
    else:
        yield from stub.Chat(iter(requests), **call)


def say(value: dict[str, Any]) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def run(given: argparse.Namespace) -> int:
    """Make the calls; the exit code.

    Raises UsageError: the command line cannot be used.
    """
    failed = False
    metadata(given.metadata)
    with connect(given) as channel:
        stub = greeter_pb2_grpc.GreeterStub(channel)
        for _ in range(given.times):
            try:
                for answer in answers(stub, given):
                    say(json_format.MessageToDict(answer, preserving_proto_field_name=True))
            except grpc.RpcError as error:
                failed = True
                say({"code": error.code().name, "details": error.details()})
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run; the exit code."""
    given = parser().parse_args(arguments)
    try:
        return run(given)
    except (UsageError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
