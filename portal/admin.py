"""What the owners of the platform do from a shell: which environments there are and who may do what, and the audit.

  python -m portal.admin environments SETTINGS FILE   make the portal's environments and roles those of a YAML file
  python -m portal.admin verify-audit FILE            check an export of the audit; `-` reads standard input

A file of environments:

  environments:
    dev:
      owner: shop
      approvals: 1               # by others than the one who asks, unless self_approval is true
      destroy_protected: false   # true by default
      ttl_hours: 0               # destroyed so long after its first apply; 0 for never
      settings: Pulumi.dev.yaml  # what a new environment begins with
      roles: {requester: [group:shop], approver: [group:leads]}
  everywhere: {admin: [group:platform]}
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import access, audit, requests, settings
from portal.access import Role
from portal.audit import Actor
from portal.database import Database
from portal.tables import Binding, Environment
from portal.web_settings import NAME_PATTERN

Subject = Annotated[str, Field(pattern=r"^(user|group):[^\sA-Z]+$")]
Roles = dict[Role, list[Subject]]
_FORM: Final = "\n\n".join((__doc__ or "").split("\n\n")[2:])
"""What a file of environments looks like: the end of the text above."""
_OPTIONS: Final = ("owner", "approvals", "self_approval", "destroy_protected", "ttl_hours")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wanted(_Strict):
    """One environment. settings: a stack file, relative to this one; read only when the environment is new."""

    owner: Annotated[str, Field(min_length=1, max_length=64)]
    approvals: Annotated[int, Field(ge=0, le=10)] = 1
    self_approval: bool = False
    destroy_protected: bool = True
    ttl_hours: Annotated[int, Field(ge=0, le=87_600)] = 0
    settings: Path | None = None
    roles: Roles = {}


class File(_Strict):
    """environments: by name. everywhere: roles in all of them."""

    environments: dict[Annotated[str, Field(pattern=NAME_PATTERN)], Wanted]
    everywhere: Roles = {}


def load(file: Path) -> File:
    """A file of environments. Raises settings.SettingsError with everything that is wrong."""
    try:
        return File.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise settings.SettingsError(f"{file}: {error}") from error
    except ValidationError as error:
        raise settings.refused(file, error, File) from error


def begin(file: Path, wanted: File) -> dict[str, dict[str, Any]]:
    """The settings that each environment begins with. Raises settings.SettingsError."""
    found = {}
    wrong = []
    for name, each in wanted.environments.items():
        if each.settings is None:
            continue
        stack = file.parent / each.settings
        try:
            found[name] = dict(yaml.safe_load(stack.read_text("utf-8"))["config"])
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            wrong.append(f"{stack}: no stack file with a `config` can be read from it ({error})")
            continue
        if clear := requests.clear_secret(found[name]):
            wrong.append(f"{stack}: {clear} is a secret in clear; set it with `pulumi config set --secret`")
    if wrong:
        raise settings.SettingsError("\n".join(wrong))
    return found


def apply(session: Session, actor: Actor, wanted: File, begins: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Make environments and roles those of a file, and say each change. Nothing is ever taken away but roles.

    An environment that is no longer in the file keeps its rows and is named; its roles go.
    """
    for name, each in wanted.environments.items():
        yield from _environment(session, actor, name, each, begins.get(name, {}))
    session.flush()
    known = set(session.scalars(select(Environment.name)))
    for name in sorted(known - set(wanted.environments)):
        yield f"{name} is not in the file: it is left, and nobody has a role of its own there any more"
    roles = {name: each.roles for name, each in wanted.environments.items()} | {access.EVERYWHERE: wanted.everywhere}
    for name in sorted({*known, access.EVERYWHERE}):
        yield from _roles(session, actor, name, roles.get(name, {}))


def _environment(session: Session, actor: Actor, name: str, wanted: Wanted, begins: Mapping[str, Any]) -> Iterator[str]:
    options = {option: getattr(wanted, option) for option in _OPTIONS}
    found = session.get(Environment, name)
    if found is None:
        session.add(Environment(name=name, settings=dict(begins), **options))
        audit.append(session, actor, "environment.add", f"environment:{name}", **options)
        yield f"{name} is new"
        return
    changed = {option: value for option, value in options.items() if getattr(found, option) != value}
    for option, value in changed.items():
        yield f"{name}: {option} was {getattr(found, option)} and is {value}"
        setattr(found, option, value)
    if changed:
        audit.append(session, actor, "environment.change", f"environment:{name}", **changed)


def _roles(session: Session, actor: Actor, name: str, wanted: Roles) -> Iterator[str]:
    where = "every environment" if name == access.EVERYWHERE else name
    rows = {
        (each.subject, Role(each.role)): each
        for each in session.scalars(select(Binding).where(Binding.environment == name))
    }
    given = {(subject, role) for role, subjects in wanted.items() for subject in subjects}
    for subject, role in sorted(given - set(rows)):
        session.add(Binding(environment=name, subject=subject, role=role))
        audit.append(session, actor, "role.give", f"environment:{name}", subject=subject, role=role)
        yield f"{subject} is {role} in {where}"
    for subject, role in sorted(set(rows) - given):
        session.delete(rows[subject, role])
        audit.append(session, actor, "role.take", f"environment:{name}", subject=subject, role=role)
        yield f"{subject} is no longer {role} in {where}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m portal.admin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit codes: 0 done, 1 the audit is not as it was written, 2 wrong arguments or a wrong file",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    told = "make the portal's environments and roles those of a YAML file"
    raw = argparse.RawDescriptionHelpFormatter
    command = commands.add_parser("environments", help=told, description=f"{told}\n\n{_FORM}", formatter_class=raw)
    command.add_argument("settings", metavar="SETTINGS", type=Path, help="the portal's file of settings (JSON)")
    command.add_argument("file", metavar="FILE", type=Path, help="the environments (YAML)")
    command.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    told = "check an export of the audit: no row changed, moved, added or taken out"
    command = commands.add_parser("verify-audit", help=told, description=told)
    command.add_argument("file", metavar="FILE", help="what GET /audit/export gave; - for standard input")
    command.add_argument("--head", help="the hash of the last row, noted elsewhere: shows rows cut off at the end")
    return parser


def _environments(given: argparse.Namespace) -> int:
    chosen, wanted = settings.load(given.settings), load(given.file)
    without = sorted(set(wanted.environments) - set(chosen.targets))
    if without:
        raise settings.SettingsError(f"{given.settings} has no target for {', '.join(without)}")
    begins = begin(given.file, wanted)
    database = Database(chosen.database)
    database.migrate()
    try:
        with database.write() as session:
            lines = list(apply(session, Actor(f"system:shell:{getpass.getuser()}"), wanted, begins))
            if given.dry_run:
                session.rollback()
                lines.append("nothing was changed: this was a dry run")
    finally:
        database.close()
    sys.stdout.write("".join(f"{line}\n" for line in lines or ["everything is as the file says"]))
    return 0


def _verify(given: argparse.Namespace) -> int:
    try:
        lines = sys.stdin if given.file == "-" else Path(given.file).read_text("utf-8").splitlines()
        count = audit.verify(lines, given.head)
    except audit.BrokenChainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise settings.SettingsError(f"{given.file}: no export of the audit ({error})") from error
    if not count:
        raise settings.SettingsError(f"{given.file}: no export of the audit (it has no row)")
    sys.stdout.write(f"{count} rows, all as they were written\n")
    return 0


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    given = _parser().parse_args(arguments)
    os.umask(0o077)  # the database, which this may make, is this user's alone
    try:
        return _environments(given) if given.command == "environments" else _verify(given)
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
