"""Stack files mean the same to us as to the CLI."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import stack_files
from tools.copies import make
from tools.environment import Environment


def config_of(file: Path, text: str) -> Any:
    file.write_text(text, encoding="utf-8")
    return stack_files.read(file)["config"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("12:30", "12:30"),
        ("1:2:3.5", "1:2:3.5"),
        ("1e3", 1000.0),
        ("12e5", 1200000.0),
        ('"12e5"', "12e5"),
        ("1.36", 1.36),
        ("1_000", 1000),
        ("-7", -7),
        ("+7", 7),
        ("017", 15),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("0", 0),
        ("08", 8),
        ("08a", "08a"),
        ("2026-1", "2026-1"),
        ("~", None),
        ("", None),
        ("null", None),
        (".5", 0.5),
    ],
)
def test_a_plain_value_means_what_yaml_1_2_says(tmp_path: Path, written: str, meant: Any) -> None:
    found = config_of(tmp_path / "Pulumi.dev.yaml", f"config: {{'p:key': {{value: {written}}}}}")
    assert found == {"p:key": {"value": meant}}
    assert type(found["p:key"]["value"]) is type(meant)


@pytest.mark.parametrize("moment", ["2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05.5 +01:00"])
def test_a_date_stays_as_it_is_written(tmp_path: Path, moment: str) -> None:
    """The CLI makes a text of its own of a date without quotes, and leaves one in quotes alone."""
    found = config_of(tmp_path / "f.yaml", f"config: {{'p:a': {moment}, 'p:b': '{moment}'}}")
    written = stack_files.text({"config": found})
    assert f'"p:a": {moment}\n' in written
    assert f'"p:b": "{moment}"\n' in written


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    text = "config:\n  p:a: &a {x: 1, y: 2}\n  p:b:\n    <<: *a\n    y: 3\n"
    assert config_of(tmp_path / "f.yaml", text)["p:b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: [", "Pulumi.dev.yaml cannot be read: "),
        ("config: {a: 1, a: 2}", "the key 'a' occurs twice"),
        ("config: {p:x: &x [*x]}", "Pulumi.dev.yaml cannot be read: "),
        ("- a", "Pulumi.dev.yaml must be a map with the key config"),
        ("config: 3", "Pulumi.dev.yaml: config must be a map"),
        ("config: {1: 2}", "Pulumi.dev.yaml: config must be a map"),
        ("config: {? {a: b} : c}", "Pulumi.dev.yaml cannot be read: "),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(stack_files.StackFileError) as caught:
        config_of(tmp_path / "Pulumi.dev.yaml", text)
    assert said in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_bytes(b"config: {a: \xff}")
    with pytest.raises(stack_files.StackFileError, match=r"Pulumi\.dev\.yaml cannot be read"):
        stack_files.read(file)


def test_an_unreadable_file_is_named_before_anything_is_copied(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: [")
    with pytest.raises(stack_files.StackFileError):
        make(Environment(tmp_path), "dev", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = stack_files.text({"config": {"p:key": value}})
        assert config_of(Path(folder, "Pulumi.dev.yaml"), written) == {"p:key": value}
