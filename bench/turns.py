"""What all benchmarks share: runs in turns, medians, a process to its end, a table to read."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

Made = TypeVar("Made")
_LINUX_UNIT = 1024
"""Linux gives the peak of a process's memory in kibibytes, macOS in bytes (getrusage)."""


@dataclass(frozen=True)
class Table:
    """The outcome of one benchmark. words: how many columns, from the left, hold words and not figures.

    figures: the same for machines, every single run included.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    words: int = 1

    def markdown(self) -> str:
        """For a page: a paragraph, the table, notes as paragraphs."""
        rule = ["---" if place < self.words else "---:" for place in range(len(self.header))]
        lines = ["| " + " | ".join(line) + " |" for line in (self.header, rule, *self.rows)]
        return "\n\n".join([f"{self.title}:", "\n".join(lines), *self.notes])

    def text(self) -> str:
        """Aligned columns, words to the left and figures to the right; notes below."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.header))]
        told = [
            " ".join(
                (each.ljust if place < self.words else each.rjust)(width)
                for place, (each, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *told, *self.notes])


def say(text: str) -> None:
    """A line of the report, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def in_turns(runs: Mapping[str, Callable[[], Made]], rounds: int) -> dict[str, list[Made]]:
    """Every run `rounds` times, forwards and backwards in turn, so that whatever else the machine does hits all."""
    found: dict[str, list[Made]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name in reversed([*runs]) if turn % 2 else runs:
            found[name].append(runs[name]())
    return found


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: median(each) for name, each in found.items()}


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """How long it takes in this process, in seconds of the processor: other processes do not count."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


@dataclass(frozen=True)
class Ended:
    """A process that has ended: wall seconds, peak memory in mebibytes, exit code, standard output."""

    seconds: float
    mib: float
    code: int
    output: str


def run(arguments: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None, good: Sequence[int] = (0,)) -> Ended:
    """Runs a process to its end. Raises RuntimeError with what it said when the exit code is not one of `good`."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(arguments, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - started
        code = process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (output, errors):
            stream.seek(0)
        text = output.read()
        if code not in good:
            raise RuntimeError(f"{arguments[0]} ended with exit code {code}:\n{text[-2000:]}{errors.read()[-2000:]}")
    return Ended(took, _mebibytes(used), code, text)


def _mebibytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * (1 if sys.platform == "darwin" else _LINUX_UNIT) / 2**20
