"""From state or a preview to a drawing."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import svg, topology
from portal.topology import Item, Network, Node, Topology, Zone
from tests.conftest import CHECKOUT, new_world

SVG = "{http://www.w3.org/2000/svg}"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
ACCOUNT = "arn:aws:elasticloadbalancing:eu-west-1:111122223333"
GOLDEN = Path(__file__).with_name("topology.local.txt")


def urn(type_: str, name: str) -> str:
    """The URN of a resource."""
    return f"urn:pulumi:test::grpc-platform::{type_}::{name}"


BALANCER = urn("aws:lb/loadBalancer:LoadBalancer", "public")
LISTENER = urn("aws:lb/listener:Listener", "https")
GROUP = urn("aws:lb/targetGroup:TargetGroup", "orders-group")


def entry(type_: str, name: str, inputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A resource of state."""
    return {"urn": urn(type_, name), "type": type_, "custom": True, "inputs": dict(inputs), **more}


def rule(name: str, path: str) -> dict[str, Any]:
    """A rule that leads to the target group by its ARN."""
    inputs = {
        "listenerArn": f"{ACCOUNT}:listener/1",
        "actions": [{"type": "forward", "targetGroupArn": f"{ACCOUNT}:targetgroup/1"}],
        "conditions": [{"hostHeader": {"values": ["a.example.com"]}}, {"pathPattern": {"values": [path]}}],
    }
    return entry("aws:lb/listenerRule:ListenerRule", name, inputs)


def kubernetes(kind: str, name: str, spec: Mapping[str, Any], api: str = "v1") -> dict[str, Any]:
    """An object in the namespace `orders`."""
    version = api if "/" in api else f"core/{api}"
    inputs = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "orders"}, "spec": dict(spec)}
    return entry(f"kubernetes:{version}:{kind}", f"{name}-{kind.lower()}", inputs)


def state() -> dict[str, Any]:
    """A load balancer before a workload, and a VPC."""
    labels = {"app": "orders"}
    deployment = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    binding = {"targetGroupARN": f"{ACCOUNT}:targetgroup/1", "serviceRef": {"name": "orders", "port": 50051}}
    listener = {"loadBalancerArn": f"{ACCOUNT}:loadbalancer/1", "port": 443, "protocol": "HTTPS"}
    resources = [
        entry("aws:lb/loadBalancer:LoadBalancer", "public", {}, id=f"{ACCOUNT}:loadbalancer/1"),
        entry("aws:lb/listener:Listener", "https", listener, id=f"{ACCOUNT}:listener/1"),
        rule("one", "/acme.v1.One/*"),
        rule("two", "/acme.v1.Two/*"),
        entry("aws:lb/targetGroup:TargetGroup", "orders-group", {"port": 50051}, id=f"{ACCOUNT}:targetgroup/1"),
        kubernetes("TargetGroupBinding", "orders", binding, "elbv2.k8s.aws/v1beta1"),
        kubernetes("Service", "orders", {"selector": labels, "ports": [{"port": 50051}]}),
        kubernetes("Deployment", "orders", deployment, "apps/v1"),
        entry("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"}, id="vpc-1"),
        entry(
            "aws:ec2/subnet:Subnet",
            "b",
            {"vpcId": "vpc-1", "availabilityZone": "eu-west-1b", "cidrBlock": "10.0.1.0/24"},
        ),
        entry(
            "aws:ec2/subnet:Subnet",
            "a",
            {"vpcId": "vpc-1", "availabilityZone": "eu-west-1a", "cidrBlock": "10.0.0.0/24"},
        ),
    ]
    return {"deployment": {"resources": resources}}


def told(items: Sequence[Item], depth: int = 0) -> list[str]:
    """An outline as lines."""
    return [line for each in items for line in ["  " * depth + each.text, *told(each.items, depth + 1)]]


WAY = [
    "load balancer public",
    "  listener https (HTTPS 443)",
    "    2 rules one and others (a.example.com/acme.v1.One/*, a.example.com/acme.v1.Two/*)",
    "      target group orders-group (50051)",
    "        workload orders-deployment (orders)",
    "VPC vpc (10.0.0.0/16)",
    "  eu-west-1a",
    "    subnet a (10.0.0.0/24)",
    "  eu-west-1b",
    "    subnet b (10.0.1.0/24)",
]


def test_state_leads_from_the_load_balancer_to_the_workload() -> None:
    assert told(topology.outline(topology.of_state(state()))) == WAY


def test_the_order_of_the_state_does_not_matter() -> None:
    turned = {"deployment": {"resources": state()["deployment"]["resources"][::-1]}}
    assert told(topology.outline(topology.of_state(turned))) == WAY
    assert svg.draw(topology.of_state(turned), "x") == svg.draw(topology.of_state(state()), "x")


