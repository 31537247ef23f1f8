"""One trunk at work: its addresses and their health, its registration, its calls."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random as random_module
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

from jackfield.sip.digest import DigestClient
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import Hop, bracketed
from jackfield.sip.message import Request
from jackfield.sip.uri import Uri
from jackfield.switch.identity import domain_of
from jackfield.switch.trunk_health import Health
from jackfield.switch.trunk_registration import Registration

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent
    from jackfield.switch.snapshot import Trunk

__all__ = ["LiveTrunk", "networks_of", "uri_of"]

log = logging.getLogger("jackfield.trunks")

RESOLVE_EVERY = 60.0
"""Seconds between looks at DNS; the resolver itself keeps answers as long as they say."""
CHECK_FASTER = 10.0
"""Seconds between OPTIONS to an address that is down or has just failed."""


class LiveTrunk:
    """A trunk of the snapshot with all that is known of it now."""

    def __init__(
        self,
        agent: Agent,
        trunk: Trunk,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        tell: Callable[[Trunk, str, str], None],
        moved: Callable[[], None],
        random: random_module.Random,
    ) -> None:
        """`tell(trunk, state, text)` hears of each change, once; `moved()` when the addresses are others."""
        self.trunk = trunk
        self.health = Health()
        self.digest = DigestClient()
        self.contact_user = _contact_user(trunk, random)
        self.calls = 0
        self.state = "registering" if trunk.kind == "register" else "up"
        self.text = ""
        self.since = wall_clock()
        self.networks = networks_of(trunk.sources)
        self.resolved = False
        self._agent = agent
        self._clock = clock
        self._wall_clock = wall_clock
        self._tell = tell
        self._moved = moved
        self._registered = "registering"
        self._registered_text = ""
        self._random = random
        self._tasks: list[asyncio.Task[None]] = []
        self._registration: Registration | None = None
        self._check_soon = asyncio.Event()

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to resolve, to check and to register."""
        name = self.trunk.name
        self._tasks.append(asyncio.create_task(self._watch(), name=f"trunk {name}"))
        if self.trunk.kind == "register":
            self._registration = Registration(
                self._agent,
                self.trunk,
                digest=self.digest,
                contact_user=self.contact_user,
                events=self,
                random=self._random,
            )
            self._tasks.append(asyncio.create_task(self._register(), name=f"registration of trunk {name}"))

    async def close(self, *, unregister: bool = True) -> None:
        """Stop, and take the registration back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._registration is not None and unregister:
            await self._registration.unregister()

    # --- addresses ---------------------------------------------------------------------------------------------------

    async def resolve(self) -> None:
        """Find the addresses of all hosts (RFC 3263), or those of the outbound proxy."""
        trunk = self.trunk
        found: list[Hop] = []
        for host in (trunk.outbound_proxy,) if trunk.outbound_proxy else trunk.hosts:
            uri = uri_of(host, trunk.transport)
            if uri is not None:
                hops = await self._agent.resolver.resolve(uri, prefer=trunk.transport or None)
                found += [replace(hop, verify=trunk.verify_tls) for hop in hops]
        self.resolved = True
        if (found or not self.health.hops) and self.health.use(found):
            self._moved()  # while DNS is away the last addresses are better than none
        self._update()

    def hops(self) -> list[Hop]:
        """Return the addresses in order of trial."""
        return self.health.in_order(self._clock())

    @property
    def usable(self) -> bool:
        """True unless it is known that a call could not succeed."""
        return self._registered != "refused" and bool(self.health.hops) and self.health.any_up

    # --- watching ----------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            try:
                await self.resolve()
                if self.trunk.qualify_interval > 0:
                    await self._check_all()
            except Exception:
                log.exception('watching trunk "%s" failed', self.trunk.name)
            await self._pause()

    async def _check_all(self) -> None:
        await asyncio.gather(*(self._check(one.hop) for one in self.health.hops))

    async def _pause(self) -> None:
        """Wait for the next round: sooner after a failure."""
        interval = self.trunk.qualify_interval or RESOLVE_EVERY
        if self.trunk.qualify_interval and any(one.failures or not one.up for one in self.health.hops):
            interval = min(interval, CHECK_FASTER)
        self._check_soon.clear()
        sleep = asyncio.ensure_future(self._agent.sleep(interval * self._random.uniform(0.9, 1.1)))
        soon = asyncio.ensure_future(self._check_soon.wait())
        try:
            await asyncio.wait((sleep, soon), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            soon.cancel()

    async def _check(self, hop: Hop) -> None:
        """Ask one address by OPTIONS."""
        began = self._clock()
        response = await self._agent.request(self._options(hop), hops=[hop], timeout=self.trunk.answer_timeout)
        if response.local or response.status == 503:
            self._note_failure(hop, options=True)
        else:
            if one := self.health.of(hop):
                one.latency = self._clock() - began
            self._note_answer(hop, options=True)

    def _options(self, hop: Hop) -> Request:
        trunk = self.trunk
        domain = domain_of(trunk, hop.host)
        ours = f"<sip:jackfield@{domain}>"
        return Request.new(
            "OPTIONS",
            f"sip:{domain}",
            [
                ("From", f"{ours};tag={self._random.getrandbits(64):016x}"),
                ("To", f"<sip:{domain}>"),
                ("Call-ID", f"{self._random.getrandbits(128):032x}"),
                ("Accept", "application/sdp"),
            ],
        )

    def attempted(self, hop: Hop, status: int, *, local: bool) -> None:
        """Take note of how a call attempt ended."""
        if local:
            self._note_failure(hop)
            self._check_soon.set()
        else:
            self._note_answer(hop)

    def _note_answer(self, hop: Hop, *, options: bool = False) -> None:
        if self.health.answered(hop, options=options):
            log.info('trunk "%s": %s is up again', self.trunk.name, hop)
            self._update(f"{hop} answers again")

    def _note_failure(self, hop: Hop, *, options: bool = False) -> None:
        if not self.health.failed(hop, self._clock(), options=options):
            return
        if self.health.any_up:
            others = ", ".join(str(one.hop) for one in self.health.hops if one.up)
            text = 'trunk "%s": %s is down (it does not answer) - calls go to %s'
            log.warning(text, self.trunk.name, hop, others)
        self._update()

    # --- registration ------------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        assert self._registration is not None
        if not self.resolved:
            await self.resolve()
        while True:
            try:
                await self._registration.run(self.hops)
            except Exception:
                log.exception('registering trunk "%s" failed', self.trunk.name)
                await self._agent.sleep(RESOLVE_EVERY)

    def register_again(self) -> None:
        """Register anew, if at all: our address is another."""
        if self._registration is not None:
            self._registration.again()

    @property
    def seen_as(self) -> tuple[str, str]:
        """As what the provider saw us when we registered, and which address of ours that is; "" while unknown."""
        return ("", "") if self._registration is None else self._registration.seen_as

    def registered(self, hop: Hop, seconds: int) -> None:
        """See `RegistrationEvents`."""
        self._registered, self._registered_text = "registered", ""
        self._update(f"registered at {hop} for {seconds} s")

    def refused(self, status: int, text: str) -> None:
        """See `RegistrationEvents`."""
        self._registered, self._registered_text = "refused", text
        self._update()

    def not_registered(self, text: str) -> None:
        """See `RegistrationEvents`."""
        self._registered, self._registered_text = "down", text
        self._update()

    def hop_failed(self, hop: Hop) -> None:
        """See `RegistrationEvents`."""
        self._note_failure(hop)

    def hop_answered(self, hop: Hop) -> None:
        """See `RegistrationEvents`."""
        self._note_answer(hop)

    # --- what the administrator reads --------------------------------------------------------------------------------

    def _update(self, good_news: str = "") -> None:
        """Work out the state; say it once when it has changed."""
        state, text = self._state()
        good = state in ("up", "registered", "registering")
        self.text = text
        if state == self.state:
            return
        self.state = state
        self.since = self._wall_clock()
        text = text or good_news or state
        log.log(logging.INFO if good else logging.ERROR, 'trunk "%s": %s', self.trunk.name, text)
        self._tell(self.trunk, state, text)

    def _state(self) -> tuple[str, str]:
        trunk = self.trunk
        where = f"Trunks > {trunk.name} > Provider's address"
        if self._registered == "refused":
            return "refused", self._registered_text
        if self.resolved and not self.health.hops:
            return "down", f"no address found for {', '.join(trunk.hosts) or 'no host'} - check {where}, and DNS"
        if not self.health.any_up and self._registered == "down":
            return "down", self._registered_text  # which says why
        if not self.health.any_up:
            addresses = ", ".join(str(one.hop) for one in self.health.hops)
            return "down", (
                f"none of its addresses answers ({addresses}) - check the network and {where}; "
                "where the provider ignores OPTIONS, set the health check to 0"
            )
        if trunk.kind == "register":
            return self._registered, self._registered_text
        return "up", ""


def _contact_user(trunk: Trunk, random: random_module.Random) -> str:
    """Return the user of our Contact: hard to guess, and for an account the same after a restart.

    Were it a new one each time, the provider would ring the old registration as well until it expires.
    """
    if trunk.kind == "register" and trunk.password:
        seed = f"{trunk.name}\0{trunk.username}\0{trunk.password}".encode()
        return hashlib.blake2s(seed, digest_size=10, person=b"contact").hexdigest()
    return f"{random.getrandbits(80):020x}"


def uri_of(host: str, transport: str = "") -> Uri | None:
    """Return the URI of "name", "name:port", "192.0.2.1:5060", "2001:db8::1" or "[2001:db8::1]:5060"."""
    host = host.strip()
    if host.count(":") > 1 and not host.startswith("["):
        host = bracketed(host)
    try:
        return Uri.parse(f"sip:{host}{f';transport={transport}' if transport else ''}") if host else None
    except MalformedHeader:
        log.error('"%s" is no host name or address of a trunk', host)
        return None


def networks_of(sources: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    """Return the networks of a list of addresses and networks; what is neither is left out and named in the log."""
    found = []
    for source in sources:
        try:
            found.append(ip_network(source.strip(), strict=False))
        except ValueError:
            log.error('"%s" is no network: calls from there are not taken for the trunk', source)
    return found
