"""What a browser fetches the first time: little enough for a slow line."""

from __future__ import annotations

import gzip
import re

import pytest
from django.test import Client

from jackfield.console.web import assets

MOST = 300_000  # bytes, compressed


def fetched(text: str, known: set[str]) -> None:
    """Add the assets that a page, style or script names, and those that they name."""
    for address in re.findall(r"""(?:src|href)="/static/\w+/([^"#?]+)""", text):
        _follow(address, known)


def _follow(name: str, known: set[str]) -> None:
    if name in known:
        return
    known.add(name)
    if name.endswith((".js", ".css")):
        text = (assets.FOLDER / name).read_text()
        for other in re.findall(r"""(?:from|import)\s*\(?["']\./([\w.-]+)["']|url\(["']?([\w.-]+)["']?\)""", text):
            if (assets.FOLDER / "".join(other)).is_file():
                _follow("".join(other), known)


@pytest.mark.parametrize("address", ["/admin/", "/admin/extensions/", "/admin/extensions/1", "/admin/calls/"])
def test_the_first_page_is_light(admin: Client, address: str):
    answer = admin.get(address)
    names: set[str] = set()
    fetched(answer.content.decode(), names)
    assert {"console.css", "console.js", "keys.js", "htmx.js", "icons.svg", "empty.svg"} <= names
    sizes = {name: len(gzip.compress((assets.FOLDER / name).read_bytes())) for name in names}
    assert len(gzip.compress(answer.content)) + sum(sizes.values()) < MOST, sizes
