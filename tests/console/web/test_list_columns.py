"""Columns of a list that somebody chooses for himself."""

from __future__ import annotations

import re

from django.test import Client

from jackfield.console.web.screens import SCREENS
from jackfield.numbers.models import Extension

from .conftest import As


def heads(browser: Client, query: str = "") -> list[str]:
    page = browser.get(f"/admin/extensions/{query}", follow=True).content.decode()
    found = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", page.partition("<thead>")[2].partition("</thead>")[0])
    return [text for one in found if (text := re.sub(r"<[^>]+>", "", one).strip())]


def test_somebody_chooses_columns_and_finds_them_again(admin: Client, signed_in: As):
    usual = heads(admin)
    assert usual[:2] == ["Number", "Name"]
    assert "Rings for" not in usual
    Extension.objects.filter(number="101").update(ring_time=25)
    answer = admin.get("/admin/extensions/?q=1&columns=ring_time&columns=codecs&columns=number")
    assert answer.headers["Location"] == "/admin/extensions/?q=1"
    assert heads(admin) == ["Number", "Rings for", "Codecs", "Phone"]
    page = admin.get("/admin/extensions/").content.decode()
    assert "25 seconds" in page
    assert "opus, " in page
    assert "None" not in page
    assert heads(signed_in("telephony")) == usual, "others have their own"
    assert heads(admin, "?columns=usual") == usual


def test_the_first_column_stays_and_what_is_no_column_is_left_out(admin: Client):
    assert heads(admin, "?columns=sip_password&columns=nonsense") == ["Number", "Phone"]
    assert admin.get("/admin/extensions/?sort=number").status_code == 200


def test_every_list_shows_each_column_that_it_offers(admin: Client):
    for name, screen in SCREENS.items():
        if screen.section.key:
            page = admin.get(f"/admin/{name}/").content.decode()
            offered = re.findall(r'name="columns" value="(\w+)" form', page)
            query = "&".join(f"columns={one}" for one in offered)
            page = admin.get(f"/admin/{name}/?{query}", follow=True)
            assert page.status_code == 200
            assert "not-to-be-shown" not in page.content.decode(), name
