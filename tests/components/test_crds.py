"""Custom resource definitions: missing ones stop the program early, present ones become objects that stay."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components import crd_files, crds
from components.base import Component

MANIFEST = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gateways.example.com}
spec: {group: example.com}
status: {}
---
"""


@pytest.fixture(autouse=True)
def _own_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(crds.VARIABLE, raising=False)


def fetched(top: Path) -> Path:
    """A checkout in which `make crds` was run."""
    checksums = {}
    for file in crd_files.files(["gateway-api"]):
        path = top / crd_files.FOLDER / file.key
        path.parent.mkdir(parents=True)
        path.write_text(MANIFEST)
        checksums[file.key] = hashlib.sha256(MANIFEST.encode()).hexdigest()
    (top / crd_files.LOCK).write_text(crd_files.lock_text(checksums))
    return top


def test_missing_definitions_stop_the_program_and_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match=r"load_balancers\.public\.owner needs .* run: make crds") as caught:
        crds.require("gateway-api", "lattice", mode="load_balancers.public.owner", top=tmp_path)
    assert "gateway-api/v1.6.1/standard-install.yaml: not fetched" in str(caught.value)
    assert "GRPC_PLATFORM_CRDS=present" in str(caught.value)


def test_fetched_definitions_are_used_unless_they_were_changed(tmp_path: Path) -> None:
    crds.require("gateway-api", mode="x", top=fetched(tmp_path))
    file = next(crd_files.files(["gateway-api"]))
    (tmp_path / crd_files.FOLDER / file.key).write_text("tampered")
    with pytest.raises(pulumi.RunError, match=r"is not what crds\.lock says"):
        crds.require("gateway-api", mode="x", top=tmp_path)
    (tmp_path / crd_files.LOCK).write_text("")
    with pytest.raises(pulumi.RunError, match=r"has no checksum in crds\.lock"):
        crds.require("gateway-api", mode="x", top=tmp_path)


def test_where_the_cluster_has_them_nothing_is_needed_or_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, register: Callable[..., Any]
) -> None:
    monkeypatch.setenv(crds.VARIABLE, "present")
    crds.require("gateway-api", "lattice", mode="x", top=tmp_path)
    assert not register(lambda: install(tmp_path)).of("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition")


def test_an_unknown_bundle_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        crds.require("gateway", mode="x", top=tmp_path)


class Owner(Component):
    type_name = "Owner"


def install(top: Path) -> list[pulumi.Resource]:
    return crds.definitions(Owner("owner"), "gateway-api", kubernetes=kubernetes.Provider("cluster"), top=top)


def test_each_definition_is_an_object_without_status(tmp_path: Path, register: Callable[..., Any]) -> None:
    made = register(lambda: install(fetched(tmp_path))).one(
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "customresourcedefinition-gateways.example.com",
    )
    assert made.inputs["spec"] == {"group": "example.com"}
    assert "status" not in made.inputs
    assert "pulumi:providers:kubernetes::cluster" in made.provider
