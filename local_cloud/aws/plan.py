"""Plan-time checks of the real provider, made from data and worded as the Terraform plugin SDK words them.

A check reads inputs as a preview has them: what is unknown, or of another type than the schema's, is passed over.
Paths are Pulumi's (``healthCheck.interval``); lists on the way are walked through, and the failure names the element.
Wording: hashicorp/terraform-plugin-sdk helper/validation and helper/schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from local_cloud.aws.kind import Check, Failure, Props


def at(props: Props, path: str) -> Iterator[tuple[str, Any]]:
    """Every value at a dotted path with its concrete path (``a[0].b``); None and missing ones are left out."""
    return _walk(props, path.split("."), "")


def _walk(value: Any, names: list[str], where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, names, f"{where}[{number}]")
    elif not names:
        if value is not None:
            yield where, value
    elif isinstance(value, Mapping) and names[0] in value:
        yield from _walk(value[names[0]], names[1:], f"{where}.{names[0]}" if where else names[0])


def first(props: Props, path: str, default: Any = None) -> Any:
    """The first value at a dotted path, else the default."""
    return next((value for _, value in at(props, path)), default)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number (a truth value is none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def given(props: Props, name: str) -> bool:
    """Whether a top-level input was given; an unknown one was, an empty list or text was not."""
    return props.get(name) not in (None, [], {}, "")


def between(path: str, low: int, high: int) -> Check:
    """The number at the path lies in a range, both ends included."""

    def check(props: Props) -> Iterable[Failure]:
        for where, value in at(props, path):
            if is_number(value) and not low <= value <= high:
                yield Failure(where, f"expected {where} to be in the range ({low} - {high}), got {value}")

    return check


def length(path: str, low: int, high: int) -> Check:
    """The text at the path has a length in a range, both ends included."""

    def check(props: Props) -> Iterable[Failure]:
        for where, value in at(props, path):
            if isinstance(value, str) and not low <= len(value) <= high:
                yield Failure(where, f"expected length of {where} to be in the range ({low} - {high}), got {value}")

    return check


def items(path: str, low: int, high: int) -> Check:
    """The list at the path has a number of elements in a range, both ends included."""

    def check(props: Props) -> Iterable[Failure]:
        *parents, name = path.split(".")
        for where, parent in at(props, ".".join(parents)) if parents else [("", props)]:
            value = parent.get(name) if isinstance(parent, Mapping) else None
            if not isinstance(value, list) or low <= len(value) <= high:
                continue
            place = f"{where}.{name}" if where else name
            bound = f"at least {low}" if len(value) < low else f"no more than {high}"
            yield Failure(place, f"Attribute {place} supports {bound} item(s), config has {len(value)} declared")

    return check


def one_of(path: str, *allowed: str, any_case: bool = False) -> Check:
    """The text at the path is one of a set."""
    accepted = {value.upper() for value in allowed} if any_case else set(allowed)
    listed = " ".join(f'"{value}"' for value in allowed)

    def check(props: Props) -> Iterable[Failure]:
        for where, value in at(props, path):
            if isinstance(value, str) and (value.upper() if any_case else value) not in accepted:
                yield Failure(where, f"expected {where} to be one of [{listed}], got {value}")

    return check


def matches(path: str, pattern: str, said: str) -> Check:
    """The text at the path matches a pattern in full; ``said`` explains ("{path}" and "{value}" are filled in)."""
    compiled = re.compile(pattern)

    def check(props: Props) -> Iterable[Failure]:
        for where, value in at(props, path):
            if isinstance(value, str) and not compiled.fullmatch(value):
                yield Failure(where, said.format(path=where, value=value))

    return check


def arn(path: str) -> Check:
    """The text at the path is an ARN."""
    said = '"{path}" ({value}) is an invalid ARN: arn: invalid prefix'
    return matches(path, r"arn:[\w-]+:[\w-]*:[\w-]*:\w*:.+", said)


def conflict(one: str, *others: str) -> Check:
    """A top-level input excludes others."""

    def check(props: Props) -> Iterable[Failure]:
        for other in others:
            if given(props, one) and given(props, other):
                yield Failure(one, f'Conflicting configuration arguments: "{one}": conflicts with {other}')

    return check


def exactly_one(*names: str) -> Check:
    """Exactly one of some top-level inputs is given."""

    def check(props: Props) -> Iterable[Failure]:
        present = [name for name in names if given(props, name)]
        listed = ",".join(names)
        if not present:
            yield Failure(
                names[0], f'Invalid combination of arguments: "{names[0]}": one of `{listed}` must be specified'
            )
        if len(present) > 1:
            both = ",".join(present)
            reason = f"only one of `{listed}` can be specified, but `{both}` were specified."
            yield Failure(present[0], f'Invalid combination of arguments: "{present[0]}": {reason}')

    return check
