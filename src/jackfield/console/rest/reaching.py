"""Our addresses and the VPN: what is known, and a test from outside in."""

from __future__ import annotations

from typing import Any

import msgspec
from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import reaching, vpn_devices
from jackfield.console.rest import answers, bodies, schemas
from jackfield.console.rest.operations import Asked, Operation
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import saving
from jackfield.control import ControlError

__all__ = ["operations"]


def known(asked: Asked) -> HttpResponse:
    """Answer what is known of our addresses."""
    try:
        found = reaching.known(django_settings.JACKFIELD)
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    return answers.json(
        {
            "public": [{"address": one.address, "way": one.way, "by": one.by} for one in found.state.found],
            "own": [{"interface": name, "address": address} for name, address in found.interfaces],
            "stun": bool(found.stun) or found.turn,
            "turn": found.turn,
            "problems": list(found.state.problems),
        }
    )


def test(asked: Asked) -> HttpResponse:
    """Test from outside in."""
    settings = django_settings.JACKFIELD
    try:
        report = reaching.test(settings)
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    return answers.json(msgspec.to_builtins(report) | {"advice": reaching.advice(report, settings)})


def search(asked: Asked) -> HttpResponse:
    """Look for our addresses now."""
    try:
        reaching.search(django_settings.JACKFIELD)
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    return known(asked)


def vpn(asked: Asked) -> HttpResponse:
    """Answer how the VPN is, and what is known of its devices."""
    found = reaching.vpn(django_settings.JACKFIELD)
    rows = vpn_devices.rows(found["peers"])
    items = [{"name": one.name, "handshake": one.handshake, "received": one.received, "sent": one.sent} for one in rows]
    return answers.json({"up": found["up"], "problem": found["problem"], "devices": items})


def make(asked: Asked) -> HttpResponse:
    """Make a device with its key, which is answered once."""
    given = bodies.checked(asked.request, _NEW)
    made = vpn_devices.make(
        django_settings.JACKFIELD, given["name"], tuple(given.get("networks", ())),
        author=saving.author(asked.request, "api"),
    )  # fmt: skip
    return answers.json({"name": made.name, "address": made.address, "configuration": made.file}, 201)


_NEW = schemas.body(
    {"name": {"type": "string", "maxLength": 60}, "networks": {"type": "array", "items": {"type": "string"}}}, "name"
)
_TEXTS = {"type": "array", "items": {"type": "string"}}
_KNOWN = schemas.table(
    {
        "public": {"type": "array", "items": schemas.table({"address": "string", "way": "string", "by": "string"})},
        "own": {"type": "array", "items": schemas.table({"interface": "string", "address": "string"})},
        "stun": "boolean",
        "turn": "boolean",
        "problems": _TEXTS,
    }
)
_PORT = schemas.table({"what": "string", "kind": "string", "port": "integer", "proof": "string"})
_REPORT = schemas.table(
    {
        "at": "number", "ours": "string", "public": "string", "behind_router": "boolean", "mapping": "string",
        "port_kept": {"type": ["boolean", "null"]}, "helper": "string", "answers_elsewhere": "boolean",
        "ports": {"type": "array", "items": _PORT}, "problems": _TEXTS, "advice": _TEXTS,
    }
)  # fmt: skip
_DEVICE = schemas.table({"name": "string", "handshake": "number", "received": "integer", "sent": "integer"})
_VPN = schemas.table({"up": "boolean", "problem": "string", "devices": {"type": "array", "items": _DEVICE}})
_MADE = schemas.table({"name": "string", "address": "string", "configuration": "string"})


def operations() -> list[Operation]:
    """Return the operations of addresses and the VPN."""
    common: dict[str, Any] = {"group": "settings"}
    return [
        Operation("get_addresses", "GET", "/addresses", "system", "Our addresses outside and here", known,
                  answer=_KNOWN, **common),
        Operation("search_addresses", "POST", "/addresses/search", "system", "Look for our addresses now", search,
                  answer=_KNOWN, **common),
        Operation("test_addresses", "POST", "/addresses/test", "system", "Test from outside in", test,
                  answer=_REPORT, about="Takes some seconds.", **common),
        Operation("get_vpn", "GET", "/vpn", "phones", "The VPN and what is known of its devices", vpn,
                  answer=_VPN, group="vpn_devices"),
        Operation("make_vpn_device", "POST", "/vpn/devices", "phones", "Make a device with a key and an address", make,
                  body=_NEW, answer=_MADE, status=201, group="vpn_devices",
                  about="The configuration has the device's private key, which is stored nowhere and shown this once."),
    ]  # fmt: skip
