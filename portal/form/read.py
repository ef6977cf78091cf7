"""From what a browser sends to settings."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.form import texts
from portal.form.build import is_group, kind_of
from portal.form.fields import WAS, YES, Kind, Path, Problem, name_of, parsed, typed
from portal.form.schema import RAW, Node, Schema
from portal.form.texts import MISSING, TextError


@dataclass(frozen=True)
class Reading:
    """What somebody filled in.

    settings: the whole `config`; a new secret is not in it. secrets: new secrets in clear, by path, to be encrypted
    and put in with `with_secrets`, and never shown. pending: paths of secrets without an encrypted value, for
    `build`. problems: what could not be read; the settings are then not to be used. entered: texts by input, none of
    them a secret, for `build`.
    """

    settings: dict[str, Any]
    secrets: dict[Path, str] = field(repr=False)
    pending: tuple[Path, ...]
    problems: tuple[Problem, ...]
    entered: Mapping[str, str]


def read(schema: Schema, base: Mapping[str, Any], sent: Iterable[tuple[str, str]], *, under: Path = ()) -> Reading:
    """The settings `base` as somebody changed them in a form made of them, or of other settings.

    sent: names and values of inputs, of several of a name the last counts; names that are none of a form's are left
    alone. under: the only part that may change; an input of another, or of a setting that the schema does not know, is
    a problem. What no input is about stays as it is, and so does a value whose text is unchanged. An empty field means
    that the setting is left out; an empty secret, that the old one stays.
    """
    inputs = _Sent(sent, under)
    reader = _Reader(schema, inputs)
    settings = reader.group(schema.config, base, ())
    for path in inputs.left():
        reader.problem(path, "there is no such setting")
    for path in inputs.outside:
        reader.problem(path, "is no part of this form")
    return Reading(settings, reader.secrets, tuple(reader.pending), tuple(reader.problems), reader.entered)


def with_secrets(settings: Mapping[str, Any], encrypted: Mapping[Path, str]) -> dict[str, Any]:
    """Settings with encrypted values put in; the groups on the way are made where they are not there."""
    changed: dict[str, Any] = copy.deepcopy(dict(settings))
    for path, value in encrypted.items():
        inside = changed
        for key in path[:-1]:
            if not isinstance(inside.get(key), dict):
                inside[key] = {}
            inside = inside[key]
        inside[path[-1]] = {"secure": value}
    return changed


class _Sent:
    """Inputs by path. Each is taken once; what nobody took is about nothing."""

    def __init__(self, sent: Iterable[tuple[str, str]], under: Path) -> None:
        self.outside: list[Path] = []
        self._at: dict[Path, dict[str, str]] = {}
        self._below: dict[Path, dict[str, None]] = {}
        for name, text in sent:
            found = parsed(name)
            if found is None:
                continue
            letter, path = found
            if path[: len(under)] != under:
                self.outside.append(path)
                continue
            self._at.setdefault(path, {})[letter] = text
            for length in range(len(path)):
                self._below.setdefault(path[:length], {})[path[length]] = None

    def take(self, path: Path, letter: str) -> str | None:
        """What an input sent; None where there was none."""
        return self._at.get(path, {}).pop(letter, None)

    def below(self, path: Path) -> tuple[str, ...]:
        """The next keys of all inputs below a path, in the order in which they came."""
        return tuple(self._below.get(path, ()))

    def about(self, path: Path) -> bool:
        """Whether an input is about a path or something below it."""
        return path in self._at or path in self._below

    def drop(self, path: Path) -> None:
        """Take whatever is about a path or something below it."""
        self._at.pop(path, None)
        for key in self.below(path):
            self.drop((*path, key))

    def left(self) -> Iterator[Path]:
        """The paths of inputs that nobody took."""
        return (path for path, letters in self._at.items() for _ in letters)


class _Reader:
    """Goes through the schema and the settings together."""

    def __init__(self, schema: Schema, sent: _Sent) -> None:
        self._schema = schema
        self._sent = sent
        self.secrets: dict[Path, str] = {}
        self.pending: list[Path] = []
        self.problems: list[Problem] = []
        self.entered: dict[str, str] = {}

    def problem(self, path: Path, message: str) -> None:
        """Note that something is wrong."""
        self.problems.append(Problem(path, typed(path), message))

    def group(self, node: Node, base: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """A group with what was sent about it: first what there was, in its order, then what is new."""
        entries = self._schema.shape(node).entries
        new = self._added(node, base, path) if entries else None
        keys = [*base, *((*self._sent.below(path), *([new] if new else [])) if entries else self._schema.keys(node))]
        found: dict[str, Any] = {}
        for key in dict.fromkeys(keys):
            value = self._value(node, base.get(key, MISSING), (*path, key), added=key == new)
            if value is not MISSING:
                found[key] = value
        return found

    def _added(self, node: Node, base: Mapping[str, Any], path: Path) -> str | None:
        new = (self._sent.take(path, "a") or "").strip()
        if new and (new in base or self._sent.about((*path, new))):
            self.problem(path, f"{new} is there already")
            return None
        return new or None

    def _value(self, parent: Node, base: Any, path: Path, *, added: bool) -> Any:
        if base is MISSING and not added and not self._sent.about(path):
            return MISSING
        if self._sent.take(path, "r") == YES:
            self._sent.drop(path)
            return MISSING
        node = self._schema.child(parent, path[-1])
        if node is None and base is MISSING:
            return MISSING
        node = RAW if node is None else node
        if is_group(self._schema, node, base):
            return self._group(node, base, path, entry=self._schema.shape(parent).entries)
        return self._field(node, base, path, added=added)

    def _group(self, node: Node, base: Any, path: Path, *, entry: bool) -> Any:
        box = None if entry else self._sent.take(path, "p")
        if box == WAS:
            self._sent.drop(path)
            return MISSING
        found = self.group(node, base if isinstance(base, Mapping) else {}, path)
        waits = any(each[: len(path)] == path for each in self.pending)
        if found or entry or waits or box == YES or isinstance(base, Mapping):
            return found
        return base

    def _field(self, node: Node, base: Any, path: Path, *, added: bool) -> Any:
        shape, text = self._schema.shape(node), self._sent.take(path, "v")
        kind = kind_of(shape, base)
        if kind is Kind.SECRET:
            return self._secret(base, path, text)
        if added:
            return [] if kind is Kind.LIST else MISSING
        if text is None:
            return base
        self.entered[name_of("v", path)] = text
        if _same(text, texts.shown(kind, base, numbers=shape.numbers)):
            return base
        try:
            return texts.parsed(kind, text, numbers=shape.numbers)
        except TextError as error:
            self.problem(path, str(error))
            return base

    def _secret(self, base: Any, path: Path, text: str | None) -> Any:
        """What there was. Of a value sent nothing is left but in `secrets`."""
        if text:
            self.secrets[path] = text.replace("\r\n", "\n")
        if base is MISSING:
            self.pending.append(path)
            if not text:
                self.problem(path, "has no value yet")
        return base


def _same(sent: str, shown: str) -> bool:
    """Whether a text came back as it was; browsers end lines in their own way."""
    return sent.replace("\r\n", "\n").strip() == shown.strip()
