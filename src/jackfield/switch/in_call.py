"""What programs and people at a screen ask for in the middle of a call: transfer, play, stop, digits.

Verbs of the control socket. All of them take `id` (the call's, or the beginning of it), `by` (who asks, for the
journal) and `extension` (the party of the call on whose behalf it is asked; without it, an administrator asks). A party
is named by `party`: the id of its leg, "caller" or "callee", its number or its name. Whatever can't be done raises
`ControlError` with the reason.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.sip.uri import Uri, escape_user
from jackfield.switch import transfer
from jackfield.switch.alone import TakenElsewhere
from jackfield.switch.events import ReferTo
from jackfield.switch.numbers import clean
from jackfield.switch.route import FromExtension, FromHouse
from jackfield.switch.snapshot import Extension
from jackfield.switch.sounds import TONE, TONES
from jackfield.switch.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jackfield.media.client import Tone
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg
    from jackfield.switch.switch import Switch

__all__ = ["MOST_DIGITS", "MOST_TIMES", "InCall", "find_call", "leg_row"]

MOST_TIMES = 100
"""How often a sound is played at most, where it is not played until it is stopped."""
MOST_DIGITS = 64
DIGITS = frozenset("0123456789*#ABCD,")
PAUSE = 1.0
"""Seconds that a comma among digits stands for, where they leave as INFO."""


def find_call(switch: Switch, wanted: str) -> CallBase:
    """The call in progress with this id, or the only one whose id begins so. Raises `ControlError`."""
    found = [call for call in switch.calls.values() if wanted and call.id.startswith(wanted)]
    if not found:
        raise ControlError(f'no call "{wanted}" is in progress: "jackfield calls" shows those that are')
    if len(found) > 1:
        raise ControlError(f'"{wanted}" fits {len(found)} calls: give more of the id')
    return found[0]


def leg_row(leg: Leg) -> dict[str, Any]:
    """A party of a call as plain data, with what it can be named by."""
    party = leg.party
    return {
        "id": leg.record.id,
        "role": leg.record.role,
        "number": party.number,
        "name": party.name,
        "extension": party.extension,
        "trunk": party.trunk,
    }


class InCall:
    """Answers the verbs. It keeps nothing: all that is, is in the calls."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verb → coroutine."""
        return {"transfer": self.transfer, "play": self.play, "stop_play": self.stop_play, "digits": self.digits}

    # --- transfer

    async def transfer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Connect one party of a call with the number `to`, or with the party of another call `call`; the other leaves.

        `party` is who is connected anew: if it isn't given, the one whom `extension` talks with, else the party from
        outside, else the called one. The number is called by the right of `extension`, else by that of the house. All
        goes on as after a REFER of the one who leaves: the party hears it ring, the one who leaves hears nothing and is
        hung up when somebody has answered, and both talk again when nobody does. Of another call, `with_party` is
        connected (else whom the extension talks with that is in both calls); it may still be ringing there.

        A caller who talks with nobody, but with an echo test, music, an announcement or a queue, is taken away from
        there, and comes back when nobody answers; then nobody leaves.

        Answers at once: {"id", "party", "leaves" (or None), "to" or "call"}; `dry_run` does no more than that.
        """
        call = find_call(self._switch, str(request.get("id", "")))
        number, other_call = clean(str(request.get("to", ""))), str(request.get("call", ""))
        if bool(number) == bool(other_call):
            raise ControlError("give either a number (to) or another call in progress (call)")
        if call.transfer is not None:
            raise ControlError(f"a transfer of call {call.id} is under way already: wait until it has ended")
        parties = talking(call)
        asks = _of_extension(call, parties, request)
        if other_call:
            return self._join(call, parties, asks, request)
        stays = _named(call, parties, str(request.get("party", ""))) or _far(parties, asks)
        leaves = _other(parties, stays)
        permission = FromExtension(asks.party.extension) if asks is not None else FromHouse()
        under_way = Transfer(call, leaves or stays, notify=False, permission=permission, by=_by(request))
        plan = transfer.plan_of(call, under_way, stays, number)
        if plan.refusal is not None:
            raise ControlError(plan.refusal.text)
        if not request.get("dry_run"):
            if leaves is None:
                TakenElsewhere(call, stays, by=_by(request), plan=plan).start()
            else:
                call.transfer = under_way
                call.post(ReferTo(under_way, Uri("sip", escape_user(number), self._switch.domain)))
        return _moved(call, stays, leaves, to=plan.number)

    def _join(self, call: CallBase, parties: list[Leg], asks: Leg | None, request: dict[str, Any]) -> dict[str, Any]:
        """Connect one party of this call with one of another; who is in both leaves them."""
        target = find_call(self._switch, str(request["call"]))
        if target is call:
            raise ControlError("both are the same call")
        if target.transfer is not None:
            raise ControlError(f"a transfer of call {target.id} is under way already: wait until it has ended")
        others = talking(target) if target.conversing else [target.anchor]
        if len(parties) == 1:
            return self._join_alone(call, parties[0], target, others, request)
        leaves, victim = asks, _of_extension(target, others, request)
        if asks is None:
            shared = {leg.party.extension for leg in parties} & {leg.party.extension for leg in others} - {""}
            if len(shared) == 1:
                request = {**request, "extension": shared.pop()}
                leaves, victim = _of_extension(call, parties, request), _of_extension(target, others, request)
        stays = _named(call, parties, str(request.get("party", "")))
        met = _named(target, others, str(request.get("with_party", "")))
        if stays is not None:
            leaves = _other(parties, stays)
        if met is not None:
            victim = _other(others, met)
        if leaves is None or victim is None or victim is met:
            raise ControlError("it is not plain who is to talk with whom: name both, by party and with_party")
        if victim.session is None or not transfer.can_be_replaced(target, victim):
            raise ControlError(f"{victim} can't be replaced in call {target.id}")
        stays = _other(parties, leaves)
        assert stays is not None
        if not request.get("dry_run"):
            under_way = call.transfer = Transfer(call, leaves, notify=False, by=_by(request))
            target.note(f"{_by(request)} connects {stays}, of call {call.id}, with this one")
            self._switch.spawn(transfer.attended(call, under_way, stays, victim))
        return _moved(call, stays, leaves, call=target.id)

    def _join_alone(
        self, call: CallBase, stays: Leg, target: CallBase, others: list[Leg], request: dict[str, Any]
    ) -> dict[str, Any]:
        """Connect a caller who talks with nobody with one of another call, whose other party leaves."""
        _named(call, [stays], str(request.get("party", "")))
        _of_extension(target, others, request)
        met = _named(target, others, str(request.get("with_party", "")))
        victim = None if met is None else _other(others, met)
        if victim is None:
            raise ControlError(f"name by with_party who of call {target.id} is to be connected: the other one leaves")
        if victim.session is None or not transfer.can_be_replaced(target, victim):
            raise ControlError(f"{victim} can't be replaced in call {target.id}")
        if not request.get("dry_run"):
            target.note(f"{_by(request)} connects {stays}, of call {call.id}, with this one")
            TakenElsewhere(call, stays, by=_by(request), victim=victim).start()
        return _moved(call, stays, victim, call=target.id)

    # --- sounds

    async def play(self, request: dict[str, Any]) -> dict[str, Any]:
        """Play `sound` (of the configuration, or "tone:busy") to `party`, or to both where none is named.

        `times`: 1 to 100, or 0 to repeat it until `stop_play`. Who hears it does not hear the other meanwhile; the
        other goes on hearing its voice. It ends early when a party holds the call or is transferred. Then both talk as
        before; to a caller who talks with nobody, what played before (music, an announcement) begins anew. Answers
        {"id", "sound", "parties"} as soon as it begins.
        """
        call = find_call(self._switch, str(request.get("id", "")))
        parties = self._in_hearing(call)
        _of_extension(call, parties, request)
        name, times = str(request.get("sound", "")), request.get("times", 1)
        if not isinstance(times, int) or not 0 <= times <= MOST_TIMES:
            raise ControlError(f"times must be from 1 to {MOST_TIMES}, or 0 to play it until it is stopped")
        one = _named(call, parties, str(request.get("party", "")))
        hearers = parties if one is None else [one]
        sounds = [self._sound(name, leg) for leg in hearers]
        for leg, sound in zip(hearers, sounds, strict=True):
            leg.listener.interrupt([sound] * (times or 1), loop=not times)
        often = "until it is stopped" if not times else "once" if times == 1 else f"{times} times"
        call.note(f'{_by(request)} plays "{name}" to {_names(hearers)}, {often}')
        return {"id": call.id, "sound": name, "parties": [leg_row(leg) for leg in hearers]}

    async def stop_play(self, request: dict[str, Any]) -> dict[str, Any]:
        """Stop what `play` plays to `party`, or to both. Answers {"id", "parties"}: to whom something was played."""
        call = find_call(self._switch, str(request.get("id", "")))
        parties = talking(call)
        _of_extension(call, parties, request)
        one = _named(call, parties, str(request.get("party", "")))
        stopped = []
        for leg in parties if one is None else [one]:
            if leg.listener.has_interlude:
                leg.listener.end_interlude()
                stopped.append(leg)
        if stopped:
            call.note(f"{_by(request)} stops what is played to {_names(stopped)}")
        return {"id": call.id, "parties": [leg_row(leg) for leg in stopped]}

    def _sound(self, name: str, leg: Leg) -> str | Tone:
        snapshot = self._switch.snapshot
        known = snapshot.numbers.get(leg.party.extension)  # who was called is shown without a language
        language = known.language if isinstance(known, Extension) else leg.party.language
        found = self._switch.sounds.named(snapshot, name, language or snapshot.general.language)
        if found is None:
            tones = ", ".join(TONE + tone for tone in TONES)
            raise ControlError(f'there is no sound "{name}": see System > Languages and audio; tones are {tones}')
        return found

    def _in_hearing(self, call: CallBase) -> list[Leg]:
        """The two parties, if both can hear us; or the one."""
        parties = talking(call)
        for leg in parties:
            if leg.held:
                raise ControlError(f"call {call.id} is on hold: {leg} has to take it back first")
            if leg.audio.image is not None:
                raise ControlError(f"a fax is being sent in call {call.id}")
        if call.transfer is not None:
            raise ControlError(f"a transfer of call {call.id} is under way: wait until it has ended")
        return parties

    # --- digits

    async def digits(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send `digits` (0-9 * # A-D, a comma for a pause) to `party`, as its own phone or line wants them.

        Without `party` to whom `extension` talks with, else to the party from outside, else to the called one. Answers
        {"id", "party"} at once. The journal does not tell which digits: they may be a PIN.
        """
        call = find_call(self._switch, str(request.get("id", "")))
        parties = self._in_hearing(call)
        asks = _of_extension(call, parties, request)
        digits = str(request.get("digits", "")).upper()
        if not 0 < len(digits) <= MOST_DIGITS or not DIGITS.issuperset(digits):
            raise ControlError(f"digits are 0 to 9, *, #, A to D, and commas for pauses; at most {MOST_DIGITS}")
        leg = _named(call, parties, str(request.get("party", ""))) or _far(parties, asks)
        mode = leg.audio.profile.dtmf
        if mode == "info":
            call.spawn(_as_info(leg, digits))
        elif leg.audio.stream is not None:
            inband = mode == "inband" or leg.audio.lacks_events
            leg.audio.stream.send_dtmf(digits, mode="inband" if inband else "rfc4733")
        count = sum(digit != "," for digit in digits)
        call.note(f"{_by(request)} sends {'a digit' if count == 1 else f'{count} digits'} to {leg}")
        return {"id": call.id, "party": leg_row(leg)}


