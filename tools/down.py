"""`make down`: remove everything from the local cloud of this checkout, after a killed or failed run too."""

from __future__ import annotations

from tools import api_server, cluster, environment
from tools.engine import EngineError, LocalEngine
from tools.up import UNREACHABLE, emptied, leftovers, make_ready, progress_flags, say


def main() -> int:
    """Destroy and remove the stack; the exit code, 1 when something is left."""
    place = environment.here()
    engine = LocalEngine.of_checkout()
    stack = environment.STACK
    if not make_ready(place, engine, stack, destroying=True):
        return 1
    if api_server.is_wanted(place.root) and not cluster.prepare(place, None, say):
        say("Going on without it: what it holds goes with its folder.")
        api_server.stop(place.root)
    if place.checkpoint(stack).is_file():
        flags = ("--yes", "--skip-preview", "--stack", stack, *progress_flags())
        gone = UNREACHABLE if emptied(place, engine, stack) else {}
        code = engine.show("destroy", *flags, cwd=place.checkout, env=gone)
        if code:
            say("\nNot everything is gone. `make down` again goes on where this run stopped.")
            return 1
        try:
            # Without the flag the command would delete the settings file of the stack.
            engine.run("stack", "rm", "--yes", "--preserve-config", "--stack", stack, cwd=place.checkout)
        except EngineError as error:
            say(str(error))
            return 1
    left = leftovers(engine.store)
    if left:
        say(f"The stack is gone, but the local cloud still holds {len(left)} resources that it did not know:")
        for line in left[:20]:
            say(f"  {line}")
        say("They belong to nobody now; `.venv/bin/python -m local_cloud reset` empties the local cloud.")
        return 1
    api_server.stop(place.root)
    say("Nothing is left on the local cloud.")
    return 0
