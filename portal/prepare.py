"""What somebody asks for is checked by the program itself and its secrets are encrypted, before any row is written.

One way for all: a form and a text are read by `form.read` and `form.from_yaml`, what a client sends by `prepare`; then
`judge` says everything that is wrong, and `seal` makes of the rest what `requests.submit` takes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any, Final

from portal import engine, form, requests, secrecy
from portal.form import SECRET, Path, Problem, Reading
from portal.form.build import secure
from portal.requests import Prepared
from portal.settings import PortalSettings, Target
from portal.tables import Environment

MOST_SECRETS: Final = 50
"""New secrets in one request; the engine takes about a second for each."""
_LONGEST: Final = 4096
_AGAIN_SECONDS: Final = 5


class InvalidSettingsError(requests.InvalidError):
    """Settings that the program does not take. problems: all of them, none shows a secret."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        many = f"{len(problems)} things are" if len(problems) > 1 else "one thing is"
        super().__init__(f"{many} wrong with the settings")
        self.problems = problems


class BusyError(Exception):
    """The engine encrypts for others at this moment; try again after `retry_after` seconds."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"secrets of {most} other requests are being encrypted, and no more are at a time; try again in a moment"
        )
        self.retry_after = _AGAIN_SECONDS


class Encryptions:
    """Keeps requests with new secrets from starting engines without end. most: of them at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be one of them as long as the block lasts. Raises BusyError at once when there is no room."""
        if not self._free.acquire(blocking=False):
            raise BusyError(self._most)
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True)
class Means:
    """What settings are prepared with: the portal's own, and the room for engines."""

    chosen: PortalSettings
    encryptions: Encryptions


@dataclass(frozen=True)
class Base:
    """An environment's settings as they were read, which others are made from. marks: of their secrets."""

    where: str
    settings: Mapping[str, Any]
    version: int
    marks: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Environment) -> Base:
        """As they are now."""
        return cls(row.name, copy.deepcopy(row.settings), row.settings_version, dict(row.marks))


def target_of(chosen: PortalSettings, where: str) -> Target:
    """Where an environment's program lies. Raises InvalidError where the portal knows of none."""
    found = chosen.targets.get(where)
    if found is None:
        raise requests.InvalidError(f"the portal knows no program of {where}")
    return found


def judge(program: Folder, reading: Reading) -> tuple[Problem, ...]:
    """Everything that is wrong with what somebody sent: in its form, with its secrets, and for the program itself.

    Takes half a second, so call it outside a transaction. Raises form.CheckError.
    """
    found = [*reading.problems, *_of_secrets(reading.secrets)]
    if all(each.path in reading.pending for each in reading.problems):  # nothing but values of secrets is missing
        found += form.check(program, reading.settings, pending=reading.pending)
    if in_clear := requests.clear_secret(reading.settings):
        found.append(Problem((), in_clear, "a secret must be encrypted, and is never kept in clear"))
    return tuple(found)


def prepare(means: Means, base: Base, version: int, sent: Mapping[str, Any]) -> Prepared:
    """Settings as a client sends them, with `[secret]` for each that stays. version: that they were made from.

    Raises InvalidSettingsError, and what `target_of`, `judge` and `seal` do.
    """
    program = target_of(means.chosen, base.where).program
    reading = form.from_data(form.load(program), base.settings, sent)
    if problems := judge(program, reading):
        raise InvalidSettingsError(problems)
    return seal(means, base, version, reading)


def seal(means: Means, base: Base, version: int, reading: Reading) -> Prepared:
    """Settings that were judged, with new secrets encrypted by the engine: a second for each.

    A secret that is the one that is there keeps its ciphertext, so its plan is unchanged. version: of the settings that
    whoever sent these had before them. Raises BusyError, engine.EncryptionError.
    """
    folder, clear = means.chosen.folder, reading.secrets
    own = secrecy.key(folder)
    known = {path: old for path, value in clear.items() if (old := _same(own, base, path, value))}
    new = {path: value for path, value in clear.items() if path not in known}
    encrypted: dict[Path, str] = {}
    if new:
        with means.encryptions.one():
            encrypted = engine.encrypt(target_of(means.chosen, base.where), folder, new)
    marks = dict(base.marks)
    for path, ciphertext in encrypted.items():
        marks |= secrecy.mark(own, ciphertext, new[path])
    whole = form.with_secrets(reading.settings, {**known, **encrypted})
    hashed = [[path, secrecy.digest(own, value)] for path, value in sorted(clear.items())]
    told = [base.where, _told(reading.settings, base.settings), hashed]
    body = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return Prepared(whole, secrecy.only(marks, secrecy.ciphertexts(whole)), body, version)


def _of_secrets(clear: Mapping[Path, str]) -> Iterator[Problem]:
    for path, value in clear.items():
        if not 0 < len(value) <= _LONGEST or "\0" in value:
            said = f"a secret has 1 to {_LONGEST} characters, none of them NUL; this has {len(value)}"
            yield Problem(path, form.typed(path), said)
    if len(clear) > MOST_SECRETS:
        path = list(clear)[MOST_SECRETS]
        said = f"at most {MOST_SECRETS} new secrets go into one change; these are {len(clear)}: make several"
        yield Problem(path, form.typed(path), said)


def _same(own: bytes, base: Base, path: Path, clear: str) -> str:
    """The ciphertext that is there, when it is known to be of that clear value."""
    value: Any = base.settings
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    ciphertext = value.get("secure") if isinstance(value, Mapping) else None
    known = isinstance(ciphertext, str) and secrecy.same(own, base.marks, ciphertext, clear)
    return ciphertext if known and isinstance(ciphertext, str) else ""


def _told(value: Any, base: Any) -> Any:
    """Settings as they were told, with `[secret]` for what stays: the same when the secret that stays is another."""
    if secure(value) and value == base:
        return SECRET
    if isinstance(value, Mapping):
        inside = base if isinstance(base, Mapping) else {}
        return {key: _told(each, inside.get(key)) for key, each in value.items()}
    if isinstance(value, list):
        old = base if isinstance(base, list) else []
        return [_told(each, old[place] if place < len(old) else None) for place, each in enumerate(value)]
    return value
