"""The pages about the API in a browser: a token is made and used, and requests are tried."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

from .conftest import Open
from .test_pages import axe, serious  # noqa: F401 - a fixture

PICTURES = os.environ.get("JACKFIELD_PICTURES")


def test_a_token_is_made_used_and_revoked(opened: Open, console: str, axe: Path):  # noqa: F811
    page = opened("/admin/api/")
    faults = serious(page, axe)
    page.fill("[name=name]", "Door")
    page.select_option("[name='scope.people']", "people:read")
    page.click("text=Make the token")
    faults += serious(page, axe)
    _picture(page, "token")
    token = page.inner_text("[data-token]")
    request = urllib.request.Request(f"{console}/api/v1/extensions/101", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["name"] == "Anna"
    page.goto("/admin/api/")
    _picture(page, "tokens")
    page.click("main button.bad")
    assert page.locator("main tbody tr").count() == 0
    assert faults == []


def test_requests_are_tried_from_the_page(opened: Open, axe: Path):  # noqa: F811
    page = opened("/api/v1/")
    page.fill("[data-narrow]", "extension patch")
    page.click("#change_extensions summary")
    faults = serious(page, axe)
    form = page.locator("#change_extensions")
    form.locator("[name='path.number']").fill("103")
    form.locator("textarea").fill('{"ring_time": "many"}')
    form.locator("button.primary").click()
    form.locator("text=must be a whole number").or_(form.locator("text=must be a number")).first.wait_for()
    assert "→ 422" in form.inner_text()
    form.locator("textarea").fill('{"ring_time": 31}')
    form.locator("button.primary").click()
    form.locator(".sent", has_text="→ 200").wait_for()
    assert '"ring_time": 31' in form.locator("pre").inner_text()
    _picture(page, "try")

    page.fill("[data-narrow]", "")
    page.click("#events summary")
    stream = page.locator("#events")
    stream.locator("button.primary").click()
    stream.locator("pre", has_text="event: switch").wait_for()
    stream.locator("[data-stop]").click()
    stream.locator("[data-stop]").wait_for(state="hidden")
    _picture(page, "stream")
    assert faults == []


def _picture(page: object, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")  # type: ignore[attr-defined]
