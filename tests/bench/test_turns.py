"""What all benchmarks share, and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from bench import checkov, peers
from bench.rules import few
from bench.turns import Table, in_turns, medians, run
from policies.rules import REGISTRY
from tests.conftest import CHECKOUT


def test_runs_go_forwards_and_backwards_in_turn() -> None:
    told: list[str] = []

    def noted(name: str) -> int:
        told.append(name)
        return len(told)

    found = in_turns({name: partial(noted, name) for name in "abc"}, 3)
    assert "".join(told) == "abccbaabc"
    assert found == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}
    assert medians({"a": [9.0, 1.0, 2.0]}) == {"a": 2.0}


def test_a_table_is_aligned() -> None:
    table = Table("Title", ("pack", "time"), [("all", "12.0 s"), ("a few", "1 s")], ["a note"])
    assert table.text() == "Title\npack    time\nall   12.0 s\na few    1 s\na note"
    lines = ["Title:", "", "| pack | time |", "| --- | ---: |", "| all | 12.0 s |", "| a few | 1 s |", "", "a note"]
    assert table.markdown() == "\n".join(lines)
    assert Table("Title", ("a", "b"), [("long", "x")], words=2).text() == "Title\na    b\nlong x"


def test_a_process_gives_output_memory_and_code(tmp_path: Path) -> None:
    ended = run([sys.executable, "-c", "x = 'a' * 80_000_000; print(len(x)); exit(1)"], tmp_path, good=(0, 1))
    assert (ended.output, ended.code) == ("80000000\n", 1)
    assert 76 < ended.mib < 1000
    with pytest.raises(RuntimeError, match=r"(?s)exit code 1.*what went wrong"):
        run([sys.executable, "-c", "raise SystemExit('what went wrong')"], tmp_path)


def test_few_rules_are_spread_over_all() -> None:
    rules = tuple(REGISTRY)
    ids = [rule.id for rule in few(rules, 10)]
    assert len(set(ids)) == 10
    assert len({identity[:3] for identity in ids}) >= 3
    assert len(few(rules, 10_000)) == len(rules)


def test_failed_checks_of_checkov_are_read_from_one_report_or_several() -> None:
    report = {"results": {"failed_checks": [{"check_id": "CKV_AWS_2", "resource": "aws_lb_listener.edge"}]}}
    assert list(checkov.failed(json.dumps(report))) == [("CKV_AWS_2", "aws_lb_listener.edge")]
    nothing = {"passed": 0, "failed": 0}
    assert list(checkov.failed(json.dumps([report, nothing]))) == [("CKV_AWS_2", "aws_lb_listener.edge")]


def test_only_what_is_new_counts_as_a_finding_of_a_fault() -> None:
    before = Counter([("A1", "x"), ("A2", "x")])
    assert peers.new(Counter([("A1", "x"), ("A1", "y"), ("A3", "x"), ("A3", "y")]), before) == ["A3"]
    assert peers.new(before, before) == []


def test_a_missing_checkov_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_PLATFORM_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(checkov.MissingError, match=r"could not be installed .* Needed: .*package index"):
        checkov.program()
    assert not checkov.folder().exists()


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_the_rules_in_process_end_in_tables_and_in_json(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ended = bench("rules", "--resources", "60", "120", "--rounds", "1", "--json", str(file))
    assert ended.returncode == 0, ended.stderr
    assert f"All {len(REGISTRY)} rules in process" in ended.stdout
    assert "Slowest rules" in ended.stdout
    report = json.loads(file.read_text())
    growth = next(each for title, each in report["rules"].items() if title.startswith("All"))
    assert set(growth["figures"]["seconds"]) == {"60", "120"}


def test_help_names_every_benchmark_and_an_unknown_one_is_refused() -> None:
    told = bench("--help").stdout
    assert all(f"\n  {name} " in told for name in ("platform", "rules", "engine", "ready", "checkov"))
    refused = bench("rulez")
    assert refused.returncode == 2
    assert "there is no benchmark rulez" in refused.stderr
