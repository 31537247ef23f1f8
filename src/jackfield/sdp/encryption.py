"""Which keys an offered audio line and we can agree on: SDES (RFC 4568), DTLS (RFC 5763), or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jackfield.sdp.session import Crypto, Media, Session
from jackfield.sdp.webrtc import Dtls, dtls_of, role


@dataclass(frozen=True, slots=True)
class Keys:
    """What an offered line and we agree about encryption: SDES keys, DTLS, or nothing."""

    theirs: Crypto | None = None
    ours: Crypto | None = None
    dtls: Dtls | None = None
    local_dtls: Dtls | None = None


def agreed_keys(
    offered: Session, media: Media, crypto: Sequence[Crypto], require_encryption: bool, dtls: Dtls | None
) -> Keys | str:
    """The keys to use with an offered line, or why there are none."""
    if not media.is_rtp:
        return f"audio over {media.protocol} isn't supported"
    web = dtls_of(offered, media)
    if web is not None:
        if dtls is None:
            return "encryption by DTLS can't be used with this party now"
        if not web.fingerprints:
            return "the offer names no certificate (a=fingerprint with sha-256)"
        ours = replace(dtls, setup=role(web.setup, dtls.setup))
        return Keys(dtls=web, local_dtls=ours if web.ufrag else replace(ours, ufrag="", password=""))
    theirs, own = _choose_crypto(media, crypto)
    if theirs is None and media.is_secure:
        if not crypto:
            return f"the offer demands encryption ({media.protocol}), which is switched off for this party"
        suites = ", ".join(line.suite for line in media.crypto) or "none"
        return f"no encryption suite in common: offered {suites}"
    if theirs is None and require_encryption:
        return "encryption is required for this party, and the offer has no usable key"
    return Keys(theirs, own)


def _choose_crypto(media: Media, ours: Sequence[Crypto]) -> tuple[Crypto | None, Crypto | None]:
    """The first offered key whose suite we have, and our key under its tag (RFC 4568 section 5.1.2)."""
    for theirs in media.crypto:
        for own in ours:
            if own.suite == theirs.suite and theirs.usable:
                return theirs, replace(own, tag=theirs.tag)
    return None, None


def answered_crypto(ours: Media, theirs: Media) -> tuple[Crypto | None, Crypto | None]:
    """The peer's key in an answer, and our offered one that it goes with."""
    for line in theirs.crypto:
        for own in ours.crypto:
            if own.tag == line.tag and own.suite == line.suite and line.usable:
                return line, own
    return None, None
