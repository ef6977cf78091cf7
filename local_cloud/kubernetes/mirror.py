"""Whether a cluster of the local cloud lives on a real API server. Costs nothing where none was started."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cloud.kubernetes.cluster import Cluster, Unreachable

if TYPE_CHECKING:
    from local_cloud.kubernetes.real import Real

FOLDER: Final = "api-server"
"""Folder of the API server in the folder of a local cloud."""
CONNECTION: Final = "connection.json"
"""File there that says where it listens and who may call it; without it there is no API server."""


def connection(home: Path) -> dict[str, str] | None:
    """Address, token, certificate authority and start of the API server of a local cloud; None when it has none."""
    try:
        found = json.loads((home / FOLDER / CONNECTION).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return {str(key): str(value) for key, value in found.items()}


class Mirror:
    """The real API server of a local cloud, found when the first object needs it."""

    def __init__(self, home: Path | None) -> None:
        """``home``: the folder of the local cloud, None for a store that is no file."""
        self._home = home
        self._lock = threading.Lock()
        self._found: dict[str, Real | None] = {}

    def of(self, cluster: Cluster) -> Real | None:
        """The API server behind a cluster; None where there is none, and for a cluster that does not exist.

        The first time it is used since its start it is brought in line with the rows of the store.
        """
        if self._home is None:
            return None
        if cluster.server in self._found:  # without the lock: a caller inside a transaction must never wait for it
            return self._found[cluster.server]
        with self._lock:
            given = connection(self._home)
            if cluster.server not in self._found and given is not None:
                try:
                    cluster.row()
                except Unreachable:
                    return None
                self._found[cluster.server] = _attached(given, cluster)
            return self._found.get(cluster.server)

    def close(self) -> None:
        """Closes the connections."""
        for each in self._found.values():
            if each is not None:
                each.server.close()


def _attached(given: dict[str, str], cluster: Cluster) -> Real | None:
    # HTTP and TLS take longer to import than the rest of the stand-in.
    from local_cloud.kubernetes.api_server import Server  # noqa: PLC0415
    from local_cloud.kubernetes.real import Real  # noqa: PLC0415

    found = Real.of(Server(given), cluster)
    if found is not None:
        found.reconcile_once()
    return found
