"""SRTP with keys from the signalling (SDES, RFC 4568; RFC 3711; RFC 7714 for GCM) on libsrtp."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pylibsrtp


@dataclass(frozen=True, slots=True)
class Suite:
    """A crypto suite: libsrtp's profile, octets of master key with salt, and of the tags of RTP and RTCP."""

    profile: int
    key_octets: int
    rtp_tag: int
    rtcp_tag: int
    tag_is_last: bool = True  # GCM puts the MKI behind its tag


# In our order of preference.
SUITES: dict[str, Suite] = {
    "AEAD_AES_256_GCM": Suite(pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44, 16, 16, False),
    "AEAD_AES_128_GCM": Suite(pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28, 16, 16, False),
    "AES_CM_128_HMAC_SHA1_80": Suite(pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30, 10, 10),
    # The short tag is for RTP only (RFC 4568 section 6.2.2).
    "AES_CM_128_HMAC_SHA1_32": Suite(pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30, 4, 10),
}


class BadKey(ValueError):
    """A suite that we don't know, or key material that doesn't fit it. The text never holds the key."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """Master key and salt of one direction. `mki_octets` is how much key identifier the sender puts in a packet."""

    suite: str
    material: bytes
    mki_octets: int = 0

    def __repr__(self) -> str:
        return f"Key({self.suite!r}, …)"

    def __str__(self) -> str:
        """The form "SUITE inline:BASE64" that `parse` reads and an a=crypto line carries behind its tag."""
        mki = f"|1:{self.mki_octets}" if self.mki_octets else ""
        return f"{self.suite} inline:{base64.b64encode(self.material).decode('ascii')}{mki}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read "SUITE inline:BASE64[|lifetime][|MKI:length]". Raises BadKey."""
        words = text.split()
        if len(words) < 2:
            raise BadKey("a key must read SUITE inline:BASE64")
        suite = SUITES.get(words[0])
        if suite is None:
            raise BadKey(f"unknown crypto suite {words[0]!r}; known are {', '.join(SUITES)}")
        method, _, rest = words[1].partition(":")
        if method.lower() != "inline" or ";" in rest:
            raise BadKey("only one key, given inline, is supported")
        encoded, *extras = rest.split("|")
        try:
            # Some leave the padding out.
            material = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise BadKey("the key isn't base64") from None
        if len(material) != suite.key_octets:
            raise BadKey(f"{words[0]} needs {suite.key_octets} octets of key and salt, not {len(material)}")
        return cls(words[0], material, _mki_octets(extras))

    @classmethod
    def generate(cls, suite: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Key:
        """A new key. Raises BadKey for an unknown suite."""
        if suite not in SUITES:
            raise BadKey(f"unknown crypto suite {suite!r}; known are {', '.join(SUITES)}")
        return cls(suite, random_bytes(SUITES[suite].key_octets))


def _mki_octets(extras: list[str]) -> int:
    for extra in extras:
        _, colon, length = extra.partition(":")
        if colon:
            if length.isascii() and length.isdigit() and 1 <= int(length[:4]) <= 128:
                return int(length[:4])
            raise BadKey("the length of the key identifier makes no sense")
    return 0


class Sender:
    """Encrypts what we send. One for all streams under one key: never two with the same key."""

    __slots__ = ("_protect", "_protect_rtcp")

    def __init__(self, key: Key) -> None:
        session = _session(key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._protect = session.protect
        self._protect_rtcp = session.protect_rtcp

    def protect(self, packet: bytes) -> bytes | None:
        """An RTP packet, encrypted; None when it can't be (no RTP, too long, a number from long ago)."""
        try:
            protected: bytes = self._protect(packet)
        except (pylibsrtp.Error, ValueError, TypeError):
            return None
        return protected

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """A compound RTCP packet, encrypted; None when it can't be."""
        try:
            protected: bytes = self._protect_rtcp(packet)
        except (pylibsrtp.Error, ValueError, TypeError):
            return None
        return protected


class Receiver:
    """Checks and decrypts what comes from a peer under its key. Forged and replayed packets are None."""

    __slots__ = ("_mki", "_rtcp_tag", "_rtp_tag", "_unprotect", "_unprotect_rtcp")

    def __init__(self, key: Key) -> None:
        session = _session(key, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        suite = SUITES[key.suite]
        self._unprotect = session.unprotect
        self._unprotect_rtcp = session.unprotect_rtcp
        self._mki = key.mki_octets
        # What stands behind the MKI: nothing in GCM's packets, whose tag is part of the ciphertext.
        self._rtp_tag = suite.rtp_tag if suite.tag_is_last else 0
        self._rtcp_tag = suite.rtcp_tag if suite.tag_is_last else 0

    def unprotect(self, packet: bytes) -> bytes | None:
        """The RTP packet in clear; None when it isn't genuine, was here before, or is no SRTP at all."""
        if self._mki:
            packet = _without_mki(packet, self._mki, self._rtp_tag)
        try:
            clear: bytes = self._unprotect(packet)
        except (pylibsrtp.Error, ValueError, TypeError, IndexError):
            return None
        return clear

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The RTCP packet in clear, or None as `unprotect`."""
        if self._mki:
            packet = _without_mki(packet, self._mki, self._rtcp_tag)
        try:
            clear: bytes = self._unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError, TypeError, IndexError):
            return None
        return clear


def _session(key: Key, direction: int) -> pylibsrtp.Session:
    suite = SUITES[key.suite]
    policy = pylibsrtp.Policy(key=key.material, ssrc_type=direction, srtp_profile=suite.profile)
    policy.allow_repeat_tx = True  # the ends of a telephone event may go out as they were
    policy.window_size = 128
    return pylibsrtp.Session(policy=policy)


def _without_mki(packet: bytes, mki: int, tag: int) -> bytes:
    """libsrtp is told of no MKI, so it's cut out: RFC 3711 leaves it out of the tag."""
    if len(packet) < mki + tag:
        return b""
    return packet[: len(packet) - tag - mki] + packet[len(packet) - tag :]
