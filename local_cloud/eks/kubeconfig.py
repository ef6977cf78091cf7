"""The kubeconfig pulumi-eks makes: exec plug-in ``aws eks get-token`` (nodejs/eks/cluster.ts, generateKubeconfig)."""

from __future__ import annotations

import json
from typing import Any

_EXEC = "client.authentication.k8s.io/v1beta1"


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


def of_cluster(state: dict[str, Any], options: dict[str, Any] | None, *, profile: bool) -> dict[str, Any]:
    """The configuration for an aws:eks/cluster:Cluster's outputs. ``profile``: name the profile of ``options``."""
    given = options or {}
    return kubeconfig(
        state["name"],
        state["endpoint"],
        str(state["arn"]).split(":")[3],
        state["certificateAuthority"]["data"],
        role=given.get("roleArn") or "",
        profile=(given.get("profileName") or "") if profile else "",
    )


def compact(value: object) -> str:
    """JSON as JavaScript's JSON.stringify writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
