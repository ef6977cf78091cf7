"""up, down, preview and env on the real engine, with kills."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from .conftest import Checkout

pytestmark = pytest.mark.engine


def processes_of(checkout: Checkout) -> list[str]:
    """Command lines of living plugin processes of a checkout."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("LOCAL_CLOUD_HOME") == str(
                checkout.place.root
            ):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def gone(checkout: Checkout) -> list[str]:
    """What is left of a checkout's processes after a moment."""
    end = time.monotonic() + 5
    while (left := processes_of(checkout)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def test_up_twice_changes_nothing_and_down_leaves_nothing(checkout: Checkout) -> None:
    settings = (checkout.path / "Pulumi.local.yaml").read_bytes()
    first = checkout.run("up")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "The platform is up on the local cloud: 2 resources" in first.stdout
    assert "orders  orders.example.com:443" in first.stdout
    assert "\x1b" not in first.stdout
    assert checkout.cloud() == ["first", "second"]

    second = checkout.run("up")
    assert second.returncode == 0
    assert "3 unchanged" in second.stdout  # the stack itself is one

    down = checkout.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "Nothing is left on the local cloud." in down.stdout
    assert checkout.cloud() == []
    assert not checkout.place.checkpoint("local").exists()
    assert (checkout.path / "Pulumi.local.yaml").read_bytes() == settings
    assert checkout.run("down").returncode == 0


def test_a_reason_why_there_are_no_exports_is_not_evaluated_by_the_shell(checkout: Checkout) -> None:
    (checkout.path / "Pulumi.yaml").write_text("name: [")
    failed = checkout.run("env")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "Pulumi.yaml" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_up_goes_on_after_the_engine_was_killed(checkout: Checkout) -> None:
    killed = checkout.run("up", LOCAL_CLOUD_DIE_AFTER="create:::second")
    assert killed.returncode != 0
    assert checkout.cloud() == ["first", "second"]  # made, but the engine never heard of it
    assert list(checkout.place.locks("local").glob("*.json"))
    assert gone(checkout) == []

    again = checkout.run("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "its lock is removed" in again.stdout
    assert "1 taken over from the cloud" in again.stdout
    assert checkout.cloud() == ["first", "second"]
    deployment = checkout.engine().export(checkout.path, "local")
    assert "pending_operations" not in deployment
    ids = [one["id"] for one in deployment["resources"] if one["type"] == "toy:index:Thing"]
    assert ids == ["thing-first-1", "thing-second-2"]
    assert "3 unchanged" in checkout.run("up").stdout


def test_a_resource_nobody_wants_any_more_does_not_outlive_a_kill(checkout: Checkout) -> None:
    checkout.run("up", LOCAL_CLOUD_DIE_AFTER="create:::second")
    checkout.things(first={"size": 1})
    assert checkout.run("up").returncode == 0
    assert checkout.cloud() == ["first"]


def test_down_after_a_killed_up_leaves_nothing(checkout: Checkout) -> None:
    checkout.run("up", LOCAL_CLOUD_DIE_AFTER="create:::second")
    down = checkout.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert checkout.cloud() == []


def test_a_replacement_killed_half_way_is_completed_once(checkout: Checkout) -> None:
    assert checkout.run("up").returncode == 0
    checkout.things(first={"size": 1}, second={"size": 2, "kind": "other"})
    checkout.run("up", LOCAL_CLOUD_DIE_AFTER="create:::second")
    assert checkout.cloud() == ["first", "second", "second"]
    again = checkout.run("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 left to the next create" in again.stdout
    assert checkout.cloud() == ["first", "second"]


def test_down_after_a_replacement_killed_half_way_leaves_nothing(checkout: Checkout) -> None:
    assert checkout.run("up").returncode == 0
    checkout.things(first={"size": 1}, second={"size": 2, "kind": "other"})
    checkout.run("up", LOCAL_CLOUD_DIE_AFTER="create:::second")
    down = checkout.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert checkout.cloud() == []


def test_a_failed_up_says_what_is_next_and_down_works(checkout: Checkout) -> None:
    checkout.things(first={"size": 1}, second={"refuse": True})
    failed = checkout.run("up")
    assert failed.returncode == 1
    assert "RefusedByCloud: not today" in failed.stdout
    assert "`make up` goes on" in failed.stdout
    assert checkout.run("down").returncode == 0
    assert checkout.cloud() == []


def test_a_living_update_is_not_disturbed(checkout: Checkout) -> None:
    engine = checkout.engine()
    engine.run("stack", "init", "local", cwd=checkout.path)
    holder = subprocess.Popen(["sleep", "60"])
    lock = checkout.place.locks("local") / "a.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(
        json.dumps(
            {
                "pid": holder.pid,
                "username": "ann",
                "hostname": os.uname().nodename,
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.123456789+00:00", time.gmtime(time.time() + 5)),
            }
        )
    )
    try:
        blocked = checkout.run("up")
        assert blocked.returncode == 1
        assert f"locked by process {holder.pid} of ann@" in blocked.stdout
        assert lock.exists()
    finally:
        holder.kill()
        holder.wait()
    assert checkout.run("up").returncode == 0
    assert not lock.exists()


def test_down_tells_what_is_left(checkout: Checkout) -> None:
    from local_cloud.store import Row, Store

    assert checkout.run("up").returncode == 0
    store = Store(checkout.place.store)
    store.insert(Row("stray", "toy:index:Thing", "", {}, {}, "toy"))
    store.close()
    down = checkout.run("down")
    assert down.returncode == 1
    assert "still holds 1 resource" in down.stdout
    assert "toy:index:Thing  stray" in down.stdout


def test_preview_works_on_a_copy_without_the_passphrase(checkout: Checkout) -> None:
    stack = checkout.path / "Pulumi.dev.yaml"
    stack.write_text(
        "encryptionsalt: v1:AAAAAAAAAAA=:v1:of:somebody-else\n"
        "config:\n"
        "  aws:region: eu-west-1\n"
        "  grpc-platform:word: {secure: v1:bm90IGZvciB5b3U=}\n"
        "  grpc-platform:nested: {list: [{secure: v1:eA==}], 'a.b': {DATABASE_URL: {secure: v1:eA==}}}\n"
    )
    before = {file: file.read_bytes() for file in checkout.path.glob("Pulumi*")}
    shown = checkout.run("preview", "dev", AWS_ACCESS_KEY_ID="wrong", PULUMI_CONFIG_PASSPHRASE="wrong")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "dev, on an empty stack: 2 resources" in shown.stdout
    assert "2 things" in shown.stdout
    assert "the word is [secret]" in shown.stdout
    assert {file: file.read_bytes() for file in checkout.path.glob("Pulumi*")} == before
    assert checkout.cloud() == []


def test_preview_of_an_unknown_environment_names_the_nearest(checkout: Checkout) -> None:
    shown = checkout.run("preview", "locla")
    assert shown.returncode == 2
    assert shown.stdout.strip() == 'no environment "locla"; did you mean "local"? (stack files that exist: local)'


def test_preview_fails_with_the_program(checkout: Checkout) -> None:
    (checkout.path / "__main__.py").write_text("import pulumi\nraise pulumi.RunError('the settings are wrong')\n")
    shown = checkout.run("preview", "local")
    assert shown.returncode == 1
    assert "the settings are wrong" in shown.stdout
    assert "Traceback" not in shown.stdout


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_exports_make_a_plain_pulumi_work(checkout: Checkout, shell: str) -> None:
    exports = checkout.run("env")
    assert exports.returncode == 0, exports.stderr
    commands = "printf '%s\\n' \"$PATH\"\npulumi up --yes --skip-preview && pulumi stack ls --json"
    script = f"{exports.stdout}\n{exports.stdout}\n{commands}"
    shown = subprocess.run(
        [shell, "-c", script], cwd=checkout.path, capture_output=True, text=True, check=False, timeout=120
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    path = shown.stdout.splitlines()[0].split(":")
    assert path[0] == str(checkout.place.bin)
    assert path.count(str(checkout.place.bin)) == 1
    assert '"name": "local"' in shown.stdout
    assert checkout.cloud() == ["first", "second"]


def test_ctrl_c_ends_the_update_in_order(checkout: Checkout) -> None:
    checkout.run("env")
    (checkout.path / "__main__.py").write_text("import time\nprint('running', flush=True)\ntime.sleep(60)\n")
    command = [str(checkout.place.python), "-m", "tools", "up"]
    with subprocess.Popen(
        command, cwd=checkout.path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "running" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 1
    assert "`make up` goes on" in rest
    assert "Traceback" not in rest
    assert gone(checkout) == []
    assert not list(Path(checkout.place.locks("local")).glob("*.json"))
