"""Secrets that somebody submits: encrypted by the engine before anything is kept, and never read again.

What is kept of one beside its ciphertext is a mark: its length and a keyed hash. By it the same secret sent again keeps
its ciphertext, so that nothing changes, and a text of the engine that has the secret in it is noticed. The key lies in
a file of the portal and not in the database.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_KEY: Final = "secrets.key"
_SHORTEST: Final = 8  # shorter ones are in too many other words

Marks = dict[str, Any]
"""By the ciphertext's own hash: length in characters and keyed hash of the clear value."""


def key(folder: Path) -> bytes:
    """The key of all marks, made at the first use. Only the portal's user can read it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _KEY
    made = folder / f".{_KEY}-{secrets.token_hex(8)}"
    if not file.exists():
        with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(secrets.token_bytes(32))
        try:
            os.link(made, file)  # whole or not at all; the first of several wins
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return file.read_bytes()


def digest(own: bytes, clear: str) -> str:
    """Names a clear value for whoever has the key."""
    return hashlib.blake2b(clear.encode(), key=own, digest_size=16).hexdigest()


def mark(own: bytes, ciphertext: str, clear: str) -> Marks:
    """The mark of a secret."""
    return {_of(ciphertext): [len(clear), digest(own, clear)]}


def same(own: bytes, marks: Mapping[str, Any], ciphertext: str, clear: str) -> bool:
    """Whether a ciphertext is known to be that of a clear value."""
    return marks.get(_of(ciphertext)) == [len(clear), digest(own, clear)]


def only(marks: Mapping[str, Any], ciphertexts: Iterable[str]) -> Marks:
    """The marks of ciphertexts that are still there."""
    wanted = {_of(each) for each in ciphertexts}
    return {name: each for name, each in marks.items() if name in wanted}


def encrypted(value: Any) -> bool:
    """Whether a value holds a ciphertext, and no more."""
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def ciphertexts(settings: Any) -> Iterator[str]:
    """All that are in settings."""
    if encrypted(settings):
        yield settings["secure"]
    elif isinstance(settings, Mapping):
        for each in settings.values():
            yield from ciphertexts(each)
    elif isinstance(settings, list):
        for each in settings:
            yield from ciphertexts(each)


def _of(ciphertext: str) -> str:
    return hashlib.sha256(ciphertext.encode()).hexdigest()[:32]


class Hidden:
    """Takes marked secrets out of texts without knowing them."""

    def __init__(self, own: bytes, marks: Mapping[str, Any]) -> None:
        self._own = own
        self._known: dict[int, set[str]] = {}
        for length, hashed in marks.values():
            if length >= _SHORTEST:
                self._known.setdefault(length, set()).add(hashed)

    def text(self, text: str) -> str:
        """The text, with `[secret]` for each of them."""
        for length in sorted(self._known, reverse=True):
            known, at = self._known[length], 0
            while at + length <= len(text):
                if digest(self._own, text[at : at + length]) in known:
                    text = f"{text[:at]}[secret]{text[at + length :]}"
                    at += len("[secret]")
                else:
                    at += 1
        return text
