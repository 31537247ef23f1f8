"""The first run as browsers show it, on a desk and on a phone."""

from __future__ import annotations

import pytest

from .conftest import Open


@pytest.mark.parametrize("width", [1280, 390])
def test_the_table_of_people_can_be_read_and_typed_into(opened: Open, width: int):
    page = opened("/first-run/people", viewport={"width": width, "height": 844})
    name, email = (page.locator(f"[name='rows.0.{one}']").bounding_box() for one in ("name", "email"))
    if width > 760:
        head = page.get_by_role("columnheader", name="Name", exact=True).bounding_box()
        assert head["y"] + head["height"] <= name["y"] + 1
        assert abs(head["x"] - name["x"]) < 20
    assert name["x"] >= 0
    assert name["x"] + name["width"] <= width
    assert email["width"] > 100
    assert page.evaluate("document.documentElement.scrollWidth") <= width
