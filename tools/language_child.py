"""What the language host starts in a project's own Python environment: a program, a policy pack, a provider plugin.

    python language_child.py <host pid> program <engine address> <file descriptor>
    python language_child.py <host pid> analyzer <folder> [argument ...]
    python language_child.py <host pid> plugin <folder> [argument ...]
    python language_child.py <host pid> inspect

Only the standard library until the user's code asks for more; the environment may hold any version of the Pulumi SDK.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import runpy
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

BAILED = 32
"""Exit code of a program whose error the user has already been shown; the official host uses the same number."""
_WATCH_SECONDS = 0.25


def end_with(parent: int) -> None:
    """End this process soon after `parent`, which must be its parent process, has gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def inspect() -> dict[str, Any]:
    """The running interpreter and its packages; `plugin` is a package's pulumi-plugin.json (PackageInfo of the SDK)."""
    packages = []
    for found in importlib.metadata.distributions():
        name = found.metadata["Name"]
        if not name:
            continue  # a leftover of an interrupted pip run
        plugin = Path(str(found.locate_file(name.lower().replace("-", "_")))) / "pulumi-plugin.json"
        content = json.loads(plugin.read_text("utf-8")) if plugin.is_file() else None
        packages.append({"name": name, "version": found.version, "plugin": content})
    return {"executable": sys.executable, "version": ".".join(map(str, sys.version_info[:3])), "packages": packages}


def run_program(engine: str, handle: int) -> int:
    """Run the user's program for the RunRequest that the file descriptor `handle` holds; the exit code."""
    with os.fdopen(handle, "rb") as stream:
        content = stream.read()
    try:
        import pulumi  # noqa: PLC0415 - of the project's environment, which may lack it
    except ModuleNotFoundError as error:
        sys.stderr.write(f"the Python environment {sys.prefix} cannot import the Pulumi SDK: {error}\n")
        return 1
    from pulumi.runtime import proto  # noqa: PLC0415

    request = proto.language_pb2.RunRequest.FromString(content)
    program = Path(request.info.program_directory, request.info.entry_point or ".").resolve()
    os.chdir(request.pwd or request.info.program_directory)
    sys.path[:0] = [request.info.program_directory]
    sys.argv = [str(program), *request.args]
    _configure(request, engine)
    if program.is_dir() and not (program / "__main__.py").is_file():
        pulumi.log.error(f"no __main__.py in {program}")
        return BAILED
    try:
        _run(program, max(request.parallel, 1) * 4)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return BAILED
    except Exception as error:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_users_part(error, program)}")
        return BAILED
    return 0


def _configure(request: Any, engine: str) -> None:
    from pulumi import runtime  # noqa: PLC0415

    runtime.set_all_config(dict(request.config), list(request.configSecretKeys))
    settings = runtime.Settings(
        project=request.project,
        stack=request.stack,
        organization=request.organization or "organization",
        root_directory=request.info.root_directory,
        monitor=request.monitor_address,
        engine=engine,
        parallel=request.parallel,
        dry_run=request.dryRun,
    )
    runtime.configure(settings)


def _run(program: Path, workers: int) -> None:
    import asyncio  # noqa: PLC0415 - slow to import, and a policy pack may not need it
    import logging  # noqa: PLC0415

    from pulumi.runtime import run_in_stack  # noqa: PLC0415

    # A failed program leaves futures nobody awaits; asyncio would complain about each beside the one error that counts.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def user_code() -> None:  # a module namespace must not reach run_in_stack, which would try to await it
        runpy.run_path(str(program), run_name="__main__")

    with ThreadPoolExecutor(workers) as executor:
        loop.set_default_executor(executor)
        loop.run_until_complete(run_in_stack(user_code))
    loop.close()


def _users_part(error: Exception, program: Path) -> str:
    """The traceback from the user's first frame on; the frames that led there are this file's and the SDK's."""
    main = program / "__main__.py" if program.is_dir() else program
    step = error.__traceback__
    while step is not None and Path(step.tb_frame.f_code.co_filename).resolve() != main:
        step = step.tb_next
    return "".join(traceback.format_exception(type(error), error, step or error.__traceback__))


def run_plugin(folder: str, arguments: list[str]) -> None:
    """Run a provider plugin, or another tool, whose code lies in `folder`."""
    sys.argv = [folder, *arguments]
    sys.path.insert(0, folder)
    runpy.run_path(folder, run_name="__main__")


def run_analyzer(folder: str, arguments: list[str]) -> None:
    """Run the policy pack in `folder`, the way `python -m pulumi.policy` does."""
    sys.path.insert(0, folder)
    sys.argv = ["pulumi.policy", *arguments, folder]
    runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)


def main(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code."""
    parent, mode, *rest = arguments
    end_with(int(parent))
    # The folder of this file is the host's, not the user's: nothing in it may shadow a module of the program.
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as sys.path has it
    sys.path[:] = [entry for entry in sys.path if entry != here]
    if mode == "program":
        return run_program(rest[0], int(rest[1]))
    if mode == "inspect":
        sys.stdout.write(json.dumps(inspect()))
    elif mode == "analyzer":
        run_analyzer(rest[0], rest[1:])
    else:
        run_plugin(rest[0], rest[1:])
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
