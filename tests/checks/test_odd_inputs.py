"""Inputs that nobody should give, and that somebody will: each is named, and none makes the command fall over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT

from .conftest import SIGNATURE, URN, Desk, group, state

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
WHERE = "deployment.resources[0]"


def deep(levels: int) -> str:
    return json.dumps(state({**group(), "inputs": {"x": "#"}})).replace('"#"', "[" * levels + "]" * levels)


STATES: dict[str, tuple[Any, str]] = {
    "dependencies that are a number": (state({**group(), "dependencies": 5}), f"{WHERE}.dependencies: must be a list"),
    "dependencies of numbers": (state({**group(), "dependencies": [5]}), f"{WHERE}.dependencies: must be a list"),
    "what a property is made of": (
        state({**group(), "propertyDependencies": {"port": 5}}),
        f"{WHERE}.propertyDependencies.port: must be a list of texts",
    ),
    "a URN that is none": (state({**group(), "urn": "orders"}), f"{WHERE}.urn: must begin with urn:"),
    "a parent that is a list": (state({**group(), "parent": [1]}), f"{WHERE}.parent: must be text"),
    "a number without an end": (deep(1).replace("[]", "9" * 5000), "is no JSON: a number has too many digits"),
    "deeper than rules can look": (deep(600), "is nested too deeply"),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_that_no_engine_wrote_is_named(desk: Desk, case: str) -> None:
    content, said = STATES[case]
    assert desk.run("--state", desk.write("state.json", content)) == 2
    assert f"state.json: {said}" in desk.err


@pytest.mark.parametrize("marked", [{SIGNATURE: UNKNOWN}, {SIGNATURE: OUTPUT, "secret": UNKNOWN, "value": "hush"}])
def test_a_marker_that_is_not_known_is_no_value(desk: Desk, marked: dict[str, Any]) -> None:
    assert desk.run("--state", desk.write("state.json", state(group(matcher=marked)))) in (0, 1)
    assert "hush" not in desk.out


def test_a_secret_that_the_provider_worked_out_is_not_shown() -> None:
    from policies.engine import sources

    sealed = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
    (made,) = sources.from_state(state({**group(), "outputs": {"arn": sealed}}))
    assert made.shown("arn") == "[secret]"


def test_a_file_may_begin_with_a_mark(desk: Desk) -> None:
    mark = "\ufeff"
    given = desk.write("state.json", mark + json.dumps(state(group())))
    config, known = desk.write("c.yaml", f"{mark}ALB006: advisory\n"), desk.write("known.txt", f"{mark}# a list\n")
    assert desk.run("--state", given, "--config", config, "--baseline", known) == 0


def test_half_a_character_is_written_as_a_question_mark(desk: Desk) -> None:
    given = desk.write("state.json", json.dumps(state({**group(matcher="0-99"), "urn": f"{URN}\ud800"})))
    for form in ("text", "markdown", "json", "sarif", "junit", "github"):
        file = desk.folder / "report"
        assert desk.run("--state", given, "--format", form, "--report", f"{form}={file}") == 1
        assert file.read_text(encoding="utf-8")


KEYS = {
    "a number": ("ALB010: {1: 2}\n", "c.yaml:1: ALB010: its keys must be text; received 1"),
    "a flag": ("ALB010: {on: 2}\n", "c.yaml:1: ALB010: its keys must be text; received True"),
    "a file of no name": ('XST004: {baseline_file: "a\\0b"}\n', "a b cannot be read: embedded null byte"),
    "a circle": ("ALB006: &a [*a]\n", "c.yaml:1: has aliases without an end"),
    "a bomb": (
        "a: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
        "has aliases without an end, or of too many values",
    ),
    "a line of its own": ('"a\\n::error::b\\e[31m": x\n', "c.yaml:1: a ::error::b [31m: there is no rule"),
}


@pytest.mark.parametrize("case", KEYS)
def test_odd_configuration_is_said_in_one_line(desk: Desk, case: str) -> None:
    content, said = KEYS[case]
    config = desk.write("c.yaml", content)
    assert desk.run("--state", desk.write("state.json", state(group())), "--config", config) == 2
    assert said in desk.err
    assert all(line.startswith(str(config)) for line in desk.err.splitlines())


def test_reports_go_where_they_can(desk: Desk) -> None:
    given = desk.write("state.json", state(group()))
    file, link = desk.write("real.json", "as it was"), desk.folder / "link.json"
    link.symlink_to(file)
    for wrong, said in (
        (["json=."], "it is a folder"),
        (["json=/"], "it is a folder"),
        (["json=a\0b"], "cannot be written: embedded null byte"),
        ([f"json={file}", f"text={link}"], "is to be written twice"),
        ([f"json={file}", f"text={desk.folder / ('n' * 300)}"], "File name too long"),
    ):
        reports = [part for each in wrong for part in ("--report", each)]
        assert desk.run("--state", given, *reports) == 2
        assert (said in desk.err, file.read_text()) == (True, "as it was"), desk.err
    assert desk.run("--state", given, "--report", f"json={link}") == 0
    assert (link.is_symlink(), json.loads(file.read_text())["blocks"]) == (True, False)


def test_what_is_no_file_stays_what_it_is(desk: Desk) -> None:
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    assert desk.run("--state", desk.write("state.json", state(group())), "--report", f"json={pipe}") == 0
    assert json.loads(reader.communicate(timeout=60)[0])["blocks"] is False
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("redirected", "code"), [("| true; exit ${PIPESTATUS[0]}", 1), (">&-", 1), (">/dev/full", 3), ("2>&-", 1)]
)
def test_a_reader_that_is_gone_does_not_change_the_verdict(desk: Desk, redirected: str, code: int) -> None:
    given = desk.write("a state.json", state(*[{**group(matcher="0-99"), "urn": f"{URN}{n}"} for n in range(300)]))
    command = f'"$0" -m checks --state "$1" --format markdown {redirected}'
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, str(given)],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr


HEAD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: orders}\n"
MANIFESTS = {
    "a control character": (f'{HEAD}x: "\x01"\n', "x.yaml:4: is no YAML: special characters are not allowed"),
    "a List in itself": ("apiVersion: v1\nkind: List\nitems: &a [{kind: List, items: *a}]\n", "x.yaml:3: has aliases"),
    "a map in itself": (f"{HEAD}spec: &a {{x: *a}}\n", "x.yaml:4: has aliases without an end"),
    "items that are none": (
        "apiVersion: v1\nkind: List\nitems: [1, {apiVersion: v1, kind: List, items: [{kind: Pod}]}]\n",
        "x.yaml:1: items[1].items[0]: apiVersion: missing",
    ),
    "a template": (f"{HEAD}spec: {{{{ .Values.spec }}}}\n", "it looks like a template: check what it renders to"),
    "a number without an end": (f"{HEAD}spec: {'9' * 5000}\n", "x.yaml: has a number that is none"),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_odd_yaml_is_named(desk: Desk, case: str) -> None:
    content, said = MANIFESTS[case]
    assert desk.run("--manifests", desk.write("x.yaml", content)) == 2
    assert said in desk.err


def read(desk: Desk) -> tuple[list[Any], list[str]]:
    from checks import manifests

    resources, places = manifests.read(desk.folder)
    return resources, [f"{Path(places[each.urn].file).name}:{places[each.urn].line}" for each in resources]


def test_what_kubernetes_takes_is_taken(desk: Desk) -> None:
    desk.write("a.json", '\n{\n\t"apiVersion": "v1", "kind": "Service", "metadata": {"name": "\\ud83d\\ude00"}}')
    desk.write("b.yaml", f"\ufeff{HEAD}spec: {{x: =, y: 2027-02-30}}\n".replace("\n", "\r\n"))
    desk.write("c.yaml", "apiVersion: v1\nkind: ServiceList\nitems: [{metadata: {name: web, namespace: }}]\n")
    (desk.folder / "chart.yaml").mkdir()
    (desk.folder / "again").symlink_to(desk.folder)
    resources, places = read(desk)
    assert [each.name for each in resources] == ["default/😀", "default/orders", "default/web"]
    assert places == ["a.json:2", "b.yaml:1", "c.yaml:1"]
    assert resources[1].get("spec") == {"x": "=", "y": "2027-02-30"}
    assert resources[2].kind == ":Service"


def test_an_object_of_two_overlays_stands_in_both(desk: Desk) -> None:
    for name in ("dev", "prod"):
        desk.write(f"{name}.yaml", HEAD)
    resources, places = read(desk)
    assert places == ["dev.yaml:1", "prod.yaml:1"]
    assert len({each.urn for each in resources}) == 2


def test_places_are_from_the_folder_one_stands_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from checks import manifests

    monkeypatch.chdir(desk.folder)
    _, places = manifests.read(desk.write("k8s/orders.yaml", HEAD))
    assert [each.file for each in places.values()] == ["k8s/orders.yaml"]


@pytest.mark.parametrize("identity", ["XST003", "xst004"])
def test_explain_knows_what_the_pack_says_of_itself(desk: Desk, identity: str) -> None:
    assert desk.run("explain", identity) == 0
    assert desk.out.startswith(f"{identity.upper()}: ")
    assert "Option " in desk.out
