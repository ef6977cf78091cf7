"""Settings in git on the real engine: what is proposed, merged and applied, and what others do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.forge import branch
from portal.states import Kind, State
from portal.tables import Audit, Environment, Run
from tests.greeter.processes import free_port

from .forge import Forge
from .test_runner import names
from .world import OPS, Portal, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Place:
    """The portal, the settings repository, and retention times that no test had before."""

    portal: Portal
    forge: Forge
    days: Iterator[int] = field(
        default_factory=lambda: iter((14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827))
    )

    def use(self, merge: str, **options: Any) -> None:
        """Who merges from now on."""
        self.portal.configure(git={"repository": str(self.forge.bare), "merge": merge, **options})

    def live(self) -> int:
        """How long the cloud keeps the first log group."""
        (row,) = [each for each in self.portal.world.cloud() if each.urn.endswith("::first")]
        return int(row.outputs["retentionInDays"])

    def said(self, number: int, type_: str) -> list[dict[str, Any]]:
        return [each.data for each in self.portal.events(number) if each.type == type_]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Its first settings are written by people and were applied as they are."""
    root = tmp_path_factory.mktemp("git")
    portal = new_portal(root, packs=())
    stack_file = portal.world.program / "Pulumi.test.yaml"
    place = Place(portal, Forge(root, stack_file.name, yaml.safe_load(stack_file.read_text()), portal.config(days=7)))
    place.use("people")
    number = portal.approved()
    assert (portal.run(number).commit, place.forge.at(branch(number))) == (place.forge.at("main"), "")
    assert portal.applied(number).state is State.SUCCEEDED, portal.run(number).reason
    yield place
    portal.close()


@pytest.fixture
def place(made: Place) -> Place:
    """As it was applied last, whatever the test before did."""
    with made.portal.database.read() as session:
        settings = session.get_one(Environment, "dev").settings
    made.forge.pull()
    if made.forge.config(made.forge.at("main")) != settings:
        made.forge.write(settings)
    made.use("people")
    return made


def refused(place: Place, number: int, said: str) -> None:
    """An apply changes nothing and is out of date."""
    before = place.live()
    run = place.portal.applied(number)
    assert run.state is State.STALE, run.reason
    assert said in run.reason
    assert place.live() == before


def test_only_what_people_have_merged_is_applied(place: Place) -> None:
    portal, forge, days = place.portal, place.forge, next(place.days)
    before, main = place.live(), forge.at("main")
    number = portal.approved(days=days)
    run = portal.run(number)
    assert (run.base, run.commit) == (main, forge.at(branch(number)))
    assert forge.config(run.commit) == portal.config(days=days)
    assert portal.applied(number).state is State.APPROVED
    assert "not merged into main yet" in place.said(number, "waits")[-1]["reason"]
    assert (place.live(), forge.at("main")) == (before, main)
    forge.write(forge.config(main), "unrelated", "of another team")
    forge.merge(number, "--squash")
    forge.git("push", "-q", "origin", f":{branch(number)}")
    assert portal.applied(number).state is State.SUCCEEDED, portal.run(number).reason
    assert place.live() == days
    assert portal.run(number).where.settings == forge.config(forge.at("main"))
    assert portal.settle(portal.ask()).state is State.NO_CHANGES


def test_the_portal_moves_main_forward_when_it_applies_and_not_before(place: Place) -> None:
    place.use("portal")
    days, main = next(place.days), place.forge.at("main")
    number = place.portal.approved(days=days)
    assert place.forge.at("main") == main
    assert place.portal.applied(number).state is State.SUCCEEDED, place.portal.run(number).reason
    assert place.forge.at("main") == place.portal.run(number).commit
    assert place.live() == days


def test_a_branch_that_somebody_pushed_over_is_not_applied_even_when_it_is_merged(place: Place) -> None:
    number = place.portal.approved(days=next(place.days))
    forge, evil = place.forge, place.portal.config(days=next(place.days))
    forge.git("fetch", "-q")
    forge.git("checkout", "-q", "-B", "over", f"origin/{branch(number)}")
    (forge.clone / forge.file).write_text(yaml.safe_dump({"config": evil}))
    forge.git("commit", "-q", "-a", "--amend", "--no-edit")
    forge.git("push", "-q", "--force", "origin", f"HEAD:{branch(number)}")
    forge.git("checkout", "-q", "main")
    forge.merge(number)
    refused(place, number, f"{branch(number)} was changed by somebody and is not merged")


