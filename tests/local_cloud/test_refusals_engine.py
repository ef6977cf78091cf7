"""What AWS refuses, provoked on the real engine: everything in one update, and deletes in use in one destroy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_cloud.store import Store
from tests.conftest import CHECKOUT, REGION, World, new_world

pytestmark = pytest.mark.engine

CREATES = {
    "grpc-on-http": "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'",
    "listener-grpc-on-http": "Listener protocol 'HTTP' is not supported with a target group",
    "https-without-certificate": "A certificate must be specified for HTTPS listeners",
    "grpc-over-tcp": "Health check matcher HTTP code cannot be empty",
    "matcher-200": "Health check matcher GRPC code '200' must be within '0-99' inclusive",
    "timeout-beyond": "Health check timeout '10' must be smaller than the interval '10'",
    "slow-and-least": "You cannot enable both slow start and least outstanding requests",
    "anomaly": "You cannot enable anomaly mitigation without the weighted random algorithm",
    "one-zone": "At least two subnets in two different Availability Zones must be specified",
    "idle-5000": "must be between '1' and '4000' seconds inclusive, got '5000'",
    "too-many-values": "A rule can only have '5' condition values",
    "priority-taken": "PriorityInUse",
    "login-before-grpc": "Action type 'authenticate-oidc' is not supported with a target group",
    "mixed-versions": "protocol",
    "second-balancer": "cannot be associated with more than one load balancer",
    "second-association": "is already associated with service network",
}
# What the provider finds before it asks AWS ends an update at once, so each is tried alone.
CHECKED = {
    "interval-1": "expected healthCheck.interval to be in the range (5 - 300), got 1",
    "internal-name": '"name" cannot begin with "internal-"',
    "lattice-name": "and not begin with svc-",
    "lattice-grpc-check": 'expected config.healthCheck.protocolVersion to be one of ["HTTP1" "HTTP2"], got GRPC',
    "lattice-interval-1": "healthCheckIntervalSeconds to be in the range (5 - 300), got 1",
    "lattice-grpc-lambda": "config not supported for LAMBDA target groups",
    "lattice-302": "to be one of [404 500], got 302",
    "six-groups": "supports no more than 5 item(s), config has 6 declared",
}
DELETES = {
    "a": "DependencyViolation: The subnet",
    "held-vpc": "DependencyViolation: The vpc",
    "address": "AuthFailure: You do not have permission to access the specified",
    "inlined": "DeleteConflict: Cannot delete entity, must delete policies first",
    "images": "RepositoryNotEmptyException",
    "gateway": "DependencyViolation: Network",
    "group": "DependencyViolation: resource sg-",
    "grpc": "ResourceInUse: Target group",
    "certificate": "ResourceInUseException: Certificate",
    "zone": "HostedZoneNotEmpty",
    "role": "DeleteConflict: Cannot delete entity, must detach all policies first",
    "policy": "DeleteConflict: Cannot delete a policy attached to entities",
    "mesh": "has VPC(s) associated",
    "service": "has service network(s) associated",
    "targets": "is in use by a listener or a rule",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    program = (CHECKOUT / "tests" / "local_cloud" / "refusals_program.py").read_text(encoding="utf-8")
    world = new_world(tmp_path_factory.mktemp("refusals"), program)
    world.run("config", "set", "aws:region", REGION)
    return world


def said(world: World, log: Path, *args: str) -> dict[str, str]:
    """What was said of each resource, by logical name, in one command that goes on after failures."""
    result = world.engine.run(
        *args,
        *("--yes", "--skip-preview", "--continue-on-error", "--stack", world.stack, "--event-log", str(log)),
        cwd=world.program,
        check=False,
        env={"PULUMI_DEBUG_COMMANDS": "true", "CASES": ",".join(CREATES)},
    )
    assert result.code != 0
    found: dict[str, str] = {}
    for line in log.read_text().splitlines():
        event = json.loads(line).get("diagnosticEvent")
        if event and event.get("urn") and event["severity"] == "error":
            name = event["urn"].rpartition("::")[2]
            found[name] = found.get(name, "") + event["message"]
    return found


def test_everything_that_aws_refuses_to_make(world: World, tmp_path: Path) -> None:
    found = said(world, tmp_path / "events", "up")
    found.pop("grpc-platform-test", None)
    wrong = {name: found.get(name, "(nothing)") for name, words in CREATES.items() if words not in found.get(name, "")}
    assert wrong == {}
    assert set(found) == set(CREATES), "nothing else is refused"


@pytest.mark.parametrize("case", CHECKED)
def test_what_the_provider_refuses_before_it_asks(world: World, case: str) -> None:
    result = world.engine.run("preview", "--stack", world.stack, cwd=world.program, check=False, env={"CASES": case})
    assert CHECKED[case] in result.check_failed()


def test_everything_that_aws_refuses_to_delete(world: World, tmp_path: Path) -> None:
    store = Store(world.engine.store)
    store.note("image", "images", f"sha256:{'5f' * 32}", {"tags": ["1"], "pushedAt": ""})
    store.close()
    found = said(world, tmp_path / "events", "destroy")
    wrong = {name: found.get(name, "(nothing)") for name, words in DELETES.items() if words not in found.get(name, "")}
    assert wrong == {}
