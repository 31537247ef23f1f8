"""What scripts add: the keyboard, the palette, drafts, inputs made of chips."""

from __future__ import annotations

import re

from ..web.conftest import PASSWORD
from .conftest import Open


def test_ctrl_k_finds_and_opens(opened: Open):
    page = opened("/admin/")
    page.keyboard.press("Control+k")
    page.keyboard.type("101")
    first = page.get_by_role("option").first
    first.filter(has_text="101 Anna").wait_for()
    assert first.get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/admin/extensions/\d+"))
    page.keyboard.press("Control+k")
    page.keyboard.type("nonsense")
    page.get_by_text("Nothing fits").wait_for()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_a_list_is_walked_by_keys(opened: Open):
    page = opened("/admin/extensions/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/admin/extensions/\d+"))
    page.get_by_role("heading", name="Extension 102").wait_for()
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.id") == "f-number"
    page.goto("/admin/extensions/")
    page.keyboard.press("n")
    page.wait_for_url("**/admin/extensions/new")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()


def test_what_was_typed_is_kept_when_one_walks_away(opened: Open):
    page = opened("/admin/extensions/1")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Name", exact=True).fill("Annabel")
    page.locator("details.line").first.evaluate("one => { one.open = true }")
    page.get_by_label("SIP password").first.fill("a-secret-that-is-typed")
    assert page.get_by_text("Not saved yet").is_visible()
    page.goto("/admin/users/")
    assert "a-secret" not in page.evaluate("JSON.stringify(sessionStorage)")
    page.goto("/admin/extensions/1")
    assert page.get_by_label("Name", exact=True).input_value() == "Anna"
    page.get_by_role("button", name="Restore").click()
    assert page.get_by_label("Name", exact=True).input_value() == "Annabel"
    assert page.get_by_text("Not saved yet").is_visible()
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/admin/extensions/")
    page.goto("/admin/extensions/1")
    assert page.get_by_role("button", name="Restore").count() == 0


def test_what_was_typed_survives_the_end_of_a_session(opened: Open):
    page = opened("/admin/extensions/2")
    page.get_by_label("Name", exact=True).fill("Bertram")
    page.context.clear_cookies(name="jackfield_session")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/sign-in?next=%2Fadmin%2Fextensions%2F2")
    page.locator("[name=login]").fill("clara")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/extensions/2")
    page.get_by_role("button", name="Restore").click()
    assert page.get_by_label("Name", exact=True).input_value() == "Bertram"
    page.get_by_role("button", name="Save").click()
    page.get_by_text("name: Bertram instead of").wait_for()
    page.goto("/admin/extensions/2")
    assert page.get_by_role("button", name="Restore").count() == 0


def test_what_is_not_asked_for_is_not_in_the_address(opened: Open):
    page = opened("/admin/extensions/")
    page.get_by_label("In use").first.select_option("yes")
    page.wait_for_url("**/admin/extensions/?enabled=yes")
    page.get_by_label("In use").first.select_option("")
    page.wait_for_url(lambda url: url.rstrip("?").endswith("/admin/extensions/"))


def test_a_service_asks_for_what_its_kind_needs_and_for_no_more(opened: Open):
    page = opened("/admin/services/new")
    page.get_by_label("Number").fill("*44")
    page.get_by_label("Kind").select_option("schedule")
    assert page.get_by_label("While open, to").is_visible()
    page.get_by_label("Kind").select_option("echo")
    assert not page.get_by_label("While open, to").is_visible()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Service *44 is created.").wait_for()


def test_what_would_change_is_told_before_it_is_saved(opened: Open):
    page = opened("/admin/extensions/1")
    before = page.get_by_label("Rings for").input_value()
    page.get_by_label("Rings for").fill("27")
    page.get_by_role("button", name="What would change?").click()
    page.locator(".what-changes").get_by_text("27 seconds").wait_for()
    page.get_by_label("Number", exact=False).first.fill("102")
    page.get_by_role("button", name="What would change?").click()
    page.locator(".what-changes").get_by_text("Not saved yet").wait_for()
    page.goto("/admin/extensions/1")
    page.get_by_role("button", name="Forget").click()
    assert page.get_by_label("Rings for").input_value() == before


