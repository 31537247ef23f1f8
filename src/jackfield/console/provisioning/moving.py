"""Desk phones whose router stands in the way of SIP or audio are told to fetch their settings, which give them TLS.

What a phone's network needs, the switch finds out (`switch.verdict`), and `advice` hands on; here it is made to count
without anybody who restarts phones. Each is told once a day at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.console.provisioning import check_sync
from jackfield.console.provisioning.advice import advice
from jackfield.console.provisioning.configuring import can_tls
from jackfield.console.provisioning.house import lines_of
from jackfield.control import ControlError, ask_sync

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["BY", "move"]

log = logging.getLogger("jackfield.provisioning")

BY = "Jackfield: a router stands in the way"
"""Who asks, in the list of rounds."""
ONE_A_DAY = 86400.0
ANSWER_SECONDS = 1.5


def move(settings: Settings, now: float, ask: Callable[..., Any] = ask_sync) -> list[str]:
    """Have phones fetch that had better use TLS; return their MAC addresses. Raises errors of the database."""
    from jackfield.desk_phones.models import CheckSyncPhone, DeskPhone

    try:
        names = set(ask(settings.files.switch_socket, "to_be_moved", timeout=ANSWER_SECONDS))
    except ControlError:
        return []
    if not names:
        return []
    phones = list(DeskPhone.objects.filter(enabled=True, standing__way="https"))
    lines = lines_of(phones)
    found = [
        phone.mac
        for phone in phones
        if can_tls(phone.model) and any(lines[name].sip_username in names for name in phone.extensions if name in lines)
    ]
    told = CheckSyncPhone.objects.filter(mac__in=found, round__by=BY, round__made__gt=now - ONE_A_DAY)
    found = sorted(set(found) - set(told.values_list("mac", flat=True)))
    if found:
        advice.forget()
        check_sync.order(found, reboot=False, due=now, by=BY, now=now)
        log.info("%s: told to fetch settings with TLS, since a router stands in the way", ", ".join(found))
    return found
