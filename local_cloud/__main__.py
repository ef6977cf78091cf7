"""``python -m local_cloud``: look at the local cloud, and change it behind Pulumi's back.

Exit codes: 0 done, 1 refused (no such resource, a full name that is ambiguous), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from local_cloud import commands, plugins
from local_cloud.commands import NotDoneError
from local_cloud.store import home


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 2
    try:
        _run(given)
    except NotDoneError as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    return 0


def _run(given: argparse.Namespace) -> None:
    if given.command == "install-plugins":
        plugins.install(given.home.resolve(), Path(sys.executable), Path(__file__).resolve().parent.parent)
        print("\n".join(str(plugins.folder(given.home.resolve(), package)) for package in plugins.PACKAGES))
        return
    with commands.opened() as store:
        if given.command == "list":
            print("\n".join(commands.listing(store, given.filter, details=given.outputs)))
        elif given.command == "drift":
            print(commands.drift(store, given.resource, given.property, given.value))
        elif given.command == "push":
            print(commands.push(store, given.repository, given.tag))
        elif given.command == "images":
            print("\n".join(commands.images(store)))
        else:
            print(commands.reset(store))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_cloud",
        description=f"The local cloud of this checkout. Its folder is LOCAL_CLOUD_HOME, now {home()}.",
        epilog="Exit codes: 0 done, 1 refused, 2 wrong usage.",
    )
    subs = parser.add_subparsers(dest="command", metavar="COMMAND")

    listing = subs.add_parser("list", help="what exists", description="Lists what exists, oldest first.")
    listing.add_argument("filter", nargs="?", default="", help="only types, names, ids or URNs that contain this text")
    listing.add_argument("--outputs", action="store_true", help="print the live properties too")

    drift = subs.add_parser(
        "drift",
        help="change a resource behind Pulumi's back",
        description="Changes a property of a live resource, as a console would; `pulumi refresh` shows it.",
    )
    drift.add_argument("resource", metavar="RESOURCE", help="id, URN, logical name or physical name")
    drift.add_argument("property", metavar="PROPERTY", help="camelCase path, say tags.team or healthCheck.interval")
    drift.add_argument(
        "value", metavar="VALUE", help="JSON (true, 5, [..]) or plain text; null takes the property away"
    )

    push = subs.add_parser(
        "push",
        help="record a pushed image",
        description="Records an image as pushed to a repository, as `docker push` would, and prints its digest.",
    )
    push.add_argument("repository", metavar="REPOSITORY", help="name of an ECR repository")
    push.add_argument("tag", metavar="TAG", nargs="?", help="tag of the image; without it only the digest names it")

    subs.add_parser("images", help="the images pushed so far", description="Lists images by repository.")
    subs.add_parser("reset", help="empty the local cloud", description="Deletes all that exists; Pulumi's state stays.")
    install = subs.add_parser("install-plugins", help="install the stand-ins as plug-ins of the Pulumi engine")
    install.add_argument("home", metavar="HOME", type=Path, help="the PULUMI_HOME to write them into")
    return parser


if __name__ == "__main__":
    sys.exit(main())
