"""`make env`: exports for the user's shell."""

from __future__ import annotations

import sys

from tools import environment
from tools.engine import EngineError, LocalEngine
from tools.up import ensure_stack


def main() -> int:
    """Print the exports; the stack exists and is selected afterwards, so that plain commands need no flag.

    The exit code: 1 when the stack cannot be made; the reason goes to standard error, since a shell evaluates the rest.
    """
    place = environment.here()
    try:
        ensure_stack(place, LocalEngine.of_checkout(), environment.STACK)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{environment.shell(place)}\n")
    return 0
