"""``python -m local_cloud`` as a person uses it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local_cloud import __main__ as cli
from local_cloud import plugins
from local_cloud.store import Row, Store

REPOSITORY = "aws:ecr/repository:Repository"
GROUP = "aws:lb/targetGroup:TargetGroup"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    opened = Store()
    health = {"interval": 15, "list": [{"a": 1}]}
    _insert(opened, GROUP, "arn:tg/1", "orders", name="orders-abc", healthCheck=health, tags={"a.b": "c"})
    _insert(opened, REPOSITORY, "dev/orders", "orders-images", imageTagMutability="IMMUTABLE")
    _insert(opened, REPOSITORY, "dev/stock", "stock-images", imageTagMutability="MUTABLE")
    yield opened
    opened.close()


def _insert(store: Store, token: str, identity: str, logical: str, /, **inputs: Any) -> None:
    urn = f"urn:pulumi:dev::p::{token}::{logical}" if logical else ""
    store.insert(Row(identity, token, urn, inputs, {**inputs, "arn": f"arn:{identity}"}))


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.usefixtures("store")
def test_list_shows_types_ids_and_names(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "list")
    assert code == 0
    assert "aws:lb:TargetGroup" in out
    assert out.endswith("3 resources\n")
    _, out, _ = _run(capsys, "list", "TARGETGROUP", "--outputs")
    assert 'healthCheck: {"interval": 15' in out
    assert out.endswith("1 resource\n")
    assert _run(capsys, "list", "lattice")[1] == "nothing contains 'lattice'\n"


def test_what_aws_made_by_itself_is_said_so(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    _insert(store, "aws:ec2/networkInterface:NetworkInterface", "eni-1", "")
    assert "eni-1" in _run(capsys, "list", "eni-1")[1]
    assert "(made by AWS or a controller)" in _run(capsys, "list", "eni-1")[1]


@pytest.mark.parametrize("resource", ["orders", "arn:tg/1", "orders-abc", f"urn:pulumi:dev::p::{GROUP}::orders"])
def test_drift_accepts_every_way_to_name_a_resource(
    resource: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _run(capsys, "drift", resource, "healthCheck.interval", "30")
    assert (code, out) == (0, "aws:lb:TargetGroup orders: healthCheck.interval was 15, is 30\n")
    row = store.get("aws", GROUP, "arn:tg/1")
    assert row is not None
    assert row.inputs["healthCheck"]["interval"] == row.outputs["healthCheck"]["interval"] == 30


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ('tags["a.b"]', "d", {"tags": {"a.b": "d"}}),
        ("tags.team", "a", {"tags": {"a.b": "c", "team": "a"}}),
        ('tags["a.b"]', "null", {"tags": {}}),
        ("healthCheck.list[0].a", "[true]", {"healthCheck": {"interval": 15, "list": [{"a": [True]}]}}),
        ("name", "x", {"name": "x"}),
    ],
)
def test_drift_follows_paths(
    path: str, value: str, expected: dict[str, Any], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(capsys, "drift", "orders", path, value)[0] == 0
    row = store.get("aws", GROUP, "arn:tg/1")
    assert row is not None
    assert {key: row.inputs[key] for key in expected} == expected


def test_drift_of_a_computed_output_leaves_the_inputs_alone(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "drift", "orders", "arn", "other")[0] == 0
    row = store.get("aws", GROUP, "arn:tg/1")
    assert row is not None
    assert row.outputs["arn"] == "other"
    assert "arn" not in row.inputs


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("drift", "ordres", "name", "x"), 'no resource is called ordres; did you mean "orders"?'),
        (("drift", "zzz", "name", "x"), "no resource is called zzz; `python -m local_cloud list` shows all"),
        (("drift", "orders", "healthChek.interval", "x"), 'has no property healthChek; did you mean "healthCheck"?'),
        (("drift", "orders", "zzz", "x"), "has no property zzz; it has arn, healthCheck, name, tags"),
        (("drift", "orders", "healthCheck.list[3].a", "x"), "there is nothing at healthCheck.list[3].a to change"),
        (("drift", "orders", "a..b", "x"), "a..b is no property path"),
        (("push", "dev/order", "v1"), 'no repository is called dev/order; did you mean "dev/orders"?'),
        (("push", "zzz"), "no repository is called zzz; there are dev/orders, dev/stock"),
        (("push", "dev/orders", "-v1"), "'-v1' is no image tag"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--",) if arguments[-1].startswith("-") else ()
    code, out, err = _run(capsys, arguments[0], *options, *arguments[1:])
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert said in err


def test_a_name_that_several_resources_have_is_not_guessed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    _insert(store, "aws:lb/listenerRule:ListenerRule", "arn:rule/1", "orders", priority=1)
    code, _, err = _run(capsys, "drift", "orders", "priority", "2")
    assert code == 1
    assert "orders names 2 resources" in err
    assert f"urn:pulumi:dev::p::{GROUP}::orders" in err


@pytest.mark.usefixtures("store")
def test_a_push_prints_a_digest_and_an_immutable_tag_is_pushed_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, digest, _ = _run(capsys, "push", "dev/orders", "v1")
    assert code == 0
    assert digest.startswith("sha256:")
    assert len(digest.strip()) == 71
    code, _, err = _run(capsys, "push", "dev/orders", "v1")
    assert code == 1
    assert "The image tag 'v1' already exists in the 'dev/orders' repository" in err
    assert digest.strip() in _run(capsys, "images")[1]


@pytest.mark.usefixtures("store")
def test_a_mutable_tag_moves_to_the_new_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "images")[1].startswith("no image has been pushed")
    first, second = (_run(capsys, "push", "dev/stock", "v1")[1].strip() for _ in range(2))
    lines = _run(capsys, "images")[1].splitlines()
    assert any(f"v1  {second}" in line for line in lines)
    assert any(f"(no tag)  {first}" in line for line in lines)


def test_reset_empties_everything(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    _run(capsys, "push", "dev/stock")
    assert _run(capsys, "reset")[1].startswith("deleted 3 resources; ")
    assert store.rows() == []
    assert store.notes("image") == {}
    assert _run(capsys, "list")[1] == "the local cloud is empty\n"


def test_without_a_local_cloud_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path / "none"))
    code, _, err = _run(capsys, "list")
    assert code == 1
    assert "`make up` creates one" in err
    assert not (tmp_path / "none").exists()


def test_wrong_usage_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys)[0] == 2
    with pytest.raises(SystemExit) as ended:
        cli.main(["frobnicate"])
    assert ended.value.code == 2


def test_plugins_are_installed_where_the_engine_looks(tmp_path: Path) -> None:
    home, python = tmp_path / "a home", tmp_path / "bin dir" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$PYTHONPATH|$*"\n')
    python.chmod(0o755)
    plugins.install(home, python, tmp_path / "check out")
    aws = home / "plugins" / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
    assert plugins.folder(home, "aws") == aws.parent
    before = aws.stat()
    plugins.install(home, python, tmp_path / "check out")
    assert aws.stat().st_mtime_ns == before.st_mtime_ns, "nothing changed"
    assert {path.name for path in (home / "plugins").iterdir()} == {
        plugins.folder(home, package).name for package in plugins.PACKAGES
    }

    ran = subprocess.run([aws, "127.0.0.1:1"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{tmp_path / 'check out'}|-m local_cloud.aws 127.0.0.1:1\n"
