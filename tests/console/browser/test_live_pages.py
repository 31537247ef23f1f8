"""Live pages before a browser: what changes in the switch changes on the page, and nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jackfield.settings import load

from ..web.test_live import CALLS, Switch
from .conftest import Open


@pytest.fixture
def switch(console: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    (data,) = tmp_path_factory.getbasetemp().glob("browser[0-9]*/data")
    running = Switch(load(data_dir=data))
    running.calls = []
    running.start()
    yield running
    running.stop()


def test_a_call_comes_changes_and_goes_without_a_reload(opened: Open, switch: Switch):
    page = opened("/admin/active/")
    page.wait_for_selector("text=Nobody talks at the moment.")
    page.evaluate("window.same = true")

    switch.calls = [CALLS[0] | {"state": "ringing", "answered": None}]
    page.wait_for_selector("tbody tr :text('ringing')")
    assert not page.is_visible("text=Nobody talks at the moment.")

    switch.calls = list(CALLS)
    page.wait_for_selector("tbody tr :text('talking')")
    assert page.locator("tbody tr").count() == 1

    switch.calls = []
    page.wait_for_selector("tbody tr.gone")
    page.wait_for_selector("text=Nobody talks at the moment.")
    assert page.evaluate("window.same"), "the page was never loaded anew"


def test_what_ended_waits_until_the_pointer_has_left(opened: Open, switch: Switch):
    switch.calls = list(CALLS)
    page = opened("/admin/active/")
    page.hover("tbody tr")
    switch.calls = []
    page.wait_for_selector("tbody tr.gone")
    page.clock.install()
    page.wait_for_function("document.querySelector('tbody tr.gone button').disabled")
    assert page.locator("tbody tr.gone").count() == 1
    page.mouse.move(5, 5)
    page.wait_for_selector("text=Nobody talks at the moment.")


def test_a_switch_that_stops_is_told_and_its_return_too(opened: Open, switch: Switch):
    page = opened("/admin/")
    page.wait_for_selector("[data-live-count=registered]:text('1')")
    switch.stop()
    page.wait_for_selector("[data-live-switch]:text('does not run')")
    page.wait_for_selector("[data-live-count=registered]:text('0')")
    switch.__init__(switch.settings)  # type: ignore[misc]
    switch.start()
    page.wait_for_selector("[data-live-count=registered]:text('1')")
    page.wait_for_selector("[data-live-switch]", state="hidden")


def test_charts_are_drawn_from_their_tables(opened: Open, switch: Switch):
    page = opened("/admin/")
    page.wait_for_selector("figure.chart canvas")
    assert page.locator("figure.chart canvas").count() == 2  # how many calls, and how they sounded
    page.click("figure.chart summary >> nth=0")
    assert page.locator("figure.chart").first.locator("details tbody tr").count() == 24
