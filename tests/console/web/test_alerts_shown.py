"""What the watch has found is on the overview too, and a new extension's page has all that a phone asks for."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from jackfield.console import watching
from jackfield.console.letters import Said
from jackfield.console.monitoring import Observation
from jackfield.console.watching import Alert, alerts
from jackfield.notices.choices import Kind
from jackfield.numbers.models import Line
from jackfield.settings import Settings

from .test_things import form_of

NOW = 1_790_000_000.0


def test_a_certificate_that_ends_is_on_the_overview_with_the_way_to_its_page(
    admin: Client, company: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watching, "standing", alerts(Observation(), NOW + 5 * 86400, NOW))
    page = html.unescape(admin.get("/admin/").content.decode())
    (told,) = re.findall(r"<li[^>]*>(The certificate ends in 5 days[^<]*)<a href=\"([^\"]*)\"", page)
    assert told[1] == "/admin/certificates/"


def test_a_kind_that_is_new_needs_nothing_more_to_be_on_the_overview(
    admin: Client, company: Settings, monkeypatch: pytest.MonkeyPatch
):
    found = [Alert(Kind.PUBLISH_FAILED, "x", Said("Something"), Said("Something new is wrong."))]
    monkeypatch.setattr(watching, "standing", found)
    assert "Something new is wrong." in admin.get("/admin/").content.decode()


def test_a_new_extension_shows_the_server_and_a_code_for_the_phone(admin: Client, company: Settings):
    form = form_of(admin.get("/admin/extensions/new").content.decode()) | {"number": ["177"], "name": ["Door"]}
    page = admin.post("/admin/extensions/new", form, headers={"Host": "pbx.example"}).content.decode()
    assert ">Server</dt>" in page
    assert "<svg" in page
    (address,) = re.findall(r"http://pbx\.example(/phone/[^\"]+)\"", page)
    assert Line.objects.get(extension__number="177").sip_password in Client().post(address).content.decode()
