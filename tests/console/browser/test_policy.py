"""The Content-Security-Policy as a browser keeps it: nothing on any page that can be reached offends against it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Open

LISTEN = """addEventListener("securitypolicyviolation", (event) => offended(
  [location.pathname, event.effectiveDirective, event.blockedURI, event.sourceFile, event.lineNumber]))"""
LINKS = """() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  return [...document.querySelectorAll("a[href], [hx-get]")]
    .map((one) => new URL(one.getAttribute("href") || one.getAttribute("hx-get"), location))
    .filter((one) => one.origin === location.origin).map((one) => one.pathname + one.search);
}"""
LEAST = {"clara": 100, "hanna": 12, "": 2}


def _alike(address: str) -> str:
    """Return what is the same for pages that differ in what they show, not in how they are made."""
    return re.sub(r"=[^&]*", "", re.sub(r"\d+", "1", address))


@pytest.mark.parametrize("who", LEAST)
def test_no_page_offends_against_the_policy(opened: Open, who: str):
    offences: list[Any] = []
    page = opened("/sign-in", who)
    page.context.expose_binding("offended", lambda _source, told: offences.append(told))
    page.context.add_init_script(LISTEN)
    waiting, seen, shown = ["/admin/", "/", "/me/account", "/api/v1/", "/sign-in", "/forgot-password"], set(), 0
    while waiting:
        address = waiting.pop()
        if _alike(address) in seen or "/export" in address or address.endswith((".csv", "/download")):
            continue
        seen.add(_alike(address))
        answer = page.goto(address)
        assert answer.status < 500, address
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, address
        assert "script-src 'self';" in policy, address
        shown += 1
        waiting += page.evaluate(LINKS)
    assert offences == []
    assert shown >= LEAST[who]


def test_the_policy_is_kept_at_all(chromium: Any, console: str):
    """A browser that offends against it says so, in the way that the other test listens for."""
    page = chromium.new_page()
    page.goto(f"{console}/sign-in")
    page.evaluate("""() => {
      window.told = new Set();
      addEventListener("securitypolicyviolation", (event) => told.add(event.effectiveDirective));
      const bad = '<img src="data:," onerror="document.title = 1"><p style="top: 0">';
      document.body.insertAdjacentHTML("beforeend", bad);
    }""")
    page.wait_for_function("told.has('style-src-attr') && told.has('script-src-attr')")
    assert page.title() != "1"
    page.close()
