"""The kubeconfig pulumi-eks makes: exec plug-in ``aws eks get-token`` (nodejs/eks/cluster.ts, generateKubeconfig)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from local_cloud.eks.traced import Traced, flat

DESCRIBED: Final = ("name", "endpoint", "arn", "certificateAuthority")
"""The outputs of a cluster that its configuration is made of."""

_EXEC: Final = "client.authentication.k8s.io/v1beta1"


def kubeconfig(
    name: str, endpoint: str, region: str, certificate: str, *, role: str = "", profile: str = ""
) -> dict[str, Any]:
    """The configuration of one cluster. ``role``: ARN to assume; ``profile``: of the aws command."""
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    arguments += ["--role", role] if role else []
    arguments += ["--profile", profile] if profile else []
    environment = [{"name": "KUBERNETES_EXEC_INFO", "value": json.dumps({"apiVersion": _EXEC})}]
    command = {"apiVersion": _EXEC, "command": "aws", "args": arguments, "env": environment}
    return {
        "apiVersion": "v1",
        "clusters": [
            {"cluster": {"server": endpoint, "certificate-authority-data": certificate}, "name": "kubernetes"}
        ],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": command}}],
    }


def configured(state: Mapping[str, Traced], options: Traced, *, profile: bool) -> Traced:
    """The configuration for the ``DESCRIBED`` outputs of an aws:eks/cluster:Cluster.

    ``options``: roleArn and profileName, absent for none; it takes part in what is unknown and in the dependencies.
    ``profile``: whether the profile is named, as the component does for its own provider only.
    """
    return flat({**state, "options": options}).map(lambda known: _of_cluster(known, profile=profile))


def _of_cluster(known: dict[str, Any], *, profile: bool) -> dict[str, Any]:
    given = known.get("options") or {}
    return kubeconfig(
        known["name"],
        known["endpoint"],
        str(known["arn"]).split(":")[3],
        known["certificateAuthority"]["data"],
        role=given.get("roleArn") or "",
        profile=(given.get("profileName") or "") if profile else "",
    )


def compact(value: object) -> str:
    """JSON as JavaScript's JSON.stringify writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
