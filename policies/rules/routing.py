"""ALB019 to ALB022: which calls a listener rule matches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.unknown import UnknownValueError, known
from policies.rules import grpc
from policies.rules.conditions import conditions, given, priority, rules_beside, shadows, values
from policies.rules.forwarding import listener_of, targets
from policies.rules.intent import askers
from policies.rules.listeners import GROUP, edge, rule
from policies.rules.probes import workload
from policies.rules.tokens import LISTENER, LISTENER_RULE

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"
SERVICE_PATH: Final = re.compile(r"/((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)/[^/]*")
_VERSION: Final = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")
_TAG: Final = "grpc-services"


def to_grpc(resource: Resource, graph: Graph) -> list[Resource]:
    """The gRPC target groups that a listener or rule leads to."""
    return [each for each in targets(resource, graph) if grpc.speaks_grpc(each)]


def paths(resource: Resource) -> Iterator[tuple[str, str]]:
    """The path patterns of a rule, each with its path."""
    for where, condition in conditions(resource).get("pathPattern", ()):
        for place, each in enumerate(known(condition.get("values")) or ()):
            yield f"{where}.values[{place}]", str(known(each))


def _never(pattern: str) -> str:
    """Why a pattern matches no gRPC call, or more than one means; "" where it is fine."""
    start, wild, _ = pattern.partition("*")
    if not pattern.startswith(("/", "*")):
        return "does not begin with a slash, as every path does"
    if start.count("/") > 2 or (not wild and grpc.METHOD.fullmatch(pattern.replace("?", "x")) is None):
        return "is no /package.Service/Method, so no call matches"
    found = SERVICE_PATH.match(start)
    if found and _VERSION.fullmatch(found[1].rpartition(".")[2]):
        return f"names the package {found[1]} where a path has package and service, so no call matches"
    if wild and start.count("/") == 1 and re.fullmatch(r"/(?:[a-z_]\w*\.)+[A-Z]\w*", start):
        return f"has no slash after the service: it takes the calls of {start[1:]}2 as well"
    return ""


def _named(resource: Resource, context: Context) -> Iterator[Problem]:
    if not to_grpc(resource, context.graph):
        return
    given, found = conditions(resource), list(paths(resource))
    for where, pattern in found:
        why = _never(pattern)
        if why:
            yield Problem(where, f"{resource.shown(where)} {why}")
    blind = [where for where, pattern in found if set(pattern) <= set("/*")]
    if "pathPattern" not in given:
        blind = ["conditions"]
    if blind and not set(given) - {"pathPattern", "httpRequestMethod"}:
        yield Problem(
            blind[0], "takes the calls of every gRPC service, whatever its name, and no host tells them apart"
        )


_EXPRESSION: Final = {"pathPattern": {"regexValues": ["^/acme\\.orders\\.v1\\.Orders/.*$"]}}
_HOST: Final = {"hostHeader": {"values": ["orders.example.com"]}}


def _path(pattern: str) -> Example:
    return Example(pattern.replace("/", " ").replace("*", "all"), edge(one=rule("orders", path=pattern)), ("one",))


ALB019: Final = Rule(
    id="ALB019",
    title="The path of a gRPC rule names a service or method",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER_RULE,),
    check=_named,
    stack=True,
    why="The path of a call is /package.Service/Method. A pattern of another form matches nothing, or everything.",
    remedy="Write /package.Service/* or /package.Service/Method; /* only beside a host condition.",
    source=f"{_GUIDE}: Condition types for listener rules; grpc/grpc doc/PROTOCOL-HTTP2.md",
    bad=(
        _path("/acme.orders.v1.Orders"),
        _path("/acme.orders.v1/*"),
        _path("/acme.orders.v1.Orders*"),
        _path("/api/v1/orders/*"),
        _path("acme.orders.v1.Orders/*"),
        _path("/*"),
    ),
    good=(
        Example("a service", edge(one=rule("orders"))),
        Example("methods", edge(one=rule("orders", path="/acme.orders.v1.Orders/Get*"))),
        Example(
            "a host with every path",
            edge(one=rule("orders", conditions=[{"pathPattern": {"values": ["/*"]}}, _HOST])),
        ),
        Example("a regular expression", edge(one=rule("orders", conditions=[_EXPRESSION]))),
        Example("HTTP", edge(one=rule("web", path="/api/v1/*"))),
    ),
)


def _probed(graph: Graph) -> tuple[dict[str, list[str]], str]:
    """The gRPC services that readiness probes ask for, by their names in small letters; and why one is not known."""
    names, blind = graph.once(askers)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.lower(), []).append(name)
    return found, blind[0][1] if blind else ""


def _cased(resource: Resource, graph: Graph) -> Iterator[Problem]:
    """Services that pods have in another case: packages have small letters, and load balancers tell the difference."""
    for where, pattern in paths(resource):
        found = SERVICE_PATH.match(pattern)
        if found and "*" not in found[1] and found[1].rpartition(".")[0] != found[1].rpartition(".")[0].lower():
            by_letters, blind = graph.once(_probed)
            others = [name for name in by_letters.get(found[1].lower(), ()) if name != found[1]]
            if others:
                yield Problem(where, f"{found[1]} is {others[0]} in its pods' readiness probe, and case counts")
            elif blind:
                raise UnknownValueError(blind)


def _known(resource: Resource, context: Context) -> Iterator[Problem]:
    groups = to_grpc(resource, context.graph)
    if groups:
        yield from _cased(resource, context.graph)
    listed = set(context.options["services"])
    for each in groups:
        listed |= set(str(known(each.get("tags", {}).get(_TAG)) or "").split())
    if not listed or not groups:
        return
    for where, pattern in paths(resource):
        found = SERVICE_PATH.match(pattern)
        if found and "*" not in found[1] and found[1] not in listed:
            yield Problem(where, f"{found[1]} is none of the services behind it: {', '.join(sorted(listed))}")


_TAGGED: Final = {**GROUP, "properties": {**GROUP["properties"], "tags": {_TAG: "acme.orders.v1.Orders"}}}
ALB020: Final = Rule(
    id="ALB020",
    title="The path of a gRPC rule names a service that exists",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LISTENER_RULE,),
    check=_known,
    stack=True,
    why="A misspelled service matches no call: its callers get what the default action says.",
    remedy=f"Correct the path, or the list of services: the target group's tag {_TAG} or this rule's `services`.",
    source="grpc/grpc doc/PROTOCOL-HTTP2.md, Requests",
    options={
        "services": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "gRPC services that exist, beside those in the tags of target groups.",
            }
        )
    },
    bad=(
        Example("misspelled", edge(orders=_TAGGED, one=rule("orders", path="/acme.order.v1.Orders/*")), ("one",)),
        Example(
            "another case than in the pods",
            edge(one=rule("orders", path="/Acme.Orders.V1.Orders/*"), pods=workload()),
            about=("one",),
        ),
        Example("wrong case", edge(orders=_TAGGED, one=rule("orders", path="/acme.orders.v1.orders/Get")), ("one",)),
    ),
    good=(
        Example("as in the list", edge(orders=_TAGGED, one=rule("orders"))),
        Example("no list", edge(one=rule("orders"))),
    ),
)


def _shadowed(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    own, mine = priority(resource), graph.remembered(given, resource)
    beside = rules_beside(resource, graph)
    for before, other in beside.candidates(mine):
        if own is not None and before < own and shadows(graph.remembered(given, other), mine):
            yield Problem("conditions", f"never reached: {other.name}, with priority {before:g}, takes the same calls")
            return
    beside.refuse_blind(resource)


_WIDE: Final = rule("web", path="/*", priority=5)
ALB021: Final = Rule(
    id="ALB021",
    title="Every listener rule can be reached",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER_RULE,),
    check=_shadowed,
    stack=True,
    why="The first rule that matches wins. One behind a wider one gets no call, and nothing says so.",
    remedy="Give the narrower rule the smaller priority.",
    source=f"{_GUIDE}: Listener rules, rule priority",
    bad=(
        Example("behind a rule for everything", edge(wide=_WIDE, one=rule("orders")), about=("one",)),
        Example("twice the same", edge(first=rule("orders", priority=9), one=rule("orders")), about=("one",)),
    ),
    good=(
        Example("before the wider one", edge(wide=rule("web", path="/*", priority=50), one=rule("orders"))),
        Example(
            "another host",
            edge(
                wide=rule("web", priority=5, conditions=[{"hostHeader": {"values": ["web.example.com"]}}]),
                one=rule("orders", conditions=[_HOST]),
            ),
        ),
    ),
)


def _quota(resource: Resource, context: Context) -> Iterator[Problem]:
    if resource.kind == LISTENER:
        rules = context.graph.users(resource, LISTENER_RULE)
        found = sum(listener_of(each, context.graph) is resource for each in rules)
        if found > context.options["rules"]:
            yield Problem("", f"has {found} rules; at most {context.options['rules']}")
        return
    given = [each for conditions_ in conditions(resource).values() for _, one in conditions_ for each in values(one)]
    if len(given) > 5:
        yield Problem("conditions", f"{len(given)} values; a rule has at most 5")
    wild = sum(each.count("*") + each.count("?") for each in given)
    if wild > 5:
        yield Problem("conditions", f"{wild} wildcards; a rule has at most 5")
    for where, pattern in paths(resource):
        if len(pattern) > 128:
            yield Problem(where, f"{len(pattern)} characters; a path pattern has at most 128")
    own, beside = priority(resource), rules_beside(resource, context.graph)
    if own is None:
        return
    for other in beside.by_priority.get(own, ()):
        if other is not resource:
            yield Problem("priority", f"{own:g} is also that of {other.name}; each is taken once on a listener")
    beside.refuse_blind(resource)


_MANY: Final = [{"pathPattern": {"values": [f"/acme.S{place}/*" for place in range(6)]}}]
ALB022: Final = Rule(
    id="ALB022",
    title="Listener rules keep AWS's limits",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER_RULE, LISTENER),
    check=_quota,
    stack=True,
    why="AWS refuses what goes beyond, in the middle of a deployment.",
    remedy="Split the rule in two, and give each a priority of its own.",
    source=f"{_GUIDE}: Quotas for your Application Load Balancers; API Reference, CreateRule",
    options={
        "rules": Option(
            {
                "type": "integer",
                "minimum": 1,
                "default": 100,
                "description": "Most rules of a listener: the account's quota.",
            }
        )
    },
    bad=(
        Example("six values", edge(one=rule("orders", conditions=_MANY)), about=("one",)),
        Example("the same priority", edge(one=rule("orders"), two=rule("web", path="/healthz")), about=("one", "two")),
        Example(
            "a hundred and one",
            edge(**{f"r{place}": rule("orders", path=f"/acme.S{place}/*", priority=place + 1) for place in range(101)}),
            about=("https",),
        ),
    ),
    good=(Example("two rules", edge(one=rule("orders"), two=rule("web", path="/healthz", priority=11))),),
)

RULES: Final = (ALB019, ALB020, ALB021, ALB022)
