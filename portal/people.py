"""People as the portal last saw them: their groups, for the tokens that speak for them, and that they signed in."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final

from portal import audit, tokens
from portal.audit import Actor
from portal.database import Database
from portal.tables import Person, now

_AGAIN: Final = dt.timedelta(hours=12)


def seen(database: Database, actor: Actor, request_id: str, address: str) -> Actor:
    """Somebody who signed in, with the request they make. It is in the audit when something of it is new.

    A proxy vouches with every request, so a sign-in counts as a new one after half a day or with other groups.
    """
    who = replace(actor, request_id=request_id, address=address)
    with database.read() as session:
        if _known(session.get(Person, actor.name), who):
            return who
    with database.write() as session:
        person = session.get(Person, actor.name)
        if _known(person, who):
            return who
        if person is None:
            person = Person(name=actor.name)
            session.add(person)
        person.groups, person.seen = list(actor.groups), now()
        audit.append(session, who, "sign-in", f"user:{actor.name}", groups=list(actor.groups))
    return who


def _known(person: Person | None, who: Actor) -> bool:
    return person is not None and person.groups == list(who.groups) and now() - person.seen < _AGAIN


def of_token(database: Database, text: str, days: int, request_id: str, address: str) -> Actor:
    """Whoever a token speaks for, with its scopes. Raises BadTokenError.

    The groups are those of the last sign-in, and none when that was more than `days` days ago: a token must not keep
    roles that its owner has lost.
    """
    with database.read() as session:
        token = tokens.check(session, text)
        person = session.get(Person, token.actor)
        fresh = person is not None and now() - person.seen < dt.timedelta(days=days)
        groups = tuple(person.groups) if person is not None and fresh else ()
        return Actor(token.actor, groups, request_id, address, tuple(token.scopes), (token.id, token.name))
