"""Rules of endpoints, flow logs, add-ons, ExternalDNS and architectures."""

from typing import Any

import pytest

from .conftest import Desk

EBS = {"version": "v1.66.0-eksbuild.1"}


def test_images_need_s3_beside_ecr(desk: Desk) -> None:
    (line,) = desk.put("network.endpoints", ["ecr", "sts"]).lines()
    assert line.startswith("network.endpoints: ecr without s3 keeps nothing inside the VPC")
    assert desk.put("network.endpoints", ["ecr", "s3"]).lines() == []


def test_interface_endpoints_of_china_have_other_names(desk: Desk) -> None:
    desk.region = "cn-north-1"
    desk.put("network", {"zones": ["cn-north-1a", "cn-north-1b"], "endpoints": ["s3", "sts"]})
    lines = [line for line in desk.lines() if "interface endpoints" in line]
    assert [line.partition(":")[0] for line in lines] == ["network.endpoints[1]"]


def test_a_bucket_for_flow_logs_exists_and_has_its_own_retention(desk: Desk) -> None:
    desk.put("network.flow_logs", {"destination": "bucket", "retention": 30})
    assert [line.partition(":")[0] for line in desk.lines()] == [
        "network.flow_logs.destination",
        "network.flow_logs.retention",
    ]
    desk.put("network.flow_logs", {"destination": "bucket"}).put("existing.log_bucket", "acme-logs")
    assert desk.lines() == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("extra_addons", {"coredns": EBS}, "cluster.extra_addons.coredns: is one of the platform's own"),
        (
            "extra_addons",
            {"aws-ebs-csi-driver": EBS | {"configuration": "[1]"}},
            "cluster.extra_addons.aws-ebs-csi-driver.configuration: must be a JSON object",
        ),
        (
            "extra_addons",
            {"aws-ebs-csi-driver": EBS | {"permissions": {"a": ["arn"]}}},
            "cluster.extra_addons.aws-ebs-csi-driver.permissions.a[0]: must be the ARN of an IAM policy",
        ),
    ],
)
def test_an_addon_that_could_not_be_installed_is_refused(desk: Desk, path: str, value: Any, said: str) -> None:
    (line,) = desk.put(f"cluster.{path}", value).lines()
    assert line.startswith(said)


def test_external_dns_comes_once_and_writes_to_one_zone(desk: Desk) -> None:
    desk.put("cluster.external_dns", {}).put("cluster.extra_addons", {"external-dns": EBS})
    (line,) = desk.lines()
    assert line.startswith("cluster.extra_addons.external-dns: cluster.external_dns installs it already")
    desk.drop("cluster.extra_addons").drop("existing")
    assert "cluster.external_dns: needs existing.hosted_zone, the one zone it may write to" in desk.lines()


def test_external_dns_has_its_namespace_to_itself(desk: Desk) -> None:
    desk.put("services", {"external-dns": {"protocol": "http", "port": 8080}})
    assert desk.lines() == []
    (line,) = desk.put("cluster.external_dns", {}).lines()
    assert line.startswith("services.external-dns: cluster.external_dns has the namespace external-dns")


def test_a_workload_finds_nodes_of_its_architecture(desk: Desk) -> None:
    assert desk.put("services.orders.architecture", "arm64").lines() == []
    (line,) = desk.put("services.orders.architecture", "amd64").lines()
    assert line.startswith("services.orders.architecture: no node group without a taint is amd64 (there is: arm64)")
    batch: dict[str, Any] = {"architecture": "amd64", "instance_types": ["m7i.large"], "taints": {}}
    assert desk.put("cluster.node_groups.batch", batch).lines() == []
    desk.put("cluster.node_groups.batch.taints", {"batch": {"effect": "NO_SCHEDULE"}})
    assert len(desk.lines()) == 1


def test_who_may_pull_is_said_in_full(desk: Desk) -> None:
    desk.put("registry.pull_accounts", ["1234", "444455556666"]).put("registry.pull_organizations", ["acme"])
    lines = desk.put("registry.kept_images", 0).lines()
    assert any("registry.pull_accounts[0]: must be an account id of 12 digits" in line for line in lines)
    assert any("registry.pull_organizations[0]: must be the id of an organization" in line for line in lines)
    assert any("registry.kept_images: must be a whole number from 1 to 10000; received 0" in line for line in lines)


def test_a_platform_stack_has_no_repositories(desk: Desk) -> None:
    desk.raw = {key: value for key, value in desk.raw.items() if key != "services"}
    desk.put("environment.kind", "platform").put("load_balancers.public.pod_ports", [50051]).put("registry", {})
    assert desk.lines() == ["registry: a stack of kind platform has none; they belong to stacks of kind services"]
