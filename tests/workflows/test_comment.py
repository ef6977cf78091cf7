"""The comment: ours has markup, a fork's has none that works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checks import comment
from checks.report import markdown
from tests.conftest import CHECKOUT

EVIL = "```\n@everyone [click](https://example.com) ![x](https://example.com/x.png) <img src=x>\n````\n\x1b[31m"


def test_the_marker_is_that_of_the_report() -> None:
    assert comment.MARKER == markdown.MARKER


def test_what_a_fork_sends_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "dev.txt").write_text(EVIL, encoding="utf-8")
    (tmp_path / "dev.md").write_text("### @everyone", encoding="utf-8")
    lines = comment.text(tmp_path, trusted=False).splitlines()
    assert lines[:3] == [comment.MARKER, "", "**`dev`**"]
    fence = lines[4].removesuffix("text")
    assert set(fence) == {"`"}
    inside = lines[5 : lines.index(fence, 5)]
    assert "@everyone [click]" in "\n".join(inside)
    assert not [line for line in inside if line.startswith(fence)]
    assert not [line for line in lines[lines.index(fence, 5) + 1 :] if line]
    assert "\x1b" not in "\n".join(lines)


def test_neither_name_nor_fence_of_a_fork_does_anything(tmp_path: Path) -> None:
    (tmp_path / "www.example.com.txt").write_text("`" * 60_000, encoding="utf-8")
    text = comment.text(tmp_path, trusted=False)
    assert "**`www.example.com`**" in text
    assert len(text) < 65_536


def test_what_is_cut_ends_what_it_folded(tmp_path: Path) -> None:
    (tmp_path / "dev.md").write_text(f"<details><summary>x</summary>{'x' * 90_000}</details>", encoding="utf-8")
    (tmp_path / "prod.md").write_text("### prod: passed", encoding="utf-8")
    text = comment.text(tmp_path, trusted=True)
    assert text.index("</details>") < text.index("the rest is in the reports") < text.index("### prod")


def test_our_own_reports_are_one_comment_with_one_marker(tmp_path: Path) -> None:
    for name in ("dev", "prod"):
        (tmp_path / f"{name}.md").write_text(f"{comment.MARKER}\n### {name}: passed\n", encoding="utf-8")
    text = comment.text(tmp_path, trusted=True)
    assert text.startswith(comment.MARKER)
    assert text.count(comment.MARKER) == 1
    assert text.index("dev: passed") < text.index("prod: passed")


@pytest.mark.parametrize("trusted", [True, False])
def test_no_report_makes_it_longer_than_github_takes_or_reads_elsewhere(tmp_path: Path, trusted: bool) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    folder = tmp_path / "reports"
    folder.mkdir()
    ending = "md" if trusted else "txt"
    for number in range(40):
        (folder / f"e{number:02}.{ending}").write_text("x" * 100_000)
    (folder / f"a.{ending}").symlink_to(secret)
    (folder / f"`evil`.{ending}").write_text("evil")
    (folder / f"b.{ending}").mkdir()
    text = comment.text(folder, trusted=trusted)
    assert len(text) < 65_536
    assert "hush" not in text
    assert "evil" not in text


def test_nothing_to_report_is_said(tmp_path: Path) -> None:
    assert "No environment is concerned" in comment.text(tmp_path, trusted=True)


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    (tmp_path / "dev.txt").write_text("dev: passed\n")
    command = [sys.executable, "-S", "-m", "checks.comment", str(tmp_path)]  # -S: without what is installed
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "dev: passed" in done.stdout
