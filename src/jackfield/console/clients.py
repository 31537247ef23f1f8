"""Who has used which service of this machine lately: whom a change of the firewall would shut out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError, ask_sync
from jackfield.network.firewall.policy import is_loopback

if TYPE_CHECKING:
    from jackfield.network.firewall.services import ServiceName
    from jackfield.settings import Settings

__all__ = ["DAYS", "Client", "recent"]

DAYS = 7
MOST_LEGS = 20_000
"""Parts of calls that are looked through, the latest: on a large system a day or two."""
PATIENCE = 1.0
_BY_TRANSPORT: dict[str, ServiceName] = {
    "UDP": "sip", "TCP": "sip", "TLS": "sip_tls", "WS": "websocket", "WSS": "websocket",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who was let in. `who`: in words, "extension 103", "Anna"; `address`: an IP literal."""

    service: ServiceName
    address: str
    who: str


def recent(settings: Settings) -> list[Client]:
    """Return those of the last days, each once: phones, people, programs. The machine itself is left out."""
    since = time.time() - DAYS * 86400
    found = dict.fromkeys((*_phones(settings), *_callers(since), *_people(since), *_desk_phones(since)))
    return [one for one in found if one.address and not is_loopback(one.address)]


def _phones(settings: Settings) -> Iterator[Client]:
    rows: list[dict[str, Any]] = []
    with contextlib.suppress(ControlError):
        rows = ask_sync(settings.files.switch_socket, "registrations", timeout=PATIENCE)
    for row in rows:
        yield from _by_sip(row["transport"], row["address"], row["extension"])


def _callers(since: float) -> Iterator[Client]:
    from jackfield.history.models import Leg

    rows = Leg.objects.filter(call__started__gte=since).exclude(address="").exclude(extension="")
    latest = rows.order_by("-call__started").values_list("address", "extension")[:MOST_LEGS]
    for address, extension in dict.fromkeys(latest):
        transport, _, place = address.partition(" ")
        yield from _by_sip(transport, place, extension)


def _by_sip(transport: str, place: str, extension: str) -> Iterator[Client]:
    """`place`: address and port, "192.0.2.7:5060", "[2001:db8::7]:5060"."""
    service = _BY_TRANSPORT.get(transport.upper())
    if service is not None:
        yield Client(service, place.rpartition(":")[0].strip("[]"), f"extension {extension}")


def _people(since: float) -> Iterator[Client]:
    from jackfield.changes.models import Revision
    from jackfield.people.models import AccountEvent

    ways: tuple[tuple[str, ServiceName], ...] = (
        ("api", "api"),
        ("page", "administration"),
        ("import", "administration"),
    )
    for through, service in ways:
        rows = Revision.objects.filter(at__gte=since, through=through).exclude(address="")
        for address, author in rows.values_list("address", "author").distinct():
            yield Client(service, address, author)
    rows = AccountEvent.objects.filter(at__gte=since, what="signed_in").exclude(address="")
    for address, login in rows.values_list("address", "login").distinct():
        yield Client("own_pages", address, login)


def _desk_phones(since: float) -> Iterator[Client]:
    from jackfield.desk_phones.models import Standing

    ways: dict[str, ServiceName] = {"https": "provisioning", "http": "provisioning", "tftp": "tftp"}
    for row in Standing.objects.filter(last_fetch__gte=since).select_related("phone"):
        if row.way in ways:
            yield Client(ways[row.way], row.address, row.phone.name or row.phone.mac)
