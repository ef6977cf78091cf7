"""The plug-in base speaks the engine's protocol, and a stand-in's process ends when it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from local_cloud import process
from local_cloud.aws.provider import Aws
from local_cloud.package_schema import package_schema
from local_cloud.plugin import Call, Difference, Plugin, Refused
from local_cloud.store import Store
from local_cloud.values import UNKNOWN, Failure, Props, Secret, encode

CHECKOUT = Path(__file__).resolve().parents[2]
URN = "urn:pulumi:dev::p::comp:index:Parent$toy:index:Thing::one::two"
pb = process.protocol("provider_pb2")


class Toy(Plugin):
    """Answers with what it was asked."""

    package, version = "toy", "1.2.3"

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.config: Props = {}

    def configure(self, config: Props) -> None:
        self.config = config

    def check(self, call: Call) -> tuple[Props, list[Failure]]:
        self.calls.append(call)
        return {**call.news, "more": UNKNOWN}, [Failure("a.b", "no good")]

    def diff(self, call: Call) -> Difference:
        self.calls.append(call)
        return Difference({"a.b[0]": "update-replace", 'c["d.e"]': "delete"}, ("a",), delete_first=True)

    def create(self, call: Call) -> tuple[str, Props]:
        if call.news.get("refuse"):
            raise Refused("AWS says no")
        if call.news.get("crash"):
            raise ZeroDivisionError
        return "thing-1", {"seen": call.news, "secret": Secret("x")}

    def read(self, call: Call) -> tuple[str, Props, Props]:
        return ("", {}, {}) if call.id == "gone" else (call.id, {"in": 1}, {"out": 2})


class Context:
    """Stands for grpc.ServicerContext: ``abort`` raises, as the real one does."""

    code: grpc.StatusCode | None = None
    text = ""

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        self.code, self.text = code, text
        raise RuntimeError("aborted")


@pytest.fixture
def toy() -> Toy:
    return Toy()


def _ask(toy: Plugin, method: str, request: Any, context: Context | None = None) -> Any:
    return getattr(toy.servicer(), method)(request, context or Context())


def test_a_check_carries_names_seed_and_naming_rule(toy: Toy) -> None:
    naming = pb.CheckRequest.AutonamingOptions(proposed_name="n", mode=pb.CheckRequest.AutonamingOptions.ENFORCE)
    request = pb.CheckRequest(urn=URN, news=encode({"a": Secret(1)}), randomSeed=b"s", autonaming=naming)
    answer = _ask(toy, "Check", request)
    [call] = toy.calls
    assert (call.type, call.name) == ("toy:index:Thing", "one::two")
    assert (call.news, call.olds, call.seed, call.autonaming) == ({"a": 1}, {}, b"s", ("n", "enforce"))
    assert answer.inputs == encode({"a": 1, "more": UNKNOWN})
    assert [(failure.property, failure.reason) for failure in answer.failures] == [("a.b", "no good")]


def test_a_difference_is_told_in_the_protocols_terms(toy: Toy) -> None:
    request = pb.DiffRequest(id="i", urn=URN, olds=encode({"o": 1}), old_inputs=encode({"i": 1}), news=encode({"n": 1}))
    answer = _ask(toy, "Diff", request)
    assert (answer.changes, list(answer.replaces), list(answer.diffs)) == (pb.DiffResponse.DIFF_SOME, ["a"], ["a", "c"])
    assert answer.deleteBeforeReplace
    assert answer.detailedDiff["a.b[0]"].kind == pb.PropertyDiff.UPDATE_REPLACE
    assert answer.detailedDiff['c["d.e"]'].kind == pb.PropertyDiff.DELETE
    assert (toy.calls[0].olds, toy.calls[0].old_inputs, toy.calls[0].news) == ({"o": 1}, {"i": 1}, {"n": 1})


def test_creates_answer_with_id_and_outputs(toy: Toy) -> None:
    answer = _ask(toy, "Create", pb.CreateRequest(urn=URN, properties=encode({"a": 1})))
    assert answer.id == "thing-1"
    assert answer.properties == encode({"seen": {"a": 1}, "secret": Secret("x")})


@pytest.mark.parametrize(
    ("inputs", "code", "said"),
    [
        ({"refuse": True}, grpc.StatusCode.UNKNOWN, "AWS says no"),
        ({"crash": True}, grpc.StatusCode.INTERNAL, "a defect of the local cloud:\nTraceback"),
    ],
)
def test_refusals_are_plain_text_and_defects_show_their_traceback(
    toy: Toy, inputs: Props, code: grpc.StatusCode, said: str
) -> None:
    context = Context()
    with pytest.raises(RuntimeError, match="aborted"):
        _ask(toy, "Create", pb.CreateRequest(urn=URN, properties=encode(inputs)), context)
    assert context.code == code
    assert context.text.startswith(said)


def test_what_is_gone_has_no_properties_at_all(toy: Toy) -> None:
    assert _ask(toy, "Read", pb.ReadRequest(id="gone", urn=URN)) == pb.ReadResponse()
    assert _ask(toy, "Read", pb.ReadRequest(id="here", urn=URN)).properties == encode({"out": 2})


def test_secrets_are_kept_when_a_plugin_asks_for_them(toy: Toy) -> None:
    assert not _ask(toy, "Configure", pb.ConfigureRequest(args=encode({"a": Secret(1)}))).acceptSecrets
    assert toy.config == {"a": 1}
    toy.keep_secrets = True
    assert _ask(toy, "Configure", pb.ConfigureRequest(args=encode({"a": Secret(1)}))).acceptSecrets
    assert toy.config == {"a": Secret(1)}


def test_a_look_up_nobody_answers_is_refused_by_name(toy: Toy) -> None:
    context = Context()
    with pytest.raises(RuntimeError):
        _ask(toy, "Invoke", pb.InvokeRequest(tok="toy:index:getThing"), context)
    assert "toy:index:getThing" in context.text


def test_the_package_schema_names_every_type_it_refers_to() -> None:
    aws = Aws(Store(":memory:"))
    found = json.loads(package_schema("aws", "1.0.0", aws._types))
    assert found["resources"]["aws:ec2/subnet:Subnet"]["requiredInputs"] == ["vpcId"]
    assert json.loads(_ask(aws, "GetSchema", pb.GetSchemaRequest()).schema)["version"] == aws.version
    text = json.dumps(found)
    referred = {part.split('"')[0] for part in text.split('"#/types/')[1:]}
    assert referred <= found["types"].keys()
    assert len(referred) > 50


# Processes

ENGINE = """
import socket, subprocess, sys, time
listening = socket.create_server(("127.0.0.1", 0))
address = f"127.0.0.1:{listening.getsockname()[1]}"
plugin = subprocess.Popen([sys.executable, sys.argv[1], "--flag", address], stdout=subprocess.PIPE, text=True)
print(plugin.pid, plugin.stdout.readline().strip(), flush=True)
time.sleep(60)
"""
PLUGIN = """
import sys
from local_cloud.plugin import Plugin
from local_cloud.process import serve

