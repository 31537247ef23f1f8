"""Which source a stream listens to: nobody may steal or inject audio by sending packets.

The SDP names an address and a port, but phones behind NAT send from others. So after a start or a re-INVITE there is a
window in which a stream may latch onto a source:

- the signalled address and port, at once;
- the signalled address with another port, or the address that the signalling came from (`nat_address`), once it has
  sent a few packets that belong together: softphones on machines with several networks name the wrong one;
- any other address only when the party is known to be behind NAT, likewise.

A better one takes the place of a worse one while the window is open; a source that was latched before a re-INVITE that
named the same address is the best of all. When the window is closed, nothing else is heard, whatever it sends.
"""

from __future__ import annotations

import enum
import ipaddress
from functools import lru_cache
from typing import Any

PROBATION = 3  # packets in sequence that a source must send which was not signalled
SETTLED = 100  # packets after which such a source cannot be replaced any more (2 s)


class Verdict(enum.Enum):
    """What to do with a packet."""

    REFUSED = enum.auto()
    ACCEPTED = enum.auto()
    LATCHED = enum.auto()  # accepted, and from here on this is the party's source


class _Rank(enum.IntEnum):
    STRANGER = 0
    BEHIND_NAT = 1
    SAME_ADDRESS = 2
    SIGNALLED = 3
    BEFORE = 4


@lru_cache(maxsize=4096)
def normal(address: str) -> str:
    """An IP literal the way that the kernel writes it; "" for what is none. Scopes are left out."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return ""


class Latch:
    """The source of one socket. Sources are socket addresses, of which host and port count."""

    __slots__ = ("_before", "_heard", "_nat", "_nat_address", "_probed", "_rank", "_signalled", "settled", "source")

    def __init__(self) -> None:
        self.source: tuple[Any, ...] | None = None
        self.settled = False  # the window is closed
        self._signalled: tuple[str, int] = ("", 0)
        self._nat = False
        self._nat_address = ""
        self._before: tuple[Any, ...] | None = None
        self._rank = _Rank.STRANGER
        self._heard = 0
        self._probed: dict[tuple[str, int], tuple[int, int, int]] = {}  # source: (SSRC, next sequence, packets)

    def expect(self, address: str, port: int, *, behind_nat: bool = False, nat_address: str = "") -> None:
        """Open the window for a party that signalled this address (a re-INVITE calls it again)."""
        signalled = (normal(address), port)
        if signalled == self._signalled and self.source is not None:
            self._before = self.source
        elif signalled != self._signalled:
            self._before = None
        self._signalled = signalled
        self._nat = behind_nat
        self._nat_address = normal(nat_address)
        self.source = None
        self.settled = False
        self._rank = _Rank.STRANGER
        self._heard = 0
        self._probed.clear()

    def forget(self) -> None:
        """Listen to nobody."""
        self.expect("", 0)
        self._before = None

    @property
    def expected(self) -> tuple[Any, ...] | None:
        """Where the party was heard last, if that still holds after a re-INVITE: what to send to until it is heard."""
        return self.source or self._before

    def judge(self, source: tuple[Any, ...], ssrc: int = 0, sequence: int | None = None) -> Verdict:
        """Decide on a packet. `sequence` None: packets that cannot be followed (T.38, RTCP) need no probation."""
        if source == self.source:
            if not self.settled:
                self._heard += 1
                self.settled = self._heard >= SETTLED
            return Verdict.ACCEPTED
        if self.settled:
            return Verdict.REFUSED
        rank = self._ranked(source)
        if rank <= self._rank:
            return Verdict.REFUSED
        if rank < _Rank.SIGNALLED and sequence is not None and not self._passed(source, ssrc, sequence):
            return Verdict.REFUSED
        self.source = source
        self._rank = rank
        self._heard = 1
        self._probed.clear()
        self.settled = rank >= _Rank.SIGNALLED
        return Verdict.LATCHED

    def _ranked(self, source: tuple[Any, ...]) -> _Rank:
        host, port = source[0].partition("%")[0], source[1]
        if source == self._before:
            return _Rank.BEFORE
        signalled_host, signalled_port = self._signalled
        if not signalled_port:
            return _Rank.STRANGER
        if host == signalled_host:
            return _Rank.SIGNALLED if port == signalled_port else _Rank.SAME_ADDRESS
        if host == self._nat_address:
            return _Rank.SAME_ADDRESS
        return _Rank.BEHIND_NAT if self._nat else _Rank.STRANGER

    def _passed(self, source: tuple[Any, ...], ssrc: int, sequence: int) -> bool:
        key = (source[0], source[1])
        known = self._probed.get(key)
        count = known[2] + 1 if known is not None and known[:2] == (ssrc, sequence) else 1
        if count >= PROBATION:
            return True
        if len(self._probed) >= 16 and known is None:  # a spray from many ports must not cost memory
            self._probed.clear()
        self._probed[key] = (ssrc, (sequence + 1) & 0xFFFF, count)
        return False
