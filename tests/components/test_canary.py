"""A canary: a version of its own with a share of the calls, and TLS to the pod."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

RULE = "aws:lb/listenerRule:ListenerRule"
GROUP = "aws:lb/targetGroup:TargetGroup"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE = "kubernetes:core/v1:Service"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"

Platform = Callable[..., Any]
Raw = dict[str, Any]


@pytest.fixture
def canaried(minimal: Raw) -> Raw:
    alb(minimal)["canary"] = {"tag": "1.5.0", "weight": 10}
    return minimal


def alb(raw: Raw) -> Raw:
    found: Raw = raw["services"]["orders"]["expose"]["alb"]
    return found


def test_without_a_canary_everything_is_as_it_was(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    assert not [each.name for each in seen.all if "canary" in each.name]
    assert list(seen.one(RULE).inputs["actions"][0]) == ["type", "targetGroupArn"]


def test_rules_share_the_calls_by_weight(platform: Platform, canaried: Raw) -> None:
    seen = platform(canaried)
    assert seen.one(RULE).inputs["actions"] == [
        {
            "type": "forward",
            "forward": {
                "targetGroups": [
                    {"arn": f"arn:aws:{GROUP}:orders-target-group", "weight": 90},
                    {"arn": f"arn:aws:{GROUP}:orders.canary-target-group", "weight": 10},
                ]
            },
        }
    ]


def test_the_groups_are_alike_but_for_their_names(platform: Platform, canaried: Raw) -> None:
    seen = platform(canaried)
    own, other = (dict(seen.one(GROUP, name).inputs) for name in ("orders-target-group", "orders.canary-target-group"))
    assert own.pop("name") != other.pop("name")
    assert own == other
    assert own["protocolVersion"] == "GRPC"


def test_no_selector_of_one_version_selects_pods_of_the_other(platform: Platform, canaried: Raw) -> None:
    seen = platform(canaried)
    pods = {
        each.inputs["metadata"]["name"]: each.inputs["spec"]["template"]["metadata"]["labels"]
        for each in seen.of(DEPLOYMENT)
    }
    assert set(pods) == {"orders", "orders-canary"}
    selectors = {
        **{f"service {each.name}": each.inputs["spec"]["selector"] for each in seen.of(SERVICE)},
        **{f"deployment {each.name}": each.inputs["spec"]["selector"]["matchLabels"] for each in seen.of(DEPLOYMENT)},
        **{f"budget {each.name}": each.inputs["spec"]["selector"]["matchLabels"] for each in seen.of(BUDGET)},
    }
    assert len(selectors) == 6
    for name, selector in selectors.items():
        chosen = [pod for pod, labels in pods.items() if selector.items() <= labels.items()]
        assert chosen == ["orders-canary" if ".canary" in name else "orders"]


def test_the_canary_runs_its_own_image_with_the_settings_of_the_workload(platform: Platform, canaried: Raw) -> None:
    canaried["services"]["orders"]["secrets"] = {"TOKEN": "x"}
    seen = platform(canaried)
    own, other = (
        seen.one(DEPLOYMENT, name).inputs["spec"]["template"]["spec"]
        for name in ("orders-deployment", "orders.canary-deployment")
    )
    assert own["containers"][0]["image"] == "ghcr.io/acme/orders:1.4.2"
    assert other["containers"][0]["image"] == "ghcr.io/acme/orders:1.5.0"
    assert own["containers"][0]["env"] == other["containers"][0]["env"]
    assert own["serviceAccountName"] == other["serviceAccountName"] == "orders"
    assert len(seen.of("kubernetes:core/v1:Secret")) == 1


def test_a_canary_from_the_own_repository_is_another_version_of_it(platform: Platform, canaried: Raw) -> None:
    digest = "sha256:" + "1" * 64
    canaried["services"]["orders"]["image"] = {"repository": "orders", "tag": "1"}
    alb(canaried)["canary"] = {"digest": digest}
    container = platform(canaried).one(DEPLOYMENT, "orders.canary-deployment").inputs["spec"]["template"]["spec"]
    assert container["containers"][0]["image"].endswith(f"/test/orders@{digest}")


def test_the_binding_of_the_canary_binds_its_own_service_and_group(platform: Platform, canaried: Raw) -> None:
    seen = platform(canaried)
    binding = seen.one(BINDING, "orders.canary-binding")
    assert binding.inputs["spec"]["serviceRef"]["name"] == "orders-canary"
    assert binding.inputs["spec"]["targetGroupARN"] == f"arn:aws:{GROUP}:orders.canary-target-group"
    deployments = {each.name: each.depends_on for each in seen.of(DEPLOYMENT)}
    assert binding.urn in deployments["orders.canary-deployment"]
    assert binding.urn not in deployments["orders-deployment"]
    assert seen.one(RULE).urn in binding.depends_on


@pytest.mark.parametrize(("weight", "fewest"), [(0, 1), (10, 1), (50, 4), (55, 4), (100, 7)])
def test_the_canary_has_pods_for_its_share(platform: Platform, canaried: Raw, weight: int, fewest: int) -> None:
    canaried["services"]["orders"]["scaling"] = {"min": 7, "max": 20}
    alb(canaried)["canary"]["weight"] = weight
    seen = platform(canaried)
    own, other = (seen.one(AUTOSCALER, f"{name}-autoscaler").inputs["spec"] for name in ("orders", "orders.canary"))
    assert (own["minReplicas"], own["maxReplicas"]) == (7, 20)
    assert (other["minReplicas"], other["maxReplicas"]) == (fewest, 20)
    assert other["scaleTargetRef"]["name"] == "orders-canary"


def test_a_workload_named_like_a_canary_is_another_one(platform: Platform, canaried: Raw) -> None:
    other = deepcopy(canaried["services"]["orders"])
    other["expose"]["alb"] = {"host": "other.dev.example.com"}
    canaried["services"]["orders-canary"] = other
    seen = platform(canaried)
    names = [each.inputs["name"] for each in seen.of(GROUP)]
    assert len(set(names)) == 3
    assert len({each.urn for each in seen.all}) == len(seen.all)


def test_sticky_groups_behind_one_rule_need_a_sticky_rule(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "image": {"uri": "ghcr.io/acme/web", "tag": "1"},
        "expose": {
            "alb": {"host": "web.dev.example.com", "canary": {"tag": "2"}, "stickiness": {"duration": 600}},
        },
    }
    seen = platform(minimal)
    forward = seen.one(RULE, "web/under").inputs["actions"][0]["forward"]
    assert forward["stickiness"] == {"enabled": True, "duration": 600}
    assert [each["weight"] for each in forward["targetGroups"]] == [100, 0]
    for name in ("web-target-group", "web.canary-target-group"):
        assert seen.one(GROUP, name).inputs["stickiness"] == {
            "enabled": True,
            "type": "lb_cookie",
            "cookieDuration": 600,
        }


def test_stickiness_of_http_is_said_when_off_and_never_of_grpc(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["web"] = {"protocol": "http", "port": 80, "expose": {"alb": {"host": "web.dev.example.com"}}}
    seen = platform(minimal)
    assert seen.one(GROUP, "web-target-group").inputs["stickiness"]["enabled"] is False
    assert "stickiness" not in seen.one(GROUP, "orders-target-group").inputs


@pytest.mark.parametrize(
    ("settings", "key", "expected"),
    [
        ({"algorithm": "weighted_random"}, "loadBalancingAnomalyMitigation", "off"),
        ({"algorithm": "weighted_random", "anomaly_mitigation": True}, "loadBalancingAnomalyMitigation", "on"),
        ({"algorithm": "least_outstanding_requests"}, "loadBalancingAnomalyMitigation", None),
        (
            {"target_health": {"dns_failover": {"count": 3, "percent": 50}, "any_target": {"percent": 20}}},
            "targetGroupHealth",
            {
                "dnsFailover": {"minimumHealthyTargetsCount": "3", "minimumHealthyTargetsPercentage": "50"},
                "unhealthyStateRouting": {"minimumHealthyTargetsCount": 1, "minimumHealthyTargetsPercentage": "20"},
            },
        ),
        ({}, "targetGroupHealth", None),
    ],
)
def test_how_calls_are_spread(platform: Platform, minimal: Raw, settings: Raw, key: str, expected: Any) -> None:
    alb(minimal).update(settings)
    assert platform(minimal).one(GROUP).inputs.get(key) == expected


def test_tls_to_the_pod(platform: Platform, minimal: Raw) -> None:
    before = platform(minimal).one(GROUP).inputs["name"]
    minimal["services"]["orders"] |= {"backend_tls": {"secret": "orders-tls"}, "health": {"port": 8080}}
    seen = platform(minimal)
    group = seen.one(GROUP).inputs
    assert (group["protocol"], group["protocolVersion"]) == ("HTTPS", "GRPC")
    assert (group["healthCheck"]["protocol"], group["healthCheck"]["port"]) == ("HTTP", "8080")
    assert group["name"] != before
    pod = seen.one(DEPLOYMENT).inputs["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["volumes"] == [{"name": "backend-tls", "secret": {"secretName": "orders-tls"}}]
    (mount,) = container["volumeMounts"]
    assert mount["readOnly"] is True
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["TLS_CERT_FILE"] == f"{mount['mountPath']}/tls.crt"
    assert variables["TLS_KEY_FILE"] == f"{mount['mountPath']}/tls.key"
    assert container["readinessProbe"]["grpc"]["port"] == 8080
    assert seen.one(SERVICE).inputs["spec"]["ports"][0]["appProtocol"] == "https"


def test_without_tls_the_pod_has_no_volume(platform: Platform, minimal: Raw) -> None:
    pod = platform(minimal).one(DEPLOYMENT).inputs["spec"]["template"]["spec"]
    assert "volumes" not in pod
    assert "volumeMounts" not in pod["containers"][0]
