"""Chromium before a console that serves a small company. One of each for all tests of a worker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from jackfield.console import api
from jackfield.settings import load

from ..web.conftest import COMPANY, PASSWORD, person

MORE = """
extensions:
  - {number: 103, name: Carla, codecs: [opus, pcma]}
  - {number: 104, name: Dora}
services:
  - number: 500
    kind: schedule
    time_ranges: [{name: office, days: [mon, tue], start: "08:00", end: "17:00"}]
    open_target: 190
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser needs its time on a machine that is busy."""
    for item in items:
        if "console/browser" in str(item.path):
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a console that runs. No switch runs beside it. Skips where there is no browser."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    settings = load(data_dir=tmp_path_factory.mktemp("browser") / "data")
    api.apply(settings, COMPANY)
    api.apply(settings, MORE)
    person("administrator", "clara", name="Clara Bell")
    person("user", "hanna", name="Hanna Vogel")
    connections.close_all()
    port = _free_port()
    read, write = os.pipe()
    command = [sys.executable, "-m", "jackfield.console", "--data-dir", str(settings.data_dir),
               "--console-port", str(port), "--ready-fd", str(write)]  # fmt: skip
    with (settings.data_dir / "output").open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[write])
    os.close(write)
    with os.fdopen(read, "rb") as ready:
        assert ready.readline().startswith(b"ready"), (settings.data_dir / "output").read_text()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def chromium(console: str) -> Iterator[Any]:
    """The browser, for one module: while it runs, this thread counts as one with a loop, and Django stays away."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., Any]


@pytest.fixture
def opened(chromium: Any, console: str) -> Iterator[Open]:
    """Returns pages in a fresh window, signed in as `who`; no script of a page may fail."""
    contexts, faults = [], []

    def open_page(address: str, who: str = "clara", **options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        context = chromium.new_context(base_url=console, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
        if who:
            sign_in(page, who)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def sign_in(page: Any, who: str) -> None:
    """Sign in as a user of the company."""
    page.goto("/sign-in")
    page.fill("[name=login]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(lambda url: "/sign-in" not in url)
