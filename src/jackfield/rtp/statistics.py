"""What a receiver counts about a stream: loss and jitter as RFC 3550 appendix A defines them."""

from __future__ import annotations

from dataclasses import dataclass

from jackfield.rtp.rtcp import ReportBlock

_MAX_DROPOUT = 3000  # appendix A.1
_MAX_MISORDER = 100
_NONE = -1


@dataclass(frozen=True, slots=True)
class Reception:
    """A stream so far. `lost` packets never go below 0 here, though duplicates would make them; `jitter` in seconds."""

    packets: int
    expected: int
    lost: int
    jitter: float
    restarts: int

    @property
    def loss(self) -> float:
        """The part that was lost, 0-1."""
        return self.lost / self.expected if self.expected else 0.0


class RtpReceiverStats:
    """Loss and jitter of one source (SSRC). `update` is for the packet path: well under a microsecond.

    `clock_rate` is that of the payload in Hz. Make a new one when the SSRC or the clock rate changes.
    """

    __slots__ = (
        "_bad",
        "_base",
        "_cycles",
        "_expected_prior",
        "_highest",
        "_jitter",
        "_received_prior",
        "_transit",
        "clock_rate",
        "packets",
        "restarts",
    )

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.packets = 0
        self.restarts = 0  # jumps so large that the sender must have started anew
        self._base = 0
        self._highest = _NONE
        self._cycles = 0
        self._bad = _NONE
        self._transit: float | None = None
        self._jitter = 0.0
        self._expected_prior = 0
        self._received_prior = 0

    def update(self, sequence: int, timestamp: int, arrival: float) -> bool:
        """Count one packet; `arrival` in seconds of any steady clock.

        False for a packet whose sequence number makes no sense (a stray or hostile one, or the first after a restart
        of the sender, which shows itself by the second); it isn't counted.
        """
        highest = self._highest
        delta = (sequence - highest) & 0xFFFF
        if highest < 0:
            self._restart(sequence)
        elif 0 < delta < _MAX_DROPOUT:
            if sequence < highest:
                self._cycles += 0x10000
            self._highest = sequence
        elif 0 < delta <= 0x10000 - _MAX_MISORDER:
            if sequence != self._bad:
                self._bad = (sequence + 1) & 0xFFFF
                return False
            self._restart(sequence)
        self.packets += 1
        transit = arrival * self.clock_rate - timestamp
        last = self._transit
        self._transit = transit
        if last is not None:
            difference = transit - last
            if difference < 0:
                difference = -difference
            if difference > 0x7FFFFFFF:  # the timestamp wrapped
                difference = abs(difference - 0x100000000)
            self._jitter += (difference - self._jitter) * 0.0625
        return True

    def count(self, sequence: int) -> bool:
        """As `update`, for packets whose timestamp says nothing about jitter: telephone events repeat theirs."""
        transit, jitter = self._transit, self._jitter
        counted = self.update(sequence, 0, 0.0)
        self._transit, self._jitter = transit, jitter
        return counted

    def _restart(self, sequence: int) -> None:
        """Count from here on; what was counted before is kept in the totals."""
        if self._highest == _NONE:
            self._base = sequence
        else:
            # Pretend that the new numbers follow the old ones, so that the totals go on (instead of RFC 3550's reset).
            self.restarts += 1
            expected = self._cycles + self._highest - self._base + 1
            self._cycles = 0
            self._base = sequence - expected
        self._highest = sequence
        self._bad = _NONE
        self._transit = None

    @property
    def expected(self) -> int:
        """Packets that should have come (appendix A.3)."""
        return 0 if self._highest == _NONE else self._cycles + self._highest - self._base + 1

    @property
    def jitter(self) -> float:
        """Interarrival jitter in seconds (appendix A.8)."""
        return self._jitter / self.clock_rate

    def reception(self) -> Reception:
        """The figures so far."""
        expected = self.expected
        return Reception(
            self.packets, expected, max(0, expected - self.packets), self._jitter / self.clock_rate, self.restarts
        )

    def report(self, ssrc: int, *, last_sr: int = 0, delay_since_last_sr: float = 0.0) -> ReportBlock:
        """The block for our next RTCP report; its loss fraction is since the call before (appendix A.3).

        `last_sr` is the middle of the NTP time of the peer's last sender report (`SenderReport.middle`), and
        `delay_since_last_sr` the seconds since it came; both 0 when there was none.
        """
        expected = self.expected
        expected_now = expected - self._expected_prior
        lost_now = expected_now - (self.packets - self._received_prior)
        self._expected_prior = expected
        self._received_prior = self.packets
        fraction = 0 if expected_now <= 0 or lost_now <= 0 else min(255, (lost_now << 8) // expected_now)
        return ReportBlock(
            ssrc=ssrc,
            fraction_lost=fraction,
            lost=max(-0x800000, min(0x7FFFFF, expected - self.packets)),
            highest_sequence=0 if self._highest == _NONE else (self._cycles + self._highest) & 0xFFFFFFFF,
            jitter=int(self._jitter),
            last_sr=last_sr,
            delay=int(delay_since_last_sr * 65536) & 0xFFFFFFFF,
        )
