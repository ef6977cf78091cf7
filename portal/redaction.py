"""What no text of a runner keeps: the secrets of its run, and what the settings give to the engine and to git."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import secrecy
from portal.events import Redactor
from portal.settings import GitSource, PortalSettings, Target
from portal.states import Kind
from portal.tables import Run

_FILE: Final = "PULUMI_CONFIG_PASSPHRASE_FILE"
_PLAIN: Final = frozenset(
    {
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "KUBECONFIG",
        "LANG",
        "NO_PROXY",
        "PATH",
        "PULUMI_BACKEND_URL",
        "PULUMI_HOME",
        "SSL_CERT_FILE",
        "TMPDIR",
        "USER",
        "VIRTUAL_ENV",
        _FILE,
    }
)
"""Variables that say where something is, which plans and errors must be able to name.

Passwords in URLs are hidden all the same.
"""
_LOOKED_AT: Final = 500
"""Runs back in which a mark is looked for; a branch older than that is hardly merged."""


def redactor(chosen: PortalSettings, run: Run) -> Redactor:
    """For all that a runner of this run writes down."""
    target = chosen.targets.get(run.environment)
    return Redactor(known(target) if target else [], secrecy.Hidden(secrecy.key(chosen.folder), run.marks).text)


def remembered(session: Session, run: Run) -> secrecy.Marks:
    """The marks of the secrets in a run's settings, whoever gave them: a merged branch has those of another run."""
    wanted = list(secrecy.ciphertexts(run.settings))
    found = secrecy.only({**run.where.marks, **run.marks}, wanted)
    if len(found) < len(set(wanted)):
        others = select(Run.marks).where(Run.environment == run.environment, Run.kind == Kind.UPDATE)
        for marks in session.scalars(others.order_by(Run.id.desc()).limit(_LOOKED_AT)):
            found |= secrecy.only(marks, wanted)
    return found


def known(target: Target) -> Iterator[str]:
    """The values of a target that no text shows."""
    named = target.secret_variables
    for name, value in target.variables.items():
        if name in named if named is not None else name.upper() not in _PLAIN:
            yield value
        yield from in_address(value)
    yield from _in_file(target)
    if target.git is not None:
        yield from _of_git(target.git)


def _of_git(git: GitSource) -> Iterator[str]:
    yield from in_address(git.repository)
    for name, value in git.variables.items():
        if name.upper() not in _PLAIN:
            yield value
        yield from in_address(value)


def signs_in(address: str) -> str:
    """Who a URL signs in as, with the password; a name alone is a token where the address is of the web, else empty.

    It ends at the last `@`: what is wrong with an address must not show its password.
    """
    scheme, _, rest = address.partition("://")
    user = rest.rpartition("@")[0]
    return user if ":" in user or scheme in ("http", "https") else ""


def in_address(address: str) -> list[str]:
    """The secrets of a URL in the ways that a message may have them: as written and as meant."""
    user = signs_in(address)
    secret = user.partition(":")[2] or user
    return [user, secret, unquote(secret)]


def _in_file(target: Target) -> Iterator[str]:
    """A passphrase that the engine reads from a file; where it cannot be read the engine says so."""
    if name := target.variables.get(_FILE):
        try:
            yield Path(name).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return


def trace(chosen: PortalSettings, run: Run | None, error: BaseException) -> str:
    """An exception for a log. Where the secrets that may be in it are not known, only its kind and where it was."""
    with contextlib.suppress(OSError):  # the key of the marks cannot be read or made: a full disk, say
        if run is not None:
            return redactor(chosen, run).text("".join(traceback.format_exception(error)))
    return f"{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}\n"
