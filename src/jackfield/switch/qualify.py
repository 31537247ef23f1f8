"""Keep-alive: OPTIONS to registered phones, which keeps pinholes in NATs open and notices a phone that is lost.

Only what a phone sends is sure to keep its pinhole open (RFC 4787 section 4.3), so each question wants an answer; but
a phone that speaks by itself is not asked. How long a NAT remembers is measured: one phone behind it is left in peace
for longer and longer, and asked then. Should it not be reached, it would be away until it registers again, so the
phone that is tried is told to register soon after. See `pinhole` for what follows.

With 20,000 phones these questions are most of what the switch sends, so they have no transactions: each is written in
one go, and repeated from here.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random as random_module
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.sip.flow import Flow, bracketed
from jackfield.sip.message import Request, Response
from jackfield.sip.tokens import MAGIC_COOKIE
from jackfield.switch import gateway
from jackfield.switch.contact import Contact
from jackfield.switch.registrar import Registrar
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent
    from jackfield.switch.pinhole import Pinhole

__all__ = ["LOST_AFTER", "Qualifier"]

log = logging.getLogger("jackfield.registrar")

LOST_AFTER = 3
"""OPTIONS in a row without an answer until a phone is taken to be lost."""
TIMEOUT = 4.0
"""Seconds to wait for an answer."""
REPEATS = (0.5, 1.0, 2.0)
"""Seconds after which a question on UDP is asked again (RFC 3261 section 17.1.2: T1, doubled); TIMEOUT at the end."""
ON_CONNECTIONS = 120.0
"""Seconds between questions on connections: the kernel's own keep-alives, every minute, hold those open (`sockets`)."""
SOON = 5.0
"""Seconds after a silence that is tried within which the phone should register again."""
SHORTEST_REGISTRATION = 20
"""Seconds for which a phone that is tried is registered at least."""
USUAL_SHARE = 0.5
"""When phones register again, as a share of what they were granted: the earliest that is usual."""
TURNS = 4
"""Registrations of a phone that is tried after which another one is."""
_BURST = 50  # requests in one turn of the loop
_PAUSE = 0.02  # seconds to let calls in when more than that are due
_BRANCH = MAGIC_COOKIE + "ka"


