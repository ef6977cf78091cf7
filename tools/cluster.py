"""What answers for Kubernetes on the local cloud of this checkout: strict schemas, or a real API server.

`schema`, at first: the stand-in judges manifests in process. `real`: it also sends every object to a kube-apiserver on
loopback. The choice holds until `make down` or another choice.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from tools import api_server, kubernetes_build, progress
from tools.environment import Environment

KINDS = ("schema", "real")
SOURCE = "kube_apiserver"
"""Folder of the Go module in tools/."""


def misspelt(kind: str | None) -> str | None:
    """What to say about a value that is no kind of cluster."""
    if kind is None or kind in KINDS:
        return None
    near = difflib.get_close_matches(kind, KINDS, 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return f'cluster must be one of {", ".join(KINDS)}; received "{kind}"{hint}'


def prepare(place: Environment, kind: str | None, say: Callable[[str], None]) -> bool:
    """Make what was chosen run; whether it does. `kind` None keeps what the last run chose."""
    wanted = api_server.is_wanted(place.root)
    if kind == "schema" and wanted:
        api_server.stop(place.root)
        say("The real Kubernetes API server is gone; manifests are judged by their schemas again.")
    if kind == "schema" or (kind is None and not wanted):
        return True
    try:
        programs = kubernetes_build.provide(place.checkout / "tools" / SOURCE)
        if api_server.ensure(place.root, programs):
            say(f"A real Kubernetes API server is up: {api_server.address(place.root)}")
        _link(place, programs)
        _agree(place)
    except (progress.SetupError, api_server.NotStartedError) as error:
        say(f"There is no real Kubernetes API server: {error}")
        return False
    return True


def closing(place: Environment) -> list[str]:
    """Lines for the end of `make up`: how to look at the real API server."""
    if not api_server.is_wanted(place.root):
        return []
    return [
        "",
        f"Kubernetes {kubernetes_build.VERSION} answers at {api_server.address(place.root)}. To look at it:",
        '  eval "$(make -s env)" && kubectl get deployments,services,targetgroupbindings --all-namespaces',
    ]


def _link(place: Environment, programs: kubernetes_build.Programs) -> None:
    """A kubectl that was built here stands on the PATH of `make env`."""
    if kubernetes_build.on_path("kubectl") is None:
        folder = place.root / api_server.FOLDER / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "kubectl").unlink(missing_ok=True)
        (folder / "kubectl").symlink_to(programs.kubectl)


def _agree(place: Environment) -> None:
    """Bring the API server in line with what the store says exists."""
    from local_cloud.kubernetes.real import agree  # noqa: PLC0415 - slow to import, and not for the other commands
    from local_cloud.plugin import Refused  # noqa: PLC0415
    from local_cloud.store import Store  # noqa: PLC0415

    server = api_server.connect(place.root)
    if server is not None:
        store = Store(place.store)
        try:
            agree(store, server)
        except Refused as refused:
            raise api_server.NotStartedError(f"it refuses what the local cloud holds: {refused}") from None
        finally:
            store.close()
            server.close()
