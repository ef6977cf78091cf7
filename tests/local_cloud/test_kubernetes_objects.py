"""Objects: names, state, replacement, waiting, what the API server refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from local_cloud.kubernetes.cluster import Unreachable
from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN, Secret
from tests.local_cloud import kubernetes_world as world
from tests.local_cloud.kubernetes_world import REPOSITORY_URL, World, deployment, service

IMAGE = f"{REPOSITORY_URL}@{world.DIGEST}"


@pytest.fixture
def cluster() -> World:
    made = World()
    made.controller()
    made.workload()
    return made


# Check


def test_check_fills_in_what_the_provider_does() -> None:
    inputs, complaints = World().check(world.CONFIG_MAP, "settings", {"data": {"a": "b"}})

    assert complaints == []
    assert (inputs["apiVersion"], inputs["kind"], inputs["metadata"]["namespace"]) == ("v1", "ConfigMap", "default")
    assert inputs["metadata"]["name"].startswith("settings-")
    assert len(inputs["metadata"]["name"]) == len("settings-") + 8
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}


def test_an_automatic_name_is_kept_on_update_and_new_on_replacement() -> None:
    cluster = World()
    first, _ = cluster.check(world.CONFIG_MAP, "settings", {})
    kept, _ = cluster.check(world.CONFIG_MAP, "settings", {}, olds=first)
    renamed, _ = cluster.check(world.CONFIG_MAP, "settings", {"metadata": {"name": "mine"}}, olds=first)

    assert kept["metadata"]["name"] == first["metadata"]["name"]
    assert renamed["metadata"]["name"] == "mine"


def test_generate_name_and_disabled_naming_are_refused() -> None:
    cluster = World()
    _, generated = cluster.check(world.CONFIG_MAP, "settings", {"metadata": {"generateName": "a-"}})
    _, disabled = cluster.check(world.CONFIG_MAP, "settings", {}, autonaming=("", "disable"))

    assert "not supported in Server-Side Apply mode" in generated[0]
    assert "automatic naming is disabled" in disabled[0]


def test_check_validates_against_the_clusters_version_and_skips_unknowns() -> None:
    cluster = World()
    wrong = deployment(container={"image": UNKNOWN, "prots": []})
    _, complaints = cluster.check(world.DEPLOYMENT, "orders", wrong)

    assert complaints == ['spec.template.spec.containers[0].prots: unknown field; did you mean "ports"?']


# State


def test_a_secret_is_encoded_and_marked_secret() -> None:
    cluster = World()
    inputs, _ = cluster.check(world.SECRET, "s", {"metadata": {"name": "s"}, "stringData": {"KEY": "värde"}})
    identity, outputs = cluster.provider.create(cluster.call(world.SECRET, "s", news=inputs))

    assert identity == "default/s"
    assert outputs["data"] == Secret({"KEY": base64.b64encode("värde".encode()).decode()})
    assert outputs["stringData"] == Secret({"KEY": "värde"})


def test_live_objects_carry_what_the_server_adds(cluster: World) -> None:
    live = cluster.row(world.SERVICE, "orders/orders").outputs
    identity, made = cluster.create(world.DEPLOYMENT, "orders", deployment())

    assert live["spec"]["clusterIP"].startswith("172.20.")
    assert live["metadata"]["uid"]
    assert identity == "orders/orders"
    assert made["status"]["availableReplicas"] == 2
    assert made["metadata"]["generation"] == 1
    assert cluster.update(world.DEPLOYMENT, identity, deployment(container={"env": []}))["metadata"]["generation"] == 2


def test_a_preview_returns_the_inputs_without_a_status(cluster: World) -> None:
    call = cluster.call(world.DEPLOYMENT, "orders", news=deployment(), preview=True)

    assert cluster.provider.create(call) == ("", deployment())


def test_reading_gives_the_object_or_nothing(cluster: World) -> None:
    identity, inputs, outputs = cluster.provider.read(cluster.call(world.SERVICE, "it", id="orders/orders"))

    assert (identity, inputs["kind"], outputs["status"]) == ("orders/orders", "Service", {"loadBalancer": {}})
    assert cluster.provider.read(cluster.call(world.SERVICE, "it", id="orders/none")) == ("", {}, {})


# Diff


def _with(whole: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The manifest with a dotted path set."""
    key, _, rest = path.partition(".")
    return {**whole, key: _with(whole.get(key) or {}, rest, value) if rest else value}


@pytest.mark.parametrize(
    ("path", "value", "replaces"),
    [
        ("spec.replicas", 3, False),
        ("metadata.labels", {"a": "b"}, False),
        ("metadata.name", "other", True),
    ],
)
def test_what_replaces_a_deployment(cluster: World, path: str, value: Any, *, replaces: bool) -> None:
    cluster.create(world.DEPLOYMENT, "orders", deployment())
    found = cluster.diff(world.DEPLOYMENT, "orders/orders", _with(deployment(), path, value))

    assert bool(found.replaces) is replaces
    assert not found.delete_first