def test_a_repository_that_is_not_reached_changes_nothing_and_shows_no_secret(place: Place) -> None:
    portal, before = place.portal, place.live()
    number = portal.approved(days=next(place.days))
    place.forge.merge(number)
    away = f"https://robot:pass%2Fword-of-robot@127.0.0.1:{free_port()}/settings.git"
    place.use("people", repository=away)
    failed = portal.settle(portal.ask())
    assert (failed.state, portal.applied(number).state) == (State.FAILED, State.APPROVED)
    assert "git ls-remote: " in failed.reason
    assert "does not say what is merged" in place.said(number, "waits")[-1]["reason"]
    script = "sh -c 'echo refused: $DEPLOY_TOKEN >&2; exit 1'"
    variables = {"GIT_SSH_COMMAND": script, "DEPLOY_TOKEN": "token-of-the-robot"}
    place.use("people", repository="ssh://git@127.0.0.1/settings.git", variables=variables)
    failed = portal.settle(portal.ask())
    assert failed.state is State.FAILED
    assert "refused: [secret]" in failed.reason
    assert place.live() == before
    for secret in ("word-of-robot", "token-of-the-robot"):
        assert secret not in told(portal)
    place.use("people")
    assert portal.applied(number).state is State.SUCCEEDED, portal.run(number).reason


def told(portal: Portal) -> str:
    """Everything that the portal keeps of its runs, and what their runners printed."""
    with portal.database.read() as session:
        rows = [row.details for row in session.query(Audit)]
        numbers = [run.id for run in session.query(Run)]
    runs = [(portal.run(each).reason, [event.data for event in portal.events(each)]) for each in numbers]
    logs = [file.read_text("utf-8") for file in Path(portal.worker.settings.folder).glob("run-*.log")]
    return json.dumps([rows, runs, logs])


def test_going_back_to_what_was_applied_last_is_a_change_of_main_and_says_so(place: Place) -> None:
    portal, forge, days = place.portal, place.forge, place.live()
    applied = portal.run(portal.settle(portal.ask()).id).settings
    main = forge.write({**applied, "grpc-platform:days": next(place.days)})
    run = portal.settle(portal.ask(days=applied["grpc-platform:days"]))
    assert run.state is State.NO_CHANGES
    assert (run.base, run.commit) == (main, forge.at(branch(run.id)))
    assert f"merge {branch(run.id)}" in run.reason
    assert forge.config(run.commit) == applied
    assert forge.at("main") == main
    as_it_is = portal.settle(portal.ask())
    assert (as_it_is.state, as_it_is.commit) == (State.AWAITING_APPROVAL, main)
    assert place.live() == days


def test_a_change_that_would_take_back_what_others_merged_is_refused(place: Place) -> None:
    portal, forge = place.portal, place.forge
    applied = portal.run(portal.settle(portal.ask()).id).settings
    forge.write({**applied, "grpc-platform:image": "orders:3"})
    run = portal.settle(portal.ask(days=next(place.days)))
    assert run.state is State.FAILED
    assert "grpc-platform:image" in run.reason
    assert forge.at(branch(run.id)) == ""


def test_secrets_of_the_repository_and_a_recovery_work_with_its_encryption(place: Place) -> None:
    portal, days = place.portal, next(place.days)
    file = portal.world.program / "Pulumi.test.yaml"
    kept = file.read_text()
    portal.world.run("config", "set", "--secret", "grpc-platform:token", "hidden-from-all")
    config = {**portal.config(days=days), **yaml.safe_load(file.read_text())["config"]}
    file.unlink()  # the repository alone says how it is encrypted
    try:
        place.forge.write(config)
        assert portal.applied(portal.approved()).state is State.SUCCEEDED
        with portal.database.write() as session:
            session.get_one(Environment, "dev").needs_recovery = True
        place.use("people", repository=str(place.forge.clone / "nowhere"))
        failed = portal.settle(portal.ask(Kind.RECOVER, OPS))
        assert (failed.state, failed.where.needs_recovery) == (State.FAILED, True)
        place.use("people")
        mended = portal.settle(portal.ask(Kind.RECOVER, OPS))
        assert mended.state is State.SUCCEEDED, mended.reason
        assert portal.settle(portal.ask()).state is State.NO_CHANGES
        assert place.live() == days
        assert "hidden-from-all" not in told(portal)
    finally:
        file.write_text(kept)
    assert names(portal) == ["first", "second"]
