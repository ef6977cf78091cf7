"""What somebody asks for is checked by the program itself and its secrets are encrypted, before any row is written."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from portal import engine, form, requests, secrecy
from portal.database import Database
from portal.form import Path, Problem
from portal.requests import Prepared
from portal.settings import PortalSettings
from portal.transitions import environment

_LONGEST: Final = 4096


class InvalidSettingsError(requests.InvalidError):
    """Settings that the program does not take. problems: all of them, none shows a secret."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(f"{each.where}: {each.message}" for each in problems))
        self.problems = problems


def prepare(
    chosen: PortalSettings,
    database: Database,
    where: str,
    settings: Mapping[str, Any] | None,
    clear: Mapping[Path, str] | None = None,
) -> Prepared:
    """Settings that the environment's program takes, with the clear secrets encrypted by the engine.

    settings: as they are now where none are given. clear: new secrets by their path, as `form.read` and
    `form.from_yaml` give them. A secret that is the one that is there keeps its ciphertext, so its plan is unchanged.
    Takes seconds, so call it outside a transaction. Raises InvalidSettingsError, InvalidError, KeyError,
    form.CheckError, engine.EncryptionError.
    """
    with database.read() as session:
        found = environment(session, where)
        before, marks = found.settings, dict(found.marks)
    target, clear = chosen.targets[where], dict(clear or {})
    wanted = copy.deepcopy(dict(before if settings is None else settings))
    problems = [*_of_secrets(clear), *form.check(target.program, wanted, pending=clear)]
    if problems:
        raise InvalidSettingsError(tuple(problems))
    if in_clear := requests.clear_secret(wanted):
        raise requests.InvalidError(f"{in_clear}: a secret must be encrypted, and is never kept in clear")
    own = secrecy.key(chosen.folder)
    known = {path: old for path, value in clear.items() if (old := _same(own, marks, before, path, value))}
    new = {path: value for path, value in clear.items() if path not in known}
    encrypted = engine.encrypt(target, chosen.folder, new) if new else {}
    for path, ciphertext in encrypted.items():
        marks |= secrecy.mark(own, ciphertext, new[path])
    whole = form.with_secrets(wanted, {**known, **encrypted})
    hashed = [[path, secrecy.digest(own, value)] for path, value in sorted(clear.items())]
    body = hashlib.sha256(json.dumps([where, wanted, hashed], sort_keys=True).encode()).hexdigest()
    given = settings is not None or bool(clear)
    return Prepared(whole, secrecy.only(marks, _ciphertexts(whole)), body, given)


def _of_secrets(clear: Mapping[Path, str]) -> Iterator[Problem]:
    for path, value in clear.items():
        if not 0 < len(value) <= _LONGEST or "\0" in value:
            said = f"a secret has 1 to {_LONGEST} characters, none of them NUL; this has {len(value)}"
            yield Problem(path, ".".join(path), said)


def _same(own: bytes, marks: Mapping[str, Any], before: Mapping[str, Any], path: Path, clear: str) -> str:
    """The ciphertext that is there, when it is known to be of that clear value."""
    value: Any = before
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    ciphertext = value.get("secure") if isinstance(value, Mapping) else None
    known = isinstance(ciphertext, str) and secrecy.same(own, marks, ciphertext, clear)
    return ciphertext if known and isinstance(ciphertext, str) else ""


def _ciphertexts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            yield value["secure"]
        else:
            for each in value.values():
                yield from _ciphertexts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _ciphertexts(each)
