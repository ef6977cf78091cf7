"""Words that several reports share."""

from __future__ import annotations

from collections import Counter

from checks.model import Change, Finding, Outcome, Status
from checks.problems import printable
from policies.engine.configuration import NOT_EVALUATED, WAIVERS
from policies.engine.rule import Level, Rule
from policies.rules import REGISTRY

OWN = {
    NOT_EVALUATED: ("Every mandatory rule could be evaluated", "Make the value known at preview."),
    WAIVERS: (
        "Waivers and baseline are needed, and no waiver has expired",
        "Renew it, or take it out.",
    ),
}


def rule_of(finding: Finding) -> Rule | None:
    """The rule a finding is of; None for the pack's own."""
    return REGISTRY.get(finding.verdict.rule)


def title(finding: Finding) -> str:
    """What is right."""
    rule = rule_of(finding)
    return rule.title if rule else OWN[finding.verdict.rule][0]


def remedy(finding: Finding) -> str:
    """What to write."""
    rule = rule_of(finding)
    return rule.remedy if rule else OWN[finding.verdict.rule][1]


def source(finding: Finding) -> str:
    """The page or issue that the rule rests on; empty for the pack's own findings."""
    rule = rule_of(finding)
    return rule.source if rule else ""


def level(finding: Finding) -> str:
    """`blocks`, `warns`, `waived`, or `known` where it is in the baseline."""
    verdict = finding.verdict
    if verdict.kind in ("waived", "known"):
        return verdict.kind
    return "blocks" if verdict.level is Level.MANDATORY else "warns"


def where(finding: Finding) -> str:
    """`file:line`, as far as it is known."""
    return f"{finding.place.file}:{finding.place.line}" if finding.place else ""


def subject(finding: Finding) -> str:
    """The resource and the property a finding is about."""
    verdict = finding.verdict
    return printable(f"{verdict.urn.rpartition('::')[2]} {verdict.path}".strip())


def message(finding: Finding) -> str:
    """What is wrong."""
    return printable(finding.verdict.message)


def headline(outcome: Outcome) -> str:
    """The verdict in one line."""
    blocking = [each for each in outcome.findings if each.blocks]
    if outcome.protected:
        names = ", ".join(each.name for each in outcome.protected[:3])
        return f"blocked: {counted(len(outcome.protected), 'protected resource')} would be lost ({names})"
    if blocking:
        new = sum(each.status is Status.NEW for each in blocking)
        return f"blocked: {counted(len(blocking), 'finding')} of mandatory rules, {new} of them new"
    return "passed"


def sentence(change: Change) -> str:
    """A change in words."""
    cause = f" because {', '.join(change.keys)} cannot change in place" if change.operation == "replace" else ""
    if change.operation == "update" and change.keys:
        cause = f": {', '.join(change.keys)}"
    guarded = " (protected: Pulumi will refuse)" if change.protect and change.operation in ("replace", "delete") else ""
    return f"{change.operation} {printable(change.name)} ({change.type.rpartition(':')[2]}){cause}{guarded}"


def tally(outcome: Outcome) -> str:
    """How many changes of each kind."""
    counts = Counter(each.operation for each in outcome.changes)
    return ", ".join(f"{counts[each]} to {each}" for each in ("replace", "delete", "create", "update") if counts[each])


def coverage(outcome: Outcome) -> str:
    """How much of it could be evaluated."""
    share = 100 * outcome.evaluated / outcome.pairs if outcome.pairs else 100
    return (
        f"{outcome.rules} rules on {counted(outcome.resources, 'resource')}: {outcome.evaluated} of {outcome.pairs} "
        f"pairs evaluated ({share:.1f} %)"
    )


def counted(number: int, thing: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
