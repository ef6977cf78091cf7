"""The kubernetes stand-in on a real kube-apiserver: admission, defaults, deletion, agreement with the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local_cloud.kubernetes import schemas
from local_cloud.kubernetes.api_server import AnswerError, Object, Resource, Server
from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.field import normal
from local_cloud.kubernetes.manifests import validate
from local_cloud.kubernetes.mirror import Mirror
from local_cloud.kubernetes.objects import manifest
from local_cloud.kubernetes.real import Real, agree
from local_cloud.plugin import Refused
from local_cloud.store import Row, Store
from tests.conftest import CHECKOUT
from tests.local_cloud.kubernetes_world import (
    BINDING,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    RELEASE,
    SECRET,
    SERVICE,
    World,
    binding,
    deployment,
    release,
    service,
)
from tests.local_cloud.seeded_mistakes import GOOD, SEEDED, mistaken
from tools import api_server, kubernetes_build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first use builds the API server

VERSION = "1.34"
CLASS = "kubernetes:networking.k8s.io/v1:IngressClass"


@pytest.fixture(scope="module")
def programs() -> kubernetes_build.Programs:
    return kubernetes_build.provide(CHECKOUT / "tools" / "kube_apiserver")


@pytest.fixture(scope="module")
def root(programs: kubernetes_build.Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a local cloud with an API server."""
    folder = tmp_path_factory.mktemp("api server")
    api_server.ensure(folder, programs)
    yield folder
    api_server.stop(folder)


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    """A client of it; our custom kinds are defined."""
    found = api_server.connect(root)
    assert found is not None
    store = Store(":memory:")
    Real(found, Cluster(store, "")).install({"chart": "aws-load-balancer-controller"})
    store.close()
    yield found
    found.close()


@pytest.fixture
def world(root: Path, server: Server) -> Iterator[World]:
    """One cluster on the API server; afterwards the API server is as empty as before."""
    made = World()
    made.provider._mirror = Mirror(root)
    yield made
    made.provider._mirror.close()
    empty = Store(":memory:")
    agree(empty, server)
    empty.close()


def kind(server: Server, api: str, name: str) -> Resource:
    found = server.find(api, name)
    assert found is not None, name
    return found


def there(server: Server, api: str, name: str, place: str) -> Object | None:
    """An object of the API server by NAMESPACE/NAME or NAME."""
    namespace, _, short = place.rpartition("/")
    return server.get(kind(server, api, name), namespace, short)


def refused(server: Server, wanted: dict[str, Any]) -> str | None:
    """What the API server says to a manifest in a dry run, None when it takes it."""
    resource = server.find(wanted["apiVersion"], wanted["kind"])
    assert resource is not None, wanted["kind"]
    try:
        server.apply(resource, manifest(wanted), manager="test", dry_run=True)
    except AnswerError as error:
        return str(error)
    return None


def test_every_good_manifest_is_taken(server: Server) -> None:
    assert {kind: refused(server, each) for kind, each in GOOD.items()} == dict.fromkeys(GOOD)


