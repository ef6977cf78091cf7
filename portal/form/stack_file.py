"""Settings as YAML text, and back. Comments are lost: what is kept is the settings, not the text.

Text is read as YAML 1.2 reads it: `yes` and `010` are texts, not a flag and a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from portal.form.build import secure
from portal.form.fields import Kind, Path, Problem, typed
from portal.form.read import Reading
from portal.form.schema import Node as Setting
from portal.form.schema import Schema
from portal.form.texts import MISSING

LONGEST: Final = 512 * 1024
"""Characters that a text may have."""
MOST: Final = 50_000
"""Values that a text may have, each alias counted as what it stands for."""
DEEPEST: Final = 50
SECRET: Final = "[secret]"  # noqa: S105 - it stands for one
_OWN: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = {f"{_TAG}{each}" for each in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}
_KEYS: Final = {f"{_TAG}str", f"{_TAG}merge"}


class YamlError(ValueError):
    """Text that is no settings. line: where, from 1. The message names the line too."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


@dataclass(frozen=True)
class YamlReading:
    """What a text says, and the line of each of its keys and items, from 1."""

    reading: Reading
    lines: Mapping[Path, int]

    def line_of(self, problem: Problem) -> int:
        """The line that a problem is about, or of the nearest thing around it that is in the text."""
        around = (problem.path[:length] for length in range(len(problem.path), 0, -1))
        return next((self.lines[path] for path in around if path in self.lines), 1)