def test_a_changed_selector_replaces_and_a_given_name_is_deleted_first(cluster: World) -> None:
    cluster.create(world.DEPLOYMENT, "orders", deployment())
    changed = deployment()
    changed["spec"]["selector"] = {"matchLabels": {"app": "new"}}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": "new"}
    found = cluster.diff(world.DEPLOYMENT, "orders/orders", changed)

    assert found.detailed["spec.selector.matchLabels.app"] == "update-replace"
    assert found.detailed["spec.template.metadata.labels.app"] == "update"
    assert found.delete_first


def test_config_maps_are_replaced_unless_told_to_be_mutable() -> None:
    cluster = World()
    identity, _ = cluster.create(world.CONFIG_MAP, "it", {"data": {"a": "1"}})
    found = cluster.diff(world.CONFIG_MAP, identity, {"data": {"a": "2"}})
    cluster.provider.configure({"kubeconfig": world.kubeconfig(), "enableConfigMapMutable": "true"})

    assert found.replaces == ("data",)
    assert not found.delete_first, "an automatic name makes room for the new object"
    assert cluster.diff(world.CONFIG_MAP, identity, {"data": {"a": "2"}}).replaces == ()


def test_an_empty_map_is_not_an_absent_one(cluster: World) -> None:
    cluster.create(world.DEPLOYMENT, "orders", deployment(volumes=[{"name": "a", "emptyDir": {}}]))
    found = cluster.diff(world.DEPLOYMENT, "orders/orders", deployment(volumes=[{"name": "a"}]))

    assert list(found.detailed.values()) == ["delete"]


def test_another_cluster_replaces_the_provider_unless_it_is_identified() -> None:
    provider = World().provider
    other = world.kubeconfig("https://other")

    def diff(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, ...]:
        return provider.diff_config(World().call("pulumi:providers:kubernetes", "p", old_inputs=old, news=new)).replaces

    here = {"kubeconfig": world.kubeconfig()}
    assert diff(here, {"kubeconfig": other}) == ("kubeconfig",)
    assert diff(here, {"kubeconfig": UNKNOWN}) == ("kubeconfig",)
    assert diff(here, {"kubeconfig": world.kubeconfig().replace('"aws"', '"me"')}) == ()
    identified = {**here, "clusterIdentifier": "main"}
    assert diff(identified, {"kubeconfig": UNKNOWN, "clusterIdentifier": "main"}) == ()
    assert diff(identified, {**here, "clusterIdentifier": "other"}) == ("clusterIdentifier",)


# What is refused


def test_a_missing_namespace_is_named() -> None:
    with pytest.raises(Refused, match='namespaces "orders" not found'):
        World().create(world.SERVICE, "orders", service())


def test_an_object_that_exists_is_not_taken_over(cluster: World) -> None:
    with pytest.raises(Refused, match='services "orders" already exists'):
        cluster.create(world.SERVICE, "a second one", service())


def test_an_object_a_killed_engine_left_is_adopted(cluster: World) -> None:
    cluster.create(world.DEPLOYMENT, "orders", deployment())

    identity, _ = cluster.create(world.DEPLOYMENT, "orders", deployment())

    assert identity == "orders/orders"
    cluster.provider.diff(
        cluster.call(world.DEPLOYMENT, "orders", id=identity, old_inputs=deployment(), news=deployment())
    )
    with pytest.raises(Refused, match="already exists"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())


def test_an_adopted_object_keeps_its_automatic_name() -> None:
    cluster = World()
    first, _ = cluster.create(world.CONFIG_MAP, "settings", {"data": {"a": "1"}})
    cluster.provider.check(cluster.call(world.CONFIG_MAP, "settings", news={}, olds={}))
    second, _ = cluster.create(world.CONFIG_MAP, "settings", {"data": {"a": "2"}})

    assert first == second
    assert cluster.row(world.CONFIG_MAP, second).inputs["data"] == {"a": "2"}


def test_an_immutable_secret_stays_as_it_is() -> None:
    cluster = World()
    given = {"metadata": {"name": "s"}, "immutable": True, "stringData": {"a": "1"}}
    identity, _ = cluster.create(world.SECRET, "it", given)

    with pytest.raises(Refused, match="field is immutable when `immutable` is set"):
        cluster.update(world.SECRET, identity, {**given, "stringData": {"a": "2"}})


def test_deleting_a_namespace_takes_everything_in_it(cluster: World) -> None:
    cluster.create(world.DEPLOYMENT, "orders", deployment())
    cluster.delete(world.NAMESPACE, "orders")

    assert [row.id for row in cluster.store.rows(cluster.provider.cluster.key)] == [
        "kube-system/aws-load-balancer-controller"
    ]
    cluster.delete(world.DEPLOYMENT, "orders/orders")


