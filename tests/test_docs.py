"""Docs that a change of the code would make untrue."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import settings
from components.platform import Platform
from tests.conftest import REGION

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "bench").glob("*.md")])


def test_every_output_is_documented_and_no_other(register: Callable[..., Any], minimal: dict[str, Any]) -> None:
    found: list[str] = []
    loaded = settings.load(minimal, region=REGION)
    register(lambda: found.extend(Platform("platform", loaded, region=REGION).outputs))
    documented = re.findall(r"^\| `(\w+)` \|", (CHECKOUT / "docs" / "outputs.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_in_the_docs_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    used = set(re.findall(r"(?:^|`|\$\()make (?:-s )?([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
    assert used <= set(targets), used - set(targets)


def test_the_stack_files_of_the_stacks_page_load() -> None:
    page = (CHECKOUT / "docs" / "stacks.md").read_text()
    files = dict(re.findall(r"```yaml\n# Pulumi\.(\w+)\.yaml\n(.*?)```", page, re.DOTALL))
    kinds = {}
    for name, text in files.items():
        config = yaml.safe_load(text)["config"]
        raw = {key.removeprefix("grpc-platform:"): value for key, value in config.items() if key != "aws:region"}
        kinds[name] = settings.load(raw, region=config["aws:region"]).environment.kind
    assert kinds == {"platform": "platform", "shop": "services"}


def test_every_setting_that_the_features_page_names_exists() -> None:
    from components.settings.shape import root
    from tests.components.test_every_setting import leaves

    known = {
        ".".join(leaf.split(".")[:depth]) for leaf in leaves(root()) for depth in range(1, leaf.count(".") + 2)
    } | {"services.*", "cloud_map", "observability"}
    page = (CHECKOUT / "docs" / "features.md").read_text()
    sections = "|".join(settings.Settings.model_fields)
    named = set(re.findall(rf"`((?:{sections})(?:\.[a-z_*0-9]+)*)(?::[^`]*)?`", page))
    assert len(named) > 60
    assert named <= known, sorted(named - known)
