"""Secrets kept out of messages, whatever a rule writes into one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource

_HIDDEN: Final = "[secret]"
# Shorter ones are in every sentence, and guessed without one.
_SHORTEST: Final = 3
# From here on a text is no part of a word by chance.
_LONG: Final = 6


def over(resources: Iterable[Resource]) -> Callable[[str], str]:
    """What takes the secret values of resources out of a text, in any case; short ones where they are whole words.

    `Resource.shown` does so where a rule asks for a value; this is for a value that reaches a message another way.
    """
    values = {text for each in resources if each.secrets for text in _secrets(each)}
    if not values:
        return lambda text: text
    pattern = re.compile("|".join(map(_pattern, sorted(values, key=len, reverse=True))), re.IGNORECASE)
    return lambda text: pattern.sub(_HIDDEN, text)


def _pattern(value: str) -> str:
    whole = re.escape(value)
    return whole if len(value) >= _LONG else rf"(?<![A-Za-z0-9]){whole}(?![A-Za-z0-9])"


def _secrets(resource: Resource) -> Iterator[str]:
    yield from _within(resource.properties, "", frozenset(resource.secrets), sealed=False)


def _within(value: Any, path: str, paths: frozenset[str], *, sealed: bool) -> Iterator[str]:
    sealed = sealed or path in paths
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(each, f"{path}.{key}" if path else str(key), paths, sealed=sealed)
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value):
            yield from _within(each, f"{path}[{place}]", paths, sealed=sealed)
    elif sealed and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        text = str(value).strip()
        if len(text) >= _SHORTEST:
            yield text
