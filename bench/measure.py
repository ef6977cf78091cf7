"""One measured run of the CLI: wall time, time to the first resource, peak memory, what was registered."""

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.programs import Program

_INTERVAL = 0.1
FLAGS = ("--non-interactive", "--suppress-outputs")
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Run:
    """What one command took: seconds, mebibytes; resources by type, and the names of the policy packs that ran."""

    seconds: float
    first_resource: float
    program_mib: float
    total_mib: float
    types: Counter[str]
    packs: frozenset[str] = frozenset()


def run(program: Program, command: str, more: Sequence[str] = ()) -> Run:
    """Run `pulumi preview` or `up` of a program to its end, with more flags. Raises RuntimeError when it fails."""
    events = program.folder / f"{command}-{time.monotonic_ns()}.json"
    flags = (*more, "--yes", "--skip-preview") if command == "up" else more
    started = time.monotonic()
    output = program.folder / "output.txt"
    with output.open("w") as stream:
        process = subprocess.Popen(
            ["pulumi", command, "--stack", program.stack, "--event-log", str(events), *FLAGS, *flags],
            cwd=program.folder,
            env={**program.engine.env, "PULUMI_DEBUG_COMMANDS": "true"},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        first, program_mib, total_mib = _watch(process, events, started)
    if process.returncode:
        raise RuntimeError(f"{program.name}: pulumi {command} failed:\n{output.read_text()[-4000:]}")
    took = time.monotonic() - started
    return Run(took, first, program_mib, total_mib, _types(events), _packs(events))


def _watch(process: subprocess.Popen[bytes], events: Path, started: float) -> tuple[float, float, float]:
    """Seconds to the first resource after the stack; peaks of the language host and of the whole process tree."""
    first = program_peak = total_peak = 0.0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        if not first and _has_resource(events):
            first = time.monotonic() - started
        program, total = _memory(root)
        program_peak, total_peak = max(program_peak, program), max(total_peak, total)
        time.sleep(_INTERVAL)
    return first, program_peak, total_peak


def _memory(root: psutil.Process) -> tuple[float, float]:
    program = total = 0.0
    with contextlib.suppress(psutil.Error):
        for each in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                resident = each.memory_info().rss / 2**20
                total += resident
                command = " ".join(each.cmdline())
                if "language" in command and "resource" not in command:
                    program = max(program, resident)
    return program, total


def _has_resource(events: Path) -> bool:
    with contextlib.suppress(OSError), events.open() as lines:
        return any('"resourcePreEvent"' in line and _STACK not in line for line in lines)
    return False


def _types(events: Path) -> Counter[str]:
    """Resources by type; the platform's own components, which the bare program has no use for, left out."""
    found: Counter[str] = Counter()
    with events.open() as lines:
        for line in lines:
            event = json.loads(line).get("resourcePreEvent")
            if event and not event["metadata"]["type"].startswith(("grpc-platform:", "pulumi:")):
                found[event["metadata"]["type"]] += 1
    return found


def _packs(events: Path) -> frozenset[str]:
    """What the engine itself says that it ran (pulumi sdk/go/common/apitype/events.go, SummaryEvent)."""
    with events.open() as lines:
        summaries = [each for line in lines if (each := json.loads(line).get("summaryEvent"))]
    return frozenset(name for each in summaries for name in each.get("PolicyPacks") or ())