class Qualifier:
    """Asks each phone behind NAT before the NAT forgets it; three misses make it unreachable."""

    def __init__(
        self,
        agent: Agent,
        registrar: Registrar,
        snapshot: Callable[[], Snapshot],
        *,
        clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        random: random_module.Random | None = None,
        wall_clock: Callable[[], float] | None = None,
    ) -> None:
        """`emit` is not used: the registrar tells of phones that are lost and found."""
        self._agent = agent
        self._registrar = registrar
        self._snapshot = snapshot
        self._clock = clock
        self._wall_clock = wall_clock or clock
        self._random = random or random_module.Random()
        self._due: list[tuple[float, int, Contact]] = []
        self._scheduled: set[int] = set()
        self._asked: dict[str, Contact] = {}  # by branch
        self._task: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to ask."""
        self._registrar.watchers.append(self.watch)
        self._registrar.grant = self.registered
        self._agent.stray = self._heard
        for contact in self._registrar:
            self.watch(contact)
        self._task = asyncio.create_task(self._run(), name="qualify")

    async def close(self) -> None:
        """Stop asking."""
        if self.watch in self._registrar.watchers:
            self._registrar.watchers.remove(self.watch)
        tasks = [*self._asking, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None

    # --- who is asked, and when --------------------------------------------------------------------------------------

    def watch(self, contact: Contact) -> None:
        """Begin to ask a phone if it is one to be asked and is not yet."""
        if contact.id not in self._scheduled and self._is_asked(contact):
            self._scheduled.add(contact.id)
            # Phones that came together (after a power cut, after our restart) are spread over the interval.
            self._push(contact, self._snapshot().general.qualify_interval * self._random.uniform(0.05, 1.0))

    def _is_asked(self, contact: Contact) -> bool:
        """Say if OPTIONS go to this phone: while it is registered, behind a NAT, or all on UDP are to be asked.

        Another one is asked once, whether a router on the way has made its addresses look public.
        """
        general = self._snapshot().general
        if general.qualify_interval <= 0 or not self._registrar.holds(contact):
            return False
        if contact.behind_nat or (general.qualify_all and contact.transport == "UDP"):
            return True
        return not contact.baited and self._may_be_changed(contact)

    def _may_be_changed(self, contact: Contact) -> bool:
        """Say if a router could change what it says: it is far away, and not encrypted."""
        if contact.transport not in ("UDP", "TCP") or contact.flow is None or contact.route:
            return False
        found = self._snapshot().lines.get(contact.username)
        return found is not None and found[1].behind_nat != "never" and not self._registrar.is_near(contact.source[0])

    def interval(self, contact: Contact) -> float:
        """Return the seconds of silence after which this phone is asked."""
        start = self._snapshot().general.qualify_interval
        if contact.transport != "UDP":
            start = max(start, ON_CONNECTIONS)
        return self._registrar.experience.pinhole(contact).interval(start) if contact.behind_nat else start

    def _push(self, contact: Contact, seconds: float) -> None:
        heapq.heappush(self._due, (self._clock() + seconds, contact.id, contact))

    async def _run(self) -> None:
        while True:
            try:
                pause = self._ask_due()
            except Exception:
                log.exception("asking phones by OPTIONS failed")
                pause = 1.0
            await self._agent.sleep(pause)

    def _ask_due(self) -> float:
        """Ask every phone whose time has come; return the seconds until the next look."""
        now = self._clock()
        for _ in range(_BURST):
            if not self._due or self._due[0][0] > now:
                return max(0.05, min(1.0, self._due[0][0] - now)) if self._due else 1.0
            _, number, contact = heapq.heappop(self._due)
            if contact.asked:
                self._ask_again(contact, now)
            elif not self._is_asked(contact):
                self._scheduled.discard(number)
            elif (rest := self._rest(contact, now)) > 0:
                self._push(contact, rest)
            else:
                self._ask(contact, now)
        return _PAUSE

    def _rest(self, contact: Contact, now: float) -> float:
        """Return the seconds for which this phone can still be left in peace."""
        if contact.trial:
            return contact.trial - (now - contact.last_passed)
        if contact.missed or contact.latency is None:
            return 0.0
        quiet, interval = now - contact.last_heard, self.interval(contact)
        return 0.0 if quiet >= interval * 0.85 else interval * self._random.uniform(0.9, 1.0) - quiet

    # --- a question --------------------------------------------------------------------------------------------------

    def _ask(self, contact: Contact, now: float) -> None:
        contact.quiet = now - contact.last_passed if contact.last_passed else 0.0
        contact.asked_at, contact.repeated = now, 0
        flow = contact.flow
        if flow is not None and not contact.route:
            contact.asked = f"{_BRANCH}{self._random.getrandbits(64):016x}"
            self._asked[contact.asked] = contact
            self._choose_bait(contact)
            self._push(contact, REPEATS[0] if contact.transport == "UDP" else TIMEOUT)
            flow.send(self._question(contact, flow))
            return
        self._push(contact, self.interval(contact) * self._random.uniform(0.9, 1.0))
        if contact.link is None and contact.transport != "UDP":
            return  # its connection has gone, and only it can connect anew
        task = asyncio.ensure_future(self._ask_by_uri(contact))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def _ask_again(self, contact: Contact, now: float) -> None:
        """No answer has come yet: repeat the question, or take it for lost."""
        flow = contact.flow
        if flow is None or now - contact.asked_at >= TIMEOUT - 0.01 or not self._registrar.holds(contact):
            self._missed(contact)
            # To know soon whether it is lost, or one packet was.
            self._push(contact, max(self.interval(contact) / 3, TIMEOUT) - TIMEOUT + 0.1)
            return
        contact.repeated += 1
        waits = REPEATS[contact.repeated] if contact.repeated < len(REPEATS) else TIMEOUT
        self._push(contact, min(waits, contact.asked_at + TIMEOUT - now))
        flow.send(self._question(contact, flow))

    def _question(self, contact: Contact, flow: Flow) -> bytes:
        """Return the datagram; a repeated one is the same but for nothing."""
        host, port = self._agent.local_address(flow)
        here = bracketed(host)
        asker, asked = (gateway.CONTROL, contact.bait) if contact.bait else (here, here)
        branch = contact.asked
        return (
            f"OPTIONS {contact.uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{contact.transport} {here}:{port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:jackfield@{asker}>;tag={branch[-12:]}\r\n"
            f"To: <sip:{contact.username}@{asked}>\r\nCall-ID: {branch[9:]}\r\nCSeq: 1 OPTIONS\r\n"
            "Accept: application/sdp\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def _heard(self, response: Response, flow: Flow) -> bool:
        """Take a response that belongs to no transaction. True when it answers a question of ours."""
        branch = response.via.branch or ""
        contact = self._asked.get(branch) if branch.startswith(_BRANCH) else None
        if contact is None:
            return branch.startswith(_BRANCH)
        if response.status < 200:
            return True
        del self._asked[branch]
        contact.asked = ""
        now = self._clock()
        if not contact.repeated or contact.latency is None:
            contact.latency = now - contact.asked_at
        contact.heard = now
        if contact.link is not flow and contact.came_by(flow):
            contact.link = flow
        if contact.bait:
            self._look_for_gateway(contact, response)
        self._reached(contact)
        self._learn(contact)
        return True

    async def _ask_by_uri(self, contact: Contact) -> None:
        response = await self._agent.request(self._options(contact), timeout=TIMEOUT)
        if response.local:
            self._missed(contact)
            return
        contact.latency = self._clock() - contact.asked_at
        contact.heard = self._clock()
        self._reached(contact)

    def _options(self, contact: Contact) -> Request:
        here = bracketed(contact.local[0]) if contact.link is None else bracketed(contact.link.local[0])
        return Request.new(
            "OPTIONS",
            contact.request_uri,
            [
                *(("Route", value) for value in contact.route),
                ("From", f"<sip:jackfield@{here}>;tag={self._random.getrandbits(64):016x}"),
                ("To", f"<sip:{contact.username}@{here}>"),
                ("Call-ID", f"{self._random.getrandbits(128):032x}"),
                ("Accept", "application/sdp"),
            ],
        )

    def _reached(self, contact: Contact) -> None:
        """An answer has come, whatever it says: the phone is there."""
        contact.missed = 0
        if not contact.reachable:
            latency = contact.latency or 0.0
            self._registrar.reached(contact, True, f"it answers OPTIONS in {latency * 1000:.0f} ms")

    def _missed(self, contact: Contact) -> None:
        """Silence and a dead connection are misses."""
        self._asked.pop(contact.asked, None)
        contact.asked = ""
        contact.missed += 1
        if contact.missed == 1 and contact.behind_nat and not contact.bait:  # it may not like the bait
            contact.doubt = contact.quiet
        contact.bait = ""
        if contact.missed >= LOST_AFTER:
            self._registrar.reached(contact, False, f"{contact.missed} OPTIONS without an answer")

    # --- routers that change SIP -------------------------------------------------------------------------------------

    def _choose_bait(self, contact: Contact) -> None:
        """The first two questions on each binding find out whether a router changes what is said."""
        contact.bait = ""
        if contact.baited >= gateway.BAITS or not self._may_be_changed(contact):
            return
        contact.baited += 1
        own = contact.own_address
        contact.bait = f"{own}:{contact.own_port}" if contact.baited == 2 and own else gateway.bait(contact.source)

    def _look_for_gateway(self, contact: Contact, response: Response) -> None:
        sent, contact.bait = contact.bait, ""
        if not contact.own_address and response.body:
            contact.own_address = gateway.told_address(response.body[:2000].decode("latin-1"))
        found = gateway.changed(sent, gateway.CONTROL, response)
        address = contact.source[0]
        experience = self._registrar.experience
        if found is None or (not found and (contact.baited < gateway.BAITS or contact.gateway)):
            return
        contact.gateway = found
        experience.changed(contact, found)
        if experience.gateway(address, found):
            text = "the router at %s changes SIP messages (SIP ALG): switch that off there, or let its phones use TLS"
            log.warning(text if found else "the router at %s does not change SIP messages any more", address)
        if found and not contact.behind_nat:
            contact.nat_reason = f"the router at {address} changes its SIP messages (SIP ALG)"
            contact.by_flow = True
        self._registrar.changed(contact)

    # --- how long the NAT remembers ----------------------------------------------------------------------------------

    def registered(self, contact: Contact, expires: int, restarted: bool) -> int:
        """A phone behind a NAT has registered again; return the seconds to grant it."""
        now, start = self._clock(), self._snapshot().general.qualify_interval
        if contact.granted:
            share = (now - contact.granted_at) / contact.granted
            if 0.3 < share <= 1.0:
                contact.share = share
        self._settle_doubt(contact, restarted, start)
        contact.heard = contact.granted_at = now
        contact.granted = expires
        contact.trial = 0.0
        if contact.transport != "UDP" or not contact.behind_nat or start <= 0:
            return expires
        pinhole = self._registrar.experience.pinhole(contact)
        if pinhole.phone != contact.id:
            return expires
        pinhole.turns += 1
        share = min(contact.share or USUAL_SHARE, 0.95)
        silence = min(pinhole.following(start), expires * share - SOON)  # it speaks by itself after that
        if silence < (pinhole.good or start) * 1.05 or pinhole.turns > TURNS:
            pinhole.limit = min(pinhole.limit, pinhole.good or start)
            pinhole.end()
            return expires
        contact.trial = silence
        contact.granted = min(expires, max(SHORTEST_REGISTRATION, int((silence + SOON) / share) + 1))
        return contact.granted

    def _settle_doubt(self, contact: Contact, restarted: bool, start: float) -> None:
        """It was silent when asked, and is there: its NAT had forgotten it, unless the phone itself was away."""
        doubt, contact.doubt = contact.doubt, 0.0
        if contact.asked and contact.repeated >= 2 and not contact.bait:  # it registers while it is asked in vain
            self._asked.pop(contact.asked, None)
            contact.asked, doubt = "", contact.quiet
        if not doubt or restarted:
            return
        pinhole = self._registrar.experience.pinhole(contact)
        before = pinhole.interval(start)
        pinhole.forgot(doubt, start, self._wall_clock())
        self._registrar.experience.learnt(contact)
        after = pinhole.interval(start)
        if after < before:
            log.info("the NAT at %s forgets after %.0f s: keep-alives every %.0f s", contact.source[0], doubt, after)

    def _learn(self, contact: Contact) -> None:
        """It has answered after a silence: note that, and choose who is tried next."""
        if not contact.behind_nat or contact.transport != "UDP":
            return
        contact.doubt = 0.0
        now, start = self._wall_clock(), self._snapshot().general.qualify_interval
        experience = self._registrar.experience
        pinhole = experience.pinhole(contact)
        if (pinhole.good or contact.quiet > start) and pinhole.survived(contact.quiet, now):
            experience.learnt(contact)
        contact.trial = 0.0
        pinhole.renew(now)
        if not pinhole.phone and pinhole.following(start) and contact.latency is not None:
            pinhole.phone = contact.id
            pinhole.turns = 0
        elif pinhole.phone == contact.id and not pinhole.following(start):
            self._measured(contact, pinhole)

    def _measured(self, contact: Contact, pinhole: Pinhole) -> None:
        pinhole.end()
        start = self._snapshot().general.qualify_interval
        text = "the NAT at %s remembers a silent phone for %.0f s at least: keep-alives every %.0f s"
        log.info(text, contact.source[0], pinhole.good, pinhole.interval(start))
        self._registrar.changed(contact)
