"""LAT009, LAT011 to LAT013, LAT015, LAT019: who reaches a Lattice service, for how long, and what is written of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.unknown import known
from policies.rules.lattice import NETWORK, POLICY, SERVICE, TARGETS, speaks_grpc, targets
from policies.rules.relations import attached, one_of

VPC_ASSOCIATION: Final = "aws:vpclattice:ServiceNetworkVpcAssociation"
SERVICE_ASSOCIATION: Final = "aws:vpclattice:ServiceNetworkServiceAssociation"
_LOGS: Final = "aws:vpclattice:AccessLogSubscription"
_ENDPOINT: Final = "aws:ec2:VpcEndpoint"
_SHARED: Final = "aws:ram:ResourceAssociation"
_GUIDE: Final = "VPC Lattice user guide"
_API: Final = "VPC Lattice API Reference"
# A connection through Lattice ends after that, whatever is sent on it.
_LONGEST: Final = 600


def _governed(resource: Resource, context: Context) -> Iterator[Problem]:
    if known(resource.get("authType", "NONE")) != "AWS_IAM":
        return  # LAT008's
    if not attached(resource, context.graph, "resourceIdentifier", POLICY):
        yield Problem("authType", "is AWS_IAM, and no auth policy of the program says who may call")


def _made(kind: str, made_of: Mapping[str, tuple[str, ...]] | None = None, **properties: Any) -> Mapping[str, Any]:
    token = kind[0].lower() + kind[1:]
    given = {"type": f"aws:vpclattice/{token}:{kind}", "properties": properties}
    return {**given, "made_of": made_of} if made_of else given


_NETWORK: Final = _made("ServiceNetwork", name="shared", authType="AWS_IAM")
_SERVICE: Final = _made("Service", name="orders", authType="AWS_IAM")
_POLICY: Final = _made("AuthPolicy", {"resourceIdentifier": ("network",)}, policy="{}")
_OTHERS: Final = _made("AuthPolicy", policy="{}", resourceIdentifier="sn-0fedcba9876543210")

LAT009: Final = Rule(
    id="LAT009",
    title="What authenticates by IAM has an auth policy",
    severity=HIGH,
    level=ADVISORY,
    kinds=(NETWORK, SERVICE),
    check=_governed,
    stack=True,
    why="Without a policy every call is denied, signed or not.",
    remedy="Give an aws.vpclattice.AuthPolicy for it.",
    source=f"{_GUIDE}: Control access to services using auth policies, How authorization works",
    bad=(
        Example("a network", {"network": _NETWORK}, about=("network",)),
        Example("a service, and a policy of another's", {"orders": _SERVICE, "policy": _OTHERS}, about=("orders",)),
    ),
    good=(
        Example("a policy", {"network": _NETWORK, "policy": _POLICY}),
        Example("open to all, which is another rule's", {"network": _made("ServiceNetwork", name="shared")}),
    ),
)


def _services(network: Resource, graph: Graph) -> list[Resource | None]:
    """The services of a network; None for one outside the program."""
    found = attached(network, graph, "serviceNetworkIdentifier", SERVICE_ASSOCIATION)
    return [one_of(each, "serviceIdentifier", graph, SERVICE) for each in found]


def _logged(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if attached(resource, graph, "resourceIdentifier", _LOGS):
        return
    services = _services(resource, graph)
    if not services or any(
        each is not None and not attached(each, graph, "resourceIdentifier", _LOGS) for each in services
    ):
        yield Problem("", "has no access log subscription, nor has each Lattice service in it")


def _joined(**more: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A service in a network that a VPC has joined, but for what is given."""
    return {
        "network": _NETWORK,
        "orders": _SERVICE,
        "joins": _made(
            "ServiceNetworkServiceAssociation",
            {"serviceNetworkIdentifier": ("network",), "serviceIdentifier": ("orders",)},
        ),
        "vpc": _associated(),
        **more,
    }


def _associated(**properties: Any) -> Mapping[str, Any]:
    usual = {"vpcIdentifier": "vpc-0123456789abcdef0", "securityGroupIds": ["sg-0123456789abcdef0"]}
    given = {key: value for key, value in {**usual, **properties}.items() if value is not None}
    return _made("ServiceNetworkVpcAssociation", {"serviceNetworkIdentifier": ("network",)}, **given)


