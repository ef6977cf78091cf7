"""LAT005 to LAT007, LAT016, LAT020, LAT022: where listeners and rules of VPC Lattice lead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, flag
from policies.engine.rule import ADVISORY, HIGH, LOW, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import Unknown, UnknownValueError, is_unknown, known
from policies.rules import grpc
from policies.rules.lattice import LISTENER, RULE, TARGETS, speaks_grpc, targets
from policies.rules.relations import one_of

_GUIDE: Final = "VPC Lattice user guide"
_API: Final = "VPC Lattice API Reference"
_ACTIONS: Final = {LISTENER: "defaultAction", RULE: "action"}
_TLS: Final = "TLS_PASSTHROUGH"
# /package.Service/ and, at will, how its methods begin; "/" alone is everything.
_PREFIX: Final = re.compile(r"/|/(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*/\w*")


def forwards(resource: Resource) -> Iterator[tuple[str, Any]]:
    """Each place of a target group in the action of a listener or rule, with what stands there."""
    action = _ACTIONS[resource.kind]
    lists = [each for each, _ in resource.items(f"{action}.forwards")] if resource.kind == LISTENER else []
    for place in lists or [f"{action}.forward"]:
        for path, _ in resource.items(f"{place}.targetGroups"):
            yield f"{path}.targetGroupIdentifier", resource.get(f"{path}.targetGroupIdentifier")


def led_to(resource: Resource, graph: Graph) -> list[Resource]:
    """The target groups that a listener or rule forwards to, as far as they are in the program.

    Raises UnknownValueError where one is not known and nothing says what it was made of.
    """
    action = _ACTIONS[resource.kind]
    made = graph.made_of(resource, action, TARGETS)
    found: dict[str, Resource] = {}
    for path, value in forwards(resource):
        group = None if is_unknown(value) else graph.by_identity(str(value))
        if group is not None and group.kind == TARGETS:
            found[group.urn] = group
        elif is_unknown(value) and not made:
            raise UnknownValueError(f"{resource.name}: {path}")
        elif group is None:
            found |= {each.urn: each for each in made}
    return list(found.values())


def protocol(resource: Resource, graph: Graph) -> str:
    """The protocol of a listener, or of a rule's listener; "" where that is none of the program's."""
    listener = resource if resource.kind == LISTENER else one_of(resource, "listenerIdentifier", graph, LISTENER)
    return str(known(listener.get("protocol", ""))).upper() if listener is not None else ""


def _to_grpc(resource: Resource, graph: Graph) -> Resource | None:
    """A gRPC target group that a listener or rule forwards to."""
    return next((each for each in led_to(resource, graph) if speaks_grpc(each)), None)


def _https(resource: Resource, context: Context) -> Iterator[Problem]:
    group = _to_grpc(resource, context.graph)
    if group is not None and protocol(resource, context.graph) == "HTTP":
        yield Problem(_ACTIONS[resource.kind], f"leads to the gRPC target group {group.name} from a listener of HTTP")


def listener(*made: str, protocol: Any = "HTTPS", action: Any = None) -> Mapping[str, Any]:
    """A listener that answers 404, or leads to target groups that it was made of."""
    groups = [{"targetGroupIdentifier": Unknown("targetGroupIdentifier"), "weight": 100} for _ in made]
    usual = {"forwards": [{"targetGroups": groups}]} if made else {"fixedResponse": {"statusCode": 404}}
    return {
        "type": "aws:vpclattice/listener:Listener",
        "properties": {
            "protocol": protocol,
            "serviceIdentifier": "svc-0123456789abcdef0",
            "defaultAction": action or usual,
        },
        "made_of": {"defaultAction": made} if made else {},
    }


def rule(*made: str, path: Any = None, method: Any = "POST") -> Mapping[str, Any]:
    """A rule of the listener `https` for one service that leads to target groups."""
    groups = [{"targetGroupIdentifier": Unknown("targetGroupIdentifier"), "weight": 100} for _ in made]
    match = {"pathMatch": {"match": path or {"prefix": "/acme.orders.v1.Orders/"}}}
    return {
        "type": "aws:vpclattice/listenerRule:ListenerRule",
        "properties": {
            "priority": 10,
            "serviceIdentifier": "svc-0123456789abcdef0",
            "match": {"httpMatch": {**match, **({"method": method} if method else {})}},
            "action": {"forward": {"targetGroups": groups}},
        },
        "made_of": {"listenerIdentifier": ("https",), "action": made},
    }


_WEB: Final = targets(protocolVersion="HTTP1", port=8080)
_TCP: Final = targets(protocol="TCP", protocolVersion=None)


def _routed(**more: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A listener with a rule to gRPC targets, but for what is given."""
    return {"https": listener(), "one": rule("orders"), "orders": targets(), "web": _WEB, **more}


_GOOD: Final = Example("HTTPS, and HTTP for the web", _routed(http=listener("web", protocol="HTTP")))