def test_seeded_mistakes_schemas_rules_and_the_api_server(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/local-cloud.md gives these figures. What the API server refuses, the stand-in's rules refuse too."""
    caught: dict[str, tuple[bool, bool, bool]] = {}
    for title, kind, path, value in SEEDED:
        wanted = mistaken(kind, path, value)
        schema = schemas.problems(normal(wanted), wanted["apiVersion"], wanted["kind"], VERSION, partial=False)
        caught[title] = (bool(list(schema)), bool(validate(wanted, VERSION)), refused(server, wanted) is not None)
    with capsys.disabled():
        print()
        for title, found in caught.items():
            print(f"  {title:<45}", *("caught" if each else "-     " for each in found))
        print(f"  of {len(caught)}: ", *(sum(column) for column in zip(*caught.values(), strict=True)))
    missed = [title for title, (_, rules, real) in caught.items() if real and not rules]
    assert missed == []
    figures = tuple(sum(column) for column in zip(*caught.values(), strict=True))
    page = (CHECKOUT / "docs" / "local-cloud.md").read_text()
    assert "Of {} seeded mistakes the schemas catch {}, the stand-in {}, the API server {}".format(
        len(caught), *figures
    ) in " ".join(page.split())


def test_objects_get_the_defaults_of_the_api_server(world: World, server: Server) -> None:
    world.target_group()
    world.controller()
    world.workload()
    _, made = world.create(SERVICE, "other", {**service(), "metadata": {**service()["metadata"], "name": "other"}})
    assert made["spec"]["clusterIP"].startswith("172.20.")
    assert made["spec"]["ports"][0]["protocol"] == "TCP"
    identity, made = world.create(DEPLOYMENT, "orders", deployment())
    live = there(server, "apps/v1", "Deployment", identity)
    assert live is not None
    assert made["metadata"]["uid"] == live["metadata"]["uid"] == world.row(DEPLOYMENT, identity)["metadata"]["uid"]
    assert made["spec"]["progressDeadlineSeconds"] == 600
    assert (live["status"]["availableReplicas"], live["status"]["observedGeneration"]) == (2, 1)
    assert "managedFields" not in made["metadata"]
    world.create(BINDING, "orders", binding())
    assert [each["status"] for each in server.listed(kind(server, "elbv2.k8s.aws/v1beta1", "TargetGroupBinding"))] == [
        {"observedGeneration": 1}
    ]
    found = there(server, "discovery.k8s.io/v1", "EndpointSlice", "orders/orders")
    assert found is not None
    assert [f"{each['addresses'][0]}:50051" for each in found["endpoints"]] == sorted(world.targets())


def test_what_only_the_api_server_knows_is_refused_at_check_in_its_words(world: World) -> None:
    """Also while the namespace is not there yet, so in the first preview on a new cluster."""
    _, complaints = world.check(SERVICE, "orders", service(clusterIP="10.1.2.3"))
    assert len(complaints) == 1
    assert complaints[0].startswith("spec.clusterIPs: Invalid value")
    assert "172.20.0.0/16" in complaints[0]
    assert world.check(SERVICE, "orders", service())[1] == []


def test_a_field_the_api_server_holds_fixed_is_refused_before_anything_changes(world: World, server: Server) -> None:
    made = {"metadata": {"name": "internal"}, "spec": {"controller": "ingress.k8s.aws/alb"}}
    identity, _ = world.create(CLASS, "it", made)
    changed = {"metadata": {"name": "internal"}, "spec": {"controller": "eks.amazonaws.com/alb"}}
    old = world.row(CLASS, identity).inputs
    _, complaints = world.check(CLASS, "it", changed, olds=old)
    assert complaints == ['spec.controller: Invalid value: "eks.amazonaws.com/alb": field is immutable']
    inputs = {**old, "spec": changed["spec"]}
    with pytest.raises(Refused, match=r"reported: .*field is immutable"):
        world.provider.update(world.call(CLASS, "it", id=identity, olds=old, old_inputs=old, news=inputs, preview=True))
    with pytest.raises(Refused, match=r"reported: .*field is immutable"):
        world.provider.update(world.call(CLASS, "it", id=identity, olds=old, old_inputs=old, news=inputs))
    assert world.row(CLASS, identity).inputs == old


def test_an_update_reaches_the_api_server_and_a_preview_of_it_does_not(world: World, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    given = {"metadata": {"name": "it", "namespace": "orders"}, "data": {"a": "1", "b": "2"}}
    identity, _ = world.create(CONFIG_MAP, "it", given)
    row = world.row(CONFIG_MAP, identity)
    changed = {**row.inputs, "data": {"a": "3"}}
    call = world.call(CONFIG_MAP, "it", id=identity, olds=row.outputs, old_inputs=row.inputs, news=changed)
    world.provider.update(replace(call, preview=True))
    assert (there(server, "v1", "ConfigMap", identity) or {})["data"] == {"a": "1", "b": "2"}
    assert world.provider.update(call)["data"] == {"a": "3"}
    assert (there(server, "v1", "ConfigMap", identity) or {})["data"] == {"a": "3"}


def test_a_namespace_goes_with_everything_in_it(world: World, server: Server) -> None:
    world.workload()
    foreign: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mine", "namespace": "orders"},
        "data": {"a": "1"},
    }
    held = {**foreign, "metadata": {**foreign["metadata"], "name": "held", "finalizers": ["example.com/held"]}}
    for each in (foreign, held):
        server.apply(kind(server, "v1", "ConfigMap"), each, manager="somebody")
    world.delete(NAMESPACE, "orders")
    assert there(server, "v1", "Namespace", "orders") is None
    assert there(server, "v1", "ConfigMap", "orders/held") is None
    assert world.provider.cluster.inside(SERVICE, "orders") == []


def test_what_somebody_changed_or_deleted_shows_in_a_read(world: World, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    identity, _ = world.create(
        SECRET, "it", {"metadata": {"name": "it", "namespace": "orders"}, "stringData": {"a": "1"}}
    )
    call = world.call(SECRET, "it", id=identity)
    assert world.provider.read(call)[1] == world.row(SECRET, identity).inputs
    resource = kind(server, "v1", "Secret")
    server.merge(resource, "orders", "it", {"metadata": {"labels": {"app": "x"}}, "type": "Opaque"}, manager="somebody")
    assert world.provider.read(call)[1] == world.row(SECRET, identity).inputs, "a label of somebody else's is no drift"
    server.merge(resource, "orders", "it", {"data": {"a": "Mg=="}}, manager="somebody")
    assert world.provider.read(call)[1]["stringData"] == {"a": "2"}
    server.delete(resource, "orders", "it")
    assert world.provider.read(call) == ("", {}, {})
    world.create(SECRET, "it", {"metadata": {"name": "it", "namespace": "orders"}, "stringData": {"a": "1"}})


def test_a_field_of_somebody_elses_is_a_conflict(world: World, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    given = {"metadata": {"name": "it", "namespace": "orders"}, "data": {"a": "1"}}
    identity, _ = world.create(CONFIG_MAP, "it", given)
    server.merge(kind(server, "v1", "ConfigMap"), "orders", "it", {"data": {"a": "2"}}, manager="somebody")
    drifted = world.provider.read(world.call(CONFIG_MAP, "it", id=identity))[1]
    assert drifted["data"] == {"a": "2"}
    with pytest.raises(Refused, match='conflict with "somebody"'):
        world.update(CONFIG_MAP, identity, given)
    forced = {**given, "metadata": {**given["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}}
    assert world.update(CONFIG_MAP, identity, forced)["data"] == {"a": "1"}


def test_an_object_of_somebody_elses_is_not_taken_over(world: World, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "it", "namespace": "orders"},
        "data": {"a": "1"},
    }
    server.apply(kind(server, "v1", "ConfigMap"), foreign, manager="somebody")
    with pytest.raises(Refused, match='configmaps "it" already exists'):
        world.create(CONFIG_MAP, "it", {"metadata": {"name": "it", "namespace": "orders"}, "data": {}})


def test_a_patch_holds_its_fields_and_lets_go(world: World, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "it", "namespace": "orders"},
        "data": {"a": "1"},
    }
    server.apply(kind(server, "v1", "ConfigMap"), foreign, manager="somebody")
    patch = {"metadata": {"name": "it", "namespace": "orders"}, "data": {"b": "2"}}
    identity, _ = world.create(f"{CONFIG_MAP}Patch", "p", patch)
    assert (there(server, "v1", "ConfigMap", "orders/it") or {})["data"] == {"a": "1", "b": "2"}
    world.delete(f"{CONFIG_MAP}Patch", identity, "p")
    assert (there(server, "v1", "ConfigMap", "orders/it") or {})["data"] == {"a": "1"}


def test_the_store_and_the_api_server_are_brought_to_agree(world: World, server: Server) -> None:
    """A lost object is written again, one without a row goes, one of somebody else's stays."""
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    for name in ("lost", "kept", "left"):
        world.create(CONFIG_MAP, name, {"metadata": {"name": name, "namespace": "orders"}, "data": {"a": name}})
    resource = kind(server, "v1", "ConfigMap")
    server.delete(resource, "orders", "lost")
    world.store.delete(world.row(CONFIG_MAP, "orders/left"))
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "foreign", "namespace": "orders"},
        "data": {"a": "1"},
    }
    server.apply(resource, foreign, manager="somebody")
    agree(world.store, server)
    assert sorted(each["metadata"]["name"] for each in server.listed(resource, "orders")) == ["foreign", "kept", "lost"]
    again = there(server, "v1", "ConfigMap", "orders/lost")
    assert again is not None
    assert again["metadata"]["uid"] == world.row(CONFIG_MAP, "orders/lost")["metadata"]["uid"]


def test_an_autoscaler_is_seen_in_every_version_and_stays(world: World, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    given = {key: value for key, value in GOOD["HorizontalPodAutoscaler"].items() if key == "spec"}
    scaler = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
    world.create(scaler, "it", {"metadata": {"name": "it", "namespace": "orders"}, **given})
    agree(world.store, server)
    assert there(server, "autoscaling/v2", "HorizontalPodAutoscaler", "orders/it") is not None


def test_a_second_cluster_is_judged_by_the_schemas_alone(world: World, root: Path, server: Server) -> None:
    world.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    address = "https://1234567890ABCDEF1234567890ABCDEF.gr7.eu-west-1.eks.amazonaws.com"
    properties = {"name": "second", "version": "1.36", "endpoint": address}
    world.store.insert(Row("second", "aws:eks/cluster:Cluster", "urn:second", properties, properties))
    assert Mirror(root).of(Cluster(world.store, address)) is None
    assert Mirror(root).of(Cluster(world.store, "https://nowhere")) is None


def test_installing_a_chart_defines_its_kinds(world: World, server: Server) -> None:
    world.create(RELEASE, "lbc", release())
    found = there(server, "apiextensions.k8s.io/v1", "CustomResourceDefinition", "targetgroupbindings.elbv2.k8s.aws")
    assert found is not None
    assert found["spec"]["versions"][0]["subresources"] == {"status": {}}


def test_killed_it_is_missed_and_started_again_on_its_data(programs: kubernetes_build.Programs, tmp_path: Path) -> None:
    """kill -9 of both; an unrecorded process of a killed start is found; `stop` leaves nothing."""
    api_server.ensure(tmp_path, programs)
    folder = tmp_path / api_server.FOLDER
    assert not api_server.ensure(tmp_path, programs), "it was started twice"
    made = World()
    made.provider._mirror = Mirror(tmp_path)
    made.create(NAMESPACE, "ns", {"metadata": {"name": "orders"}})
    for process in api_server.running(folder).values():
        process.kill()
        process.wait(10)
    with pytest.raises(Refused, match="`make up` starts it again"):
        made.create(CONFIG_MAP, "it", {"metadata": {"name": "it", "namespace": "orders"}, "data": {}})
    assert made.provider.cluster.get(CONFIG_MAP, "orders/it") is None
    made.provider._mirror.close()
    assert api_server.ensure(tmp_path, programs)
    server = api_server.connect(tmp_path)
    assert server is not None
    assert there(server, "v1", "Namespace", "orders") is not None
    server.close()
    (folder / "processes.json").unlink()
    assert set(api_server.running(folder)) == {"etcd", "kube-apiserver"}
    assert api_server.stop(tmp_path) == 2
    assert api_server.running(folder) == {}
    assert not folder.exists()
    assert api_server.stop(tmp_path) == 0