def to_yaml(settings: Mapping[str, Any]) -> str:
    """The text of a stack file's `config`. In place of an encrypted value it has `[secret]`."""
    return yaml.dump({"config": _hidden(settings)}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def from_yaml(schema: Schema, base: Mapping[str, Any], text: str) -> YamlReading:
    """The settings in a text: `config:` of a stack file, or what is in it.

    base: the settings as they are; `[secret]` keeps an encrypted value of theirs at the same path. A secret that is
    typed in clear is in `Reading.secrets` alone. Raises YamlError for what is no YAML, has a key twice, is too long,
    too deep or too much, or holds what a stack file cannot.
    """
    inside = _config(_top(text))
    lines: dict[Path, int] = {}
    found = _Values(lines).of(inside, ())
    return YamlReading(from_data(schema, base, found), lines)


def data_of(text: str) -> dict[str, Any]:
    """The map that a text is, read by the same rules, whatever its keys are. Raises YamlError."""
    found: dict[str, Any] = _Values({}).of(_top(text), ())
    return found


def _top(text: str) -> MappingNode:
    if len(text) > LONGEST:
        raise YamlError(1, f"the text must have at most {LONGEST:,} characters")
    top = _composed(text)
    if top is None:
        raise YamlError(1, "there is nothing here")
    if not isinstance(top, MappingNode):
        raise YamlError(_line(top), "must be a map of settings, key: value")
    _demand_bounds(top)
    return top


def from_data(schema: Schema, base: Mapping[str, Any], settings: Mapping[str, Any]) -> Reading:
    """The same for settings that are data already, as a client sends them: `[secret]` and new secrets as in a text."""
    secrets = _Secrets(schema)
    kept = secrets.kept(schema.config, dict(settings), base, ())
    pending = (*secrets.new, *(each.path for each in secrets.problems))
    return Reading(kept, secrets.new, pending, tuple(secrets.problems), {})


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SECRET if secure(value) else {key: _hidden(each) for key, each in value.items()}
    return [_hidden(each) for each in value] if isinstance(value, list) else value


class _Dumper(yaml.SafeDumper):
    """Writes out what occurs twice: an alias is harder to edit."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> Node:
    """Characters that YAML 1.1 takes for ends of lines are escaped: PyYAML would write them as they are."""
    return dumper.represent_scalar(f"{_TAG}str", text, style='"' if _BREAKS.search(text) else None)


_BREAKS: Final = re.compile("[\x85\u2028\u2029]")
_Dumper.add_representer(str, _text)


class _Loader(yaml.SafeLoader):
    """Knows plain values as YAML 1.2 does (10.3.2, core schema) and stops before a text is too deep for Python."""

    yaml_implicit_resolvers: Final = {}  # type: ignore[misc]
    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """One node, at most so deep."""
        self._depth += 1
        if self._depth > DEEPEST:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise YamlError(event.start_mark.line + 1, f"is nested more than {DEEPEST} deep")
        found: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return found


for _name, _form, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", list("-0123456789")),
    ("merge", r"<<", ["<"]),
):
    for _either in (_Loader, _Dumper):  # what one of the two versions reads as another thing than text is quoted
        _either.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_form})\Z"), _first)


def _composed(text: str) -> Node | None:
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(each for each in (error.context, error.problem) if each)
        raise YamlError(mark.line + 1 if mark else 1, said or "is no YAML") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, "has a character that YAML does not allow") from None
    except YamlError:
        raise
    except (ValueError, OverflowError):  # of PyYAML's own int() and chr()
        line = loader.line + 1 if loader is not None else 1
        raise YamlError(line, "has an escaped character or a version that is none") from None
    finally:
        if loader is not None:
            loader.dispose()


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _demand_bounds(top: Node) -> None:
    """Count what a text comes to when every alias is written out, without writing it out."""
    sizes: dict[int, int] = {}
    on_way: set[int] = set()

    def size(node: Node) -> int:
        if id(node) in on_way:
            raise YamlError(_line(node), "an alias stands for something that it is in itself")
        if id(node) not in sizes:
            on_way.add(id(node))
            sizes[id(node)] = 1 + sum(map(size, _inside(node)))
            on_way.remove(id(node))
        return sizes[id(node)]

    if size(top) > MOST:
        raise YamlError(1, f"the text must have at most {MOST:,} values, aliases counted as what they stand for")


def _inside(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value


def _config(top: MappingNode) -> MappingNode:
    """What is in `config:`, or everything where there is no such key. YamlError for keys that are not for here."""
    keys = {key.value: value for key, value in top.value if isinstance(key, ScalarNode)}
    for key, _ in top.value:
        if key.value in _OWN:
            raise YamlError(_line(key), f"{key.value} belongs to the environment and cannot be set here")
    if "config" not in keys:
        return top
    for key, _ in top.value:
        if key.value != "config":
            raise YamlError(_line(key), f"{key.value} must be in config, or not be here")
    if len(top.value) > 1:
        raise YamlError(_line(top.value[1][0]), "the key config is there twice")
    found = keys["config"]
    if not isinstance(found, MappingNode):
        raise YamlError(_line(found), "config must be a map of settings, key: value")
    return found


class _Values:
    """Makes values of nodes, and notes their lines."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines
        self._scalars = yaml.constructor.SafeConstructor()

    def of(self, node: Node, path: Path) -> Any:
        """One value. YamlError."""
        if node.tag not in _PLAIN:
            raise YamlError(_line(node), f"must have no tag such as {node.tag.removeprefix(_TAG)}")
        if isinstance(node, MappingNode):
            return self._map(node, path)
        if isinstance(node, SequenceNode):
            return [self._placed(each, (*path, str(place)), _line(each)) for place, each in enumerate(node.value)]
        return self._scalar(node)

    def _placed(self, node: Node, path: Path, line: int) -> Any:
        self._lines[path] = line
        return self.of(node, path)

    def _map(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.tag not in _KEYS:
                raise YamlError(_line(key), "a key must be text; a number needs quotes")
            if key.tag == f"{_TAG}merge":
                self._merge(value, path, merged)
                continue
            name = _characters(key, key.value)
            if name in found:
                raise YamlError(_line(key), f"the key {name} is there twice")
            found[name] = self._placed(value, (*path, name), _line(key))
        return {**merged, **found}

    def _merge(self, node: Node, path: Path, into: dict[str, Any]) -> None:
        """Add what `<<` stands for; a key that is there already stays. Each is put in once, however many there are."""
        for each in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(each, MappingNode):
                raise YamlError(_line(each), "<< must be a map, or a list of maps")
            for key, value in self._map(each, path).items():
                into.setdefault(key, value)

    def _scalar(self, node: Node) -> Any:
        try:
            value = self._scalars.construct_object(node)
        except (ValueError, LookupError, OverflowError, yaml.YAMLError):  # a tag is for any text that somebody writes
            raise YamlError(_line(node), "is no value of that kind, or a number of too many digits") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise YamlError(
                _line(node), "is a number that is none" if math.isnan(value) else "is a number that is too large"
            )
        return _characters(node, value) if isinstance(value, str) else value


def _characters(node: Node, text: str) -> str:
    """A text with each character whole: JSON escapes those beyond 16 bits as two halves. One half alone is none."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise YamlError(_line(node), "has a character that is none") from None


class _Secrets:
    """Takes secrets in clear out of settings, and puts those in that are to stay."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.new: dict[Path, str] = {}
        self.problems: list[Problem] = []

    def kept(self, node: Setting | None, value: Any, base: Any, path: Path) -> Any:
        """A value as it is to be; MISSING for a new secret."""
        if value == SECRET and secure(base):
            return base
        if node is not None and isinstance(value, str) and self._schema.shape(node).kind is Kind.SECRET:
            self._note(value, path)
            return MISSING
        if isinstance(value, dict):
            inside: Mapping[str, Any] = base if isinstance(base, Mapping) else {}
            items = ((key, self._inside(node, key, each, inside.get(key), path)) for key, each in value.items())
            return {key: each for key, each in items if each is not MISSING}
        if isinstance(value, list):
            old = base if isinstance(base, list) else []
            pairs = enumerate(value)
            return [
                self.kept(None, each, old[place] if place < len(old) else None, (*path, str(place)))
                for place, each in pairs
            ]
        return value

    def _inside(self, node: Setting | None, key: str, value: Any, base: Any, path: Path) -> Any:
        child = self._schema.child(node, key) if node is not None else None
        return self.kept(child, value, base, (*path, key))

    def _note(self, value: str, path: Path) -> None:
        if value == SECRET:
            self.problems.append(Problem(path, typed(path), f"there is no secret here that {SECRET} could keep"))
        else:
            self.new[path] = value
