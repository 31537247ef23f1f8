"""No body, however broken, gets anything but a Session or MalformedSdp out of us."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from jackfield import sdp

LINES = st.sampled_from(
    [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "c=IN IP6 ::",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 8 9 96 101",
        "m=audio 4000 RTP/SAVP 0 8",
        "m=image 4000 udptl t38",
        "m=video 4 RTP/AVP 99",
        "m=audio",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:96 useinbandfec=1",
        "a=sendonly",
        "a=inactive",
        "a=ptime:20",
        "a=rtcp:4001",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
    ]
)
NOISE = st.text(max_size=40)
BODIES = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.one_of(LINES, NOISE, LINES.map(lambda text: text[:-2]), LINES.map(lambda t: t.replace("0", "٣"))),
        max_size=30,
    ).map(lambda lines: "\r\n".join(lines).encode("utf-8", "surrogatepass")),
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(BODIES)
def test_any_body_is_read_or_refused_and_can_be_answered(body: bytes) -> None:
    try:
        session = sdp.parse(body)
    except sdp.MalformedSdp:
        return
    crypto = [sdp.Crypto.generate("AES_CM_128_HMAC_SHA1_80", random_bytes=bytes)]
    answered = sdp.answer(
        session,
        address="192.0.2.9",
        port=5000,
        codecs=["opus", "pcma"],
        session_id=1,
        version=1,
        crypto=crypto,
        accept_image=("192.0.2.9", 5002),
    )
    # What we send is well-formed and has as many lines as the offer.
    again = sdp.parse(answered.session.to_bytes())
    assert len(again.media) == len(session.media)
    assert (answered.remote is None) == (answered.codec is None)
    assert answered.remote or answered.image or answered.problem
    offered = sdp.offer(address="192.0.2.9", port=5000, codecs=["opus", "pcma"], session_id=1, version=1)
    sdp.read_answer(offered, session)
    sdp.read_answer(session, answered.session)
    with contextlib.suppress(sdp.MalformedSdp):
        rewritten = sdp.parse(session.to_bytes())
        assert [m.kind for m in rewritten.media] == [m.kind for m in session.media]
        assert rewritten.to_bytes() == session.to_bytes()
