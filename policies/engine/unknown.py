"""Values that are not known yet. Whoever looks at one gets an error, so that no rule passes by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn


class UnknownValueError(Exception):
    """A rule needed a value that is not known; `path` says which one."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known yet")
        self.path = path


class Unknown:
    """Stands for a value that a preview does not know. Only `is_unknown` may look at it."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def _refuse(self, *_: object) -> NoReturn:
        raise UnknownValueError(self.path)

    def __repr__(self) -> str:
        return f"<unknown {self.path}>"

    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __str__ = __format__ = __int__ = __float__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __index__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        raise UnknownValueError(self.path)


def is_unknown(value: Any) -> bool:
    """Whether a value is not known; of maps and lists only the whole counts."""
    return isinstance(value, Unknown)


def known(value: Any) -> Any:
    """The value itself, whatever lies inside a map or list. Raises UnknownValueError when it is not known."""
    if isinstance(value, Unknown):
        raise UnknownValueError(value.path)
    return value


class Stated(dict[str, Any]):
    """A map that says some of its entries: any other may be there, and is not known."""

    def __init__(self, value: Mapping[str, Any], path: str) -> None:
        super().__init__({key: stated(each, f"{path}.{key}") for key, each in value.items()})
        self._path = path

    def get(self, key: str, default: Any = None) -> Any:
        """The value; `Unknown` where none is said, whatever the default."""
        return super().get(key, Unknown(f"{self._path}.{key}"))

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        raise UnknownValueError(f"{self._path}.{key}")


class StatedList(list[Any]):
    """A list that says some of its items: whoever looks for more than these gets an error at its end."""

    def __init__(self, value: Sequence[Any], path: str) -> None:
        super().__init__(stated(each, f"{path}[{place}]") for place, each in enumerate(value))
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        raise UnknownValueError(self._path)


def stated(value: Any, path: str) -> Any:
    """A value of which only part is said, with `Stated` and `StatedList` in place of maps and lists."""
    if isinstance(value, Mapping):
        return Stated(value, path)
    return StatedList(value, path) if isinstance(value, list) else value


MISSING: Final = object()
"""Stands for nothing, where None may be a value."""
