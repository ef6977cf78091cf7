"""Git as people have it: cut short, unrelated, with names and links that are odd."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checks import trees
from checks.problems import InputError
from tools import copies, stack_files

from .repository import git


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two commits on main, the second with a link that leads out of it."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    git(folder, "init", "--initial-branch", "main")
    (folder / "one").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "--message", "one")
    (folder / "out").symlink_to("/etc/hostname")
    (folder / "in").symlink_to("one")
    git(folder, "add", ".")
    git(folder, "commit", "--message", "two")
    return folder


def test_a_link_that_leads_out_is_left_out(checkout: Path, tmp_path: Path) -> None:
    commit = trees.merge_base(checkout, "main")
    assert commit is not None
    trees.extract(checkout, commit, tmp_path / "tree")
    assert sorted(each.name for each in (tmp_path / "tree").iterdir()) == ["in", "one"]


def test_a_name_that_is_no_text_is_a_change_as_any(checkout: Path) -> None:
    (checkout / os.fsdecode(b"caf\xe9")).write_text("x")
    assert trees.changed(checkout, "HEAD") == [os.fsdecode(b"caf\xe9")]


def test_a_clone_that_is_cut_short_says_what_to_do(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "checkout", "-b", "change", "main~1")
    (checkout / "three").write_text("3")
    git(checkout, "add", ".")
    git(checkout, "commit", "--message", "three")
    git(tmp_path, "clone", "--depth", "1", "--no-single-branch", checkout.as_uri(), "shallow")
    with pytest.raises(InputError, match="no commit in common with this branch here; the clone is shallow: git fetch"):
        trees.merge_base(tmp_path / "shallow", "origin/main")
    assert trees.merge_base(tmp_path / "shallow", None) is None
    assert "shallow" in trees.unshallow(tmp_path / "shallow")
    with pytest.raises(InputError, match=r"there is no such commit here; fetch it first \(git fetch origin gone\)"):
        trees.merge_base(checkout, "origin/gone")
    with pytest.raises(InputError, match="there is no such commit"):
        trees.merge_base(checkout, "--all")


def test_a_detached_head_has_a_base(checkout: Path) -> None:
    git(checkout, "checkout", "--detach", "main")
    assert trees.merge_base(checkout, None) == trees.merge_base(checkout, "main")


def test_what_is_no_file_is_no_stack_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.folder.yaml").mkdir()
    (tmp_path / "Pulumi.gone.yaml").symlink_to(tmp_path / "nowhere")
    assert copies.stacks(tmp_path) == []
    with pytest.raises(stack_files.StackFileError, match=r"Pulumi\.folder\.yaml cannot be read"):
        stack_files.read(tmp_path / "Pulumi.folder.yaml")
