"""``kubernetes:helm.sh/v3:Release`` (provider/pkg/provider/helm_release.go): inputs, refusals, outputs."""

from __future__ import annotations

import re
from typing import Any, Final

from local_cloud.kubernetes import kinds
from local_cloud.kubernetes.charts import CHARTS, CONTROLLER, LATTICE, Chart, known
from local_cloud.kubernetes.cluster import RELEASE, Cluster
from local_cloud.kubernetes.controllers import release_trouble
from local_cloud.kubernetes.naming import random_name
from local_cloud.plugin import Call, Difference, Refused
from local_cloud.store import Row
from local_cloud.values import UNKNOWN, Failure

_VERSION: Final = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?")
_UNHELPFUL: Final = "check the chart name and repository configuration."


def checked(call: Call, namespace: str, orphan: dict[str, Any] | None) -> tuple[dict[str, Any], list[Failure]]:
    """Inputs with name, namespace, time-out and the resolved chart version."""
    inputs = dict(call.news)
    inputs.setdefault("namespace", namespace)
    if not inputs.get("skipAwait"):
        inputs.setdefault("timeout", 300)
    if inputs.get("name") in {None, ""}:
        inputs["name"] = (
            (call.olds or orphan or {}).get("name") or call.autonaming[0] or random_name(call.name, call.seed)
        )
    if inputs.get("chart") is UNKNOWN or inputs.get("version") is UNKNOWN:
        return inputs, []
    failures = list(_chart_failures(inputs))
    if not failures and not inputs.get("version"):
        inputs["version"] = _chart(inputs).newest
    return inputs, failures


def _chart_failures(inputs: dict[str, Any]) -> list[Failure]:
    name, version = str(inputs.get("chart") or ""), inputs.get("version")
    if not name:
        return [Failure("chart", "Missing required property 'chart'")]
    chart = known(name)
    if chart is None:
        listed = ", ".join(sorted(CHARTS))
        return [Failure("chart", f"the local cloud does not know the chart {name!r} (it knows {listed}); {_UNHELPFUL}")]
    options = inputs.get("repositoryOpts") or {}
    repository = options.get("repo") if isinstance(options, dict) else UNKNOWN
    if repository is not UNKNOWN and str(repository or "").rstrip("/") != chart.repository.rstrip("/"):
        said = (
            f"failed to download {name!r}: {repository or 'no repository'} has no such chart "
            f"({chart.repository} has); {_UNHELPFUL}"
        )
        return [Failure("chart", said)]
    if version is not None and not _VERSION.fullmatch(str(version)):
        return [
            Failure(
                "chart", f"improper constraint: {version} (a chart version looks like {chart.newest}); {_UNHELPFUL}"
            )
        ]
    return []


def difference(old: dict[str, Any], new: dict[str, Any], changed: dict[str, str]) -> Difference:
    """Only name and namespace replace, and the new release comes first."""
    replaces = tuple(name for name in ("name", "namespace") if old.get(name) != new.get(name))
    return Difference({path: f"{how}-replace" if path in replaces else how for path, how in changed.items()}, replaces)


def previewed(inputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs before the release exists."""
    return {**inputs, "status": UNKNOWN, "resourceNames": UNKNOWN}


def refuse(cluster: Cluster, inputs: dict[str, Any], *, new: bool) -> None:
    """Raises ``Refused`` for what Helm, or the pods it waits for, make fail."""
    subject = f"{inputs['namespace']}/{inputs['name']}"
    if new and cluster.get(RELEASE, subject) is not None:
        raise Refused("cannot re-use a name that is still in use")
    if not cluster.has_namespace(str(inputs["namespace"])) and not inputs.get("createNamespace"):
        raise Refused(f'create: failed to create: namespaces "{inputs["namespace"]}" not found')
    trouble = _values_trouble(cluster, inputs) or release_trouble(cluster, inputs)
    if trouble is not None and not inputs.get("skipAwait"):
        verb = "was created, but failed" if new else "failed"
        raise Refused(
            f'1 error occurred:\n\t* Helm release "{subject}" {verb} to initialize completely. Use Helm CLI to '
            "investigate: failed "
            f"to become available within allocated timeout. Error: Helm Release {subject}: context deadline "
            f"exceeded ({trouble})"
        )


def _chart(inputs: dict[str, Any]) -> Chart:
    chart = known(inputs["chart"])
    if chart is None:
        raise Refused(f"chart {inputs['chart']!r} is not known")
    return chart


def _values_trouble(cluster: Cluster, inputs: dict[str, Any]) -> str | None:
    """Values of a controller that leave it without anything to manage, or crash it."""
    if inputs.get("chart") == LATTICE:
        return _lattice_trouble(cluster, inputs.get("values") or {})
    if inputs.get("chart") != CONTROLLER:
        return None
    values = inputs.get("values") or {}
    name, row = values.get("clusterName"), cluster.row()
    if not name:
        raise Refused(
            "execution error at (aws-load-balancer-controller/templates/deployment.yaml): Chart cannot be "
            "installed without a valid clusterName!"
        )
    if name != row["name"]:
        return f"values.clusterName is {name!r}, but this cluster is {row['name']!r}"
    region = str(row["arn"]).split(":")[3]
    if values.get("region") not in {None, "", region}:
        return f"values.region is {values['region']!r}, but this cluster is in {region!r}"
    if values.get("vpcId") not in {None, "", cluster.vpc()}:
        return f"values.vpcId is {values['vpcId']!r}, but this cluster's nodes are in {cluster.vpc()!r}"
    return None


def _lattice_trouble(cluster: Cluster, values: dict[str, Any]) -> str | None:
    """aws-application-networking-k8s main.go and pkg/config: what it asks at start-up, and whom it works for."""
    if not cluster.serves("gateway.networking.k8s.io/v1", "TLSRoute"):
        return (
            'the controller exits at start-up: no matches for kind "TLSRoute" in version '
            '"gateway.networking.k8s.io/v1": the Gateway API, standard channel, 1.5 or newer, is not installed'
        )
    row = cluster.row()
    _, _, _, region, account, _ = str(row["arn"]).split(":", 5)
    wanted = {"awsRegion": region, "awsAccountId": account, "clusterVpcId": cluster.vpc(), "clusterName": row["name"]}
    for name, value in wanted.items():
        if values.get(name) not in {None, "", value}:
            return f"values.{name} is {values[name]!r}, but this cluster's is {value!r}"
    return None


def outputs(inputs: dict[str, Any], before: Row | None) -> dict[str, Any]:
    """Inputs, status and resourceNames of an installed release."""
    chart = _chart(inputs)
    revision = int(((before.outputs.get("status") if before else None) or {}).get("revision") or 0) + 1
    status = {
        "appVersion": chart.app, "chart": inputs["chart"], "name": inputs["name"], "namespace": inputs["namespace"],
        "revision": revision, "status": "deployed", "version": inputs["version"],
    }  # fmt: skip
    return {**inputs, "status": status, "resourceNames": _resource_names(inputs, chart)}


def _resource_names(inputs: dict[str, Any], chart: Chart) -> dict[str, list[str]]:
    qualified = f"{inputs['namespace']}/{inputs['name']}"
    names = {"Deployment.apps/apps/v1": [qualified], "ServiceAccount/v1": [qualified]}
    if chart.custom_kinds and not inputs.get("skipCrds"):
        plurals = sorted(f"{kinds.plural(kind)}.{api.rpartition('/')[0]}" for api, kind in chart.custom_kinds)
        names["CustomResourceDefinition.apiextensions.k8s.io/apiextensions.k8s.io/v1"] = plurals
    return names