async def _as_info(leg: Leg, digits: str) -> None:
    """Send digits one after the other: the next when the one before has arrived."""
    for digit in digits:
        if leg.session is None or leg.ended:
            return
        if digit == ",":
            await asyncio.sleep(PAUSE)
            continue
        body = f"Signal={digit}\r\nDuration=100\r\n".encode()
        await leg.session.request("INFO", body=body, content_type="application/dtmf-relay")


def talking(call: CallBase) -> list[Leg]:
    """The two who talk in a call: whom it serves, and whom that one talks with; or the one who is served by a service.

    Raises `ControlError` where nobody can be spoken to yet, or any more.
    """
    anchor, peer = call.anchor, call.peer
    if call.over or anchor is None or anchor.ended:
        raise ControlError(f"call {call.id} has just ended")
    if call.conversing and peer is not None and not peer.ended:
        return [anchor, peer]
    if call.transfer is not None:
        raise ControlError(f"a transfer of call {call.id} is under way: wait until it has ended")
    if call.record.answered is None:
        raise ControlError(f"call {call.id} is not answered yet")
    if not anchor.answered:
        raise ControlError(f"call {call.id} has just ended")
    return [anchor]


def _of_extension(call: CallBase, parties: list[Leg], request: dict[str, Any]) -> Leg | None:
    """The party on whose behalf something is asked, if any. Raises `ControlError` where it isn't in the call."""
    extension = str(request.get("extension", ""))
    if not extension:
        return None
    for leg in parties:
        if leg.party.extension == extension:
            return leg
    raise ControlError(f"extension {extension} is not in call {call.id}")


