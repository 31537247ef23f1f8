"""What the watch has found is on the overview too, and a new extension's page has all that a phone asks for."""

from __future__ import annotations

import html
import re
import time

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


def test_phones_that_wait_and_addresses_that_were_used_twice_are_on_the_overview(admin: Client, company: Settings):
    from jackfield.desk_phones.models import Asked, DeskPhone, Incident

    assert "one-time address" not in admin.get("/admin/").content.decode()
    now, phone = time.time(), DeskPhone.objects.get()
    Asked.objects.create(mac="001565999999", first=now, last=now, address="192.168.1.9", local=True)
    Asked.objects.create(mac="001565999998", first=now, last=now, address="203.0.113.9", local=False)
    Incident.objects.create(at=now - 100, kind="used", mac=phone.mac, address="203.0.113.9")
    Incident.objects.create(at=now - 200_000, kind="stolen", mac=phone.mac, address="203.0.113.10")
    page = html.unescape(admin.get("/admin/").content.decode())
    told = dict(re.findall(r"<li[^>]*>([^<]*)<a href=\"([^\"]*)\"", page))
    assert told[
        "1 phone in the local networks asks for a configuration and is nobody's: take it in, or forget it. "
    ] == ("/admin/desk_phones/news")
    (stolen,) = (href for text, href in told.items() if "was used again, from 203.0.113.9." in text)
    assert stolen == f"/admin/desk_phones/{phone.pk}/now"
