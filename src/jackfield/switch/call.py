"""A call: what the user thinks of as one conversation, with one or more legs.

This is what a destination gets: verbs that read like what is said of a call. How they are carried out is in
`call_base` (task, legs, audio), `ringing`, `conversation` and `transfer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from jackfield.media.client import MediaLost, NoPort
from jackfield.switch import conversation
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.call_base import CallBase
from jackfield.switch.codec_choice import to_offer
from jackfield.switch.dial import Dial, PhoneDial
from jackfield.switch.events import HangUp, Redirect, Ringing
from jackfield.switch.leg import IncomingLeg, Leg
from jackfield.switch.outgoing import outgoing_leg
from jackfield.switch.ringing import Fork
from jackfield.switch.sounds import country_of

__all__ = ["Call", "HangUp", "Redirect"]


class Call(CallBase):
    """One call. `caller` is who calls, `dialed` what was dialled, `snapshot` the configuration that it began with."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def answer(self) -> None:
        """Answer the caller; nothing when it is answered already."""
        await self._stream_for_anchor()
        self._answer_anchor("")

    async def ring_back(self) -> None:
        """Let the caller hear that it rings: 180, or the tone once the call is answered."""
        anchor = self.anchor
        if isinstance(anchor, IncomingLeg) and not anchor.has_media:
            anchor.ring(self._connected_headers(anchor))
        elif anchor.audio.stream is not None:
            self.listener.tone("ringback", country_of(self))

    async def play(self, *sounds: str, loop: bool = False) -> None:
        """Play sounds or tones ("tone:busy") to the caller, one after the other, and wait until the last one ended.

        Before the answer they are early media; a caller that can't have early media is answered first.
        """
        await self._open_media()
        await self.listener.play(self.switch.sounds.find(self, sounds), loop=loop)

    def can_say(self, name: str) -> bool:
        """Whether there is a sound of this name in the caller's language, or in one that is played in its place."""
        return self.switch.sounds.has(self, name)

    def music(self, name: str = "") -> _Music:
        """Play music to the caller while the block runs; "" is the company's music on hold."""
        return _Music(self, name)

    async def collect(
        self,
        *,
        prompt: str | Sequence[str] = (),
        limit: int = 1,
        timeout: float = 5.0,
        between: float = 3.0,
        end: str = "#",
    ) -> str:
        """Return the digits that the caller presses, at most `limit`.

        `timeout`: seconds to the first digit after the prompt ended; `between`: seconds from one to the next; a
        character of `end` finishes and is not part of the result. A digit stops the prompt.
        """
        await self.answer()
        names = (prompt,) if isinstance(prompt, str) else tuple(prompt)
        sounds = self.switch.sounds.find(self, names) if names else []
        mode = self.anchor.audio.profile.dtmf
        inband = mode == "inband" or (mode == "auto" and self.anchor.audio.lacks_events)
        return await self.listener.collect(
            sounds, limit=limit, timeout=timeout, between=between, end=end, inband=inband
        )

    async def record_to(self, path: str, *, max_seconds: float, end: str = "#") -> float:
        """Record the caller into a WAV until a digit of `end` or `max_seconds`; returns the seconds recorded."""
        await self.answer()
        stream = await self._stream_for_anchor()
        began = asyncio.get_running_loop().time()
        stream.record(path)
        try:
            await self.listener.collect([], limit=1, timeout=max_seconds, between=max_seconds, end=end, inband=False)
        finally:
            stream.stop_record()
        return asyncio.get_running_loop().time() - began

    async def echo(self) -> None:
        """Send the caller's own voice back until it hangs up."""
        await self.answer()
        listener = self.listener
        listener.echo(True)
        try:
            await self.talk_alone()
        finally:
            listener.echo(False)

    async def talk_alone(self) -> None:
        """Wait until the caller hangs up, with nobody at the other end."""
        self._check_alive()
        await asyncio.get_running_loop().create_future()

    async def ring(self, dials: Sequence[Dial], *, timeout: float | None) -> Ringing:
        """Ring all of them at once. The first that answers wins, the others stop with "Call completed elsewhere".

        Ringing and early media pass to the caller. Gives up after `timeout` seconds (None: never by itself).
        """
        self._check_alive()
        if not dials:
            return Ringing(None, "unreachable", 480, "nobody to ring")
        caller = self.anchor.audio
        caller_codecs = caller.can_use()
        if caller.offered is not None and not caller_codecs:
            raise NotAcceptable("the caller has no codec that its line may use")
        if caller.offered is None and caller.codec:
            caller_codecs = [caller.codec]
        fork = Fork(self)
        sleeping = [dial for dial in dials if isinstance(dial, PhoneDial) and dial.contact.asleep]
        legs = [outgoing_leg(self, dial, fork) for dial in dials if dial not in sleeping]
        for leg in legs:
            if leg.flow is None:
                await leg.find_way()
        try:
            await self._open_streams([self.anchor, *(leg for leg in legs if not leg.obstacle)])
        except (MediaLost, NoPort) as problem:
            return self._no_media(legs, problem)
        self._check_alive()
        numbers = caller.payload_types()
        self.switch.waking.wake(self, fork, sleeping)
        for leg in legs:
            if leg.obstacle:
                leg.give_up(503, leg.obstacle, local=True)
            else:
                leg.invite(*to_offer(leg.audio.profile.codecs, caller_codecs), numbers)
        self.fork = fork
        try:
            if sleeping and not legs:
                await self.ring_back()  # the caller need not know that it takes a moment longer
            return await fork.result(timeout)
        finally:
            self.fork = None
            self.switch.waking.over(fork)

    async def ring_late(self, fork: Fork, dial: Dial) -> None:
        """Ring one more phone in a round that is under way: it has just woken up."""
        if fork.done.done():
            return
        caller = self.anchor.audio
        leg = outgoing_leg(self, dial, fork)
        if leg.flow is None:
            await leg.find_way()
        try:
            await self._open_streams([] if leg.obstacle else [leg])
        except (MediaLost, NoPort) as problem:
            leg.obstacle = str(problem)
        if fork.done.done():
            leg.cancel()
            leg.release_audio()
        elif leg.obstacle:
            leg.give_up(503, leg.obstacle, local=True)
        else:
            codecs = [caller.codec] if caller.offered is None and caller.codec else caller.can_use()
            leg.invite(*to_offer(leg.audio.profile.codecs, codecs), caller.payload_types())

    async def bridge(self, leg: Leg) -> None:
        """Connect the caller with the leg that answered, and return when the conversation is over."""
        await conversation.converse(self, leg)

    async def go(self, number: str, *, why: str, cause: str = "") -> NoReturn:
        """Send the call on to another number, as a forward or a fallback does.

        `cause`: the reason of the Diversion header (RFC 5806) by which the next phone or carrier is told that the
        call was forwarded: "user-busy", "no-answer"; "" tells nothing.
        """
        raise Redirect(number, why, cause)

    async def hang_up(self, status: int = 0, *, reason: str = "") -> NoReturn:
        """End the call: with this final status when it isn't answered (0: 480), else by BYE."""
        raise HangUp(status or 480, reason)


class _Music:
    """A block with music (an asynchronous context manager: generators of that kind can't be compiled)."""

    def __init__(self, call: Call, name: str) -> None:
        self._call = call
        self._name = name

    async def __aenter__(self) -> None:
        call = self._call
        await call._open_media()
        call.listener.start(call.switch.sounds.music(call, self._name), loop=True)

    async def __aexit__(self, *exception: object) -> None:
        self._call.listener.stop()
