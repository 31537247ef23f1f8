"""A browser without a window, signed in as whoever a test wants, on a small company."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.test import Client

from jackfield.console import api
from jackfield.console import settings as console_settings
from jackfield.settings import Settings

PASSWORD = "correct-horse-7"

COMPANY = """
settings: {company: Bell & Sons, country: DE, time_zone: Europe/Berlin, outside_prefix: "0"}
roles:
  - {name: Reception, areas: {people: write, history: read}}
users:
  - {login: anna, name: Anna Bell, role: user}
holidays:
  - {name: Public holidays, dates: [{first: 2026-12-25, last: 2026-12-26, yearly: true, name: Christmas}]}
time_ranges:
  - name: Office
    weekly: [{days: [mon, tue, wed, thu, fri], start: "08:00", end: "17:00"}]
    dates: [{first: 2026-12-24, start: "08:00", end: "12:00"}]
    except_on: [Public holidays]
permissions:
  - {name: Hall, default: deny, rules: [{calls: national, allow: true, hours: Office}]}
sites:
  - {name: Brno, public_addresses: [203.0.113.7], bandwidth_up: 200, bandwidth_down: 2000, codecs: [pcma, gsm]}
vpn_devices:
  - {name: Branch, public_key: "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=", address: 10.87.0.99}
extensions:
  - {number: 101, name: Anna, user: anna, sip_username: anna101, sip_password: not-to-be-shown-1}
  - {number: 102, name: Bert, sip_username: bert102, sip_password: not-to-be-shown-2}
trunks:
  - {name: Provider, hosts: sip.example.net, username: bell, password: not-to-be-shown-3}
call_limits:
  - {name: Far away, applies_to: listed, kinds: [international], calls_per_hour: 50, minutes_per_day: 120}
inbound:
  - {trunk: Provider, number: 5550101, target: 101}
outbound:
  - {name: Outside, prefix: "0", trunks: [Provider]}
ring_groups:
  - {number: 190, name: Sales, members: [101, 102]}
services:
  - {number: "*43", kind: echo}
desk_phones:
  - {mac: 00156512abcd, model: yealink-t46u, name: Workshop, extensions: [bert102], keys: [{kind: blf, value: "101"}]}
phone_templates:
  - {file: "yealink:common.cfg", text: "#!version:1.0.0.1", made_from: abcd}
provisioning: {phone_password: not-to-be-shown-5}
redirections:
  - {service: yealink, account: bell, password: not-to-be-shown-6}
speed_dials:
  - {number: 70, name: Taxi, target: "0301234567"}
emergency_numbers:
  - {number: 112}
sounds:
  - {name: hello, path: hello}
address_groups:
  - {name: Office, entries: [192.0.2.0/24]}
webhooks:
  - name: CRM
    address: https://crm.example.com/hook
    secret: whsec_bm90LXRvLWJlLXNob3duLTQtbm90LXRvLWJlLXNob3du
    events: [call.recorded]
"""

As = Callable[[str], Client]


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Hash passwords fast, but in tests marked `real_passwords`: there are thousands of sign-ins in all these tests."""
    if request.node.get_closest_marker("real_passwords") is None:
        options, cheap = console_settings.options, ["django.contrib.auth.hashers.MD5PasswordHasher"]
        monkeypatch.setattr(console_settings, "options", lambda found: options(found) | {"PASSWORD_HASHERS": cheap})
    _forget_hashers()
    yield
    _forget_hashers()


def _forget_hashers() -> None:
    hashers.get_hashers.cache_clear()
    hashers.get_hashers_by_algorithm.cache_clear()


@pytest.fixture
def company(sqlite: Settings) -> Settings:
    """An installation with one of everything."""
    api.apply(sqlite, COMPANY)
    return sqlite


def person(role: str, login: str = "", **more: Any) -> Any:
    """Make a user who can sign in."""
    from jackfield.people.models import User

    user = User(login=login or f"the-{role}", role=role, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def signed_in(company: Settings) -> As:
    """Return a browser in which someone of a role is signed in."""

    def sign_in(role: str) -> Client:
        client = Client()
        user = person(role)
        answer = client.post("/sign-in", {"login": user.login, "password": PASSWORD})
        assert answer.status_code == 302
        return client

    return sign_in


@pytest.fixture
def admin(signed_in: As) -> Client:
    """A browser of a full administrator."""
    return signed_in("administrator")
