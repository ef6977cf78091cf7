"""Diff: what changed and whether AWS can change it in place."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.aws import catalogue
from local_cloud.aws.diff import changes, difference
from local_cloud.values import UNKNOWN

VPC = catalogue.KINDS["aws:ec2/vpc:Vpc"]
LOG_GROUP = catalogue.KINDS["aws:cloudwatch/logGroup:LogGroup"]
ATTACHMENT = catalogue.KINDS["aws:iam/rolePolicyAttachment:RolePolicyAttachment"]
INGRESS = catalogue.KINDS["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": True}, {"a": 1}, [("a", "update")]),
        ({"a": False}, {}, [("a", "delete")]),
        ({}, {"a": 0}, [("a", "add")]),
        ({"a": []}, {}, []),
        ({}, {"a": {}}, []),
        ({"a": None}, {"a": ""}, [("a", "add")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", "update")]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("a[1]", "update"), ("a[2]", "add")]),
        ({"a": [1, 2]}, {"a": []}, [("a", "delete")]),
        ({"tags": {"x.y/z": "1"}}, {"tags": {"x.y/z": "2"}}, [('tags["x.y/z"]', "update")]),
        ({"p": '{"a": 1, "b": 2}'}, {"p": '{"b":2,"a":1}'}, []),
        ({"p": '{"a": 1}'}, {"p": '{"a":2}'}, [("p", "update")]),
        ({"p": "{x"}, {"p": "{y"}, [("p", "update")]),
        ({"a": 1}, {"a": UNKNOWN}, [("a", "update")]),
        ({}, {"a": UNKNOWN}, [("a", "add")]),
        ({"a": {"b": 1}}, {"a": UNKNOWN}, [("a", "update")]),
    ],
)
def test_changes(old: dict[str, Any], new: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(path, how) for path, how, _ in changes(old, new)] == expected


def test_a_create_only_property_replaces_with_its_exact_path() -> None:
    found = difference(
        VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "1"}}, {"cidrBlock": "10.1.0.0/16", "tags": {"a": "2"}}
    )
    assert found.detailed == {"cidrBlock": "update-replace", "tags.a": "update"}
    assert found.replaces == ("cidrBlock",)


def test_unchanged_create_only_properties_are_stable() -> None:
    assert difference(VPC, {"cidrBlock": "a"}, {"cidrBlock": "a", "enableDnsSupport": False}).stables == ("cidrBlock",)


def test_a_create_only_property_within_an_object_that_appears() -> None:
    node_group = catalogue.KINDS["aws:eks/nodeGroup:NodeGroup"]
    fixed = next(path for path in sorted(node_group.create_only) if "." in path)
    top, inner = fixed.split(".")
    assert difference(node_group, {}, {top: {inner: "x"}}).replaces == (top,)
    assert difference(node_group, {top: {inner: "x"}}, {}).replaces == (top,)


def test_an_unknown_in_a_create_only_property_replaces() -> None:
    assert difference(VPC, {"cidrBlock": "a"}, {"cidrBlock": UNKNOWN}).replaces == ("cidrBlock",)


def test_another_region_replaces() -> None:
    assert difference(VPC, {"region": "a-b-1"}, {"region": "a-b-2"}).replaces == ("region",)


@pytest.mark.parametrize(("old", "new", "replaced"), [("default", "dedicated", True), ("dedicated", "default", False)])
def test_only_one_direction_of_a_tenancy_change_replaces(old: str, new: str, replaced: bool) -> None:
    found = difference(VPC, {"instanceTenancy": old}, {"instanceTenancy": new})
    assert bool(found.replaces) == replaced
    assert found.detailed == {"instanceTenancy": "update-replace" if replaced else "update"}


def test_a_given_name_makes_room_first_and_an_auto_name_does_not() -> None:
    old, new = {"name": "x", "logGroupClass": "STANDARD"}, {"name": "x", "logGroupClass": "DELIVERY"}
    assert difference(LOG_GROUP, old, {**new, "__defaults": []}).delete_first
    assert not difference(LOG_GROUP, old, {**new, "__defaults": ["name"]}).delete_first
    assert not difference(LOG_GROUP, old, {**old, "retentionInDays": 1}).delete_first, "nothing is replaced"


def test_delete_first_as_declared() -> None:
    assert difference(ATTACHMENT, {"role": "a"}, {"role": "b"}).delete_first
    assert not difference(INGRESS, {"securityGroupId": "a"}, {"securityGroupId": "b"}).delete_first


def test_another_kind_of_source_is_another_rule() -> None:
    assert difference(INGRESS, {"cidrIpv4": "a"}, {"referencedSecurityGroupId": "b"}).replaces
    assert not difference(INGRESS, {"cidrIpv4": "a"}, {"cidrIpv4": "b"}).replaces


def test_ignored_changes_are_no_change() -> None:
    old, new = {"tags": {"a": "1"}, "cidrBlock": "a"}, {"tags": {"a": "2"}, "cidrBlock": "b"}
    assert difference(VPC, old, new, ("tags.a", "cidrBlock")).detailed == {}
    assert difference(VPC, old, new, ("tags",)).detailed == {"cidrBlock": "update-replace"}


def test_marks_of_defaults_never_differ() -> None:
    assert difference(VPC, {"__defaults": ["a"]}, {"__defaults": []}).detailed == {}
