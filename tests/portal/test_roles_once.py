"""A person's roles are asked for once in a transaction, and what changes them is seen at once."""

from __future__ import annotations

import pytest

from portal import access
from portal.access import Role
from portal.audit import Actor
from portal.database import Database
from portal.tables import Binding, Run

from .site import Site, ask, planned
from .test_hostile import statements

PAGES = ("/", "/environments/dev", "/environments/dev/why", "/runs", "/runs/1", "/environments/dev/settings", "/audit")


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_for_roles_once(site: Site, path: str, accept: str) -> None:
    number = ask(site)
    planned(site, number)
    with site.database.write() as session:
        session.get_one(Run, number).changes = []
    with statements(site) as done:
        answer = site.get(path, "root", accept=accept)
    assert answer.status_code == 200 or (path.endswith("settings") and accept == "application/json")
    assert len([each for each in done if "FROM bindings" in each]) == (1 if answer.status_code == 200 else 0)


def test_roles_that_change_in_a_transaction_or_after_it_are_seen(database: Database) -> None:
    ann = Actor("ann", ("shop",))
    with database.write() as session:
        assert access.roles(session, ann, "dev") == frozenset()
        session.add(Binding(environment="dev", subject="group:shop", role="viewer"))
        session.flush()
        assert access.roles(session, ann, "dev") == {Role.VIEWER}
        assert access.roles(session, Actor("ann"), "dev") == frozenset()
        assert access.roles(session, ann, "prod") == frozenset()
    with database.read() as reading:
        assert access.roles(reading, ann, "dev") == {Role.VIEWER}
        reading.rollback()
        with database.write() as session:
            session.delete(session.get_one(Binding, ("dev", "group:shop", "viewer")))
        assert access.roles(reading, ann, "dev") == frozenset()
