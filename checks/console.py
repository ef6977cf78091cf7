"""What goes to the terminal: nothing that one would act on, and no reader that is gone is a fault."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from checks.problems import GateError, printable


def out(text: str) -> None:
    """Print to standard output, as far as somebody reads it. Raises GateError when it cannot be written."""
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:  # `| head` has seen enough; what is left in the buffer must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise GateError(f"standard output cannot be written: {error.strerror}") from None


def err(text: str) -> None:
    """Print lines to standard error."""
    _write(sys.stderr, "".join(f"{printable(line)}\n" for line in text.splitlines()))


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed by the caller: >&-
        return
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
