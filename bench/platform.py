"""Preview and up of the platform beside a bare program, as ratios within one run.

Both programs register the same resources, type by type, on local clouds of their own, alternating, so that whatever
else the machine does hits both. Checkpoints are off at 500 workloads (the engine writes the whole state after every
step, which would be all that is measured) and on as well at 1 and 50.
"""

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import measure, programs
from bench.turns import say

SIZES = (1, 50, 500)
COMMANDS = ("preview", "up")
PROGRAMS = ("platform", "bare")
HEADER = f"{'workloads':>9} {'checkpoints':>11} {'command':>8} {'platform':>9} {'bare':>9} {'ratio':>6} "
HEADER += f"{'first':>12} {'program MiB':>12} {'all MiB':>12}"


def rounds(size: int) -> int:
    """Runs of each program: the median of three, or of two, one in each order, where a run takes minutes."""
    return 3 if size < 500 else 2


def compare(size: int, turns: int, *, throw_away: bool, root: Path) -> dict[tuple[str, str], float]:
    """Measure both programs at one size and print a line per command; median seconds by program and command."""
    seen: dict[tuple[str, str], list[measure.Run]] = {}
    for turn in range(turns):
        for name in reversed(PROGRAMS) if turn % 2 else PROGRAMS:
            made = programs.make(name, size, root / f"{size}-{throw_away}-{turn}-{name}", throw_away=throw_away)
            for command in COMMANDS:
                seen.setdefault((name, command), []).append(measure.run(made, command))
    for command in COMMANDS:
        platform, bare = seen["platform", command], seen["bare", command]
        if platform[0].types != bare[0].types:
            more, less = platform[0].types - bare[0].types, bare[0].types - platform[0].types
            raise SystemExit(f"the programs differ: only the platform has {more}, only the bare program {less}")
        say(line(size, command, platform, bare, throw_away=throw_away))
    return {key: statistics.median(run.seconds for run in runs) for key, runs in seen.items()}


def growth(seconds: dict[int, dict[tuple[str, str], float]]) -> Iterator[str]:
    """Times of each size as multiples of the next smaller one's, without checkpoints."""
    sizes = sorted(seconds)
    for small, large in pairwise(sizes):
        for command in COMMANDS:
            platform, bare = (seconds[large][name, command] / seconds[small][name, command] for name in PROGRAMS)
            yield f"{small} to {large} workloads, {command}: platform x {platform:.1f}, bare x {bare:.1f}"


def line(size: int, command: str, platform: list[measure.Run], bare: list[measure.Run], *, throw_away: bool) -> str:
    """One line of the table: medians, and their ratio."""
    mine, other = (statistics.median(run.seconds for run in runs) for runs in (platform, bare))
    peaks = [("first_resource", 1), ("program_mib", 0), ("total_mib", 0)]
    pairs = [f"{_peak(platform, field):.{digits}f}/{_peak(bare, field):.{digits}f}" for field, digits in peaks]
    return (
        f"{size:>9} {'off' if throw_away else 'on':>11} {command:>8} {mine:>8.1f}s {other:>8.1f}s {mine / other:>6.2f} "
        + " ".join(f"{pair:>12}" for pair in pairs)
    )


def _peak(runs: list[measure.Run], field: str) -> float:
    return max(float(getattr(run, field)) for run in runs)


def run(sizes: Sequence[int], turns: int | None, root: Path) -> dict[str, Any]:
    """Run the sizes, printing each line at once; the figures, median seconds by size, program and command."""
    say(HEADER)
    seconds: dict[int, dict[tuple[str, str], float]] = {}
    for size in sizes:
        if size < 500:
            compare(size, turns or rounds(size), throw_away=False, root=root)
        seconds[size] = compare(size, turns or rounds(size), throw_away=True, root=root)
    say(
        "platform/bare in the last three columns: seconds to the first resource, peak memory of the program and of all."
    )
    for each in growth(seconds):
        say(each)
    return {str(size): {" ".join(key): value for key, value in found.items()} for size, found in seconds.items()}
