"""How long the pack takes from the start of its process until it answers, beside the bare import of the SDK."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc

from bench.turns import Table, in_turns, medians, run
from tools import environment

ROUNDS: Final = 7
_IMPORTS: Final = {"import pulumi_policy": "import pulumi_policy", "python alone": "pass"}


def pack(folder: Path) -> float:
    """Seconds until a pack, started as the language host of Python does, has said what rules it has."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.strip().isdigit():
            raise RuntimeError(f"{folder.name} gave no port but {line!r}")
        with grpc.insecure_channel(f"127.0.0.1:{line.strip()}") as channel:
            info = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(empty_pb2.Empty(), timeout=30)
        took = time.perf_counter() - started
        if not info.policies:
            raise RuntimeError(f"{folder.name} has no rules")
        return took
    finally:
        process.kill()
        process.communicate()


def _python(code: str, cwd: Path) -> float:
    return run([sys.executable, "-c", code], cwd).seconds


def ready(rounds: int) -> Table:
    """The pack and the import in turns; every file has been compiled once before."""
    checkout = environment.here().checkout
    runs = {"the pack answers": partial(pack, checkout / "policies")}
    for name, code in _IMPORTS.items():
        runs[name] = partial(_python, code, checkout)
    in_turns(runs, 1)
    taken = in_turns(runs, rounds)
    middle = medians(taken)
    base = middle["import pulumi_policy"]
    rows = [(name, f"{middle[name]:.3f} s", f"{middle[name] / base:.2f}") for name in runs]
    return Table("Start of the pack", ("process", "time", "ratio"), rows, figures=taken)
