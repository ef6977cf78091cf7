"""The pictures of docs/portal.md: python -m tests.browser.pictures takes them anew, in some minutes.

They are of the portal that `make portal` starts, led through a first apply, a replacement, and a change that is against
the policies.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from tests.conftest import CHECKOUT
from tests.portal.sample import started

from .conftest import Portal, apply, approve, chromium_path, number_of, press, previewed, wait_for

FOLDER: Final = CHECKOUT / "docs" / "portal"
_DESK: Final = {"width": 1180, "height": 820}
_PHONE: Final = {"width": 390, "height": 820}


def first_apply(portal: Portal, ann: Page) -> None:
    """Dev is made, and watched on the way."""
    approve(portal, previewed(ann, "dev"))
    apply(ann)
    ann.get_by_role("heading", name="Progress of the apply").wait_for()
    ann.locator("#steps li[data-status=done]").nth(20).wait_for()
    take(ann, "applying", under="#progress")
    wait_for(ann, "Done")


def take(page: Page, name: str, *, under: str = "") -> None:
    """A picture of what the window shows. under: what it begins with; the top of the page otherwise."""
    page.evaluate(
        """under => { const each = under && document.querySelector(under);
        window.scrollTo(0, each ? each.closest('section, main').getBoundingClientRect().top + scrollY - 16 : 0); }""",
        under,
    )
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    sys.stdout.write(f"{name}.png\n")
    sys.stdout.flush()


def asked_for(page: Page) -> None:
    """A change of a port, first with a mistake in it, and a change that is against the policies."""
    page.goto("/environments/dev/settings?workload=orders")
    page.get_by_label("Port (needed)").first.fill("700000")
    page.get_by_label("gRPC services").fill("acme.orders.v1.Orders\nacme.orders")
    press(page, "Preview the change")
    page.get_by_role("alert").wait_for()
    take(page, "form")
    page.goto("/environments/dev/settings?view=yaml")
    text = page.get_by_label("Settings", exact=True)
    text.fill(text.input_value().replace("203.0.113.0/24", "0.0.0.0/0"))
    press(page, "Preview the change")
    wait_for(page, "Against the policies")
    take(page, "policies", under="#policies")
    page.goto("/environments/dev/settings?workload=orders")
    page.get_by_label("Port (needed)").first.fill("50052")
    press(page, "Preview the change")
    wait_for(page, "Waiting for approval")


def pictures(portal: Portal) -> None:
    """All of them."""
    ann = portal.person("ann", viewport=_DESK)
    first_apply(portal, ann)
    asked_for(ann)
    bob = portal.person("bob", viewport=_DESK)
    bob.goto(f"/runs/{number_of(ann)}")
    take(bob, "plan")
    for name, view, scheme in (("environment", _DESK, "light"), ("dark", _DESK, "dark"), ("phone", _PHONE, "light")):
        page = portal.person("ann", viewport=view, color_scheme=scheme)
        page.goto("/environments/dev")
        take(page, name, under="#topology" if name == "dark" else "")
    portal.leave()


def main(arguments: Sequence[str]) -> int:
    """The command; 0 when all are taken."""
    argparse.ArgumentParser(prog="python -m tests.browser.pictures", description=__doc__).parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        with started(Path(folder)) as sample:
            pictures(Portal(browser, sample))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
