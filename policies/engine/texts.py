"""Text files as people have them."""

from __future__ import annotations

from pathlib import Path


class UnreadableTextError(Exception):
    """A file that is no text, or that cannot be read; the message says why, without the name."""


def read(file: Path) -> str:
    """The text of a file in UTF-8, without the mark that some editors begin it with. Raises UnreadableTextError."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableTextError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UnreadableTextError(f"is no UTF-8 text (byte {error.start})") from None
    except ValueError as error:  # a name with a NUL in it is none
        raise UnreadableTextError(f"cannot be read: {error}") from None