LAT005: Final = Rule(
    id="LAT005",
    title="gRPC targets of Lattice are behind HTTPS",
    severity=HIGH,
    level=ADVISORY,
    kinds=(LISTENER, RULE),
    check=_https,
    stack=True,
    why=(
        "Listeners choose HTTP/2 by ALPN, which is part of TLS; without it they speak HTTP/1.1. AWS accepts such a "
        "pair, so that nothing fails before the first call."
    ),
    remedy="Set the listener's protocol to HTTPS. It makes a new listener.",
    source=(
        f"{_GUIDE}: Listeners; aws-solutions-library-samples/guidance-for-external-connectivity-amazon-vpc-lattice#8"
    ),
    replaces=True,
    bad=(
        Example("a rule", _routed(https=listener(protocol="HTTP")), about=("one",)),
        Example("a listener", _routed(plain=listener("orders", protocol="HTTP")), about=("plain",)),
    ),
    good=(_GOOD,),
)


def _on_tls(resource: Resource, context: Context) -> Iterator[Problem]:
    if protocol(resource, context.graph) == _TLS:
        yield Problem("listenerIdentifier", f"is a listener of {_TLS}, which has its default action alone")


LAT006: Final = Rule(
    id="LAT006",
    title="Listeners that pass TLS through have no rules",
    severity=HIGH,
    level=MANDATORY,
    kinds=(RULE,),
    check=_on_tls,
    stack=True,
    why="Lattice cannot read path or method of what it does not decrypt, and AWS refuses the rule.",
    remedy="Set the listener's protocol to HTTPS, or lead its default action to the targets.",
    source=f"{_GUIDE}: TLS listeners",
    bad=(Example("a rule by path", _routed(https=listener("tcp", protocol=_TLS), tcp=_TCP), about=("one",)),),
    good=(
        _GOOD,
        Example("the default action alone", _routed(tls=listener("tcp", protocol=_TLS), tcp=_TCP)),
    ),
)


def _matched(resource: Resource, context: Context) -> Iterator[Problem]:
    if _to_grpc(resource, context.graph) is None:
        return
    where = "match.httpMatch.pathMatch.match"
    prefix, exact = known(resource.get(f"{where}.prefix")), known(resource.get(f"{where}.exact"))
    if prefix is not None and not _PREFIX.fullmatch(str(prefix)):
        shown = resource.shown(f"{where}.prefix")
        yield Problem(f"{where}.prefix", f"must be /package.Service/ with a slash at its end; received {shown}")
    if exact is not None and not grpc.METHOD.fullmatch(str(exact)):
        shown = resource.shown(f"{where}.exact")
        yield Problem(f"{where}.exact", f"must be a method, /package.Service/Method; received {shown}")
    method = known(resource.get("match.httpMatch.method"))
    if method is not None and str(method).upper() != "POST":
        yield Problem("match.httpMatch.method", f"{method} is the method of no gRPC call; they are all POST")


def _matching(title: str, **given: Any) -> Example:
    return Example(title, _routed(one=rule("orders", **given)), about=("one",))


LAT007: Final = Rule(
    id="LAT007",
    title="Lattice rules match gRPC as it is called",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(RULE,),
    check=_matched,
    stack=True,
    why="A call is POST /package.Service/Method. A prefix without the slash takes Orders2 too; GET takes nothing.",
    remedy="Set match.httpMatch.pathMatch.match.prefix to /package.Service/, and leave method out or set it to POST.",
    source="grpc/grpc doc/PROTOCOL-HTTP2.md; VPC Lattice API Reference, PathMatchType",
    bad=(
        _matching("no slash", path={"prefix": "/acme.orders.v1.Orders"}),
        _matching("a package", path={"prefix": "/acme.orders."}),
        _matching("a service where a method is meant", path={"exact": "/acme.orders.v1.Orders"}),
        _matching("GET", method="GET"),
    ),
    good=(
        _GOOD,
        Example("a method, by any verb", _routed(one=rule("orders", path={"exact": "/acme.Orders/Get"}, method=None))),
        Example("everything", _routed(one=rule("orders", path={"prefix": "/"}))),
        Example("HTTP", _routed(one=rule("web", path={"prefix": "/docs"}, method="GET"))),
    ),
)


