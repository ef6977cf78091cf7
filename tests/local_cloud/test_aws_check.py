"""Check: what the provider says about inputs before anything is created."""

from __future__ import annotations

import re
from typing import Any

import pytest

from local_cloud.aws.provider import Aws
from local_cloud.plugin import Call, Refused
from local_cloud.store import Store
from local_cloud.values import UNKNOWN, Failure

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROLE = "aws:iam/role:Role"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
ALIAS = "aws:kms/alias:Alias"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}


@pytest.fixture
def aws() -> Aws:
    return Aws(Store(":memory:"))


def _call(token: str, name: str = "net", olds: dict[str, Any] | None = None, /, **news: Any) -> Call:
    urn = f"urn:pulumi:dev::test::{token}::{name}"
    return Call(urn, token, name, news=news, olds=olds or {}, seed=b"seed")


def _reasons(aws: Aws, call: Call) -> list[str]:
    _, failures = aws.check(call)
    assert all(failure.property == "" for failure in failures)
    return [failure.reason for failure in failures]


@pytest.mark.parametrize(
    ("token", "news", "reason"),
    [
        (SUBNET, {"cidrBlock": "10.0.0.0/24"}, "Missing required property 'vpcId'"),
        (
            VPC,
            {"cidrBlok": "10.0.0.0/16"},
            "Invalid or unknown key; did you mean \"cidrBlock\"?. Examine values at 'net.cidrBlok'.",
        ),
        (
            VPC,
            {"cidr_block": "x"},
            "Invalid or unknown key; did you mean \"cidrBlock\"?. Examine values at 'net.cidr_block'.",
        ),
        (
            VPC,
            {"enableDnsSupport": "yes"},
            "expected true or false, got a string. Examine values at 'net.enableDnsSupport'.",
        ),
        (
            VPC,
            {"ipv4NetmaskLength": True},
            "expected a whole number, got true or false. Examine values at 'net.ipv4NetmaskLength'.",
        ),
        (
            VPC,
            {"ipv4NetmaskLength": 1.5},
            "expected a whole number, got a number. Examine values at 'net.ipv4NetmaskLength'.",
        ),
        (VPC, {"tags": ["a"]}, "expected a map, got a list. Examine values at 'net.tags'."),
        (VPC, {"tags": {"a": 1}}, "expected a string, got a whole number. Examine values at 'net.tags.a'."),
        (GROUP, {"ingress": [{"fromPort": 1}]}, "Missing required property 'ingress[0].protocol'"),
        (GROUP, {"ingress": {}}, "expected a list, got an object. Examine values at 'net.ingress'."),
        (
            ROLE,
            {"assumeRolePolicy": 5},
            "expected a string, got a whole number. Examine values at 'net.assumeRolePolicy'.",
        ),
        (ROLE, {"assumeRolePolicy": "{"}, '"assumeRolePolicy" contains an invalid JSON policy'),
        (VPC, {"cidrBlock": "10.0.0.1/16"}, '"10.0.0.1/16" is not a valid CIDR block; did you mean "10.0.0.0/16"?'),
        (VPC, {"cidrBlock": "10.0.0.0/8"}, "between 16 and 28 significant bits, got: 8"),
        (LOG_GROUP, {"retentionInDays": 91}, "expected retentionInDays to be one of [0 1 3"),
        (GROUP, {"name": "sg-x"}, "invalid value for name (cannot begin with sg-)"),
        (GROUP, {"name": "x", "namePrefix": "y"}, "only one of `name, namePrefix` can be specified"),
        (ROLE, {"assumeRolePolicy": TRUST, "name": "a b"}, "invalid value for name (a b)"),
    ],
)
def test_wrong_inputs_are_told_in_the_providers_words(aws: Aws, token: str, news: dict[str, Any], reason: str) -> None:
    assert any(reason in said for said in _reasons(aws, _call(token, **news)))


def test_an_unknown_key_without_a_likeness_lists_what_is_allowed(aws: Aws) -> None:
    [said] = _reasons(aws, _call("aws:ec2/internetGateway:InternetGateway", zzz=1))
    assert "allowed: region, tags, vpcId" in said


def test_all_complaints_come_at_once(aws: Aws) -> None:
    assert len(_reasons(aws, _call(SUBNET, cidr=1, mapPublicIpOnLaunch=1))) == 3


def test_unknowns_and_nulls_are_no_complaint(aws: Aws) -> None:
    inputs, failures = aws.check(
        _call(SUBNET, vpcId=UNKNOWN, cidrBlock=UNKNOWN, tags={"a": UNKNOWN}, ipv6CidrBlock=None)
    )
    assert failures == []
    assert "ipv6CidrBlock" not in inputs
    assert inputs["vpcId"] is UNKNOWN


def test_a_type_nobody_knows_is_refused_with_a_suggestion(aws: Aws) -> None:
    with pytest.raises(Refused, match='aws:ec2/vpcc:Vpc; did you mean "aws:ec2/vpc:Vpc"'):
        aws.check(_call("aws:ec2/vpcc:Vpc"))


