"""The path to a party that speaks WebRTC: ICE lite says from where it may be heard, DTLS with which keys.

All on one port (RFC 5761, RFC 7983): what a datagram is tells its first byte. No sockets here: datagrams go in, and
what to send comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jackfield.media.protocol import WebRtc
from jackfield.rtp.ice import CONSENT_SECONDS, Lite

if TYPE_CHECKING:
    from jackfield.rtp.dtls import Association, Identity
    from jackfield.rtp.srtp import Key

Source = tuple[Any, ...]
Datagrams = list[tuple[bytes, Source]]

STUN, DTLS, MEDIA, NOTHING = range(4)

PATIENCE = 10.0  # seconds for the first check, and for a handshake, before it is told that none came


def new_identity() -> Identity:
    """A certificate for this process. OpenSSL is loaded now, since most processes never need it."""
    from jackfield.rtp.dtls import Identity

    return Identity()


def kind_of(data: bytes) -> int:
    """What a datagram is, by its first byte (RFC 7983 section 7)."""
    first = data[0] if data else 0xFF
    if 128 <= first <= 191:
        return MEDIA
    if first <= 3:
        return STUN
    return DTLS if 20 <= first <= 63 else NOTHING


class WebPath:
    """ICE and DTLS of one stream. `keys` are there when the handshake is done: (to receive with, to send with)."""

    __slots__ = ("_association", "_began", "_ice", "_identity", "_told", "source", "web")

    def __init__(self, identity: Identity, web: WebRtc, now: float) -> None:
        self.web = web
        self.source: Source | None = None
        """Where to send to."""
        self._identity = identity
        self._ice = Lite(web.ufrag, web.password, web.peer_ufrag)
        self._association: Association | None = None
        self._began = now  # what is waited for now: the first check, then the handshake's end
        self._told = ""

    @property
    def checked(self) -> bool:
        """True when ICE says where the party is; else it is found as any other."""
        return bool(self.web.peer_ufrag) and not self.web.lite

    @property
    def keys(self) -> tuple[Key, Key] | None:
        """The SRTP keys, once the party has proved who it is."""
        return self._association.keys if self._association is not None else None

    @property
    def shaking(self) -> bool:
        """True while a handshake is under way, so that `tick` is wanted."""
        return self._association is not None and self._association.under_way

    def renew(self, web: WebRtc, now: float) -> bool:
        """Go on with a new description. False when it asks for a new handshake: then a new path is needed.

        A restart of ICE leaves the keys as they are (RFC 8842 section 4), and audio goes the old way until it is done.
        """
        before = self.web
        if (before.fingerprints, before.client, before.association) != (web.fingerprints, web.client, web.association):
            return False
        if (before.ufrag, before.password, before.peer_ufrag) != (web.ufrag, web.password, web.peer_ufrag):
            self._ice = Lite(web.ufrag, web.password, web.peer_ufrag)
            self._began = now
            self._told = ""
        self.web = web
        return True

    def knows(self, source: Source) -> bool:
        """Whether media and DTLS may come from there."""
        return source == self.source or self._ice.knows(source)

    def heard_stun(self, data: bytes, source: Source, now: float) -> Datagrams | None:
        """Answer a connectivity check; None when it is none of this party."""
        reply = self._ice.receive(data, source, now)
        if reply is None:
            return None
        answers = [(reply, source)]
        if self.checked and self._ice.source is not None:
            answers += self.use(self._ice.source, now)
        return answers

    def use(self, source: Source, now: float) -> Datagrams:
        """Send there from now on; begins the handshake where that is ours to do."""
        self.source = source
        if self.web.client and self._association is None:
            return self._to(source, self._begin(now))
        return []

    def heard_dtls(self, data: bytes, source: Source, now: float) -> Datagrams:
        """Go on with the handshake."""
        if self._association is None:
            if self.web.client or data[0] != 22:  # it begins with a record of a handshake
                return []
            self._begin(now)
        if self._association is None:
            return []
        return self._to(source, self._association.receive(data))

    def tick(self) -> Datagrams:
        """What is to be sent again, since no answer came in time."""
        if self._association is None or self.source is None:
            return []
        return self._to(self.source, self._association.overdue())

    def problem(self, now: float, port: int) -> str:
        """What is wrong and was not told yet, in words for people; "" when nothing is."""
        wrong = self._wrong(now, port)
        if wrong == self._told:
            return ""
        self._told = wrong
        return wrong

    def consents(self, now: float) -> bool:
        """Whether the party still wants what we send (RFC 7675)."""
        return not self.checked or self._ice.checked_at is None or self._ice.consents(now)

    def _wrong(self, now: float, port: int) -> str:
        association = self._association
        if association is not None and association.problem:
            return association.problem
        if self.checked and self._ice.checked_at is None:
            if now - self._began < PATIENCE:
                return ""
            return (
                f"no packet of its browser arrived at UDP port {port}: a firewall or router in between lets none "
                "through to our RTP ports, or our public address is wrong"
            )
        if not self.consents(now):
            return (
                f"its browser has not asked for {CONSENT_SECONDS:.0f} s whether we are there, so nothing more is sent"
            )
        if self.keys is None and now - self._began >= PATIENCE:
            return f"its DTLS handshake did not come to an end within {PATIENCE:.0f} s"
        return ""

    def _begin(self, now: float) -> list[bytes]:
        from jackfield.rtp.dtls import MOST_HANDSHAKES, Association

        if len(self._identity.handshakes) >= MOST_HANDSHAKES:
            return []
        self._began = now
        self._association = Association(self._identity, self.web.fingerprints, client=self.web.client)
        return self._association.begin() if self.web.client else []

    def _to(self, source: Source, datagrams: list[bytes]) -> Datagrams:
        return [(data, source) for data in datagrams]