def _blind(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if protocol(resource, graph) == _TLS:
        return
    group = _to_grpc(resource, graph)
    if group is not None and any(_to_grpc(each, graph) is not None for each in graph.users(resource, RULE)):
        yield Problem("defaultAction", f"leads every call that no rule takes to {group.name}")


LAT016: Final = Rule(
    id="LAT016",
    title="What no Lattice rule takes is answered, not forwarded",
    severity=LOW,
    level=ADVISORY,
    kinds=(LISTENER,),
    check=_blind,
    stack=True,
    why=(
        "With rules for each gRPC service, a call that none takes is a mistake. Forwarded, it goes around what the "
        "rules say; answered with 404, the client reads UNIMPLEMENTED."
    ),
    remedy="Set defaultAction.fixedResponse.statusCode to 404.",
    source=f"{_API}, FixedResponseAction; grpc/grpc doc/http-grpc-status-mapping.md",
    bad=(Example("rules, and everything else", _routed(https=listener("orders")), about=("https",)),),
    good=(
        _GOOD,
        Example("no rules: the default is all there is", {"https": listener("orders"), "orders": targets()}),
    ),
)


def _composed(resource: Resource, _: Context) -> Iterator[Problem]:
    kind, config = str(known(resource.get("type", "IP"))).upper(), known(resource.get("config"))
    if kind in ("LAMBDA", "ALB") and speaks_grpc(resource):
        return  # LAT014's
    if config is not None and not isinstance(config, Mapping):
        yield Problem("config", f"must be a map; received {resource.shown('config')}")
    elif kind == "LAMBDA":
        if set(config or ()) - {"lambdaEventStructureVersion"}:
            yield Problem("config", "is for addresses, instances and load balancers; functions take none")
    elif config is None:
        yield Problem("config", f"missing, and targets of type {kind} need port, protocol and vpcIdentifier")
    else:
        for key in ("port", "protocol", "vpcIdentifier"):
            if config.get(key) is None:
                yield Problem(f"config.{key}", f"missing, and targets of type {kind} need it")
        checked = flag(known(resource.get("config.healthCheck.enabled")), default=True)
        if kind == "ALB" and config.get("healthCheck") is not None and checked:
            yield Problem("config.healthCheck", "is refused for a load balancer, which checks its own targets")
        if str(known(config.get("protocol", ""))).upper() == "TCP" and known(config.get("protocolVersion")) is not None:
            yield Problem("config.protocolVersion", "is none of TCP's")


def _typed(kind: str, config: Any) -> Mapping[str, Any]:
    given = {"type": kind, "config": config}
    return {
        "type": "aws:vpclattice/targetGroup:TargetGroup",
        "properties": {key: value for key, value in given.items() if value is not None},
    }


_WHOLE: Final = {"port": 443, "protocol": "HTTPS", "vpcIdentifier": "vpc-0123456789abcdef0"}


def _wrong(title: str, made: Mapping[str, Any]) -> Example:
    return Example(title, {"orders": made}, about=("orders",))


LAT020: Final = Rule(
    id="LAT020",
    title="Lattice target groups have the settings of their type",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(TARGETS,),
    check=_composed,
    why="AWS or the provider refuses others in the middle of a deployment.",
    remedy="Leave out what the type does not take, and give port, protocol and vpcIdentifier to the others.",
    source=f"{_API}, TargetGroupConfig; hashicorp/terraform-provider-aws, vpclattice_target_group",
    bad=(
        _wrong("a function with a port", _typed("LAMBDA", _WHOLE)),
        _wrong("addresses without anything", _typed("IP", None)),
        _wrong("addresses without a VPC", targets(vpcIdentifier=None)),
        _wrong("a load balancer with a check", _typed("ALB", {**_WHOLE, "healthCheck": {"path": "/"}})),
        _wrong("a version of TCP", targets(protocol="TCP", protocolVersion="HTTP1")),
    ),
    good=(
        Example(
            "one of each",
            {
                "function": _typed("LAMBDA", {"lambdaEventStructureVersion": "V2"}),
                "orders": targets(),
                "edge": _typed("ALB", _WHOLE),
                "tcp": _TCP,
            },
        ),
    ),
)


def _paired(resource: Resource, context: Context) -> Iterator[Problem]:
    passed = protocol(resource, context.graph)
    if resource.kind == LISTENER and passed == _TLS and not any(True for _ in forwards(resource)):
        yield Problem("defaultAction", f"must forward: a listener of {_TLS} cannot answer by itself")
    for group in led_to(resource, context.graph) if passed else ():
        tcp = str(known(group.get("config.protocol", ""))).upper() == "TCP"
        if passed == _TLS and not tcp:
            yield Problem(_ACTIONS[resource.kind], f"passes TLS through to {group.name}, whose protocol is not TCP")
        elif passed != _TLS and tcp:
            yield Problem(_ACTIONS[resource.kind], f"leads to {group.name} of TCP from a listener of {passed}")


LAT022: Final = Rule(
    id="LAT022",
    title="TCP targets of Lattice and listeners that pass TLS through go together",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER, RULE),
    check=_paired,
    stack=True,
    why="AWS refuses any other pair. To route gRPC by its path, Lattice must decrypt it.",
    remedy="For gRPC set the listener's protocol to HTTPS, and the target group's to HTTP or HTTPS.",
    source=f"{_GUIDE}: TLS listeners",
    bad=(
        Example("TLS to gRPC", _routed(tls=listener("orders", protocol=_TLS)), about=("tls",)),
        Example("TLS that is answered", _routed(tls=listener(protocol=_TLS)), about=("tls",)),
        Example("HTTPS to TCP", _routed(one=rule("tcp"), tcp=_TCP), about=("one",)),
    ),
    good=(_GOOD, Example("TLS to TCP", _routed(tls=listener("tcp", protocol=_TLS), tcp=_TCP))),
)

RULES: Final = (LAT005, LAT006, LAT007, LAT016, LAT020, LAT022)
