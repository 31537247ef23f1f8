"""Every page on a phone: no serious fault of accessibility, targets for fingers, nothing wider than the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Open
from .test_pages import FORMS, MAIN, axe, serious  # noqa: F401 - a fixture

ADMIN = [
    *MAIN, *FORMS, "/admin/extensions/1/remove", "/admin/users/1/account", "/admin/extensions/import",
    "/admin/extensions/several?pk=1&pk=2", "/admin/extensions/several/remove?pk=1",
    "/admin/extensions/export/passwords", "/admin/contacts/new", "/admin/contacts/import", "/admin/changes/1",
    "/admin/whatif/?from=extension&extension=101&to=102",
]  # fmt: skip
STEPS = ("place", "company", "numbers", "administrator", "network", "mail", "trunk", "trunk?provider=sipgate", "people",
         "finish", "phones")  # fmt: skip
WIZARD = [f"/first-run/{name}" for name in STEPS]
OWN = ["/me/", "/me/rules/", "/me/contacts/", "/me/contacts/new", "/me/devices/", "/me/profile", "/me/account",
       "/me/account/second-factor"]  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

SMALL = """() => {
  const box = (one) => {
    const mine = one.getBoundingClientRect();
    const label = one.closest("label") ?? (one.id && document.querySelector(`label[for="${CSS.escape(one.id)}"]`));
    return label && one.matches("[type=checkbox], [type=radio]") ? label.getBoundingClientRect() : mine;
  };
  const within = (one) => {  // a sentence, a row that is pressed as a whole, the head of a table that is not shown
    const text = getComputedStyle(one).display === "inline" && one.closest("p, li, dd, td, .help");
    return one.closest("tr[data-href] th, thead, .unseen, svg, .skip") || (one.matches("a") && text);
  };
  return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, textarea")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !within(one))
    .filter((one) => {
      const { width, height, left, right } = box(one);
      const least = one.matches("a.chip") ? 32 : 44;  // a chip has its targets around it
      return width && right > 0 && left < innerWidth && (height < least - 0.5 || width < 24);
    })
    .map((one) => one.outerHTML.slice(0, 120));
}"""
WIDE = "document.documentElement.scrollWidth > screen.width + 1"
"""A phone's window grows with a page that is too wide; its screen does not."""


def faults(page: Any, axe: Path, address: str) -> list[Any]:  # noqa: F811
    page.evaluate("document.querySelectorAll('main details, .panel details').forEach(one => { one.open = true })")
    found: list[Any] = [(address, *one) for one in serious(page, axe)]
    found += [(address, "too small", one) for one in page.evaluate(SMALL)]
    return found + ([(address, "too wide")] if page.evaluate(WIDE) else [])


@pytest.mark.parametrize(
    ("who", "addresses"), [("clara", ADMIN), ("clara", WIZARD), ("hanna", OWN), ("", ["/sign-in"])],
    ids=["administration", "first run", "own", "sign-in"],
)  # fmt: skip
def test_every_page_is_for_fingers_and_for_everybody(opened: Open, axe: Path, who: str, addresses: list[str]):  # noqa: F811
    page = opened(addresses[0], who, **PHONE)
    found = []
    for address in addresses:
        answer = page.goto(address)
        assert answer.status == 200, address
        found += faults(page, axe, address)
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_over_a_page_is_for_everybody(opened: Open, axe: Path, scheme: str):  # noqa: F811
    page = opened("/admin/extensions/", color_scheme=scheme)
    found = []
    page.keyboard.press("Control+k")
    page.keyboard.type("ring")
    page.locator(".palette [role=option]").first.wait_for()
    found += [("palette", *one) for one in serious(page, axe)]
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    found += [("keys", *one) for one in serious(page, axe)]
    page.keyboard.press("Escape")
    page.get_by_text("Columns").click()
    found += [("columns", *one) for one in serious(page, axe)]
    page.locator("main h1").click()
    page.get_by_role("link", name="Anna Bell").hover()
    page.locator(".card-of:popover-open").wait_for()
    found += [("card", *one) for one in serious(page, axe)]
    page.get_by_role("link", name="101", exact=True).click()
    page.locator("#side h1").wait_for()
    found += faults(page, axe, "panel")[: len(serious(page, axe))]
    assert not found, "\n".join(map(str, found))


def test_the_panel_is_for_fingers(opened: Open, axe: Path):  # noqa: F811
    page = opened("/admin/extensions/", **PHONE)
    page.get_by_role("link", name="101", exact=True).tap()
    page.locator("#side h1").wait_for()
    assert faults(page, axe, "panel") == []
    assert page.locator(".card-of").count() == 0, "where nothing hovers there are no cards"


def test_a_card_comes_by_keyboard_and_goes_by_escape(opened: Open):
    page = opened("/admin/ring_groups/")
    page.get_by_role("row").filter(has_text="Sales").get_by_role("link", name="190").focus()
    page.keyboard.press("Tab")
    card = page.locator(".card-of:popover-open")
    card.wait_for()
    assert "Anna" in card.inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "card-of"
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    other = page.get_by_role("row").filter(has_text="Sales").locator("a.chip").nth(1)
    other.hover()
    card.wait_for()
    assert other.inner_text().split()[0] in card.inner_text()
    card.hover()
    page.mouse.move(5, 500)
    card.wait_for(state="hidden")


def test_nothing_moves_for_whoever_does_not_want_it(opened: Open):
    page = opened("/admin/extensions/", reduced_motion="reduce")
    page.get_by_role("link", name="101", exact=True).click()
    page.locator("#side h1").wait_for()
    moving = "[...document.querySelectorAll('*')].filter(one => getComputedStyle(one).animationName !== 'none').length"
    assert page.evaluate(moving) == 0


def test_a_term_of_the_field_is_explained_by_keyboard_and_by_finger(opened: Open):
    page = opened("/admin/", **PHONE)
    term = '<p><abbr title="Session Initiation">SIP</abbr></p>'
    page.evaluate("term => document.querySelector('main h1').insertAdjacentHTML('afterend', term)", term)
    page.locator("abbr").tap()
    card = page.locator(".card-of:popover-open")
    card.wait_for()
    assert card.inner_text() == "Session Initiation"
    page.locator("main h1").tap()
    card.wait_for(state="hidden")


def test_paper_gets_the_page_and_not_its_frame(opened: Open):
    page = opened("/admin/extensions/")
    page.emulate_media(media="print")
    assert page.locator("main table").is_visible()
    for part in (".top", ".rail", ".search", "#several", ".heading .actions"):
        assert not page.locator(part).first.is_visible(), part
