"""What an approval is bound to beside the plan: the settings and how the stack file says that they are encrypted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal import workspace
from portal.queue import Phase
from portal.states import State

from .cli import ENCRYPTION, FakeCli


def written(cli: FakeCli, **document: Any) -> None:
    (cli.program / "Pulumi.dev.yaml").write_text(json.dumps(document))


def test_what_was_approved_is_applied_when_nothing_has_moved(cli: FakeCli) -> None:
    run = cli.work(cli.approved(), Phase.APPLY)
    assert (run.state, run.reason) == (State.SUCCEEDED, "")
    assert cli.asked.count("destroy") == 1


@pytest.mark.parametrize(
    "moved",
    [
        {"encryptionsalt": "v1:another salt"},
        {"secretsprovider": "passphrase", **ENCRYPTION},
        {"secretsprovider": "awskms://alias/mine", "encryptedkey": "AQICAH"},
        {},
    ],
)
def test_another_encryption_than_at_the_approval_is_not_applied(cli: FakeCli, moved: dict[str, str]) -> None:
    number = cli.approved()
    written(cli, **moved)
    run = cli.work(number, Phase.APPLY)
    assert run.state is State.STALE
    assert "encryption" in run.reason
    assert "destroy" not in cli.asked


def test_what_else_lies_in_the_programs_stack_file_is_not_used_and_does_not_count(cli: FakeCli) -> None:
    number = cli.approved()
    written(cli, **ENCRYPTION, config={"grpc-platform:a": 1})
    assert cli.work(number, Phase.APPLY).state is State.SUCCEEDED


@pytest.mark.parametrize("key", ["encryptionsalt", "encryptedkey", "secretsprovider"])
def test_each_part_of_the_encryption_counts_and_the_order_does_not(cli: FakeCli, key: str) -> None:
    program, settings = cli.program, {"a:b": {"secure": "v1:x"}, "a:c": 2}
    all_ = {"secretsprovider": "awskms://a", "encryptedkey": "k", "encryptionsalt": "s"}

    def digest(document: dict[str, Any], wanted: dict[str, Any]) -> str:
        workspace.configure(cli.target, program, wanted, document)
        return workspace.settings_digest(cli.target, program)

    first = digest(all_, settings)
    assert digest(dict(reversed(all_.items())), dict(reversed(settings.items()))) == first
    assert digest({**all_, key: "other"}, settings) != first
    assert digest(all_, {**settings, "a:c": 3}) != first
