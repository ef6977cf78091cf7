"""`make up cluster=real`: the committed stacks on a real kube-apiserver, with kills in between."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from local_cloud.kubernetes.api_server import Resource, Server
from local_cloud.store import Store
from tests.conftest import CHECKOUT, new_world
from tests.engine.test_interrupted import engine_of, finish, lay_out, orphans, rows
from tests.engine.test_owner_modes import settings as owned_settings
from tools import api_server, copies, environment, kubernetes_build
from tools.engine import LocalEngine

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(1800)]  # the first use builds the API server

ALIVE = 5
"""Seconds that processes get to end."""


@pytest.fixture(scope="session")
def programs() -> kubernetes_build.Programs:
    return kubernetes_build.provide(CHECKOUT / "tools" / "kube_apiserver")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A checkout of its own, in a folder with a space in its name; its API server ends with the test."""
    folder = lay_out(tmp_path / "a check out")
    yield folder
    api_server.stop(environment.Environment(folder).root)


def processes(folder: Path) -> dict[str, int]:
    """The API server and the etcd of a checkout, by name."""
    return {name: process.pid for name, process in api_server.running(folder / ".local-cloud" / "api-server").items()}


def test_the_local_stack_up_again_refresh_drift_kill_and_down(checkout: Path) -> None:
    """One long story, since an `up` costs half a minute."""
    text = finish(checkout, "up", "--cluster", "real")
    assert f"Kubernetes {kubernetes_build.VERSION} answers at https://127.0.0.1:" in text
    first = processes(checkout)
    assert set(first) == {"etcd", "kube-apiserver"}
    root = environment.Environment(checkout).root
    server = api_server.connect(root)
    assert server is not None
    deployment_is_available(server)

    # A second up changes nothing and keeps the processes.
    assert "unchanged" in finish(checkout, "up")
    assert processes(checkout) == first
    engine = engine_of(checkout)
    engine.run("preview", "--stack", "local", "--expect-no-changes", cwd=checkout)
    engine.run("refresh", *FLAGS, "--expect-no-changes", cwd=checkout)
    somebodys_change_is_shown_and_undone(server, engine, checkout)

    # Killed, both: a plain pulumi command says what to do, `up` does it, and nothing is lost.
    for pid in first.values():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.kill()
            process.wait(ALIVE)
    said = engine.run("preview", "--stack", "local", cwd=checkout, check=False).check_failed()
    assert "`make up` starts it again" in said
    assert "unchanged" in finish(checkout, "up")
    assert processes(checkout).keys() == first.keys()
    assert orphans(checkout) == set()
    server.close()

    # Back to the schemas and to an empty API server, which gets what the store says; the stack notices neither.
    assert "is gone" in finish(checkout, "up", "--cluster", "schema")
    assert processes(checkout) == {}
    assert "Kubernetes 1" not in finish(checkout, "up")
    assert "is up: https://127.0.0.1:" in finish(checkout, "up", "--cluster", "real")
    engine.run("refresh", *FLAGS, cwd=checkout)
    engine.run("preview", "--stack", "local", "--expect-no-changes", cwd=checkout)

    assert "Nothing is left" in finish(checkout, "down")
    assert rows(checkout) == []
    assert processes(checkout) == {}
    assert not (root / "api-server").exists()
    assert finish(checkout, "down")


def deployment_is_available(server: Server) -> None:
    (found,) = server.listed(kind(server, "apps/v1", "Deployment"))
    assert {"type": "Available", "status": "True"}.items() <= found["status"]["conditions"][0].items()
    assert found["spec"]["revisionHistoryLimit"] == 10, "defaulting is real"
    bindings = server.listed(kind(server, "elbv2.k8s.aws/v1beta1", "TargetGroupBinding"))
    assert bindings
    assert [each["status"] for each in bindings] == [{"observedGeneration": 1}] * len(bindings)
    slices = {each["metadata"]["name"]: each for each in server.listed(kind(server, *SLICE))}
    assert slices["orders"]["endpoints"]


