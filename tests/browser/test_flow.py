"""The whole way of changes in a browser: asked for, judged, approved by somebody else, applied, put right, destroyed.

The tests are one story of the environment `dev`, in their order.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, Portal, apply, approve, number_of, press, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE)

WAITS, DONE = "Waiting for approval", "Done"


def workload(page: Page, environment: str, name: str) -> None:
    """Open the form of a workload, from the list of environments."""
    page.goto("/")
    page.get_by_role("link", name=environment, exact=True).click()
    page.get_by_role("link", name="Add or change a workload").click()
    page.get_by_label("Add a workload: its name").fill(name)
    press(page, "Go on")


def previewed(page: Page, outcome: str = WAITS) -> int:
    """Preview what the form says, and stay on the run's page until it says the outcome by itself."""
    press(page, "Preview the change")
    page.wait_for_url("**/runs/*")
    wait_for(page, outcome)
    return number_of(page)


def test_a_newcomer_adds_a_workload_and_somebody_else_approves_it(portal: Portal) -> None:
    ann = portal.person("ann")
    workload(ann, "dev", "payments")
    ann.get_by_label("Port (needed)").first.fill("70000")
    ann.get_by_label("gRPC services").fill("acme.payments.v1.Payments")
    press(ann, "Preview the change")
    expect(ann.get_by_role("alert")).to_contain_text("Port: Must be a whole number from 1 to 65535; received 70000.")
    expect(ann.get_by_role("alert")).to_contain_text("Protocol: Missing")
    expect(ann.get_by_role("alert")).to_be_focused()
    expect(ann.get_by_label("gRPC services")).to_have_value("acme.payments.v1.Payments")

    ann.get_by_label("Protocol (needed)").select_option("grpc")
    ann.get_by_label("Port (needed)").first.fill("50051")
    number = previewed(ann)
    plan = ann.locator("#plan-part")
    expect(plan).to_contain_text("Created: ")
    expect(plan).to_contain_text("payments")
    expect(ann.locator("#policies-part")).to_contain_text("Nothing stands against it.")
    expect(ann.get_by_role("button", name="Approve this plan")).to_have_count(0)
    expect(ann.locator("#buttons")).to_contain_text("to approve you must be approver or admin")

    approve(portal, number)
    apply(ann)
    wait_for(ann, DONE)
    # Progress came line by line, without the page being loaded again.
    assert ann.locator("#steps li[data-status=done]").count() > 40
    expect(ann.locator("#live")).to_have_text("The run has ended.")
    expect(ann.locator("#log li").last).to_contain_text(DONE)

    ann.goto("/environments/dev")
    expect(ann.get_by_role("heading", name="payments", exact=True)).to_be_visible()
    orders = ann.get_by_role("article", name="orders")
    expect(orders).to_contain_text("grpcurl")
    expect(orders).to_contain_text("orders.local.example.com")
    drawing = ann.locator("img[src='/environments/dev/topology.svg']")
    expect(drawing).to_be_visible()
    assert drawing.evaluate("each => each.complete && each.naturalWidth > 100")


def test_a_plan_says_what_is_replaced_first_and_can_be_rejected(portal: Portal) -> None:
    ann = portal.person("ann")
    ann.goto("/environments/dev/settings")
    ann.get_by_role("link", name="orders", exact=True).click()
    ann.get_by_label("Port (needed)").first.fill("50052")
    number = previewed(ann)
    headings = ann.locator("#plan-part h3.operation").all_inner_texts()
    assert headings[0].startswith("⇄ Replaced"), headings
    expect(ann.locator("#plan-part .headline")).to_contain_text(re.compile(r"^\d+ replaced"))

    bob = portal.person("bob")
    bob.goto(f"/runs/{number}")
    bob.get_by_text("Discard the plan").click()
    bob.get_by_label("Reason, for those who look later (may be left out)").fill("the port stays <b>for now</b>")
    press(bob, "Discard")
    wait_for(bob, "Discarded")
    wait_for(ann, "Discarded")  # it saw that by itself
    expect(ann.locator("#state")).to_contain_text("the port stays <b>for now</b>")
    expect(ann.get_by_role("button", name="Apply this plan")).to_have_count(0)


def test_a_change_against_the_policies_cannot_be_approved(portal: Portal) -> None:
    ann = portal.person("ann")
    ann.goto("/environments/dev/settings?view=yaml")
    text = ann.get_by_label("Settings", exact=True)
    text.fill(text.input_value().replace("203.0.113.0/24", "0.0.0.0/0"))
    number = previewed(ann, "Against the policies")
    said = ann.locator("#policies-part")
    expect(said).to_contain_text("EKS001: The API of a cluster is not open to the internet")
    expect(said.locator(".blocks")).to_have_count(1)
    expect(said).to_contain_text("What helps")
    ada = portal.person("ada")
    ada.goto(f"/runs/{number}")
    for button in ("Approve this plan", "Apply this plan"):
        expect(ada.get_by_role("button", name=button)).to_have_count(0)


def test_drift_is_found_and_put_right(portal: Portal) -> None:
    ann = portal.person("ann")
    ann.goto("/environments/dev")
    portal.sample.drift("public-load-balancer", "idleTimeout", 30)
    press(ann, "Look for drift")
    wait_for(ann, DONE)
    expect(ann.locator("#plan-part")).to_contain_text("public-load-balancer")
    ann.goto("/environments/dev")
    expect(ann.get_by_text("Drifted")).to_be_visible()
    press(ann, "Preview the repair")
    wait_for(ann, WAITS)
    approve(portal, number_of(ann))
    expect(ann.locator("#plan-part")).to_contain_text("idleTimeout")
    apply(ann)
    wait_for(ann, DONE)
    ann.goto("/environments/dev")
    press(ann, "Look for drift")
    wait_for(ann, "Nothing to change")
    ann.goto("/environments/dev")
    expect(ann.get_by_text("No drift")).to_be_visible()


def test_to_destroy_an_environment_its_name_is_typed_and_the_plan_says_what_goes(portal: Portal) -> None:
    ann = portal.person("ann")
    ann.goto("/environments/dev")
    ann.get_by_role("link", name="Destroy …").click()
    ann.get_by_label("To go on, type the environment's name: dev").fill("prod")
    press(ann, "Preview the destruction")
    expect(ann.get_by_role("alert")).to_be_visible()
    ann.get_by_label("To go on, type the environment's name: dev").fill("dev")
    press(ann, "Preview the destruction")
    wait_for(ann, WAITS)
    expect(ann.locator("#plan-part h3.operation").first).to_contain_text("Deleted: ")
    ada = portal.person("ada")
    ada.goto("/audit?environment=dev")
    expect(ada.get_by_role("table")).to_contain_text("run.succeeded")
