from __future__ import annotations

import pytest

from jackfield.rtp import rtcp

BLOCK = rtcp.ReportBlock(
    ssrc=9, fraction_lost=25, lost=-3, highest_sequence=70000, jitter=160, last_sr=0x12345678, delay=65536
)
PACKETS: list[rtcp.RtcpPacket] = [
    rtcp.SenderReport(1, rtcp.ntp_time(1_700_000_000.5), 4000, 10, 1600, (BLOCK, BLOCK)),
    rtcp.ReceiverReport(2, (BLOCK,)),
    rtcp.SourceDescription.cname(1, "phone"),
    rtcp.SourceDescription(((1, ((1, "a"), (2, "Änne"))), (2, ()))),
    rtcp.Goodbye((1, 2), "done"),
    rtcp.Goodbye((1,)),
    rtcp.Other(204, 3, b"abcdefgh"),
]


def test_a_compound_packet_is_read_as_it_was_written() -> None:
    assert rtcp.parse(rtcp.build(PACKETS)) == PACKETS


@pytest.mark.parametrize("packet", PACKETS)
def test_each_packet_has_whole_words(packet: rtcp.RtcpPacket) -> None:
    data = rtcp.build([packet])
    assert len(data) % 4 == 0
    assert len(data) == 4 * (int.from_bytes(data[2:4], "big") + 1)


def test_what_is_cut_off_keeps_what_came_before() -> None:
    data = rtcp.build(PACKETS[:2])
    assert rtcp.parse(data[:-1]) == PACKETS[:1]
    assert rtcp.parse(b"") == []
    assert rtcp.parse(b"\x00" * 40) == []
    assert rtcp.parse(b"\x80\xc8\x00\x00") == []
    assert rtcp.parse(b"\x80\xc9\x00\x00") == []
    assert rtcp.parse(b"\x82\xcb\x00\x01" + bytes(4)) == []


def test_a_count_that_is_too_high_gives_the_blocks_that_are_there() -> None:
    data = bytearray(rtcp.build([rtcp.ReceiverReport(2, (BLOCK,))]))
    data[0] |= 31
    assert rtcp.parse(bytes(data)) == [rtcp.ReceiverReport(2, (BLOCK,))]
    chunks = bytearray(rtcp.build([rtcp.SourceDescription.cname(1, "phone")]))
    chunks[0] |= 31
    assert rtcp.parse(bytes(chunks)) == [rtcp.SourceDescription.cname(1, "phone")]


def test_padding_is_taken_off() -> None:
    data = bytearray(rtcp.build([rtcp.Goodbye((1,))]) + b"\0\0\0\x04")
    data[0] |= 0x20
    data[3] += 1
    assert rtcp.parse(bytes(data)) == [rtcp.Goodbye((1,))]
    data[-1] = 200
    assert rtcp.parse(bytes(data)) == []


def test_the_round_trip_is_what_the_report_leaves_over() -> None:
    sent = rtcp.ntp_time(1000.0)
    report = rtcp.SenderReport(1, sent, 0, 0, 0)
    block = rtcp.ReportBlock(1, last_sr=report.middle, delay=int(0.5 * 65536))
    assert rtcp.round_trip(block, rtcp.ntp_time(1000.58)) == pytest.approx(0.08, abs=0.001)
    assert rtcp.round_trip(rtcp.ReportBlock(1), rtcp.ntp_time(1000.0)) is None
    assert rtcp.round_trip(block, rtcp.ntp_time(1000.4999)) == 0.0
    assert rtcp.round_trip(block, rtcp.ntp_time(5000.0)) is None


def test_quality_falls_with_loss_delay_and_a_poor_codec() -> None:
    best = rtcp.mos(0.0, 0.0, 0.02, "pcma")
    assert 4.3 < best < 4.5
    assert best > rtcp.mos(0.01, 0.0, 0.02, "pcma") > rtcp.mos(0.05, 0.0, 0.02, "pcma") > 3
    assert best > rtcp.mos(0.0, 0.0, 0.6, "pcma")
    assert best > rtcp.mos(0.0, 0.1, 0.02, "pcma")
    assert 3.5 < rtcp.mos(0.0, 0.0, 0.02, "gsm") < 3.9
    assert rtcp.mos(0.0, 0.0, None, "unheard-of") > 3.5
    assert rtcp.mos(1.0, 2.0, 3.0, "gsm") == 1.0
    assert rtcp.mos(-1.0, -1.0, 0.0, "pcma") <= 4.5
