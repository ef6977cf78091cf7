"""The language host, through the real engine."""

import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tools import environment, language_child, language_host
from tools.engine import LocalEngine, kill_group

engine_test = pytest.mark.engine
PYTHON = environment.here().python

# A policy pack in the engine's own protocol: the package that usually speaks it is not needed to start one.
PACK = """
import sys
from concurrent import futures
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as messages, analyzer_pb2_grpc, plugin_pb2

class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    def Handshake(self, request, context):
        return messages.AnalyzerHandshakeResponse()
    def ConfigureStack(self, request, context):
        return messages.AnalyzerStackConfigureResponse()
    def Configure(self, request, context):
        return empty_pb2.Empty()
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")
    def GetAnalyzerInfo(self, request, context):
        rule = messages.PolicyInfo(name="no-thirteen", description="Unlucky", enforcementLevel=messages.MANDATORY)
        return messages.AnalyzerInfo(name="luck", version="1.0.0", policies=[rule])
    def Analyze(self, request, context):
        return messages.AnalyzeResponse()
    def Remediate(self, request, context):
        return messages.RemediateResponse()
    def AnalyzeStack(self, request, context):
        said = f"{len(request.resources)} resources seen from {sys.prefix}; thirteen is unlucky"
        found = messages.AnalyzeDiagnostic(
            policyName="no-thirteen", policyPackName="luck", policyPackVersion="1.0.0", description="Unlucky",
            message=said, enforcementLevel=messages.LEVEL)
        return messages.AnalyzeResponse(diagnostics=[found])

server = grpc.server(futures.ThreadPoolExecutor(4))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
"""


def policy_pack(folder: Path, *, level: str, options: str = "") -> Path:
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text(f"runtime:\n  name: python\n{options}")
    (folder / "__main__.py").write_text(PACK.replace("LEVEL", level))
    return folder


