"""Runs in every state, with plans, verdicts and hostile texts, as runners and people leave them."""

from __future__ import annotations

from typing import Any

from portal.settings import Target
from portal.states import Kind, State
from portal.tables import Approval, Environment, Run
from portal.transitions import transition
from tests.conftest import CHECKOUT

from .conftest import ANN, add
from .site import DIGEST, Site

EVIL = "\x1b[31m\"'><img src=x onerror=alert(1)><script>alert(1)</script></textarea>{{7*191919}}"
SVG_TAGS = {"svg", "title", "desc", "rect", "text", "tspan", "g", "path", "line"}
EVENTS = (
    "begins",
    "done",
    "failed",
    "diagnostic",
    "policy",
    "plan",
    "held",
    "cancel",
    "runner",
    "state",
    "git",
    "waits",
    EVIL,
)
EVENT = ("op", "type", "message", "severity", "rule", "level", "reason", "headline", "actor", "state")
URN = f"urn:pulumi:dev::grpc-platform::aws:lb/targetGroup:TargetGroup::{EVIL}"
SETTINGS: dict[str, Any] = {
    "aws:region": "eu-west-1",
    "grpc-platform:existing": {"hosted_zone": {"id": "Z0LOCAL0EXAMPLE0ZONE", "name": "local.example.com"}},
    "grpc-platform:network": {"cidr": "10.10.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]},
    "grpc-platform:cluster": {
        "public_access_cidrs": ["203.0.113.0/24"],
        "node_groups": {"general": {"instance_types": ["m7g.large"], "min": 2, "max": 4}},
    },
    "grpc-platform:load_balancers": {"public": {"scheme": "internet-facing"}},
    "grpc-platform:services": {
        "orders": {
            "protocol": "grpc",
            "port": 50051,
            "grpc_services": ["acme.orders.v1.Orders"],
            "expose": {"alb": {"host": "orders.local.example.com"}},
            "secrets": {"TOKEN": {"secure": "v1:abc"}},
        }
    },
}


def furnished(found: Site) -> Site:
    """With a program, and settings as they were applied."""
    targets = {"dev": Target(program=CHECKOUT, stack="dev")}
    found.app.state.settings = found.settings.model_copy(update={"targets": targets})
    with found.database.write() as session:
        session.get_one(Environment, "dev").settings = SETTINGS
    return found


def change(operation: str, name: str, **other: Any) -> dict[str, Any]:
    return {
        "operation": operation,
        "urn": f"urn:pulumi:dev::p::aws:lb/targetGroup:TargetGroup::{name}",
        "type": "aws:lb/targetGroup:TargetGroup",
        "name": name,
        "keys": ["port"],
        "protect": False,
        "properties": [{"path": "port", "old": "1", "new": "2"}],
        "words": f"TargetGroup {name} is {operation}d",
        **other,
    }


def finding(**other: Any) -> dict[str, Any]:
    return {
        "rule": "ALB006",
        "title": "A gRPC target group checks gRPC health",
        "kind": "violation",
        "level": "mandatory",
        "blocks": True,
        "urn": "urn:pulumi:dev::p::aws:lb/targetGroup:TargetGroup::grpc",
        "path": "healthCheck.matcher",
        "message": "matcher is 200",
        "remedy": "Set matcher to 0-99",
        "source": "https://docs.example.org/alb",
        **other,
    }


def waiting(site: Site, **values: Any) -> int:
    """A run that waits for approval, with a plan."""
    number = add(site.database, State.AWAITING_APPROVAL)
    with site.database.write() as session:
        run = session.get_one(Run, number)
        run.changes = [change("replace", "db", protect=True), change("delete", "old"), change("create", "new")]
        run.verdict = {"rules": 98, "resources": 3, "blocks": False, "findings": []}
        for key, value in values.items():
            setattr(run, key, value)
    return number


def led(site: Site, *states: State, kind: Kind = Kind.UPDATE, reason: str = "") -> int:
    """A run led through states."""
    number = add(site.database, State.QUEUED, kind)
    with site.database.write() as session:
        run = session.get_one(Run, number)
        for each in states:
            if each is State.AWAITING_APPROVAL:
                run.plan_digest = DIGEST
            if each is State.APPROVED:
                run.approvals.append(Approval(run_id=number, actor="bob", plan_digest=DIGEST))
                session.flush()
            transition(session, run, each, ANN, reason)
    return number


BEFORE: dict[State, tuple[State, ...]] = {
    State.QUEUED: (),
    State.PREVIEWING: (State.PREVIEWING,),
    State.AWAITING_APPROVAL: (State.PREVIEWING, State.AWAITING_APPROVAL),
    State.APPROVED: (State.PREVIEWING, State.AWAITING_APPROVAL, State.APPROVED),
    State.APPLYING: (State.PREVIEWING, State.AWAITING_APPROVAL, State.APPROVED, State.APPLYING),
}


def way_to(state: State) -> tuple[State, ...]:
    """The states on the way to a state."""
    if state in BEFORE:
        return BEFORE[state]
    first = State.PREVIEWING
    if state in (State.DISCARDED, State.SUPERSEDED):
        first = State.AWAITING_APPROVAL
    if state in (State.SUCCEEDED, State.STALE):
        first = State.APPLYING
    return (*BEFORE[first], state)
