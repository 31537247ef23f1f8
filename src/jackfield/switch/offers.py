"""Offers inside a call: hold and resume, another codec, T.38 (RFC 3264 section 8, RFC 3261 section 14, RFC 3311).

Audio is answered at once by ourselves: the media process transcodes where it must, so the other party need not agree.
Only what cannot be converted is passed on: fax (T.38) goes to the other party and its answer comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jackfield.switch.audio import NotAcceptable
from jackfield.switch.codec_choice import TRANSCODABLE

if TYPE_CHECKING:
    from jackfield.sip.message import Request, Response
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg, Reply

SDP = "application/sdp"


def receive(call: CallBase, leg: Leg, request: Request, reply: Reply) -> None:
    """Answer a re-INVITE or UPDATE."""
    audio = leg.audio
    if not request.body:
        if request.method == "UPDATE":
            reply(request.reply(200))  # a refresh, or news of who is connected
        else:
            reply(_with_sdp(request, audio.offer(_codecs_for(call, leg))))  # the answer comes with the ACK
        return
    try:
        audio.receive_offer(request.body)
        offered = audio.offered
        if offered is not None and offered.image is not None and offered.audio is None:
            call.spawn(_pass_fax(call, leg, request, reply))
            return
        other = call.other(leg)
        body = audio.answer(other.audio.codec if other else "")
    except NotAcceptable as problem:
        audio.withdraw()
        call.note(f"{leg} asked for other media: {problem}")
        reply(_refusal(request, str(problem)))
        return
    reply(_with_sdp(request, body))
    call.leg_media_changed(leg)


def follow_hold(call: CallBase, leg: Leg) -> None:
    """Play music to the other party while this one holds it, and stop when it comes back."""
    held = leg.audio.held
    other = call.other(leg)
    if held == leg.held:
        if other is not None and not held:
            _share_codec(call, leg, other)
        return
    leg.held = held
    call.note(f"{leg} {'holds the call' if held else 'takes the call back'}")
    if other is None or other.audio.stream is None:
        return
    if held:
        call.listener.start(other.audio.stream, call.switch.sounds.music(call, ""), loop=True)
    else:
        call.listener.stop(other.audio.stream)
        _share_codec(call, leg, other)


def _share_codec(call: CallBase, leg: Leg, other: Leg) -> None:
    """When a party has changed its codec, offer that one to the other party too: it may save transcoding.

    Nothing else is offered, so that the answer can't change the codec again; a refusal leaves all as it was.
    """
    codec = leg.audio.codec
    changed = codec != leg.audio.codec_before
    leg.audio.codec_before = codec
    if changed and codec != other.audio.codec and codec in other.audio.profile.codecs and not other.held:
        call.spawn(other.reinvite(other.audio.offer([codec], leg.audio.payload_types())))


async def _pass_fax(call: CallBase, leg: Leg, request: Request, reply: Reply) -> None:
    """Pass a T.38 offer to the other party and its answer back."""
    other = call.other(leg)
    offered = leg.audio.offered
    if other is None or offered is None or offered.image is None:
        leg.audio.withdraw()
        reply(_refusal(request, "nobody at the other end takes a fax"))
        return
    image = leg.audio.offered_image()
    call.note(f"{leg} asks for fax (T.38)")
    if not await other.reinvite(other.audio.offer_image(image)) or other.audio.image is None:
        leg.audio.withdraw()
        reply(_refusal(request, "the other party does not take a fax by T.38"))
        return
    try:
        body = leg.audio.answer_image(other.audio.image)
    except NotAcceptable as problem:
        reply(_refusal(request, str(problem)))
        return
    call.note("fax (T.38) passes through")
    reply(_with_sdp(request, body))


def _codecs_for(call: CallBase, leg: Leg) -> list[str]:
    """What to offer when a party asks us to: the other party's codec first."""
    other = call.other(leg)
    current = other.audio.codec if other else ""
    usable = [name for name in leg.audio.profile.codecs if name in TRANSCODABLE or name == current]
    return [current, *(name for name in usable if name != current)] if current in usable else usable


def _with_sdp(request: Request, body: bytes) -> Response:
    response = request.reply(200)
    response.set_body(SDP, body)
    return response


def _refusal(request: Request, why: str) -> Response:
    response = request.reply(488)
    response.set("Warning", f'304 jackfield "{why.replace(chr(34), chr(39))}"')  # RFC 3261 section 20.43
    return response