def test_a_plan_is_marked_and_of_several_in_one_the_worst_counts() -> None:
    planned = [
        {"urn": urn("aws:lb/listenerRule:ListenerRule", "two"), "operation": "replace"},
        {"urn": urn("aws:lb/listenerRule:ListenerRule", "one"), "operation": "update"},
        {"urn": GROUP, "operation": "update"},
    ]
    found = topology.of_state(state(), planned)
    assert [each.operation for each in found.nodes] == ["", "", "replace", "update", ""]
    drawn = svg.draw(found, "x")
    assert "± replace 2 rules" in drawn
    assert "~ update target group" in drawn


def step(operation: str, given: Mapping[str, Any], **made_of: Sequence[str]) -> dict[str, Any]:
    """A step of a preview."""
    side = "oldState" if operation == "delete" else "newState"
    return {"op": operation, "urn": given["urn"], side: {**given, "propertyDependencies": made_of}}


def test_a_preview_of_nothing_yet_leads_by_what_things_are_made_of() -> None:
    action = [{"type": "forward", "targetGroupArn": UNKNOWN}]
    listener = entry(
        "aws:lb/listener:Listener", "https", {"loadBalancerArn": UNKNOWN, "defaultActions": action, "port": 443}
    )
    steps = [
        step("create", entry("aws:lb/loadBalancer:LoadBalancer", "public", {})),
        step("create", listener, loadBalancerArn=[BALANCER], defaultActions=[GROUP]),
        step("create", entry("aws:lb/targetGroup:TargetGroup", "orders-group", {"port": UNKNOWN})),
        step("delete", entry("aws:lb/targetGroup:TargetGroup", "old-group", {"port": 1})),
    ]
    assert told(topology.outline(topology.of_preview(steps))) == [
        "load balancer public: create",
        "  listener https (443): create",
        "    target group orders-group: create",
        "target group old-group (1): delete",
    ]


def lattice_state() -> dict[str, Any]:
    """A service network with a Lattice service of its own, and one that a route makes."""
    api = "gateway.networking.k8s.io/v1"
    backend = [{"backendRefs": [{"name": "orders", "port": 50051}]}]
    match = {"httpMatch": {"pathMatch": {"match": {"prefix": "/acme.v1.One/"}}}}
    forward = {"forward": {"targetGroups": [{"targetGroupIdentifier": "tg-1"}]}}
    kind = "aws:vpclattice/"
    resources = [
        entry(f"{kind}serviceNetwork:ServiceNetwork", "mesh", {"name": "shop"}, id="sn-1"),
        entry(f"{kind}service:Service", "billing", {}, id="svc-1"),
        entry(
            f"{kind}serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation",
            "joined",
            {"serviceIdentifier": "svc-1", "serviceNetworkIdentifier": "sn-1"},
        ),
        entry(
            f"{kind}listener:Listener", "https", {"serviceIdentifier": "svc-1", "protocol": "HTTPS"}, id="listener-1"
        ),
        entry(
            f"{kind}listenerRule:ListenerRule",
            "calls",
            {"listenerIdentifier": "listener-1", "match": match, "action": forward},
        ),
        entry(f"{kind}targetGroup:TargetGroup", "pods", {"config": {"port": 1}}, id="tg-1"),
        kubernetes("Gateway", "shop", {"gatewayClassName": "amazon-vpc-lattice"}, api),
        kubernetes("GRPCRoute", "orders", {"parentRefs": [{"name": "shop"}], "rules": backend}, api),
        kubernetes("Service", "orders", {"selector": {"app": "orders"}}),
    ]
    return {"deployment": {"resources": resources}}


def test_lattice_leads_to_its_services_by_associations_and_by_routes() -> None:
    assert told(topology.outline(topology.of_state(lattice_state()))) == [
        "service network mesh",
        "  Lattice service billing",
        "    Lattice listener https (HTTPS)",
        "      Lattice rule calls (/acme.v1.One/)",
        "        Lattice target group pods (1)",
        "  Gateway shop-gateway",
        "    route orders-grpcroute",
        "      Kubernetes Service orders-service",
    ]


def test_what_several_lead_to_is_told_once() -> None:
    nodes = (Node("a", 0, "x", "a"), Node("b", 0, "x", "b"), Node("c", 1, "x", "c"), Node("d", 2, "x", "d"))
    found = Topology(nodes, (("a", "c"), ("b", "c"), ("c", "d")))
    assert told(topology.outline(found)) == ["x a", "  x c", "    x d", "x b", "  x c, as above"]


def test_secrets_are_not_drawn() -> None:
    hidden = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'}
    given = state()
    for each in given["deployment"]["resources"]:
        for key in ("port", "cidrBlock", "conditions", "protocol"):
            if key in each["inputs"]:
                each["inputs"][key] = hidden
    found = topology.of_state(given)
    assert "hunter2" not in svg.draw(found, "x") + repr(found)


