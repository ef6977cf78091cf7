"""Set-up: idempotent, interruptible, concurrent, from anywhere, with spaces in every path."""

import ast
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import bootstrap, environment, progress, provision

HERE = environment.here().checkout
CLI = """#!/bin/sh
echo v3.258.0
"""
GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.25.11 linux/amd64"; exit; fi
echo "$*" >> "$(dirname "$0")/builds"
echo "go: downloading example.com/module v1.0.0"
sleep "${GO_SECONDS:-0}"
while [ "$1" != -o ]; do shift; done
cp "$(dirname "$0")/cli" "$2"
"""
LOCAL_CLOUD = """
import pathlib, sys
plugins = pathlib.Path(sys.argv[2], "plugins")
plugins.mkdir(parents=True, exist_ok=True)
(plugins / "checkout").write_text(str(pathlib.Path.cwd()))
"""


@dataclass(frozen=True)
class Machine:
    """A checkout, a cache and a PATH of their own; Go is a script, the lock file asks for nothing."""

    root: Path

    @property
    def checkout(self) -> Path:
        return self.root / "a check out"

    @property
    def place(self) -> environment.Environment:
        return environment.Environment(self.checkout)

    @property
    def shims(self) -> Path:
        return self.root / "shims"

    @property
    def cache(self) -> Path:
        return self.root / "the cache"

    def env(self, **variables: str) -> dict[str, str]:
        return {
            "HOME": str(self.root),
            "PATH": f"{self.shims}:/usr/bin:/bin",
            "GRPC_PLATFORM_CACHE": str(self.cache),
            "https_proxy": "http://127.0.0.1:9",  # nothing answers there: the installer is out of reach
            **variables,
        }

    def start(self, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, self.checkout / "tools" / "bootstrap.py"],
            cwd="/",
            env=self.env(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def setup(self, **variables: str) -> tuple[int, str]:
        process = self.start(**variables)
        out, errors = process.communicate(timeout=120)
        assert out == ""  # `make env` is evaluated by a shell
        return process.returncode, errors

    def builds(self) -> int:
        file = self.shims / "builds"
        return len(file.read_text().splitlines()) if file.exists() else 0


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python environment from a real set-up: making one takes seconds, most tests only need that there is one."""
    made = furnished(tmp_path_factory.mktemp("ready"))
    assert made.setup()[0] == 0
    return made.cache / "venv"


@pytest.fixture
def machine(tmp_path: Path, ready: Path) -> Machine:
    made = furnished(tmp_path)
    shutil.copytree(ready, made.cache / "venv", symlinks=True)
    return made


