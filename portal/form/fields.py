"""What a form is made of: a tree of groups and fields, as data for a page.

Names of inputs are `<letter>:<path>`, the path as a JSON pointer (RFC 6901) below the stack file's `config`:
`v:/grpc-platform:services/orders/port` holds a value, `p:` whether a group is there, `r:` takes something out, and `a:`
holds the key of a new entry. Whatever else a page sends is the page's own.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Path = tuple[str, ...]
SERVICES: Final = "grpc-platform:services"
YES: Final = "yes"
"""What a ticked box sends, for `p:` and `r:`."""
WAS: Final = "was"
"""What a hidden input before the box of a group that is there sends; unticked, the group goes."""
NO: Final = "no"
"""The same of a group that is not there; unticked, it comes all the same when something in it is filled in."""
_NAME: Final = re.compile(r"([vpra]):((?:/[^/]*)*)", re.DOTALL)


class Kind(enum.StrEnum):
    """How a value is typed. Raw is JSON: a value that the schema does not describe, or that is not as it should be."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"
    MAP = "map"
    SECRET = "secret"  # noqa: S105 - the kind of one
    RAW = "raw"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, and where: keys below `config`. where: as one types it. message: what is allowed."""

    path: Path
    where: str
    message: str


@dataclass(frozen=True)
class Field:
    """One value.

    name: of its input. value: as text; of a secret always "". is_set: whether there is one, by which a secret that is
    there is told from none. default: what counts when it is left out, in words. hint: what is allowed. choices: of a
    flag "true" and "false", beside nothing. minimum, maximum: of a number. remove: name of the box that takes a secret
    or an entry out, "" where emptying the field does.
    """

    path: Path
    name: str
    label: str
    kind: Kind
    help: str = ""
    source: str = ""
    value: str = ""
    is_set: bool = False
    required: bool = False
    default: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    remove: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Fields that belong together, or, where `add` is not "", entries by key.

    name: of the box that says whether it is there, "" where that is no question; before it belongs a hidden input of
    the same name with the value `unticked`. add: name of the input for the key of a new entry. hint: what keys are
    allowed. remove: name of the box that takes an entry out.
    """

    path: Path
    name: str
    label: str
    items: tuple[Field | Group, ...]
    help: str = ""
    present: bool = False
    required: bool = False
    add: str = ""
    hint: str = ""
    remove: str = ""
    errors: tuple[str, ...] = ()

    @property
    def unticked(self) -> str:
        """What the hidden input before the box sends."""
        return WAS if self.present else NO

    def fields(self) -> Iterator[Field]:
        """Every field in it, at any depth, in order."""
        for each in self.items:
            if isinstance(each, Field):
                yield each
            else:
                yield from each.fields()

    def groups(self) -> Iterator[Group]:
        """It and every group in it, at any depth, in order."""
        yield self
        for each in self.items:
            if isinstance(each, Group):
                yield from each.groups()


@dataclass(frozen=True)
class Form:
    """A part of the settings. errors: what is wrong elsewhere, or with the settings as a whole."""

    root: Group
    errors: tuple[str, ...] = ()


def name_of(letter: str, path: Path) -> str:
    """The name of an input."""
    return f"{letter}:" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def parsed(name: str) -> tuple[str, Path] | None:
    """Letter and path of an input's name; None where it is none of a form's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return found[1], tuple(part.replace("~1", "/").replace("~0", "~") for part in found[2].split("/")[1:])


def typed(path: Path) -> str:
    """A path as one types it: `grpc-platform:services.orders.env["A.B"]`."""
    shown = [part if re.fullmatch(r"[A-Za-z0-9_:-]+", part) else None for part in path]
    parts = (f".{known}" if known else f'["{part}"]' for known, part in zip(shown, path, strict=True))
    return "".join(parts).removeprefix(".") or "config"
