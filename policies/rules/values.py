"""The check of every rule about values that are refused by their type, their range, or their spelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.engine.forms import Flag, Number, NumberOrName, Text
from policies.engine.resource import Resource
from policies.engine.rule import Context, Problem
from policies.engine.unknown import UnknownValueError

TEXT: Final = Text()
FLAG: Final = Flag()
PORT: Final = Number(1, 65535)
STRICT_PORT: Final = Number(1, 65535, strict=True)
# Kubernetes, Service: IntOrString, the name of a container's port.
PORT_OR_NAME: Final = NumberOrName(
    1, 65535, r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", "a number from 1 to 65535, or a name"
)
AMOUNT: Final = NumberOrName(0, 2**31 - 1, r"\d+%", "a number from 0, or a share such as 25%")


def misshapen(resource: Resource, _: Context) -> Iterator[Problem]:
    """What is wrong with the form of a resource's values, as its rule's `forms` have it."""
    for fault in resource.faults:
        yield Problem(fault.path, fault.message)
    if resource.unseen:
        raise UnknownValueError(resource.unseen[0])
