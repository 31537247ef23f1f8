"""The first run as browsers show it, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from jackfield.console.web.first_run.steps import STEPS

from .conftest import Open
from .test_pages import axe as axe
from .test_pages import serious

STEP_PAGES = [*(step.name for step in STEPS), "trunk?provider=vodafone", "finish", "phones"]


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


@pytest.mark.parametrize("width", [1280, 390])
def test_every_step_fits_the_screen_and_has_no_serious_fault(opened: Open, axe: Path, width: int):
    page = opened(f"/first-run/{STEP_PAGES[0]}", viewport={"width": width, "height": 844})
    for name in STEP_PAGES:
        page.goto(f"/first-run/{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert not serious(page, axe), name


def test_the_port_of_the_mail_server_follows_the_encryption_until_somebody_types_one(opened: Open):
    page = opened("/first-run/mail")
    port = page.locator("[name=port]")
    page.select_option("[name=security]", "tls")
    assert port.input_value() == "465"
    port.fill("2525")
    page.select_option("[name=security]", "starttls")
    assert port.input_value() == "2525"
