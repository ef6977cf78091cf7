"""The store keeps its promises to several processes at once, and to those that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local_cloud.store import Row, Store, home

VPC = "aws:ec2/vpc:Vpc"
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store() -> Store:
    return Store(":memory:")


def _row(identity: str, urn: str = "urn:a", **inputs: Any) -> Row:
    return Row(identity, VPC, urn, inputs, {**inputs, "arn": f"arn:{identity}"})


def _script(file: Path, body: str) -> subprocess.Popen[bytes]:
    text = "import os, sys, time\nfrom local_cloud.store import Row, Store\n" + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", text, str(file)], cwd=CHECKOUT)


def test_a_row_comes_back_as_it_was(store: Store) -> None:
    row = store.insert(_row("vpc-1", cidr="10.0.0.0/16", n=[1, {"a": None}]))
    assert store.get("aws", VPC, "vpc-1") == row
    assert row["arn"] == "arn:vpc-1"
    assert row["nothing"] is None
    assert store.get("kubernetes", VPC, "vpc-1") is None


def test_the_same_id_twice_is_refused_per_type_and_provider(store: Store) -> None:
    store.insert(_row("vpc-1"))
    with pytest.raises(KeyError, match="vpc-1"):
        store.insert(_row("vpc-1"))
    store.insert(Row("vpc-1", "other", "urn:b", {}, {}))
    store.insert(Row("vpc-1", VPC, "urn:b", {}, {}, "kubernetes"))
    assert len(store.rows()) == 3


def test_a_failing_transaction_leaves_nothing(store: Store) -> None:
    store.insert(_row("vpc-1", x=1))

    def fail() -> None:
        with store.transaction():
            store.insert(_row("vpc-2"))
            store.note("image", "orders", "d", {})
            with store.transaction():
                store.delete(_row("vpc-1"))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert [row.id for row in store.rows()] == ["vpc-1"]
    assert store.notes("image") == {}


def test_look_ups_follow_updates_and_deletes(store: Store) -> None:
    row = store.insert(
        Row("s-1", "subnet", "u", {"vpcId": "vpc-1", "deep": [{"ids": ["sg-1"]}]}, {"zone": "a", "n": 5})
    )
    assert [found.id for found in store.where("aws", "subnet", "vpcId", "vpc-1")] == ["s-1"]
    assert [found.id for found in store.where("aws", "subnet", "n", 5)] == ["s-1"]
    assert store.where("aws", "subnet", "n", "5") == []
    assert [found.id for found in store.referring("aws", "sg-1")] == ["s-1"]
    assert store.referring("aws", "sg-1", "other") == []
    assert store.referring("aws", "a") == [], "an output is no reference"
    store.update(Row("s-1", "subnet", "u", {"vpcId": "vpc-2"}, {"zone": "b"}))
    assert store.where("aws", "subnet", "vpcId", "vpc-1") == []
    assert [found.id for found in store.where("aws", "subnet", "zone", "b")] == ["s-1"]
    store.delete(row)
    assert store.where("aws", "subnet", "vpcId", "vpc-2") == []


def test_tags_are_no_references(store: Store) -> None:
    store.insert(_row("vpc-1", tags={"made-by": "sg-1"}))
    assert store.referring("aws", "sg-1") == []


def test_look_ups_by_value_use_the_index_whatever_else_is_asked(store: Store) -> None:
    plans: list[str] = []
    store._db.set_trace_callback(plans.append)
    store.where("aws", VPC, "cidr", "x")
    store.referring("aws", "x", VPC)
    store._db.set_trace_callback(None)
    for statement in plans:
        plan = " ".join(str(line[3]) for line in store._db.execute(f"EXPLAIN QUERY PLAN {statement}"))
        assert "leaf_value" in plan
        assert "SCAN resource" not in plan


def test_an_orphan_is_what_nobody_has_named(store: Store) -> None:
    living, left = store.insert(_row("vpc-1")), store.insert(_row("vpc-2"))
    store.name(living)
    assert store.orphan("urn:a") == left
    store.name(left)
    assert store.orphan("urn:a") is None


def test_naming_the_oldest_spares_what_came_later(store: Store) -> None:
    store.insert(_row("vpc-1"))
    second = store.insert(_row("vpc-2"))
    store.name_oldest("urn:a")
    store.name_oldest("urn:a")
    assert store.orphan("urn:a") == second


def test_settling_names_what_this_process_made_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    killed, ended = Store(file), Store(file)
    killed.insert(_row("vpc-1", "urn:killed"))
    ended.insert(_row("vpc-2", "urn:ended"))
    ended.settle()
    assert killed.orphan("urn:killed") is not None
    assert killed.orphan("urn:ended") is None


def test_notes_belong_to_their_owner(store: Store) -> None:
    store.note("image", "orders", "sha256:a", {"tags": ["v1"]})
    store.note("image", "orders", "sha256:a", {"tags": ["v2"]})
    store.note("image", "stock", "sha256:a", {"tags": []})
    store.forget("image", "stock", "sha256:b")
    assert store.notes("image", "orders") == {("orders", "sha256:a"): {"tags": ["v2"]}}
    store.forget("image", "orders")
    assert list(store.notes("image")) == [("stock", "sha256:a")]


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    file = tmp_path / "cloud.sqlite"
    body = """
        store = Store(sys.argv[1])
        for number in range(60):
            with store.transaction():
                count = store.notes("count").get(("c", ""), {"n": 0})["n"]
                store.insert(Row(f"{os.getpid()}-{number}", "t", "u", {"n": number}, {}))
                store.note("count", "c", "", {"n": count + 1})
    """
    writers = [_script(file, body) for _ in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    store = Store(file)
    assert len(store.rows()) == 180
    assert store.notes("count")[("c", "")] == {"n": 180}
    store.close()


def test_a_process_killed_in_the_middle_leaves_nothing_half_done(tmp_path: Path) -> None:
    file, ready = tmp_path / "cloud.sqlite", tmp_path / "ready"
    body = f"""
        store = Store(sys.argv[1])
        store.insert(Row("done", "t", "u", {{}}, {{}}))
        with store.transaction():
            store.insert(Row("half", "t", "u", {{"vpcId": "vpc-1"}}, {{}}))
            open({str(ready)!r}, "w").close()
            time.sleep(60)
    """
    process = _script(file, body)
    while not ready.exists():
        assert process.poll() is None
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    store = Store(file)
    assert [row.id for row in store.rows()] == ["done"]
    store.insert(Row("half", "t", "u", {}, {}))
    store.close()


def test_the_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("LOCAL_CLOUD_HOME")
    assert home() == CHECKOUT / ".local-cloud"