def test_nothing_is_a_drawing_too() -> None:
    found = topology.of_state({"deployment": {"resources": []}})
    assert (found, topology.outline(found)) == (Topology(), ())
    assert "There is nothing yet." in svg.draw(found, "x")


NAMES = st.text(max_size=40)
OPERATIONS = st.sampled_from(["", "create", "update", "replace", "delete", "import", "other"])


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Any topology: nodes in columns, edges from left to right, networks."""
    columns = draw(st.lists(st.integers(0, 5), max_size=25))
    texts = st.tuples(NAMES, NAMES, NAMES, OPERATIONS)
    nodes = [Node(f"n{place}", column, *draw(texts)) for place, column in enumerate(columns)]
    forward = [(a.key, b.key) for a, b in itertools.permutations(nodes, 2) if a.column < b.column]
    edges = draw(st.lists(st.sampled_from(forward), unique=True, max_size=40)) if forward else []
    zones = draw(st.lists(st.integers(1, 3), max_size=4))
    subnets = [
        Zone(draw(NAMES), tuple(Node(f"s{zone}.{row}", 0, "subnet", draw(NAMES)) for row in range(count)))
        for zone, count in enumerate(zones)
    ]
    networks = (Network(Node("v", 0, "VPC", draw(NAMES)), tuple(subnets)),) if draw(st.booleans()) else ()
    return Topology(tuple(nodes), tuple(edges), networks)


def every_node(found: Topology) -> list[Node]:
    """The nodes of the ways and of the networks."""
    inside = [[each.vpc, *(subnet for zone in each.zones for subnet in zone.subnets)] for each in found.networks]
    return [*found.nodes, *itertools.chain.from_iterable(inside)]


@given(topologies())
@settings(max_examples=150, deadline=None)
def test_no_two_boxes_are_on_one_another_and_none_is_missing(found: Topology) -> None:
    boxes = svg.layout(found)
    assert sorted(each.node.key for each in boxes) == sorted(each.key for each in every_node(found))
    for one, other in itertools.combinations(boxes, 2):
        beside = one.left + one.width <= other.left or other.left + other.width <= one.left
        below = one.top + one.height <= other.top or other.top + other.height <= one.top
        assert beside or below
    assert all(each.left >= 0 and each.top >= 0 for each in boxes)


@given(topologies(), NAMES)
@settings(max_examples=150, deadline=None)
def test_any_names_make_xml_that_stays_inside_itself(found: Topology, title: str) -> None:
    text = svg.draw(found, title)
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {"svg", "title", "desc", "g", "rect", "path", "text"}
    names = {name for each in root.iter() for name in each.attrib}
    assert not {name for name in names if name == "style" or "href" in name or name.startswith("on")}
    assert len(list(root.iter(f"{SVG}g"))) == len(every_node(found))
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    assert all(box.left + box.width <= width and box.top + box.height <= height for box in svg.layout(found))
    assert svg.draw(found, title) == text


@given(topologies())
@settings(max_examples=50, deadline=None)
def test_what_is_kept_is_the_same_topology(found: Topology) -> None:
    assert topology.loaded(json.loads(json.dumps(topology.plain(found)))) == found


@given(topologies())
@settings(max_examples=50, deadline=None)
def test_every_node_is_told(found: Topology) -> None:
    lines = [line.strip().removesuffix(", as above") for line in told(topology.outline(found))]
    assert {topology.words(each).strip() for each in every_node(found)} <= set(lines)


def test_fifty_workloads_are_one_row_each() -> None:
    nodes = [Node("lb", 0, "load balancer", "lb"), Node("l", 2, "listener", "l")]
    edges = [("lb", "l")]
    for number in range(50):
        chain = [Node(f"{number}-{column}", column, "x", "x") for column in (3, 4, 5)]
        nodes += chain
        edges += [("l", chain[0].key), (chain[0].key, chain[1].key), (chain[1].key, chain[2].key)]
    boxes = {each.node.key: each for each in svg.layout(Topology(tuple(nodes), tuple(edges)))}
    for number in range(50):
        assert len({boxes[f"{number}-{column}"].top for column in (3, 4, 5)}) == 1
    assert max(each.top for each in boxes.values()) == svg.MARGIN + 49 * svg.STEP


@pytest.mark.engine
def test_the_local_stack_is_drawn_as_it_always_was(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    config = yaml.safe_load((CHECKOUT / "Pulumi.local.yaml").read_text("utf-8"))["config"]
    prefix = "grpc-platform:"
    world.configure({key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})
    steps = world.run("preview", "--json").json()["steps"]
    found = topology.of_preview(steps)
    assert told(topology.outline(found)) == GOLDEN.read_text("utf-8").splitlines()
    assert svg.draw(found, "local") == svg.draw(topology.of_preview(steps[::-1]), "local")
