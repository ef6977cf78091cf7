"""The pod's side of TLS between load balancer and pod: its certificate, where the server finds it."""

from __future__ import annotations

from pulumi_kubernetes import core

from components import settings

FOLDER = "/etc/backend-tls"
_VOLUME = "backend-tls"


def variables(tls: settings.BackendTls | None) -> dict[str, str]:
    """Where certificate and key lie. The kubelet renews the files with the Secret, so a server reads them again."""
    if tls is None:
        return {}
    # Keys of a Secret of type kubernetes.io/tls (Kubernetes: "Secrets", TLS Secrets).
    return {"TLS_CERT_FILE": f"{FOLDER}/tls.crt", "TLS_KEY_FILE": f"{FOLDER}/tls.key"}


def volumes(tls: settings.BackendTls | None) -> list[core.v1.VolumeArgs] | None:
    """The Secret as files; a pod waits until it is there."""
    if tls is None:
        return None
    return [core.v1.VolumeArgs(name=_VOLUME, secret=core.v1.SecretVolumeSourceArgs(secret_name=tls.secret))]


def mounts(tls: settings.BackendTls | None) -> list[core.v1.VolumeMountArgs] | None:
    """A whole folder: a single file would not be renewed (Kubernetes: "Secrets", mounted as subPath)."""
    if tls is None:
        return None
    return [core.v1.VolumeMountArgs(name=_VOLUME, mount_path=FOLDER, read_only=True)]
