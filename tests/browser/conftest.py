"""Chromium, and a portal as `make portal` starts it, with a local cloud of its own and sample people.

Chromium is the system's, found by name or by CHROMIUM. Where it is missing the tests fail and say so.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

from tests.portal.sample import Sample, started

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_REFUSED: Final = "Failed to load resource: the server responded with a status of 4"
PATIENCE: Final = 150_000
"""Milliseconds that a page may take to come where a test waits for it: an apply on a busy machine."""


def chromium_path() -> str:
    """Where Chromium is; fails the test when it is nowhere."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.fail("chromium is missing: install it (Debian: apt-get install chromium) or name it in CHROMIUM")
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Its sandbox needs rights that containers and root do not give; it sees nothing but our own pages.
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Portal:
    """A portal that runs, and the people at it. wrong: what their browsers complained of."""

    browser: Browser
    sample: Sample
    wrong: list[str] = field(default_factory=list)
    _open: list[BrowserContext] = field(default_factory=list)

    def person(self, name: str, **options: Any) -> Page:
        """A browser of somebody's own, in which they have signed in. options: of the browser's context."""
        page = self.stranger(**options)
        page.goto("/sign-in")
        page.get_by_role("button", name=f"Be {name}").click()
        page.wait_for_selector(f"text=Signed in as {name}")
        return page

    def stranger(self, **options: Any) -> Page:
        """A browser in which nobody has signed in."""
        context = self.browser.new_context(base_url=self.sample.address, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE)
        self._open.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("response", self._answered)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        # Chromium itself says each answer of 4xx at the console; those are the portal's to give.
        if message.type in ("error", "warning") and not message.text.startswith(_REFUSED):
            self.wrong.append(f"{message.location.get('url', '')}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.wrong.append(f"{response.url}: {response.status}")
        if not response.url.startswith((self.sample.address, "data:", "blob:")):
            self.wrong.append(f"{response.url} is of somebody else")

    def leave(self) -> None:
        """Everybody closes their browser; nothing may have been wrong in one."""
        for context in self._open:
            context.close()
        self._open.clear()
        assert self.wrong == []


@pytest.fixture(scope="module")
def running(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with started(tmp_path_factory.mktemp("portal")) as sample:
        yield Portal(chromium, sample)


@pytest.fixture
def portal(running: Portal) -> Iterator[Portal]:
    yield running
    running.leave()


def number_of(page: Page) -> int:
    """The number of the run that a page shows."""
    found = re.search(r"/runs/(\d+)", page.url)
    assert found, page.url
    return int(found[1])


def wait_for(page: Page, title: str) -> None:
    """Until a run's page, which is not loaded again, says that its state is this."""
    page.locator("#state .badge", has_text=title).wait_for()


def press(page: Page, button: str) -> None:
    """Press a button that says exactly this."""
    page.get_by_role("button", name=button, exact=True).click()


def previewed(page: Page, environment: str = "prod") -> int:
    """The number of a run of the settings that are there, once it waits for approval."""
    page.goto(f"/environments/{environment}")
    press(page, "Preview as it is")
    wait_for(page, "Waiting for approval")
    return number_of(page)


def approve(portal: Portal, number: int) -> None:
    """Bob approves a run."""
    bob = portal.person("bob")
    bob.goto(f"/runs/{number}")
    press(bob, "Approve this plan")
    wait_for(bob, "Approved")


def apply(page: Page) -> None:
    """On a run's page, once it says by itself that the run is approved."""
    wait_for(page, "Approved")
    press(page, "Apply this plan")
