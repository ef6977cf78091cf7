"""The form of a rule: what it looks at, what it says, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from policies.engine.forms import Fields
from policies.engine.graph import Graph
from policies.engine.resource import Resource


class Level(Enum):
    """What a finding does: `mandatory` blocks, `advisory` warns, `disabled` rules are not tried."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    DISABLED = "disabled"


class Severity(Enum):
    """How bad what a rule finds is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Problem(NamedTuple):
    """What is wrong at which property, "" for the resource as a whole. Values are shown with `Resource.shown` alone."""

    path: str
    message: str


@dataclass(frozen=True)
class Context:
    """What a rule may look at beside the resource.

    options: its own configuration, with defaults in place. graph: everything else; for rules about one resource it
    holds that one alone.
    """

    options: Mapping[str, Any]
    graph: Graph


Check = Callable[[Resource, Context], Iterable[Problem]]
# New values by path, such as {"healthCheck.matcher": "0"}: in place, never a replacement.
Fix = Callable[[Resource, Context], Mapping[str, Any]]


@dataclass(frozen=True)
class Option:
    """One option of a rule. schema: its JSON Schema, with `default` and `description`."""

    schema: Mapping[str, Any]

    @property
    def default(self) -> Any:
        """What holds unless configured."""
        return self.schema["default"]


@dataclass(frozen=True)
class Example:
    """Resources that show what a rule is about, and which of them it complains of.

    resources: by logical name: `type`, `properties`, and where it matters `made_of` (names of other resources by
    property). about: the names that get a finding; none in a good example.
    """

    title: str
    resources: Mapping[str, Mapping[str, Any]]
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One rule. id: for example `ALB006`, an API. kinds: see `kinds`. stack: whether it looks at other resources.

    title says what is right; why what goes wrong otherwise, source the page or issue it rests on; remedy what to write.
    fix: changes that are safe to make without asking. replaces: whether the remedy makes a new resource. forms: by
    kind, the form of its properties, which every rule can rely on then.
    """

    id: str
    title: str
    severity: Severity
    level: Level
    kinds: tuple[str, ...]
    check: Check
    why: str
    remedy: str
    source: str
    stack: bool = False
    replaces: bool = False
    fix: Fix | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    bad: tuple[Example, ...] = ()
    good: tuple[Example, ...] = ()
    forms: Mapping[str, Fields] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The letters of the id: `ALB`, `LAT`, `ECR`, `EKS`, `K8S`, `XST`."""
        return self.id.rstrip("0123456789")


class Registry:
    """The rules of a pack in order of their ids, each id once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: rule.id))
        self._by_id = {rule.id: rule for rule in self.rules}
        if len(self._by_id) != len(self.rules):
            twice = sorted({rule.id for rule in self.rules if sum(each.id == rule.id for each in self.rules) > 1})
            raise ValueError(f"rules with the same id: {', '.join(twice)}")

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def get(self, identity: str) -> Rule | None:
        """The rule of an id."""
        return self._by_id.get(identity)


CRITICAL: Final = Severity.CRITICAL
HIGH: Final = Severity.HIGH
MEDIUM: Final = Severity.MEDIUM
LOW: Final = Severity.LOW
MANDATORY: Final = Level.MANDATORY
ADVISORY: Final = Level.ADVISORY
DISABLED: Final = Level.DISABLED
