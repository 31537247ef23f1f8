"""RTCP of one stream (RFC 3550 section 6): reports to the party about what we heard, and what it says about us.

Each leg has its own reports, since its sequence numbers and clocks are its own; nothing is forwarded.
"""

from __future__ import annotations

from random import Random
from typing import Any

from jackfield.rtp import rtcp

INTERVAL = 5.0  # seconds on average, RFC 3550 section 6.2
FIRST = 2.0
MOST_SOURCES = 16  # that are remembered of what a party reports


class Reports:
    """The reports of one stream. `lane` has the counters; times are seconds, `unix` since 1970."""

    __slots__ = (
        "_cname", "_expected", "_known", "_lane", "_last_sr", "_last_sr_at", "_random", "_received",
        "count", "elsewhere", "jitter_out", "lost_elsewhere", "lost_out", "next_at", "round_trip",
    )  # fmt: skip

    def __init__(self, lane: Any, cname: str, random: Random, now: float) -> None:
        self._lane = lane
        self.count = 0  # reports of the party
        self.elsewhere = False  # the party's audio goes directly to the other one
        self.lost_elsewhere: float | None = None  # what it missed of that, 0-1; None: it says nothing of it
        self._known: dict[int, int] = {}  # sources that were reported, with their highest sequence number
        self._cname = cname
        self._random = random
        self.next_at = now + FIRST * random.uniform(0.5, 1.5)
        self._expected = self._received = 0
        self._last_sr = 0
        self._last_sr_at = 0.0
        self.round_trip: float | None = None  # seconds
        self.jitter_out: float | None = None  # seconds, of what we send as the party hears it
        self.lost_out: int | None = None

    def build(self, now: float, unix: float, *, goodbye: bool = False) -> bytes:
        """The next compound packet; `next_at` says when the one after is due."""
        self.next_at = now + INTERVAL * self._random.uniform(0.5, 1.5)
        lane = self._lane
        blocks: tuple[rtcp.ReportBlock, ...] = ()
        if lane.started:
            blocks = (self._block(now),)
        ssrc = int(lane.ssrc_out)
        report: rtcp.RtcpPacket
        if lane.packets_out:
            since_sent = max(0.0, now - lane.sent_ns / 1e9)
            moment = int(lane.ts_out) + int(since_sent * lane.clock_out)
            report = rtcp.SenderReport(
                ssrc, rtcp.ntp_time(unix), moment, int(lane.packets_out), int(lane.bytes_out), blocks
            )
        else:
            report = rtcp.ReceiverReport(ssrc, blocks)
        packets: list[rtcp.RtcpPacket] = [report, rtcp.SourceDescription.cname(ssrc, self._cname)]
        if goodbye:
            packets.append(rtcp.Goodbye((ssrc,)))
        return rtcp.build(packets)

    def heard(self, data: bytes, now: float, unix: float) -> bool:
        """Take a compound packet of the party; False when nothing in it could be read."""
        packets = rtcp.parse(data)
        self.count += bool(packets)
        self.lost_elsewhere = None
        ssrc = int(self._lane.ssrc_out)
        for packet in packets:
            if isinstance(packet, rtcp.SenderReport):
                self._last_sr, self._last_sr_at = packet.middle, now
            if isinstance(packet, rtcp.SenderReport | rtcp.ReceiverReport):
                for block in packet.reports:
                    if block.ssrc == ssrc:
                        self._heard_of_us(block, unix)
                    else:
                        self._heard_of_others(block)
        return bool(packets)

    def _heard_of_us(self, block: rtcp.ReportBlock, unix: float) -> None:
        self.lost_out = max(0, block.lost)
        self.jitter_out = block.jitter / self._lane.clock_out
        round_trip = rtcp.round_trip(block, rtcp.ntp_time(unix))
        if round_trip is not None:
            self.round_trip = round_trip

    def _heard_of_others(self, block: rtcp.ReportBlock) -> None:
        """A block on a source that is not us counts when that source goes on: some report those that have gone, too."""
        if len(self._known) >= MOST_SOURCES:
            self._known.clear()
        goes_on = self._known.get(block.ssrc) != block.highest_sequence
        self._known[block.ssrc] = block.highest_sequence
        if self.elsewhere and goes_on:
            self.lost_elsewhere = block.fraction_lost / 256

    def _block(self, now: float) -> rtcp.ReportBlock:
        lane = self._lane
        lost, expected, received = totals(lane)
        expected_now, received_now = expected - self._expected, received - self._received
        self._expected, self._received = expected, received
        missing = expected_now - received_now
        return rtcp.ReportBlock(
            ssrc=int(lane.ssrc_in),
            fraction_lost=min(255, (missing << 8) // expected_now) if expected_now > 0 and missing > 0 else 0,
            lost=min(0x7FFFFF, lost),
            highest_sequence=int(lane.extended) & 0xFFFFFFFF,
            jitter=int(lane.jitter) >> 4,
            last_sr=self._last_sr,
            delay=int((now - self._last_sr_at) * 65536) & 0xFFFFFFFF if self._last_sr else 0,
        )


def totals(lane: Any) -> tuple[int, int, int]:
    """Packets lost, expected and received over all sources that a lane has heard (RFC 3550 appendix A.3)."""
    if not lane.started:
        return 0, 0, 0
    received = int(lane.packets_in)
    lost = int(lane.lost_before) + int(lane.extended) - int(lane.base) + 1 - int(lane.received)
    # Unsigned in C; copies are not counted as received, so this is below zero only by a wrap.
    lost = lost & 0xFFFFFFFF if 0 <= lost & 0xFFFFFFFF < 0x80000000 else 0
    return lost, lost + received, received
