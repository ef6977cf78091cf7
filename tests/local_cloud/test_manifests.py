"""validate(): what the API server would take, and what it would not."""

from __future__ import annotations

import copy
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from local_cloud.kubernetes import schemas
from local_cloud.kubernetes.manifests import validate
from local_cloud.values import UNKNOWN, UNKNOWN_TEXT, Secret
from tests.local_cloud.kubernetes_world import binding, deployment, service

VERSIONS = ["1.34", "1.35", "1.36", "1.37"]


def manifest(api: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, **body}


def named(api: str, kind: str, **body: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "it", "namespace": "orders"}, **body}


SCALER = named(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
        "minReplicas": 2,
        "maxReplicas": 10,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
    },
)
BUDGET = named(
    "policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "orders"}}}
)
INGRESS = named(
    "networking.k8s.io/v1",
    "Ingress",
    spec={
        "rules": [
            {
                "host": "a.example.com",
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "orders", "port": {"number": 80}}},
                        }
                    ]
                },
            }
        ]
    },
)
BINDING = manifest("elbv2.k8s.aws/v1beta1", "TargetGroupBinding", binding())
BINDING["metadata"]["name"] = "orders"
GOOD: dict[str, dict[str, Any]] = {
    "deployment": deployment(),
    "service": manifest("v1", "Service", service()),
    "scaler": SCALER,
    "budget": BUDGET,
    "ingress": INGRESS,
    "binding": BINDING,
    "config map": named("v1", "ConfigMap", data={"a.yaml": "x"}, binaryData={"b": "YWJj"}),
    "secret": named("v1", "Secret", data={"a": "YWJj"}, stringData={"b": "plain"}),
    "namespace": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "orders"}},
    "service account": named("v1", "ServiceAccount", automountServiceAccountToken=False),
    "role": named(
        "rbac.authorization.k8s.io/v1", "Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", GOOD)
def test_good_manifests_pass_in_every_version(name: str, version: str) -> None:
    assert validate(GOOD[name], version) == []


def _set(path: str, value: Any, base: str) -> dict[str, Any]:
    """A copy of a good manifest with one path changed; ``...`` deletes it."""
    whole = copy.deepcopy(GOOD[base])
    at: Any = whole
    keys = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in keys[:-1]:
        at = at[key]
    if value is ...:
        del at[keys[-1]]
    else:
        at[keys[-1]] = value
    return whole


