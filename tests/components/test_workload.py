"""What runs on the cluster for one entry of `services:`."""

from collections.abc import Callable
from typing import Any

from components import pods

Platform = Callable[..., Any]
Raw = dict[str, Any]

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"


def container(seen: Any) -> Raw:
    found: Raw = seen.one(DEPLOYMENT).inputs["spec"]["template"]["spec"]["containers"][0]
    return found


def test_probes_are_native_grpc_and_never_share_a_health_service_name(platform: Platform, minimal: Raw) -> None:
    found = container(platform(minimal))
    assert found["readinessProbe"]["grpc"] == {"port": 50051, "service": "acme.orders.v1.Orders"}
    assert found["livenessProbe"]["grpc"] == {"port": 50051, "service": ""}
    assert found["startupProbe"]["grpc"]["service"] == ""


def test_http_workloads_are_probed_over_http(platform: Platform, minimal: Raw) -> None:
    del minimal["services"]["orders"]["grpc_services"]
    minimal["services"]["orders"] |= {"protocol": "http", "health": {"path": "/ready", "port": 8081}}
    found = container(platform(minimal))
    assert found["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8081}
    assert {port["name"]: port["containerPort"] for port in found["ports"]} == {"http": 50051, "health": 8081}


def test_one_drain_value_gives_every_number_that_a_rollout_needs(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["drain"] = 90
    seen = platform(minimal)
    spec = seen.one(DEPLOYMENT).inputs["spec"]["template"]["spec"]
    found = container(seen)
    sleep = found["lifecycle"]["preStop"]["sleep"]["seconds"]
    environment = {each["name"]: each.get("value") for each in found["env"]}
    assert spec["terminationGracePeriodSeconds"] >= sleep + 90
    delay = seen.one("aws:lb/targetGroup:TargetGroup").inputs["deregistrationDelay"]
    assert sleep + 90 <= delay <= spec["terminationGracePeriodSeconds"] - sleep
    assert environment["DRAIN_SECONDS"] == "90"


def test_binding_comes_after_rules_and_controller_and_before_the_pods(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    binding, deployment = seen.one(BINDING), seen.one(DEPLOYMENT)
    rule, release = seen.one("aws:lb/listenerRule:ListenerRule"), seen.one("kubernetes:helm.sh/v3:Release")
    assert {rule.urn, release.urn} <= set(binding.depends_on)
    assert binding.urn in deployment.depends_on
    assert binding.delete_before_replace is True
    assert set(binding.replace_on_changes) >= {"spec.targetGroupARN", "spec.targetType", "spec.vpcID"}
    assert "name" not in binding.inputs["metadata"]


def test_new_pods_wait_for_the_load_balancer(platform: Platform, minimal: Raw) -> None:
    metadata = platform(minimal).one("kubernetes:core/v1:Namespace").inputs["metadata"]
    assert metadata["name"] == "orders"
    assert metadata["labels"]["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"


def test_nothing_waits_for_endpoints_that_come_later(platform: Platform, minimal: Raw) -> None:
    metadata = platform(minimal).one("kubernetes:core/v1:Service").inputs["metadata"]
    assert metadata["annotations"]["pulumi.com/skipAwait"] == "true"


def test_replicas_belong_to_the_autoscaler(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["scaling"] = {"min": 3, "max": 9, "cpu": 60, "memory": 80}
    seen = platform(minimal)
    spec = seen.one("kubernetes:autoscaling/v2:HorizontalPodAutoscaler").inputs["spec"]
    assert "replicas" not in seen.one(DEPLOYMENT).inputs["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 9)
    targets = {each["resource"]["name"]: each["resource"]["target"]["averageUtilization"] for each in spec["metrics"]}
    assert targets == {"cpu": 60, "memory": 80}
    assert seen.one("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1


def test_resources_and_environment_reach_the_container(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"] |= {
        "resources": {"cpu": "500m", "memory": "1Gi", "cpu_limit": "2", "memory_limit": "2Gi"},
        "env": {"LOG_LEVEL": "debug"},
    }
    found = container(platform(minimal))
    assert found["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }
    assert {"name": "LOG_LEVEL", "value": "debug"} in found["env"]


def test_secrets_reach_the_pod_by_reference_only(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["secrets"] = {"DATABASE_URL": "postgres://user:hunter2@db"}
    seen = platform(minimal)
    reference = next(each for each in container(seen)["env"] if each["name"] == "DATABASE_URL")
    assert reference["valueFrom"]["secretKeyRef"]["key"] == "DATABASE_URL"
    elsewhere = [each for each in seen.all if each.type != "kubernetes:core/v1:Secret"]
    assert "hunter2" not in repr(elsewhere)


def test_without_an_image_there_is_everything_but_the_deployment(platform: Platform, minimal: Raw) -> None:
    del minimal["services"]["orders"]["image"]
    seen = platform(minimal)
    assert not seen.of(DEPLOYMENT)
    assert not seen.of("kubernetes:autoscaling/v2:HorizontalPodAutoscaler")
    assert seen.one(BINDING)
    assert seen.one("aws:ecr/repository:Repository").inputs["name"] == "test/orders"


def test_images_by_tag_by_digest_here_and_elsewhere(platform: Platform, minimal: Raw) -> None:
    digest = "sha256:" + "a" * 64
    own = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/test/orders"
    for image, expected in (
        ({"uri": "ghcr.io/acme/orders", "tag": "1.4.2"}, "ghcr.io/acme/orders:1.4.2"),
        ({"repository": "orders", "digest": digest}, f"{own}@{digest}"),
        ({"repository": "orders", "tag": "1.4.2"}, f"{own}:1.4.2"),
    ):
        minimal["services"]["orders"]["image"] = image
        assert container(platform(minimal))["image"] == expected


def test_a_workload_that_is_not_exposed_has_no_edge(platform: Platform, minimal: Raw) -> None:
    del minimal["services"]["orders"]["expose"]
    seen = platform(minimal)
    assert not seen.of(BINDING)
    assert not seen.of("aws:lb/targetGroup:TargetGroup")
    assert seen.one(DEPLOYMENT)


def test_pods_spread_over_zones_and_nodes_where_they_can(platform: Platform, minimal: Raw) -> None:
    spec = platform(minimal).one(DEPLOYMENT).inputs["spec"]["template"]["spec"]
    keys = {each["topologyKey"]: each["whenUnsatisfiable"] for each in spec["topologySpreadConstraints"]}
    assert keys == {"topology.kubernetes.io/zone": "ScheduleAnyway", "kubernetes.io/hostname": "ScheduleAnyway"}


def test_the_grace_period_covers_deregistration_and_drain() -> None:
    assert all(pods.grace_period(drain) > pods.DEREGISTRATION_SECONDS + drain for drain in (1, 30, 3600))
    assert pods.deregistration_delay(3600) == 3600