def _without(*names: str) -> Mapping[str, Mapping[str, Any]]:
    return {name: each for name, each in _joined().items() if name not in names}


def _subscribed(to: str) -> Mapping[str, Any]:
    destination = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/vendedlogs/lattice"
    return _made("AccessLogSubscription", {"resourceIdentifier": (to,)}, destinationArn=destination)


LAT011: Final = Rule(
    id="LAT011",
    title="Calls through a Lattice network are logged",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(NETWORK,),
    check=_logged,
    stack=True,
    why="Who called what, and why it was denied, stands in the access logs and nowhere else.",
    remedy="Give an aws.vpclattice.AccessLogSubscription for the network, or for each Lattice service in it.",
    source=f"{_GUIDE}: Access logs for VPC Lattice",
    bad=(
        Example("none", {"network": _NETWORK}, about=("network",)),
        Example("none of the service either", _joined(), about=("network",)),
    ),
    good=(
        Example("the network's", _joined(logs=_subscribed("network"))),
        Example("the service's", _joined(logs=_subscribed("orders"))),
    ),
)


def _open_to_clients(network: Resource, graph: Graph) -> bool:
    """Whether some VPC, endpoint or other account is let into a network."""
    ways = ((VPC_ASSOCIATION, "serviceNetworkIdentifier"), (_ENDPOINT, "serviceNetworkArn"), (_SHARED, "resourceArn"))
    return any(attached(network, graph, path, kind) for kind, path in ways)


