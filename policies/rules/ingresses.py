"""K8S008 to K8S011: Ingresses that the AWS Load Balancer Controller makes a load balancer of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import CRITICAL, HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import is_unknown, known
from policies.rules import grpc
from policies.rules.documents import parsed
from policies.rules.intent import port_says_grpc, reached, says_grpc_on, service_ports
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.releases import LBC_CHART, RELEASE, chart, values
from policies.rules.tokens import INGRESS, SERVICE, WORKLOADS

PREFIX: Final = "alb.ingress.kubernetes.io/"
CLASS: Final = "networking.k8s.io:IngressClass"
PARAMETERS: Final = "elbv2.k8s.aws:IngressClassParams"
_PAGE: Final = "AWS Load Balancer Controller, Ingress annotations"
_CERTIFICATE: Final = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"


def notes(ingress: Resource, service: Resource | None = None) -> dict[str, Any]:
    """The controller's annotations without their prefix, as text or unknown; a Service's win over the Ingress's."""
    found: dict[str, Any] = {}
    for each in (ingress, service):
        if each is not None:
            for key, value in known(each.get("metadata.annotations") or {}).items():
                if key.startswith(PREFIX):
                    found[key.removeprefix(PREFIX)] = value if is_unknown(value) else str(value)
    return found


def parameters(ingress: Resource, graph: Graph) -> Mapping[str, Any]:
    """What the class of an Ingress says, {} without parameters of the program's."""
    name = known(ingress.get("spec.ingressClassName"))
    for each in graph.beside(ingress, CLASS):
        if name is not None and known(each.get("metadata.name")) == name:
            wanted = known(each.get("spec.parameters.name"))
            for found in graph.beside(ingress, PARAMETERS):
                if wanted is not None and known(found.get("metadata.name")) == wanted:
                    spec: Mapping[str, Any] = known(found.get("spec") or {})
                    return spec
    for given in _installed(ingress, graph):
        if name is not None and name == (known(given.get("ingressClass")) or "alb"):
            made: Mapping[str, Any] = known((known(given.get("ingressClassParams")) or {}).get("spec")) or {}
            return made
    return {}


def _installed(near: Resource, graph: Graph) -> Iterator[Mapping[str, Any]]:
    """The values of the controller's chart in the cluster of an object, as far as the program says them."""
    for each in graph.beside(near, RELEASE):
        if chart(each) == LBC_CHART and each.get("values") is not None:
            yield values(each)


def target_type(near: Resource, graph: Graph) -> str:
    """Where the controller sends calls that nothing else is said of: the default of its chart, nodes."""
    found = [known(each.get("defaultTargetType")) for each in _installed(near, graph)]
    return next((str(each) for each in found if each), "instance")


def is_albs(ingress: Resource, graph: Graph) -> bool:
    """Whether the controller makes a load balancer of an Ingress."""
    if notes(ingress):
        return True
    name = known(ingress.get("spec.ingressClassName"))
    return name == "alb" or bool(parameters(ingress, graph))


def backends(ingress: Resource, graph: Graph) -> Iterator[tuple[str, Resource, Mapping[str, Any]]]:
    """Each path's Service and port, as far as they are in the program, with the path of the backend."""
    for rule_path, rule in ingress.items("spec.rules"):
        for place, path in enumerate(known((known(known(rule).get("http")) or {}).get("paths") or ())):
            where = f"{rule_path}.http.paths[{place}].backend.service"
            service = graph.object(ingress, f"{where}.name", SERVICE)
            wanted = known((known((known(known(path).get("backend")) or {}).get("service")) or {}).get("port") or {})
            for _, port in service_ports(service) if service is not None else ():
                if known(wanted.get("number")) == known(port.get("port")) or (
                    wanted.get("name") is not None and known(wanted["name"]) == known(port.get("name"))
                ):
                    yield where, service, port  # type: ignore[misc]


def is_grpc(service: Resource, port: Mapping[str, Any], graph: Graph) -> bool:
    """Whether a port of a Service speaks gRPC, by its own words or by what its pods say."""
    if port_says_grpc(port):
        return True
    found = [reached(each, port) for each in graph.selected(service, *WORKLOADS)]
    return any(says_grpc_on(each, port) for each in found if each is not None)