def somebodys_change_is_shown_and_undone(server: Server, engine: LocalEngine, checkout: Path) -> None:
    """A refresh shows it, an up is told who owns the field, and takes it back when forced."""
    deployments = kind(server, "apps/v1", "Deployment")
    (found,) = server.listed(deployments)
    place = (found["metadata"]["namespace"], found["metadata"]["name"])
    before = found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": before + 1}}}}
    server.merge(deployments, *place, change, manager="me")
    assert engine.run("refresh", *FLAGS, "--expect-no-changes", cwd=checkout, check=False).code
    engine.run("refresh", *FLAGS, cwd=checkout)
    conflict = engine.run("up", *FLAGS, cwd=checkout, check=False).check_failed()
    assert 'conflict with "me"' in conflict
    engine.run("up", *FLAGS, cwd=checkout, env={"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"})
    again = server.get(deployments, *place)
    assert again is not None
    assert again["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == before


FLAGS = ("--yes", "--skip-preview", "--stack", "local")
SLICE = ("discovery.k8s.io/v1", "EndpointSlice")


def kind(server: Server, api: str, name: str) -> Resource:
    found = server.find(api, name)
    assert found is not None, name
    return found


def with_images(config: dict[str, Any], name: str, store: Path) -> None:
    """Records the images that the workloads of a stack name, as a pipeline would have pushed them."""
    opened = Store(store)
    for each in config["grpc-platform:services"].values():
        image = each.get("image") or {}
        if "repository" in image:
            digest = image.get("digest") or f"sha256:{'5f' * 32}"
            tags = [image["tag"]] if "tag" in image else []
            opened.note("image", f"{name}/{image['repository']}", digest, {"tags": tags, "pushedAt": ""})
    opened.close()


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_committed_stack_up_again_refresh_and_destroy(
    name: str, programs: kubernetes_build.Programs, tmp_path: Path
) -> None:
    """Every manifest of it is taken; nothing is left on the API server when dev is gone."""
    program, engine = copies.make(environment.here(), name, tmp_path)
    with_images(yaml.safe_load((program / f"Pulumi.{name}.yaml").read_text())["config"], name, engine.store)
    api_server.ensure(engine.root, programs)
    try:
        flags = ("--yes", "--skip-preview", "--stack", name)
        engine.run("up", *flags, cwd=program)
        engine.run("preview", "--stack", name, "--expect-no-changes", cwd=program)
        engine.run("refresh", *flags, "--expect-no-changes", cwd=program)
        server = api_server.connect(engine.root)
        assert server is not None
        written = {
            (row.token, row.id)
            for row in Store(engine.store).rows()
            if row.provider.startswith("kubernetes:") and "Release" not in row.token
        }
        assert written
        assert written == ours(server)
        if name == "dev":  # prod's load balancers refuse to be deleted
            engine.run("destroy", *flags, cwd=program)
            assert ours(server) == set()
        server.close()
    finally:
        assert api_server.stop(engine.root) == 2
    time.sleep(0.2)
    assert api_server.running(engine.root / "api-server") == {}


def ours(server: Server) -> set[tuple[str, str]]:
    """Type token and id of everything on an API server that the provider wrote."""
    from local_cloud.kubernetes import kinds, objects

    found = set()
    for resource in server.resources():
        if {"list", "patch"} <= resource.verbs and resource.api != "autoscaling/v1":
            found |= {
                (kinds.token(resource.api, resource.kind), objects.identity(each))
                for each in server.listed(resource)
                if objects.managed(each)
            }
    return found


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_a_stack_whose_load_balancer_the_controller_makes(
    owner: str, programs: kubernetes_build.Programs, tmp_path: Path
) -> None:
    """A real API server takes the Ingresses, Gateways, routes and configurations, and lets them go again."""
    world = new_world(tmp_path)
    world.configure(owned_settings(owner))
    api_server.ensure(world.engine.root, programs)
    try:
        world.up()
        assert set(world.steps()) == {"same"}
        server = api_server.connect(world.engine.root)
        assert server is not None
        kinds = {
            "ingress": ("networking.k8s.io/v1", "Ingress"),
            "gateway": ("gateway.networking.k8s.io/v1", "GRPCRoute"),
        }
        found = server.listed(kind(server, *kinds[owner]))
        assert {each["metadata"]["namespace"] for each in found} >= {"orders"}
        world.configure(owned_settings(owner, scheme="internal"))
        world.up()
        world.run("destroy", "--yes", "--skip-preview")
        assert ours(server) == set()
        assert world.cloud() == []
        server.close()
    finally:
        assert api_server.stop(world.engine.root) == 2
