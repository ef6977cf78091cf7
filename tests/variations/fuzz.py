"""A walk through random valid settings on the real engine: `make fuzz n=30 seed=1`.

Each step brings the stack of a throw-away local cloud up with the next settings. Every fifth step a second preview must
be empty; at the end everything goes down, and nothing may be left.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom

import yaml

from tests.conftest import World, new_world

from .generator import walk

_LOOK_EVERY = 5


class WalkError(AssertionError):
    """A step of a walk went wrong; the message has what changed. settings: those before and after, whole."""

    def __init__(self, message: str, before: object, after: object) -> None:
        old, new = (yaml.safe_dump(each, sort_keys=False) for each in (before, after))
        changed = difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "after", lineterm="")
        super().__init__("\n".join([message, *changed]))
        self.settings = f"--- settings before\n{old}\n--- settings after\n{new}"


class Walk:
    """A stack on its way. say: told of each step."""

    def __init__(self, world: World, random: Random, say: Callable[[str], None]) -> None:
        self._world, self._random, self._say = world, random, say
        self._before: object = None

    def go(self, steps: int) -> None:
        """Walk. Raises WalkError at the first step that does not come up, or that a second preview would change."""
        for number, (said, raw) in enumerate(walk(self._random, steps), 1):
            started = time.monotonic()
            self._world.configure(raw)
            result = self._world.run("up", "--yes", "--skip-preview", "--suppress-outputs", check=False)
            self._say(f"step {number}: {said} ({time.monotonic() - started:.0f} s)")
            if result.code:
                raise self._wrong(number, said, raw, result.text)
            if number % _LOOK_EVERY == 0 or number == steps:
                planned = self._world.steps()
                if set(planned) - {"same"}:
                    planned.pop("same", None)
                    raise self._wrong(number, said, raw, f"a second preview is not empty: {planned}")
            self._before = raw

    def down(self) -> None:
        """Take everything away. Raises WalkError when something is left."""
        result = self._world.run("destroy", "--yes", "--skip-preview", "--suppress-outputs", check=False)
        left = [row.token for row in self._world.cloud()]
        if result.code or left:
            raise self._wrong(0, "destroy", self._before, f"{result.text}\nleft: {left}")

    def _wrong(self, number: int, said: str, raw: object, what: str) -> WalkError:
        return WalkError(f"step {number} ({said}):\n{what[-6000:]}", self._before, raw)


def main() -> int:
    """The command; 0 when the walk ended well, 1 when a step failed, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="make fuzz",
        description="Walk one stack of a throw-away local cloud through random valid settings, by successive updates.",
        epilog="exit codes: 0 it went well and nothing is left, 1 a step failed",
    )
    parser.add_argument("-n", type=int, default=30, metavar="N", help="how many steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeats a walk; printed at the start")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failure.txt"), help="where a failure is written")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else SystemRandom().randrange(10**6)
    sys.stdout.write(f"{given.n} steps with seed {seed}; the same again: make fuzz n={given.n} seed={seed}\n")
    with tempfile.TemporaryDirectory(prefix="grpc-platform-fuzz-", ignore_cleanup_errors=True) as folder:
        going = Walk(new_world(Path(folder)), Random(seed), lambda text: print(text, flush=True))  # noqa: S311
        try:
            going.go(given.n)
            going.down()
        except WalkError as error:
            given.keep.write_text(f"{error}\n{error.settings}", encoding="utf-8")
            head = "\n".join(str(error).splitlines()[:60])
            sys.stdout.write(
                f"{head}\nall of it, with the settings: {given.keep}\nagain: make fuzz n={given.n} seed={seed}\n"
            )
            return 1
    sys.stdout.write("every step came up, second previews were empty, and nothing is left\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