CONTAINER = "spec/template/spec/containers/0"
POD = "spec/template/spec"
BAD: list[tuple[str, str, Any, str]] = [
    ("deployment", "spec/replicas", "3", "spec.replicas: '3' must be a whole number"),
    ("deployment", "spec/replica", 3, 'spec.replica: unknown field; did you mean "replicas"?'),
    ("deployment", "spec/replicas", -1, "must be at least 0"),
    ("deployment", "spec/selector", ..., "spec.selector: is required"),
    ("deployment", "spec/selector", {}, "an empty selector is not allowed"),
    ("deployment", "spec/selector/matchLabels/app", "other", "must match the selector"),
    ("deployment", "spec/strategy", {"type": "Rolling"}, "allowed: RollingUpdate, Recreate"),
    ("deployment", "spec/strategy", {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}, "may not be specified"),
    ("deployment", "spec/strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}, "when maxSurge is 0"),
    ("deployment", "spec/progressDeadlineSeconds", 0, "must be greater than minReadySeconds"),
    ("deployment", "metadata/name", "Orders", "RFC 1123 subdomain"),
    ("deployment", "metadata/name", "a" * 254, "at most 253"),
    ("deployment", "metadata/labels", {"a b": "c"}, "key 'a b'"),
    ("deployment", "metadata/labels", {"app": "x" * 64}, "at most 63"),
    ("deployment", "metadata/annotations", {"a": "x" * 262144}, "at most 262144"),
    ("deployment", f"{POD}/restartPolicy", "Never", "allowed: Always"),
    ("deployment", f"{POD}/containers", [], "spec.containers: is required"),
    ("deployment", f"{POD}/dnsPolicy", "None of it", "allowed: ClusterFirst"),
    ("deployment", f"{POD}/tolerations", [{"operator": "Equal", "value": "x"}], "must be Exists when key is empty"),
    (
        "deployment",
        f"{POD}/topologySpreadConstraints",
        [{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        "0 must be at least 1",
    ),
    (
        "deployment",
        f"{POD}/volumes",
        [{"name": "a", "emptyDir": {}, "secret": {"secretName": "b"}}],
        "more than 1 volume",
    ),
    ("deployment", f"{POD}/terminationGracePeriodSeconds", 10, "terminationGracePeriodSeconds (10)"),
    ("deployment", f"{CONTAINER}/image", "", "image: is required"),
    ("deployment", f"{CONTAINER}/image", "a ", "leading or trailing"),
    ("deployment", f"{CONTAINER}/imagePullPolicy", "Sometimes", "allowed: Always, IfNotPresent, Never"),
    ("deployment", f"{CONTAINER}/name", "Orders", "RFC 1123 label"),
    ("deployment", f"{CONTAINER}/ports/0/name", "a-name-too-long-1", "at most 15"),
    ("deployment", f"{CONTAINER}/ports/0/containerPort", 65536, "between 1 and 65535"),
    ("deployment", f"{CONTAINER}/ports/0/protocol", "GRPC", "allowed: TCP, UDP, SCTP"),
    ("deployment", f"{CONTAINER}/resources/requests/memory", "1Gi", "less than or equal to the memory limit of 256Mi"),
    ("deployment", f"{CONTAINER}/resources/requests/cpu", "250 m", "is no quantity"),
    ("deployment", f"{CONTAINER}/resources/requests/gpu", "1", "a name with a domain"),
    ("deployment", f"{CONTAINER}/env", [{"name": "A=B", "value": "x"}], "without '='"),
    (
        "deployment",
        f"{CONTAINER}/env",
        [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "not be specified when value",
    ),
    ("deployment", f"{CONTAINER}/env", [{"name": "A", "valueFrom": {}}], "exactly one of"),
    (
        "deployment",
        f"{CONTAINER}/env",
        [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.ip"}}}],
        "not supported",
    ),
    (
        "deployment",
        f"{CONTAINER}/volumeMounts",
        [{"name": "tmp", "mountPath": "/work"}],
        "'tmp' not found among the pod's volumes",
    ),
    ("deployment", f"{CONTAINER}/readinessProbe", {"periodSeconds": 5}, "exactly one of exec, httpGet"),
    ("deployment", f"{CONTAINER}/readinessProbe/grpc/port", "grpc", "'grpc' must be a whole number"),
    ("deployment", f"{CONTAINER}/readinessProbe/grpc/port", 0, "between 1 and 65535"),
    (
        "deployment",
        f"{CONTAINER}/livenessProbe",
        {"tcpSocket": {"port": 1}, "successThreshold": 2},
        "must be 1 for liveness",
    ),
    (
        "deployment",
        f"{CONTAINER}/lifecycle/preStop/sleep/seconds",
        31,
        "between 0 and terminationGracePeriodSeconds (30)",
    ),
    (
        "deployment",
        f"{CONTAINER}/securityContext",
        {"privileged": True, "allowPrivilegeEscalation": False},
        "privileged to true",
    ),
    ("service", "spec/ports", [], "spec.ports: is required"),
    ("service", "spec/ports", [{"port": 1}, {"port": 2}], "more than one port"),
    ("service", "spec/ports", [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}], "duplicate value 1/TCP"),
    ("service", "spec/type", "Cluster", "allowed: ClusterIP"),
    ("service", "spec/clusterIP", "10.0.0", "valid IP address"),
    ("service", "metadata/name", "1orders", "RFC 1035 label"),
    ("scaler", "spec/maxReplicas", 1, "greater than or equal to minReplicas (2)"),
    ("scaler", "spec/metrics/0/resource/target", {"type": "Utilization"}, "averageUtilization: is required"),
    ("scaler", "spec/metrics/0/type", "Pods", "pods: is required with type Pods"),
    ("budget", "spec/minAvailable", 1, "cannot be both set"),
    ("budget", "spec/maxUnavailable", "110%", "greater than 100%"),
    ("ingress", "spec/rules/0/http/paths/0/path", "x", "must be an absolute path"),
    ("ingress", "spec/rules/0/http/paths/0/backend/service/port", {}, "exactly one of name, number"),
    ("binding", "spec/targetGroupArn", "x", 'did you mean "targetGroupARN"?'),
    ("binding", "spec/targetType", ..., "must specify these fields: spec.targetType"),
    ("binding", "spec/nodeSelector", {"matchLabels": {"a": "b"}}, "cannot set NodeSelector"),
    ("binding", "spec/vpcID", "main", "must match"),
    ("binding", "spec/serviceRef", {"name": "orders"}, "spec.serviceRef.port: is required"),
    ("config map", "data", {"b": "x"}, "also in binaryData"),
    ("config map", "data", {"a/b": "x"}, "key 'a/b'"),
    ("secret", "data", {"a": "not base64!"}, "must be base64"),
    ("secret", "type", "kubernetes.io/tls", "key 'tls.crt' is required"),
    ("namespace", "metadata/namespace", "other", "does not live in a namespace"),
    ("role", "rules/0/verbs", [], "verbs: is required"),
]


@pytest.mark.parametrize(("base", "path", "value", "said"), BAD)
def test_one_wrong_field_is_reported_with_its_path(base: str, path: str, value: Any, said: str) -> None:
    problems = validate(_set(path, value, base))

    assert any(said in problem for problem in problems), problems


def test_scale_to_zero_depends_on_the_version() -> None:
    whole = _set("spec/minReplicas", 0, "scaler")

    assert validate(whole, "1.36") == ["spec.minReplicas: 0 must be at least 1"]
    assert validate(whole, "1.37") == []


def test_unknown_kinds_get_a_hint() -> None:
    assert 'did you mean "Deployment"' in validate({"apiVersion": "apps/v1", "kind": "Deploymnt"})[0]
    assert "it exists in: apps/v1" in validate({"apiVersion": "apps/v1beta1", "kind": "Deployment"})[0]
    assert "has no schema" in validate({"apiVersion": "example.com/v1", "kind": "Thing"})[0]


def test_a_patch_may_leave_out_what_is_required_but_invents_nothing() -> None:
    patch = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "aws-node"}, "spec": {"template": {}}}

    assert validate(patch, partial=True) == []
    assert "unknown field" in validate({**patch, "spce": {}}, partial=True)[0]


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in _paths(item, (*at, key)))]


