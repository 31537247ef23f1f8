"""A row opens at the side of its list, with an address of its own; what is saved there changes in the list."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Open
from .test_pages import axe, serious  # noqa: F401 - a fixture


def test_a_row_opens_at_the_side_and_back_closes_it(opened: Open, axe: Path):  # noqa: F811
    page = opened("/admin/extensions/?sort=number")
    page.evaluate("window.same = true")
    page.get_by_role("row").filter(has_text="102").get_by_role("cell").nth(2).click()
    panel = page.get_by_role("dialog", name="Extension 102")
    panel.get_by_label("Name", exact=True).wait_for()
    assert re.search(r"/admin/extensions/\d+$", page.url)
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert serious(page, axe) == []
    page.go_back()
    panel.wait_for(state="hidden")
    assert page.url.endswith("/admin/extensions/?sort=number")
    page.go_forward()
    panel.wait_for()
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.textContent") == "102", "the keyboard goes on at the row"
    assert page.evaluate("window.same"), "the list was never loaded anew"


def test_what_is_saved_at_the_side_changes_in_the_row(opened: Open):
    page = opened("/admin/extensions/")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="104").click()
    panel = page.locator("#side")
    panel.get_by_label("Number", exact=False).first.fill("101")
    panel.get_by_role("button", name="Save").click()
    panel.get_by_role("alert").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    panel.get_by_label("Number", exact=False).first.fill("104")
    panel.get_by_label("Name", exact=True).fill("Workshop")
    panel.get_by_role("button", name="Save").click()
    panel.wait_for(state="hidden")
    row = page.locator("tr.fresh")
    row.wait_for()
    assert "Workshop" in row.inner_text()
    assert "name: Workshop" in page.locator(".toasts").inner_text()
    assert page.locator("tbody tr").count() == page.locator("tbody tr:not(.fresh)").count() + 1
    assert page.evaluate("window.same")


def test_a_new_thing_is_made_at_the_side_and_removed_there(opened: Open):
    page = opened("/admin/speed_dials/")
    page.keyboard.press("n")
    panel = page.locator("#side")
    panel.get_by_label("Number", exact=False).first.fill("77")
    panel.get_by_label("Leads to").or_(panel.locator("[name=target]")).first.fill("0301234567")
    panel.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="77")
    row.wait_for()
    row.get_by_role("link", name="77").click()
    panel.get_by_role("link", name="Remove …").click()
    panel.get_by_role("heading", name="Remove").wait_for()
    panel.get_by_role("button", name="Remove").click()
    panel.wait_for(state="hidden")
    row.wait_for(state="detached")


def test_what_was_typed_at_the_side_is_kept_when_it_is_closed(opened: Open):
    page = opened("/admin/ring_groups/")
    page.get_by_role("link", name="190").click()
    panel = page.locator("#side")
    panel.get_by_label("Name", exact=True).fill("Front desk")
    page.keyboard.press("Escape")
    page.get_by_text("What you typed is kept").wait_for()
    page.get_by_role("link", name="190").click()
    panel.get_by_role("button", name="Restore").click()
    assert panel.get_by_label("Name", exact=True).input_value() == "Front desk"


def test_on_a_phone_the_panel_fills_the_screen(opened: Open):
    page = opened("/admin/extensions/", viewport={"width": 390, "height": 844})
    page.get_by_role("link", name="101").click()
    panel = page.locator("#side")
    panel.get_by_label("Name", exact=True).wait_for()
    box = panel.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 844)
    page.get_by_role("button", name="Close").click()
    panel.wait_for(state="hidden")


def test_the_address_of_a_panel_is_a_page_too(opened: Open):
    page = opened("/admin/extensions/")
    page.get_by_role("link", name="101").click()
    page.locator("#side").get_by_role("heading", level=1).wait_for()
    page.reload()
    assert page.locator("main h1").inner_text().startswith("Extension 101")
    page.go_back()
    page.get_by_role("heading", name="Extensions", exact=True).wait_for()
