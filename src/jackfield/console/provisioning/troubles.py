"""What went wrong when phones asked: kept for the page, bounded in number, the same thing counted and not repeated."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db.models import F

__all__ = ["Happened", "keep"]

log = logging.getLogger("jackfield.provisioning")

MOST = 1000
SAME_SECONDS = 600.0
"""The same from the same address within this time is one entry with a count."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something to be kept. `phone`: its row, where it is one of ours."""

    kind: str  # of `Trouble`
    mac: str
    address: str
    way: str
    detail: str
    phone: Any = None


def keep(found: list[Happened], now: float) -> None:
    """Write down what happened, and tell the log of it."""
    from jackfield.desk_phones.models import Incident, Standing

    for one in found:
        same = Incident.objects.filter(kind=one.kind, mac=one.mac, address=one.address, at__gt=now - SAME_SECONDS)
        if not same.update(count=F("count") + 1, at=now, detail=one.detail):
            Incident.objects.create(
                at=now, kind=one.kind, mac=one.mac, address=one.address, way=one.way, detail=one.detail
            )
            log.warning("%s from %s (%s): %s", one.mac or "a phone", one.address, one.way, one.detail)
        if one.phone is not None:
            values = {"trouble": one.kind, "trouble_at": now, "trouble_detail": one.detail}
            if not Standing.objects.filter(phone=one.phone).update(errors=F("errors") + 1, **values):
                Standing.objects.create(phone=one.phone, errors=1, **values)
    if found and Incident.objects.count() > MOST + 100:
        oldest = Incident.objects.order_by("-at").values_list("at", flat=True)[MOST]
        Incident.objects.filter(at__lte=oldest).delete()
