"""The static files, under names that change with what is in them, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Response
from fastapi import Path as InPath

_FOLDER: Final = Path(__file__).resolve().parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class _Asset:
    name: str
    content: bytes
    type: str


def _read() -> dict[str, _Asset]:
    found = {}
    for file in sorted(each for each in _FOLDER.iterdir() if each.suffix in _TYPES):
        content = file.read_bytes()
        served = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}"
        found[served] = _Asset(file.name, content, _TYPES[file.suffix])
    return found


_SERVED: Final = _read()
URLS: Final = {asset.name: f"/static/{served}" for served, asset in _SERVED.items()}
"""Where each file is, by its own name."""


@router.get("/static/{name}")
def static(name: Annotated[str, InPath(max_length=100)]) -> Response:
    """A file by the name that it is served under; another content would have another name."""
    found = _SERVED.get(name)
    if found is None:
        raise HTTPException(404, "there is no such file")
    return Response(found.content, media_type=found.type, headers={"Cache-Control": _FOR_EVER})
