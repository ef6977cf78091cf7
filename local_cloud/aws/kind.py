"""What the stand-in knows of one AWS resource type (``Kind``), and the account as that type sees it (``Cloud``).

A module of kinds exposes ``KINDS: tuple[Kind, ...]``; ``local_cloud/aws/catalogue.py`` gathers them. Everything in a
kind is data or a small pure function, so that a row reads like the AWS reference page it comes from.

Property names are Pulumi's camelCase. Values are plain Python (see ``local_cloud/values.py``); in a preview a value
may be ``values.UNKNOWN`` at any depth, which only ``checks`` and ``preview`` ever meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from local_cloud.store import Row
from local_cloud.values import Failure, Props, Value

__all__ = ["Check", "Cloud", "Failure", "Kind", "NameRule", "Props", "Refusal", "Row", "Value", "latest"]


class Refusal(Exception):  # noqa: N818 (AWS refuses; nothing is broken)
    """What AWS answers when it will not do something.

    ``code`` and ``message`` are AWS's own, ``status`` the HTTP status. ``code=""`` means that the provider itself
    speaks (say after a wait that failed): the message is then printed without an AWS envelope. ``operation`` names
    the API operation when it is not the one the kind gives for this verb (detaching a gateway before deleting it, say).
    """

    def __init__(self, code: str, message: str, status: int = 400, operation: str | None = None) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.message = message
        self.status = status
        self.operation = operation


class Cloud(Protocol):
    """The account as kinds see it. Everything a kind changes through it happens in the transaction of the call."""

    @property
    def region(self) -> str:
        """``eu-west-1``, from the provider's configuration."""

    @property
    def account(self) -> str:
        """Twelve digits."""

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``."""

    def rows(self, token: str) -> list[Row]:
        """All resources of a type, oldest first."""

    def get(self, token: str, resource_id: str) -> Row | None:
        """One resource, None when it does not exist."""

    def where(self, token: str, path: str, value: Value) -> list[Row]:
        """Resources of a type whose top-level input or output ``path`` equals a scalar ``value`` (indexed)."""

    def referring(self, value: str, token: str | None = None) -> list[Row]:
        """Resources whose inputs mention this id, name or ARN at any depth, tags left out (indexed)."""

    def hex(self, length: int) -> str:
        """Random lower-case hex digits, as in ``vpc-`` + 17 of them."""

    def now(self) -> str:
        """RFC 3339, UTC, whole seconds."""

    def patch(self, row: Row, **outputs: Value) -> None:
        """Changes outputs of another resource (its inputs stay)."""

    def add(self, token: str, resource_id: str, inputs: Props, outputs: Props) -> Row:
        """Records something that AWS or a controller makes by itself; it has no URN."""

    def remove(self, token: str, resource_id: str) -> None:
        """Takes a resource away behind Pulumi's back; one that is not there is no error."""

    def notes(self, topic: str, owner: str) -> dict[str, Props]:
        """Facts that are no resources: key -> data.

        Topic ``image``: owner = repository name, key = digest, data = {tags, pushedAt}. Topic ``target``: owner =
        target group ARN, key = ``ip:port``.
        """

    def note(self, topic: str, owner: str, key: str, data: Props) -> None:
        """Writes one note, over an older one of the same key."""

    def forget(self, topic: str, owner: str, key: str | None = None) -> None:
        """Drops one note, or all of an owner."""


@dataclass(frozen=True)
class NameRule:
    """How a resource gets its physical name.

    Source: pulumi-terraform-bridge info/autonaming.go, pulumi-aws provider/resource_overrides.go.

    ``maximum`` is the auto-naming limit (255 unless pulumi-aws overrides it). ``pattern`` (matched in full) is the
    provider's own validation of a name, ``said`` its words ("{}" stands for the name).
    """

    property: str = "name"
    maximum: int = 255
    lower: bool = False
    prefix: str = ""
    pattern: str | None = None
    said: str | None = None


def latest(given: tuple[Row | Props, ...]) -> Props:
    """The new inputs among the arguments of ``refuse_create`` (inputs) or ``refuse_update`` (row, inputs).

    For refusals that hold at both times: ``def refuse(cloud: Cloud, *given: Row | Props) -> None``.
    """
    props = given[-1]
    return props if isinstance(props, dict) else props.inputs


Check = Callable[[Props], Iterable[Failure]]


def _no_outputs(cloud: Cloud, resource_id: str, props: Props) -> Props:
    return {}


@dataclass(frozen=True)
class Kind:
    """One resource type.

    ``token``: ``aws:lb/targetGroup:TargetGroup``. ``service``/``thing``/``operations`` are the words of its error texts
    ("Elastic Load Balancing v2", "ELBv2 Target Group", {"create": "CreateTargetGroup", ...}); verbs: create, update,
    delete.

    ``create_only``: paths whose change replaces: ``port``, ``config.port``; list indices are left out
    (``rules.priority``). ``source``: where this row is from. ``computed``: inputs that AWS fills in when they are not
    given; like all outputs that are no inputs, they are unknown in the preview of a create.
    ``identify(cloud, props)`` makes the id; ``outputs(cloud, id, props)`` the computed outputs, after create and
    update (on update ``props`` holds the new inputs; computed outputs it does not return keep their value).
    ``volatile``: computed outputs that every update changes. ``preview(props)``: what a preview knows more precisely
    than "unknown" (merged over the unknowns).

    ``required`` adds to what the SDK requires; ``defaults`` are filled by Check; ``json`` are inputs that take an
    object and are kept as a JSON string; ``ignored`` never differ. ``framework``: a plugin-framework resource of the
    provider (a given name does not turn on delete-before-replace); ``deletes_first``: pulumi-aws declares
    deleteBeforeReplace.

    ``locate(cloud, given)``: the stored id for an import id of another form. The rest: plan-time checks and what AWS
    refuses (callables raise ``Refusal``), conditional replacement (top-level properties), side effects.
    """

    token: str
    service: str
    thing: str
    operations: Mapping[str, str]
    create_only: frozenset[str]
    source: str
    computed: frozenset[str]
    identify: Callable[[Cloud, Props], str]
    outputs: Callable[[Cloud, str, Props], Props] = _no_outputs
    preview: Callable[[Props], Props] | None = None
    name: NameRule | None = None
    required: frozenset[str] = frozenset()
    defaults: Mapping[str, Value] = field(default_factory=dict)
    json: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    volatile: frozenset[str] = frozenset()
    framework: bool = False
    deletes_first: bool = False
    checks: tuple[Check, ...] = ()
    refuse_create: tuple[Callable[[Cloud, Props], None], ...] = ()
    refuse_update: tuple[Callable[[Cloud, Row, Props], None], ...] = ()
    refuse_delete: tuple[Callable[[Cloud, Row], None], ...] = ()
    replaces: Callable[[Props, Props], Iterable[str]] | None = None
    after_create: tuple[Callable[[Cloud, Row], None], ...] = ()
    after_update: tuple[Callable[[Cloud, Row, Row], None], ...] = ()
    after_delete: tuple[Callable[[Cloud, Row], None], ...] = ()
    locate: Callable[[Cloud, str], str] | None = None
