"""Values that are not known yet. Whoever looks at one gets an error, so that no rule passes by accident."""

from __future__ import annotations

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


MISSING: Final = object()
"""Stands for nothing, where None may be a value."""
