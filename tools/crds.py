"""`make crds`: fetches the custom resource definitions of the pinned controllers, and checks that they never change.

What is fetched lies in .crds/, which git ignores; its checksums in crds.lock, which is committed. The first fetch of a
version is trusted; from then on other bytes are refused.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from components import crd_files
from components.crd_files import CrdFile
from tools import environment

_SECONDS = 30
_MOST = 20 * 1024 * 1024  # the largest of these files has about 1 MB

Say = Callable[[str], None]


class FetchError(Exception):
    """A file could not be fetched or is not what it should be; the text says which and what to do."""


def main(options: argparse.Namespace, top: Path | None = None) -> int:
    """Fetch or check; 0 when everything is there and right, else 1."""
    place = top or environment.here().checkout
    if options.check:
        found = crd_files.trouble(place, crd_files.CRD_BUNDLES)
        _say("\n".join([*found, "run: make crds"]) if found else "All custom resource definitions are here.")
        return 1 if found else 0
    try:
        fetched = fetch(place, options.mirror, _say)
    except (FetchError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"cannot write to {place}: {error}\n")
        return 1
    if fetched:
        _say(f"{fetched} fetched into {crd_files.FOLDER}/. Commit {crd_files.LOCK} if it changed.")
    else:
        _say("All custom resource definitions are here already.")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fetch(top: Path, mirror: str, say: Say) -> int:
    """Fetch what is missing or wrong; how many files that were. What is complete stays after an interruption.

    Raises FetchError, and ValueError for a broken lock.
    """
    lock = top / crd_files.LOCK
    checksums = crd_files.locked(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    wanted = list(crd_files.files())
    fetched = 0
    for number, file in enumerate(wanted, 1):
        target = top / crd_files.FOLDER / file.key
        known = checksums.get(file.key)
        if known and target.is_file() and crd_files.checksum(target.read_bytes()) == known:
            continue
        say(f"  {number}/{len(wanted)} {file.key}")
        content = _download(file, mirror)
        found = crd_files.checksum(content)
        if known not in {None, found}:
            raise FetchError(_changed(file, str(known), found))
        _write(target, content)
        if known is None:
            say(f"      first fetch, trusted: sha256 {found}")
            checksums[file.key] = found
            _write(lock, crd_files.lock_text(checksums).encode())
        fetched += 1
    return fetched


def _changed(file: CrdFile, known: str, found: str) -> str:
    return (
        f"{file.key}: {file.url} has other bytes than at the first fetch, so it was not taken.\n"
        f"  {crd_files.LOCK} says {known}\n  fetched was       {found}\n"
        "A published version does not change: ask its project why before you take the line out of the lock."
    )


def _address(url: str, mirror: str) -> str:
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}" if mirror else url


def _download(file: CrdFile, mirror: str) -> bytes:
    address = _address(file.url, mirror)
    if urlsplit(address).scheme not in {"http", "https"}:
        raise FetchError(f"{address}: not an address of http or https")
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310 - the scheme is checked above
            content: bytes = answer.read(_MOST + 1)
    except urllib.error.HTTPError as error:
        raise FetchError(f"{file.key}: {address} answers {error.code} {error.reason}") from error
    except (urllib.error.URLError, OSError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise FetchError(
            f"{file.key}: {urlsplit(address).netloc} cannot be reached ({reason}). Without the internet: run `make "
            f"crds` where there is one and copy {crd_files.FOLDER}/ here, or name a mirror with --mirror."
        ) from error
    if len(content) > _MOST or b"CustomResourceDefinition" not in content:
        raise FetchError(
            f"{file.key}: what {address} answers holds no custom resource definitions (a proxy's sign-in page?)"
        )
    return content


def _write(target: Path, content: bytes) -> None:
    """All or nothing: a reader, or the next run after an interruption, never sees half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".half-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
