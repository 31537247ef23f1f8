"""Trying a company's own template before any phone gets it."""

from __future__ import annotations

import jinja2

from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.configuration import Account, Directory, Fetching, Key, PhoneConfiguration, Server
from jackfield.provisioning.render import TemplateProblem, check

__all__ = ["EXAMPLE", "problems", "unreadable"]

_SECRET = "x" * 12
_SERVER = Server(host="pbx.example.com")
EXAMPLE = PhoneConfiguration(
    mac="001565000001",
    accounts=(
        Account(
            number="101", username="abcdefghij", password=_SECRET, server=_SERVER, name="Reception",
            backup=Server(host="192.0.2.9"), transport="tls", srtp="required", voicemail="*97", keep_alive=25,
        ),
        Account(number="102", username="klmnopqrst", password=_SECRET, server=_SERVER, name="Workshop", srtp="off"),
    ),
    fetching=Fetching(url="https://pbx.example.com:8443/provision/", username="001565000001", password=_SECRET),
    keys=(
        Key(kind="line", value="1"),
        Key(kind="blf", value="102", label="Workshop"),
        Key(kind="speed_dial", value="9"),
        Key(kind="park", value="701"),
        Key(),
        Key(kind="pickup", value="102"),
        Key(kind="voicemail", value="*97"),
        Key(kind="forward", value="103"),
    ),
    directory=Directory(
        name="Directory", ldap_host="pbx.example.com", ldap_base="dc=phonebook", ldap_user="uid=001565000001",
        ldap_password=_SECRET, xml_url="https://pbx.example.com:8443/provision/directory/001565000001/x.xml",
    ),
    logo_url="https://pbx.example.com/logo.png",
    firmware_url="https://pbx.example.com/firmware.rom",
    admin_password=_SECRET,
)  # fmt: skip
"""A phone that there is not, with everything that one can have: an error in any part of a template is found."""


def problems(template: str, text: str) -> list[TemplateProblem]:
    """Return what is wrong with a text for a built-in template's place, tried with each model that uses it."""
    found: dict[str, TemplateProblem] = {}
    for model in MODELS.values():
        for file in model.files:
            if file.template == template:
                try:
                    check(model, file.name, text, EXAMPLE)
                except TemplateProblem as problem:
                    found.setdefault(str(problem), problem)
    return list(found.values())


def unreadable(template: str, text: str) -> str:
    """Return why a text can't be read as a template at all, with the line; "" when it can."""
    for problem in problems(template, text):
        if isinstance(problem.__cause__, jinja2.TemplateSyntaxError):
            return str(problem)
    return ""
