"""What ``python -m local_cloud`` does, as functions that return the text to print."""

from __future__ import annotations

import difflib
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Final

from local_cloud.kubernetes.mirror import connection
from local_cloud.store import Row, Store, home, now
from local_cloud.values import Props, Value

REPOSITORY: Final = "aws:ecr/repository:Repository"
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_STEP: Final = re.compile(r'\["((?:[^"])+)"\]|\[(\d+)\]|\.?([^.\[\]]+)')


class NotDoneError(Exception):
    """The reason why a command was not carried out, for the user."""


@contextmanager
def opened() -> Iterator[Store]:
    """The store of the local cloud; refused when there is none yet."""
    file = home() / "cloud.sqlite"
    if not file.is_file():
        raise NotDoneError(f"no local cloud in {home()}; `make up` creates one, LOCAL_CLOUD_HOME names another folder")
    store = Store(file)
    try:
        yield store
    finally:
        store.close()


def listing(store: Store, text: str = "", *, details: bool = False) -> list[str]:
    """A table of type, id and logical name, oldest first; with ``details`` the live properties below each row."""
    rows = [row for row in store.rows() if _mentions(row, text)]
    if not rows:
        return [f"nothing contains {text!r}" if text else "the local cloud is empty"]
    cells = [(_short(row.token), row.id, _logical(row) or "(made by AWS or a controller)") for row in rows]
    widths = [min(60, max(len(cell[column]) for cell in cells)) for column in (0, 1)]
    lines = []
    for row, (kind, identity, name) in zip(rows, cells, strict=True):
        lines.append(f"{kind:<{widths[0]}}  {identity:<{widths[1]}}  {name}")
        if details:
            lines += [f"    {key}: {_shown(value)}" for key, value in sorted(row.outputs.items())]
    return [*lines, f"{len(rows)} resource{'s' if len(rows) != 1 else ''}"]


def _mentions(row: Row, text: str) -> bool:
    return not text or any(text.lower() in part.lower() for part in (row.token, row.id, row.urn))


def _short(token: str) -> str:
    """``aws:ec2/vpc:Vpc`` as Pulumi's own output shows it: ``aws:ec2:Vpc``."""
    return re.sub(r"/[^:]*", "", token)


def _logical(row: Row) -> str:
    return row.urn.rsplit("::", 1)[-1]


def _shown(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def find(store: Store, wanted: str) -> Row:
    """The one resource with this id, URN, logical or physical name; refused when there is none or more than one."""
    rows = store.rows()
    for pick in (_is_exact, _is_named):
        found = [row for row in rows if pick(row, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            several = "\n  ".join(row.urn or f"{_short(row.token)} {row.id}" for row in found)
            raise NotDoneError(f"{wanted} names {len(found)} resources; give the URN or id of one:\n  {several}")
    known = sorted({name for row in rows for name in (row.id, _logical(row)) if name})
    raise NotDoneError(
        f"no resource is called {wanted}{_hint(wanted, known) or '; `python -m local_cloud list` shows all'}"
    )


def _is_exact(row: Row, wanted: str) -> bool:
    return wanted in {row.id, row.urn}


def _is_named(row: Row, wanted: str) -> bool:
    return wanted in {_logical(row), row["name"], row["arn"]}


def _hint(wanted: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wanted, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def drift(store: Store, resource: str, path: str, text: str) -> str:
    """Sets a property of a live resource; an input changes in inputs and outputs, a computed output in the outputs."""
    with store.transaction():
        row = find(store, resource)
        if row.provider.startswith("kubernetes:") and connection(home()):
            raise NotDoneError(f"{row.id} lives on a real Kubernetes API server: change it there, with kubectl edit")
        top = _steps(path)[0]
        if top not in row.outputs and top not in row.inputs:
            known = sorted(row.outputs)
            hint = _hint(str(top), known) or f"; it has {', '.join(known)}"
            raise NotDoneError(f"{_short(row.token)} {_logical(row) or row.id} has no property {top}{hint}")
        before = _get(row.outputs, path)
        value = _parsed(text)
        inputs = _with(row.inputs, path, value) if top in row.inputs else row.inputs
        store.update(replace(row, inputs=inputs, outputs=_with(row.outputs, path, value)))
    return f"{_short(row.token)} {_logical(row) or row.id}: {path} was {_shown(before)}, is {_shown(value)}"


def _parsed(text: str) -> Value:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 0
    while match := _STEP.match(path, position):
        quoted, number, plain = match.groups()
        steps.append(int(number) if number else quoted or plain)
        position = match.end()
    if position != len(path) or not steps:
        raise NotDoneError(f'{path} is no property path; it looks like a.b[0].c or tags["a.b"]')
    return steps


def _get(props: Props, path: str) -> Value:
    value: Value = props
    for step in _steps(path):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _with(props: Props, path: str, value: Value) -> Props:
    """A copy with the value at the path; None takes it away. Missing objects on the way are made."""
    *parents, last = _steps(path)
    changed = deepcopy(props)
    target: Value = changed
    try:
        for step in parents:
            target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
        if value is None:
            del target[last]
        else:
            target[last] = value
    except (KeyError, IndexError, TypeError):
        raise NotDoneError(f"there is nothing at {path} to change") from None
    return changed


def push(store: Store, repository: str, tag: str | None) -> str:
    """Records an image and returns its digest. An immutable tag that exists is refused as ECR refuses it."""
    with store.transaction():
        row = store.get("aws", REPOSITORY, repository)
        if row is None:
            known = [row.id for row in store.rows("aws", REPOSITORY)]
            hint = _hint(repository, known) or f"; there are {', '.join(known) or 'none'}"
            raise NotDoneError(f"no repository is called {repository}{hint}")
        if tag is not None and not re.fullmatch(_TAG, tag):
            raise NotDoneError(f"{tag!r} is no image tag: up to 128 letters, digits or . _ -, not starting with . or -")
        for (_, digest), data in store.notes("image", repository).items():
            if tag in data["tags"]:
                if str(row["imageTagMutability"]).startswith("IMMUTABLE"):
                    raise NotDoneError(
                        f"tag invalid: The image tag '{tag}' already exists in the '{repository}' repository "
                        "and cannot "
                        "be overwritten because the repository is immutable."
                    )
                left = [other for other in data["tags"] if other != tag]
                store.note("image", repository, digest, {**data, "tags": left})
        digest = f"sha256:{secrets.token_hex(32)}"
        store.note("image", repository, digest, {"tags": [tag] if tag else [], "pushedAt": now()})
    return digest


def images(store: Store) -> list[str]:
    """One line per pushed image: repository, tags, digest, when."""
    lines = [
        f"{repository}  {','.join(data['tags']) or '(no tag)'}  {digest}  {data['pushedAt']}"
        for (repository, digest), data in store.notes("image").items()
    ]
    return lines or ["no image has been pushed; `python -m local_cloud push REPOSITORY [TAG]` records one"]


def reset(store: Store) -> str:
    """Empties the local cloud."""
    count = len(store.rows())
    store.clear()
    return (
        f"deleted {count} resource{'s' if count != 1 else ''}; Pulumi's state still lists them: `make up` makes "
        "them anew, `make down` forgets them"
    )
