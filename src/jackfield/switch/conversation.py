"""The part of a call in which two parties talk: until one hangs up, with transfers in between.

Blind transfer is REFER (RFC 3515), attended transfer is REFER with Replaces (RFC 3891). The progress of either is told
to whoever transfers by NOTIFY with a message/sipfrag (RFC 3420).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jackfield.switch import direct, offers, transfer
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.events import Event, HangUp, Left, ReferTo

if TYPE_CHECKING:
    from jackfield.sip.message import Request
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg, Reply

__all__ = ["connect", "converse", "info_digit", "pass_digit", "probe", "receive"]


async def converse(call: CallBase, peer: Leg) -> None:
    """Connect the anchor with `peer` and return when the conversation is over."""
    if peer.ended:  # its BYE came together with its answer
        raise HangUp(480, f"{peer} hung up at once")
    connect(call, peer)
    try:
        while True:
            event = await _next(call)
            if isinstance(event, ReferTo):
                if await transfer.blind(call, event.transfer, event.target):
                    return
                continue
            if isinstance(event, Left):
                return
            if event.leg in (call.anchor, call.peer):
                survivor = call.other(event.leg)
                if survivor is not None and not survivor.ended:
                    survivor.hang_up(200, "the other party hung up")
                return
    finally:
        call.conversing = False
        direct.end(call, "the conversation is over")


def connect(call: CallBase, peer: Leg) -> None:
    """Answer the anchor and let both hear each other. Raises `NotAcceptable`."""
    anchor = call.anchor
    call.peer = peer
    call.answer_for(peer)
    if anchor.audio.stream is None or peer.audio.stream is None:
        raise NotAcceptable("there is no audio")
    call.conversing = True
    join(call)
    call.note(f"{anchor} talks with {peer}: {anchor.audio.codec} and {peer.audio.codec}")


def join(call: CallBase) -> None:
    """Let the two parties hear and see each other, as far as neither holds the call."""
    anchor, peer = call.anchor, call.peer
    assert peer is not None
    ours, theirs = anchor.audio.stream, peer.audio.stream
    if ours is not None and theirs is not None and not ours.closed and not theirs.closed:
        ours.bridge(theirs)
    # A far side that wants digits as INFO gets those that the media process hears and tells us of.
    as_info = "info" in (anchor.audio.profile.dtmf, peer.audio.profile.dtmf)
    for leg, other in ((anchor, peer), (peer, anchor)):
        if leg.moved:
            leg.moved = False
            call.spawn(leg.reinvite(leg.audio.renew))
        elif leg.audio.elsewhere:  # it talked directly with somebody in another call
            call.spawn(leg.reinvite(leg.audio.come_back))
        if as_info:
            leg.listener.listen(True)
        if other.held:
            leg.listener.start(call.switch.sounds.music(call, ""), loop=True)
        else:
            leg.listener.stop()
        if leg.shown != other.party and not leg.party.trunk:
            call.spawn(transfer.tell_connected(call, leg, other.party))
    offers.settle_codecs(call, anchor, peer)
    direct.begin(call)


async def _next(call: CallBase) -> Event:
    while not call.events:
        call.wake = asyncio.get_running_loop().create_future()
        try:
            await call.wake
        finally:
            call.wake = None
    return call.events.popleft()


# --- requests inside the dialogs -----------------------------------------------------------------------------------


def receive(call: CallBase, leg: Leg, request: Request, reply: Reply) -> None:
    """Answer INFO, REFER, NOTIFY, MESSAGE and OPTIONS of a leg."""
    method = request.method
    if method == "INFO":
        reply(request.reply(200))
        digit = info_digit(request)
        if digit:
            call.leg_digit(leg, digit)
    elif method == "REFER":
        transfer.receive(call, leg, request, reply)
    elif method == "MESSAGE":
        call.spawn(_pass_message(call, leg, request, reply))
    elif method in ("OPTIONS", "NOTIFY", "PRACK"):
        reply(request.reply(200))
    else:
        reply(request.reply(501))


def info_digit(request: Request) -> str:
    """The digit of an INFO: application/dtmf-relay ("Signal=5") or application/dtmf ("5"); "" if there is none."""
    text = request.body.decode("ascii", "replace").strip()
    kind = request.content_type
    if kind == "application/dtmf-relay":
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                text = value.strip()
                break
        else:
            return ""
    elif kind != "application/dtmf":
        return ""
    named = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
    digit = named.get(text, text).upper()
    return digit if len(digit) == 1 and digit in "0123456789*#ABCD" else ""


def pass_digit(call: CallBase, leg: Leg, other: Leg, digit: str) -> None:
    """Pass a digit that came as INFO, or that must leave as INFO, to the other party in its own way."""
    mode = other.audio.profile.dtmf
    if mode == "info":
        if other.session is not None:
            body = f"Signal={digit}\r\nDuration=100\r\n".encode()
            call.spawn(other.session.request("INFO", body=body, content_type="application/dtmf-relay"))
    elif other.audio.stream is not None:
        inband = mode == "inband" or other.audio.lacks_events
        other.audio.stream.send_dtmf(digit, mode="inband" if inband else "rfc4733")


async def _pass_message(call: CallBase, leg: Leg, request: Request, reply: Reply) -> None:
    other = call.other(leg)
    if other is None or other.session is None:
        reply(request.reply(480))
        return
    response = await other.session.request("MESSAGE", body=request.body, content_type=request.content_type)
    reply(request.reply(response.status, response.reason))


async def probe(call: CallBase, leg: Leg, seconds: float) -> None:
    """Ask a party that has gone silent whether it is still there; no answer ends the leg (RFC 5057 section 5)."""
    session = leg.session
    if session is None or leg.ended:
        return
    await session.request("OPTIONS")
    if leg.ended:
        call.note(f"{leg} had sent no audio for {seconds:.0f} s and does not answer")