def _reachable(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    joins = attached(resource, graph, "serviceIdentifier", SERVICE_ASSOCIATION)
    if not joins:
        if not attached(resource, graph, "resourceArn", _SHARED):
            yield Problem("", "is in no service network, so that nobody can call it")
        return
    networks = [one_of(each, "serviceNetworkIdentifier", graph, NETWORK) for each in joins]
    inside = [each for each in networks if each is not None]
    if len(inside) == len(networks) and not any(_open_to_clients(each, graph) for each in inside):
        names = ", ".join(each.name for each in inside)
        yield Problem("", f"is in {names} alone, which no VPC is associated with")


LAT012: Final = Rule(
    id="LAT012",
    title="Lattice services can be reached",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(SERVICE,),
    check=_reachable,
    stack=True,
    why="Clients reach a Lattice service through a network that their VPC is associated with, and in no other way.",
    remedy="Associate the Lattice service with a service network, and the network with the clients' VPC.",
    source=f"{_GUIDE}: Service networks, associations",
    bad=(
        Example("in no network", {"orders": _SERVICE, "network": _NETWORK}, about=("orders",)),
        Example("in a network without a VPC", _without("vpc"), about=("orders",)),
    ),
    good=(
        Example("a VPC", _joined()),
        Example(
            "an endpoint",
            {
                **_without("vpc"),
                "endpoint": {
                    "type": "aws:ec2/vpcEndpoint:VpcEndpoint",
                    "properties": {"vpcEndpointType": "ServiceNetwork", "vpcId": "vpc-0123456789abcdef0"},
                    "made_of": {"serviceNetworkArn": ("network",)},
                },
            },
        ),
        Example(
            "a network of others",
            {
                "orders": _SERVICE,
                "joins": _made(
                    "ServiceNetworkServiceAssociation",
                    {"serviceIdentifier": ("orders",)},
                    serviceNetworkIdentifier="sn-0fedcba9876543210",
                ),
            },
        ),
    ),
)


def _guarded(resource: Resource, _: Context) -> Iterator[Problem]:
    groups = known(resource.get("securityGroupIds")) or ()
    if not groups:
        yield Problem("securityGroupIds", "missing: whatever is in the VPC may call")
    elif len(groups) > 5:
        yield Problem("securityGroupIds", f"has {len(groups)} groups; AWS takes five")


LAT013: Final = Rule(
    id="LAT013",
    title="VPC associations of Lattice have security groups",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(VPC_ASSOCIATION,),
    check=_guarded,
    why="They say which clients of the VPC may call. AWS puts none there by itself.",
    remedy="Set securityGroupIds to one to five security groups.",
    source=f"{_API}, CreateServiceNetworkVpcAssociation",
    bad=(
        Example("none", {"network": _NETWORK, "vpc": _associated(securityGroupIds=None)}, about=("vpc",)),
        Example("an empty list", {"network": _NETWORK, "vpc": _associated(securityGroupIds=[])}, about=("vpc",)),
        Example(
            "six",
            {"network": _NETWORK, "vpc": _associated(securityGroupIds=[f"sg-{place}" for place in range(6)])},
            about=("vpc",),
        ),
    ),
    good=(Example("one", {"network": _NETWORK, "vpc": _associated()}),),
)


def _streams(resource: Resource, context: Context) -> Iterator[Problem]:
    if resource.kind == TARGETS and not speaks_grpc(resource):
        return
    tags = known(resource.get("tags")) or {}
    tag = context.options["tag"]
    given = known(tags.get(tag))
    if given is None:
        return
    seconds = number(given)
    if seconds is None:
        yield Problem(f"tags.{tag}", f"must be a number of seconds; received {resource.shown(f'tags.{tag}')}")
    elif seconds > _LONGEST:
        yield Problem(f"tags.{tag}", f"says streams of {seconds:g} s; Lattice ends every connection after {_LONGEST}")


def _tagged(seconds: Any) -> Mapping[str, Any]:
    return _made("Service", name="orders", authType="AWS_IAM", tags={"longest-stream": seconds})


LAT015: Final = Rule(
    id="LAT015",
    title="Streams through Lattice end within ten minutes",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(SERVICE, TARGETS),
    check=_streams,
    why="Lattice ends a connection ten minutes after it began; no setting changes that, nor does an idle timeout.",
    remedy="Let clients open the stream anew before that, or use an application load balancer.",
    source=f"{_API}, CreateService, idleTimeoutSeconds",
    options={
        "tag": Option(
            {
                "type": "string",
                "default": "longest-stream",
                "description": "The tag that says how many seconds the longest stream of a Lattice service takes.",
            }
        )
    },
    bad=(
        Example("an hour", {"orders": _tagged("3600")}, about=("orders",)),
        Example("no number", {"orders": _tagged("long")}, about=("orders",)),
        Example(
            "an hour, of a target group",
            {"orders": {**targets(), "properties": {**targets()["properties"], "tags": {"longest-stream": 3600}}}},
            about=("orders",),
        ),
    ),
    good=(Example("five minutes", {"orders": _tagged("300"), "other": _SERVICE}),),
)


def _idle(resource: Resource, _: Context) -> Iterator[Problem]:
    given = known(resource.get("idleTimeoutSeconds"))
    seconds = number(given)
    if given is not None and (seconds is None or not 60 <= seconds <= _LONGEST):
        yield Problem(
            "idleTimeoutSeconds", f"must be 60 to {_LONGEST} s; received {resource.shown('idleTimeoutSeconds')}"
        )


def _quiet(seconds: Any) -> Mapping[str, Any]:
    return _made("Service", name="orders", authType="AWS_IAM", idleTimeoutSeconds=seconds)


LAT019: Final = Rule(
    id="LAT019",
    title="The idle timeout of a Lattice service is one that AWS takes",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(SERVICE,),
    check=_idle,
    why="AWS refuses others in the middle of a deployment.",
    remedy="Set idleTimeoutSeconds to 60 to 600.",
    source=f"{_API}, CreateService, idleTimeoutSeconds",
    bad=(
        Example("an hour", {"orders": _quiet(3600)}, about=("orders",)),
        Example("a second, as text", {"orders": _quiet("1")}, about=("orders",)),
        Example("no number", {"orders": _quiet("off")}, about=("orders",)),
    ),
    good=(Example("five minutes", {"orders": _quiet(300), "text": _quiet("300"), "default": _SERVICE}),),
)

RULES: Final = (LAT009, LAT011, LAT012, LAT013, LAT015, LAT019)
