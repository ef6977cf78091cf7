"""EKS006, EKS008, EKS009: the controllers of load balancers and VPC Lattice, and the subnets they choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, flag
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import is_unknown, known
from policies.rules import gateways, releases
from policies.rules.clusters import CLUSTER, cluster
from policies.rules.ingresses import PREFIX, is_albs, notes, parameters
from policies.rules.presence import BUNDLES
from policies.rules.releases import LATTICE_CHART, LBC_CHART, RELEASE, release
from policies.rules.tokens import DEPLOYMENT, GRPC_ROUTE, INGRESS

ASSOCIATION: Final = "aws:eks:PodIdentityAssociation"
_ADDON: Final = "aws:eks:Addon"
_ACCOUNT: Final = ":ServiceAccount"
_SUBNET: Final = "aws:ec2:Subnet"
_TAG: Final = "aws:ec2:Tag"
_ROLE: Final = "eks.amazonaws.com/role-arn"
_PAGE: Final = "AWS Load Balancer Controller guide"
# GRPCRoutes came with release 2.14.0, which chart 1.14.0 installs; from 3.0 on chart and release have one number.
_ROUTES_SINCE: Final = (2, 14)
_CHARTS: Final = {gateways.ALB: LBC_CHART, gateways.LATTICE: LATTICE_CHART}
_TITLES: Final = {LBC_CHART: "the AWS Load Balancer Controller", LATTICE_CHART: "the AWS Gateway API Controller"}
_SHORT: Final = {LBC_CHART: "load-balancer-controller", LATTICE_CHART: "gateway-api-controller"}


def _installed(resource: Resource) -> tuple[int, int] | None:
    """The release of the load balancer controller that a chart installs; None where that cannot be read."""
    tag = known((known(releases.values(resource).get("image")) or {}).get("tag"))
    if tag is not None:
        return releases.version(tag)
    found = releases.version(resource.get("version", ""))
    return (2, found[1]) if found and found[0] == 1 else found


def _controllers(route: Resource, graph: Graph) -> set[str]:
    return {gateways.controller(each, graph) for each in gateways.parents(route, graph)}


def _fits(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if resource.kind == RELEASE:
        found = _installed(resource) if releases.chart(resource) == LBC_CHART else None
        if found is None or found >= _ROUTES_SINCE:
            return
        for route in graph.beside(resource, GRPC_ROUTE):
            if gateways.ALB in _controllers(route, graph):
                yield Problem("version", f"is release {found[0]}.{found[1]}, which does not know {route.name}")
                return
    elif any(True for _ in graph.of(CLUSTER)):
        installs = {releases.chart(each) for each in graph.beside(resource, RELEASE)} & set(_TITLES)
        for name in sorted(_controllers(resource, graph) & set(_CHARTS)):
            wanted = _CHARTS[name]
            # A program that installs one controller and not the other one forgot it; others install them elsewhere.
            if installs and wanted not in installs and not _otherwise(wanted, graph):
                yield Problem("spec.parentRefs", f"needs {_TITLES[wanted]}, which the program does not install")


def _otherwise(wanted: str, graph: Graph) -> bool:
    """Whether a controller may be installed in a way that cannot be seen: a rendered chart, an add-on, EKS itself."""
    marks = (wanted, _SHORT[wanted])
    names = [str(known(each.get("metadata.name", ""))) for each in graph.of(DEPLOYMENT)]
    names += [str(known(each.get("addonName", ""))) for each in graph.of(_ADDON)]
    automatic = any(flag(known(each.get("computeConfig.enabled")), default=False) for each in graph.of(CLUSTER))
    charts = any(True for _ in graph.of(*BUNDLES))
    return automatic or charts or any(mark in name for mark in marks for name in names)


def _gateway(controller: str = gateways.ALB) -> Mapping[str, Mapping[str, Any]]:
    """A GRPCRoute on a Gateway of some controller's."""
    version = "kubernetes:gateway.networking.k8s.io/v1"
    return {
        "platform": cluster(),
        "class": {
            "type": f"{version}:GatewayClass",
            "properties": {"metadata": {"name": f"class-{controller[:7]}"}, "spec": {"controllerName": controller}},
        },
        "edge": {
            "type": f"{version}:Gateway",
            "properties": {
                "metadata": {"name": "edge", "namespace": "shop"},
                "spec": {"gatewayClassName": f"class-{controller[:7]}"},
            },
        },
        "orders": {
            "type": f"{version}:GRPCRoute",
            "properties": {
                "metadata": {"name": "orders", "namespace": "shop"},
                "spec": {"parentRefs": [{"name": "edge"}], "rules": []},
            },
        },
    }


