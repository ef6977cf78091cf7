"""The value that stands for one with an error of its own, so that rules about the sound ones can still be tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

Result = TypeVar("Result")


class UnsettledError(Exception):
    """A rule looked at a value that has an error of its own, so the rule cannot be judged."""


class Broken:
    """Stands for such a value; whoever looks at it gets `UnsettledError`."""

    def _refuse(self, *_: object) -> NoReturn:
        raise UnsettledError

    def __repr__(self) -> str:
        return "<broken>"

    __getattr__ = __getitem__ = __iter__ = __contains__ = __len__ = __bool__ = __call__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __str__ = __format__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __index__ = _refuse


BROKEN: Final = Broken()


def sound(work: Callable[[], Result]) -> Result | None:
    """What `work` gives, or None when it meets a broken value."""
    try:
        return work()
    except UnsettledError:
        return None