def test_members_are_chips_with_proposals(opened: Open):
    page = opened("/admin/ring_groups/1")
    field = page.get_by_role("combobox", name="Members")
    chips = page.locator(".tokens .chip")
    count = chips.count()
    assert chips.first.inner_text().replace("\n", " ").startswith("101 Anna")
    field.press_sequentially("carl")
    field.press("ArrowDown")
    field.press("Enter")
    assert chips.count() == count + 1
    field.press_sequentially("112,")
    assert chips.count() == count + 2
    field.press("Backspace")
    assert chips.count() == count + 1
    page.get_by_role("button", name="Remove 102").click()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/admin/ring_groups/")
    row = page.get_by_role("row").filter(has_text="Sales").inner_text()
    assert "103" in row
    assert "102" not in row


def test_what_is_wrong_leads_to_its_field(opened: Open):
    page = opened("/admin/extensions/1")
    page.get_by_label("Calls at once").fill("many")
    page.get_by_role("button", name="Save").click()
    page.wait_for_function("document.activeElement.getAttribute('role') === 'alert'")
    page.get_by_role("alert").get_by_role("link", name="Calls at once").click()
    assert page.evaluate("document.activeElement.id") == "f-max_calls"
    assert page.get_by_label("Calls at once").get_attribute("aria-invalid") == "true"


def test_codecs_are_put_in_order_by_the_keyboard(opened: Open):
    page = opened("/admin/extensions/4")
    page.get_by_text("Audio", exact=True).click()
    codecs = page.locator("#f-codecs")
    names = codecs.locator(".order li:not(.off)")
    first, second = (text.split()[0] for text in names.all_inner_texts()[:2])
    codecs.get_by_role("button", name=f"{second}: earlier").focus()
    page.keyboard.press("Enter")
    assert [text.split()[0] for text in names.all_inner_texts()[:2]] == [second, first]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == f"{second}: earlier"
    codecs.get_by_role("checkbox", name=first, exact=True).focus()
    page.keyboard.press("Space")
    assert first not in [text.split()[0] for text in names.all_inner_texts()]


def test_codecs_are_put_in_order(opened: Open):
    page = opened("/admin/extensions/3")
    page.get_by_text("Audio", exact=True).click()
    codecs = page.locator("#f-codecs")
    codecs.get_by_role("button", name="pcma: earlier").click()
    codecs.get_by_role("checkbox", name="g722").check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/admin/extensions/")
    page.goto("/admin/extensions/3")
    page.get_by_text("Audio", exact=True).click()
    assert codecs.locator(".order li:not(.off)").all_inner_texts()[0].startswith("pcma")
    chosen = [text.split()[0] for text in codecs.locator(".order li:not(.off)").all_inner_texts()]
    assert chosen == ["pcma", "opus", "g722"]


def test_a_number_is_looked_up_while_it_is_typed(opened: Open):
    page = opened("/admin/extensions/new")
    page.get_by_label("Number", exact=False).first.fill("101")
    page.get_by_text("Number 101 is already the extension").wait_for()
    page.get_by_label("Number", exact=False).first.fill("177")
    page.get_by_text("177 is free.").wait_for()


def test_light_or_dark_is_remembered(opened: Open):
    page = opened("/admin/", color_scheme="light")
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_notice_is_put_away(opened: Open):
    page = opened("/admin/extensions/4")
    page.get_by_label("Name", exact=True).fill("Dorothea")
    page.get_by_role("button", name="Save").click()
    toast = page.locator(".toasts .notice")
    toast.wait_for()
    toast.get_by_role("button", name="Close").click()
    assert toast.count() == 0
