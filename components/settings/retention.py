"""How long CloudWatch keeps logs: the numbers of days it takes, in one place."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

SOURCE: Final = "CloudWatch Logs API Reference, PutRetentionPolicy"


def _whole(value: Any) -> Any:
    """Python takes true and 1.0 for 1; people who write them mean something else."""
    if type(value) is not int:
        raise PydanticCustomError("choice", "choice")
    return value


Retention = Annotated[
    Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
    BeforeValidator(_whole),
]
