"""The process of a stand-in: serves the engine, and ends with it.

An engine that is killed with -9 tells its plug-ins nothing, so each stand-in watches its parent and leaves when that is
gone. Every operation is one database transaction, hence leaving at any moment is safe.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

import grpc

_POLL_SECONDS = 0.5
_MESSAGE_BYTES = 400 * 1024 * 1024  # what the engine itself uses (sdk/go/common/util/rpcutil)


def protocol(module: str) -> types.ModuleType:
    """A module of the engine's protocol as the SDK ships it (``provider_pb2``, say), without importing the SDK.

    ``import pulumi`` takes longer than the rest of the start-up. The protocol modules only import each other, so they
    load just as well as a package of another name.
    """
    package = "local_cloud._protocol"
    if package not in sys.modules:
        found = importlib.util.find_spec("pulumi")
        if found is None or not found.submodule_search_locations:
            raise ModuleNotFoundError("the Python package pulumi is not installed; run `make setup`")
        parent = types.ModuleType(package)
        parent.__path__ = [str(Path(found.submodule_search_locations[0]) / "runtime" / "proto")]
        sys.modules[package] = parent
    return importlib.import_module(f"{package}.{module}")


def watch_parent(engine: str | None = None) -> None:
    """Ends this process soon after its parent ended (polling every half second).

    ``engine``: the engine's ``host:port``. When nothing listens there any more the parent died before the watch
    began, and this process ends at once.
    """
    parent = os.getppid()
    if engine and not _listens(engine):
        os._exit(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return True
    except OSError:
        return False
    except ValueError:
        return True  # not a TCP address: nothing to say about it


def serve(servicer: object, arguments: Sequence[str]) -> None:
    """Serves a ResourceProviderServicer until the engine ends it (SIGINT, SIGTERM) or is gone.

    ``arguments`` are the command line's: the engine gives its address as the last one that is no flag. The port is
    printed on the first line of stdout, as the engine expects from a plug-in. A method ``ended`` of the
    servicer is called when the engine ends this process at the end of its run, everything saved; not when it was
    killed.
    """
    parent = os.getppid()

    def leave(*_: object) -> None:
        if os.getppid() == parent:
            getattr(servicer, "ended", lambda: None)()
        os._exit(0)

    addresses = [argument for argument in arguments if not argument.startswith("-")]
    watch_parent(addresses[-1] if addresses else None)
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
    protocol("provider_pb2_grpc").add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    print(port, flush=True)
    server.wait_for_termination()


def die_after(operation: str, urn: str) -> None:
    """A device for tests: ends the engine and this process with SIGKILL when ``LOCAL_CLOUD_DIE_AFTER`` says so.

    Its value is ``OPERATION:PART``, say ``create:targetGroup::orders``: the operation (create, update, delete) that
    was just committed and a part of the resource's URN. Unset, as always outside tests, nothing happens.
    """
    wanted, separator, part = os.environ.get("LOCAL_CLOUD_DIE_AFTER", "").partition(":")
    if separator and wanted == operation and part in urn:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
