"""The tables. Every time is UTC; every document is JSON without a secret in it."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Enum, ForeignKey, Index, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from portal.states import Kind, State

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> dt.datetime:
    """The moment it is, in UTC."""
    return dt.datetime.now(dt.UTC)


class Utc(TypeDecorator[dt.datetime]):
    """A moment with its zone: SQLite forgets the zone, so it is taken off on the way in and put on again."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Without a zone; ValueError for a moment that never had one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """In UTC."""
        return None if value is None else value.replace(tzinfo=dt.UTC)


class Base(DeclarativeBase):
    """What the tables share."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dt.datetime: Utc,
        dict[str, Any]: JSON,
        list[str]: JSON,
        str: String,
        Kind: Enum(Kind, native_enum=False, length=32, values_callable=list),
        State: Enum(State, native_enum=False, length=32, values_callable=list),
    }


class Environment(Base):
    """One stack, its owner and what is allowed there.

    settings: the stack file's `config` as it was last applied. marks: of its secrets, see `portal.secrecy`. outputs: of
    the stack after the last apply, without its secrets. ttl_hours: how long after `since`, the begin of its first
    apply, it is destroyed; 0 for never. warned: how many hours before its end the last warning came. drift: how many
    resources were other than in the state at the last look.
    """

    __tablename__ = "environments"
    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    approvals: Mapped[int] = mapped_column(default=1)
    self_approval: Mapped[bool] = mapped_column(default=False)
    destroy_protected: Mapped[bool] = mapped_column(default=True)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    settings_version: Mapped[int] = mapped_column(default=0)
    locked_by: Mapped[str] = mapped_column(default="")
    locked_reason: Mapped[str] = mapped_column(default="")
    needs_recovery: Mapped[bool] = mapped_column(default=False)
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    outputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    since: Mapped[dt.datetime | None]
    ttl_hours: Mapped[int] = mapped_column(default=0)
    warned: Mapped[int] = mapped_column(default=0)
    drift: Mapped[int] = mapped_column(default=0)
    drift_seen: Mapped[dt.datetime | None]
    drift_asked: Mapped[dt.datetime | None]
    version: Mapped[int] = mapped_column()

    @property
    def ends(self) -> dt.datetime | None:
        """When it is destroyed by itself; None for one that stays, or that has not begun."""
        return self.since + dt.timedelta(hours=self.ttl_hours) if self.since and self.ttl_hours else None

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy declares it as a plain attribute


class Run(Base):
    """One request of somebody. settings: the `config` asked for. plan_digest names what its preview would do.

    given: somebody gave the settings; otherwise they are what the source of the environment has. repairs: it looks at
    the cloud first, so that what drifted is brought back. automatic: a timer asked for it, and its destroy needs
    nobody's word. forced: why an admin lets a recover run take the stack from a holder that is not proved dead. commit,
    base: with git, what was proposed and what the main branch was then. program_tree, settings_tree: git's names of
    what was previewed, as far as it lies in git.
    """

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(ForeignKey("environments.name"))
    kind: Mapped[Kind]
    state: Mapped[State] = mapped_column(default=State.QUEUED)
    requester: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    settings_version: Mapped[int] = mapped_column(default=0)
    plan_digest: Mapped[str] = mapped_column(default="")
    state_hash: Mapped[str] = mapped_column(default="")
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    given: Mapped[bool] = mapped_column(default=False)
    repairs: Mapped[bool] = mapped_column(default=False)
    automatic: Mapped[bool] = mapped_column(default=False)
    forced: Mapped[str] = mapped_column(default="")
    commit: Mapped[str] = mapped_column(default="")
    base: Mapped[str] = mapped_column(default="")
    program_tree: Mapped[str] = mapped_column(default="")
    settings_tree: Mapped[str] = mapped_column(default="")
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    verdict: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str] = mapped_column(Text, default="")
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    force_requested: Mapped[bool] = mapped_column(default=False)
    created: Mapped[dt.datetime] = mapped_column(default=now)
    changed: Mapped[dt.datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column()
    where: Mapped[Environment] = relationship(lazy="joined", innerjoin=True)
    approvals: Mapped[list[Approval]] = relationship(lazy="selectin")
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy declares it as a plain attribute
    __table_args__ = (Index(None, "environment", "state"), Index(None, "requester", "state"))


class Approval(Base):
    """Somebody's word on a plan. One for each person, run and plan, so saying it twice changes nothing."""

    __tablename__ = "approvals"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    actor: Mapped[str]
    plan_digest: Mapped[str]
    at: Mapped[dt.datetime] = mapped_column(default=now)
    __table_args__ = (UniqueConstraint("run_id", "actor", "plan_digest"),)


class Lock(Base):
    """The one writer of an environment. The key is the fence: a second row cannot be."""

    __tablename__ = "locks"
    environment: Mapped[str] = mapped_column(ForeignKey("environments.name"), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), unique=True)
    taken: Mapped[dt.datetime] = mapped_column(default=now)


class Event(Base):
    """What happened in a run, in order; `seq` counts from 1 in each run without a gap."""

    __tablename__ = "run_events"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    at: Mapped[dt.datetime] = mapped_column(default=now)


class Job(Base):
    """A phase of a run that waits for a runner process, or has one.

    boot, pid_started: which process `pid` means, see `portal.processes`.
    """

    __tablename__ = "jobs"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    phase: Mapped[str]  # preview | apply
    waiting: Mapped[bool] = mapped_column(default=True, index=True)
    asked: Mapped[dt.datetime] = mapped_column(default=now)
    runner: Mapped[str] = mapped_column(default="")  # random; a runner whose name is no longer here has lost the run
    host: Mapped[str] = mapped_column(default="")
    pid: Mapped[int] = mapped_column(default=0)
    boot: Mapped[str] = mapped_column(default="")
    pid_started: Mapped[float] = mapped_column(default=0.0)
    cli_pid: Mapped[int] = mapped_column(default=0)
    heartbeat: Mapped[dt.datetime | None]


class Audit(Base):
    """Who did what. Each row carries the hash of the one before, and the database refuses to change or delete any."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime]
    actor: Mapped[str]
    action: Mapped[str]
    about: Mapped[str]
    details: Mapped[dict[str, Any]]
    request_id: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    previous: Mapped[str] = mapped_column(unique=True)  # unique: the chain cannot fork
    hash: Mapped[str]


class Token(Base):
    """A key for pipelines: of its secret only the hash is kept. scopes: `action` or `action:environment`."""

    __tablename__ = "tokens"
    id: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str]
    name: Mapped[str]
    digest: Mapped[str]
    scopes: Mapped[list[str]]
    created: Mapped[dt.datetime] = mapped_column(default=now)
    expires: Mapped[dt.datetime]
    revoked: Mapped[bool] = mapped_column(default=False)


class Person(Base):
    """Somebody who signed in. groups: as the last sign-in named them."""

    __tablename__ = "people"
    name: Mapped[str] = mapped_column(primary_key=True)
    groups: Mapped[list[str]]
    seen: Mapped[dt.datetime] = mapped_column(default=now)


class IdempotencyKey(Base):
    """A key that a client chose for a request, so that sending it again makes no second run."""

    __tablename__ = "idempotency_keys"
    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))


class Binding(Base):
    """A role of a person or a group in an environment; `*` stands for every environment."""

    __tablename__ = "bindings"
    environment: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)  # user:ann, group:platform
    role: Mapped[str] = mapped_column(primary_key=True)
