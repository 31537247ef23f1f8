"""MAC addresses that nobody has entered: counted in one place, for page and guard; taken in where wanted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Max, Sum

from jackfield.console.provisioning.pace import Pace
from jackfield.provisioning.requests import spelled_mac, vendor_of_mac

if TYPE_CHECKING:
    from jackfield.console.declarative.apply import Author
    from jackfield.console.provisioning.asking import Request
    from jackfield.desk_phones.models import DeskPhone
    from jackfield.provisioning.requests import Asked
    from jackfield.settings import Settings

__all__ = ["MOST", "Searcher", "Stranger", "adopt", "count", "model_of", "new_ones", "searchers", "since"]

log = logging.getLogger("jackfield.provisioning")

MOST = 500
"""Strangers that are kept: those that asked last."""
new_ones = Pace(30, 3600.0)
"""New extensions that phones may make in an hour: a box of them, and not a whole network that somebody makes up."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Who asked for what is not his, for the guard. `at`: seconds since 1970."""

    mac: str
    address: str
    local: bool
    count: int
    at: float


def since(at: float) -> list[Stranger]:
    """Return those that asked since a moment, the latest first. For the guard, which decides about addresses."""
    from jackfield.desk_phones.models import Asked as Row

    return [Stranger(row.mac, row.address, row.local, row.count, row.last) for row in Row.objects.filter(last__gte=at)]


@dataclass(frozen=True, slots=True)
class Searcher:
    """An address outside from which many MAC addresses were asked for that are nobody's. `at`: the last time."""

    address: str
    macs: int
    questions: int
    at: float


def searchers(least: int = 5) -> list[Searcher]:
    """Return who asks from outside for so many MAC addresses that he searches, and has no phone; the busiest first."""
    from jackfield.desk_phones.models import Asked as Row

    rows = Row.objects.filter(local=False).order_by().values("address")
    found = rows.annotate(macs=Count("pk"), questions=Sum("count"), at=Max("last")).filter(macs__gte=least)
    return [Searcher(**row) for row in found.order_by("-macs", "address")]


def count(asked: Asked, request: Request, *, local: bool, now: float) -> None:
    """Count one question for a MAC address that is nobody's."""
    from jackfield.desk_phones.models import Asked as Row

    values = {
        "last": now, "address": request.address, "way": request.way, "file": request.path[-200:],
        "user_agent": request.user_agent[:200], "local": local,
    }  # fmt: skip
    if model := model_of(asked):
        values["model"] = model
    if Row.objects.filter(mac=asked.mac).update(count=F("count") + 1, **values):
        return
    Row.objects.create(mac=asked.mac, first=now, **values)
    log.info("%s asks from %s for a configuration, and is nobody's phone", spelled_mac(asked.mac), request.address)
    if Row.objects.count() > MOST:
        oldest = Row.objects.order_by("-last").values_list("last", flat=True)[MOST - 1]
        Row.objects.filter(last__lt=oldest).delete()


def model_of(asked: Asked) -> str:
    """Return the model that a phone is, as far as its question tells; else the first of its vendor; "" for none.

    Several vendors' phones ask for "<mac>.cfg": whose one is, its MAC address must say then.
    """
    from jackfield.provisioning.catalogue import VENDORS

    if asked.model:
        return asked.model
    if asked.mac and vendor_of_mac(asked.mac) != asked.vendor:
        return ""
    vendor = VENDORS.get(asked.vendor)
    return vendor.models[0].slug if vendor is not None and vendor.models else ""


def adopt(settings: Settings, mac: str, model: str, *, number: str = "", author: Author, name: str = "") -> DeskPhone:
    """Enter a phone with an extension: the one with `number`, else a new one with the next free number.

    Of an extension that is there, the phone takes the first line that no other desk phone has; where all are taken it
    gets a line of its own. Raises `DocumentError`, `DatabaseAway`.
    """
    from jackfield.company.models import General
    from jackfield.console.change import Removal, Wish, save
    from jackfield.desk_phones.models import Asked as Row
    from jackfield.desk_phones.models import DeskPhone
    from jackfield.numbers.models import Extension
    from jackfield.numbers.plan import DialPlan

    wishes: list[Wish | Removal] = []
    extension = Extension.objects.filter(number=number).first() if number else None
    number = number or DialPlan.current().next_free(General.current().first_number)
    reference = number
    if extension is None:
        wishes.append(Wish("extensions", {"number": number, "name": name or spelled_mac(mac)}))
    else:
        reference, wish = line_for(extension, name or spelled_mac(mac))
        wishes += [wish] if wish is not None else []
    wishes.append(Wish("desk_phones", {"mac": mac, "model": model, "name": name, "extensions": [reference]}))
    save(settings, wishes, author=author)
    Row.objects.filter(mac=mac).delete()
    found: DeskPhone = DeskPhone.objects.select_related("standing", "site").get(mac=mac)
    return found


def line_for(extension: Any, name: str) -> tuple[str, Any]:
    """Return by which word a new phone names a line of an extension, and the wish that makes one where none is free."""
    from jackfield.console.change import Wish
    from jackfield.desk_phones.models import DeskPhone
    from jackfield.numbers.schema import new_sip_username
    from jackfield.softphones.links import set_up

    taken = {one for names in DeskPhone.objects.values_list("extensions", flat=True) for one in names}
    lines = list(extension.lines.all())
    taken |= set_up({line.sip_username for line in lines}).keys()  # an app that was set up by a link would be cut off
    if lines and extension.number not in taken and lines[0].sip_username not in taken:
        return str(extension.number), None
    for line in lines[1:]:
        if line.sip_username not in taken:
            return str(line.sip_username), None
    fresh = new_sip_username()
    kept = [{"sip_username": line.sip_username} for line in lines]
    return fresh, Wish("extensions", {"lines": [*kept, {"sip_username": fresh, "name": name}]}, (extension.number,))
