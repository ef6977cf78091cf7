"""The schema and the reference say what the models say, and the files are current."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from components.settings import Settings, json_schema
from components.settings.__main__ import GENERATED, main

from .conftest import VALID

TOP = Path(__file__).parents[2]
MODELS = (TOP / "docs/settings.md").read_text(encoding="utf-8")


def stack_file(**sections: Any) -> dict[str, Any]:
    named = {f"grpc-platform:{name}": value for name, value in (VALID | sections).items()}
    return {"config": {"aws:region": "eu-west-1", **named}}


def faults(document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(json_schema()).iter_errors(document)]


@pytest.mark.parametrize("what", list(GENERATED))
def test_the_generated_files_are_current(what: str) -> None:
    assert main([what, "--check"]) == 0, f"run: python -m components.settings {what}"


def test_a_file_that_is_not_current_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, make = GENERATED["schema"]
    monkeypatch.setitem(GENERATED, "schema", (tmp_path / path.name, make))
    assert main(["schema", "--check"]) == 1
    assert main(["schema"]) == 0
    assert main(["schema", "--check"]) == 0
    (tmp_path / path.name).write_text("{}")
    assert main(["schema", "--check"]) == 1


def test_the_schema_is_a_schema_and_takes_valid_settings() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert faults(stack_file()) == []


def test_every_field_is_described_and_has_a_default_or_is_required() -> None:
    for name, node in json_schema()["$defs"].items():
        for field, inner in node["properties"].items():
            section = "$ref" in inner
            assert inner.get("description") or section, (name, field)
            said = {"default", "x-default"} & set(inner) or field in node.get("required", []) or section
            assert said or inner.get("type") == "object", (name, field)


def test_the_reference_names_every_field() -> None:
    for node in json_schema()["$defs"].values():
        assert all(f"| `{field}` |" in MODELS for field in node["properties"])
    assert all(f"[`{section}`]" in MODELS for section in Settings.model_fields)


@pytest.mark.parametrize(
    "document",
    [
        stack_file(latice={}),
        stack_file(network={"zones": ["eu-west-1a"]}),
        stack_file(network={"zones": ["eu-west-1a", "eu-west-1b"], "nat": None}),
        stack_file(load_balancers={"Public": {"scheme": "internal"}}),
        stack_file(services={"default": {"protocol": "http", "port": 80}}),
        stack_file(services={"web": {"protocol": "http", "port": 80, "secrets": {"A": {"clear": "x"}}}}),
        stack_file(services={"web": {"protocol": "http", "port": 80, "env": {"A": {"secure": "x"}}}}),
        {"config": {"aws:region": "eu-west-1"}},
    ],
    ids=range(8),
)
def test_the_schema_refuses_what_loading_would_refuse(document: dict[str, Any]) -> None:
    assert faults(document)


def test_a_secret_may_be_encrypted_and_other_namespaces_are_free() -> None:
    secrets = {"A": {"secure": "v1:abc"}, "B": "plain"}
    document = stack_file(services={"web": {"protocol": "http", "port": 80, "secrets": secrets}})
    document["config"]["aws:defaultTags"] = {"tags": {}}
    assert faults(document | {"encryptionsalt": "v1:x"}) == []


def test_settings_import_neither_pulumi_nor_a_provider() -> None:
    code = (
        "import sys, components.settings, components.settings.__main__;"
        "print(' '.join(m for m in sys.modules if m.partition('.')[0] in"
        " ('pulumi', 'pulumi_aws', 'pulumi_eks', 'pulumi_kubernetes', 'grpc', 'yaml')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_what_is_exported_exists() -> None:
    import components.settings

    assert sorted(components.settings.__all__) == components.settings.__all__
    assert all(hasattr(components.settings, name) for name in components.settings.__all__)
