"""How states, actions and events are said to people. Pure: texts in, texts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from portal.access import Action
from portal.events import Redactor
from portal.states import Kind, State

_PLAIN: Final = Redactor(())


@dataclass(frozen=True)
class Said:
    """A state in words. tone: quiet, busy, wait, good or bad. mark: a sign, so that colour alone says nothing.

    next: what it means and what can be done now.
    """

    title: str
    tone: str
    mark: str
    next: str


STATES: Final[Mapping[State, Said]] = {
    State.QUEUED: Said("Waiting for its turn", "busy", "…", "It starts as soon as a runner is free."),
    State.PREVIEWING: Said("Previewing", "busy", "↻", "The engine works out what would change; so far nothing is."),
    State.POLICY_FAILED: Said(
        "Against the policies", "bad", "✕", "Nothing was changed. Each policy below says what helps; then ask again."
    ),
    State.NO_CHANGES: Said("Nothing to change", "quiet", "=", "What is there is what the settings say."),
    State.AWAITING_APPROVAL: Said(
        "Waiting for approval", "wait", "?", "Read the plan. Whoever may approve it decides whether it goes on."
    ),
    State.APPROVED: Said("Approved", "wait", "✓", "It can be applied now: exactly this plan, and nothing else."),
    State.APPLYING: Said("Applying", "busy", "↻", "The approved plan is being carried out."),
    State.SUCCEEDED: Said("Done", "good", "✓", "Everything that was asked for is done."),
    State.FAILED: Said(
        "Failed", "bad", "✕", "The reason is below. What the log calls done stays done. Mend the cause, then ask again."
    ),
    State.CANCELLED: Said(
        "Cancelled",
        "quiet",
        "■",
        "It was ended early. What the log calls done stays done; ask again to go on.",
    ),
    State.DISCARDED: Said("Discarded", "quiet", "–", "Nobody will apply this plan. Nothing was changed."),
    State.SUPERSEDED: Said("Replaced by a newer plan", "quiet", "»", "Nothing was changed by this one."),
    State.STALE: Said(
        "Out of date", "bad", "!", "Something moved since the approval, so nothing was applied. Ask for a new preview."
    ),
    State.INTERRUPTED: Said(
        "Interrupted", "bad", "!", "The engine was cut off. An operator recovers the environment, then work goes on."
    ),
}

KINDS: Final[Mapping[Kind, str]] = {
    Kind.UPDATE: "Change",
    Kind.DESTROY: "Destroy",
    Kind.REFRESH: "Take over what the cloud has",
    Kind.DRIFT: "Look for drift",
    Kind.RECOVER: "Recover",
}

ACTIONS: Final[Mapping[Action, str]] = {
    Action.VIEW: "Look at it",
    Action.PREVIEW: "Ask for a change",
    Action.APPROVE: "Approve a plan",
    Action.DISCARD: "Discard a plan",
    Action.APPLY: "Apply an approved plan",
    Action.CANCEL: "Cancel a run",
    Action.LOCK: "Lock the environment",
    Action.UNLOCK: "Unlock the environment",
    Action.RECOVER: "Recover after an interruption",
    Action.FORCE: "End a run at once",
    Action.AUDIT: "Read the audit",
}

OPERATIONS: Final[Mapping[str, str]] = {
    "replace": "Replaced: the old one goes and a new one comes",
    "delete": "Deleted",
    "create": "Created",
    "import": "Taken over",
    "update": "Changed in place",
}
"""The headings of a plan, what is lost first."""

_DOING: Final[Mapping[str, tuple[str, str, str]]] = {
    "create": ("creating", "created", "would be created"),
    "update": ("changing", "changed", "would be changed"),
    "delete": ("deleting", "deleted", "would be deleted"),
    "replace": ("replacing", "replaced", "would be replaced"),
    "create-replacement": ("creating the new one", "the new one is created", "a new one would be created"),
    "delete-replaced": ("deleting the old one", "the old one is deleted", "the old one would be deleted"),
    "refresh": ("looking at it", "looked at", "looked at"),
    "import": ("taking over", "taken over", "would be taken over"),
}
"""By operation: while it is done, after that, and in a preview."""
_SEVERITY: Final = {"error": "Error", "warning": "Warning", "info#err": "Said"}


def plain(text: Any) -> str:
    """A text without what a terminal would act on; engines and programs may print anything."""
    return _PLAIN.text(str(text))


def name_of(urn: str) -> str:
    """The logical name of a resource; `the stack` for none."""
    return plain(urn.rpartition("::")[2]) or "the stack"


def type_of(type_: str) -> str:
    """The last part of a type: `aws:lb/targetGroup:TargetGroup` is a TargetGroup."""
    return plain(type_.rpartition(":")[2] or type_)


def doing(operation: str, *, done: bool, planned: bool = False) -> str:
    """What is being done, or was, or would be."""
    words = _DOING.get(operation)
    if words:
        return words[2 if planned else done]
    return f"{plain(operation)}{' planned' if planned else ' done' if done else ''}"


def event(type_: str, data: Mapping[str, Any]) -> str:
    """An event in a line, or in the lines that the engine said."""
    if type_ in ("begins", "done", "failed"):
        return _of_resource(type_, data)
    teller = _TELLERS.get(type_)
    return plain(teller(data) if teller else type_).strip()


def _of_resource(type_: str, data: Mapping[str, Any]) -> str:
    about = f"{type_of(str(data.get('type', '')))} {name_of(str(data.get('urn', '')))}"
    operation = str(data.get("op", ""))
    if type_ == "failed":
        return f"{about}: {doing(operation, done=False)} failed"
    return f"{about}: {doing(operation, done=type_ == 'done', planned=bool(data.get('planned')))}"


def _state(data: Mapping[str, Any]) -> str:
    known = STATES[State(data["state"])].title if data.get("state") in set(State) else str(data.get("state", ""))
    reason = f": {data['reason']}" if data.get("reason") else ""
    return f"{known} ({data.get('actor', '')}){reason}"


def _diagnostic(data: Mapping[str, Any]) -> str:
    about = f"{name_of(str(data['urn']))}: " if data.get("urn") else ""
    severity = _SEVERITY.get(str(data.get("severity")), str(data.get("severity")))
    return f"{severity}: {about}{data.get('message', '')}"


def _policy(data: Mapping[str, Any]) -> str:
    level = "against the policies" if data.get("level") == "mandatory" else "advice"
    return f"{data.get('rule', '')} ({level}): {name_of(str(data.get('urn', '')))}: {data.get('message', '')}"


def _summary(data: Mapping[str, Any]) -> str:
    counts = [f"{count} {name}" for name, count in sorted((data.get("changes") or {}).items())]
    return f"The engine ended after {data.get('seconds', 0)} s: {', '.join(counts) or 'nothing changed'}"


def _cancel(data: Mapping[str, Any]) -> str:
    how = "ended at once" if data.get("force") else "cancelled; what is under way is finished first"
    return f"{data.get('actor', '')} asked that it be {how}"


def _pending(data: Mapping[str, Any]) -> str:
    return f"Cut off in the middle: {', '.join(map(str, data.get('operations') or ())) or 'nothing'}"


_TELLERS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "state": _state,
    "diagnostic": _diagnostic,
    "policy": _policy,
    "summary": _summary,
    "cancel": _cancel,
    "pending": _pending,
    "plan": lambda data: f"The plan: {data.get('headline', '')}",
    "topology": lambda data: f"The topology is drawn anew: {len(data.get('nodes') or ())} boxes",
    "phase": lambda _: "The preview is as it was approved; now it is applied",
    "apply": lambda data: f"{data.get('actor', '')} asked for the apply; this is try {data.get('try', 1)}",
    "git": lambda data: f"Previewed is commit {str(data.get('commit', ''))[:12]}",
    "waits": lambda data: f"It is not applied: {data.get('reason', '')}",
    "held": lambda data: f"Somebody else is at work: {data.get('reason', '')}",
    "unlocked": lambda data: f"The lock of the stack was taken off: {data.get('reason', '')}",
    "runner": lambda data: f"The portal itself had a fault: {data.get('reason', '')}",
}
