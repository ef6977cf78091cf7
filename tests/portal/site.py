"""The portal's web application without a network: requests of somebody, from some address, with any headers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import requests
from portal.audit import Actor
from portal.database import Database
from portal.settings import PortalSettings
from portal.states import State
from portal.tables import Binding, Environment, Job, Run
from portal.transitions import transition
from portal.web.app import create

DIGEST = "d" * 64
ORIGIN = "https://portal.example.org"
SECRET = "a secret between the proxy and the portal"
PROXY = ("10.0.0.1", 50000)
STRANGER = ("192.0.2.7", 50000)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ROLES = (
    ("dev", "user:ann", "requester"),
    ("dev", "user:bob", "approver"),
    ("dev", "user:eve", "viewer"),
    ("dev", "user:ops", "operator"),
    ("dev", "user:boss", "admin"),
    ("pay", "user:pam", "admin"),
    ("*", "group:platform", "admin"),
)
GROUPS = {"root": "platform"}


def new_database(url: str) -> Database:
    database = Database(url)
    database.migrate()
    with database.write() as session:
        session.add(Environment(name="dev", owner="shop", destroy_protected=False))
        session.add(Environment(name="prod", owner="shop"))
    return database


class Site:
    """The application behind a proxy that signs people in. `dev` is of their team, `pay` of another.

    now: what the clock of the limits says.
    """

    def __init__(self, folder: Path, **web: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        secret = folder / "secret"
        secret.write_text(f"{SECRET}\n")
        header = {} if "load_balancer" in web or "development" in web else {"header": {"secret_file": str(secret)}}
        proxies = {} if "development" in web else {"proxies": ["10.0.0.0/24"]}
        self.settings = PortalSettings.model_validate(
            {
                "database": f"sqlite:///{folder / 'portal.sqlite'}",
                "folder": str(folder / "runs"),
                "targets": {},
                "web": {"origin": ORIGIN, **header, **proxies, **web},
            }
        )
        self.database = new_database(self.settings.database)
        with self.database.write() as session:
            session.add(Environment(name="pay", owner="payments", destroy_protected=False))
            session.add_all(Binding(environment=where, subject=who, role=role) for where, who, role in ROLES)
        self.now = 0.0
        self.app = create(self.settings, lambda: self.now)
        self._own = self.app.state.database  # a test may take it away
        self._loop = asyncio.Runner()

    def close(self) -> None:
        self._loop.close()
        self._own.close()
        self.database.close()

    def send(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str | bytes]] | Mapping[str, str | bytes] = (),
        *,
        client: tuple[str, int] = PROXY,
        base: str = ORIGIN,
        **options: Any,
    ) -> httpx.Response:
        """A request with these headers and no others."""

        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=client)
            async with httpx.AsyncClient(transport=transport, base_url=base) as http:
                http.headers = httpx.Headers({"accept": "*/*"})
                return await http.request(method, path, headers=_raw(headers), **options)

        return self._loop.run(sent())

    def get(self, path: str, who: str = "ann", **headers: str) -> httpx.Response:
        """What somebody sees."""
        return self.send("GET", path, {**signed_in(who), **headers})

    def post(self, path: str, body: Any = None, who: str = "ann", **headers: str) -> httpx.Response:
        """What comes of what somebody asks for."""
        return self.send("POST", path, {**signed_in(who), "sec-fetch-site": "same-origin", **headers}, json=body)

    def token(self, *scopes: str, who: str = "ann") -> str:
        made = self.post("/tokens", {"name": "pipeline", "scopes": list(scopes)}, who)
        assert made.status_code == 201, made.text
        return str(made.json()["token"])


def _raw(headers: Sequence[tuple[str, str | bytes]] | Mapping[str, str | bytes]) -> list[tuple[bytes, bytes]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in pairs]


def signed_in(who: str) -> dict[str, str]:
    """The headers that the proxy puts on somebody's request."""
    return {
        "x-forwarded-user": who,
        "x-forwarded-groups": GROUPS.get(who, ""),
        "x-portal-proxy-secret": SECRET,
        "x-forwarded-for": "198.51.100.9",
    }


def wanted(settings: Any, version: int = 0) -> dict[str, Any]:
    """The body of a request for settings that were made from a version."""
    return {"settings": settings, "settings_version": version}


def ask(site: Site, settings: Any = None, who: str = "ann", where: str = "dev", **headers: str) -> int:
    body = {} if settings is None else wanted(settings)
    made = site.post(f"/environments/{where}/previews", body, who, **headers)
    assert made.status_code == 201, made.text
    number: int = made.json()["id"]
    return number


def planned(site: Site, number: int, digest: str = DIGEST) -> None:
    """As a runner leaves a run after its preview."""
    leave_planned(site.database, number, digest)


def leave_planned(database: Database, number: int, digest: str = DIGEST, *, keep_job: bool = False) -> None:
    """The same in a database. keep_job: the runner has not gone yet."""
    runner = Actor("system:runner")
    with database.write() as session:
        run = session.get_one(Run, number)
        if not keep_job:
            session.delete(session.get_one(Job, number))
        transition(session, run, State.PREVIEWING, runner)
        run.changes = [{"operation": "create", "urn": "urn:x", "words": "a thing is created"}]
        requests.planned(session, run, digest, runner)


def count(site: Site, table: type) -> int:
    with site.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def may_approve(session: Session, *people: Actor) -> None:
    """Let them be approvers everywhere, so that their word counts."""
    for each in people:
        session.merge(Binding(environment="*", subject=f"user:{each.name}", role="approver"))
