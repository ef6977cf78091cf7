"""The borders between the rooms: who may import whom."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
ROOMS = {"components", "policies", "checks", "local_cloud", "samples", "probe", "portal", "lab", "tools", "bench"}
ALLOWED: dict[str, set[str]] = {
    "components": set(),
    "policies": set(),
    "checks": {"policies", "components.settings", "tools"},
    "local_cloud": set(),
    "samples": set(),
    "probe": set(),
    "portal": {"components.settings", "policies"},
    "tools": {"local_cloud", "components.settings", "components.crd_files", "portal"},
    "bench": {"tools", "local_cloud", "components.settings", "policies"},
}
PROVIDER_SDKS = {"pulumi", "pulumi_aws", "pulumi_eks", "pulumi_kubernetes"}


def imports(file: Path) -> set[str]:
    """Absolute names of everything a file imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(name: str, allowed: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


@pytest.mark.parametrize("room", sorted(room for room in ALLOWED if (CHECKOUT / room).is_dir()))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = sorted((CHECKOUT / room).rglob("*.py"))
    assert files
    for file in files:
        foreign = {name for name in imports(file) if name.partition(".")[0] in ROOMS - {room}}
        assert {name for name in foreign if not within(name, ALLOWED[room])} == set(), file


def test_settings_know_neither_pulumi_nor_a_provider() -> None:
    for file in (CHECKOUT / "components" / "settings").rglob("*.py"):
        assert not {name for name in imports(file) if name.partition(".")[0] in PROVIDER_SDKS}, file
        outside = {name for name in imports(file) if name.startswith("components.")}
        assert {
            name for name in outside if not within(name, {"components.settings", "components.versions"})
        } == set(), file


def imported(module: str) -> list[str]:
    """Everything that is loaded once a module is."""
    code = f"import sys, {module}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return result.stdout.split()


def test_importing_settings_imports_no_pulumi() -> None:
    assert [name for name in imported("components.settings") if name.startswith("pulumi")] == []


def test_a_service_of_aws_is_loaded_when_it_is_used() -> None:
    """The SDK does so by itself, unless an annotation that is looked at names it: that costs seconds of each run."""
    loaded = [name for name in imported("components.platform") if name.endswith("._inputs")]
    assert {name.rpartition(".")[0] for name in loaded} <= PROVIDER_SDKS


def test_the_program_stays_small() -> None:
    assert len((CHECKOUT / "__main__.py").read_text().splitlines()) <= 30


def test_the_types_of_what_is_used_are_read() -> None:
    """mypy skips large parts of the AWS SDK; what it skips would be used unchecked."""
    known = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    skipped = [name for each in known if each.get("follow_imports") == "skip" for name in each["module"]]
    assert skipped
    parts = "|".join(name.removeprefix("pulumi_aws.").removesuffix(".*") for name in skipped)
    used = re.compile(rf"\b(pulumi_aws|aws)\.({parts})\.|from pulumi_aws import .*\b({parts})\b")
    rooms = [
        CHECKOUT / "__main__.py",
        *(file for room in (*ALLOWED, "tests") for file in (CHECKOUT / room).rglob("*.py")),
    ]
    assert [str(file) for file in rooms if file.is_file() and used.search(file.read_text(encoding="utf-8"))] == []
