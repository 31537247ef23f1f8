"""Offers inside a call: hold and resume, another codec, T.38 (RFC 3264 section 8, RFC 3261 section 14, RFC 3311).

Audio is answered at once by ourselves: the media process transcodes where it must, so the other party need not agree.
Only what cannot be converted is passed on: fax (T.38) goes to the other party and its answer comes back.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jackfield.switch import direct
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.codec_choice import TRANSCODABLE, to_ask

if TYPE_CHECKING:
    from jackfield.sip.message import Request, Response
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg, Reply

SDP = "application/sdp"


def receive(call: CallBase, leg: Leg, request: Request, reply: Reply) -> None:
    """Answer a re-INVITE or UPDATE."""
    audio = leg.audio
    other = call.other(leg)
    codec = other.audio.codec if other else ""
    call.leg_identity(leg, request)
    try:
        if request.body:
            audio.receive_offer(request.body)
        call.switch.site_admission.allow(leg)
        if not request.body:
            reply(_with_sdp(request, audio.offer(to_ask(audio.profile.codecs, codec))))  # the ACK brings the answer
            return
        offered = audio.offered
        if offered is not None and offered.image is not None and offered.audio is None:
            if call.conversing and other is not None and other.audio.offered is not None:
                audio.withdraw()
                reply(request.reply(491))  # both ask for fax at once, and each would wait for the other
                return
            call.spawn(_pass_fax(call, leg, request, reply))
            return
        body = audio.answer(codec)
    except NotAcceptable as problem:
        audio.withdraw()
        call.note(f"{leg} asked for other media: {problem}")
        reply(_refusal(request, str(problem)))
        return
    reply(_with_sdp(request, body))
    call.leg_media_changed(leg)


def follow(call: CallBase, leg: Leg) -> None:
    """Do for the other party what a change of this one's media asks for: music, its codec, the end of a fax."""
    held = leg.audio.held
    other = call.other(leg)
    resumed = leg.held and not held
    if held != leg.held:
        leg.held = held
        call.note(f"{leg} {'holds the call' if held else 'takes the call back'}")
        if other is not None and call.conversing:
            if held:
                other.listener.start(call.switch.sounds.music(call, ""), loop=True)
            else:
                other.listener.stop()
    direct.changed(call, leg)
    if other is None or held:
        return
    if other.audio.image is not None and leg.audio.image is None:
        call.spawn(_end_fax(call, leg, other))
    else:
        _share_codec(call, leg, other)
    if resumed and call.conversing:
        direct.begin(call)


def settle_codecs(call: CallBase, one: Leg, two: Leg) -> None:
    """Ask a party to change its codec, where that of the other can't be converted.

    Two that met by a transfer, or whose codec changed between early media and answer, may come to that.
    """
    codecs = {one.audio.codec, two.audio.codec} - {""}
    if len(codecs) < 2 or codecs <= TRANSCODABLE or one.audio.image or two.audio.image:
        return
    for leg, wanted in ((one, two.audio.codec), (two, one.audio.codec)):
        if wanted in leg.audio.can_use():
            call.spawn(leg.reinvite(partial(leg.audio.offer, [wanted])))
            return
    for leg in (one, two):
        if leg.audio.codec not in TRANSCODABLE:
            common = [name for name in leg.audio.can_use() if name in TRANSCODABLE]
            call.spawn(leg.reinvite(partial(leg.audio.offer, common)))


def _share_codec(call: CallBase, leg: Leg, other: Leg) -> None:
    """When a party has changed its codec, offer that one to the other party too: it may save transcoding.

    Nothing else is offered, so that the answer can't change the codec again; a refusal leaves all as it was.
    """
    codec = leg.audio.codec
    changed = codec != leg.audio.codec_before
    leg.audio.codec_before = codec
    if changed and codec != other.audio.codec and codec in other.audio.profile.codecs and not other.held:
        call.spawn(other.reinvite(lambda: other.audio.offer([codec], leg.audio.payload_types())))


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
    if not await other.reinvite(lambda: other.audio.offer_image(image)) or other.audio.image is None:
        leg.audio.withdraw()
        reply(_refusal(request, "the other party does not take a fax by T.38"))
        return
    try:
        body = leg.audio.answer_image(other.audio.image)
    except NotAcceptable as problem:
        leg.audio.withdraw()
        reply(_refusal(request, str(problem)))
        await _end_fax(call, leg, other)
        return
    call.note("fax (T.38) passes through")
    reply(_with_sdp(request, body))


async def _end_fax(call: CallBase, leg: Leg, other: Leg) -> None:
    """Take the other party back to audio too."""
    codecs = to_ask(other.audio.profile.codecs, leg.audio.codec)
    if await other.reinvite(lambda: other.audio.offer(codecs, leg.audio.payload_types())):
        call.note("the fax is over, both are back at audio")


def _with_sdp(request: Request, body: bytes) -> Response:
    response = request.reply(200)
    response.set_body(SDP, body)
    return response


def _refusal(request: Request, why: str) -> Response:
    response = request.reply(488)
    response.set("Warning", f'304 jackfield "{why.replace(chr(34), chr(39))}"')  # RFC 3261 section 20.43
    return response
