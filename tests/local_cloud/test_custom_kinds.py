"""CustomResourceDefinitions made from our own schemas, and the objects of a real API server beside their inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.kubernetes import custom_kinds, kinds, objects
from local_cloud.kubernetes.crd_schemas import CUSTOM

MANAGED = {"metadata": {"managedFields": [{"manager": "pulumi-kubernetes"}]}}


def levels(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for each in schema.get("properties", {}).values():
        yield from levels(each)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from levels(schema[name])


@pytest.mark.parametrize("wanted", sorted(CUSTOM), ids=lambda each: each[1])
def test_every_schema_becomes_a_structural_one(wanted: tuple[str, str]) -> None:
    (found,) = custom_kinds.definitions([wanted], "1.34")
    group = wanted[0].rpartition("/")[0]
    assert found["metadata"]["name"] == f"{kinds.plural(wanted[1])}.{group}"
    assert found["spec"]["names"]["kind"] == wanted[1]
    assert [each["storage"] for each in found["spec"]["versions"]].count(True) == 1
    for version in found["spec"]["versions"]:
        root = version["schema"]["openAPIV3Schema"]
        assert root["properties"]["metadata"] == {"type": "object"}
        for level in levels(root):
            assert "$ref" not in level
            assert "oneOf" not in level
            assert {"type", custom_kinds.EITHER, custom_kinds.ANYTHING} & level.keys(), level


def test_numbers_or_text_limits_and_shared_parts_are_carried_over() -> None:
    (found,) = custom_kinds.definitions([("elbv2.k8s.aws/v1beta1", "TargetGroupBinding")], "1.34")
    spec = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert spec["required"] == ["serviceRef"]
    assert spec["properties"]["serviceRef"]["properties"]["port"] == {custom_kinds.EITHER: True}
    assert spec["properties"]["targetType"] == {"type": "string", "enum": ["instance", "ip"]}
    assert spec["properties"]["vpcID"]["pattern"] == "^vpc-[0-9a-f]+$"
    labels = spec["properties"]["nodeSelector"]["properties"]["matchLabels"]
    assert labels == {"type": "object", "additionalProperties": {"type": "string"}}
    assert found["spec"]["scope"] == "Namespaced"


def test_what_has_no_schema_here_is_left_out() -> None:
    assert custom_kinds.definitions([("example.com/v1", "Thing")], "1.34") == []


def test_the_newest_stable_version_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("v1beta1", "v1", "v1alpha2"):
        thing = {"type": "object", "properties": {"spec": {"type": "object"}}}
        monkeypatch.setitem(CUSTOM, (f"things.k8s.io/{version}", "Policy"), thing)
    (found,) = custom_kinds.definitions([("things.k8s.io/v1beta1", "Policy")], "1.34")
    stored = {each["name"]: each["storage"] for each in found["spec"]["versions"]}
    assert stored == {"v1alpha2": False, "v1beta1": False, "v1": True}
    assert found["metadata"]["name"] == "policies.things.k8s.io"
    assert found["metadata"]["annotations"]["api-approved.kubernetes.io"].startswith("unapproved")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"], "pattern": r"^(?!x)a"}, {"type": "string"}),
        ({"type": "string", "enum": ["a", None]}, {"type": "string", "enum": ["a"]}),
        ({}, {custom_kinds.ANYTHING: True}),
        ({"type": "object"}, {"type": "object", custom_kinds.ANYTHING: True}),
        ({"type": "object", "additionalProperties": False}, {"type": "object"}),
        (
            {"$ref": "#/$defs/loop"},
            {"type": "object", "properties": {"again": {"type": "object", custom_kinds.ANYTHING: True}}},
        ),
    ],
)  # fmt: skip
def test_the_forms_of_a_schema(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    loop = {"type": "object", "properties": {"again": {"$ref": "#/$defs/loop"}}}
    assert custom_kinds.structural(schema, {"loop": loop}) == expected


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("TargetGroupBinding", "targetgroupbindings"),
        ("IngressClassParams", "ingressclassparams"),
        ("GatewayClass", "gatewayclasses"),
        ("Gateway", "gateways"),
        ("AccessLogPolicy", "accesslogpolicies"),
    ],
)
def test_plurals(kind: str, plural: str) -> None:
    assert kinds.plural(kind) == plural


def test_a_change_by_somebody_shows_in_the_inputs_and_other_spellings_do_not() -> None:
    wanted = {"replicas": 2, "cpu": "1000m", "ports": [{"port": 1}], "labels": {"a": "b"}}
    before = {"replicas": 2, "cpu": "1", "ports": [{"port": 1, "protocol": "TCP"}], "labels": {"a": "b"}, "more": 1}
    assert objects.drifted(wanted, before, dict(before)) == wanted
    now = {**before, "replicas": 3, "ports": [{"port": 2, "protocol": "TCP"}], "labels": {"c": "d"}}
    assert objects.drifted(wanted, before, now) == {"replicas": 3, "cpu": "1000m", "ports": [{"port": 2}], "labels": {}}
    assert objects.drifted(wanted, before, {**before, "ports": []})["ports"] == []


def test_what_is_applied_has_no_marks_no_status_and_no_nulls() -> None:
    inputs = {"kind": "Service", "status": {}, "__fieldManager": "x", "spec": {"a": None, "b": [{"c": None, "d": 0}]}}
    assert objects.manifest(inputs) == {"kind": "Service", "spec": {"b": [{"d": 0}]}}


def test_only_objects_of_the_provider_are_its_own() -> None:
    assert objects.managed(MANAGED)
    assert not objects.managed({"metadata": {"managedFields": [{"manager": "kubectl"}]}})
    assert objects.managed({"metadata": {}}), "a namespace that was applied with no more than a name"


def test_fields_of_others_are_taken_over_only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = {"metadata": {"name": "it"}}
    assert not objects.forced(bare)
    assert objects.forced({"metadata": {"annotations": {"pulumi.com/patchForce": "true"}}})
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    assert objects.forced(bare)
