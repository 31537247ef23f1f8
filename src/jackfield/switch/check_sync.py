"""Telling phones to fetch their configuration, or to start again: NOTIFY outside of any dialog (Event: check-sync).

No RFC says so: it is what the vendors' phones take, each with parameters of its own, which the one who asks gives.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.sip.message import Request
from jackfield.sip.tokens import Tokens

if TYPE_CHECKING:
    from jackfield.switch.contact import Contact
    from jackfield.switch.switch import Switch

__all__ = ["CheckSync"]

ANSWER_SECONDS = 6.0
AT_ONCE = 50
MOST = 500
"""Lines in one order: the one who asks waits for all of them."""

_tokens = Tokens()


class CheckSync:
    """The verb `notify`."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    async def notify(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a NOTIFY to all phones of each of `lines`, and tell what each answered.

        `lines`: [{"sip_username", "event"}], where the event is as it stands in the header: "check-sync;reboot=true".
        The answer has a row for each phone: {"sip_username", "status", "user_agent", "address"}; status 0: silence;
        and one with status 480 for a line with no phone.
        """
        wanted = request.get("lines")
        if not isinstance(wanted, list) or not all(
            isinstance(one, dict) and isinstance(one.get("sip_username"), str) and _plain(one.get("event"))
            for one in wanted
        ):
            raise ControlError('"lines" must be a list of {"sip_username": …, "event": "check-sync"}')
        if len(wanted) > MOST:
            raise ControlError(f"{len(wanted)} lines are too many for one order: {MOST} at most")
        turn = asyncio.Semaphore(AT_ONCE)
        tasks: list[Any] = []
        found: list[dict[str, Any]] = []
        for one in wanted:
            name = str(one["sip_username"])
            known = self._switch.snapshot.lines.get(name)
            contacts = self._switch.registrar.contacts(known[1]) if known is not None else []
            if not contacts:
                found.append({"sip_username": name, "status": 480, "user_agent": "", "address": ""})
            tasks += [self._tell(turn, name, contact, str(one["event"])) for contact in contacts]
        found += await asyncio.gather(*tasks)
        return found

    async def _tell(self, turn: asyncio.Semaphore, name: str, contact: Contact, event: str) -> dict[str, Any]:
        async with turn:
            told = self._request(contact, event)
            response = await self._switch.agent.request(told, flow=contact.flow, timeout=ANSWER_SECONDS)
        status = 0 if response.local else response.status
        return {
            "sip_username": name,
            "status": status,
            "user_agent": contact.user_agent,
            "address": contact.source[0],
        }

    def _request(self, contact: Contact, event: str) -> Request:
        domain = self._switch.domain
        headers = [
            *(("Route", value) for value in contact.route),
            ("From", f"<sip:jackfield@{domain}>;tag={_tokens.tag()}"),
            ("To", f"<sip:{contact.username}@{domain}>"),
            ("Call-ID", _tokens.call_id()),
            ("Event", event),
            ("Subscription-State", "terminated"),
        ]
        return Request.new("NOTIFY", contact.request_uri, headers)


def _plain(event: object) -> bool:
    """Whether an event can stand in a header."""
    return isinstance(event, str) and bool(event) and event.isascii() and event.isprintable() and len(event) < 200
