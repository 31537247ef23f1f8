"""Our registration with a provider (RFC 3261 section 10.2): kept up, and explained when it is refused."""

from __future__ import annotations

import logging
import random as random_module
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import Flow, Hop
from jackfield.sip.message import Request
from jackfield.sip.uri import escape_user
from jackfield.switch.identity import domain_of
from jackfield.switch.nat import same_address

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent
    from jackfield.sip.digest import DigestClient
    from jackfield.sip.message import Response
    from jackfield.switch.snapshot import Trunk

__all__ = ["Registration", "RegistrationEvents"]

log = logging.getLogger("jackfield.trunks")

FIRST_RETRY = 5.0
LONGEST_RETRY = 300.0
REFUSED_RETRY = 60.0
"""Seconds after which a refused password is first tried again, then twice as long, so that no account is locked."""
LONGEST_REFUSED_RETRY = 1800.0
KEEP_ALIVE = 25.0
"""Seconds between pings when a NAT stands between us and the provider (RFC 5626 section 4.4.1 gives 24-29)."""
_LOOK = 5.0  # seconds between looks at the connection
_REFUSALS = frozenset((401, 402, 403, 404, 407, 410, 604))


class RegistrationEvents(Protocol):
    """What a registration tells its trunk."""

    def registered(self, hop: Hop, seconds: int) -> None:
        """The provider took us, for so many seconds."""

    def refused(self, status: int, text: str) -> None:
        """The provider wants us not: no other address will help."""

    def not_registered(self, text: str) -> None:
        """Nobody answered, or with an error of its own."""

    def hop_failed(self, hop: Hop) -> None:
        """An address did not answer."""

    def hop_answered(self, hop: Hop) -> None:
        """An address answered."""


