"""`make env`: exports for the user's shell."""

from __future__ import annotations

import sys

from tools import environment
from tools.engine import LocalEngine
from tools.up import ensure_stack


def main() -> int:
    """Print the exports; the stack exists and is selected afterwards, so that plain commands need no flag."""
    place = environment.here()
    ensure_stack(place, LocalEngine.of_checkout(), environment.STACK)
    sys.stdout.write(f"{environment.shell(place)}\n")
    return 0
