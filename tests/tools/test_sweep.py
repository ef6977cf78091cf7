"""The sweep, against an emulated account: what is an orphan, what goes, what is told."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tools import sweep
from tools.sweep import Options

REGION = "eu-west-1"  # of Pulumi.dev.yaml
CLUSTER = "grpc-platform-dev"
CONTROLLER = {"elbv2.k8s.aws/cluster": CLUSTER}
STACK = {"grpc-platform:project": "grpc-platform", "grpc-platform:stack": "dev"}


def pairs(tags: dict[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Account:
    """An emulated account with a VPC to put things into."""

    def __init__(self) -> None:
        self.ec2 = boto3.client("ec2", region_name=REGION)
        self.elbv2 = boto3.client("elbv2", region_name=REGION)
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=REGION + zone)[
                "Subnet"
            ]["SubnetId"]
            for index, zone in enumerate("ab")
        ]

    def group(self, name: str, tags: dict[str, str]) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        if tags:
            self.ec2.create_tags(Resources=[made], Tags=pairs(tags))
        return made

    def interface(self, tags: dict[str, str], groups: list[str]) -> str:
        made = self.ec2.create_network_interface(SubnetId=self.subnets[0], Groups=groups)["NetworkInterface"]
        if tags:
            self.ec2.create_tags(Resources=[made["NetworkInterfaceId"]], Tags=pairs(tags))
        return made["NetworkInterfaceId"]

    def balancer(self, name: str, tags: dict[str, str]) -> str:
        made = self.elbv2.create_load_balancer(Name=name, Subnets=self.subnets, Tags=pairs(tags))["LoadBalancers"]
        return made[0]["LoadBalancerArn"]

    def target_group(self, name: str, tags: dict[str, str]) -> str:
        made = self.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=50051, VpcId=self.vpc, TargetType="ip", Tags=pairs(tags)
        )
        return made["TargetGroups"][0]["TargetGroupArn"]

    def left(self) -> set[str]:
        balancers = self.elbv2.describe_load_balancers()["LoadBalancers"]
        groups = self.elbv2.describe_target_groups()["TargetGroups"]
        security = self.ec2.describe_security_groups()["SecurityGroups"]
        interfaces = self.ec2.describe_network_interfaces()["NetworkInterfaces"]
        return {
            *(each["LoadBalancerName"] for each in balancers),
            *(each["TargetGroupName"] for each in groups),
            *(each["GroupName"] for each in security if each["GroupName"] != "default"),
            *(each["NetworkInterfaceId"] for each in interfaces),
        }


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    state(tmp_path, {})
    with mock_aws():
        yield Account()


def state(folder: Path, export: dict[str, Any] | str) -> None:
    """A CLI that exports this state, or fails with this text."""
    body = f"echo '{export}' >&2; exit 1" if isinstance(export, str) else f"echo '{json.dumps(export)}'"
    script = folder / "pulumi"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Names of what is listed, with why it cannot go."""
    assert sweep.main(Options("dev", as_json=True)) in {0, sweep.FOUND}
    return {each["name"]: each["blocked"] for each in json.loads(capsys.readouterr().out)}


