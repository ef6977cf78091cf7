"""How pending operations are settled, and what stands in for secrets in a preview."""

from pathlib import Path
from typing import Any

import pytest

from tools import copies, recovery

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def pending(kind: str, urn: str = "urn:a", **inputs: Any) -> dict[str, Any]:
    return {"type": kind, "resource": {"urn": urn, "type": "toy:index:Thing", "inputs": inputs}}


def settle(
    operation: dict[str, Any], cloud: list[str], known: list[str] | None = None, *, destroying: bool = False
) -> tuple[list[dict[str, Any]], recovery.Settled]:
    deployment: dict[str, Any] = {
        "resources": [{"urn": "urn:a", "id": key} for key in known or []],
        "pending_operations": [operation],
    }
    settled = recovery.settle(
        deployment, lambda _: [(key, {"size": 1, "word": "plain"}) for key in cloud], destroying=destroying
    )
    assert "pending_operations" not in deployment
    return deployment["resources"], settled


def test_a_create_that_happened_is_taken_over() -> None:
    resources, settled = settle(pending("creating", word=SECRET), ["x-1"])
    assert settled.taken_over == ["urn:a"]
    assert resources == [
        {
            "urn": "urn:a",
            "type": "toy:index:Thing",
            "inputs": {"word": SECRET},
            "id": "x-1",
            "outputs": {"size": 1, "word": SECRET},  # encrypted, though the cloud has it in plain text
        }
    ]
    assert str(settled) == "Interrupted operations settled: 1 taken over from the cloud."


def test_a_create_that_never_happened_is_dropped() -> None:
    resources, settled = settle(pending("creating"), [])
    assert (resources, settled.dropped) == ([], ["urn:a"])


@pytest.mark.parametrize("kind", ["updating", "deleting", "reading", "importing"])
def test_other_operations_are_done_again(kind: str) -> None:
    resources, settled = settle(pending(kind), ["x-1"], ["x-1"])
    assert [one["id"] for one in resources] == ["x-1"]
    assert settled.dropped == ["urn:a"]


def test_a_half_made_replacement_waits_for_the_next_create() -> None:
    resources, settled = settle(pending("creating"), ["x-1", "x-2"], ["x-1"])
    assert [one["id"] for one in resources] == ["x-1"]
    assert settled.left_to_create == ["urn:a"]


def test_a_half_made_replacement_is_deleted_when_destroying() -> None:
    resources, settled = settle(pending("creating"), ["x-1", "x-2"], ["x-1"], destroying=True)
    assert [(one["id"], one.get("delete")) for one in resources] == [("x-1", None), ("x-2", True)]
    assert settled.to_delete == ["urn:a"]


@pytest.mark.parametrize("content", ["", "{", "{}", '{"checkpoint": null}', '{"checkpoint": {"latest": null}}'])
def test_a_state_without_pending_operations(tmp_path: Path, content: str) -> None:
    file = tmp_path / "local.json"
    file.write_text(content)
    assert not recovery.has_pending(file)
    assert not recovery.has_pending(tmp_path / "missing.json")


def test_every_encrypted_value_is_found() -> None:
    config = {
        "aws:secretKey": {"secure": "v1:a"},
        "grpc-platform:services": {"orders": {"secrets": {"DATABASE_URL": {"secure": "v1:b"}}, "port": 1}},
        "grpc-platform:list": [1, {"secure": "v1:c"}, {"secure": "no", "and": "more"}],
    }
    found = copies.secrets(config)
    assert [one.argument for one in found] == [
        "aws:secretKey=placeholder",
        'grpc-platform:services["orders"]["secrets"]["DATABASE_URL"]=https://placeholder.invalid/',
        "grpc-platform:list[1]=placeholder",
    ]
    assert "v1:" not in str(copies.readable(config))
    assert copies.readable(config)["grpc-platform:services"]["orders"]["port"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "https://placeholder.invalid/"),
        ("databaseUrl", "https://placeholder.invalid/"),
        ("roleArn", "arn:aws:iam::111122223333:role/placeholder"),
        ("accessKey", "AKIAPLACEHOLDER00000"),
        ("SMTP_HOST", "placeholder.invalid"),
        ("GHOST", "placeholder.invalid"),
        ("PASSWORD", "placeholder"),
        ("curl", "https://placeholder.invalid/"),
    ],
)
def test_placeholders_have_the_form_of_their_field(name: str, value: str) -> None:
    assert copies.placeholder(name) == value


def backend(folder: Path) -> Path:
    """A backend with a whole state of one stack."""
    checkpoint = folder / "state" / ".pulumi" / "stacks" / "p" / "local.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text('{"step": 2}')
    checkpoint.with_name("local.json.bak").write_text('{"step": 1}')
    checkpoint.with_name("local.json.attrs").write_text("{}")
    return checkpoint


def test_whole_files_are_left_alone(tmp_path: Path) -> None:
    checkpoint = backend(tmp_path)
    assert recovery.mend(tmp_path, checkpoint) == []
    assert checkpoint.read_text() == '{"step": 2}'
    assert checkpoint.with_name("local.json.attrs").is_file()


@pytest.mark.parametrize("cut", ["", "{", '{"user.cache'])
def test_half_written_attributes_are_removed(tmp_path: Path, cut: str) -> None:
    checkpoint = backend(tmp_path)
    checkpoint.with_name("local.json.attrs").write_text(cut)
    assert recovery.mend(tmp_path, checkpoint) == ["Half-written local.json.attrs removed."]
    assert not checkpoint.with_name("local.json.attrs").exists()
    assert checkpoint.read_text() == '{"step": 2}'


@pytest.mark.parametrize("cut", ["", '{"step'])
def test_a_half_written_state_gives_way_to_the_one_before(tmp_path: Path, cut: str) -> None:
    checkpoint = backend(tmp_path)
    checkpoint.write_text(cut)
    left = checkpoint.with_name("local.json.1234.tmp")
    left.write_text("{")
    assert len(recovery.mend(tmp_path, checkpoint)) == 1
    assert checkpoint.read_text() == '{"step": 1}'
    assert not left.exists()


def test_a_half_written_state_without_a_backup_stays_for_the_cli_to_name(tmp_path: Path) -> None:
    checkpoint = backend(tmp_path)
    checkpoint.write_text("{")
    checkpoint.with_name("local.json.bak").unlink()
    assert recovery.mend(tmp_path, checkpoint) == []
    assert checkpoint.read_text() == "{"
