"""Check a running gRPC endpoint, step by step, and say what to do: python -m probe HOST:PORT [options]

Exit codes: 0 no problem, 1 a problem was found, 2 wrong usage, 3 not reached at all, 130 interrupted.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from probe import edge, load, report, services, stream
from probe.model import Options, Outcome, Step
from probe.session import Session

STAGES: tuple[Callable[[Session], Iterator[Step]], ...] = (
    edge.reach,
    edge.secured,
    edge.http2,
    services.health,
    services.reflection,
    services.call,
    load.load,
    stream.stream,
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m probe", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("target", metavar="HOST:PORT", help="where to connect; [2001:db8::1]:443 for an IPv6 address")
    add("--plaintext", action="store_true", help="no TLS")
    add("--authority", default="", metavar="NAME", help="name to send and to check in the certificate, instead of HOST")
    add("--ca", type=Path, metavar="FILE", help="PEM file of the authorities to trust instead of the usual ones")
    add("--insecure", action="store_true", help="take any certificate")
    add(
        "--health-service", default="", metavar="NAME", help='name to ask the health service for (default: "", overall)'
    )
    add("--method", default="", metavar="PACKAGE.SERVICE/METHOD", help="method to call (default: the health check)")
    add("--data", default="{}", metavar="JSON", help="request of --method, by reflection (default: {})")
    add("--metadata", action="append", default=[], metavar="KEY=VALUE", help="metadata of the calls; may be repeated")
    add("--calls", type=whole(0, 100_000), default=20, metavar="N", help="calls to spread and to time (default: 20)")
    add(
        "--connections", type=whole(2, 100), default=4, metavar="N", help="connections to spread them over (default: 4)"
    )
    add("--stream", type=seconds, default=0, metavar="SECONDS", help="keep a silent stream open for so long")
    add("--timeout", type=seconds, default=10, metavar="SECONDS", help="for a connection and for a call (default: 10)")
    add("--pod-header", default="x-pod", metavar="NAME", help="header that names the pod (default: x-pod)")
    add("--pod-field", default="pod", metavar="NAME", help="field of the answer that names the pod (default: pod)")
    add("--json", action="store_true", help="print one JSON document")
    return made


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f'must be a whole number from {low} to {high}; received "{text}"')
        return int(text)

    return read


def seconds(text: str) -> float:
    """Seconds above zero, at most a day."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found <= 86_400:
        raise argparse.ArgumentTypeError(f'must be seconds, above 0 and at most 86400; received "{text}"')
    return found


def options(arguments: Sequence[str] | None = None) -> tuple[Options, bool]:
    """The options of a command line, and whether JSON is wanted; wrong ones end the program with exit code 2."""
    made = parser()
    given = made.parse_args(arguments)
    target = re.fullmatch(r"(?:dns:/*)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})", given.target)
    if not target or not 1 <= int(target[3]) <= 65535:
        made.error(f'HOST:PORT: must be a name or address and a port; received "{given.target}"')
    if given.method and not re.fullmatch(r"[A-Za-z_][\w.]*/[A-Za-z_]\w*", given.method):
        made.error(f'--method: must be package.Service/Method; received "{given.method}"')
    if given.plaintext and (given.ca or given.insecure):
        made.error("--plaintext: there is no certificate to check with --ca or --insecure")
    if given.ca and not given.ca.is_file():
        made.error(f'--ca: must be a file; received "{given.ca}"')
    pairs = [tuple(pair.split("=", 1)) for pair in given.metadata]
    for pair in pairs:
        if len(pair) != 2 or not re.fullmatch(r"[0-9A-Za-z_.-]+", pair[0]):
            made.error(f'--metadata: must be KEY=VALUE; received "{"=".join(pair)}"')
    try:
        if not isinstance(json.loads(given.data), dict):
            made.error("--data: must be a JSON object")
    except ValueError as error:
        made.error(f"--data: {error}")
    fields = {key: value for key, value in vars(given).items() if key not in {"target", "json"}}
    fields["metadata"] = tuple((key.lower(), value) for key, value in pairs)
    fields["pod_header"] = given.pod_header.lower()
    return Options(host=target[1] or target[2], port=int(target[3]), **fields), given.json


def probe(session: Session) -> Iterator[Step]:
    """The steps, one after the other, until nothing more can be learnt."""
    try:
        for stage in STAGES:
            yield from stage(session)
            if session.stopped:
                return
    finally:
        services.close(session.reflection.connection if session.reflection else None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the probe; the exit code."""
    chosen, as_json = options(arguments)
    session = Session(chosen)
    steps: list[Step] = []
    for step in probe(session):
        steps.append(step)
        if not as_json:
            sys.stdout.write(report.line(step) + "\n")
            sys.stdout.flush()
    if as_json:
        sys.stdout.write(report.dumped(report.document(chosen, steps, unreachable=session.unreachable)) + "\n")
    else:
        sys.stdout.write("\n" + report.summary(steps, unreachable=session.unreachable) + "\n")
    if session.unreachable:
        return 3
    return int(any(step.outcome is Outcome.PROBLEM for step in steps))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
