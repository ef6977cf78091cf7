"""Secrets by their marks: the key, what is the same, and texts without them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from portal import secrecy
from portal.events import Redactor

OWN = b"k" * 32


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = secrecy.key(tmp_path)
    assert (len(first), secrecy.key(tmp_path)) == (32, first)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_a_mark_is_of_one_ciphertext_and_needs_the_key() -> None:
    marks = secrecy.mark(OWN, "v1:one", "a long secret")
    assert "secret" not in str(marks)
    assert secrecy.same(OWN, marks, "v1:one", "a long secret")
    assert not secrecy.same(OWN, marks, "v1:one", "another secret")
    assert not secrecy.same(OWN, marks, "v1:two", "a long secret")
    assert not secrecy.same(b"o" * 32, marks, "v1:one", "a long secret")
    assert secrecy.only(marks, ["v1:two"]) == {}
    assert secrecy.only(marks, ["v1:one"]) == marks


@given(st.text(max_size=30), st.lists(st.text(min_size=8, max_size=12), min_size=1, max_size=3), st.text(max_size=30))
def test_no_text_keeps_a_marked_secret(before: str, clear: list[str], after: str) -> None:
    marks = {name: each for value in clear for name, each in secrecy.mark(OWN, f"v1:{value}", value).items()}
    text = secrecy.Hidden(OWN, marks).text(before + clear[0] + after)
    assert all(each not in text.replace("[secret]", "") or len(each) < 8 for each in clear[:1]) or "[secret]" in text
    assert "[secret]" in text
    assert secrecy.Hidden(OWN, marks).text("short") == "short"


def test_events_lose_them_wherever_they_are() -> None:
    marks = secrecy.mark(OWN, "v1:one", "hunter2-hunter2")
    redactor = Redactor(["known-in-clear"], secrecy.Hidden(OWN, marks).text)
    assert redactor.data({"a": ["x hunter2-hunter2 y", {"known-in-clear": "hunter2-hunter"}]}) == {
        "a": ["x [secret] y", {"[secret]": "hunter2-hunter"}]
    }
