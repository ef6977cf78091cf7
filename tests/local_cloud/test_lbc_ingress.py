"""Ingresses and the load balancers the controller makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud.controller_world import (
    BALANCER,
    CERTIFICATE,
    CLASS,
    GROUP,
    INGRESS,
    LISTENER,
    PARAMS,
    PUBLIC,
    RULE,
    SECURITY,
    ControllerWorld,
    ingress,
)
from tests.local_cloud.kubernetes_world import BINDING, DEPLOYMENT, NAMESPACE, RELEASE, deployment


@pytest.fixture
def world() -> ControllerWorld:
    made = ControllerWorld()
    made.service()
    return made


def _path(path: str, backend: str = "orders", port: Any = 50051, kind: str = "ImplementationSpecific") -> Any:
    number = {"number": port} if isinstance(port, int) else {"name": port}
    return {"path": path, "pathType": kind, "backend": {"service": {"name": backend, "port": number}}}


def _rules(*paths: Any, host: str = "orders.example.com") -> Any:
    return [{"host": host, "http": {"paths": list(paths)}}]


def test_a_grpc_ingress_becomes_a_whole_edge(world: ControllerWorld) -> None:
    _, outputs = world.create(INGRESS, "it", ingress())
    balancer, listener = world.found(BALANCER)[0], world.found(LISTENER)[0]
    group, rule = world.found(GROUP)[0], world.found(RULE)[0]
    assert outputs["status"]["loadBalancer"]["ingress"] == [{"hostname": balancer["dnsName"]}]
    assert balancer["subnets"] == PUBLIC
    assert (listener["protocol"], listener["port"], listener["certificateArn"]) == ("HTTPS", 443, CERTIFICATE)
    assert (group["protocolVersion"], group["targetType"]) == ("GRPC", "ip")
    assert (group["healthCheck"]["matcher"], group["healthCheck"]["path"]) == ("0", "/grpc.health.v1.Health/Check")
    assert rule["conditions"] == [
        {"hostHeader": {"values": ["orders.example.com"]}},
        {"pathPattern": {"values": ["/acme.Orders/*"]}},
    ]
    assert rule["actions"][0]["targetGroupArn"] == group.id


def test_the_controllers_own_health_check_proves_nothing_for_grpc(world: ControllerWorld) -> None:
    """pkg/ingress/model_builder.go: AWS's method, and UNIMPLEMENTED is well."""
    world.create(INGRESS, "it", ingress({"success-codes": "", "healthcheck-path": ""}))
    check = world.found(GROUP)[0]["healthCheck"]
    assert (check["path"], check["matcher"]) == ("/AWS.ALB/healthcheck", "12")


def test_pods_are_registered_and_reachable(world: ControllerWorld) -> None:
    world.create(INGRESS, "it", ingress())
    binding = world.store.rows(world.provider.cluster.key, BINDING)[0]
    assert binding.inputs["spec"]["targetGroupARN"] == world.found(GROUP)[0].id
    pods = deployment()
    pods["metadata"] = {"name": "orders", "namespace": "orders"}
    pods["spec"]["template"]["spec"]["containers"][0]["image"] = "ghcr.io/acme/orders:1"
    pods["spec"]["template"]["spec"].pop("serviceAccountName", None)
    world.create(DEPLOYMENT, "pods", pods)
    assert world.store.notes("target", world.found(GROUP)[0].id)