def test_defaults_are_filled_and_listed(aws: Aws) -> None:
    inputs, _ = aws.check(_call(VPC, cidrBlock="10.0.0.0/16", instanceTenancy="dedicated"))
    assert inputs["enableDnsSupport"] is True
    assert inputs["__defaults"] == ["enableDnsSupport"]


def test_nested_objects_carry_their_empty_list_of_defaults(aws: Aws) -> None:
    rule = {"fromPort": 1, "toPort": 1, "protocol": "tcp"}
    inputs, _ = aws.check(_call(GROUP, ingress=[rule], tags={"a": "b"}, vpcId="vpc-1"))
    assert inputs["ingress"] == [{**rule, "__defaults": []}]
    assert inputs["tags"] == {"a": "b"}


def test_a_policy_given_as_an_object_becomes_text(aws: Aws) -> None:
    inputs, failures = aws.check(_call(ROLE, assumeRolePolicy=TRUST))
    assert failures == []
    assert inputs["assumeRolePolicy"].startswith('{"Statement":[{"Action":"sts:AssumeRole"')
    unknown, _ = aws.check(_call(ROLE, assumeRolePolicy={**TRUST, "Statement": [{"Principal": UNKNOWN}]}))
    assert unknown["assumeRolePolicy"] is UNKNOWN


def test_auto_names_follow_the_seed(aws: Aws) -> None:
    first, _ = aws.check(_call(LOG_GROUP, "logs"))
    again, _ = aws.check(_call(LOG_GROUP, "logs"))
    other, _ = aws.check(Call("u", LOG_GROUP, "logs", seed=b"other"))
    assert re.fullmatch(r"logs-[0-9a-f]{7}", first["name"])
    assert again["name"] == first["name"] != other["name"]
    assert "name" in first["__defaults"]


def test_an_auto_name_stays_and_a_given_name_wins(aws: Aws) -> None:
    olds = {"name": "logs-1234567", "__defaults": ["name"]}
    assert aws.check(_call(LOG_GROUP, "logs", olds))[0]["name"] == "logs-1234567"
    assert aws.check(_call(LOG_GROUP, "logs", olds, name="mine"))[0]["name"] == "mine"
    given = {"name": "mine", "__defaults": []}
    assert aws.check(_call(LOG_GROUP, "logs", given))[0]["name"] != "mine"


def test_a_prefix_takes_the_place_of_an_auto_name(aws: Aws) -> None:
    inputs, _ = aws.check(_call(LOG_GROUP, "logs", namePrefix="x-"))
    assert "name" not in inputs


def test_auto_names_are_never_cut(aws: Aws) -> None:
    text = (
        f"could not make instance of '{ROLE}': name '{'r' * 57}-' plus 7 random chars is longer than maximum length 64"
    )
    with pytest.raises(Refused, match=re.escape(text)):
        aws.check(_call(ROLE, "r" * 57, assumeRolePolicy=TRUST))
    assert aws.check(_call(ROLE, "r" * 56, assumeRolePolicy=TRUST))[1] == []


def test_a_name_may_pass_auto_naming_and_fail_the_providers_own_rule(aws: Aws) -> None:
    [failure] = aws.check(_call("aws:iam/policy:Policy", "p" * 130, policy="{}"))[1]
    assert failure == Failure("", failure.reason)
    assert "at most 128" in failure.reason


def test_an_alias_gets_its_prefix(aws: Aws) -> None:
    assert aws.check(_call(ALIAS, "key", targetKeyId="k"))[0]["name"].startswith("alias/key-")


@pytest.mark.parametrize(("mode", "name"), [("propose", "alias/mine"), ("enforce", "mine")])
def test_the_projects_naming_rule_reaches_the_provider(aws: Aws, mode: str, name: str) -> None:
    call = Call("u", ALIAS, "key", news={"targetKeyId": "k"}, autonaming=("mine", mode))
    assert aws.check(call)[0]["name"] == name


def test_naming_may_be_forbidden(aws: Aws) -> None:
    call = Call("u", ALIAS, "key", news={"targetKeyId": "k"}, autonaming=("", "disable"))
    with pytest.raises(Refused, match="automatic naming is disabled but no explicit name was provided"):
        aws.check(call)


@pytest.mark.parametrize(
    ("config", "said"),
    [({}, "aws:region"), ({"region": "europe"}, "Invalid AWS Region: europe"), ({"region": ""}, "aws:region")],
)
def test_the_provider_wants_a_region(aws: Aws, config: dict[str, Any], said: str) -> None:
    [failure] = aws.check_config(Call("u", "pulumi:providers:aws", "default", news=config))[1]
    assert said in failure.reason


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", UNKNOWN])
def test_regions_that_are_fine(aws: Aws, region: Any) -> None:
    assert aws.check_config(Call("u", "pulumi:providers:aws", "default", news={"region": region}))[1] == []
