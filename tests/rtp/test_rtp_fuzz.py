"""Whatever a datagram holds, nothing is raised on the packet path."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jackfield.rtp import codecs, packet, rtcp
from jackfield.rtp.dtmf import DtmfDetector
from jackfield.rtp.events import DIGITS, FLASH, EventReceiver
from jackfield.rtp.jitter import Gap, JitterBuffer
from jackfield.rtp.srtp import BadKey, Key, Receiver
from jackfield.rtp.statistics import RtpReceiverStats

quick = settings(derandomize=True, max_examples=300, deadline=None)
RTP_LIKE = st.builds(
    lambda first, rest: bytes((0x80 | first & 0x3F,)) + rest, st.integers(0, 63), st.binary(max_size=60)
)
RTCP_LIKE = st.builds(
    lambda count, kind, words, rest: bytes((0x80 | count, kind, 0, words)) + rest,
    st.integers(0, 63),
    st.integers(192, 210),
    st.integers(0, 12),
    st.binary(max_size=80),
)


@quick
@given(st.one_of(st.binary(max_size=80), RTP_LIKE))
def test_any_datagram_is_a_packet_or_none(data: bytes) -> None:
    packet.is_rtcp(data)
    bounds = packet.payload_bounds(data)
    if bounds is not None:
        assert 12 <= bounds[0] <= bounds[1] <= len(data)
    parsed = packet.parse(data)
    if parsed is not None:
        assert packet.parse(parsed.to_bytes()) == parsed


@quick
@given(st.one_of(st.binary(max_size=120), RTCP_LIKE, st.lists(RTCP_LIKE, max_size=4).map(b"".join)))
def test_any_control_datagram_is_read_as_far_as_it_goes(data: bytes) -> None:
    packets = rtcp.parse(data)
    for each in packets:
        if isinstance(each, rtcp.SenderReport | rtcp.ReceiverReport):
            for block in each.reports:
                rtcp.round_trip(block, 0x123456789ABCDEF0)
    # What was understood can be sent on.
    assert len(rtcp.parse(rtcp.build(packets))) == len(packets)


@quick
@given(
    st.lists(
        st.tuples(st.binary(max_size=6), st.integers(0, 0xFFFFFFFF), st.booleans(), st.floats(0, 100)), max_size=20
    )
)
def test_any_train_of_events_gives_digits_only(train: list[tuple[bytes, int, bool, float]]) -> None:
    receiver = EventReceiver()
    for payload, timestamp, marker, now in train:
        for event in receiver.receive(payload, timestamp, now, marker=marker) + receiver.expire(now):
            assert event.digit in DIGITS + FLASH
            assert event.duration >= 0


@quick
@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.floats(0, 1e6)), max_size=40))
def test_any_order_of_packets_can_be_counted(arrivals: list[tuple[int, int, float]]) -> None:
    stats = RtpReceiverStats(8000)
    for sequence, timestamp, arrival in arrivals:
        stats.update(sequence, timestamp, arrival)
    figures = stats.reception()
    assert 0 <= figures.loss <= 1
    assert figures.jitter >= 0
    assert rtcp.parse(rtcp.build([rtcp.ReceiverReport(1, (stats.report(2),))]))
    assert 1.0 <= rtcp.mos(figures.loss, figures.jitter, 0.1, "pcma") <= 4.5


@quick
@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 4000))),
        max_size=40,
    )
)
def test_any_packets_can_be_played(steps: list[tuple[int, int, int] | None]) -> None:
    buffer, now = JitterBuffer(8000), 0.0
    for step in steps:
        if step is None:
            now += 0.02
            assert isinstance(buffer.pop(now), bytes | Gap)
        else:
            buffer.push(step[0], step[1], b"x", now, ticks=step[2])
            buffer.peek()
            assert buffer.depth >= 0


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.sampled_from(codecs.NAMES), st.sampled_from(codecs.NAMES), st.lists(st.binary(max_size=400), max_size=6))
def test_any_payload_can_be_transcoded(source: str, target: str, payloads: list[bytes]) -> None:
    if not {source, target} <= codecs.available():
        pytest.skip("not available")
    transcode, measure = codecs.transcoder(source, target), codecs.create(target)
    for payload in payloads:
        for result in (transcode(payload), transcode.conceal(len(payload), payload)):
            for frame in [result] if isinstance(result, bytes) else result:
                assert measure.duration(frame) == transcode.out_step


@quick
@given(
    st.one_of(st.text(max_size=80), st.binary(max_size=50).map(lambda b: "AES_CM_128_HMAC_SHA1_80 inline:" + b.hex()))
)
def test_any_key_text_is_a_key_or_bad(text: str) -> None:
    try:
        key = Key.parse(text)
    except BadKey:
        return
    assert Receiver(key).unprotect(b"\x80" + bytes(30)) is None


@quick
@given(st.lists(st.binary(max_size=700), max_size=5))
def test_any_audio_can_be_listened_to(audio: list[bytes]) -> None:
    for rate in (8000, 16000):
        detector = DtmfDetector(rate)
        for piece in audio:
            assert set(detector.feed(piece)) <= set(DIGITS)