class Registration:
    """Registers and stays registered until cancelled."""

    def __init__(
        self,
        agent: Agent,
        trunk: Trunk,
        *,
        digest: DigestClient,
        contact_user: str,
        events: RegistrationEvents,
        random: random_module.Random,
    ) -> None:
        self._agent = agent
        self._trunk = trunk
        self._digest = digest
        self._contact_user = contact_user
        self._events = events
        self._random = random
        self._call_id = f"{random.getrandbits(128):032x}"
        self._tag = f"{random.getrandbits(64):016x}"
        self._cseq = random.randrange(1, 10_000)
        self._expires = trunk.register_expires
        self._flow: Flow | None = None
        self._hop: Hop | None = None
        self._behind_nat = False
        self._failures = 0
        self._again = False
        self.seen_as = ("", "")
        """How the provider saw us the last time: the address, and which of ours that is. "" while it has not said."""

    async def run(self, hops: Callable[[], list[Hop]]) -> None:
        """Register again and again. `hops` gives the addresses in order of trial."""
        while True:
            await self._wait(await self._round(hops()))
            self._again = False

    def again(self) -> None:
        """Register anew soon: our address is another."""
        self._again = True

    async def unregister(self) -> None:
        """Take the registration back, as far as the provider still listens."""
        if self._hop is not None and self._flow is not None:
            await self._send(self._hop, self._flow, 0)
            self._hop = None

    # --- one round ---------------------------------------------------------------------------------------------------

    async def _round(self, hops: list[Hop]) -> float:
        """Try each address until one takes us; return the seconds until the next round."""
        hosts, where = ", ".join(self._trunk.hosts), f"Trunks > {self._trunk.name} > Provider's address"
        text = f"no address found for {hosts} - check {where}, and DNS"
        pause = 0.0
        for hop in hops:
            problems: list[str] = []
            flow = await self._agent.flow_to(hop, why=problems.append)
            if flow is None:
                self._events.hop_failed(hop)
                also = ' and "Check the certificate"' if hop.transport == "TLS" else ""
                text = f"{problems[-1]} - check {where}{also}, and the network"
                continue
            response = await self._send(hop, flow, self._expires)
            if response.local:
                self._events.hop_failed(hop)
                text = f"{hop} does not answer - check {where}, and the network"
                continue
            if 200 <= response.status < 300:
                self._events.hop_answered(hop)
                return self._succeeded(hop, flow, response)
            pause = max(pause, _retry_after(response))
            if response.status in _REFUSALS:
                self._events.hop_answered(hop)
                return self._refused(response, pause)
            text = f"{hop} answered {response.status} {response.reason}"
            if response.status >= 500:
                self._events.hop_failed(hop)
        return self._failed(text, pause)

    async def _send(self, hop: Hop, flow: Flow, expires: int) -> Response:
        """Send a REGISTER with whatever answers a challenge and a Min-Expires ask for."""
        request = self._request(flow, expires)
        response = await self._ask(request, flow)
        challenged = False
        for _ in range(3):
            if response.status in (401, 407):
                if not challenged:
                    # Credentials that we brought along were for an older nonce. Not every provider says so by
                    # stale=true, hence the first challenge is never taken for a refusal.
                    request.remove("Authorization")
                    request.remove("Proxy-Authorization")
                    challenged = True
                trunk = self._trunk
                again = self._agent.authenticate(request, response, self._digest, self._username, trunk.password)
                if again is None:
                    self._digest.forget()
                    break
                self._cseq = again.cseq.number
                request = again
            elif response.status == 423 and expires and _min_expires(response) > self._expires:
                self._expires = expires = _min_expires(response)
                request = self._request(flow, expires)
            else:
                break
            response = await self._ask(request, flow)
        return response

    async def _ask(self, request: Request, flow: Flow) -> Response:
        return await self._agent.request(request, flow=flow, timeout=self._trunk.answer_timeout)

    @property
    def _username(self) -> str:
        return self._trunk.auth_username or self._trunk.username

    def _request(self, flow: Flow, expires: int) -> Request:
        domain = domain_of(self._trunk, flow.local[0])
        address = f"<sip:{escape_user(self._trunk.username)}@{domain}>"
        self._cseq += 1
        contact = self._agent.contact(flow, self._contact_user, secure=False)
        uri = f"sip:{domain}"
        request = Request.new(
            "REGISTER",
            uri,
            [
                ("From", f"{address};tag={self._tag}"),
                ("To", address),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._cseq} REGISTER"),
                ("Contact", f"{contact};expires={expires}"),
                ("Expires", str(expires)),
                ("Supported", "path"),
            ],
        )
        credentials = self._digest.again("REGISTER", uri, self._username, self._trunk.password)
        if credentials is not None:
            request.set("Authorization", credentials)
        return request

    # --- what came of it ---------------------------------------------------------------------------------------------

    def _succeeded(self, hop: Hop, flow: Flow, response: Response) -> float:
        self._failures = 0
        self._flow, self._hop = flow, hop
        seconds = self._granted(response)
        received = response.via.received
        self.seen_as = (received or response.via.host, flow.local[0])
        self._behind_nat = flow.transport == "UDP" and not same_address(self.seen_as[0], flow.local[0])
        self._events.registered(hop, seconds)
        # Not all at the same time after a restart, and early enough for a second try.
        return seconds * self._random.uniform(0.5, 0.9)

    def _granted(self, response: Response) -> int:
        """Return for how many seconds the provider registered us."""
        try:
            for contact in response.contacts:
                text = contact.params.get("expires")
                if contact.uri.user == self._contact_user and text and text.isascii() and text.isdigit():
                    return max(int(text[:8]), 1)
            return max(response.expires or self._expires, 1)
        except MalformedHeader:
            return self._expires

    def _refused(self, response: Response, pause: float) -> float:
        self._failures += 1
        self._hop = None
        name, status = self._trunk.name, response.status
        if status in (401, 407, 403):
            text = f"password refused ({status}) - check Trunks > {name} > Password"
        elif status in (404, 410, 604):
            text = f'the provider knows no user "{self._trunk.username}" ({status}) - check Trunks > {name} > User name'
        else:
            text = f"registration refused ({status} {response.reason}) - ask the provider"
        self._events.refused(status, text)
        return max(pause, self._backoff(REFUSED_RETRY, LONGEST_REFUSED_RETRY))

    def _failed(self, text: str, pause: float) -> float:
        self._failures += 1
        self._hop = None
        self._events.not_registered(text)
        return max(pause, self._backoff(FIRST_RETRY, LONGEST_RETRY))

    def _backoff(self, first: float, longest: float) -> float:
        doubled: float = first * 2 ** min(self._failures - 1, 10)
        return min(doubled, longest) * self._random.uniform(0.75, 1.25)

    async def _wait(self, seconds: float) -> None:
        """Wait for the next round; come back at once when the connection has gone."""
        registered = self._hop is not None
        pinged = 0.0
        while seconds > 0 and not self._again:
            step = min(_LOOK, seconds)
            await self._agent.sleep(step)
            seconds -= step
            pinged += step
            flow = self._flow
            if not registered or flow is None:
                continue
            if flow.closed:
                self._events.not_registered(f"the connection to {self._hop} has gone, connecting anew")
                self._hop = None
                return
            if pinged >= KEEP_ALIVE and (self._behind_nat or flow.reliable):
                pinged = 0.0
                ping = getattr(self._agent.transports, "keep_alive", None)
                if ping is not None:
                    ping(flow)


def _retry_after(response: Response) -> float:
    """Return the seconds of Retry-After (RFC 3261 section 20.33), 0 without."""
    value = (response.get("Retry-After") or "").split(";")[0].split("(")[0].strip()
    return float(min(int(value[:6]), 3600)) if value.isascii() and value.isdigit() else 0.0


def _min_expires(response: Response) -> int:
    value = response.get("Min-Expires") or ""
    return min(int(value[:8]), 86_400) if value.isascii() and value.isdigit() else 0
