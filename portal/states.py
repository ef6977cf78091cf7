"""What a run can be, and which states may follow which. Pure data: nothing here knows of a database."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    PREVIEWING = "previewing"
    POLICY_FAILED = "policy_failed"
    NO_CHANGES = "no_changes"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    APPLYING = "applying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"  # a newer preview of the environment exists
    STALE = "stale"  # what would be applied is no longer what was approved
    INTERRUPTED = "interrupted"  # the runner died


class Kind(StrEnum):
    """What a run does. A drift run only looks; a recover run puts the state in order after an interrupted one."""

    UPDATE = "update"
    DESTROY = "destroy"
    REFRESH = "refresh"
    DRIFT = "drift"
    RECOVER = "recover"


EDGES: Final[dict[State, frozenset[State]]] = {
    # A recover run has nothing to approve: it changes the state, never the cloud.
    State.QUEUED: frozenset(
        {State.PREVIEWING, State.APPLYING, State.CANCELLED, State.FAILED, State.INTERRUPTED, State.SUPERSEDED}
    ),
    State.PREVIEWING: frozenset(
        {
            State.POLICY_FAILED,
            State.NO_CHANGES,
            State.AWAITING_APPROVAL,
            State.SUCCEEDED,
            State.FAILED,
            State.CANCELLED,
            State.INTERRUPTED,
        }
    ),
    State.AWAITING_APPROVAL: frozenset({State.APPROVED, State.DISCARDED, State.SUPERSEDED, State.STALE}),
    State.APPROVED: frozenset({State.APPLYING, State.DISCARDED, State.SUPERSEDED, State.STALE}),
    # Back to approved: somebody else's update held the stack, and nothing was changed.
    State.APPLYING: frozenset(
        {
            State.SUCCEEDED,
            State.FAILED,
            State.CANCELLED,
            State.INTERRUPTED,
            State.STALE,
            State.POLICY_FAILED,
            State.APPROVED,
        }
    ),
}
"""The states that may follow a state; one without an entry is final."""

FINAL: Final = frozenset(State) - frozenset(EDGES)
"""States in which a run stays for ever."""

RUNNING: Final = frozenset({State.PREVIEWING, State.APPLYING})
"""States in which a runner process works on a run."""

ONLY_FOR: Final[dict[tuple[State, State], frozenset[Kind]]] = {
    (State.QUEUED, State.APPLYING): frozenset({Kind.RECOVER}),
    (State.QUEUED, State.PREVIEWING): frozenset(Kind) - {Kind.RECOVER},
    (State.PREVIEWING, State.SUCCEEDED): frozenset({Kind.DRIFT}),
    (State.PREVIEWING, State.AWAITING_APPROVAL): frozenset(Kind) - {Kind.RECOVER, Kind.DRIFT},
    (State.APPLYING, State.APPROVED): frozenset(Kind) - {Kind.RECOVER, Kind.DRIFT},
}
"""Edges that only some kinds of run have."""


class ForbiddenEdgeError(Exception):
    """A run may not go from its state to the one asked for."""

    def __init__(self, old: State, new: State, kind: Kind) -> None:
        allowed = ", ".join(sorted(following(old, kind))) or "nothing, the state is final"
        super().__init__(f"a run of kind {kind} may not go from {old} to {new}; from {old} it may go to: {allowed}")
        self.old, self.new = old, new


def following(state: State, kind: Kind) -> frozenset[State]:
    """The states that may follow for a run of a kind."""
    return frozenset(
        new for new in EDGES.get(state, frozenset()) if kind in ONLY_FOR.get((state, new), frozenset(Kind))
    )


def check(old: State, new: State, kind: Kind) -> None:
    """Raise ForbiddenEdgeError when the edge does not exist for this kind of run."""
    if new not in following(old, kind):
        raise ForbiddenEdgeError(old, new, kind)
