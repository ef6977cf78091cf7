"""Load balancers that the controller makes of Ingresses or of a Gateway."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import crds

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
CLASS = "kubernetes:networking.k8s.io/v1:IngressClass"
PARAMETERS = "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
GATEWAY_CLASS = "kubernetes:gateway.networking.k8s.io/v1:GatewayClass"
GRPC_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute"
HTTP_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
BALANCER = "kubernetes:gateway.k8s.aws/v1:LoadBalancerConfiguration"
TARGETS = "kubernetes:gateway.k8s.aws/v1:TargetGroupConfiguration"
RULES = "kubernetes:gateway.k8s.aws/v1:ListenerRuleConfiguration"
NAMESPACE = "kubernetes:core/v1:Namespace"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
RELEASE = "kubernetes:helm.sh/v3:Release"
RECORD = "aws:route53/record:Record"
POLICY = "aws:iam/policy:Policy"
OWNED_BY_PULUMI = (
    "aws:lb/",
    "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
    "aws:vpc/",
    "aws:ec2/securityGroup",
)
PREFIX = "alb.ingress.kubernetes.io/"

Platform = Callable[..., Any]
Raw = dict[str, Any]


def owned(raw: Raw, owner: str, **balancer: Any) -> Raw:
    raw["load_balancers"]["public"] |= {"owner": owner, **balancer}
    return raw


def alb(raw: Raw) -> Raw:
    found: Raw = raw["services"]["orders"]["expose"]["alb"]
    return found


def with_web(raw: Raw, **more: Any) -> Raw:
    image = {"uri": "ghcr.io/acme/web", "tag": "1"}
    exposed = {"alb": {"host": "web.dev.example.com", **more}}
    raw["services"]["web"] = {"protocol": "http", "port": 8080, "image": image, "expose": exposed}
    return raw


def notes(found: Any) -> dict[str, str]:
    """The controller's annotations without their prefix."""
    annotations = found.inputs["metadata"]["annotations"]
    return {key.removeprefix(PREFIX): value for key, value in annotations.items() if key.startswith(PREFIX)}


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_nothing_of_the_edge_is_pulumis(platform: Platform, minimal: Raw, owner: str) -> None:
    seen = platform(owned(minimal, owner))
    assert [each.name for each in seen.all if each.type.startswith(OWNED_BY_PULUMI)] == []
    record = seen.one(RECORD, "record-orders.dev.example.com")
    name = {"ingress": "public-ingress", "gateway": "public-gateway"}[owner]
    assert record.inputs["type"] == "CNAME"
    assert record.inputs["records"] == [f"k8s-{name}.elb.amazonaws.com"]


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_the_controller_gets_the_rights_and_no_more_than_it_needs(platform: Platform, minimal: Raw, owner: str) -> None:
    before = platform(deepcopy(minimal))
    assert before.names(POLICY) == ["load-balancer-controller-policy"]
    assert "enableWafv2" not in before.one(RELEASE, "load-balancer-controller-release").inputs["values"]
    seen = platform(owned(minimal, owner))
    assert seen.one(POLICY, "load-balancer-controller-policy").inputs == before.one(POLICY).inputs
    further = json.loads(seen.one(POLICY, "load-balancer-controller-edge-policy").inputs["policy"])["Statement"]
    allowed = {action: each for each in further for action in each["Action"]}
    assert allowed["elasticloadbalancing:DeleteLoadBalancer"]["Condition"] == {
        "Null": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "false"}
    }
    assert allowed["elasticloadbalancing:CreateLoadBalancer"]["Condition"] == {
        "Null": {"aws:RequestTag/elbv2.k8s.aws/cluster": "false"}
    }
    assert not [action for action in allowed if "*" in action or action.startswith(("wafv2:", "shield:"))]
    values = seen.one(RELEASE, "load-balancer-controller-release").inputs["values"]
    assert (values["enableShield"], values["enableWaf"], values["enableWafv2"]) == (False, False, False)


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_pods_come_after_what_makes_them_targets(platform: Platform, minimal: Raw, owner: str) -> None:
    """A readiness gate is put in only where the binding is there already (AWS Load Balancer Controller)."""
    seen = platform(owned(minimal, owner))
    route = seen.one(INGRESS, "orders-ingress") if owner == "ingress" else seen.one(GRPC_ROUTE)
    assert route.urn in seen.one(DEPLOYMENT).depends_on
    base = seen.one(INGRESS, "public-ingress") if owner == "ingress" else seen.one(GATEWAY)
    assert base.urn in route.depends_on
    release = seen.one(RELEASE, "load-balancer-controller-release")
    for namespace in seen.of(NAMESPACE):
        assert release.urn in namespace.depends_on


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_only_workloads_of_the_stack_may_use_it(platform: Platform, minimal: Raw, owner: str) -> None:
    """Every namespace of the stack has the label, so that one that leaves a load balancer is let in to the end."""
    raw = owned(minimal, owner)
    raw["load_balancers"]["other"] = {"scheme": "internal"}
    alb(raw)["load_balancer"] = "public"
    seen = platform(with_web(raw, load_balancer="other"))
    label = {each.inputs["metadata"]["labels"]["grpc-platform/stack"] for each in seen.of(NAMESPACE)}
    assert len(seen.of(NAMESPACE)) == 3
    if owner == "ingress":
        selector = seen.one(PARAMETERS).inputs["spec"]["namespaceSelector"]
    else:
        selector = seen.one(GATEWAY).inputs["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["selector"]
    assert [selector["matchLabels"]] == [{"grpc-platform/stack": each} for each in label]
    other = platform(owned(deepcopy(minimal), owner), stack="else").of(NAMESPACE)[0]
    assert other.inputs["metadata"]["labels"]["grpc-platform/stack"] not in label


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_another_scheme_is_another_load_balancer_in_the_same_namespace(
    platform: Platform, minimal: Raw, owner: str
) -> None:
    kind = INGRESS if owner == "ingress" else GATEWAY
    logical = "public-ingress" if owner == "ingress" else "public-gateway"
    first = platform(owned(deepcopy(minimal), owner)).one(kind, logical).inputs["metadata"]
    second = platform(owned(deepcopy(minimal), owner, scheme="internal")).one(kind, logical).inputs["metadata"]
    third = platform(owned(deepcopy(minimal), owner, generation=2)).one(kind, logical).inputs["metadata"]
    fourth = platform(owned(deepcopy(minimal), owner, idle_timeout=60)).one(kind, logical).inputs["metadata"]
    assert len({first["name"], second["name"], third["name"]}) == 3
    assert fourth["name"] == first["name"]
    assert first["namespace"] == second["namespace"]


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_settings_of_the_balancer_are_its_attributes(platform: Platform, minimal: Raw, owner: str) -> None:
    more = {"idle_timeout": 600, "desync_mitigation": "strictest", "headers": {"forwarded_for": "remove"}}
    seen = platform(owned(minimal, owner, allow_cidrs=["192.0.2.0/24"], **more))
    spec = seen.one(PARAMETERS if owner == "ingress" else BALANCER).inputs["spec"]
    attributes = {each["key"]: each["value"] for each in spec["loadBalancerAttributes"]}
    assert attributes["idle_timeout.timeout_seconds"] == "600"
    assert attributes["routing.http.desync_mitigation_mode"] == "strictest"
    assert attributes["routing.http.xff_header_processing.mode"] == "remove"
    assert attributes["routing.http2.enabled"] == "true"
    assert attributes["deletion_protection.enabled"] == "false"
    assert spec["inboundCIDRs" if owner == "ingress" else "sourceRanges"] == ["192.0.2.0/24"]
    assert spec["scheme"] == "internet-facing"
    if owner == "ingress":
        assert spec["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
        assert spec["subnets"]["ids"] == ["network-public-eu-west-1a-id", "network-public-eu-west-1b-id"]
        assert {each["key"]: each["value"] for each in spec["tags"]}["grpc-platform:stack"] == "test"
    else:
        (listener,) = spec["listenerConfigurations"]
        assert listener["protocolPort"] == "HTTPS:443"
        assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
        assert spec["tags"]["grpc-platform:stack"] == "test"


def test_a_grpc_ingress_says_everything_that_has_a_bad_default(platform: Platform, minimal: Raw) -> None:
    seen = platform(owned(minimal, "ingress"))
    assert notes(seen.one(INGRESS, "orders-ingress")) == {
        "backend-protocol": "HTTP",
        "backend-protocol-version": "GRPC",
        "group.order": "-38",
        "healthcheck-interval-seconds": "15",
        "healthcheck-path": "/grpc.health.v1.Health/Check",
        "healthcheck-port": "traffic-port",
        "healthcheck-protocol": "HTTP",
        "healthcheck-timeout-seconds": "5",
        "healthy-threshold-count": "2",
        "listen-ports": '[{"HTTPS": 443}]',
        "success-codes": "0",
        "target-group-attributes": "deregistration_delay.timeout_seconds=50,"
        "load_balancing.algorithm.type=round_robin,slow_start.duration_seconds=0",
        "unhealthy-threshold-count": "2",
    }
    (rule,) = seen.one(INGRESS, "orders-ingress").inputs["spec"]["rules"]
    assert rule["host"] == "orders.dev.example.com"
    assert rule["http"]["paths"] == [
        {
            "path": "/acme.orders.v1.Orders/*",
            "pathType": "ImplementationSpecific",
            "backend": {"service": {"name": "orders", "port": {"number": 50051}}},
        }
    ]
    assert seen.one(PARAMETERS).inputs["spec"]["targetType"] == "ip"


def test_ingresses_agree_on_all_that_the_group_shares(platform: Platform, minimal: Raw) -> None:
    """Annotations of the kind "Exclusive" may differ in no member, so no member has one."""
    seen = platform(owned(with_web(minimal), "ingress"))
    shared = {"scheme", "certificate-arn", "ssl-policy", "inbound-cidrs", "subnets", "load-balancer-attributes"}
    assert len(seen.of(INGRESS)) == 3
    for each in seen.of(INGRESS):
        assert not shared & set(notes(each))
        assert each.inputs["spec"]["ingressClassName"] == seen.one(CLASS).inputs["metadata"]["name"]


def test_a_route_is_an_action_with_conditions_and_a_denial(platform: Platform, minimal: Raw) -> None:
    route = {
        "methods": ["acme.orders.v1.Orders/Purge"],
        "headers": {"x-role": ["admin"]},
        "source_ips": ["192.0.2.0/24"],
    }
    alb(minimal)["routes"] = {"purge": route}
    found = platform(owned(minimal, "ingress")).one(INGRESS, "orders-ingress")
    paths = found.inputs["spec"]["rules"][0]["http"]["paths"]
    assert [(each["path"], each["backend"]["service"]["name"]) for each in paths] == [
        ("/acme.orders.v1.Orders/Purge", "route-purge"),
        ("/acme.orders.v1.Orders/Purge", "no-route"),
        ("/acme.orders.v1.Orders/*", "orders"),
    ]
    assert paths[0]["backend"]["service"]["port"] == {"name": "use-annotation"}
    assert json.loads(notes(found)["conditions.route-purge"]) == [
        {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "x-role", "values": ["admin"]}},
        {"field": "source-ip", "sourceIPConfig": {"values": ["192.0.2.0/24"]}},
    ]
    assert json.loads(notes(found)["actions.route-purge"])["forwardConfig"]["targetGroups"] == [
        {"serviceName": "orders", "servicePort": 50051, "weight": 100}
    ]
    assert json.loads(notes(found)["actions.no-route"])["fixedResponseConfig"]["statusCode"] == "404"


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_a_canary_is_a_second_service_with_its_share(platform: Platform, minimal: Raw, owner: str) -> None:
    alb(minimal)["canary"] = {"tag": "1.5.0", "weight": 10}
    seen = platform(owned(minimal, owner))
    if owner == "ingress":
        forwarded = json.loads(notes(seen.one(INGRESS, "orders-ingress"))["actions.versions"])["forwardConfig"]
        found = [(each["serviceName"], each["weight"]) for each in forwarded["targetGroups"]]
    else:
        backends = seen.one(GRPC_ROUTE).inputs["spec"]["rules"][0]["backendRefs"]
        found = [(each["name"], each["weight"]) for each in backends]
        assert sorted(each.inputs["metadata"]["name"] for each in seen.of(TARGETS)) == ["orders", "orders-canary"]
    assert found == [("orders", 90), ("orders-canary", 10)]
    assert len(seen.of(DEPLOYMENT)) == 2


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_an_http_workload_with_a_cookie(platform: Platform, minimal: Raw, owner: str) -> None:
    sticky = {"type": "app_cookie", "cookie": "session", "duration": 600}
    seen = platform(owned(with_web(minimal, stickiness=sticky, algorithm="weighted_random"), owner))
    if owner == "ingress":
        pairs = notes(seen.one(INGRESS, "web-ingress"))["target-group-attributes"].split(",")
        found = dict(pair.split("=") for pair in pairs)
    else:
        spec = seen.one(TARGETS, "web-target-group-configuration").inputs["spec"]["defaultConfiguration"]
        found = {each["key"]: each["value"] for each in spec["targetGroupAttributes"]}
        assert spec["protocolVersion"] == "HTTP1"
        assert spec["healthCheckConfig"]["matcher"] == {"httpCode": "200"}
    assert found["stickiness.enabled"] == "true"
    assert found["stickiness.app_cookie.cookie_name"] == "session"
    assert found["stickiness.app_cookie.duration_seconds"] == "600"
    assert found["load_balancing.algorithm.anomaly_mitigation"] == "off"


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_tls_to_the_pod_and_a_plain_health_port(platform: Platform, minimal: Raw, owner: str) -> None:
    minimal["services"]["orders"] |= {"backend_tls": {"secret": "orders-tls"}, "health": {"port": 8081}}
    seen = platform(owned(minimal, owner))
    if owner == "ingress":
        found = notes(seen.one(INGRESS, "orders-ingress"))
        assert (found["backend-protocol"], found["backend-protocol-version"]) == ("HTTPS", "GRPC")
        assert (found["healthcheck-protocol"], found["healthcheck-port"]) == ("HTTP", "8081")
    else:
        spec = seen.one(TARGETS).inputs["spec"]["defaultConfiguration"]
        assert (spec["protocol"], spec["protocolVersion"]) == ("HTTPS", "GRPC")
        check = spec["healthCheckConfig"]
        assert (check["healthCheckProtocol"], check["healthCheckPort"]) == ("HTTP", "8081")


def test_a_gateway_has_https_alone_and_its_certificate_in_the_configuration(platform: Platform, minimal: Raw) -> None:
    seen = platform(owned(minimal, "gateway"))
    spec = seen.one(GATEWAY).inputs["spec"]
    assert [(each["port"], each["protocol"]) for each in spec["listeners"]] == [(443, "HTTPS")]
    assert "tls" not in spec["listeners"][0]
    assert spec["gatewayClassName"] == seen.one(GATEWAY_CLASS).inputs["metadata"]["name"]
    assert spec["infrastructure"]["parametersRef"]["name"] == seen.one(BALANCER).inputs["metadata"]["name"]
    assert seen.one(GATEWAY_CLASS).inputs["spec"] == {"controllerName": "gateway.k8s.aws/alb"}


def test_a_grpc_route_and_its_target_group(platform: Platform, minimal: Raw) -> None:
    alb(minimal)["routes"] = {"purge": {"methods": ["acme.orders.v1.Orders/Purge"], "headers": {"x-role": ["admin"]}}}
    seen = platform(owned(minimal, "gateway"))
    spec = seen.one(GRPC_ROUTE).inputs["spec"]
    assert spec["hostnames"] == ["orders.dev.example.com"]
    assert spec["parentRefs"][0]["sectionName"] == "https"
    method = {"type": "Exact", "service": "acme.orders.v1.Orders", "method": "Purge"}
    first, second, third = spec["rules"]
    assert first["matches"] == [{"method": method, "headers": [{"type": "Exact", "name": "x-role", "value": "admin"}]}]
    assert second["filters"][0]["extensionRef"]["name"] == seen.one(RULES).inputs["metadata"]["name"]
    assert third["matches"] == [{"method": {"type": "Exact", "service": "acme.orders.v1.Orders"}}]
    assert third["backendRefs"] == [{"name": "orders", "port": 50051, "weight": 100}]
    target = seen.one(TARGETS).inputs["spec"]
    assert target["targetReference"] == {"name": "orders"}
    assert target["defaultConfiguration"]["protocolVersion"] == "GRPC"
    assert target["defaultConfiguration"]["healthCheckConfig"]["matcher"] == {"grpcCode": "0"}
    assert seen.one(TARGETS).urn in seen.one(GRPC_ROUTE).depends_on


def test_paths_of_an_http_route(platform: Platform, minimal: Raw) -> None:
    routes = {"old": {"paths": ["/api/v1"], "query": {"v": ["1"]}, "otherwise": "pass"}}
    seen = platform(owned(with_web(minimal, paths=["/", "/api/*", "/*"], routes=routes), "gateway"))
    rules = seen.one(HTTP_ROUTE).inputs["spec"]["rules"]
    assert rules[0]["matches"] == [
        {
            "path": {"type": "Exact", "value": "/api/v1"},
            "queryParams": [{"type": "Exact", "name": "v", "value": "1"}],
        }
    ]
    assert [each["path"] for each in rules[1]["matches"]] == [
        {"type": "Exact", "value": "/"},
        {"type": "PathPrefix", "value": "/api"},
        {"type": "PathPrefix", "value": "/"},
    ]


def test_a_workload_of_the_whole_host_has_a_rule_without_matches(platform: Platform, minimal: Raw) -> None:
    del minimal["services"]["orders"]["grpc_services"]
    minimal["services"]["orders"]["health"] = {"service": "acme.orders.v1.Orders"}
    (rule,) = platform(owned(minimal, "gateway")).one(GRPC_ROUTE).inputs["spec"]["rules"]
    assert list(rule) == ["backendRefs"]


@pytest.mark.parametrize("owner", ["pulumi", "ingress", "gateway"])
def test_port_80_redirects_and_forwards_nothing(platform: Platform, minimal: Raw, owner: str) -> None:
    seen = platform(owned(with_web(minimal), owner, http_redirect=True))
    if owner == "pulumi":
        listener = seen.one("aws:lb/listener:Listener", "public-http").inputs
        assert (listener["port"], listener["protocol"]) == (80, "HTTP")
        redirect = {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}
        assert listener["defaultActions"] == [{"type": "redirect", "redirect": redirect}]
        rule = seen.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "public-http-from-0.0.0.0/0")
        assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (80, 80)
    elif owner == "ingress":
        assert seen.one(PARAMETERS).inputs["spec"]["sslRedirectPort"] == "443"
        ports = {each.name: notes(each)["listen-ports"] for each in seen.of(INGRESS)}
        assert ports.pop("public-ingress") == '[{"HTTP": 80}, {"HTTPS": 443}]'
        assert set(ports.values()) == {'[{"HTTPS": 443}]'}
    else:
        assert [each["port"] for each in seen.one(GATEWAY).inputs["spec"]["listeners"]] == [443, 80]
        spec = seen.one(HTTP_ROUTE, "public-redirect").inputs["spec"]
        assert spec["parentRefs"][0]["sectionName"] == "http"
        (rule,) = spec["rules"]
        assert rule["filters"][0]["requestRedirect"] == {"scheme": "https", "port": 443, "statusCode": 301}


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_what_is_protected_by_aws_is_protected_by_pulumi_before(platform: Platform, minimal: Raw, owner: str) -> None:
    seen = platform(owned(minimal, owner, deletion_protection=True))
    kinds = (
        (INGRESS, CLASS, PARAMETERS, NAMESPACE) if owner == "ingress" else (GATEWAY, GATEWAY_CLASS, BALANCER, NAMESPACE)
    )
    for kind in kinds:
        assert [each.protect for each in seen.of(kind) if each.name.startswith("public-")] == [True]


def test_several_kinds_of_owner_live_side_by_side(platform: Platform, minimal: Raw) -> None:
    raw = owned(with_web(minimal, load_balancer="inside"), "ingress")
    alb(raw)["load_balancer"] = "public"
    raw["load_balancers"]["inside"] = {"scheme": "internal"}
    raw["observability"] = {}
    seen = platform(raw)
    assert seen.names("aws:lb/targetGroup:TargetGroup") == ["web-target-group"]
    assert seen.names(INGRESS) == ["orders-ingress", "public-ingress"]
    alarms = seen.names("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert alarms
    assert not [name for name in alarms if "orders" in name or "public" in name]


def test_a_gateway_without_definitions_stops_before_anything_is_made(
    platform: Platform, minimal: Raw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(crds.VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pulumi.RunError, match=r"load_balancers with owner gateway needs .*make crds"):
        platform(owned(minimal, "gateway"))
    platform(owned(minimal, "ingress"))
