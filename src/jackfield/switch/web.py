"""Our part in ICE and DTLS with a browser: what we say of it, and what the media process must know of the outcome.

The fingerprint is that of the media process which has the stream, the names and passwords are a stream's own. So a
browser sees by itself when its audio has moved, and begins anew.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from jackfield import sdp
from jackfield.media.client import WebRtc

if TYPE_CHECKING:
    from jackfield.media.client import Stream


class WebSide:
    """What one party was told, by stream: it may turn out to stay with the one before."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[Stream, tuple[str, str]] = {}

    def to_offer(self, stream: Stream) -> sdp.Dtls | None:
        """What to offer; None when the media process has named no certificate."""
        fingerprint = stream.worker.fingerprint
        if not fingerprint:
            return None
        told = self._told.get(stream)
        if told is None:
            told = self._told[stream] = (secrets.token_hex(4), secrets.token_hex(16))  # RFC 8445 section 5.3
        return sdp.Dtls(told[0], told[1], (fingerprint,))

    def to_answer(self, stream: Stream, offered: sdp.Dtls, before: sdp.RemoteAudio | None) -> sdp.Dtls | None:
        """What to answer with: the role stays while the party's certificate does, the password while its name does."""
        known = before.dtls if before is not None else None
        if known is not None and known.ufrag != offered.ufrag:
            self._told.pop(stream, None)  # it restarts ICE, and so must we (RFC 8839 section 4.4.1.1.1)
        ours = self.to_offer(stream)
        if ours is None:
            return None
        if known is None or (known.fingerprints, known.tls_id) != (offered.fingerprints, offered.tls_id):
            return ours
        held = before.local_dtls if before is not None else None
        return ours if held is None else replace(ours, setup=held.setup)


def web_remote(remote: sdp.RemoteAudio) -> WebRtc | None:
    """What the media process must know; None for a party that is no browser."""
    theirs, ours = remote.dtls, remote.local_dtls
    if theirs is None or ours is None:
        return None
    return WebRtc(
        ufrag=ours.ufrag,
        password=ours.password,
        peer_ufrag=theirs.ufrag,
        fingerprints=theirs.fingerprints,
        client=ours.setup == "active",
        lite=theirs.lite,
        association=theirs.tls_id,
    )