def test_what_the_controllers_of_a_gone_cluster_made_is_listed_and_nothing_else(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.balancer("k8s-orders", CONTROLLER)
    account.target_group("k8s-orders-tg", CONTROLLER)
    account.group("k8s-traffic", CONTROLLER)
    account.balancer("other-cluster", {"elbv2.k8s.aws/cluster": "grpc-platform-prod"})
    account.target_group("somebody-elses", {"team": "billing"})
    account.group("other-stack", {**STACK, "grpc-platform:stack": "prod"})
    assert set(listed(capsys)) == {"k8s-orders", "k8s-orders-tg", "k8s-traffic"}
    assert sweep.main(Options("dev")) == sweep.FOUND
    said = capsys.readouterr().out
    assert "Left of dev (account 123456789012, eu-west-1): 3" in said
    assert "make sweep env=dev remove=yes" in said


def test_more_load_balancers_than_tags_come_at_once(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(23):
        account.target_group(f"tg-{index}", CONTROLLER)
    assert len(listed(capsys)) == 23


def test_a_living_cluster_keeps_what_its_controllers_made(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    account.balancer("k8s-orders", CONTROLLER)
    account.target_group("forgotten", STACK)
    boto3.client("eks", region_name=REGION).create_cluster(
        name=CLUSTER, roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": account.subnets}
    )
    assert set(listed(capsys)) == {"forgotten"}
    sweep.main(Options("dev"))
    assert f"Cluster {CLUSTER} exists" in capsys.readouterr().out


def test_what_the_state_knows_is_no_orphan(
    account: Account, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept, group = account.target_group("kept", STACK), account.group("kept-group", STACK)
    account.target_group("lost", STACK)
    resources = [{"id": "a", "outputs": {"arn": kept}}, {"id": group}, {"urn": "urn:component"}]
    state(tmp_path, {"deployment": {"resources": resources}})
    assert set(listed(capsys)) == {"lost"}


def test_a_removed_stack_knows_nothing(account: Account, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    account.target_group("lost", STACK)
    state(tmp_path, "error: no stack named dev found")
    assert set(listed(capsys)) == {"lost"}


def test_removal_takes_everything_in_an_order_that_aws_allows(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.balancer("k8s-orders", CONTROLLER)
    account.target_group("k8s-orders-tg", CONTROLLER)
    front, back = account.group("k8s-traffic", CONTROLLER), account.group("k8s-backend", CONTROLLER)
    nodes = account.group("nodes", {})
    for group, source in ((back, front), (front, back), (nodes, back)):
        account.ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": source}]}
            ],
        )
    account.ec2.authorize_security_group_ingress(
        GroupId=nodes,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5, "ToPort": 6, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}],
    )
    account.interface({"cluster.k8s.amazonaws.com/name": CLUSTER}, [nodes])
    account.interface({}, [back])
    assert sweep.main(Options("dev", remove=True, yes=True)) == 0
    assert "6 removed, 0 left" in capsys.readouterr().out
    assert account.left() == {"nodes"}
    rules = account.ec2.describe_security_groups(GroupIds=[nodes])["SecurityGroups"][0]["IpPermissions"]
    assert [each["FromPort"] for each in rules] == [5]
    assert sweep.main(Options("dev", remove=True, yes=True)) == 0
    assert "Nothing is left of dev" in capsys.readouterr().out


def test_what_is_protected_or_in_use_stays_and_is_told(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    arn = account.balancer("k8s-orders", CONTROLLER)
    account.elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    account.target_group("k8s-orders-tg", CONTROLLER)
    assert listed(capsys)["k8s-orders"] == "deletion protection is on"
    assert sweep.main(Options("dev", remove=True, yes=True)) == sweep.LEFT
    said = capsys.readouterr().out
    assert "load balancer k8s-orders: deletion protection is on" in said
    assert "1 removed, 1 left" in said
    assert account.left() == {"k8s-orders"}


def test_nothing_is_removed_without_consent(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.target_group("lost", STACK)
    monkeypatch.setattr("sys.stdin", io.StringIO("dev\n"))  # no terminal, so nobody to ask
    assert sweep.main(Options("dev", remove=True)) == sweep.USAGE
    assert "add yes=yes" in capsys.readouterr().out
    assert account.left() == {"lost"}


@pytest.mark.parametrize(
    ("export", "told"),
    [("error: passphrase must be set", "the state of stack dev cannot be read"), ("error: PULUMI_ACCESS_TOKEN", "dev")],
)
def test_a_state_that_cannot_be_read_stops_the_sweep(
    account: Account, capsys: pytest.CaptureFixture[str], tmp_path: Path, export: str, told: str
) -> None:
    account.target_group("lost", STACK)
    state(tmp_path, export)
    assert sweep.main(Options("dev", remove=True, yes=True)) == sweep.USAGE
    assert told in capsys.readouterr().out
    assert account.left() == {"lost"}


def test_an_unknown_environment_and_missing_credentials_are_explained(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sweep.main(Options("nowhere")) == sweep.USAGE
    assert "there is no Pulumi.nowhere.yaml (there is: dev, local, prod)" in capsys.readouterr().out
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert sweep.main(Options("dev")) == sweep.USAGE
    assert "needs credentials" in capsys.readouterr().out
