"""A Python language host for a Pulumi CLI that came without one.

The official installation brings `pulumi-language-python`; a CLI built from its Go module does not. The engine starts
this file with its own address as the last argument and reads a port from the first line of standard output
(pulumi/proto/language.proto). Programs, policy packs and provider plugins run in processes of their own, in the
project's virtual environment (language_child.py). When the engine is gone, killed or not, everything here ends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import IO, Any


def _without_the_sdk() -> None:
    """Let `pulumi.runtime.proto` load without the rest of the SDK: 0.3 instead of 1 second at every start."""
    found = importlib.util.find_spec("pulumi")
    root = Path((found and found.origin) or "").parent
    for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        sys.modules[name] = package = types.ModuleType(name)
        package.__path__ = [str(folder)]


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    _without_the_sdk()

import grpc  # noqa: E402
from google.protobuf import empty_pb2  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from pulumi.runtime.proto import language_pb2 as messages  # noqa: E402
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2  # noqa: E402

from tools import language_child  # noqa: E402

_VERSION = "1.0.0"
_CHILD = Path(language_child.__file__)


class HostError(Exception):
    """Something the user can put right; the message says what."""


def interpreter(options: Mapping[str, Any], root: Path) -> Path:
    """The interpreter of a project, from `runtime.options` of its Pulumi.yaml: virtualenv, toolchain (pip, poetry, uv).

    Without a virtualenv: the activated one, else the interpreter this host runs on. HostError when it is missing.
    """
    toolchain = str(options.get("toolchain") or "pip").lower()
    folder = str(options.get("virtualenv") or "")
    if toolchain not in {"pip", "poetry", "uv"}:
        raise HostError(f'runtime option toolchain: "{toolchain}" is unknown (allowed: pip, poetry, uv)')
    if toolchain == "poetry":
        folder = _poetry_environment(root)
    elif toolchain == "uv":
        folder = folder or os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    folder = folder or os.environ.get("VIRTUAL_ENV") or ""
    if not folder:
        return Path(sys.executable)
    for name in ("bin/python", "Scripts/python.exe"):
        if (root / folder / name).is_file():
            return root / folder / name
    raise HostError(
        f"runtime option virtualenv: no Python environment at {root / folder}. "
        "Make it first: `make setup` in this project, elsewhere `python -m venv` and pip."
    )


def _poetry_environment(root: Path) -> str:
    command = ["poetry", "env", "info", "--path"]
    try:
        found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise HostError("runtime option toolchain: poetry is not on PATH") from None
    if found.returncode or not found.stdout.strip():
        raise HostError(f"poetry knows no environment for {root}; run `poetry install`. {found.stderr.strip()}")
    return found.stdout.strip()


def _of(info: messages.ProgramInfo) -> Path:
    return interpreter(MessageToDict(info.options), Path(info.root_directory))


def _inspect(python: Path) -> dict[str, Any]:
    if python == Path(sys.executable):
        return language_child.inspect()
    command = [str(python), "-I", str(_CHILD), str(os.getpid()), "inspect"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise HostError(f"{python} does not run: {found.stderr.strip()}")
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def packages(inspected: Mapping[str, Any]) -> Iterator[plugin_pb2.PackageDependency]:
    """The provider plugins that the installed packages need."""
    for package in inspected["packages"]:
        plugin = package["plugin"]
        if not plugin or not plugin.get("resource"):
            continue
        needed = plugin_pb2.PackageDependency(
            name=plugin.get("name") or package["name"].lower().removeprefix("pulumi-").removeprefix("pulumi_"),
            kind="resource",
            version=f"v{str(plugin.get('version') or package['version']).removeprefix('v')}",
            server=plugin.get("server") or "",
        )
        parameters = plugin.get("parameterization")
        if parameters:
            import base64  # noqa: PLC0415 - rare: only generated SDKs of parameterised providers have it

            needed.parameterization.name = parameters["name"]
            needed.parameterization.version = parameters["version"]
            needed.parameterization.value = base64.b64decode(parameters["value"])
        yield needed


class Children:
    """The processes the host has started, so that they end with it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def start(self, python: Path, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start language_child.py on `python`; `options` are Popen's."""
        command = [str(python), "-u", str(_CHILD), str(os.getpid()), *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        with self._lock:
            self._running.add(process)
        return process

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a process; its exit code."""
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code

    def end(self) -> None:
        """Kill every process that is still running."""
        with self._lock:
            for process in self._running:
                process.kill()


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine; each call is documented in pulumi/proto/language.proto."""

    def __init__(self, engine: str, children: Children) -> None:
        self._engine = engine
        self._children = children
        self._cancelled = False

    def Handshake(self, *_: object) -> messages.LanguageHandshakeResponse:  # noqa: N802 - names are the protocol's
        """The engine's address came as an argument already."""
        return messages.LanguageHandshakeResponse()

    def GetPluginInfo(self, *_: object) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Version of this host."""
        return plugin_pb2.PluginInfo(version=_VERSION)

    def Cancel(self, *_: object) -> empty_pb2.Empty:  # noqa: N802
        """The update is being cancelled: end what runs."""
        self._cancelled = True
        self._children.end()
        return empty_pb2.Empty()

    def About(self, request: messages.AboutRequest, context: grpc.ServicerContext) -> messages.AboutResponse:  # noqa: N802
        """Interpreter of the project."""
        found = _inspect(_told(context, request.info))
        return messages.AboutResponse(executable=found["executable"], version=found["version"])

    def GetProgramDependencies(  # noqa: N802
        self, request: messages.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> messages.GetProgramDependenciesResponse:
        """Every package installed beside the program (pip knows no difference between direct and transitive)."""
        found = _inspect(_told(context, request.info))["packages"]
        listed = [messages.DependencyInfo(name=package["name"], version=package["version"]) for package in found]
        return messages.GetProgramDependenciesResponse(dependencies=listed)

    def GetRequiredPackages(  # noqa: N802
        self, request: messages.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> messages.GetRequiredPackagesResponse:
        """Provider plugins of the SDKs installed in the project's environment."""
        return messages.GetRequiredPackagesResponse(packages=packages(_inspect(_told(context, request.info))))

    def InstallDependencies(  # noqa: N802
        self, request: messages.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.InstallDependenciesResponse]:
        """Installs nothing: says where the environment is, or how to make it."""
        text = f"Python environment: {_told(context, request.info)} (this language host installs no packages)\n"
        yield messages.InstallDependenciesResponse(stdout=text.encode())

    def GenerateProgram(  # noqa: N802
        self, request: messages.GenerateProgramRequest, _context: grpc.ServicerContext
    ) -> messages.GenerateProgramResponse:
        """What `pulumi import` prints. Python is written by the official host alone; this one gives the inputs."""
        lines = [line for text in request.source.values() for line in text.splitlines()]
        told = ["# This language host writes no Python. The resources in Pulumi's own notation:", *lines]
        source = "\n".join(line if line.startswith("#") else f"# {line}".rstrip() for line in told) + "\n"
        return messages.GenerateProgramResponse(source={"__main__.py": source.encode()})

    def Run(self, request: messages.RunRequest, context: grpc.ServicerContext) -> messages.RunResponse:  # noqa: N802
        """Run the program to its end. Its output goes to the streams of this host, where the engine picks it up."""
        if request.attach_debugger:
            return messages.RunResponse(error="this language host has no debugger support (--attach-debugger)")
        python = _told(context, request.info)
        content, handle = os.pipe()
        # The settings go through a pipe: an argument or variable would show them in the process list.
        with os.fdopen(handle, "wb", closefd=True) as stream:
            process = self._children.start(
                python,
                ["program", self._engine, str(content)],
                pass_fds=[content],
                cwd=request.pwd or request.info.program_directory,
            )
            os.close(content)
            try:
                stream.write(request.SerializeToString())
                stream.flush()
            except BrokenPipeError:
                pass  # the program ended before it began; the exit code says why
        return self._answer(self._children.wait(process))

    def _answer(self, code: int) -> messages.RunResponse:
        if code == language_child.BAILED or (code and self._cancelled):
            return messages.RunResponse(bail=True)
        if code < 0:
            return messages.RunResponse(error=f"the program was ended by {signal.Signals(-code).name}")
        return messages.RunResponse(error=f"the program ended with exit code {code}" if code else "")

    def RunPlugin(  # noqa: N802
        self, request: messages.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.RunPluginResponse]:
        """Run a policy pack (kind "analyzer") or a provider plugin; streams its output, then its exit code."""
        folder = request.info.program_directory
        analyzer = request.kind == "analyzer"
        process = self._children.start(
            _told(context, request.info),
            ["analyzer" if analyzer else "plugin", folder, *request.args],
            cwd=folder if analyzer else request.pwd,
            env={**os.environ, **dict(entry.split("=", 1) for entry in request.env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.kill)
        yield from _streams(process)
        yield messages.RunPluginResponse(exitcode=self._children.wait(process))


def _told(context: grpc.ServicerContext, info: messages.ProgramInfo) -> Path:
    """The project's interpreter; what is wrong with it reaches the user as the error of the call."""
    try:
        return _of(info)
    except HostError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


def _streams(process: subprocess.Popen[bytes]) -> Iterator[messages.RunPluginResponse]:
    chunks: queue.SimpleQueue[messages.RunPluginResponse | None] = queue.SimpleQueue()

    def pump(stream: IO[bytes], wrap: Callable[[bytes], messages.RunPluginResponse]) -> None:
        while chunk := os.read(stream.fileno(), 65536):
            chunks.put(wrap(chunk))
        chunks.put(None)

    for stream, wrap in (
        (process.stdout, lambda chunk: messages.RunPluginResponse(stdout=chunk)),
        (process.stderr, lambda chunk: messages.RunPluginResponse(stderr=chunk)),
    ):
        threading.Thread(target=pump, args=(stream, wrap), daemon=True).start()
    for _ in range(2):
        yield from iter(chunks.get, None)


def end_with_engine(children: Children) -> None:
    """End this host and its children when the engine is gone, and quietly on SIGINT and SIGTERM."""

    def end(*_: object) -> None:
        children.end()
        os._exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        # The engine holds the other end of standard input and never writes: it reads as ended when the engine is gone.
        def wait() -> None:
            sys.stdin.buffer.read()
            end()

        threading.Thread(target=wait, daemon=True, name="engine-watch").start()


def main(arguments: list[str]) -> None:
    """Serve until the engine says, or is, enough."""
    engine = [argument for argument in arguments if not argument.startswith("-")][-1]
    children = Children()
    language_child.end_with(os.getppid())
    end_with_engine(children)
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(32), options=unlimited)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(engine, children), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1:])
