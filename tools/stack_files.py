"""Stack files read as the Pulumi CLI reads them, and written so that nothing in them changes its meaning.

The CLI is written in Go and reads YAML 1.2 (gopkg.in/yaml.v3); PyYAML reads YAML 1.1, where `on` is true, `12:30` is
750 and `1e3` is text. A value that one of them takes for text and the other for a number passes a preview and fails an
update, or the other way round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

_DATE: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?"
)
_RESOLVED: Final = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    "timestamp": (_DATE, "0123456789"),
    "merge": (r"<<", "<"),
}


class StackFileError(Exception):
    """A stack file that nobody can read; the message names file and place."""


class _Moment(str):
    """A date without quotes, which the CLI turns into a text of its own: it stays as it is written."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """Scalars as yaml.v3 resolves them; a key that occurs twice is an error, as there."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - as PyYAML has it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} occurs twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    digits = text.lstrip("-+")
    if digits.isdecimal():  # 017 is octal, 08 cannot be
        number = int(digits, 8 if digits.startswith("0") and not set(digits) & {"8", "9"} else 10)
    else:
        number = int(digits, 0)
    return -number if text.startswith("-") else number


def _moment(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> _Moment:
    return _Moment(loader.construct_scalar(node))


for _tag, (_pattern, _first) in _RESOLVED.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""])
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _moment)


def read(file: Path) -> dict[str, Any]:
    """The content of a stack file, `config` a map; StackFileError when it is not one."""
    try:
        content = yaml.load(file.read_text("utf-8"), _Loader) or {}  # noqa: S506 - a SafeLoader
        json.dumps(content, default=str)  # an anchor that contains itself has no end
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise StackFileError(f"{file.name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise StackFileError(f"{file.name} must be a map with the key config")
    config = content.get("config") or {}
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise StackFileError(f"{file.name}: config must be a map of settings such as aws:region: eu-west-1")
    return {**content, "config": config}


class _Dumper(yaml.SafeDumper):
    """Every text in quotes, so that "1e3" stays text."""


_Dumper.add_representer(
    _Moment, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(value))
)
_Dumper.add_representer(str, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"'))


def text(content: dict[str, Any]) -> str:
    """A stack file of this content."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
