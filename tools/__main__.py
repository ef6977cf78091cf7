"""The commands behind `make`: python -m tools up [--cluster schema|real] | down | preview ENV | env."""

from __future__ import annotations

import argparse
import sys


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools", description="Run the platform on the local cloud of this checkout."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, meaning in (
        ("up", "create or update everything on the local cloud; exit code 1 when something failed"),
        ("down", "remove everything from the local cloud; exit code 1 when something is left"),
        ("env", "print exports with which a plain `pulumi` works on the local cloud"),
    ):
        command = commands.add_parser(name, help=meaning, description=meaning)
        if name == "up":
            command.add_argument(
                "--cluster",
                metavar="KIND",
                help="what answers for Kubernetes: schema (strict schemas, in process; at first) or real (a "
                "kube-apiserver on loopback); without it, what the last run used; exit code 2 for another value",
            )
    meaning = "preview an environment offline, on a throw-away copy; exit code 1 on errors, 2 for an unknown one"
    preview = commands.add_parser("preview", help=meaning, description=meaning)
    preview.add_argument("env", metavar="ENV", help="name of a stack file: dev for Pulumi.dev.yaml")
    return parser


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    given = _parser().parse_args(arguments)
    if given.command == "preview":
        from tools import preview  # noqa: PLC0415 - a command loads only what it needs

        return preview.main(given.env)
    if given.command == "env":
        from tools import env  # noqa: PLC0415

        return env.main()
    if given.command == "down":
        from tools import down  # noqa: PLC0415

        return down.main()
    from tools import up  # noqa: PLC0415

    return up.main(given.cluster)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