def _replaced(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copied = copy.copy(whole)
    copied[path[0]] = _replaced(whole[path[0]], path[1:], value)
    return copied


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("mark", [UNKNOWN, UNKNOWN_TEXT, "[secret]", Secret(UNKNOWN)])
def test_an_unknown_anywhere_in_a_good_manifest_is_no_problem(name: str, mark: Any) -> None:
    for path in _paths(GOOD[name]):
        if path not in {(), ("apiVersion",), ("kind",)}:
            assert validate(_replaced(GOOD[name], path, mark)) == [], path


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just(UNKNOWN)
    | st.just(UNKNOWN_TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_mutation_makes_it_raise(data: st.DataObject) -> None:
    whole = GOOD[data.draw(st.sampled_from(sorted(GOOD)))]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_paths(whole)))
        mutated = _replaced(whole, path, data.draw(JUNK))
        whole = mutated if isinstance(mutated, dict) else whole

    assert all(isinstance(problem, str) for problem in validate(whole))


KNOWN: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.text("ab1", max_size=3)
    | st.just([])
    | st.just({})
    | st.just({"x": 1})
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_schema_walk_agrees_with_a_full_json_schema_engine(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in sorted(GOOD) if name != "binding"]))
    path = data.draw(
        st.sampled_from([path for path in _paths(GOOD[name]) if path[:1] not in {(), ("apiVersion",), ("kind",)}])
    )
    whole = _replaced(GOOD[name], path, data.draw(KNOWN))
    api, kind = whole["apiVersion"], whole["kind"]
    stripped = _without_nulls(whole)

    ours = list(schemas.problems(stripped, api, kind, "1.36", partial=False))
    assume(not any("is no quantity" in problem or "32 bits" in problem for problem in ours))  # ours is stricter there

    assert bool(ours) == _refused(stripped), (ours, path)


def _refused(whole: dict[str, Any]) -> bool:
    try:
        kubernetes_validate.validate(whole, "1.36", strict=True)
    except kubernetes_validate.ValidationError:
        return True
    return False


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
