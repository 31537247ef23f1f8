"""What a description says of ICE (RFC 8839) and DTLS-SRTP (RFC 5763, RFC 8842), as browsers do (RFC 8829)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jackfield.sdp.session import Media, Session, family

Setup = Literal["active", "passive", "actpass"]

PROTOCOL = "UDP/TLS/RTP/SAVPF"
_SETUPS: dict[str, Setup] = {"active": "active", "passive": "passive", "actpass": "actpass"}
_MOST_FINGERPRINTS = 8
_LONGEST = 256  # characters of a fragment or password (RFC 8839 section 5.4)
_FINGERPRINT = re.compile(r"(sha-(?:256|384|512)) ((?:[0-9a-f]{2}:){31,63}[0-9a-f]{2})", re.IGNORECASE)
_HOST_PREFERENCE = 126  # RFC 8445 section 5.1.2.2


@dataclass(frozen=True, slots=True)
class Dtls:
    """One side's part in ICE and DTLS.

    `ufrag` and `password` are empty without ICE. `fingerprints` are "sha-256 AB:CD:…" with a hash that proves anything.
    `setup`: "active" begins the handshake, "passive" waits for it, "actpass" leaves it to the other side. `lite`: it
    checks nobody's connectivity itself. `tls_id`: RFC 8842.
    """

    ufrag: str = ""
    password: str = ""
    fingerprints: tuple[str, ...] = ()
    setup: Setup = "actpass"
    lite: bool = False
    tls_id: str = ""


def is_dtls(session: Session, media: Media) -> bool:
    """Whether the line's keys come by DTLS. Old browsers write RTP/SAVPF and a fingerprint without any key."""
    protocol = media.protocol.upper()
    if protocol.startswith("UDP/TLS/"):
        return True
    return "SAVP" in protocol and not media.crypto and _said(session, media, "fingerprint") is not None


def dtls_of(session: Session, media: Media) -> Dtls | None:
    """What a line says of ICE and DTLS, itself or by its session; None when its keys come another way."""
    if not is_dtls(session, media):
        return None
    lines = [line for line in media.attributes if line.startswith("fingerprint:")]
    lines = lines or [line for line in session.attributes if line.startswith("fingerprint:")]
    fingerprints = []
    for line in lines[:_MOST_FINGERPRINTS]:
        match = _FINGERPRINT.fullmatch(line[12:].strip())
        if match is not None:
            fingerprints.append(f"{match[1].lower()} {match[2].upper()}")
    return Dtls(
        ufrag=_word(_said(session, media, "ice-ufrag")),
        password=_word(_said(session, media, "ice-pwd")),
        fingerprints=tuple(fingerprints),
        setup=_SETUPS.get((_said(session, media, "setup") or "").strip().lower(), "actpass"),
        lite="ice-lite" in session.attributes,
        tls_id=_word(_said(session, media, "tls-id")),
    )


def role(theirs: Setup, ours: Setup = "actpass") -> Setup:
    """Our role when the other side says `theirs` (RFC 5763 section 5); `ours` is the one that we have already.

    Where we may choose we wait, since a browser begins as soon as it can reach us.
    """
    if theirs == "active":
        return "passive"
    if theirs == "passive":
        return "active"
    return "passive" if ours == "actpass" else ours


def attributes(ours: Dtls, *, mid: str | None, addresses: Sequence[str], port: int) -> list[str]:
    """The lines of our m= section; `addresses` are ours, the best first."""
    lines = [f"mid:{mid}"] if mid is not None else []
    if ours.ufrag:
        lines += [f"ice-ufrag:{ours.ufrag}", f"ice-pwd:{ours.password}"]
    lines += [f"fingerprint:{line}" for line in ours.fingerprints]
    lines.append(f"setup:{ours.setup}")
    if ours.ufrag:
        lines += [candidate(address, port, place) for place, address in enumerate(dict.fromkeys(addresses))]
        lines.append("end-of-candidates")
    lines.append("msid:jackfield audio")  # without a stream's name, a page that asks for the stream finds none
    return lines


def candidate(address: str, port: int, place: int = 0) -> str:
    """An a=candidate line for an address of ours, the `place`-th in our liking (RFC 8839 section 5.1)."""
    local = 65535 - place if family(address) == "IP6" else 32767 - place  # RFC 8421: IPv6 first where both lead here
    priority = (_HOST_PREFERENCE << 24) | (local << 8) | 255
    return f"candidate:{place + 1} 1 udp {priority} {address} {port} typ host"


def session_attributes(lines: Sequence[Media], offered: Session | None = None) -> list[str]:
    """What a description with DTLS lines says for all of them: that we are ICE lite, and what shares a port.

    `offered`: only what it bundles may be bundled in its answer (RFC 9143 section 7.3).
    """
    if not any(line.attribute("fingerprint") is not None for line in lines):
        return []
    said = ["ice-lite"] if any(line.attribute("ice-ufrag") is not None for line in lines) else []
    bundled = None if offered is None else _bundled(offered)
    mids = [
        mid for line in lines if line.port and (mid := line.attribute("mid")) and (bundled is None or mid in bundled)
    ]
    if mids:
        said.append(f"group:BUNDLE {' '.join(mids)}")
    return said


def _bundled(offered: Session) -> set[str]:
    return {
        mid for line in offered.attributes if line.startswith("group:BUNDLE") for mid in line.partition(" ")[2].split()
    }


def _said(session: Session, media: Media, name: str) -> str | None:
    value = media.attribute(name)
    if value is None:
        for line in session.attributes:
            key, _, rest = line.partition(":")
            if key == name:
                return rest
    return value


def _word(value: str | None) -> str:
    text = (value or "").strip()
    return text if len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text else ""
