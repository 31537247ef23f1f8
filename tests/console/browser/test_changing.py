"""Changing many things in a browser: a table with two bad lines, rows marked, a change undone."""

from __future__ import annotations

from pathlib import Path

from .conftest import Open
from .test_pages import axe, serious  # noqa: F401 - a fixture

TABLE = """number;name;ring_time
201;Room 1;20
202;Room 2;many
203;Room 3;
201;Twice;
"""


def test_a_table_with_two_bad_lines_is_imported_and_undone(opened: Open, axe: Path):  # noqa: F811
    page = opened("/admin/extensions/")
    page.click("text=Import")
    page.fill("#text", TABLE)
    page.click("main button.primary")
    assert page.locator("tr.wrong").count() == 2
    assert "2 new" in page.inner_text("main")
    faults = serious(page, axe)

    page.click("main button.primary")
    assert "Nothing was imported" in page.inner_text("main")
    page.check("[name=leave_out]")
    page.click("main button.primary")
    assert page.locator("[data-credentials] tbody tr").count() == 2

    page.goto("/admin/changes/")
    faults += serious(page, axe)
    page.locator(".change-head a").first.click()
    faults += serious(page, axe)
    page.click("text=Undo …")
    faults += serious(page, axe)
    page.click("main button.primary")
    assert "Taken back." in page.inner_text("main")
    page.goto("/admin/extensions/?q=Room")
    assert "Nothing fits" in page.inner_text("main")
    assert faults == []


def test_rows_are_marked_with_shift_and_set_at_once(opened: Open, axe: Path):  # noqa: F811
    page = opened("/admin/extensions/")
    page.locator("[data-mark]").nth(0).click()
    page.locator("[data-mark]").nth(2).click(modifiers=["Shift"])
    assert page.inner_text("[data-marked]") == "3 marked"
    page.click("text=Edit marked")
    page.fill("[name=ring_time]", "33")
    assert page.is_checked("input[value=ring_time]")
    faults = serious(page, axe)
    page.click("text=See what would change")
    faults += serious(page, axe)
    assert page.locator(".told > li").count() == 3
    page.click("main button.primary")
    assert "33 seconds" in page.inner_text(".toasts")
    page.locator("[data-mark-all]").check()
    assert page.locator("[data-mark]:checked").count() == page.locator("[data-mark]").count()
    page.click("text=Remove marked")
    faults += serious(page, axe)
    assert faults == []


def test_enter_saves_a_form_and_makes_no_password(opened: Open):
    page = opened("/admin/extensions/2")
    page.fill("[name=name]", "Berta")
    page.press("[name=name]", "Enter")
    page.wait_for_url("**/admin/extensions/")
    assert "name: Berta" in page.inner_text(".toasts")


def test_the_document_page_is_for_everybody(opened: Open, axe: Path):  # noqa: F811
    page = opened("/admin/document/")
    page.click("summary:has-text('Apply a document')")
    faults = serious(page, axe)
    page.fill("#text", "extensions:\n  - {number: 104, ring_time: long}\n")
    page.click("main button.primary")
    assert "Line 2" in page.inner_text("main")
    faults += serious(page, axe)
    page.fill("#text", "extensions:\n  - {number: 104, ring_time: 31}\n")
    page.click("main button.primary")
    assert "31 seconds" in page.inner_text("main")
    faults += serious(page, axe)
    page.click("main button.primary")
    assert "/admin/changes/" in page.url
    assert faults == []