_LATTICE: Final = release(LATTICE_CHART, version="v2.1.4", namespace="aws-application-networking-system")

EKS006: Final = Rule(
    id="EKS006",
    title="The controllers that are installed know the routes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(RELEASE, GRPC_ROUTE),
    check=_fits,
    stack=True,
    why="A route that no controller knows stays as it is: no error, no listener rule, no traffic.",
    remedy="Install chart 1.14.0 or later of aws-load-balancer-controller, or the controller of the route's Gateway.",
    source=f"{_PAGE}: Gateway API; eks-charts, aws-load-balancer-controller",
    bad=(
        Example("an old chart", {**_gateway(), "controller": release(version="1.13.4")}, about=("controller",)),
        Example(
            "an old image",
            {**_gateway(), "controller": release(values={"image": {"tag": "v2.13.3"}})},
            about=("controller",),
        ),
    ),
    good=(
        Example("chart 1.14", {**_gateway(), "controller": release(version="1.14.0")}),
        Example("chart 3.5, and Lattice's", {**_gateway(), "controller": release(), "lattice": _LATTICE}),
        Example("a route of Lattice", {**_gateway(gateways.LATTICE), "lattice": _LATTICE}),
    ),
)


def _identified(resource: Resource, context: Context) -> Iterator[Problem]:
    name = releases.chart(resource)
    if name not in _TITLES:
        return
    account = known(releases.values(resource).get("serviceAccount")) or {}
    own = known(account.get("name"))
    candidates = [own] if own else [name, _SHORT[name], str(known(resource.get("name", resource.name)))]
    if (known(account.get("annotations")) or {}).get(_ROLE) is not None:
        return
    if any(_is_for(each, candidates, resource, context.graph) for each in context.graph.of(ASSOCIATION)):
        return
    made = flag(known(account.get("create")), default=True)
    inside = [each for each in context.graph.of(_ACCOUNT) if known(each.get("metadata.name")) in candidates]
    if any((known(each.get("metadata.annotations")) or {}).get(_ROLE) is not None for each in inside):
        return
    if made or inside:  # otherwise the account is made elsewhere, with its role perhaps
        yield Problem("values.serviceAccount", "has neither a Pod Identity association nor a role of its own")


def _is_for(association: Resource, accounts: list[Any], resource: Resource, graph: Graph) -> bool:
    """Whether an association is for the accounts of a release. A namespace made of the program's is taken to be it."""
    account, space = association.get("serviceAccount"), association.get("namespace")
    if is_unknown(account) and association.property_dependencies.get("serviceAccount"):
        return False  # of an account that the program makes, which a chart's is not
    if known(account) not in accounts:
        return False
    if is_unknown(space) and association.property_dependencies.get("namespace"):
        return True
    return bool(known(space) == releases.namespace(resource, graph).name) or _named_by(resource, graph)


def _named_by(resource: Resource, graph: Graph) -> bool:
    """Whether the namespace of a release is one of the program's whose name is not known yet."""
    return graph.by_urn(releases.namespace(resource, graph).name) is not None


def _associated(account: str, namespace: str = "kube-system") -> Mapping[str, Any]:
    given = {"clusterName": "platform", "namespace": namespace, "serviceAccount": account, "roleArn": _ARN}
    return {"type": "aws:eks/podIdentityAssociation:PodIdentityAssociation", "properties": given}


_ARN: Final = "arn:aws:iam::111122223333:role/controller"

EKS008: Final = Rule(
    id="EKS008",
    title="Controllers have a role of their own",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(RELEASE,),
    check=_identified,
    stack=True,
    why="Otherwise they act with the nodes' role, and so may every pod on a node: change load balancers and networks.",
    remedy="Give an aws.eks.PodIdentityAssociation for the service account, or annotate it with a role.",
    source=f"{_PAGE}: Installation, IAM permissions; Amazon EKS user guide: Pod Identity",
    bad=(
        Example("none", {"controller": release(namespace="ingress")}, about=("controller",)),
        Example(
            "that of another account",
            {
                "controller": release(values={"serviceAccount": {"create": True, "name": "balancer"}}),
                "identity": _associated("balancers"),
            },
            about=("controller",),
        ),
        Example(
            "in another namespace",
            {"controller": release(LATTICE_CHART, namespace="lattice"), "identity": _associated(_SHORT[LATTICE_CHART])},
            about=("controller",),
        ),
    ),
    good=(
        Example("Pod Identity", {"controller": release(), "identity": _associated(LBC_CHART)}),
        Example(
            "a role by annotation",
            {"controller": release(values={"serviceAccount": {"annotations": {_ROLE: _ARN}}})},
        ),
        Example(
            "an account that is made elsewhere",
            {"controller": release(values={"serviceAccount": {"create": False, "name": "elsewhere"}})},
        ),
        Example("another chart", {"metrics": release("metrics-server")}),
    ),
)