def _grpc_backends(ingress: Resource, graph: Graph) -> Iterator[tuple[str, Resource]]:
    if is_albs(ingress, graph):
        for where, service, port in backends(ingress, graph):
            if is_grpc(service, port, graph):
                yield where, service


def listeners(text: str) -> list[dict[str, Any]]:
    """What listen-ports says: ports by protocol. Raises ValueError where it is no list of these."""
    found = parsed(text)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("no list of ports by protocol")
    return found


def _version(resource: Resource, context: Context) -> Iterator[Problem]:
    for where, service in _grpc_backends(resource, context.graph):
        given = notes(resource, service).get("backend-protocol-version")
        if given != "GRPC":
            shown = "missing, which means HTTP1" if given is None else f'"{given}"'
            yield Problem(where, f"{service.name} speaks gRPC, and backend-protocol-version is {shown}")


def _ingress(**more: Any) -> Mapping[str, Mapping[str, Any]]:
    """A gRPC Ingress with its Service and pods, as every rule wants it, but for the annotations given (None: away)."""
    usual = {
        "listen-ports": '[{"HTTPS":443}]',
        "certificate-arn": _CERTIFICATE,
        "backend-protocol-version": "GRPC",
        "healthcheck-path": "/grpc.health.v1.Health/Check",
        "success-codes": "0",
        "target-type": "ip",
        **{key.replace("_", "-"): value for key, value in more.items()},
    }
    annotations = {f"{PREFIX}{key}": value for key, value in usual.items() if value is not None}
    backend = {"service": {"name": "orders", "port": {"number": 50051}}}
    path = {"path": "/acme.orders.v1.Orders/*", "pathType": "ImplementationSpecific", "backend": backend}
    whole = {
        "metadata": {"name": "orders", "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": [{"host": "orders.example.com", "http": {"paths": [path]}}]},
    }
    return {
        "ingress": {"type": "kubernetes:networking.k8s.io/v1:Ingress", "properties": whole},
        "service": GRPC_SERVICE,
        "orders": workload(),
    }


def _bad(title: str, **annotations: Any) -> Example:
    return Example(title, _ingress(**annotations), about=("ingress",))


_GOOD: Final = Example("everything said", _ingress())
K8S008: Final = Rule(
    id="K8S008",
    title="Ingresses say GRPC for gRPC backends",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(INGRESS,),
    check=_version,
    stack=True,
    why="The controller's default is HTTP1, behind which every gRPC call ends with HTTP 464. It takes capitals alone.",
    remedy=f"Annotate the Ingress or the Service with {PREFIX}backend-protocol-version: GRPC.",
    source=_PAGE,
    bad=(_bad("nothing said", backend_protocol_version=None), _bad("lower case", backend_protocol_version="grpc")),
    good=(_GOOD,),
)


def _hosts(ingress: Resource) -> Iterator[str]:
    """The host names for which the controller looks for a certificate."""
    for _, rule in ingress.items("spec.rules"):
        yield str(known(known(rule).get("host")) or "")


def group_of(ingress: Resource, graph: Graph) -> str:
    """The name of an Ingress's group in its cluster, "" where it is alone; its class decides before it does."""
    named = known((known(parameters(ingress, graph).get("group")) or {}).get("name"))
    name = str(named or notes(ingress).get("group.name", ""))
    return f"{name} {graph.cluster_of(ingress)}" if name else ""


def _redirects(ingress: Resource, graph: Graph) -> bool:
    """Whether HTTP is led to HTTPS, by an Ingress itself, its class, or another one of its group."""
    group = group_of(ingress, graph)
    others = [each for each in graph.of(INGRESS) if group_of(each, graph) == group] if group else []
    return any(
        notes(each).get("ssl-redirect") or known(parameters(each, graph).get("sslRedirectPort"))
        for each in (ingress, *others)
    )