class Toy(Plugin):
    def ended(self):
        open({ended!r}, "w").close()

serve(Toy().servicer(), sys.argv[1:])
"""


@pytest.fixture
def engine(tmp_path: Path) -> Callable[[], tuple[subprocess.Popen[str], int, int]]:
    """Starts a process that starts a plug-in, as the engine does: (engine, plug-in's pid, its port)."""
    script = tmp_path / "plugin.py"
    script.write_text(textwrap.dedent(PLUGIN).format(ended=str(tmp_path / "ended")))

    def start() -> tuple[subprocess.Popen[str], int, int]:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, "-c", ENGINE, str(script)]
        running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        pid, port = running.stdout.readline().split()
        running.stdout.close()
        return running, int(pid), int(port)

    return start


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_plugin_ends_with_its_killed_engine_and_settles_nothing(tmp_path: Path, engine: Any) -> None:
    running, pid, port = engine()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=15)
    running.kill()
    running.wait(timeout=10)
    _await(lambda: _gone(pid))
    assert not (tmp_path / "ended").exists()


def test_a_plugin_that_its_engine_ends_hears_of_it(tmp_path: Path, engine: Any) -> None:
    running, pid, _ = engine()
    os.kill(pid, signal.SIGINT)
    _await(lambda: _gone(pid))
    assert (tmp_path / "ended").exists()
    running.kill()
    running.wait(timeout=10)


def test_a_plugin_whose_engine_is_gone_before_it_starts_does_not_stay(tmp_path: Path) -> None:
    script = tmp_path / "plugin.py"
    script.write_text(textwrap.dedent(PLUGIN).format(ended=str(tmp_path / "ended")))
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    ran = subprocess.run([sys.executable, script, "127.0.0.1:1"], env=environment, timeout=30, check=False)
    assert ran.returncode == 1


def test_the_stand_in_starts_without_the_sdks() -> None:
    code = "import sys, local_cloud.aws.provider; print([m for m in sys.modules if m.startswith('pulumi')])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_test_device_does_nothing_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(pid))
    monkeypatch.delenv("LOCAL_CLOUD_DIE_AFTER", raising=False)
    process.die_after("create", "urn::orders")
    monkeypatch.setenv("LOCAL_CLOUD_DIE_AFTER", "create:orders")
    process.die_after("update", "urn::orders")
    process.die_after("create", "urn::stock")
    assert killed == []
    process.die_after("create", "urn::orders")
    assert killed == [os.getppid(), os.getpid()]