REFUSED = [
    ({"listen-ports": "", "certificate-arn": ""}, "Listener protocol 'HTTP' is not supported with a target group"),
    ({"listen-ports": '[{"HTTP":80},{"HTTPS":443}]'}, "protocol-version 'GRPC'"),
    ({"listen-ports": '[{"TCP":443}]'}, "listen protocol must be within [HTTP, HTTPS]: TCP"),
    ({"listen-ports": "443"}, "empty listen-ports configuration"),
    ({"success-codes": "200"}, "Health check matcher GRPC code '200' must be within '0-99' inclusive"),
    ({"backend-protocol-version": "grpc"}, "backend protocol version must be within [HTTP1, HTTP2, GRPC]: grpc"),
    ({"backend-protocol": "GRPC"}, "backend protocol must be within [HTTP, HTTPS]: GRPC"),
    ({"target-type": "pod"}, "unknown targetType: pod"),
    ({"target-type": "instance"}, "TargetGroup port is empty"),
    ({"scheme": "public"}, "unknown scheme: public"),
    ({"group.name": "Orders"}, "invalid ingress group"),
    ({"group.order": "2000"}, "must be within [-1000:1000]"),
    ({"group.order": "first"}, "failed to parse int64 annotation"),
    ({"certificate-arn": ""}, "no certificate found for host: orders.example.com"),
    ({"load-balancer-attributes": "idle_timeout.seconds=60"}, "key 'idle_timeout.seconds' is not recognized"),
    ({"load-balancer-attributes": "idle_timeout.timeout_seconds=5000"}, "between '1' and '4000'"),
    ({"load-balancer-attributes": "idle_timeout.timeout_seconds"}, "failed to parse stringMap annotation"),
    ({"target-group-attributes": "deregistration_delay.timeout_seconds=4000"}, "between '0' and '3600'"),
    ({"ssl-redirect": "8443"}, "listener does not exist for SSLRedirect port: 8443"),
    ({"subnets": "subnet-a1"}, "At least two subnets in two different Availability Zones"),
    ({"subnets": "subnet-no,subnet-b1"}, "The subnet ID 'subnet-no' does not exist"),
]


@pytest.mark.parametrize(("annotations", "said"), REFUSED)
def test_what_the_controller_cannot_make_times_out_with_its_words(
    world: ControllerWorld, annotations: dict[str, str], said: str
) -> None:
    with pytest.raises(Refused, match="loadBalancer field was not updated") as refused:
        world.create(INGRESS, "it", ingress(annotations))
    assert said in str(refused.value)


