"""Where the definitions of custom resources lie on this machine, and whether they are what was fetched first.

`make crds` fetches them into a folder that git ignores and keeps their checksums in `crds.lock`, which is committed:
the first fetch of a version is trusted, every later one on any machine must have the same bytes. Only the standard
library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.versions import CRD_BUNDLES

__all__ = ["CRD_BUNDLES", "FOLDER", "LOCK", "CrdFile", "checksum", "files", "lock_text", "locked", "trouble"]

FOLDER: Final = Path(".crds")
LOCK: Final = Path("crds.lock")
_TITLE: Final = (
    "# Checksums (SHA-256) of the custom resource definitions that `make crds` fetches; commit this file. A line is"
    " written\n# when a file is fetched for the first time and compared ever after.\n"
)


@dataclass(frozen=True)
class CrdFile:
    """One published file. `key` names it in the lock and in the folder: `gateway-api/v1.6.1/standard-install.yaml`."""

    key: str
    url: str


def files(bundles: Iterable[str] = tuple(CRD_BUNDLES)) -> Iterator[CrdFile]:
    """The files of some bundles, of all by default. Raises KeyError for a bundle that does not exist."""
    for bundle in bundles:
        for name, url in CRD_BUNDLES[bundle].files.items():
            yield CrdFile(f"{bundle}/{CRD_BUNDLES[bundle].version}/{name}", url)


def locked(text: str) -> dict[str, str]:
    """Checksums by key. Raises ValueError for a line that is none."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        checksum, _, key = line.partition("  ")
        if len(checksum) != 64 or set(checksum) - set("0123456789abcdef") or not key:
            raise ValueError(f"{LOCK}, line {number}: not a checksum and a name; take the file back from git")
        found[key] = checksum
    return found


def lock_text(checksums: Mapping[str, str]) -> str:
    """The content of the lock, in the order of the names."""
    return _TITLE + "".join(f"{checksums[key]}  {key}\n" for key in sorted(checksums))


def checksum(content: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def trouble(top: Path, bundles: Iterable[str]) -> list[str]:
    """What keeps the files of `bundles` in the checkout `top` from being used, a line each; empty when all is well."""
    try:
        checksums = locked((top / LOCK).read_text(encoding="utf-8")) if (top / LOCK).is_file() else {}
    except ValueError as error:
        return [str(error)]
    return [f"{each.key}: {said}" for each in files(bundles) if (said := _trouble_of(top, each, checksums))]


def _trouble_of(top: Path, file: CrdFile, checksums: Mapping[str, str]) -> str:
    path = top / FOLDER / file.key
    if not path.is_file():
        return "not fetched"
    if file.key not in checksums:
        return f"has no checksum in {LOCK}"
    return "" if checksum(path.read_bytes()) == checksums[file.key] else f"is not what {LOCK} says"
