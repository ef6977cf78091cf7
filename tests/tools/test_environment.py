"""Paths, variables and exports."""

import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools import environment
from tools.environment import Environment

HARD = 'it\'s a "checkout" with $HOME, `date`; and ümlaut'


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_exports_survive_any_path(tmp_path: Path, shell: str) -> None:
    place = Environment(tmp_path / HARD)
    script = f'{environment.shell(place)}\nprintf "%s\\n" "$PULUMI_HOME" "$LOCAL_CLOUD_HOME" "$PATH"'
    shown = subprocess.run(
        [shell, "-euc", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert shown == [
        str(place.home),
        str(place.root),
        f"{place.bin}:{place.venv}/bin:/usr/bin:/bin",
    ]


def test_exports_twice_are_exports_once(tmp_path: Path) -> None:
    lines = environment.shell(Environment(tmp_path / "a b"))
    script = f'{lines}\nfirst=$PATH\n{lines}\n[ "$first" = "$PATH" ]'
    subprocess.run(["sh", "-euc", script], check=True)


def test_the_callers_settings_never_reach_the_local_cloud(tmp_path: Path) -> None:
    callers = {
        "PATH": "/usr/bin",
        "HOME": "/home/ann",
        "PULUMI_ACCESS_TOKEN": "pul-1",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/secret",
        "AWS_PROFILE": "production",
        "KUBECONFIG": "/home/ann/.kube/config",
    }
    made = environment.process_environment(tmp_path / "x", tmp_path / "bin", callers)
    assert made["HOME"] == "/home/ann"
    assert made["PATH"] == f"{tmp_path / 'bin'}:/usr/bin"
    assert made["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/x/state"
    assert not {"PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "AWS_PROFILE", "KUBECONFIG"} & made.keys()


def test_a_folder_keeps_its_name_in_the_address_of_the_backend(tmp_path: Path) -> None:
    """`#` and `?` would end the path of an URL, and `%41` would be another letter."""
    url = environment.variables(tmp_path / "a b#1 %41?")["PULUMI_BACKEND_URL"]
    assert url == f"file://{tmp_path}/a b%231 %2541%3F/state"
    assert unquote(urlsplit(url).path) == f"{tmp_path}/a b#1 %41?/state"


def test_a_proxy_is_not_asked_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "intern.example.com,localhost")
    assert environment.variables(tmp_path)["no_proxy"] == "intern.example.com,127.0.0.1,localhost"


def test_one_version_of_the_cli_everywhere() -> None:
    checkout = environment.here().checkout
    assert f"pulumi==={environment.CLI_VERSION}".replace("===", "==") in (checkout / "requirements.in").read_text()
    pinned = f"github.com/pulumi/pulumi/pkg/v3 v{environment.CLI_VERSION}"
    assert pinned in (checkout / "tools" / "cli" / "go.mod").read_text()
