"""The main pages as browsers show them: no serious fault of accessibility, nothing cut off, in every direction."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from jackfield.console.web.menu import PAGES
from jackfield.console.web.screens import SCREENS

from .conftest import Open

LISTS = [name for name, screen in SCREENS.items() if screen.section.key]
MAIN = [page.address for page in PAGES] + ["/admin/extensions/1", "/admin/services/2", "/admin/find?q=anna"]
FORMS = [f"/admin/{name}/new" for name in LISTS]
SERIOUS = ("serious", "critical")
WAYS = """async ([rules]) => {
  const found = await axe.run(document, rules ? {runOnly: {type: "rule", values: rules}} : {});
  return found.violations.map(one => [one.impact, one.id, one.help, one.nodes.map(node => node.html).slice(0, 3)]);
}"""


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script that looks for faults of accessibility."""
    spec = importlib.util.find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return Path(spec.origin).parent / "axe.min.js"


def serious(page: Any, axe: Path, rules: list[str] | None = None) -> list[Any]:
    # By the debugger's door: the policy of the pages lets no other script in.
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe.read_text())
    return [one[1:] for one in page.evaluate(WAYS, [rules]) if one[0] in SERIOUS]


def test_nobody_is_kept_out_in_light_or_dark(opened: Open, axe: Path):
    faults = []
    page = opened("/admin/")
    for address in [*MAIN, *FORMS]:
        page.goto(address)
        assert page.locator("h1").count() == 1, address
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        faults += [(address, "light", *one) for one in serious(page, axe)]
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        faults += [(address, "dark", *one) for one in serious(page, axe, ["color-contrast"])]
    for who, address in (("", "/sign-in"), ("hanna", "/")):
        page = opened(address, who)
        faults += [(address, "light", *one) for one in serious(page, axe)]
    assert not faults, "\n".join(map(str, faults))


WIDER = """() => [...document.querySelectorAll("main, main *")]
  .filter(one => one.checkVisibility() && !one.closest(".scroll, pre, svg, .uplot, .unseen, .skip, [popover]"))
  .filter(one => { const box = one.getBoundingClientRect(); return box.right > innerWidth + 1 || box.left < -1; })
  .map(one => one.outerHTML.slice(0, 80)).slice(0, 3)"""


def test_nothing_is_cut_off_wide_or_narrow_in_either_direction(opened: Open):
    page = opened("/admin/")
    cut = {}
    for address in [*MAIN, *FORMS]:
        page.goto(address)
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            for direction in ("ltr", "rtl"):
                page.evaluate(f"document.documentElement.dir = '{direction}'")
                if found := page.evaluate(WIDER):
                    cut[address, width, direction] = found
                if width > 1000:
                    rail, main = page.locator(".rail").bounding_box(), page.locator("main").bounding_box()
                    assert (rail["x"] < main["x"]) == (direction == "ltr"), address
    assert cut == {}


def test_a_page_works_without_scripts(opened: Open):
    page = opened("/admin/extensions/1", java_script_enabled=False, viewport={"width": 390, "height": 800})
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Ring groups").click()
    page.get_by_role("link", name="190").click()
    page.get_by_label("Members", exact=True).fill("101, 102, 104")
    page.get_by_role("button", name="Save").click()
    assert "104" in page.locator("main").inner_text()
    page.get_by_role("searchbox", name="Find anything").fill("anna")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/find?q=anna")
    assert page.get_by_role("link", name="101 Anna").is_visible()


def test_an_administrator_sets_the_password_of_another(opened: Open):
    page = opened("/admin/users/1/account")  # Anna's
    page.get_by_text("Set one yourself").click()
    assert page.get_by_label("New password").is_visible()
    assert page.get_by_role("link", name="Change your own password").count() == 0
