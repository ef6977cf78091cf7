"""The commands behind `make`: python -m tools up | down | preview ENV | sweep ENV | env | crds."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any


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
    meaning = (
        "list what a destroyed environment left in AWS; exit code 0 nothing, 1 something, 2 failed, 3 could not go"
    )
    sweep = commands.add_parser("sweep", help=meaning, description=meaning)
    sweep.add_argument("env", metavar="ENV", help="name of a stack file: dev for Pulumi.dev.yaml")
    sweep.add_argument("--remove", action="store_true", help="remove what is listed, after a question")
    sweep.add_argument("--yes", action="store_true", help="remove without the question")
    sweep.add_argument("--json", action="store_true", help="list as JSON")
    _crds(commands)
    return parser


def _crds(commands: Any) -> None:
    meaning = "fetch the custom resource definitions of the pinned controllers and check them against crds.lock"
    crds = commands.add_parser(
        "crds",
        help=meaning,
        description=f"{meaning}. They lie in .crds/, which git ignores. The first fetch of a version is trusted and "
        "recorded; from then on other bytes are refused. Exit code 1 when something is missing or different.",
    )
    crds.add_argument(
        "--check", action="store_true", help="fetch nothing; say what is missing or not what the lock says"
    )
    crds.add_argument(
        "--mirror",
        metavar="URL",
        default=os.environ.get("GRPC_PLATFORM_CRDS_MIRROR", ""),
        help="fetch from URL/<host>/<path> instead of https://<host>/<path> (also: GRPC_PLATFORM_CRDS_MIRROR)",
    )


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    given = _parser().parse_args(arguments)
    if given.command == "preview":
        from tools import preview  # noqa: PLC0415 - a command loads only what it needs

        return preview.main(given.env)
    if given.command == "crds":
        from tools import crds  # noqa: PLC0415

        return crds.main(given)
    if given.command == "sweep":
        from tools import sweep  # noqa: PLC0415

        return sweep.main(sweep.Options(given.env, remove=given.remove, yes=given.yes, as_json=given.json))
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
