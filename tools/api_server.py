"""A real kube-apiserver with its etcd on loopback, for the local cloud kept in a folder.

    api_server.ensure(root, programs)     # started, or still running: ready when it returns
    api_server.stop(root)                 # both processes ended, all they kept deleted

Everything lies in `root`/api-server: data, certificates, logs, the two processes (pid and start time) and, for the
Kubernetes stand-in, connection.json. A process is ended by its own id, and only when its start time and its command
line say that it is the one from here. Survives kill -9 of either: the next `ensure` starts them on the same data.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tools import certificates, locks, progress
from tools.kubernetes_build import Programs

if TYPE_CHECKING:
    from local_cloud.kubernetes.api_server import Server

FOLDER = "api-server"  # local_cloud.kubernetes.mirror names the same files
CONNECTION = "connection.json"
KUBECONFIG = "kubeconfig"
_PROCESSES = "processes.json"
_NAMES = ("kube-apiserver", "etcd")  # in the order in which they are ended
_CLOCK_SECONDS = 2.0
_GRACE_SECONDS = 10.0
_START_SECONDS = 90.0
_ATTEMPTS = 3
_POLL_SECONDS = 0.1
_SERVICES = "172.20.0.0/16"  # EKS's range where a VPC lies in 10.0.0.0/8


class NotStartedError(Exception):
    """The API server did not come up; the message holds the end of its log."""


def is_wanted(root: Path) -> bool:
    """Whether the local cloud in `root` has a real API server, running or to be started again."""
    return (root / FOLDER).is_dir()


def ensure(root: Path, programs: Programs) -> bool:
    """Make the API server run and be ready; whether it had to be started. NotStartedError when it does not come up."""
    folder = root / FOLDER
    with progress.exclusive(root / "api-server.lock"):
        if set(running(folder)) == set(_NAMES) and _answers(root):
            return False
        end(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificates.write(folder / "certificates")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                _start(folder, programs)
                break
            except NotStartedError as error:
                end(folder)
                # Another program may take a free port between our look and the server's.
                if attempt == _ATTEMPTS or "address already in use" not in str(error):
                    raise
    return True


def stop(root: Path) -> int:
    """End the processes and delete all they kept; how many were running."""
    if not is_wanted(root) and not list(_strays(root / FOLDER)):
        return 0
    with progress.exclusive(root / "api-server.lock"):
        ended = end(root / FOLDER)
        shutil.rmtree(root / FOLDER, ignore_errors=True)
    return ended


def connect(root: Path) -> Server | None:
    """A client of the API server of a local cloud; None where there is none."""
    from local_cloud.kubernetes.api_server import Server  # noqa: PLC0415 - HTTP and TLS are slow to import
    from local_cloud.kubernetes.mirror import connection  # noqa: PLC0415

    given = connection(root)
    return Server(given) if given else None


def address(root: Path) -> str:
    """Where the API server of a local cloud listens; "" where there is none."""
    from local_cloud.kubernetes.mirror import connection  # noqa: PLC0415

    return (connection(root) or {}).get("url", "")


def _answers(root: Path) -> bool:
    server = connect(root)
    if server is None:
        return False
    try:
        return server.ready()
    finally:
        server.close()


# Processes


def running(folder: Path) -> dict[str, psutil.Process]:
    """The processes of this folder that live, by name: those on record, and what a killed start left unrecorded."""
    found = {}
    for name, entry in _recorded(folder).items():
        process = _same(int(entry["pid"]), float(entry["started"]), folder)
        if process is not None:
            found[name] = process
    for process in _strays(folder) if len(found) < len(_NAMES) else ():
        with contextlib.suppress(psutil.Error):
            found.setdefault(process.name(), process)
    return found


def end(folder: Path) -> int:
    """End the processes of this folder, first politely; how many there were."""
    living = running(folder)
    for name in (*_NAMES, *(living.keys() - set(_NAMES))):
        if name in living:
            _ended(living[name])
    (folder / _PROCESSES).unlink(missing_ok=True)
    return len(living)


def _ended(process: psutil.Process) -> None:
    for way in (process.terminate, process.kill):
        with contextlib.suppress(psutil.NoSuchProcess):
            way()
        with contextlib.suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
            process.wait(_GRACE_SECONDS)
            return


def _recorded(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads((folder / _PROCESSES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _same(pid: int, started: float, folder: Path) -> psutil.Process | None:
    """The process, when it is still the one that was recorded."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > _CLOCK_SECONDS or not _is_ours(process, folder):
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def _is_ours(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and any(
            f"{folder}{os.sep}" in argument for argument in process.cmdline()[1:]
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _strays(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() in _NAMES and _is_ours(process, folder):
                yield process


def _spawn(folder: Path, program: Path, arguments: list[str]) -> int:
    """Start a process that outlives us, with its output in a log beside its data; the pid, recorded at once."""
    log = folder / f"{program.name}.log"
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    quiet = os.open(os.devnull, os.O_RDONLY)
    try:
        pid = os.posix_spawn(
            program,
            [str(program), *arguments],
            {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, quiet, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setpgroup=0,  # Ctrl-C in the terminal is not for it
        )
    finally:
        os.close(output)
        os.close(quiet)
    entry = {"pid": pid, "started": psutil.Process(pid).create_time()}
    _write(folder / _PROCESSES, json.dumps({**_recorded(folder), program.name: entry}))
    return pid


# Start


def _start(folder: Path, programs: Programs) -> None:
    client, peer, port = _free_ports(3)
    token = secrets.token_urlsafe(32)
    _write(folder / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    for log in folder.glob("*.log"):
        log.unlink()
    pids = {
        "etcd": _spawn(folder, programs.etcd, etcd_arguments(folder, client, peer)),
        "kube-apiserver": _spawn(folder, programs.api_server, api_arguments(folder, client, port)),
    }
    url = f"https://127.0.0.1:{port}"
    authority = (folder / "certificates" / certificates.AUTHORITY).read_text("ascii")
    connection = {"url": url, "token": token, "ca": authority, "started": secrets.token_hex(8)}
    _wait(folder, pids, connection)
    _write(folder / KUBECONFIG, kubeconfig(connection))
    _write(folder / CONNECTION, json.dumps(connection))  # last: from here on the stand-in uses it


def _wait(folder: Path, pids: dict[str, int], connection: dict[str, str]) -> None:
    from local_cloud.kubernetes.api_server import Server  # noqa: PLC0415

    server = Server(connection)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while not server.ready():
            for name, pid in pids.items():
                if locks.probe(pid) is None:
                    raise NotStartedError(f"{name} ended at its start:\n{_tail(folder / f'{name}.log')}")
            if time.monotonic() > deadline:
                said = _tail(folder / "kube-apiserver.log")
                raise NotStartedError(f"the API server is not ready after {_START_SECONDS:.0f} s:\n{said}")
            time.sleep(_POLL_SECONDS)
    finally:
        server.close()


def etcd_arguments(folder: Path, client: int, peer: int) -> list[str]:
    """One member on loopback that talks only to holders of our certificate."""
    own = folder / "certificates"
    authority, certificate, key = (own / each for each in _FILES)
    here, there = f"https://127.0.0.1:{client}", f"https://127.0.0.1:{peer}"
    return [
        "--name=local",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={here}",
        f"--advertise-client-urls={here}",
        f"--listen-peer-urls={there}",
        f"--initial-advertise-peer-urls={there}",
        f"--initial-cluster=local={there}",
        *(f"--{part}cert-file={certificate}" for part in ("", "peer-")),
        *(f"--{part}key-file={key}" for part in ("", "peer-")),
        *(f"--{part}trusted-ca-file={authority}" for part in ("", "peer-")),
        "--client-cert-auth",
        "--peer-client-cert-auth",
    ]


def api_arguments(folder: Path, etcd: int, port: int) -> list[str]:
    """An API server whose one user is the holder of the token; nobody makes default service accounts here."""
    own = folder / "certificates"
    authority, certificate, key = (own / each for each in _FILES)
    accounts = own / certificates.ACCOUNTS
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",
        f"--etcd-servers=https://127.0.0.1:{etcd}",
        f"--etcd-cafile={authority}",
        f"--etcd-certfile={certificate}",
        f"--etcd-keyfile={key}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={accounts}",
        f"--service-account-signing-key-file={accounts}",
        f"--service-cluster-ip-range={_SERVICES}",
        "--profiling=false",
    ]


_FILES = (certificates.AUTHORITY, certificates.CERTIFICATE, certificates.KEY)


def kubeconfig(connection: dict[str, str]) -> str:
    """A kubeconfig (JSON is YAML) for kubectl."""
    cluster = {
        "server": connection["url"],
        "certificate-authority-data": base64.b64encode(connection["ca"].encode()).decode(),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "local", "user": {"token": connection["token"]}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        "current-context": "local",
    }
    return json.dumps(content, indent=2) + "\n"


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _write(file: Path, text: str) -> None:
    """In one step, readable by its user alone."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.is_file() else []
    return "\n".join(f"  {line}" for line in lines[-12:])
