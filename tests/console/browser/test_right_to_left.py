"""Pages that are read from right to left: nothing is wider than a phone, and what began left begins right.

There is no such language yet: the direction is switched on in the browser alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Open
from .test_fingers import OWN, PHONE, WIDE

ADMIN = ["/admin/", "/admin/extensions/", "/admin/extensions/1", "/admin/users/", "/admin/calls/", "/admin/statistics/",
         "/admin/changes/", "/admin/whatif/", "/admin/hours/", "/admin/dialplan/", "/admin/health/",
         "/admin/settings/"]  # fmt: skip
OVERLAPPING = """() => {
  const shown = [...document.querySelectorAll("main *, .own-bar *")].filter((one) =>
    one.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !one.closest("thead, .unseen, .skip, svg, select, .uplot, details:not([open]) > :not(summary)"));
  const bar = (one) => one.closest(".own-bar, .sheet > .save");  // they lie over what is scrolled under them
  const lines = [];
  for (const one of shown) for (const node of one.childNodes) {
    if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) lines.push({ box, one, text: node.data.trim().slice(0, 40) });
  }
  const found = [];
  for (const [index, { box, one, text }] of lines.entries()) for (const other of lines.slice(index + 1)) {
    const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
    const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
    if (wide > 3 && high > 6 && bar(one) === bar(other.one)) found.push(`${text} × ${other.text}`);
  }
  return found.slice(0, 5);
}"""
"""Texts that lie upon each other."""


def turned(page: Any, address: str) -> Any:
    page.goto(address)
    page.evaluate("document.documentElement.dir = 'rtl'")
    return page


@pytest.mark.parametrize(
    ("who", "addresses"),
    [("", ["/sign-in"]), ("hanna", OWN), ("clara", ADMIN)],
    ids=["sign-in", "own", "administration"],
)
def test_nothing_is_cut_off_or_lies_upon_another_from_right_to_left(opened: Open, who: str, addresses: list[str]):
    page = opened(addresses[0], who, **PHONE)
    found = []
    for address in addresses:
        turned(page, address)
        found += [(address, "too wide")] if page.evaluate(WIDE) else []
        found += [(address, one) for one in page.evaluate(OVERLAPPING)]
    assert found == []


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_numbers_are_read_from_left_to_right_everywhere(opened: Open, direction: str):
    """A plus sign or a star stands before the digits, also where a page is read from the right."""
    page = opened("/me/contacts/new", "hanna", **PHONE)
    page.evaluate("dir => { document.documentElement.dir = dir }", direction)
    field = page.locator("[name='numbers.0.number']")
    assert field.evaluate("one => getComputedStyle(one).direction") == "ltr"
    page.evaluate("document.querySelector('main').innerHTML = '<ul class=people><li><span class=who-what>"
                  "<strong>*43 100</strong></span></li></ul>'")  # fmt: skip
    assert page.evaluate("""() => {
      const text = document.querySelector(".who-what strong").firstChild, range = document.createRange();
      const left = (from) => { range.setStart(text, from); range.setEnd(text, from + 1);
                               return range.getBoundingClientRect().left };
      return left(0) < left(1) && left(1) < left(5);
    }""")


def test_what_points_onwards_points_to_the_left(opened: Open):
    page = turned(opened("/me/profile", "hanna", **PHONE), "/me/profile")
    assert page.locator(".people .icon").last.evaluate("one => getComputedStyle(one).scale") == "-1 1"


def test_what_begins_at_the_left_begins_at_the_right(opened: Open):
    page = turned(opened("/admin/extensions/"), "/admin/extensions/")
    rail, heading = page.locator("#rail").bounding_box(), page.locator("h1").bounding_box()
    assert rail["x"] > 640, "the rail stands at the right"
    assert heading["x"] + heading["width"] > 640


def test_a_page_in_another_language_has_its_words_in_scripts_too(opened: Open):
    page = opened("/sign-in", "", locale="de-DE")
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_role("button", name="Français").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("lang") == "fr"
    assert page.evaluate("import(document.querySelector('script[type=module]').src.replace(/[^/]*$/, 'words.js'))"
                         ".then(({ say }) => say('Close'))") == "Fermer"  # fmt: skip