def project(folder: Path, program: str, options: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: hosted\nruntime:\n  name: python\n{options}")
    (folder / "__main__.py").write_text(program)
    return folder


def no_plugins(_: Path) -> None:
    """For programs without resources of a provider."""


@pytest.fixture
def engine(tmp_path: Path, hosted: Path) -> LocalEngine:
    """An engine whose CLI has no language host but ours, with no plugins."""
    unset = {"VIRTUAL_ENV": "", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
    return LocalEngine.create(tmp_path / "its home", install=no_plugins, bin_folder=hosted, extra=unset)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A virtual environment with nothing but what the SDK's program needs, linked from ours."""
    made = tmp_path / "project's env"
    venv.create(made, symlinks=True)
    site = next((made / "lib").glob("python*/site-packages"))
    ours = next((environment.here().venv / "lib").glob("python*/site-packages"))
    for entry in ours.iterdir():
        if not entry.name.startswith(("pulumi_aws", "pulumi_eks", "pulumi_kubernetes", "pip", "setuptools")):
            (site / entry.name).symlink_to(entry)
    return made


def stack(engine: LocalEngine, folder: Path) -> None:
    engine.run("stack", "init", "dev", cwd=folder)


@engine_test
def test_the_program_gets_what_the_engine_knows(engine: LocalEngine, tmp_path: Path) -> None:
    program = """
import os, sys, pulumi, pathlib
import beside
pulumi.export("project", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
pulumi.export("root", pulumi.runtime.get_root_directory() if hasattr(pulumi.runtime, "get_root_directory") else "")
pulumi.export("cwd", os.getcwd())
pulumi.export("preview", pulumi.runtime.is_dry_run())
pulumi.export("number", pulumi.Config().require_int("number"))
pulumi.export("secret", pulumi.Config().require_secret("secret"))
pulumi.export("argv", sys.argv[1:])
pulumi.export("shadowed", [entry for entry in sys.path if entry.endswith("/tools")])
print("a line for the user")
"""
    folder = project(tmp_path / "my project", program)
    (folder / "beside.py").write_text("")
    stack(engine, folder)
    engine.run("config", "set", "number", "7", cwd=folder)
    engine.run("config", "set", "--secret", "secret", "pst", cwd=folder)
    shown = engine.run("up", "--yes", "--skip-preview", cwd=folder)
    assert "a line for the user" in shown.stdout
    outputs = engine.run("stack", "output", "--json", cwd=folder).json()
    assert outputs == {
        "project": ["hosted", "dev", "organization"],
        "root": outputs["root"],
        "cwd": str(folder),
        "preview": False,
        "number": 7,
        "secret": "[secret]",
        "argv": [],
        "shadowed": [],
    }


@engine_test
def test_a_failing_program_shows_the_users_part_of_the_traceback(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "import helper\nhelper.run()\n")
    (folder / "helper.py").write_text("def run():\n    raise ValueError('the cause')\n")
    stack(engine, folder)
    text = engine.run("preview", cwd=folder, check=False).check_failed()
    assert "Program failed with an unhandled exception" in text
    assert "ValueError: the cause" in text
    assert "helper.py" in text
    assert "language_child" not in text
    assert "pulumi/runtime" not in text


@engine_test
@pytest.mark.parametrize(
    ("program", "shown", "hidden"),
    [
        ("import pulumi\nraise pulumi.RunError('settings:\\n  one: wrong')", "one: wrong", "Traceback"),
        ("import sys\nsys.exit(3)", "exit code 3", "Traceback"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL", "Traceback"),
        ("this is no python", "SyntaxError", "language_host"),
        (
            "import pulumi\nasync def f(): raise KeyError('later')\npulumi.Output.from_input(f()).apply(print)",
            "KeyError: 'later'",
            "Task exception",
        ),
    ],
)
def test_how_programs_fail(engine: LocalEngine, tmp_path: Path, program: str, shown: str, hidden: str) -> None:
    folder = project(tmp_path / "p", program)
    stack(engine, folder)
    text = engine.run("preview", cwd=folder, check=False).check_failed()
    assert shown in text
    assert hidden not in text


@engine_test
def test_a_program_without_main_is_named(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "")
    (folder / "__main__.py").unlink()
    stack(engine, folder)
    assert f"no __main__.py in {folder}" in engine.run("preview", cwd=folder, check=False).check_failed()


@engine_test
def test_main_may_name_a_folder_or_a_file(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "raise SystemExit(9)")
    (folder / "src").mkdir()
    (folder / "src" / "__main__.py").write_text("import other, pulumi\npulumi.export('from', other.WORD)\n")
    (folder / "src" / "other.py").write_text("WORD = 'folder'\n")
    (folder / "src" / "single.py").write_text("import other, pulumi\npulumi.export('from', 'file')\n")
    stack(engine, folder)
    written = (folder / "Pulumi.yaml").read_text()
    for main, expected in (("src", "folder"), ("src/single.py", "file")):
        (folder / "Pulumi.yaml").write_text(f"{written}main: {main}\n")
        engine.run("up", "--yes", "--skip-preview", cwd=folder)
        assert engine.run("stack", "output", "--json", cwd=folder).json() == {"from": expected}


@engine_test
def test_program_and_policy_pack_run_in_their_own_environments(engine: LocalEngine, tmp_path: Path, bare: Path) -> None:
    options = f"  options:\n    virtualenv: {json.dumps(str(bare))}\n"
    program = "import sys, pulumi\npulumi.export('prefix', sys.prefix)\n"
    folder = project(tmp_path / "p", program, options)
    pack = policy_pack(tmp_path / "a pack", level="ADVISORY", options=options)
    stack(engine, folder)
    shown = engine.run("up", "--yes", "--skip-preview", "--policy-pack", str(pack), cwd=folder)
    assert engine.run("stack", "output", "prefix", cwd=folder).stdout.strip() == str(bare)
    assert f"seen from {bare}; thirteen" in shown.text
    about = engine.run("about", "--json", cwd=folder).json()
    assert about["runtime"]["executable"] == str(bare / "bin" / "python")
    assert {"name": "pulumi", "version": "3.258.0"} in about["dependencies"]
    assert not [one for one in about["dependencies"] if one["name"] == "pulumi_aws"]


@engine_test
def test_a_policy_violation_fails_preview_and_analyze(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "import pulumi\npulumi.export('size', 13)\n")
    pack = policy_pack(tmp_path / "pack", level="MANDATORY")
    stack(engine, folder)
    text = engine.run("preview", "--policy-pack", str(pack), cwd=folder, check=False).check_failed()
    assert "thirteen is unlucky" in text
    engine.run("up", "--yes", "--skip-preview", cwd=folder)
    state = tmp_path / "state.json"
    state.write_text(engine.run("stack", "export", cwd=folder).stdout)
    arguments = ("policy", "analyze", "--file", str(state), "--policy-pack", str(pack))
    assert "thirteen is unlucky" in engine.run(*arguments, cwd=tmp_path, check=False).check_failed()
    (pack / "__main__.py").write_text("raise ValueError('broken pack')")
    broken = engine.run("preview", "--policy-pack", str(pack), cwd=folder, check=False).check_failed()
    assert "broken pack" in broken


@engine_test
def test_a_missing_environment_is_explained(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "", "  options:\n    virtualenv: .venv\n")
    stack(engine, folder)
    text = engine.run("preview", cwd=folder, check=False).check_failed()
    assert f"runtime option virtualenv: no Python environment at {folder}/.venv" in text
    assert "make setup" in text


@engine_test
def test_install_says_that_it_installs_nothing(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "")
    shown = engine.run("install", "--no-plugins", cwd=folder)
    assert "this language host installs no packages" in shown.text


@engine_test
def test_the_automation_api_runs_a_local_program(engine: LocalEngine, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "import pulumi\npulumi.export('answer', 42)\n")
    script = """
import sys
from pulumi import automation as auto
stack = auto.create_or_select_stack("dev", work_dir=sys.argv[1])
assert stack.preview().change_summary, "no preview"
print("answer", stack.up().outputs["answer"].value)
stack.destroy()
"""
    found = subprocess.run(
        [PYTHON, "-c", script, folder], env=engine.env, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "answer 42" in found.stdout


@engine_test
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_ended_engine_leaves_no_process(engine: LocalEngine, tmp_path: Path, number: signal.Signals) -> None:
    marker = tmp_path / "running"
    folder = project(tmp_path / "p", f"import pathlib, time\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(120)\n")
    pack = policy_pack(tmp_path / "pack", level="ADVISORY")
    stack(engine, folder)
    process = engine.start("up", "--yes", "--skip-preview", "--policy-pack", str(pack), cwd=folder)
    try:
        wait_until(marker.exists)
        before = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        assert len(before) >= 3  # host, program, policy pack
        process.send_signal(number)
        process.communicate(timeout=30)
        wait_until(lambda: not any(alive(pid) for pid in before))
    finally:
        kill_group(process)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def test_the_host_ends_when_its_engine_was_gone_before_it_started(tmp_path: Path) -> None:
    script = environment.here().checkout / "tools" / "language_host.py"
    read, write = os.pipe()
    os.close(write)  # the engine held this end
    with subprocess.Popen(
        [PYTHON, script, "127.0.0.1:1"], stdin=read, stdout=subprocess.DEVNULL, cwd=tmp_path
    ) as process:
        os.close(read)
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_host_leaves_quietly(number: signal.Signals) -> None:
    script = environment.here().checkout / "tools" / "language_host.py"
    with subprocess.Popen(
        [PYTHON, script, "127.0.0.1:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"toolchain": "conda"}, 'runtime option toolchain: "conda" is unknown (allowed: pip, poetry, uv)'),
        ({"virtualenv": "nowhere"}, "no Python environment at"),
        ({"toolchain": "uv"}, "/.venv"),
        ({"toolchain": "poetry"}, "poetry"),
    ],
)
def test_runtime_options_that_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], message: str
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(language_host.HostError) as caught:
        language_host.interpreter(options, tmp_path)
    assert message in str(caught.value)


def test_which_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", ".venv"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").touch()
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    assert language_host.interpreter({}, tmp_path) == Path(sys.executable)
    assert language_host.interpreter({"virtualenv": "one"}, tmp_path) == tmp_path / "one/bin/python"
    assert language_host.interpreter({"toolchain": "uv"}, tmp_path) == tmp_path / ".venv/bin/python"
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "one"))
    assert language_host.interpreter({}, tmp_path) == tmp_path / "one/bin/python"