def furnished(root: Path) -> Machine:
    made = Machine(root)
    shutil.copytree(HERE / "tools", made.checkout / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    script(made.checkout / "local_cloud" / "__main__.py", LOCAL_CLOUD)
    (made.checkout / "requirements.lock").write_text("# nothing\n")
    script(made.shims / "go", GO)
    script(made.shims / "cli", CLI)
    return made


def wait_for(condition: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_second_run_does_nothing_and_takes_no_time(machine: Machine) -> None:
    code, said = machine.setup()
    assert code == 0, said
    assert "Pulumi CLI, built from source (normally 8 to 12 min" in said
    assert subprocess.check_output([machine.place.bin / "pulumi"], text=True) == "v3.258.0\n"
    assert (machine.place.bin / "pulumi").resolve().with_name("pulumi-language-python").exists()
    assert subprocess.check_output([machine.place.python, "-c", "import sys; print(sys.prefix)"], text=True).strip()

    started = time.monotonic()
    assert machine.setup() == (0, "")
    assert time.monotonic() - started < 1
    assert machine.builds() == 1


def test_a_second_checkout_finds_everything_ready(machine: Machine) -> None:
    machine.setup()
    moved = machine.checkout.rename(machine.root / "moved")
    shutil.copytree(moved, machine.checkout, symlinks=True)
    code, said = machine.setup()
    assert code == 0
    assert machine.builds() == 1
    assert "Python environment" not in said
    assert (machine.place.home / "plugins" / "checkout").read_text() == str(machine.checkout)


def test_a_moved_checkout_gets_plugins_that_find_it(machine: Machine) -> None:
    machine.setup()
    moved = machine.checkout.rename(machine.root / "moved away")
    subprocess.run(
        [sys.executable, moved / "tools" / "bootstrap.py"], env=machine.env(), check=True, capture_output=True
    )
    assert (moved / ".local-cloud" / "home" / "plugins" / "checkout").read_text() == str(moved)


@pytest.mark.parametrize("change", ["lock", "stamp", "plugins"])
def test_what_is_lost_or_changed_is_made_again(machine: Machine, change: str) -> None:
    machine.setup()
    before = machine.place.venv.resolve()
    if change == "lock":
        (machine.checkout / "requirements.lock").write_text("# something else\n")
    elif change == "stamp":
        (machine.place.root / "setup.json").write_text("{")
    else:
        shutil.rmtree(machine.place.home / "plugins")
    code, said = machine.setup()
    assert code == 0
    assert "Ready" in said
    assert machine.place.python.exists()
    assert (machine.place.home / "plugins" / "checkout").exists()
    assert (machine.place.venv.resolve() != before) is (change == "lock")


def test_interrupted_set_up_goes_on(machine: Machine) -> None:
    process = machine.start(GO_SECONDS="30")
    wait_for(lambda: machine.builds() == 1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. Run it again" in said
    assert "Traceback" not in said
    assert not (machine.place.root / "setup.json").exists()
    assert machine.setup()[0] == 0


def test_killed_set_up_is_never_taken_for_whole(machine: Machine) -> None:
    process = machine.start(GO_SECONDS="3")
    wait_for(lambda: machine.builds() == 1)
    process.kill()
    process.communicate()
    code, said = machine.setup()
    assert code == 0, said
    assert "Another set-up is at work" in said  # the Go of the killed one, which still writes
    assert machine.builds() == 2


def test_a_half_made_environment_is_made_anew(machine: Machine) -> None:
    machine.setup()
    venv = machine.place.venv.resolve()
    (venv / ".complete").unlink()
    (venv / "debris").touch()
    (machine.place.root / "setup.json").unlink()
    assert machine.setup()[0] == 0
    assert not (venv / "debris").exists()
    assert (venv / ".complete").exists()


def test_two_at_once_build_once(machine: Machine) -> None:
    pair = [machine.start(GO_SECONDS="1") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    assert machine.builds() == 1
    assert sum("Another set-up is at work" in text for text in said) == 1


@pytest.mark.parametrize(
    ("go", "message"),
    [
        (None, "there is no Go. Install the Pulumi CLI 3.249.0 or later"),
        (
            "#!/bin/sh\necho go version go1.20.3 linux/amd64\n",
            "is too old to build the Pulumi CLI (go version go1.20.3",
        ),
        ("#!/bin/sh\n[ $1 = version ] && echo go1.25 && exit\necho no network; exit 1\n", "no network"),
    ],
)
def test_what_only_the_user_can_bring_is_named(machine: Machine, go: str | None, message: str) -> None:
    for tool in ("sh", "dirname", "sleep", "cp"):  # a PATH without the machine's own Go
        script(machine.shims / tool, f'#!/bin/sh\nexec /bin/{tool} "$@"\n')
    if go is None:
        (machine.shims / "go").unlink()
    else:
        script(machine.shims / "go", go)
    code, said = machine.setup(PATH=str(machine.shims))
    assert code == 1
    assert "Set-up stopped:" in said
    assert message in said
    assert "Traceback" not in said


def test_a_new_enough_cli_on_path_is_used(machine: Machine) -> None:
    theirs = script(machine.root / "their bin" / "pulumi", CLI)
    script(theirs.with_name("pulumi-language-python"), "#!/bin/sh\n")
    code, _ = machine.setup(PATH=f"{theirs.parent}:/usr/bin:/bin")
    assert code == 0
    assert machine.builds() == 0
    assert (machine.place.bin / "pulumi").resolve() == theirs
    assert machine.setup(PATH=f"{theirs.parent}:/usr/bin:/bin") == (0, "")
    script(theirs, "#!/bin/sh\necho v3.260.1\n# an upgrade\n")
    assert "Ready" in machine.setup(PATH=f"{theirs.parent}:/usr/bin:/bin")[1]


@pytest.mark.parametrize(
    ("cli", "said"),
    [("#!/bin/sh\necho v3.100.0\n", "is 3.100.0; 3.249.0 or later"), ("#!/bin/sh\n", "is of an unknown version")],
)
def test_another_cli_on_path_is_passed_over(machine: Machine, cli: str, said: str) -> None:
    theirs = script(machine.root / "theirs" / "pulumi", cli)
    code, heard = machine.setup(PATH=f"{theirs.parent}:{machine.env()['PATH']}")
    assert code == 0
    assert said in heard
    assert machine.builds() == 1


def test_a_cli_without_a_language_host_gets_a_twin_with_one(machine: Machine) -> None:
    theirs = script(machine.root / "theirs" / "pulumi", CLI)
    machine.setup(PATH=f"{theirs.parent}:/usr/bin:/bin")
    twin = (machine.place.bin / "pulumi").resolve()
    assert twin != theirs
    assert twin.read_text() == CLI
    assert str(machine.place.venv.resolve()) in twin.with_name("pulumi-language-python").read_text()
    assert not theirs.with_name("pulumi-language-python").exists()


def test_somebodys_own_environment_is_left_alone(machine: Machine) -> None:
    (machine.checkout / ".venv").mkdir()
    code, said = machine.setup()
    assert code == 1
    assert f"{machine.checkout}/.venv is in the way" in said


@pytest.fixture
def website() -> Iterator[list[bytes]]:
    """A web server on this machine; the one item is what it serves."""
    served: list[bytes] = [b""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(served[0])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served.append(f"http://127.0.0.1:{server.server_port}".encode())
        yield served
        server.shutdown()


INSTALLER = b"""#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in --version) version=$2; shift ;; --install-root) root=$2; shift ;; esac
  shift
done
mkdir -p "$root/bin"
printf '#!/bin/sh\\necho v%s\\n' "$version" > "$root/bin/pulumi"
touch "$root/bin/pulumi-language-python"
chmod +x "$root"/bin/*
"""


@pytest.mark.parametrize(
    ("served", "origin"),
    [
        (INSTALLER, "from the official installer"),
        (b"<html>Please log in to the hotel's network</html>", "built from source"),
        (b"#!/bin/sh\necho disk full; exit 1\n", "built from source"),
        (b"#!/bin/sh\nexit 0\n", "built from source"),
    ],
)
def test_the_official_installer(
    machine: Machine, website: list[bytes], monkeypatch: pytest.MonkeyPatch, served: bytes, origin: str
) -> None:
    website[0] = served
    for name, value in machine.env(https_proxy="").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(provision, "INSTALLER", website[1].decode())
    cli = provision.pulumi_cli(machine.checkout / "tools" / "cli", machine.place.bin)
    assert cli.origin == origin
    assert provision.version_of(cli.path) == (3, 258, 0)
    assert cli.has_host is (served == INSTALLER)
    again = provision.pulumi_cli(machine.checkout / "tools" / "cli", machine.place.bin)
    assert again == cli


def test_an_old_python_is_told_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 10))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit) as caught:
        bootstrap.require_python()
    assert caught.value.code == 1
    assert "Python 3.11 or later is needed" in capsys.readouterr().err


def test_an_old_python_hands_over_to_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = script(tmp_path / "python3.12", "#!/bin/sh\n")
    taken: list[str] = []
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setenv("PATH", str(tmp_path))

    def handed_over(path: str, arguments: list[str]) -> None:
        taken.extend([path, *arguments])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", handed_over)
    with pytest.raises(SystemExit):
        bootstrap.require_python()
    assert taken == [str(newer), str(newer), *sys.argv]


def test_python_3_8_reads_far_enough() -> None:
    ast.parse((HERE / "tools" / "bootstrap.py").read_text(), feature_version=(3, 8))


def test_the_cache_follows_the_users_wishes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GRPC_PLATFORM_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert provision.cache() == tmp_path / ".cache" / "grpc-platform"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert provision.cache() == tmp_path / "xdg" / "grpc-platform"
    monkeypatch.setenv("GRPC_PLATFORM_CACHE", "~/mine")
    assert provision.cache() == tmp_path / "mine"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.7, "1 min 00 s"), (605, "10 min 05 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text
