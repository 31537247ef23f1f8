"""Audio that goes directly between two phones of one site, instead of through the Internet to us and back.

When both phones of a conversation are at one site, each is asked by re-INVITE to send to the other one's local address.
That they get through is not taken for granted: two rooms of one building can be two networks. So each phone is asked
to send its reports (RTCP) to us as before (a=rtcp, RFC 3605). A report that speaks of a source that is not us is the
proof that the phone hears the other one. Without it, or when it ceases, both are taken back to us by another re-INVITE,
and those two are left alone for an hour.

Whatever needs us (hold, transfer, a sound to be played, a media process that died) takes them back first.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Literal

from jackfield.switch.sites import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg

__all__ = ["DirectAudio", "Memory", "begin", "changed", "end"]

AFTER = 1.0
"""Seconds of a conversation before the attempt: who picks up only to transfer is not bothered. In the first call of
a phone it waits until that has shown whether the phone hears and is heard (see `proof`)."""
PROOF = 8.0
"""Seconds in which both must report that they hear. Phones report every 5 s, the first time sooner (RFC 3550)."""
LAPSE = 20.0
"""Seconds without a report of either after which they come back to us."""
ROUNDS = 3
"""Offers to each phone until what one says is what the other was told; more are needed when keys change."""
TOO_MUCH = 0.5
"""The fraction of lost packets from which on a report is no proof."""
LEFT_ALONE = 3600.0
"""Seconds for which two phones that did not hear each other are not asked again."""
REMEMBERED = 10_000

Pair = frozenset[tuple[str, str]]


class Memory:
    """Which phones did not hear each other directly, and until when they are left alone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[Pair, float] = {}
        self._numbers: dict[frozenset[str], float] = {}

    def failed(self, pair: Pair) -> None:
        """Leave these two alone for a while."""
        if len(self._until) >= REMEMBERED:
            self._until.clear()
            self._numbers.clear()
        self._until[pair] = self._numbers[_numbers(pair)] = self._clock() + LEFT_ALONE

    def recalls(self, pair: Pair) -> bool:
        """Say whether these two are to be left alone."""
        until = self._until.get(pair)
        return until is not None and until > self._clock()

    def doubts(self, one: str, two: str) -> bool:
        """Say whether phones of these two extensions did not come to talk directly a while ago."""
        until = self._numbers.get(frozenset((one, two)))
        return until is not None and until > self._clock()


def _numbers(pair: Pair) -> frozenset[str]:
    return frozenset(extension for extension, _ in pair)


def begin(call: CallBase) -> None:
    """Two parties talk: see after a moment whether they can do so directly."""
    if not call.snapshot.sites or call.peer is None:
        return
    pair = (call.anchor, call.peer)
    if not (call.anchor.party.extension and call.peer.party.extension):
        if any(call.switch.site_admission.lent(leg) for leg in pair):
            call.spawn(_back_here(call, pair))
        return
    if call.direct is not None:
        if call.direct.legs == pair:
            return
        call.direct.end("somebody else has joined the call")
    call.direct = DirectAudio(call, *pair)
    call.spawn(call.direct.run())


def changed(call: CallBase, leg: Leg) -> None:
    """What a leg sends or hears has changed: one that came back to us brings the other one with it."""
    if call.direct is not None:
        call.direct.changed(leg)


def end(call: CallBase, why: str) -> None:
    """Take both back, if they talk directly."""
    if call.direct is not None:
        call.direct.end(why)