def test_without_the_cluster_nothing_works(cluster: World) -> None:
    cluster.gone("aws:eks/cluster:Cluster", "main")

    with pytest.raises(Unreachable, match="configured Kubernetes cluster is unreachable: unable to load schema"):
        cluster.provider.read(cluster.call(world.SERVICE, "it", id="orders/orders"))
    with pytest.raises(Refused, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        cluster.delete(world.SERVICE, "orders/orders")


def test_delete_unreachable_drops_what_cannot_be_reached(cluster: World) -> None:
    cluster.gone("aws:eks/cluster:Cluster", "main")
    cluster.provider.configure({"kubeconfig": world.kubeconfig(), "deleteUnreachable": "true"})

    cluster.delete(world.SERVICE, "orders/orders")
    assert cluster.provider.read(cluster.call(world.SERVICE, "it", id="orders/orders")) == ("", {}, {})


# Waiting


def test_an_image_that_was_never_pushed_never_runs(cluster: World) -> None:
    cluster.repository(pushed=False)
    with pytest.raises(Refused, match=r"timed out waiting to be Ready(.|\n)*ErrImagePull(.|\n)*push dev/orders"):
        cluster.create(world.DEPLOYMENT, "orders", deployment(image=IMAGE))

    cluster.store.note("image", "dev/orders", world.DIGEST, {"tags": ["1.0"]})
    assert cluster.create(world.DEPLOYMENT, "orders", deployment(image=IMAGE))[0] == "orders/orders"
    cluster.update(world.DEPLOYMENT, "orders/orders", deployment(image=f"{REPOSITORY_URL}:1.0"))
    with pytest.raises(Refused, match=r"dev/orders:1\.1: not found"):
        cluster.update(world.DEPLOYMENT, "orders/orders", deployment(image=f"{REPOSITORY_URL}:1.1"))


REFERENCE = {"secretKeyRef": {"name": "orders", "key": "URL"}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (deployment(image="123456789012.dkr.ecr.eu-west-1.amazonaws.com/no:1"), "name 'no' does not exist"),
        (deployment(serviceAccountName="other"), 'serviceaccount "other" not found'),
        (deployment(container={"env": [{"name": "A", "valueFrom": REFERENCE}]}), 'secret "orders" not found'),
        (deployment(container={"envFrom": [{"configMapRef": {"name": "c"}}]}), 'configmap "c" not found'),
        (deployment(volumes=[{"name": "v", "secret": {"secretName": "s"}}]), 'FailedMount.*secret "s" not found'),
        (deployment(nodeSelector={"kubernetes.io/arch": "amd64"}), "didn't match Pod's node affinity/selector"),
        (deployment(container={"livenessProbe": {"tcpSocket": {"port": "admin"}}}), "couldn't find port: admin"),
    ],
)
def test_pods_that_never_become_ready(cluster: World, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        cluster.create(world.DEPLOYMENT, "orders", spec)

    assert cluster.provider.cluster.get(world.DEPLOYMENT, "orders/orders") is None


def test_a_missing_key_is_named_and_an_optional_one_is_no_trouble(cluster: World) -> None:
    cluster.create(
        world.SECRET, "s", {"metadata": {"name": "orders", "namespace": "orders"}, "stringData": {"OTHER": "x"}}
    )
    with pytest.raises(Refused, match="couldn't find key URL in Secret orders/orders"):
        cluster.create(
            world.DEPLOYMENT, "orders", deployment(container={"env": [{"name": "A", "valueFrom": REFERENCE}]})
        )

    optional = {"secretKeyRef": {**REFERENCE["secretKeyRef"], "optional": True}}
    cluster.create(world.DEPLOYMENT, "orders", deployment(container={"env": [{"name": "A", "valueFrom": optional}]}))


def test_without_nodes_nothing_runs_unless_nobody_waits(cluster: World) -> None:
    cluster.gone("aws:eks/nodeGroup:NodeGroup", "main:general")
    with pytest.raises(Refused, match="no nodes available to schedule pods"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())

    unawaited = deployment()
    unawaited["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    cluster.create(world.DEPLOYMENT, "orders", unawaited)


def test_taints_need_tolerations(cluster: World) -> None:
    taint = {"key": "team", "value": "a", "effect": "NO_SCHEDULE"}
    cluster.gone("aws:eks/nodeGroup:NodeGroup", "main:general")
    cluster.aws("aws:eks/nodeGroup:NodeGroup", "main:t", clusterName="main", nodeGroupName="t", taints=[taint])
    with pytest.raises(Refused, match="untolerated taint"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())

    cluster.create(world.DEPLOYMENT, "orders", deployment(tolerations=[{"key": "team", "operator": "Exists"}]))


def test_an_awaited_service_needs_pods(cluster: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_PATIENCE", "0")
    awaited = service()
    awaited["metadata"] = {"name": "second", "namespace": "orders"}
    with pytest.raises(Refused, match="Service does not target any Pods"):
        cluster.create(world.SERVICE, "second", awaited)
    assert cluster.provider.cluster.get(world.SERVICE, "orders/second") is None

    cluster.create(world.DEPLOYMENT, "orders", deployment())
    cluster.create(world.SERVICE, "second", awaited)


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"selector": None}])
def test_headless_and_selectorless_services_are_not_awaited(
    cluster: World, monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any]
) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_PATIENCE", "0")
    given = service(**spec)
    given["metadata"] = {"name": "second", "namespace": "orders"}

    assert cluster.create(world.SERVICE, "second", given)[0] == "orders/second"
