"""A small company with desk phones, and questions as phones ask them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jackfield.console import api
from jackfield.console.provisioning import door, judging, strangers
from jackfield.console.provisioning.asking import Answer, Request
from jackfield.console.provisioning.door import answer
from jackfield.settings import Settings

MAC, OTHER = "00156512abcd", "00156512abce"
LOCAL, OUTSIDE = "192.168.1.20", "203.0.113.20"
YEALINK = "Yealink SIP-T46U 108.86.0.20 00:15:65:12:ab:cd"
NOW = 1_790_000_000.0

COMPANY = """
settings: {company: Bell & Sons, country: DE, language: de, time_zone: Europe/Berlin}
provisioning: {enabled: "on", phone_password: not-to-be-shown-9}
extensions:
  - {number: 101, name: Anna, sip_username: anna101, sip_password: first-password-101}
  - {number: 102, name: Bert, sip_username: bert102, sip_password: first-password-102}
desk_phones:
  - {mac: 00156512abcd, model: yealink-t46u, name: Reception, extensions: [101]}
"""

Ask = Callable[..., Answer]


@pytest.fixture(autouse=True)
def unhurried() -> None:
    """Begin each test without what phones of the test before did."""
    for pace in (judging.asking, judging.fetching, judging.guessing, door.noting, strangers.new_ones):
        pace.forget()


@pytest.fixture
def company(sqlite: Settings) -> Settings:
    """The company's installation. Nobody listens on the switch's socket."""
    api.apply(sqlite, COMPANY)
    return sqlite


@pytest.fixture
def everywhere(settings: Settings) -> Settings:
    """The same on each database in turn."""
    api.apply(settings, COMPANY)
    return settings


def ask(file: str = f"{MAC}.cfg", **more: Any) -> Answer:
    """Ask as a Yealink in the local network does by HTTP, unless the test says otherwise."""
    now = more.pop("now", NOW)
    given: dict[str, Any] = {"way": "http", "address": LOCAL, "user_agent": YEALINK, "host": "192.168.1.1:4021"}
    path = more.pop("path", f"/provision/{file}")
    return answer(Request(path=path, **(given | more)), now=now)


def ask_outside(file: str = f"{MAC}.cfg", **more: Any) -> Answer:
    """Ask by HTTPS from somewhere in the Internet."""
    return ask(file, **({"way": "https", "address": OUTSIDE, "host": "pbx.example.com:8443"} | more))


def basic(name: str, password: str) -> str:
    """Return the header with which a phone proves itself."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def lines_in(body: bytes) -> dict[str, str]:
    """Return what a Yealink reads in its file: keys and values."""
    pairs = (line.partition(" = ") for line in body.decode().splitlines() if " = " in line)
    return {key: value for key, _, value in pairs}


def line_secrets(settings: Settings) -> Path:
    """Return the file that tells the switch new passwords."""
    return settings.files.line_secrets
