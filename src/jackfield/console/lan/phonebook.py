"""The telephone directory from the database: who may read it, and whom he finds.

Every desk phone has a name (its MAC address) and a password for the directory, which is not stored: it is reckoned from
the installation's secret and from what tells this phone from one that had the same address before it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.provisioning.phonebook.entries import Entry, Number, Section, ordered

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Phonebook", "Reader", "password_of", "sign_in"]

KEPT_SECONDS = 30.0
"""After so long at the latest a phone finds what was changed."""
MOST_KEPT = 200
PASSWORD_LETTERS = 20


@dataclass(frozen=True, slots=True)
class Reader:
    """A phone that has signed in. `user`: key of whose phone it is; None for one of nobody."""

    mac: str
    user: int | None


def password_of(settings: Settings, phone: Any) -> str:
    """Return a desk phone's password for the directory: 100 bits, in letters and digits that any phone can be told."""
    text = f"directory {phone.mac} {phone.pk}".encode()
    digest = hmac.new(settings.files.secret(), text, hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:PASSWORD_LETTERS]


def sign_in(settings: Settings, name: str, password: str) -> Reader | None:
    """Return the phone whose name and password these are; None when they are nobody's. Asks the database."""
    from jackfield.console.provisioning.house import lines_of
    from jackfield.desk_phones.models import DeskPhone
    from jackfield.provisioning.requests import normal_mac

    try:
        mac = normal_mac(name)
    except ValueError:
        return None
    phone = DeskPhone.objects.filter(mac=mac, enabled=True).first()
    if phone is None or not hmac.compare_digest(password_of(settings, phone).encode(), password.encode()):
        return None
    lines = lines_of([phone])
    first = next((lines[name] for name in phone.extensions if name in lines), None)
    return Reader(mac, None if first is None else first.extension.user_id)


class Phonebook:
    """The directory, kept in memory for a while: a phone asks with every letter that is typed."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[int | None, tuple[float, list[Entry]]] = {}

    def entries(self, user: int | None) -> list[Entry]:
        """Return everybody whom this user may call: extensions, the company's contacts, his own. Ordered by name."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(user)
            if kept is None or kept[0] < now:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                kept = self._kept[user] = (now + KEPT_SECONDS, _read(user))
        return kept[1]


def _read(user: int | None) -> list[Entry]:
    """Read it with four queries, however much there is."""
    from django.db.models import Q

    from jackfield.contacts.models import Contact
    from jackfield.contacts.numbers import house
    from jackfield.numbers.models import Extension

    where = house()
    people = list(Extension.objects.filter(enabled=True).values_list("pk", "number", "name"))
    inside = {number for _, number, _ in people}
    entries = [Entry("extensions", f"e{pk}", name or number, (Number("work", number),)) for pk, number, name in people]
    whose = Q(owner=None) if user is None else Q(owner=None) | Q(owner_id=user)
    for contact in Contact.objects.filter(whose).prefetch_related("numbers"):
        numbers = tuple(Number(one.kind, where.dialable(one.number, inside)) for one in contact.numbers.all())
        section: Section = "company" if contact.owner_id is None else "personal"
        if numbers:
            entries.append(Entry(section, f"c{contact.pk}", contact.name, numbers, contact.company, contact.email))
    return ordered(entries)