def _named(call: CallBase, parties: list[Leg], wanted: str) -> Leg | None:
    """The party that is meant; None where none was named. Raises `ControlError`."""
    if not wanted:
        return None
    found = [
        leg
        for leg in parties
        if wanted in (leg.record.id, leg.record.role, leg.party.number, leg.party.extension)
        or wanted.casefold() == leg.party.name.casefold()
    ]
    there = " and ".join(f"{leg} [{leg.record.id}]" for leg in parties)
    if not found:
        raise ControlError(f'"{wanted}" is not in call {call.id}; there are {there}')
    if len(found) > 1:
        raise ControlError(f'"{wanted}" may be each of {there} in call {call.id}: give the id of the leg')
    return found[0]


def _far(parties: list[Leg], asks: Leg | None) -> Leg:
    """Who is meant where nobody is named: whom the asking one talks with; who is outside; who was called."""
    if len(parties) == 1:
        return parties[0]
    anchor, peer = parties
    if asks is not None:
        return peer if asks is anchor else anchor
    return anchor if peer.party.extension and not anchor.party.extension else peer


def _other(parties: list[Leg], leg: Leg) -> Leg | None:
    """Who is there besides `leg`, if anybody."""
    if len(parties) == 1:
        return None
    return parties[1] if leg is parties[0] else parties[0]


def _moved(here: CallBase, stays: Leg, leaves: Leg | None, **where: str) -> dict[str, Any]:
    return {"id": here.id, "party": leg_row(stays), "leaves": leg_row(leaves) if leaves is not None else None, **where}


def _names(legs: list[Leg]) -> str:
    return " and ".join(str(leg) for leg in legs)


def _by(request: dict[str, Any]) -> str:
    return str(request.get("by", "")) or "the administrator"
