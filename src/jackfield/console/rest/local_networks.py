"""How phones find us: what is on in the local networks, other DHCP servers, and phones at their vendors' services."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import queries
from jackfield.console.lan import keeper, redirecting, wanted
from jackfield.console.rest import answers, bodies, problems, schemas
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import plug_and_play as page
from jackfield.desk_phones.models import DeskPhone
from jackfield.plug_and_play.choices import Outcome, Service
from jackfield.plug_and_play.models import Redirected
from jackfield.provisioning.catalogue import vendors
from jackfield.provisioning.dhcp import offers
from jackfield.provisioning.dhcp_server import addresses_by_interface
from jackfield.provisioning.dhcp_texts import SERVERS, text

__all__ = ["operations"]


def state(asked: Asked) -> HttpResponse:
    """Answer what is on, and what our own DHCP server gave."""
    found = keeper.current
    ways = {} if found is None else found.states
    content = {
        "ways": [{"name": name, "on": one.on, "why": one.why, "mend": one.mend} for name, one in ways.items()],
        "dhcp": "off" if found is None else found.dhcp.state,
        "dhcp_why": "" if found is None else "; ".join(found.dhcp_wrong) or found.dhcp.why,
        "leases": []
        if found is None
        else [asdict(one) | {"until": queries._time(one.until) if one.until else None} for one in found.dhcp.leases()],
    }
    return answers.json(content)


def dhcp_text(asked: Asked) -> HttpResponse:
    """Answer the text for somebody else's DHCP server."""
    ours = page.our_addresses()
    address = asked.query["address"] or next(iter(ours), "")
    if address not in ours:
        known = ", ".join(ours) or "none"
        raise Refusal(422, f"{address or 'This'} is no IPv4 address of this machine: it has {known}.")
    folder = wanted.folder_at(django_settings.JACKFIELD, address)
    return answers.json({"text": text(asked.query["server"], offers(vendors().values(), folder, address))})


def look(asked: Asked) -> HttpResponse:
    """Answer whether a DHCP server is there."""
    card = bodies.checked(asked.request, CARD)["card"]
    if card not in addresses_by_interface():
        known = ", ".join(sorted(addresses_by_interface())) or "none"
        raise Refusal(422, f'There is no network card "{card}" with an IPv4 address: there is {known}.')
    kind, said = page.look_for_servers(card)
    return answers.json({"ok": kind == "good", "text": said})


def enter(asked: Asked) -> HttpResponse:
    """Have a phone's vendor send it to us."""
    phone = _phone(asked)
    code = bodies.checked(asked.request, CODE).get("code", "")
    host = asked.request.get_host()
    return _told(redirecting.enter(django_settings.JACKFIELD, phone, code=code, by=str(asked.user), host=host))


def remove(asked: Asked) -> HttpResponse:
    """Have a phone's vendor send it to us no longer."""
    return _told(redirecting.remove(_phone(asked), code=asked.query["code"] or "", by=str(asked.user)))


def entered(asked: Asked) -> HttpResponse:
    """Answer what became of phones at their vendors."""
    return answers.json({"items": [_row(row) for row in Redirected.objects.all()[:500]], "next": None})


def _phone(asked: Asked) -> DeskPhone:
    phone: DeskPhone | None = DeskPhone.objects.filter(mac=asked.path["mac"]).first()
    if phone is None:
        raise problems.missing("desk phone")
    return phone


def _told(row: Redirected) -> HttpResponse:
    if row.outcome == Outcome.FAILED:
        raise Refusal(422, f"{row.detail}.")
    return answers.json(_row(row))


def _row(row: Redirected) -> dict[str, Any]:
    names = ("mac", "service", "outcome", "by", "detail")
    return {"at": queries._time(row.at)} | {name: getattr(row, name) for name in names}


# --- description -----------------------------------------------------------------------------------------------------

_AT = {"type": "string", "format": "date-time"}
_WAY = schemas.table({"name": "string", "on": "boolean", "why": "string", "mend": "string"})
_LEASE = schemas.table(
    {
        "mac": "string",
        "address": "string",
        "name": "string",
        "until": {"type": ["string", "null"], "format": "date-time"},
    }
)
_STATE = schemas.table(
    {"ways": {"type": "array", "items": _WAY}, "dhcp": "string", "dhcp_why": "string",
     "leases": {"type": "array", "items": _LEASE}}
)  # fmt: skip
_TEXT = schemas.table({"text": "string"})
_OUTCOME = schemas.table({"ok": "boolean", "text": "string"})
_ENTERED = schemas.table(
    {"at": _AT, "mac": "string", "by": "string", "detail": "string",
     "service": {"type": "string", "enum": list(Service.values)},
     "outcome": {"type": "string", "enum": list(Outcome.values)}}
)  # fmt: skip
CARD = schemas.body({"card": {"type": "string", "maxLength": 15}}, "card")
CODE = schemas.body({"code": {"type": "string", "maxLength": 20}})


def operations() -> list[Operation]:
    """Return the operations of plug and play."""
    common: dict[str, Any] = {"group": "plug_and_play"}
    server = Parameter("server", "Which one.", {"type": "string", "enum": list(SERVERS), "default": "dnsmasq"})
    address = Parameter("address", "Ours, in the phones' network; the first, where it is left out.")
    code = Parameter("code", "What stands beside the MAC address on the label, for Gigaset.")
    return [
        Operation("get_plug_and_play_state", "GET", "/plug_and_play/now", "phones", "What is on in the local networks",
                  state, answer=_STATE, **common),
        Operation("get_dhcp_text", "GET", "/plug_and_play/dhcp-text", "phones", "What to tell a DHCP server",
                  dhcp_text, parameters=(server, address), answer=_TEXT, **common),
        Operation("look_for_dhcp_servers", "POST", "/plug_and_play/look", "phones", "Is there a DHCP server?", look,
                  body=CARD, answer=_OUTCOME, about="Asks the network of a card, for some seconds.", **common),
        Operation("list_redirected_phones", "GET", "/redirected_phones", "phones", "Phones at their vendors' services",
                  entered, answer=schemas.listed(_ENTERED), **common),
        Operation("redirect_phone", "POST", "/redirected_phones/{mac}", "phones", "Have the vendor send a phone to us",
                  enter, body=CODE, answer=_ENTERED, about="With a new one-time address. Needs an account at the "
                  "vendor's service, see redirections.", **common),
        Operation("redirect_phone_no_longer", "DELETE", "/redirected_phones/{mac}", "phones",
                  "Have the vendor send a phone nowhere", remove, parameters=(code,), answer=_ENTERED, **common),
    ]  # fmt: skip
