"""Telling phones to fetch their configuration, or to start again: NOTIFY outside of any dialog (Event: check-sync).

No RFC says so: it is what the vendors' phones take, each with parameters of its own, which the one who asks gives.

Some phones ask the sender for the password of the line (RFC 3261 section 22.2). For our own realm the snapshot has the
digest of it (HA1); for a realm of the phone's own, such as a Polycom's "PolycomSPIP", the one who asks makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.sip.authentication import authenticate
from jackfield.sip.digest import ALGORITHMS, DigestClient
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import parse_auth
from jackfield.sip.message import Request, Response
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
Known = Callable[[str, str], str | None]
"""The HA1 for a realm and an algorithm, by one password."""


class CheckSync:
    """The verb `notify`."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    async def notify(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a NOTIFY to all phones of each of `lines`, and tell what each answered.

        `lines`: [{"sip_username", "event", "ha1"}], where the event is as it stands in the header:
        "check-sync;reboot=true"; `ha1`, where phones are known to ask for it, the digests by which their challenge is
        answered, one dictionary for each password that may be right: {"MD5 PolycomSPIP": "0123…"}.
        The answer has a row for each phone: {"sip_username", "status", "user_agent", "address", "asked"}; status 0:
        silence; one with status 480 for a line with no phone. `asked`: what it wants to know of the password and was
        not told, as above; [] for nearly all.
        """
        wanted = request.get("lines")
        if not isinstance(wanted, list) or not all(
            isinstance(one, dict)
            and isinstance(one.get("sip_username"), str)
            and _plain(one.get("event"))
            and _digests(one.get("ha1", []))
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
                found.append({"sip_username": name, "status": 480, "user_agent": "", "address": "", "asked": []})
            tasks += [self._tell(turn, name, contact, one) for contact in contacts]
        found += await asyncio.gather(*tasks)
        return found

    async def _tell(
        self, turn: asyncio.Semaphore, name: str, contact: Contact, order: dict[str, Any]
    ) -> dict[str, Any]:
        given = [_known_of(one) for one in order.get("ha1", [])]
        async with turn:
            response, answered = await self._delivered(name, contact, str(order["event"]), given)
        status = 0 if response.local else response.status
        return {
            "sip_username": name,
            "status": status,
            "user_agent": contact.user_agent,
            "address": contact.source[0],
            "asked": [] if answered or response.local else _asked(response),
        }

    async def _delivered(self, name: str, contact: Contact, event: str, given: list[Known]) -> tuple[Response, bool]:
        """Send it, with what answers a challenge: the newest password first, then the one before. Returns the last
        response, and whether a challenge could be answered.
        """
        request = self._request(contact, event)
        response = await self._ask(request, contact)
        answered = False
        for known in (*self._own(name), *given):
            if response.local or response.status not in (401, 407):
                break
            bare = request.copy()
            bare.remove("Authorization")  # a refusal of the newest password: the one before is tried
            bare.remove("Proxy-Authorization")
            again = authenticate(bare, response, DigestClient(), name, known)
            if again is not None:
                answered, request = True, again
                response = await self._ask(again, contact)
        return response, answered

    async def _ask(self, request: Request, contact: Contact) -> Response:
        return await self._switch.agent.request(request, flow=contact.flow, timeout=ANSWER_SECONDS)

    def _own(self, name: str) -> list[Known]:
        """Return what we know of a line's passwords: digests for our own realm, of the newest and the one before."""
        found = self._switch.snapshot.lines.get(name)
        if found is None:
            return []
        line, newer = found[1], self._switch.authenticator.secrets.of(name)
        realm = self._switch.snapshot.general.realm
        pairs = [(line.ha1_md5, line.ha1_sha256)]
        if newer is not None:
            pairs = [(newer.md5, newer.sha256), (newer.previous_md5, newer.previous_sha256)]
        return [_known_of({f"MD5 {realm}": weak, f"SHA-256 {realm}": strong}) for weak, strong in pairs if weak]

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


def _digests(found: object) -> bool:
    """Whether these are digests as an order has them."""
    return isinstance(found, list) and all(
        isinstance(one, dict) and all(isinstance(value, str) for value in one.values()) for one in found
    )


def _known_of(digests: dict[str, str]) -> Known:
    def ha1(realm: str, algorithm: str) -> str | None:
        return digests.get(f"{algorithm} {realm}")

    return ha1


def _asked(response: Response) -> list[str]:
    """Return which digests would answer a challenge: each an algorithm that we have, and the realm."""
    if response.status not in (401, 407):
        return []
    found = []
    for value in response.all("Proxy-Authenticate" if response.status == 407 else "WWW-Authenticate"):
        try:
            challenge = parse_auth(value)
        except MalformedHeader:
            continue
        algorithm = challenge.get("algorithm", "MD5").upper()
        if challenge.scheme == "digest" and algorithm in ALGORITHMS:
            found.append(f"{algorithm} {challenge.get('realm')}")
    return found
