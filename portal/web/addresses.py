"""Whose address a request comes from, seen through proxies that are trusted and through no others."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from pydantic import IPvAnyNetwork
from starlette.datastructures import Headers
from starlette.types import Scope


def peer(scope: Scope) -> str:
    """The address at the other end of the connection; empty where there is none, as on a Unix socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def within(address: str, networks: Sequence[IPvAnyNetwork]) -> bool:
    """Whether an address is of one of the networks; what is not an address is of none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in each for each in networks)


def client_address(scope: Scope, proxies: Sequence[IPvAnyNetwork]) -> str:
    """The last address that no trusted proxy has: each proxy adds whom it heard at the end of X-Forwarded-For.

    What stands before it may be made up by whoever asked, and so may all of it when the peer is no trusted proxy.
    """
    address = peer(scope)
    said = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    for each in reversed([part.strip() for part in said.split(",") if part.strip()]):
        if not within(address, proxies) or not _is_address(each):
            break
        address = each
    return address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
