"""Pages that are read from right to left: nothing is wider than a phone, and what began left begins right.

There is no such language yet: the direction is switched on in the browser alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Open
from .test_fingers import OWN, PHONE, WIDE

ADMIN = ["/admin/", "/admin/extensions/", "/admin/extensions/1", "/admin/calls/", "/admin/statistics/",
         "/admin/changes/", "/admin/whatif/"]  # fmt: skip


def turned(page: Any, address: str) -> Any:
    page.goto(address)
    page.evaluate("document.documentElement.dir = 'rtl'")
    return page


@pytest.mark.parametrize(
    ("who", "addresses"),
    [("", ["/sign-in"]), ("hanna", OWN), ("clara", ADMIN)],
    ids=["sign-in", "own", "administration"],
)
def test_no_page_is_wider_than_a_phone_from_right_to_left(opened: Open, who: str, addresses: list[str]):
    page = opened(addresses[0], who, **PHONE)
    assert [address for address in addresses if turned(page, address).evaluate(WIDE)] == []


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