_PUBLIC: Final = "kubernetes.io/role/elb"
_PRIVATE: Final = "kubernetes.io/role/internal-elb"


def _schemes(graph: Graph) -> Iterator[str]:
    """The role of the subnets that each Ingress has the controller look for."""
    for each in graph.of(INGRESS):
        if is_albs(each, graph):
            own, given = notes(each), parameters(each, graph)
            if "subnets" not in own and given.get("subnets") is None:
                scheme = known(given.get("scheme")) or own.get("scheme", "internal")
                yield _PUBLIC if scheme == "internet-facing" else _PRIVATE


def _roles(subnet: Resource, graph: Graph) -> set[str]:
    """The load balancer roles of a subnet, by its own tags or by tags that are resources of their own."""
    tags = known(subnet.get("tags")) or {}
    found = {key for key in (_PUBLIC, _PRIVATE) if key in tags}
    return found | {str(known(each.get("key"))) for each in graph.users(subnet, _TAG)}


def _beside(resource: Resource, graph: Graph) -> list[Resource]:
    """The subnets of a cluster, and the others of their VPC."""
    own = graph.made_of(resource, "vpcConfig", _SUBNET)
    places = {_vpc(each) for each in own}
    return [each for each in graph.of(_SUBNET) if each in own or _vpc(each) in places]


def _vpc(subnet: Resource) -> tuple[str, ...]:
    """The VPC of a subnet: its id, or what that was made of."""
    given = subnet.get("vpcId")
    return (given,) if isinstance(given, str) else tuple(sorted(subnet.property_dependencies.get("vpcId", ())))


def _tagged(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    subnets = _beside(resource, graph)
    if not subnets or not any(releases.chart(each) == LBC_CHART for each in graph.of(RELEASE)):
        return
    for role in sorted(set(_schemes(graph))):
        fit = [each for each in subnets if role in _roles(each, graph)]
        zones = {str(known(each.get("availabilityZone", each.get("availabilityZoneId", "")))) for each in fit}
        if len(zones) < 2:
            found = f"the subnets with the tag {role} are in one zone" if fit else f"no subnet has the tag {role}"
            yield Problem("vpcConfig", f"{found}; Ingresses need them in two zones")


def _subnet(zone: str, *roles: str) -> Mapping[str, Any]:
    tags = dict.fromkeys(roles, "1")
    given = {"vpcId": "vpc-00000000000000009", "availabilityZone": f"eu-west-1{zone}", "tags": tags}
    return {"type": "aws:ec2/subnet:Subnet", "properties": given}


def _network(*subnets: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A cluster with subnets, the controller, and an Ingress that is reached from the internet."""
    names = [f"subnet-{place}" for place, _ in enumerate(subnets)]
    return {
        **dict(zip(names, subnets, strict=True)),
        "platform": {**cluster(vpcConfig=None), "made_of": {"vpcConfig": tuple(names)}},
        "controller": release(),
        "ingress": {
            "type": "kubernetes:networking.k8s.io/v1:Ingress",
            "properties": {
                "metadata": {
                    "name": "orders",
                    "namespace": "shop",
                    "annotations": {f"{PREFIX}scheme": "internet-facing"},
                },
                "spec": {"ingressClassName": "alb"},
            },
        },
    }


EKS009: Final = Rule(
    id="EKS009",
    title="Subnets say which load balancers they are for",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(CLUSTER,),
    check=_tagged,
    stack=True,
    why=(
        "The controller looks for subnets by these tags, in two zones at least. Before release 2.12.1 it makes no load "
        "balancer without them; since then it goes by route tables, and a route more moves load balancers."
    ),
    remedy=f'Tag public subnets {_PUBLIC}: "1" and private ones {_PRIVATE}: "1", in two zones each.',
    source=f"{_PAGE}: Subnet discovery",
    bad=(
        Example("no tags", _network(_subnet("a"), _subnet("b")), about=("platform",)),
        Example("one zone", _network(_subnet("a", _PUBLIC), _subnet("b", _PRIVATE)), about=("platform",)),
    ),
    good=(Example("two zones", _network(_subnet("a", _PUBLIC, _PRIVATE), _subnet("b", _PUBLIC, _PRIVATE))),),
)

RULES: Final = (EKS006, EKS008, EKS009)
