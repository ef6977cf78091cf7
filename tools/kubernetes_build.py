"""The programs of a real Kubernetes API: kube-apiserver, etcd, kubectl. Found on PATH, else built once per machine.

Built from the Go module in tools/kube_apiserver into the cache outside the checkout, as set-up builds the Pulumi CLI.
kube-apiserver is always the pinned one; etcd and kubectl are taken from PATH where they are new enough.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import progress, provision

VERSION = "1.34.1"
"""Kubernetes release of tools/kube_apiserver/go.mod."""
_ETCD_MINIMUM = (3, 4)
_STAMPS = dict(zip(("gitMajor", "gitMinor"), VERSION.split("."), strict=False), gitVersion=f"v{VERSION}")
_ADVICE = (
    "Install Go 1.21 or later (go.dev/dl): the API server is built from source, about twelve minutes once per machine. "
    "`make up` without cluster=real needs none of it."
)


@dataclass(frozen=True)
class Programs:
    """Where the programs lie."""

    api_server: Path
    etcd: Path
    kubectl: Path


def provide(source: Path) -> Programs:
    """Find or build everything. SetupError says what is missing."""
    etcd, kubectl = on_path("etcd"), on_path("kubectl")
    if etcd is not None and (version_of(etcd) or (0, 0)) < _ETCD_MINIMUM:
        etcd = None
    first = "8 to 13 min on 2 cores, once per machine; then seconds"
    after = "1 to 2 min, once per machine"
    return Programs(
        _built(source, "kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", first),
        etcd or _built(source, "etcd", "go.etcd.io/etcd/server/v3", after),
        kubectl or _built(source, "kubectl", "k8s.io/kubernetes/cmd/kubectl", after),
    )


def on_path(name: str) -> Path | None:
    """A program on PATH."""
    found = shutil.which(name)
    return Path(found).absolute() if found else None


def version_of(etcd: Path) -> tuple[int, int] | None:
    """Version an etcd names, None when it names none or does not run."""
    try:
        found = subprocess.run([str(etcd), "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"etcd Version: (\d+)\.(\d+)", found.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _built(source: Path, name: str, package: str, normally: str) -> Path:
    """A program built from `source`; it counts once it has its name, so an interrupted build leaves nothing whole."""
    target = provision.cache() / "kubernetes" / f"{VERSION}-{provision.source_key(source)}" / name
    if target.is_file():
        return target
    with progress.exclusive(provision.cache() / "locks" / "kubernetes.lock") as handle:
        if target.is_file():
            return target
        go = provision.go_command(name, f"{name} is not on this machine, and there is no Go to build it", _ADVICE)
        step = progress.Step(f"{name}, built from source", normally)
        partial = target.with_name(f"{name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        stamps = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in _STAMPS.items())
        provision.go_build(
            [go, "build", "-v", "-ldflags", f"-s -w {stamps}", "-o", str(partial)],
            package,
            source=source,
            step=step,
            failed=f"Go could not build {name}. Is the Go module proxy reachable?",
            handle=handle,
        )
        partial.replace(target)
        step.done(f"in {target}")
    return target


if __name__ == "__main__":
    try:
        provide(Path(__file__).resolve().parent / "kube_apiserver")
    except progress.SetupError as error:
        sys.exit(str(error))