def test_both_listeners_are_well_once_http_only_redirects(world: ControllerWorld) -> None:
    """docs/examples/grpc: with ssl-redirect the HTTP listener gets no rules."""
    world.create(INGRESS, "it", ingress({"listen-ports": '[{"HTTP":80},{"HTTPS":443}]', "ssl-redirect": "443"}))
    plain = next(row for row in world.found(LISTENER) if row["protocol"] == "HTTP")
    assert plain["defaultActions"][0]["redirect"]["protocol"] == "HTTPS"
    assert {row["listenerArn"] for row in world.found(RULE)} == {
        row.id for row in world.found(LISTENER) if row.id != plain.id
    }


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/acme.Orders", "Prefix", ["/acme.Orders", "/acme.Orders/*"]),
        ("/acme", "Prefix", ["/acme", "/acme/*"]),  # never matches /acme.Orders/Get
        ("/", "Prefix", ["/*"]),
        ("/acme.Orders/Get", "Exact", ["/acme.Orders/Get"]),
        ("/acme.*", "ImplementationSpecific", ["/acme.*"]),
    ],
)
def test_paths_become_patterns(world: ControllerWorld, path: str, kind: str, expected: list[str]) -> None:
    world.create(INGRESS, "it", ingress(rules=_rules(_path(path, kind=kind))))
    assert world.found(RULE)[0]["conditions"][1]["pathPattern"]["values"] == expected


def test_a_wildcard_in_a_prefix_is_refused(world: ControllerWorld) -> None:
    with pytest.raises(Refused, match="prefix path shouldn't contain wildcards"):
        world.create(INGRESS, "it", ingress(rules=_rules(_path("/acme.*", kind="Prefix"))))


def test_a_services_annotation_wins_over_the_ingress() -> None:
    world = ControllerWorld()
    version: dict[str, Any] = {"alb.ingress.kubernetes.io/backend-protocol-version": "HTTP2"}
    world.service(**version)
    world.create(INGRESS, "it", ingress({"success-codes": "200"}))
    assert world.found(GROUP)[0]["protocolVersion"] == "HTTP2"


def test_an_action_by_annotation_answers_and_takes_conditions(world: ControllerWorld) -> None:
    fixed = '{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","statusCode":"404"}}'
    header = '[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"x-role","values":["admin"]}}]'
    notes = {"actions.deny": fixed, "conditions.orders": header}
    world.create(
        INGRESS,
        "it",
        ingress(notes, rules=_rules(_path("/a.B/C"), _path("/a.B/C", "deny", "use-annotation"))),
    )
    first, second = world.found(RULE)
    assert first["conditions"][0]["httpHeader"] == {"httpHeaderName": "x-role", "values": ["admin"]}
    assert second["actions"][0]["fixedResponse"]["statusCode"] == "404"
    with pytest.raises(Refused, match=r"missing actions\.other configuration"):
        _update(world, ingress(notes, rules=_rules(_path("/a.B/C", "other", "use-annotation"))))


def _update(world: ControllerWorld, news: dict[str, Any], identity: str = "orders/orders") -> None:
    old = world.row(INGRESS, identity)
    inputs, complaints = world.check(INGRESS, "it", news, olds=old.inputs)
    assert complaints == []
    world.provider.update(world.call(INGRESS, "it", id=identity, olds=old.outputs, old_inputs=old.inputs, news=inputs))


def test_changes_reach_the_load_balancer_and_nothing_is_left_over(world: ControllerWorld) -> None:
    world.create(INGRESS, "it", ingress())
    first = world.found(GROUP)[0].id
    _update(world, ingress({"backend-protocol-version": "HTTP1", "success-codes": "200"}))
    assert [row["protocolVersion"] for row in world.found(GROUP)] == ["HTTP1"]
    assert world.found(GROUP)[0].id != first
    assert world.found(RULE)[0]["actions"][0]["targetGroupArn"] == world.found(GROUP)[0].id
    before = world.found(BALANCER)[0].id
    _update(world, ingress({"scheme": "internal"}))
    assert [row.id for row in world.found(BALANCER)] != [before]
    assert len(world.found(BALANCER)) == len(world.found(LISTENER)) == len(world.found(RULE)) == 1
    world.delete(INGRESS, "orders/orders", "it")
    assert world.left() == []
    assert not world.store.rows(world.provider.cluster.key, BINDING)


def _grouped(name: str, order: int, path: str, **more: str) -> dict[str, Any]:
    made = ingress({"group.name": "public", "group.order": str(order), **more}, rules=_rules(_path(path)))
    made["metadata"]["name"] = name
    return made


def test_a_group_shares_one_load_balancer_in_its_order(world: ControllerWorld) -> None:
    world.create(INGRESS, "late", _grouped("late", 10, "/*"))
    world.create(INGRESS, "early", _grouped("early", -10, "/acme.Orders/*"))
    assert len(world.found(BALANCER)) == 1
    rules = sorted(world.found(RULE), key=lambda row: int(row["priority"]))
    assert [row["conditions"][1]["pathPattern"]["values"] for row in rules] == [["/acme.Orders/*"], ["/*"]]
    world.delete(INGRESS, "orders/late", "late")
    assert len(world.found(RULE)) == 1
    world.delete(INGRESS, "orders/early", "early")
    assert world.left() == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"load-balancer-attributes": "idle_timeout.timeout_seconds=60"}, "conflicting attributes idle_timeout"),
        ({"scheme": "internal"}, "conflicting scheme"),
        ({"inbound-cidrs": "10.0.0.0/8"}, "conflicting inbound-cidrs"),
    ],
)
def test_a_member_that_disagrees_stops_the_whole_group(world: ControllerWorld, more: dict[str, str], said: str) -> None:
    notes = {"load-balancer-attributes": "idle_timeout.timeout_seconds=300", "inbound-cidrs": "192.0.2.0/24"}
    world.create(INGRESS, "first", _grouped("first", 0, "/a/*", **notes))
    with pytest.raises(Refused, match=said):
        world.create(INGRESS, "second", _grouped("second", 0, "/b/*", **more))


def _classes(world: ControllerWorld, **spec: Any) -> None:
    world.create(PARAMS, "params", {"metadata": {"name": "public"}, "spec": {"group": {"name": "public"}, **spec}})
    parameters = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "public"}
    body = {"controller": "ingress.k8s.aws/alb", "parameters": parameters}
    world.create(CLASS, "class", {"metadata": {"name": "public"}, "spec": body})


def test_the_parameters_of_a_class_decide_over_annotations(world: ControllerWorld) -> None:
    pairs = [{"key": "idle_timeout.timeout_seconds", "value": "600"}]
    _classes(world, scheme="internal", loadBalancerAttributes=pairs, inboundCIDRs=["10.0.0.0/8"])
    world.create(INGRESS, "it", ingress(ingressClassName="public"))
    balancer = world.found(BALANCER)[0]
    assert (balancer["internal"], balancer["idleTimeout"]) == (True, 600)


def test_a_class_may_be_kept_to_some_namespaces(world: ControllerWorld) -> None:
    _classes(world, namespaceSelector={"matchLabels": {"team": "edge"}})
    with pytest.raises(Refused, match="namespaceSelector of IngressClassParams mismatch"):
        world.create(INGRESS, "it", ingress(ingressClassName="public"))


def test_the_webhook_refuses_a_class_that_is_not_there(world: ControllerWorld) -> None:
    with pytest.raises(Refused, match=r'vingress\.elbv2\.k8s\.aws.*"nope" not found'):
        world.create(INGRESS, "it", ingress(ingressClassName="nope"))


def test_group_names_may_be_forbidden() -> None:
    world = ControllerWorld(disableIngressGroupNameAnnotation=True)
    world.service()
    with pytest.raises(Refused, match=r"new usage of `alb\.ingress\.kubernetes\.io/group\.name` annotation"):
        world.create(INGRESS, "it", ingress({"group.name": "public"}))


def test_the_controller_of_a_class_never_changes(world: ControllerWorld) -> None:
    _classes(world)
    old = world.row(CLASS, "public").inputs
    news = {**old, "spec": {**old["spec"], "controller": "example.com/other"}}
    with pytest.raises(Refused, match=r"spec\.controller.*immutable"):
        world.provider.update(world.call(CLASS, "class", id="public", old_inputs=old, news=news))


def test_an_ingress_of_nobody_never_gets_an_address(world: ControllerWorld) -> None:
    with pytest.raises(Refused, match="no controller takes it"):
        world.create(INGRESS, "it", ingress(ingressClassName=None))


def test_an_ingress_outlives_its_controller_and_holds_the_network(world: ControllerWorld) -> None:
    world.create(INGRESS, "it", ingress())
    world.delete(RELEASE, "kube-system/aws-load-balancer-controller", "controller")
    with pytest.raises(Refused, match=r"finalizers might be preventing deletion of orders/orders"):
        world.delete(INGRESS, "orders/orders", "it")
    with pytest.raises(Refused, match="finalizers"):
        world.delete(NAMESPACE, "orders", "namespace-orders")
    assert world.found(BALANCER)
    world.controller()
    world.delete(NAMESPACE, "orders", "namespace-orders")
    assert world.left() == []


def test_protection_keeps_the_last_ingress(world: ControllerWorld) -> None:
    protected = "deletion_protection.enabled=true"
    world.create(INGRESS, "it", ingress({"load-balancer-attributes": protected}))
    with pytest.raises(Refused, match="deletion_protection is enabled, cannot delete the ingress: orders"):
        world.delete(INGRESS, "orders/orders", "it")
    _update(world, ingress({"load-balancer-attributes": "deletion_protection.enabled=false"}))
    world.delete(INGRESS, "orders/orders", "it")
    assert world.left() == []


def test_a_missing_service_is_answered_with_503(world: ControllerWorld) -> None:
    world.create(INGRESS, "it", ingress(rules=_rules(_path("/a/*", "ghost"))))
    assert world.found(RULE)[0]["actions"][0]["fixedResponse"]["statusCode"] == "503"
    with pytest.raises(Refused, match="unable to find port 1 on service orders/orders"):
        _update(world, ingress(rules=_rules(_path("/a/*", port=1))))


def test_the_load_balancers_group_admits_what_is_given(world: ControllerWorld) -> None:
    world.create(INGRESS, "it", ingress({"inbound-cidrs": "192.0.2.0/24"}))
    rules = world.found("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert [rule["cidrIpv4"] for rule in rules if rule["cidrIpv4"]] == ["192.0.2.0/24"]
    assert [rule["fromPort"] for rule in rules if rule["referencedSecurityGroupId"]] == [50051]
    assert len(world.found(SECURITY)) == 2


def test_a_class_gives_tags_and_an_ingress_a_cookie(world: ControllerWorld) -> None:
    _classes(world, tags=[{"key": "team", "value": "edge"}])
    attributes = "stickiness.enabled=true,stickiness.type=app_cookie,stickiness.app_cookie.cookie_name=session"
    attributes += ",stickiness.app_cookie.duration_seconds=600"
    version = {"backend-protocol-version": "HTTP1", "success-codes": "200"}
    world.create(INGRESS, "it", ingress({**version, "target-group-attributes": attributes}, ingressClassName="public"))
    assert world.found(BALANCER)[0]["tags"]["team"] == "edge"
    sticky = {"enabled": True, "type": "app_cookie", "cookieName": "session", "cookieDuration": 600}
    assert world.found(GROUP)[0]["stickiness"] == sticky
