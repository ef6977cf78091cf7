"""Configuration files of environments: what they come to, what is said of broken ones, and the schema they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from policies.engine import files
from policies.engine.configuration import Configuration, ConfigurationError, stated
from policies.engine.rule import Level
from policies.engine.schema import json_schema
from policies.rules import REGISTRY

OFF = next(rule.id for rule in REGISTRY if rule.level is Level.DISABLED)
ENTRY = "ALB006 urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::orders healthCheck.matcher"
LEVELS = "must be one of mandatory, advisory, disabled, remediate"
WAIVER = {"rule": "ALB006", "urn": "*", "reason": "moves", "owner": "edge", "expires": "2026-12-31"}


def write(folder: Path, **content: str) -> None:
    for name, text in content.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def read(folder: Path, environment: str) -> Configuration:
    return files.read(files.of(environment, folder), REGISTRY, folder)


def problems(folder: Path, environment: str = "dev") -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(folder, environment)
    return list(refused.value.problems)


def test_an_environment_goes_over_what_all_share_key_by_key(tmp_path: Path) -> None:
    write(
        tmp_path,
        default="ALB010: {enforcementLevel: advisory, seconds: 60}\nALB001: disabled\n",
        dev="ALB010: {seconds: 90}\nALB006: advisory\n",
    )
    dev, prod = read(tmp_path, "dev"), read(tmp_path, "prod")
    assert (dev.levels["ALB010"], dev.options["ALB010"]) == (Level.ADVISORY, {"seconds": 90})
    assert prod.options["ALB010"] == {"seconds": 60}
    assert (dev.levels["ALB001"], "ALB006" in prod.levels) == (Level.DISABLED, False)


@pytest.mark.parametrize("level", ["mandatory", "advisory", "remediate"])
def test_all_switches_no_rule_on_that_is_off_by_default(tmp_path: Path, level: str) -> None:
    write(tmp_path, default=f"all: {level}\n", dev=f"all: {level}\n{OFF}: mandatory\n")
    rule = REGISTRY.get(OFF)
    assert rule is not None
    assert read(tmp_path, "prod").level(rule) is Level.DISABLED
    assert read(tmp_path, "dev").level(rule) is Level.MANDATORY


def test_a_baseline_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    write(tmp_path, dev="XST004: {baseline_file: known.txt, baseline: [ALB001 urn:x]}\n")
    (tmp_path / "known.txt").write_text(f"# why\n\n{ENTRY}\n", encoding="utf-8")
    assert read(tmp_path, "dev").baseline == {ENTRY, "ALB001 urn:x"}
    (tmp_path / "known.txt").write_text(f"{ENTRY}\nnonsense\n", encoding="utf-8")
    assert problems(tmp_path) == [
        "dev.yaml:1: XST004.baseline_file: known.txt:2: must be a rule, a URN and a path, with a space between them"
    ]
    (tmp_path / "known.txt").unlink()
    assert "known.txt cannot be read: No such file" in problems(tmp_path)[0]


def test_everything_that_is_wrong_in_all_files_is_said_with_file_and_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        default="ALB06: mandatory\n\nALB001: mandatry\n",
        dev="ALB010:\n  secnds: 1\nXST004:\n  waivers:\n  - {rule: ALB006, urn: '*', reason: x, owner: y, "
        "expires: 2026-12-31}\n  - rule: ALB006\n    expires: 2026-12-31T00:00:00\n",
    )
    assert problems(tmp_path) == [
        "default.yaml:1: ALB06: there is no rule ALB06; did you mean ALB006?",
        f"default.yaml:3: ALB001.enforcementLevel: {LEVELS}; received 'mandatry'; did you mean mandatory?",
        "dev.yaml:2: ALB010.secnds: there is no option secnds; did you mean seconds?",
        "dev.yaml:6: XST004.waivers[1].urn: missing; must be text",
        "dev.yaml:6: XST004.waivers[1].reason: missing; must be text",
        "dev.yaml:6: XST004.waivers[1].owner: missing; must be text",
        "dev.yaml:7: XST004.waivers[1].expires: must be a day such as 2027-03-31; received 2026-12-31 00:00:00",
    ]


BROKEN = {
    "ALB001: [\n": "dev.yaml:2: is no YAML: expected the node content",
    "- ALB001\n": "dev.yaml:1: must be a map of rules",
    "ALB001: advisory\nALB001: disabled\n": "dev.yaml:2: the key ALB001 occurs twice",
    "1: advisory\n": "dev.yaml:1: must be a map of rules",
    "ALB001: off\n": f"dev.yaml:1: ALB001.enforcementLevel: {LEVELS}",
    "ALB001: !!python/object:os.system x\n": "dev.yaml:1: is no YAML: could not determine a constructor",
    "XST004: {waivers: [{expires: 2027-02-30}]}\n": "dev.yaml:1: is no YAML: day",
    "XST004: {waivers: yes}\n": "dev.yaml:1: XST004.waivers: must be of type array; received True",
    "[" * 1000: "dev.yaml:1: is nested too deeply",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    write(tmp_path, dev=text)
    assert problems(tmp_path)[0].startswith(BROKEN[text])


def test_a_file_that_nobody_would_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, default="", dev="", prd="")
    (tmp_path / "local.yml").touch()
    assert files.strays(["dev", "prod"], tmp_path, tmp_path) == [
        "local.yml: is not read; its name must end in .yaml",
        "prd.yaml: there is no environment prd; did you mean prod?",
    ]


@pytest.mark.parametrize("name", ["../prod", "", "a/b", "default"])
def test_no_name_of_a_stack_leads_to_another_file(tmp_path: Path, name: str) -> None:
    write(tmp_path, default="", prod="")
    (tmp_path / "inner").mkdir()
    assert files.of(name, tmp_path / "inner") == []
    assert files.of(name, tmp_path) == [tmp_path / "default.yaml"]


def test_what_the_engine_is_told_reads_back_as_it_was(tmp_path: Path) -> None:
    text = yaml.safe_dump({"ALB010": {"seconds": 60}, "ALB006": "remediate", "XST003": {"protected": True}})
    write(tmp_path, dev=text + yaml.safe_dump({"XST004": {"waivers": [WAIVER], "baseline": [ENTRY]}}))
    chosen = read(tmp_path, "dev")
    told = {
        name: {"enforcementLevel": level.value if level else "remediate", **options}
        for name, level, options in stated(chosen, REGISTRY)
    }
    assert set(told) == {"ALB010", "ALB006", "XST003", "XST004"}
    write(tmp_path, again=json.dumps(told))
    again = read(tmp_path, "again")
    for key in ("options", "remediate", "protected", "waivers", "baseline"):
        assert getattr(again, key) == getattr(chosen, key), key


@pytest.mark.parametrize(
    ("values", "valid"),
    [
        ({"all": "advisory", "ALB006": {"enforcementLevel": "disabled"}, OFF: "mandatory"}, True),
        ({"XST004": {"waivers": [WAIVER], "baseline": [ENTRY], "baseline_file": "x"}}, True),
        ({"ALB06": "advisory"}, False),
        ({"ALB006": "advsory"}, False),
        ({"ALB010": {"secnds": 1}}, False),
        ({"ALB010": {"seconds": "60"}}, False),
        ({"XST004": {"waivers": [{**WAIVER, "owner": ""}]}}, False),
        ({"XST004": {"waivers": [{**WAIVER, "until": "x"}]}}, False),
        ({"all": {"seconds": 1}}, False),
    ],
)
def test_the_schema_and_the_reader_agree(tmp_path: Path, values: dict[str, Any], valid: bool) -> None:
    validator = jsonschema.Draft202012Validator(json_schema(REGISTRY))
    assert validator.is_valid(values) is valid
    (tmp_path / "x").write_text(f"{ENTRY}\n", encoding="utf-8")
    write(tmp_path, dev=yaml.safe_dump(values))
    if valid:
        assert read(tmp_path, "dev")
    else:
        assert problems(tmp_path)


def test_our_own_files_have_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(REGISTRY))
    for file in files.FOLDER.glob("*.yaml"):
        jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {}, json_schema(REGISTRY))
        assert files.read([file], REGISTRY)
