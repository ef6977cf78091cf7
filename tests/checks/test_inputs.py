"""State and manifests: what is found in them, and what is said of broken ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import SECRET, SIGNATURE, URN, Desk, group, state


def test_a_sound_state_passes(desk: Desk) -> None:
    assert desk.run("--state", desk.write("state.json", state(group()))) == 0
    assert "state.json: passed" in desk.out
    assert "pairs evaluated (100.0 %)" in desk.out


def test_a_fault_blocks_and_says_what_to_do(desk: Desk) -> None:
    assert desk.run("--state", desk.write("state.json", state(group(matcher="0-99")))) == 1
    assert "blocked: 1 finding of mandatory rules, 1 of them new" in desk.out
    assert "ALB006 blocks: The matcher of a gRPC target group means SERVING" in desk.out
    assert 'fix: Set healthCheck.matcher to "0"' in desk.out


def preview(*entries: Any) -> dict[str, Any]:
    return {"steps": [{"op": "create", "urn": each["urn"], "newState": each} for each in entries]}


def test_a_saved_preview_is_judged_the_same(desk: Desk) -> None:
    assert desk.run("--preview", desk.write("preview.json", preview(group()))) == 0
    assert desk.run("--preview", desk.write("preview.json", preview(group(matcher="0-99")))) == 1
    assert 'fix: Set healthCheck.matcher to "0"' in desk.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"name": "shop"}, "this is no preview: no list steps"),
        ({"steps": [1]}, "steps[0]: must be an object with op"),
        (preview({"urn": "a", "type": 1}), "steps[0].newState.type: missing; must be text"),
    ],
)
def test_a_broken_preview_is_named_with_file_and_cause(desk: Desk, content: Any, said: str) -> None:
    assert desk.run("--preview", desk.write("preview.json", content)) == 2
    assert f"preview.json: {said}" in desk.err


BROKEN: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"deployment": {\n "resources": [,]}}', "state.json:2: is no JSON: Expecting value"),
    "a list": ("[]", "must be a JSON object"),
    "another file": ({"name": "shop"}, "this is no state of a stack: no list deployment.resources"),
    "a resource that is none": (state({"urn": 1, "inputs": []}), "deployment.resources[0].urn: missing; must be text"),
    "two faults": (state({"urn": "a", "inputs": []}), "deployment.resources[0].inputs: must be an object"),
    "nested beyond reason": ("[" * 100_000, "is nested too deeply"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_state_is_named_with_file_and_cause(desk: Desk, case: str) -> None:
    content, said = BROKEN[case]
    report = desk.folder / "report.json"
    assert desk.run("--state", desk.write("state.json", content), "--report", f"json={report}") == 2
    assert said in desk.err
    assert "Traceback" not in desk.err
    assert (desk.out, report.exists()) == ("", False)


def test_a_file_that_is_not_there_and_one_that_is_no_text(desk: Desk) -> None:
    assert desk.run("--state", desk.folder / "nope.json") == 2
    assert "nope.json: cannot be read: No such file or directory" in desk.err
    (desk.folder / "bytes").write_bytes(b"\xff\xfe")
    assert desk.run("--state", desk.folder / "bytes") == 2
    assert "is no UTF-8 text (byte 0)" in desk.err


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["urn", "type", "inputs", "outputs", "id", "parent", SIGNATURE, "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(ANYTHING, max_size=3))
def test_no_state_makes_it_fall_over(desk: Desk, resources: list[Any]) -> None:
    assert desk.run("--state", desk.write("state.json", state(*resources))) in (0, 1, 2)


@pytest.mark.parametrize("form", ["text", "markdown", "json", "sarif", "junit", "github"])
def test_no_secret_of_a_state_gets_into_a_report(desk: Desk, form: str) -> None:
    sealed = {SIGNATURE: SECRET, "plaintext": '"hush-hush"', "value": "hush-hush"}
    assert desk.run("--state", desk.write("s.json", state(group(matcher=sealed))), "--format", form) == 1
    assert "hush" not in desk.out


MANIFEST = """# a comment
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {selector: {app: orders}, ports: [{port: 50051, name: grpc}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: orders, namespace: shop}
"""


def test_manifests_of_a_folder_are_objects_with_lines(desk: Desk) -> None:
    from checks import manifests

    desk.write("k8s/a/orders.yaml", MANIFEST)
    resources, places = manifests.read(desk.folder)
    assert [each.kind for each in resources] == [":Service", "apps:Deployment"]
    assert [places[each.urn].line for each in resources] == [2, 7]
    assert desk.run("--manifests", desk.folder) in (0, 1)


BROKEN_YAML = {
    "no YAML": ("a: b\nc: [\n", "x.yaml:3: is no YAML: expected the node content"),
    "no object": ("- a\n", "x.yaml:1: must be a Kubernetes object (a map)"),
    "no kind": ("\n\napiVersion: v1\n", "x.yaml:3: kind: missing; must be text"),
    "two documents, one bad": ("apiVersion: v1\nkind: Pod\n---\nkind: Pod\n", "x.yaml:4: apiVersion: missing"),
    "a tag": ("!!python/object:os.system x\n", "could not determine a constructor"),
}


@pytest.mark.parametrize("case", BROKEN_YAML)
def test_broken_yaml_is_named_with_its_line(desk: Desk, case: str) -> None:
    content, said = BROKEN_YAML[case]
    assert desk.run("--manifests", desk.write("x.yaml", content)) == 2
    assert said in desk.err


def test_an_empty_folder_is_no_input(desk: Desk, tmp_path: Path) -> None:
    assert desk.run("--manifests", tmp_path) == 2
    assert "holds no file that ends in .yaml, .yml, .json" in desk.err
    assert desk.run("--manifests", tmp_path / "nope") == 2


def test_exactly_one_thing_is_checked(desk: Desk) -> None:
    assert desk.run() == 2
    assert desk.run("dev", "--state", "x") == 2
    assert "give one of ENV, --state FILE, --preview FILE and --manifests DIR" in desk.err


def test_a_configuration_sets_levels_and_waivers(desk: Desk) -> None:
    given = desk.write("state.json", state(group(matcher="0-99")))
    assert desk.run("--state", given, "--config", desk.write("c.json", {"ALB006": "advisory"})) == 0
    assert "ALB006 warns" in desk.out
    waiver = {"rule": "ALB006", "urn": "*::orders", "reason": "moves", "owner": "edge", "expires": "2026-12-31"}
    config = desk.write("w.json", {"XST004": {"waivers": [waiver]}})
    assert desk.run("--state", given, "--config", config, "--today", "2026-12-31") == 0
    assert "waived by edge until 2026-12-31: moves" in desk.out
    assert desk.run("--state", given, "--config", config, "--today", "2027-01-01") == 1
    assert "has expired on 2026-12-31" in desk.out


def test_a_wrong_configuration_is_said_all_at_once(desk: Desk) -> None:
    given = desk.write("state.json", state(group()))
    config = desk.write("c.json", {"ALB6": "mandatory", "ALB010": {"seconds": "x"}})
    assert desk.run("--state", given, "--config", config) == 2
    assert "c.json:1: ALB6: there is no rule ALB6" in desk.err
    assert "c.json:1: ALB010.seconds: must be of type integer" in desk.err


def test_explain_says_everything_about_a_rule(desk: Desk) -> None:
    assert desk.run("explain", "alb006") == 0
    for part in (
        "ALB006: The matcher",
        "Fix: ",
        "See: ",
        "Option codes: ",
        "Bad: ",
        "Good: ",
        "type: aws:lb/targetGroup",
    ):
        assert part in desk.out
    assert desk.run("explain", "ALB06") == 2
    assert "did you mean ALB006?" in desk.err


def test_a_baseline_lets_known_findings_pass_and_no_new_one(desk: Desk) -> None:
    old = desk.write("old.json", state(group(matcher="0-99"), {**group(), "urn": f"{URN}-b"}))
    known = desk.folder / "known.txt"
    assert desk.run("--state", old, "--write-baseline", known) == 1
    first = known.read_bytes()
    assert f"ALB006 {URN} healthCheck.matcher\n" in first.decode()
    assert "0-99" not in first.decode()
    assert desk.run("--state", old, "--baseline", known, "--write-baseline", known) == 0
    assert (known.read_bytes(), "ALB006 known:" in desk.out) == (first, True)
    worse = desk.write("worse.json", state(group(matcher="0-99"), {**group(matcher="0-99"), "urn": f"{URN}-b"}))
    assert desk.run("--state", worse, "--baseline", known) == 1
    assert desk.run("--state", worse, "--baseline", known, "--write-baseline", known) == 1
    assert known.read_bytes() == first


def test_an_entry_whose_finding_is_gone_is_named_and_goes(desk: Desk) -> None:
    known = desk.write("known.txt", f"ALB006 {URN} healthCheck.matcher\nALB006 {URN}-gone healthCheck.matcher\n")
    mended = desk.write("mended.json", state(group()))
    assert desk.run("--state", mended, "--baseline", known, "--write-baseline", known) == 0
    assert f"its finding is gone; take the line out: ALB006 {URN}-gone" in desk.out
    assert [line for line in known.read_text().splitlines() if line[0] != "#"] == []


def test_a_baseline_that_cannot_be_read_or_written(desk: Desk) -> None:
    given = desk.write("state.json", state(group()))
    assert desk.run("--state", given, "--baseline", desk.folder / "nope") == 2
    assert desk.err == "--baseline: nope cannot be read: No such file or directory\n"
    assert desk.run("--state", given, "--baseline", desk.write("bad", "{}")) == 2
    assert "--baseline: bad:1: must be a rule, a URN and a path" in desk.err
    assert desk.run("--state", given, "--write-baseline", desk.folder / "no" / "where") == 2
    assert "--write-baseline" in desk.err


def test_all_files_are_written_or_none(desk: Desk) -> None:
    given = desk.write("state.json", state(group()))
    first = desk.write("first.json", "as it was")
    wanted = ("--report", f"json={first}", "--report", f"sarif={desk.folder / 'no' / 'where'}")
    assert desk.run("--state", given, *wanted) == 2
    assert first.read_text() == "as it was"
    assert sorted(each.name for each in desk.folder.iterdir()) == ["first.json", "state.json"]
    assert desk.run("--state", given, "--report", f"json={first}", "--report", f"sarif={desk.folder}") == 2
    assert "it is a folder" in desk.err
