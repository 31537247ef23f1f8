"""How the firewall stands, what an address may, and panic."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.company.models import General
from jackfield.console import access
from jackfield.console.rest import answers, bodies, schemas
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import firewall as page
from jackfield.control import ControlError
from jackfield.network.firewall.services import NAMES, services

__all__ = ["operations"]


def state(asked: Asked) -> HttpResponse:
    """Answer what is open to whom now, and where these rules hold."""
    holds, standing = access.table().policy, page.standing()
    ports = {one.name: one.ports for one in services(django_settings.JACKFIELD, General.current())}
    content = {
        "way": "none" if standing is None else standing.way,
        "problem": "" if standing is None else standing.problem,
        "table": "" if standing is None or standing.way != "kernel" else standing.table,
        "panic": holds.panic,
        "services": [
            {
                "service": name,
                "ports": [str(one) for one in ports[name]],
                "open_to": list(opening.open_to),
                "automatic": opening.automatic,
                "missing": list(opening.missing),
            }
            for name, opening in holds.openings.items()
        ],
    }
    return answers.json(content)


def test(asked: Asked) -> HttpResponse:
    """Answer what an address may."""
    address = asked.query["from"] or ""
    if not page.is_address(address):
        raise Refusal(422, f'"{address}" is no IP address: give such as 203.0.113.5.')
    holds = access.table().policy
    wanted = [name for name in NAMES if asked.query["service"] in (None, name)]
    rows = [(name, holds.verdict(name, address)) for name in wanted]
    items = [{"service": name, "open": one.allowed, "why": one.why, "mend": one.mend} for name, one in rows]
    return answers.json({"items": items, "next": None})


def panic(asked: Asked) -> HttpResponse:
    """Close everything but to the local networks and the VPN, or end that."""
    on = bodies.checked(asked.request, PANIC)["on"]
    try:
        if problem := page.set_panic(asked.request, on=on):
            raise Refusal(422, problem)
    except ControlError as why:
        raise Refusal(503, str(why)) from None
    return answers.json({"on": on})


# --- description -----------------------------------------------------------------------------------------------------

_NAMES = {"type": "array", "items": {"type": "string"}}
_SERVICE = {"type": "string", "enum": list(NAMES)}
_STATE = schemas.table(
    {"way": {"type": "string", "enum": ["kernel", "programs", "none"]}, "problem": "string", "table": "string",
     "panic": "boolean",
     "services": {"type": "array", "items": schemas.table(
         {"service": _SERVICE, "ports": _NAMES, "open_to": _NAMES, "automatic": "boolean", "missing": _NAMES})}}
)  # fmt: skip
_VERDICT = schemas.table({"service": _SERVICE, "open": "boolean", "why": "string", "mend": "string"})
PANIC = schemas.body({"on": {"type": "boolean"}}, "on")


def operations() -> list[Operation]:
    """Return the operations of the firewall."""
    common: dict[str, Any] = {"group": "firewall"}
    address = Parameter("from", "An IP address.")
    service = Parameter("service", "Which one; all, where it is left out.", _SERVICE)
    return [
        Operation("get_firewall_state", "GET", "/firewall/now", "safety", "What is open to whom now", state,
                  answer=_STATE, **common),
        Operation("test_firewall", "GET", "/firewall/test", "safety", "What may an address?", test,
                  parameters=(address, service), answer=schemas.listed(_VERDICT), **common),
        Operation("panic", "POST", "/firewall/panic", "safety", "Close everything, or end that", panic,
                  body=PANIC, answer=schemas.table({"on": "boolean"}),
                  about="But to the local networks and the VPN. Providers that we are in touch with go on.", **common),
    ]  # fmt: skip
