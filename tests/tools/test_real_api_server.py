"""`make up cluster=…`: the choice, the build, and what the processes are told. The real ones run in test-slow."""

import os
import stat
from pathlib import Path

import pytest

from tools import api_server, certificates, cluster, environment, kubernetes_build, progress
from tools.environment import Environment

from .conftest import Checkout
from .test_bootstrap import GO, script

ETCD = "#!/bin/sh\necho etcd Version: {}\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a Go that is a script, an etcd and a kubectl; a cache and a go.mod of its own."""
    shims = tmp_path / "shims"
    script(shims / "go", GO)
    script(shims / "cli", "#!/bin/sh\n")
    script(shims / "etcd", ETCD.format("3.4.23"))
    script(shims / "kubectl", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{shims}:/usr/bin:/bin")
    monkeypatch.setenv("GRPC_PLATFORM_CACHE", str(tmp_path / "the cache"))
    for name in ("go.mod", "go.sum"):
        (tmp_path / name).touch()
    return tmp_path


def built(machine: Path) -> list[str]:
    """The packages that Go was asked to build."""
    file = machine / "shims" / "builds"
    return [line.split()[-1] for line in file.read_text().splitlines()] if file.exists() else []


def test_the_api_server_is_built_once_and_what_is_on_path_is_used(machine: Path) -> None:
    found = kubernetes_build.provide(machine)
    assert built(machine) == ["k8s.io/kubernetes/cmd/kube-apiserver"]
    assert found.etcd == machine / "shims" / "etcd"
    assert found.kubectl == machine / "shims" / "kubectl"
    assert os.access(found.api_server, os.X_OK)
    assert kubernetes_build.provide(machine) == found
    assert len(built(machine)) == 1


@pytest.mark.parametrize("etcd", [ETCD.format("3.3.1"), "#!/bin/sh\nexit 1\n"])
def test_an_etcd_that_will_not_do_is_built(machine: Path, etcd: str) -> None:
    script(machine / "shims" / "etcd", etcd)
    found = kubernetes_build.provide(machine)
    assert built(machine)[-1] == "go.etcd.io/etcd/server/v3"
    assert found.etcd.parent == found.api_server.parent


def test_half_a_build_counts_for_nothing(machine: Path) -> None:
    target = kubernetes_build.provide(machine).api_server
    target.rename(target.with_name("kube-apiserver.partial"))
    assert kubernetes_build.provide(machine).api_server.is_file()
    assert len(built(machine)) == 2


@pytest.mark.parametrize(
    ("go", "said"),
    [
        (None, "there is no Go to build it. Install Go 1.21 or later"),
        ("#!/bin/sh\necho go version go1.20.3 linux/amd64\n", "too old to build kube-apiserver (go version go1.20.3"),
        ("#!/bin/sh\n[ $1 = version ] && echo go1.25 && exit\necho no network; exit 1\n", "no network"),
    ],
)
def test_a_build_that_cannot_be_says_why(
    machine: Path, monkeypatch: pytest.MonkeyPatch, go: str | None, said: str
) -> None:
    if go is None:
        (machine / "shims" / "go").unlink()
        script(machine / "shims" / "etcd", "#!/bin/sh\nexit 1\n")
        monkeypatch.setenv("PATH", str(machine / "shims"))
    else:
        script(machine / "shims" / "go", go)
    with pytest.raises(progress.SetupError) as error:
        kubernetes_build.provide(machine)
    assert said in str(error.value)


def test_the_module_pins_the_release_the_tools_name() -> None:
    module = (environment.here().checkout / "tools" / cluster.SOURCE / "go.mod").read_text()
    assert f"k8s.io/kubernetes v{kubernetes_build.VERSION} " in module
    staged = [line for line in module.splitlines() if line.startswith("replace k8s.io/") or "=> k8s.io/" in line]
    assert staged
    assert all(line.endswith(f"v0.{kubernetes_build.VERSION.partition('.')[2]}") for line in staged)


@pytest.mark.engine
def test_another_word_is_refused_before_anything_runs(checkout: Checkout) -> None:
    said = checkout.run("up", "--cluster", "rael")
    assert said.returncode == 2
    assert 'cluster must be one of schema, real; received "rael"; did you mean "real"?' in said.stdout
    assert checkout.cloud() == []
    assert not (checkout.place.root / "api-server").exists()


@pytest.mark.parametrize("kind", [None, "schema"])
def test_without_the_choice_nothing_is_started(tmp_path: Path, kind: str | None) -> None:
    said: list[str] = []
    place = Environment(tmp_path)
    assert cluster.prepare(place, kind, said.append)
    assert cluster.closing(place) == []
    assert said == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_said_and_stops_the_command(machine: Path) -> None:
    (machine / "tools" / cluster.SOURCE).mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (machine / "tools" / cluster.SOURCE / name).touch()
    script(machine / "shims" / "go", "#!/bin/sh\necho go version go1.20.3 linux/amd64\n")
    said: list[str] = []
    assert not cluster.prepare(Environment(machine), "real", said.append)
    assert "There is no real Kubernetes API server: " in said[0]
    assert "too old" in said[0]


def test_everything_listens_on_loopback_and_no_token_is_on_a_command_line(tmp_path: Path) -> None:
    told = [*api_server.etcd_arguments(tmp_path, 1001, 1002), *api_server.api_arguments(tmp_path, 1001, 1003)]
    for argument in told:
        if "://" in argument and "issuer" not in argument:
            assert "https://127.0.0.1:" in argument
    assert "--bind-address=127.0.0.1" in told
    assert "--client-cert-auth" in told
    assert "--anonymous-auth=false" in told
    assert not any(argument.startswith("--token=") for argument in told)


def test_keys_are_their_users_alone_and_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    certificates.write(folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert set(before) == {"ca.crt", "local.crt", "local.key", "service-accounts.key"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    certificates.write(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    (folder / "ca.crt").unlink()
    certificates.write(folder)
    assert (folder / "local.key").read_bytes() != before["local.key"]


def test_make_env_names_the_kubeconfig_where_there_is_one(tmp_path: Path) -> None:
    place = Environment(tmp_path)
    assert "KUBECONFIG" not in environment.shell(place)
    folder = place.root / api_server.FOLDER
    (folder / "bin").mkdir(parents=True)
    (folder / "kubeconfig").write_text(api_server.kubeconfig({"url": "https://127.0.0.1:1", "ca": "c", "token": "t"}))
    said = environment.shell(place)
    assert f"export KUBECONFIG={folder / 'kubeconfig'}" in said
    assert str(folder / "bin") in said


def test_a_record_of_another_process_is_not_believed(tmp_path: Path) -> None:
    """The pid was given to somebody else since: its command line does not name our folder."""
    import json

    import psutil

    me = psutil.Process()
    entry = {"pid": me.pid, "started": me.create_time()}
    (tmp_path / "processes.json").write_text(json.dumps({"etcd": entry}))
    assert api_server.running(tmp_path) == {}
    assert api_server.end(tmp_path) == 0
    assert me.is_running()
