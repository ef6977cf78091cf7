"""ALB034 to ALB036: what AWS refuses of load balancers, their listeners and target groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules.forwarding import balancer_of, targets
from policies.rules.listeners import BALANCER, edge, listener, rule
from policies.rules.load_balancers import PLAIN, bad, balancer, good, is_application
from policies.rules.tokens import LISTENER, LISTENER_RULE, LOAD_BALANCER, TARGET_GROUP

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"


def _zones(resource: Resource, _: Context) -> Iterator[Problem]:
    # On an Outpost there is one subnet, and a pool of addresses of one's own says so.
    if not is_application(resource) or resource.get("customerOwnedIpv4Pool") is not None:
        return
    given = "subnetMappings" if resource.get("subnetMappings") is not None else "subnets"
    found = known(resource.get(given)) or ()
    if len(found) < 2:
        yield Problem(given, f"{len(found)} given; an application load balancer has subnets in two zones or more")


ALB034: Final = Rule(
    id="ALB034",
    title="Application load balancers are in two zones",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LOAD_BALANCER,),
    check=_zones,
    why="AWS refuses fewer, in the middle of a deployment.",
    remedy="Give subnets of two availability zones.",
    source="Elastic Load Balancing API Reference, CreateLoadBalancer",
    bad=(bad("one subnet", subnets=["subnet-a"]), bad("none", subnets=None)),
    good=(
        PLAIN,
        good("mappings", subnets=None, subnetMappings=[{"subnetId": "subnet-a"}, {"subnetId": "subnet-b"}]),
        Example("a network load balancer", {"edge": balancer(loadBalancerType="network", subnets=["subnet-a"])}),
    ),
)


def _trust(resource: Resource, _: Context) -> Iterator[Problem]:
    mode, store = known(resource.get("mutualAuthentication.mode")), resource.get("mutualAuthentication.trustStoreArn")
    if mode is not None and mode not in ("off", "verify", "passthrough"):
        yield Problem("mutualAuthentication.mode", f"must be off, verify or passthrough; received {mode}")
    elif mode == "verify" and store is None:
        yield Problem("mutualAuthentication.trustStoreArn", "missing, and mode verify has nothing to verify with")
    elif mode != "verify" and store is not None:
        yield Problem("mutualAuthentication.mode", f"{mode} beside a trust store: certificates are not verified")
    if mode not in (None, "off") and str(known(resource.get("protocol", "HTTP"))).upper() != "HTTPS":
        yield Problem("mutualAuthentication.mode", "asks for certificates on a listener that is not HTTPS")


_STORE: Final = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/partners/0123456789abcdef"


def _mutual(**given: Any) -> Mapping[str, Mapping[str, Any]]:
    return edge(https=listener(mutualAuthentication=given), one=rule("orders"))


ALB036: Final = Rule(
    id="ALB036",
    title="Client certificates are verified against a trust store",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER,),
    check=_trust,
    why="AWS refuses verify without a trust store; passthrough hands any certificate on, unverified.",
    remedy="Set mutualAuthentication.mode to verify together with trustStoreArn, or leave both out.",
    source=f"{_GUIDE}: Mutual authentication with TLS",
    bad=(
        Example("nothing to verify with", _mutual(mode="verify"), about=("https",)),
        Example("a store that is not used", _mutual(mode="passthrough", trustStoreArn=_STORE), about=("https",)),
        Example("wrong case", _mutual(mode="Verify", trustStoreArn=_STORE), about=("https",)),
    ),
    good=(
        Example("verified", _mutual(mode="verify", trustStoreArn=_STORE)),
        Example("handed on", _mutual(mode="passthrough")),
        Example("off", _mutual(mode="off")),
    ),
)


def _one_balancer(resource: Resource, context: Context) -> Iterator[Problem]:
    graph, found = context.graph, {}
    for each in graph.users(resource, LISTENER, LISTENER_RULE):
        balancer = balancer_of(each, graph) if resource in targets(each, graph) else None
        if balancer is not None:
            found[balancer.urn] = balancer.name
    if len(found) > 1:
        yield Problem("", f"is behind {len(found)} load balancers: {', '.join(sorted(found.values()))}; AWS allows one")


_SECOND: Final = {
    "other": BALANCER,
    "https2": {**listener(), "made_of": {"loadBalancerArn": ("other",)}},
    "two": {**rule("orders"), "made_of": {"listenerArn": ("https2",), "actions": ("orders",)}},
}
ALB035: Final = Rule(
    id="ALB035",
    title="A target group is behind one load balancer",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_one_balancer,
    stack=True,
    why="AWS refuses the second one, in the middle of a deployment.",
    remedy="Make a target group for each load balancer, and bind both to the Service.",
    source=f"{_GUIDE}: Quotas for your Application Load Balancers",
    bad=(
        Example("two load balancers", edge(one=rule("orders"), **_SECOND), about=("orders",)),
        Example(
            "a listener's default, and a rule elsewhere",
            edge(
                plain=listener("orders", port=8443, defaultActions=rule("orders")["properties"]["actions"]), **_SECOND
            ),
            about=("orders",),
        ),
    ),
    good=(Example("two rules of one", edge(one=rule("orders"), two=rule("orders", path="/a.B/*", priority=11))),),
)

RULES: Final = (ALB034, ALB035, ALB036)
