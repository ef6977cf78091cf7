"""Pages for everybody: without scripts, by keyboard alone, on small screens, in the dark, under the security policy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, Portal, number_of, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE)

PLACES = (
    "/",
    "/environments/dev",
    "/environments/dev/settings",
    "/environments/dev/settings?workload=orders",
    "/environments/dev/settings?view=yaml",
    "/environments/dev/destroy",
    "/environments/dev/why",
    "/environments/nowhere",
    "/runs",
    "/runs/1",
    "/audit",
    "/tokens",
)
LINE = 16
HIGHEST = "Math.max(0, ...[...document.querySelectorAll('.badge')].map(each => each.getBoundingClientRect().height))"
"""How high a badge is, in pixels; one that is squeezed has a letter on each line."""
SIZES = {"phone": (360, 740), "desk": (1280, 900)}


@pytest.fixture
def visited(portal: Portal) -> Page:
    """Where there is a first run, so that every page has something to show."""
    page = portal.person("ada")
    if page.goto("/runs/1").status == 404:  # type: ignore[union-attr]
        page.goto("/environments/dev")
        page.get_by_role("button", name="Preview as it is").click()
        wait_for(page, "Waiting for approval")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("visited")
def test_no_page_is_wider_than_the_screen_or_breaks_the_policy(portal: Portal, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    page = portal.person("ada", viewport={"width": width, "height": height}, color_scheme=scheme)
    wide, highest = {}, {}
    for place in PLACES:
        page.goto(place)
        highest[place] = page.evaluate(HIGHEST)
        wide[place] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {place: extra for place, extra in wide.items() if extra > 0} == {}
    assert {place: high for place, high in highest.items() if high > 3 * LINE} == {}


def test_the_policy_stops_a_script_that_got_into_a_page(portal: Portal) -> None:
    page = portal.person("ann")
    page.goto("/environments/dev")
    page.evaluate("""() => { const each = document.createElement('script'); each.textContent = 'window.got = 1';
        document.body.append(each); const image = document.createElement('img'); image.src = 'nowhere';
        image.setAttribute('onerror', 'window.got = 2'); document.body.append(image); }""")
    page.wait_for_timeout(500)
    assert page.evaluate("window.got") is None
    said, portal.wrong[:] = portal.wrong[:], []
    assert len([each for each in said if "Content Security Policy" in each]) >= 2, said


def tab_to(page: Page, role: str, name: str) -> None:
    """Go on with the tabulator until something has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"{role} {name} is not reached by keyboard")


def test_everything_is_reached_by_keyboard_and_seen_there(portal: Portal) -> None:
    page = portal.stranger()
    page.goto("/sign-in")
    tab_to(page, "button", "Be ann")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Signed in as ann")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "link", "dev")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    tab_to(page, "button", "Preview as it is")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")
    wait_for(page, "Waiting for approval")
    tab_to(page, "button", "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_whole_way_goes_without_scripts(portal: Portal) -> None:
    ann, bob = (portal.person(name, java_script_enabled=False) for name in ("ann", "bob"))
    ann.goto("/environments/dev/settings")
    ann.get_by_label("Add a workload: its name").fill("plain")
    ann.get_by_role("button", name="Go on").click()
    ann.get_by_label("Protocol (needed)").select_option("http")
    ann.get_by_label("Port (needed)").first.fill("8080")
    ann.get_by_role("button", name="Preview the change").click()
    reload_until(ann, "Waiting for approval")
    bob.goto(f"/runs/{number_of(ann)}")
    bob.get_by_role("button", name="Approve this plan").click()
    expect(bob.locator("#state")).to_contain_text("Approved")
    ann.reload()
    ann.get_by_role("button", name="Apply this plan").click()
    reload_until(ann, re.compile("Applying|Done"))


def reload_until(page: Page, title: str | re.Pattern[str]) -> None:
    """The page is loaded again by itself, every ten seconds, as it says."""
    page.locator("#state .badge", has_text=title).wait_for()


def test_somebody_of_another_team_sees_nothing(portal: Portal) -> None:
    eve = portal.person("eve")
    expect(eve.get_by_text("You have no role in any environment yet")).to_be_visible()
    for place in ("/environments/dev", "/runs/1", "/environments/dev/topology.svg", "/environments/nowhere"):
        answer = eve.goto(place)
        assert answer is not None
        assert answer.status == 404, place