class DirectAudio:
    """The attempt of two legs to do without us, and the watch over it. One per conversation."""

    def __init__(self, call: CallBase, one: Leg, two: Leg) -> None:
        self.state: Literal["", "trying", "proved"] = ""
        self._call = call
        self.legs = (one, two)
        self._away = False
        """True once both have agreed."""
        self._why = ""
        """Why it ends, once it does."""
        self._obstacle_told = False
        """True once it was found that they can't."""
        self._silent: set[Leg] = set()
        """Who has not reported in this period."""
        self._news = asyncio.Event()

    # --- what happens meanwhile

    def hears(self, leg: Leg, lost: float) -> None:
        """A phone reports that it hears somebody who is not us; `lost` is the fraction of packets that it missed."""
        if lost < TOO_MUCH and leg in self._silent:
            self._silent.discard(leg)
            self._news.set()

    def changed(self, leg: Leg) -> None:
        """See `direct.changed`."""
        if leg.held or (leg in self.legs and self._away and not leg.audio.elsewhere):
            self.end(f"{leg} {'holds the call' if leg.held else 'has changed its audio'}")

    def end(self, why: str) -> None:
        """Take both back to us."""
        if not self._why:
            self._why = why
            self._news.set()

    # --- the attempt

    async def run(self) -> None:
        """Try it, watch it, and take both back when it ends."""
        try:
            failure = await self._attempt()
        finally:  # no circle may be left, which the collector would have to find
            self._forget()
        await self._take_back(failure)

    async def _attempt(self) -> str:
        """Let them talk directly for as long as that works. Returns what went wrong; "" for nothing, or no attempt."""
        call = self._call
        await asyncio.sleep(AFTER)
        # What a phone's first call tells of it is told by the audio that comes to us. Nothing hangs on a second here.
        while any(leg.proof is not None and leg.proof.looking for leg in self.legs) and not self._why:  # noqa: ASYNC110
            await asyncio.sleep(AFTER)
        obstacle = self._obstacle()
        if obstacle is None or obstacle or self._why:
            if obstacle and not self._why:
                self._obstacle_told = True
                call.note(f"audio goes through the system: {obstacle}")
            return ""
        self.state = "trying"
        call.note("both phones are at one site: they are asked to send their audio directly to each other")
        for leg in self.legs:
            leg.listener.needed = partial(self.end, "something is played")
        failure = await self._agree()
        if not failure and not self._why:
            self._away = True
            failure = await self._watch()
        return failure

    def _forget(self) -> None:
        if self._call.direct is self:
            self._call.direct = None
        if self.state:
            for leg in self.legs:
                leg.listener.needed = None

    def _obstacle(self) -> str | None:
        """Return why the two can't talk directly; "" when they can; None when it is not even a question."""
        call, (one, two) = self._call, self.legs
        if {call.anchor, call.peer} != {one, two} or not call.conversing or one.ended or two.ended:
            return None
        site_of = call.switch.site_admission.site
        site = site_of(one)
        if site is None or site != site_of(two) or not site.direct_media:
            return None
        ours, theirs = one.audio, two.audio
        if one.held or two.held or ours.image is not None or theirs.image is not None:
            return None
        if ours.remote is None or theirs.remote is None:
            return None
        for leg in self.legs:
            if leg.listener.busy:
                return None
            if not leg.audio.may_go_elsewhere:
                return f"{leg}'s phone can't take part in it"
            address = leg.audio.remote.address if leg.audio.remote is not None else ""
            if not inside(address, site):
                return (
                    f"{leg}'s phone names {address or 'no address'} for its audio, which is no address inside the site"
                )
        if ("." in ours.remote.address) != ("." in theirs.remote.address):
            return "one phone speaks IPv4, the other one IPv6"
        if ours.codec != theirs.codec:
            return f"the phones use different codecs ({ours.codec} and {theirs.codec})"
        if ours.secure != theirs.secure:
            return "only one of the phones encrypts its audio"
        if ours.lacks_events != theirs.lacks_events or "info" in (ours.profile.dtmf, theirs.profile.dtmf):
            return "the phones send digits in different ways"
        if call.switch.direct_memory.recalls(self._pair):
            return "these phones did not hear each other directly within the last hour"
        return ""

    @property
    def _pair(self) -> Pair:
        return frozenset((leg.party.extension, leg.audio.whereabouts[0]) for leg in self.legs)

    async def _agree(self) -> str:
        """Tell each phone where the other one is. Returns "" when both know, else what went wrong."""
        one, two = self.legs
        for _ in range(ROUNDS):
            for leg, other in ((one, two), (two, one)):
                if self._why or leg.ended or other.ended:
                    return ""
                if leg.audio.elsewhere and leg.audio.told == other.audio.whereabouts:
                    continue
                if not await leg.reinvite(partial(leg.audio.offer_elsewhere, other.audio)):
                    return f"{leg}'s phone did not agree"
            if all(a.audio.told == b.audio.whereabouts for a, b in ((one, two), (two, one))):
                return ""
        return "what one phone says differs from what the other one was told"

    async def _watch(self) -> str:
        """Wait until the end. Returns "" for an end that was asked for, else that the two don't hear each other."""
        patience = PROOF
        while True:
            self._silent = {leg for leg in self.legs if not leg.ended}
            try:
                async with asyncio.timeout(patience):
                    while self._silent and not self._why:
                        self._news.clear()
                        await self._news.wait()
            except TimeoutError:
                deaf = " and ".join(str(leg) for leg in self.legs if leg in self._silent)
                how = "any more" if self.state == "proved" else "directly"
                return f"{deaf} did not report to hear anything {how}"
            if self._why:
                return ""
            if self.state != "proved":
                self.state = "proved"
                self._call.note("they hear each other directly")
            patience = LAPSE

    async def _take_back(self, failure: str) -> None:
        """Let both send to us again, and keep to what the line of their site has left."""
        call = self._call
        lent = any(call.switch.site_admission.lent(leg) for leg in self.legs if not leg.audio.elsewhere)
        if failure or (lent and self._obstacle_told):
            call.switch.direct_memory.failed(self._pair)
        if any(leg.audio.elsewhere and not leg.ended for leg in self.legs):
            call.note(f"audio goes through the system again: {failure or self._why}")
        await _back_here(call, self.legs)


async def _back_here(call: CallBase, legs: Sequence[Leg]) -> None:
    """Bring the audio of those back to us who are elsewhere, with a smaller codec where a line has too little left.

    Those who never went, though they were let in for that, change their codec likewise.
    """
    admission = call.switch.site_admission
    coming = [leg for leg in legs if not leg.ended and (leg.audio.elsewhere or admission.lent(leg))]
    for number, leg in enumerate(coming):
        smaller = admission.comes_back(leg, among=len(coming) - number)
        if smaller and await leg.reinvite(partial(leg.audio.offer, smaller, leg.audio.payload_types())):
            admission.came_back_smaller(leg)
            continue
        if leg.audio.elsewhere and not leg.ended:
            await leg.reinvite(leg.audio.come_back)
