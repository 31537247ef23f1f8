"""Ringing several parties at once: the first that answers gets the call (what RFC 3261 calls forking)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jackfield.switch.audio import NotAcceptable
from jackfield.switch.causes import COMPLETED_ELSEWHERE, outcome_of, reason_header
from jackfield.switch.events import Ringing
from jackfield.switch.sounds import country_of

if TYPE_CHECKING:
    from jackfield.sip.agent import Session
    from jackfield.sip.message import Response
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg
    from jackfield.switch.outgoing import OutgoingLeg


# Which failure says most to a caller when several phones failed differently; the first that occurs wins. A global
# failure (6xx) stands above all (RFC 3261 section 16.7), a phone that can't be reached below one that is busy.
_TELLING = (600, 603, 604, 606, 486, 403, 488, 480, 404, 410, 484, 503, 500)


class Fork:
    """One round of ringing. Legs report here; `result` waits for the first answer or the last failure."""

    __slots__ = ("_early", "_expected", "_failures", "_redirect", "_waiting", "call", "done", "legs")

    def __init__(self, call: CallBase) -> None:
        self.call = call
        self.legs: list[OutgoingLeg] = []
        self.done: asyncio.Future[Leg | None] = asyncio.get_running_loop().create_future()
        self._failures: list[tuple[int, str, bool]] = []  # status, reason, whether the status is ours
        self._redirect = ""
        self._waiting = 0
        self._expected: list[str] = []  # numbers of phones that are being woken, and have no leg yet
        self._early: OutgoingLeg | None = None  # whose early media the caller hears

    async def result(self, timeout: float | None) -> Ringing:
        """Wait, after the legs have been given their INVITEs."""
        try:
            async with asyncio.timeout(timeout):
                winner = await self.done
        except TimeoutError:
            if not (self.done.done() and not self.done.cancelled()):
                self.cancel_all(reason_header(408, "no answer"))
                return Ringing(None, "no_answer", 480, "no answer")
            winner = self.done.result()
        except asyncio.CancelledError:
            self.cancel_all(reason_header(487, "cancelled by the caller"))
            raise
        if winner is not None:
            return Ringing(winner, "answered")
        status, reason, local = self._most_telling()
        return Ringing(None, outcome_of(status), status, reason, self._redirect, local)

    def add(self, leg: OutgoingLeg) -> None:
        """One more leg to wait for."""
        leg.fork = self
        self.legs.append(leg)
        self._waiting += 1

    # --- phones that sleep

    def expect(self, number: str) -> None:
        """A phone of this number is being woken: its leg comes later, by `add`, and `came` says so."""
        self._expected.append(number)
        self._waiting += 1

    def came(self, number: str) -> None:
        """A phone that was expected is awake, and has its leg."""
        self._expected.remove(number)
        self._waiting -= 1
        if self._waiting <= 0 and not self.done.done():
            self.done.set_result(None)

    def missing(self, number: str, status: int, reason: str) -> None:
        """A phone that was expected does not come; 603: its user does not want the call (see `leg_failed`)."""
        self._failures.append((status, reason, True))
        self.call.note(f"{number}: {reason}")
        if status == 603 and self._one_party() and not self.done.done():
            self.cancel_all(reason_header(status, reason))
            self._waiting = 1
        self.came(number)

    # --- what the legs report

    def leg_progress(self, leg: OutgoingLeg, session: Session | None, response: Response) -> None:
        """180 or 183, perhaps with early media."""
        if self.done.done():
            return
        body = response.body
        if body and self._early in (None, leg):
            try:
                leg.audio.receive_answer(body)
            except NotAcceptable as problem:
                self.call.note(f"early media of {leg} can't be used: {problem}")
            else:
                self._early = leg
                self.call.pass_early_media(leg)
                return
        if self._early is None:  # else the caller hears what the far side plays (RFC 3960 section 3.1)
            self.call.pass_ringing(leg, response)

    def leg_answered(self, leg: OutgoingLeg) -> None:
        """The first answer wins."""
        leg.fork = None
        if not self.take(leg):
            leg.hang_up(headers=[("Reason", COMPLETED_ELSEWHERE)])

    def take(self, leg: Leg) -> bool:
        """Give the call to a leg that has answered: one of ours, or one that picks it up. False: it is too late."""
        if self.done.done():
            return False
        self.done.set_result(leg)
        for other in self.legs:
            if other is not leg:
                other.cancel(COMPLETED_ELSEWHERE)
                other.release_audio()
        return True

    def leg_failed(
        self, leg: OutgoingLeg, status: int, reason: str, *, redirect: str = "", local: bool = False
    ) -> None:
        """A final refusal. 600, 603 and 606 speak for all phones of the party (RFC 3261 section 21.6).

        So does a forward that is set in one of the phones (`redirect`, a number): its user wants the call there.
        `local`: nobody answered, the status is ours.
        """
        leg.fork = None
        leg.release_audio()
        self._waiting -= 1
        self._failures.append((status, reason, local))
        self.call.note(f"{leg}: {reason}" if local else f"{leg}: {status} {reason}")
        if self.done.done():
            return
        if (redirect or status in (600, 603, 606)) and self._one_party():
            self._redirect = redirect
            self.cancel_all(reason_header(status, reason))
            self._waiting = 0
        if self._waiting <= 0:
            self.done.set_result(None)
        elif self._early is leg:
            self._early = None
            self.let_hear()

    def cancel_all(self, reason: str) -> None:
        """Stop ringing everywhere."""
        for leg in self.legs:
            if not leg.answered:
                leg.cancel(reason)
                leg.release_audio()

    # --- what the caller hears meanwhile

    def heard_by(self, leg: Leg) -> Leg | None:
        """Who is connected with a leg by early media."""
        anchor = self.call.anchor
        return anchor if leg is self._early else self._early if leg is anchor else None

    def let_hear(self) -> None:
        """Let the caller hear again what there is: the early media, or that it rings."""
        if self._early is not None:
            self.call.pass_early_media(self._early)
        elif self.call.anchor.told and any(leg.ringing and not leg.ended for leg in self.legs):
            self.call.listener.tone("ringback", country_of(self.call))

    def _one_party(self) -> bool:
        return len({*self._expected, *(leg.party.number for leg in self.legs)}) == 1

    def _most_telling(self) -> tuple[int, str, bool]:
        for status in _TELLING:
            for failure in self._failures:
                if failure[0] == status:
                    return failure
        return self._failures[-1] if self._failures else (480, "nobody to ring", True)