def test_required_packages() -> None:
    inspected = {
        "packages": [
            {"name": "pulumi", "version": "3.1.0", "plugin": None},
            {"name": "pulumi-aws", "version": "7.51.1", "plugin": {"resource": True, "name": "aws"}},
            {"name": "pulumi_thing", "version": "1.0.0a1", "plugin": {"resource": True, "version": "1.0.0-alpha.1"}},
            {"name": "no-provider", "version": "1.0.0", "plugin": {"resource": False}},
            {
                "name": "generated",
                "version": "2.0.0",
                "plugin": {
                    "resource": True,
                    "name": "base",
                    "version": "0.9.0",
                    "server": "https://example.invalid",
                    "parameterization": {"name": "generated", "version": "2.0.0", "value": "aGVsbG8="},
                },
            },
        ]
    }
    found = list(language_host.packages(inspected))
    assert [(one.name, one.kind, one.version, one.server) for one in found] == [
        ("aws", "resource", "v7.51.1", ""),
        ("thing", "resource", "v1.0.0-alpha.1", ""),
        ("base", "resource", "v0.9.0", "https://example.invalid"),
    ]
    assert found[2].parameterization.value == b"hello"


def test_our_own_environment_needs_the_three_providers() -> None:
    names = {one.name for one in language_host.packages(language_child.inspect())}
    assert names == {"aws", "eks", "kubernetes"}
