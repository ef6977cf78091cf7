"""How the provider words what AWS refuses (error texts of pulumi-aws, as in hashicorp/terraform-provider-aws#45304)."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable
from typing import Final

from local_cloud.aws.kind import Kind, Refusal

_GERUNDS: Final = {"create": "creating", "update": "updating", "delete": "deleting"}
_NOT_MODELLED: Final = frozenset({"ValidationError"})
"""Codes that no service model declares; the SDK prints those, and all of EC2's, as ``api error``."""


def said(kind: Kind, verb: str, subject: str, refusal: Refusal) -> str:
    """The whole text: ``verb`` is create, update or delete, ``subject`` the name or id ("" when there is none yet)."""
    head = f"{_GERUNDS[verb]} {kind.thing}" + (f" ({subject})" if subject else "")
    return f"1 error occurred:\n\t* {head}: {_envelope(kind, verb, refusal)}\n\n"


def _envelope(kind: Kind, verb: str, refusal: Refusal) -> str:
    if not refusal.code:
        return refusal.message
    operation = refusal.operation or kind.operations.get(verb, verb)
    plain = kind.service == "EC2" or refusal.code in _NOT_MODELLED
    return (
        f"operation error {kind.service}: {operation}, https response error StatusCode: {refusal.status}, "
        f"RequestID: {uuid.uuid4()}, {'api error ' if plain else ''}{refusal.code}: {refusal.message}"
    )


def meant(given: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` for the closest known word, else nothing. snake_case counts as its camelCase form."""
    first, *rest = given.split("_")
    camel = first + "".join(part.capitalize() for part in rest)
    options = sorted(known)
    close = [camel] if camel in options else difflib.get_close_matches(camel, options, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""
