"""Keys for pipelines. A token is shown once, when it is made; the database knows only the hash of its secret."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from portal import audit
from portal.access import Action
from portal.audit import Actor
from portal.tables import Token, now

_FORM: Final = re.compile(r"gp_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_SCOPE: Final = re.compile(rf"({'|'.join(Action)})(:[a-z][a-z0-9-]{{0,38}})?")


class BadTokenError(Exception):
    """A token is not one of ours, has expired or was revoked; which of them is not told."""


def create(session: Session, actor: Actor, name: str, scopes: Sequence[str], days: int = 90) -> str:
    """A new token of somebody. scopes: `action`, or `action:environment`. Raises ValueError for another form."""
    wrong = [each for each in scopes if not _SCOPE.fullmatch(each)]
    if wrong or not scopes:
        raise ValueError(f"scopes must be actions such as preview:dev, not {', '.join(wrong) or 'nothing'}")
    identity, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    token = Token(
        id=identity,
        actor=actor.name,
        name=name,
        digest=_digest(secret),
        scopes=list(scopes),
        expires=now() + dt.timedelta(days=days),
    )
    session.add(token)
    audit.append(session, actor, "token.create", f"token:{identity}", name=name, scopes=list(scopes))
    return f"gp_{identity}_{secret}"


def check(session: Session, text: str) -> Token:
    """The token of a text. Raises BadTokenError."""
    found = _FORM.fullmatch(text)
    token = session.get(Token, found[1]) if found else None
    # The secret is random and long, so a plain hash is enough, and nothing is compared before it is hashed.
    if found is None or token is None or not hmac.compare_digest(token.digest, _digest(found[2])):
        raise BadTokenError("the token is not valid")
    if token.revoked or token.expires <= now():
        raise BadTokenError("the token is not valid")
    return token


def revoke(session: Session, actor: Actor, token: Token) -> None:
    """End a token at once."""
    token.revoked = True
    audit.append(session, actor, "token.revoke", f"token:{token.id}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
