"""Which environments a change concerns."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import every
from checks.problems import InputError

from .repository import git

JOINED = "config: {grpc-platform:existing: {platform_stack: acme/grpc-platform/platform}}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a platform stack, two services stacks on it, and one that stands alone."""
    for name, text in {"platform": "", "shop": JOINED, "billing": JOINED, "alone": "", "wrong": "["}.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    for name in ("__main__.py", "docs/a.md", "policies/config/default.yaml", "policies/config/shop.yaml", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    git(tmp_path, "init", "--initial-branch", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "base")
    return tmp_path


ALL = ["alone", "billing", "platform", "shop", "wrong"]


@pytest.mark.parametrize(
    ("file", "concerned"),
    [
        ("Pulumi.alone.yaml", ["alone"]),
        ("Pulumi.shop.yaml", ["shop"]),
        ("Pulumi.platform.yaml", ["billing", "platform", "shop"]),
        ("Pulumi.new.yaml", ["new"]),
        ("policies/config/shop.yaml", ["shop"]),
        ("policies/config/default.yaml", ALL),
        ("policies/rules/a.py", ALL),
        ("__main__.py", ALL),
        ("requirements.lock", ALL),
        ("docs/a.md", []),
        ("README.md", []),
        ("tests/a name with\na line break.py", []),
        (".github/workflows/deploy.yml", []),
    ],
)
@pytest.mark.parametrize("committed", [True, False])
def test_an_environment_is_concerned_where_it_may_differ(
    checkout: Path, file: str, concerned: list[str], committed: bool
) -> None:
    git(checkout, "checkout", "-b", "work")
    (checkout / file).parent.mkdir(parents=True, exist_ok=True)
    (checkout / file).write_text("config: {}\n")
    if committed:
        git(checkout, "add", ".")
        git(checkout, "commit", "--message", "work")
    assert every.concerned(checkout, "main") == concerned


def test_a_removed_environment_concerns_nobody_and_a_removed_file_of_the_program_all(checkout: Path) -> None:
    (checkout / "Pulumi.alone.yaml").unlink()
    assert every.concerned(checkout, "main") == []
    (checkout / "__main__.py").unlink()
    assert every.concerned(checkout, "main") == [name for name in ALL if name != "alone"]


def test_without_a_base_all_are_concerned(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    bare = tmp_path_factory.mktemp("bare")
    (bare / "Pulumi.dev.yaml").touch()
    assert every.concerned(bare, None) == ["dev"]
    with pytest.raises(InputError, match="there is no such commit here"):
        every.concerned(checkout, "nowhere")
