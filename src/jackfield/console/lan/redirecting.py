"""Entering desk phones at their vendors' services, each with a one-time address of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jackfield.plug_and_play.choices import Outcome
from jackfield.provisioning.catalogue import models
from jackfield.provisioning.redirection.service import Account, RedirectionError, Service
from jackfield.provisioning.redirection.services import SERVICES

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["enter", "remove", "service_of"]


def service_of(phone: Any) -> str:
    """Return the service of a desk phone's vendor; "" where there is none that we speak to."""
    model = models().get(phone.model)
    vendor = model.vendor if model is not None else ""
    return next((name for name, known in SERVICES.items() if known.vendor == vendor), "")


def enter(settings: Settings, phone: Any, *, code: str, by: str, host: str) -> Any:
    """Have the vendor send a phone to a new one-time address. Waits for the vendor; returns what became of it.

    `host`: by which name or address of ours the phone will reach us, when none is set.
    """
    from jackfield.console.provisioning import links
    from jackfield.console.provisioning.house import House
    from jackfield.console.provisioning.standing import one_time_address

    def work(service: Service) -> str:
        house = House.read(settings)
        secret = links.new(phone, hours=house.rules.link_hours)
        url = one_time_address(settings, host, secret)
        try:
            service.enter(phone.mac, models()[phone.model].provisioning_url.format(url=url, mac=phone.mac), code)
        except RedirectionError as problem:
            links.revoke(phone, time.time())  # nobody has it
            raise problem
        return str(Outcome.ENTERED)

    return _with(phone, by, work)


def remove(phone: Any, *, code: str, by: str) -> Any:
    """Have the vendor send a phone nowhere. Waits for the vendor; returns what became of it."""

    def work(service: Service) -> str:
        service.remove(phone.mac, code)
        return str(Outcome.REMOVED)

    return _with(phone, by, work)


def _with(phone: Any, by: str, work: Any) -> Any:
    from jackfield.plug_and_play.models import Redirected

    name, detail = service_of(phone), ""
    try:
        outcome = work(_open(name))
    except RedirectionError as problem:
        outcome, detail = str(Outcome.FAILED), str(problem)
    values = {"service": name, "outcome": outcome, "at": time.time(), "by": by[:150], "detail": detail}
    row, _ = Redirected.objects.update_or_create(mac=phone.mac, defaults=values)
    return row


def _open(name: str) -> Service:
    from jackfield.plug_and_play.models import Redirection

    if not name:
        raise RedirectionError("this phone's vendor has no service that can be asked by a program")
    row = Redirection.objects.filter(service=name).first()
    if row is None:
        raise RedirectionError("there is no account at this vendor's service: add it under Redirection services")
    return SERVICES[name].open(Account(row.account, row.password, row.address))