def _https(resource: Resource, context: Context) -> Iterator[Problem]:
    if not any(True for _ in _grpc_backends(resource, context.graph)):
        return
    own, given = notes(resource), parameters(resource, context.graph)
    # One that this program makes has no ARN yet, and is one all the same; so is one that is found by its host.
    said = "certificate-arn" in own or known(given.get("certificateArn"))
    certificate = said or known(resource.get("spec.tls")) or any(_hosts(resource))
    text = own.get("listen-ports")
    try:
        found = listeners(text) if text else [{"HTTPS": 443}] if said else [{"HTTP": 80}]
    except ValueError:
        yield Problem("metadata.annotations", "listen-ports is no JSON")
        return
    protocols = {protocol for each in found for protocol in each}
    if "HTTPS" not in protocols:
        yield Problem("metadata.annotations", "listens on HTTP alone, where AWS refuses gRPC target groups")
    elif not certificate:
        yield Problem(
            "metadata.annotations", "listens on HTTPS, and neither certificate-arn, tls nor a host says a certificate"
        )
    if "HTTP" in protocols and "HTTPS" in protocols and not _redirects(resource, context.graph):
        yield Problem("metadata.annotations", "listens on HTTP too without ssl-redirect: gRPC rules would be put there")


K8S009: Final = Rule(
    id="K8S009",
    title="Ingresses with gRPC backends listen on HTTPS",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(INGRESS,),
    check=_https,
    stack=True,
    why="AWS refuses the rule, and the controller then changes nothing of the whole group any more.",
    remedy=f'Set {PREFIX}listen-ports to [{{"HTTPS":443}}] and certificate-arn; with HTTP beside it also ssl-redirect.',
    source=f"{_PAGE}; kubernetes-sigs/aws-load-balancer-controller#2214",
    bad=(
        _bad("the default without a certificate", listen_ports=None, certificate_arn=None),
        _bad("HTTP alone", listen_ports='[{"HTTP":80}]'),
        _bad("HTTP beside HTTPS", listen_ports='[{"HTTP":80},{"HTTPS":443}]'),
    ),
    good=(_GOOD, Example("with a redirect", _ingress(listen_ports='[{"HTTP":80},{"HTTPS":443}]', ssl_redirect="443"))),
)


def _health(resource: Resource, context: Context) -> Iterator[Problem]:
    for where, service in _grpc_backends(resource, context.graph):
        own = notes(resource, service)
        path, codes = own.get("healthcheck-path"), own.get("success-codes")
        if path is None or path in (grpc.AWS_DEFAULT, grpc.MISPRINT) or not grpc.METHOD.fullmatch(path):
            yield Problem(where, f"healthcheck-path of {service.name} must be a method such as {grpc.HEALTH_CHECK}")
        if codes is None or set(grpc.codes(codes)) != {0}:
            shown = "missing, which means 12 (UNIMPLEMENTED)" if codes is None else f'"{codes}"'
            yield Problem(where, f"success-codes of {service.name} must be 0; it is {shown}")


K8S010: Final = Rule(
    id="K8S010",
    title="Ingresses with gRPC backends ask for their health",
    severity=HIGH,
    level=MANDATORY,
    kinds=(INGRESS,),
    check=_health,
    stack=True,
    why="The controller's default asks a method that nobody has and takes UNIMPLEMENTED for healthy.",
    remedy=f'Set {PREFIX}healthcheck-path to {grpc.HEALTH_CHECK} and success-codes to "0".',
    source=_PAGE,
    bad=(_bad("defaults", healthcheck_path=None, success_codes=None), _bad("every code", success_codes="0-99")),
    good=(_GOOD,),
)


def _pods(resource: Resource, context: Context) -> Iterator[Problem]:
    given = known(parameters(resource, context.graph).get("targetType"))
    for where, service in _grpc_backends(resource, context.graph):
        kind = given or notes(resource, service).get("target-type") or target_type(resource, context.graph)
        if kind != "ip":
            yield Problem(where, f"target-type of {service.name} must be ip; it is {kind}")


K8S011: Final = Rule(
    id="K8S011",
    title="Ingresses send gRPC to pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=(INGRESS,),
    check=_pods,
    stack=True,
    why="Instances pass calls through kube-proxy, connection by connection, and have no readiness gate.",
    remedy=f"Annotate with {PREFIX}target-type: ip.",
    source=_PAGE,
    bad=(_bad("the default", target_type=None), _bad("instances", target_type="instance")),
    good=(_GOOD,),
)

RULES: Final = (K8S008, K8S009, K8S010, K8S011)
