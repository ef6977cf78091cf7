"""The tables of the aws stand-in agree with the SDK's types and with what the kinds really return."""

from __future__ import annotations

from functools import cache

import pytest

from local_cloud import schema
from local_cloud.aws import catalogue
from local_cloud.aws.kind import Kind

EVERY = pytest.mark.parametrize("kind", catalogue.KINDS.values(), ids=list(catalogue.KINDS))


@cache
def _types() -> schema.Types:
    return schema.load("pulumi_aws", catalogue.KINDS)


@cache
def _paths(token: str) -> frozenset[str]:
    found: set[str] = set()
    for shapes in (_types().inputs, _types().states):
        for name, kind in shapes[token].properties.items():
            found |= {name, *schema.paths(_types(), kind, name)}
    return frozenset(found)


@EVERY
def test_every_property_of_a_row_exists_in_the_sdk(kind: Kind) -> None:
    named = kind.create_only | kind.computed | kind.volatile | kind.required | kind.json | kind.ignored
    named |= frozenset(kind.defaults) | (frozenset({kind.name.property}) if kind.name else frozenset())
    assert sorted(named - _paths(kind.token)) == []


@EVERY
def test_create_only_properties_are_inputs(kind: Kind) -> None:
    assert {path.split(".")[0] for path in kind.create_only} <= _types().inputs[kind.token].properties.keys()


@EVERY
def test_every_row_says_where_it_is_from(kind: Kind) -> None:
    assert kind.source
    assert {"create", "delete"} <= kind.operations.keys()


@EVERY
def test_defaults_have_the_type_the_sdk_wants(kind: Kind) -> None:
    python = {"str": str, "bool": bool, "int": int, "float": float}
    for name, default in kind.defaults.items():
        wanted = _types().inputs[kind.token].properties.get(name)
        if isinstance(wanted, str):
            assert isinstance(default, python[wanted])


def test_nested_types_of_the_sdk_are_read() -> None:
    types = _types()
    role = types.inputs["aws:iam/role:Role"]
    assert role.required == {"assumeRolePolicy"}
    assert role.properties["assumeRolePolicy"] == ["union", "str", ["object", "iam.PolicyDocumentArgs"]]
    assert role.properties["inlinePolicies"] == ["list", ["object", "iam.RoleInlinePolicyArgs"]]
    assert role.properties["tags"] == ["map", "str"]
    assert types.objects["iam.PolicyDocumentArgs"].required == {"Statement", "Version"}
    assert "uniqueId" in types.states["aws:iam/role:Role"].properties
    assert "networkInterfaces.securityGroups" in _paths("aws:ec2/launchTemplate:LaunchTemplate")


def test_a_type_the_sdk_does_not_have_is_left_out() -> None:
    types = schema.load("pulumi_aws", ["aws:ec2/vpc:Vpc", "aws:ec2/vpcc:Vpcc"])
    assert "aws:ec2/vpc:Vpc" in types.inputs
    assert "aws:ec2/vpcc:Vpcc" not in types.inputs


def test_the_cache_is_used_and_a_broken_one_replaced(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = schema.load("pulumi_aws", ["aws:kms/key:Key"])
    monkeypatch.setattr(schema._Reader, "read", lambda self, tokens: pytest.fail("the cache was not used"))
    assert schema.load("pulumi_aws", ["aws:kms/key:Key"]) == first
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    schema._cache_file("pulumi_aws").write_text("{")
    assert schema.load("pulumi_aws", ["aws:kms/key:Key"]) == first
