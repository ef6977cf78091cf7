"""Routes become VPC Lattice services; what the controller refuses; and what leaks in the wrong order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.aws import vpclattice_common as aws
from local_cloud.kubernetes import waiting
from local_cloud.plugin import Refused
from tests.local_cloud.controller_world import GATEWAY, GATEWAY_CLASS, HTTP_ROUTE
from tests.local_cloud.kubernetes_world import DEPLOYMENT, NAMESPACE, RELEASE, deployment
from tests.local_cloud.lattice_world import (
    AUTH_POLICY,
    DOMAIN,
    GRPC,
    HOME,
    POLICY,
    TARGET_GROUP_POLICY,
    LatticeWorld,
    auth_policy,
    gateway_,
    gateway_class,
    lattice_release,
    route,
    target_group_policy,
)

BACKENDS = [{"kind": "Service", "name": "orders", "port": 50051}]
ROUTE = "orders/orders"


@pytest.fixture
def world() -> LatticeWorld:
    made = LatticeWorld()
    made.pods()
    return made


def made_of(world: LatticeWorld) -> dict[str, int]:
    """What there is of VPC Lattice, by the last word of its type."""
    found = [row.token.rpartition(":")[2] for row in world.store.rows("aws") if not row.urn]
    return {kind: found.count(kind) for kind in sorted(set(found))}


def test_a_route_becomes_a_service_in_the_network_with_its_pods_as_targets(world: LatticeWorld) -> None:
    world.create(TARGET_GROUP_POLICY, "policy", target_group_policy(healthCheck={"enabled": False}))
    _, outputs = world.create(GRPC, "route", route())
    service = world.one(aws.LATTICE_SERVICE)
    assert service["name"] == "orders-orders"
    assert outputs["metadata"]["annotations"][DOMAIN] == service["dnsEntries"][0]["domainName"]
    assert world.one(aws.SERVICE_ASSOCIATION)["serviceNetworkIdentifier"] == "sn-0123456789abcdef0"
    assert world.one(aws.LISTENER)["protocol"] == "HTTPS"
    rule = world.one(aws.RULE)
    assert rule["match"]["httpMatch"]["pathMatch"] == {"match": {"prefix": "/acme.orders.v1.Orders/"}}
    group = world.one(aws.TARGET_GROUP)
    assert (group["config"]["protocolVersion"], group["config"]["vpcIdentifier"]) == ("GRPC", "vpc-0a")
    assert group["config"]["healthCheck"]["enabled"] is False
    targets = world.store.notes("target", group.id)
    assert len(targets) == 2
    assert {data["health"] for data in targets.values()} == {"unavailable"}
    assert all(key.endswith(":50051") for _, key in targets)


def test_targets_follow_the_pods(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    group = world.one(aws.TARGET_GROUP)
    world.delete(DEPLOYMENT, ROUTE, "pods")
    assert world.store.notes("target", group.id) == {}


def test_without_a_policy_grpc_is_not_checked_and_http_is(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    assert world.one(aws.TARGET_GROUP)["config"]["healthCheck"]["enabled"] is False
    world.delete(GRPC, ROUTE, "route")
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": BACKENDS}
    world.create(HTTP_ROUTE, "route", route(rule))
    config = world.one(aws.TARGET_GROUP)["config"]
    assert (config["protocolVersion"], config["healthCheck"]["enabled"]) == ("HTTP1", True)


def test_a_health_check_changes_in_place_and_a_protocol_does_not(world: LatticeWorld) -> None:
    world.create(TARGET_GROUP_POLICY, "policy", target_group_policy(healthCheck={"enabled": False}))
    world.create(GRPC, "route", route())
    before = world.one(aws.TARGET_GROUP).id
    check = {"enabled": True, "port": 8081, "protocolVersion": "HTTP1", "path": "/healthz", "intervalSeconds": 10}
    world.update(TARGET_GROUP_POLICY, ROUTE, target_group_policy(healthCheck=check), "policy")
    group = world.one(aws.TARGET_GROUP)
    assert (group.id, group["config"]["healthCheck"]["healthCheckIntervalSeconds"]) == (before, 10)
    world.update(TARGET_GROUP_POLICY, ROUTE, target_group_policy(protocol="HTTPS", healthCheck=check), "policy")
    assert world.one(aws.TARGET_GROUP).id != before


def test_another_port_is_a_target_group_beside_the_old_one_which_then_goes(world: LatticeWorld) -> None:
    name, _ = world.create(GRPC, "route", route())
    before = world.one(aws.TARGET_GROUP)
    changed = route()
    for rule in changed["spec"]["rules"]:
        rule["backendRefs"] = [{**each, "port": 50052} for each in rule["backendRefs"]]
    world.update(GRPC, name, changed)
    after = world.one(aws.TARGET_GROUP)
    assert after["config"]["port"] == 50052
    assert after.id != before.id
    for group in (before, after):
        assert re.fullmatch("k8s-orders-orders-[a-z]{10}", group["name"])


def test_annotations_name_the_service_and_set_its_idle_timeout(world: LatticeWorld) -> None:
    names = {"service-name-override": "test-orders", "idle-timeout-seconds": "300"}
    given = {f"application-networking.k8s.aws/{key}": value for key, value in names.items()}
    world.create(GRPC, "route", route(annotations=given))
    service = world.one(aws.LATTICE_SERVICE)
    assert (service["name"], service["idleTimeoutSeconds"]) == ("test-orders", 300)


def test_a_policy_of_a_route_is_the_services(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    world.create(AUTH_POLICY, "policy", auth_policy())
    assert world.one(aws.AUTH_POLICY)["policy"] == POLICY
    assert world.one(aws.LATTICE_SERVICE)["authType"] == "AWS_IAM"
    world.delete(AUTH_POLICY, "orders/policy", "policy")
    assert world.one(aws.LATTICE_SERVICE)["authType"] == "NONE"
    assert world.store.rows("aws", aws.AUTH_POLICY) == []


def test_an_update_keeps_the_service_and_its_domain(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    before = world.one(aws.LATTICE_SERVICE)
    outputs = world.update(GRPC, ROUTE, route({"backendRefs": BACKENDS}), "route")
    assert outputs["metadata"]["annotations"][DOMAIN] == before["dnsEntries"][0]["domainName"]
    assert world.one(aws.LATTICE_SERVICE).id == before.id
    assert world.one(aws.RULE)["match"]["httpMatch"]["pathMatch"] == {"match": {"prefix": "/"}}


def test_in_order_everything_goes_and_nothing_is_left(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    world.create(AUTH_POLICY, "policy", auth_policy())
    world.delete(AUTH_POLICY, "orders/policy", "policy")
    world.delete(GRPC, ROUTE, "route")
    assert made_of(world) == {}
    world.delete(GATEWAY, f"{HOME}/mesh", "gateway")
    world.delete(GATEWAY_CLASS, "amazon-vpc-lattice", "class")
    world.delete(RELEASE, f"{HOME}/gateway-api-controller", "lattice")


def test_a_route_without_its_policy_goes_too(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    world.create(AUTH_POLICY, "policy", auth_policy())
    world.delete(GRPC, ROUTE, "route")
    assert made_of(world) == {}


def test_a_route_that_outlives_its_controller_leaks_its_service(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    world.delete(RELEASE, f"{HOME}/gateway-api-controller", "lattice")
    for kind, name, identity in ((GRPC, "route", ROUTE), (NAMESPACE, "namespace-orders", "orders")):
        with pytest.raises(Refused, match=r"grpcroute\.k8s\.aws/resources.*no AWS Gateway API Controller is installed"):
            world.delete(kind, identity, name)
    assert made_of(world)["Service"] == 1


def test_a_gateway_stays_while_routes_hang_on_it(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    with pytest.raises(Refused, match=r"cannot delete gateway .* found referencing route orders/orders"):
        world.delete(GATEWAY, f"{HOME}/mesh", "gateway")


def test_a_gateway_without_its_class_stays(world: LatticeWorld) -> None:
    world.delete(GATEWAY_CLASS, "amazon-vpc-lattice", "class")
    with pytest.raises(Refused, match="its GatewayClass is gone, so the controller ignores the Gateway"):
        world.delete(GATEWAY, f"{HOME}/mesh", "gateway")


def test_a_route_whose_gateway_vanished_stays(world: LatticeWorld) -> None:
    world.create(GRPC, "route", route())
    gateway = world.row(GATEWAY, f"{HOME}/mesh")
    world.store.delete(gateway)
    with pytest.raises(Refused, match="its Gateway is gone, so the controller ignores the route"):
        world.delete(GRPC, ROUTE, "route")


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        (f"jsonpath={{.metadata.annotations['{DOMAIN}']}}", True),
        ('jsonpath={$.metadata.annotations["a/b"]}=2', False),
        ("jsonpath={.items[0].name}=x", True),
        ("jsonpath={.items[1]}", False),
    ],
)
def test_paths_that_are_waited_for(expression: str, met: bool) -> None:
    live = {"metadata": {"annotations": {DOMAIN: "x", "a/b": "1"}}, "items": [{"name": "x"}]}
    assert waiting.met(expression, live) is met


@pytest.mark.parametrize("path", [r".metadata.annotations.a\.b/c", ".a-b", ".a[*]"])
def test_kubectls_paths_are_not_the_providers(path: str) -> None:
    with pytest.raises(waiting.Unreadable):
        waiting.met(f"jsonpath={{{path}}}", {})


READY = {"application-networking.k8s.aws/pod-readiness-gate-inject": "enabled"}
CHECK = {"enabled": True, "port": 8081, "path": "/healthz", "protocolVersion": "HTTP1"}


def gated(*, lists: bool = True, **check: Any) -> LatticeWorld:
    """A labelled namespace with a route, whose target group is checked like this; the pods are yet to come."""
    world = LatticeWorld()
    world.update(NAMESPACE, "orders", {"metadata": {"name": "orders", "labels": READY}}, "namespace-orders")
    world.service()
    world.create(TARGET_GROUP_POLICY, "policy", target_group_policy(healthCheck={**CHECK, **check}))
    world.create(GRPC, "route", route())
    if lists:
        world.aws(
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "sgr-lattice",
            securityGroupId="sg-0cluster",
            ipProtocol="tcp",
            fromPort=8081,
            toPort=50051,
            prefixListId="pl-0123456789abcdef0",
        )
    return world


def start(world: LatticeWorld, *ports: int) -> object:
    """Starts pods whose container names these ports beside the one of the traffic."""
    named = [{"name": f"p{port}", "containerPort": port} for port in (50051, *ports)]
    return world.create(DEPLOYMENT, "pods", deployment(container={"ports": named}, serviceAccountName="default"))


def test_pods_are_ready_when_lattice_can_check_them_or_does_not_ask() -> None:
    start(gated(), 8081)
    start(gated(lists=False, enabled=False))


@pytest.mark.parametrize(
    ("world", "ports", "said"),
    [
        ({}, (), r"VPC Lattice checks port 8081 of the pods, but no container listens there \(they name 50051\)"),
        ({"port": 50051}, (), "VPC Lattice checks port 50051 in HTTP1, where the pods speak gRPC"),
        ({"lists": False}, (8081,), "admits no prefix list on port 8081, so VPC Lattice's checks time out"),
    ],
)
def test_a_gate_stays_closed_where_a_check_can_never_pass(world: dict[str, Any], ports: tuple[int], said: str) -> None:
    with pytest.raises(Refused, match=said):
        start(gated(**world), *ports)


def test_pods_of_a_labelled_namespace_need_the_controllers_webhook() -> None:
    world = gated(enabled=False)
    world.gone("aws:eks/podIdentityAssociation:PodIdentityAssociation", "a-2")
    with pytest.raises(Refused, match="failed calling webhook"):
        start(world)


def test_targets_follow_pods_of_another_namespace(world: LatticeWorld) -> None:
    far = route({"backendRefs": [{"name": "orders", "namespace": "orders", "port": 50051}]})
    far["metadata"]["namespace"] = "edge"
    world.create(GRPC, "far", far)
    group = world.one(aws.TARGET_GROUP)
    assert len(world.store.notes("target", group.id)) == 2
    world.delete(DEPLOYMENT, ROUTE, "pods")
    assert world.store.notes("target", group.id) == {}


def _class(world: LatticeWorld) -> object:
    world.gateway_api()
    return world.create(GATEWAY_CLASS, "class", gateway_class())


def _name_taken(world: LatticeWorld) -> object:
    world.aws(aws.LATTICE_SERVICE, "svc-0123456789abcdef0", name="orders-orders")
    return world.create(GRPC, "route", route())


def _regexp() -> dict[str, Any]:
    return {"matches": [{"method": {"type": "RegularExpression", "service": "acme.*"}}], "backendRefs": BACKENDS}


def _headers() -> dict[str, Any]:
    headers = [{"name": f"x-{number}", "value": "1"} for number in range(6)]
    return {"matches": [{"method": {"service": "acme.v1.S"}, "headers": headers}], "backendRefs": BACKENDS}


REFUSED: dict[str, tuple[Callable[[LatticeWorld], object], str]] = {
    "a Gateway of no network": (
        lambda it: it.create(GATEWAY, "other", gateway_("other")),
        "condition=Programmed was not met.*VPC Lattice service network other not found",
    ),
    "a backend that is not there": (
        lambda it: it.create(GRPC, "route", route({"backendRefs": [{"name": "none", "port": 1}]})),
        "BackendNotFound: Service orders/none does not exist",
    ),
    "a listener that is not there": (
        lambda it: it.create(
            GRPC, "route", route(parentRefs=[{"name": "mesh", "namespace": HOME, "sectionName": "http"}])
        ),
        "sectionName http matches no listener",
    ),
    "a regular expression": (lambda it: it.create(GRPC, "route", route(_regexp())), "regular expressions are not supp"),
    "six headers": (lambda it: it.create(GRPC, "route", route(_headers())), "a rule takes 5 header matches"),
    "two matches": (
        lambda it: it.create(
            GRPC,
            "route",
            route({"matches": [{"method": {"service": each}} for each in ("a.A", "a.B")], "backendRefs": BACKENDS}),
        ),
        "LATTICE_NO_SUPPORT_FOR_MULTIPLE_MATCHES",
    ),
    "an idle timeout of eleven minutes": (
        lambda it: it.create(
            GRPC, "route", route(annotations={"application-networking.k8s.aws/idle-timeout-seconds": "660"})
        ),
        "idle-timeout-seconds must be a number from 60 to 600",
    ),
    "a name that is taken": (
        _name_taken,
        "FailedDeployModel: ConflictException: Service with name orders-orders already exists",
    ),
    "a policy of the network": (
        lambda it: it.create(AUTH_POLICY, "policy", auth_policy("Gateway", name="mesh")),
        "condition=Accepted was not met.*Conflicted: the service network mesh is not managed by this controller",
    ),
    "a policy of no route": (
        lambda it: it.create(AUTH_POLICY, "policy", auth_policy(name="none")),
        "TargetNotFound: GRPCRoute orders/none has no VPC Lattice service",
    ),
    "a policy of many lines": (
        lambda it: (
            it.create(GRPC, "route", route()),
            it.create(AUTH_POLICY, "policy", auth_policy(policy='{\n"Statement":[]}')),
        ),
        "Invalid: ValidationException: The auth policy must not contain newlines",
    ),
    "another region": (
        lambda it: it.update(
            RELEASE, f"{HOME}/gateway-api-controller", lattice_release(awsRegion="us-east-1"), "lattice"
        ),
        "values.awsRegion is 'us-east-1', but this cluster's is 'eu-west-1'",
    ),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_what_the_controller_cannot_do_is_told(world: LatticeWorld, deed: str) -> None:
    run, words = REFUSED[deed]
    with pytest.raises(Refused) as refused:
        run(world)
    assert re.search(words, str(refused.value), re.DOTALL), str(refused.value)


def test_grpc_needs_an_https_listener(world: LatticeWorld) -> None:
    plain = {**gateway_(protocol="HTTP")}
    world.update(GATEWAY, f"{HOME}/mesh", plain, "gateway")
    with pytest.raises(Refused, match="GRPCRoute is supported on HTTPS listeners only"):
        world.create(GRPC, "route", route())


def test_a_class_is_accepted_by_its_controller_alone() -> None:
    with pytest.raises(Refused, match="no AWS Gateway API Controller is installed"):
        _class(LatticeWorld(gateway=False))


def test_the_controller_needs_the_gateway_api() -> None:
    world = LatticeWorld(gateway=False)
    with pytest.raises(Refused, match=r"no matches for kind .TLSRoute. in version"):
        world.lattice()
    world.gateway_api()
    with pytest.raises(Refused, match="no AWS credentials"):
        world.create(RELEASE, "other", {**lattice_release(), "namespace": "kube-system", "name": "other"})


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        (TARGET_GROUP_POLICY, {"healthCheck": {"intervalSeconds": 4}}, "intervalSeconds"),
        (TARGET_GROUP_POLICY, {"healthCheck": {"protocolVersion": "GRPC"}}, "protocolVersion"),
        (TARGET_GROUP_POLICY, {"protocolVersion": "GRPC"}, "protocolVersion"),
        (TARGET_GROUP_POLICY, {"healthChecks": {}}, "healthChecks"),
        (TARGET_GROUP_POLICY, {"targetRef": {"kind": "Service", "name": "orders"}}, "group"),
        (AUTH_POLICY, {"targetRef": {"group": "gateway.networking.k8s.io", "kind": "Route", "name": "a"}}, "kind"),
    ],
)
def test_manifests_are_judged_strictly(world: LatticeWorld, kind: str, spec: dict[str, Any], said: str) -> None:
    base = auth_policy() if kind == AUTH_POLICY else target_group_policy()
    base["spec"] |= spec
    _, complaints = world.check(kind, "it", base)
    assert any(said in complaint for complaint in complaints), complaints
