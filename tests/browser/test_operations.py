"""What operators do in a browser: cancel, recover after a kill -9 of the engine, lock. The story of `prod`."""

from __future__ import annotations

import psutil
import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, Portal, apply, approve, number_of, press, previewed, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE)


def applying(portal: Portal) -> tuple[Page, psutil.Process]:
    """A run of prod in the middle of its apply, as ann sees it, and its engine, which is held."""
    ann = portal.person("ann")
    approve(portal, previewed(ann))
    apply(ann)
    ann.get_by_role("heading", name="Progress of the apply").wait_for()
    ann.locator("#steps li[data-status=done]").first.wait_for()
    return ann, portal.sample.engine()


def test_a_cancel_ends_an_apply_after_what_is_under_way(portal: Portal) -> None:
    ann, engine = applying(portal)
    expect(ann.locator("#buttons")).to_contain_text("to force you must be admin")
    ops = portal.person("ops")
    ops.goto(f"/runs/{number_of(ann)}")
    press(ops, "Cancel")
    expect(ann.locator("#state")).to_contain_text("It was asked to end.")
    portal.sample.let_go(engine)
    wait_for(ops, "Cancelled")
    wait_for(ann, "Cancelled")
    ann.goto("/environments/prod")
    expect(ann.get_by_text("An apply was interrupted here")).to_have_count(0)


def test_an_engine_that_was_killed_is_recovered_and_nothing_is_done_twice(portal: Portal) -> None:
    ann, engine = applying(portal)
    engine.kill()
    wait_for(ann, "Interrupted")
    ann.goto("/environments/prod")
    expect(ann.get_by_text("An apply was interrupted here")).to_be_visible()
    expect(ann.locator("main")).to_contain_text("to recover you must be operator or admin")
    ops = portal.person("ops")
    ops.goto("/environments/prod")
    press(ops, "Recover now")
    wait_for(ops, "Done")
    expect(ops.locator("#log")).to_contain_text("lock")

    approve(portal, previewed(ann))
    apply(ann)
    wait_for(ann, "Done")


def test_a_lock_keeps_everybody_from_applying_and_says_why(portal: Portal) -> None:
    ops, ann = portal.person("ops"), portal.person("ann")
    ops.goto("/environments/prod")
    ops.get_by_text("Lock the environment").click()
    ops.get_by_label("Reason, for those who have to wait").fill("release week")
    press(ops, "Lock")
    ann.goto("/environments/prod")
    expect(ann.get_by_role("heading", name="Locked by ops")).to_be_visible()
    expect(ann.locator("main")).to_contain_text("Release week.")
    expect(ann.get_by_role("button", name="Unlock")).to_have_count(0)
    ops.goto("/environments/prod")
    press(ops, "Unlock")
    expect(ops.get_by_role("heading", name="Locked by ops")).to_have_count(0)
