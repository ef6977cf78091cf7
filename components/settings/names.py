"""Physical names for resources that AWS wants named: readable, short, and new exactly when the resource must be new."""

from __future__ import annotations

import hashlib
import re
from typing import Final

# 50 bits in lower-case base 32: names of load balancers and target groups admit letters, digits and hyphens.
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_HASH: Final = 10
# The first name of a certificate: ACM API Reference, RequestCertificate, DomainName.
COMMON_NAME: Final = 64


def physical(prefix: str, *identity: str, maximum: int = 32) -> str:
    """A name made of `prefix`, for people, and a hash over the prefix and every part of `identity`.

    The same arguments always give the same name; another prefix or identity gives another one. The name has at most
    `maximum` characters (32 is what load balancers and target groups take: Elastic Load Balancing API Reference,
    CreateLoadBalancer and CreateTargetGroup), only lower-case letters, digits and single hyphens, and never starts with
    `internal-`, which AWS keeps for itself. Raises ValueError for a `maximum` below 12. Never pass a secret: names are
    shown everywhere.
    """
    if maximum < _HASH + 2:
        raise ValueError(f"maximum is {maximum}; a name needs at least {_HASH + 2} characters")
    readable = re.sub(r"[^a-z0-9]+", "-", prefix.lower()).strip("-") or "x"
    if readable == "internal" or readable.startswith("internal-"):
        readable = f"lb-{readable}"
    room = maximum - _HASH - 1
    return f"{readable[:room].rstrip('-')}-{_digest(prefix, *identity)}"


def _digest(*parts: str) -> str:
    # Lengths first, so that ("ab", "c") and ("a", "bc") differ.
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    number = int.from_bytes(hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in encoded)).digest(), "big")
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(_HASH))
