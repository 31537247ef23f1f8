"""Offer and answer (RFC 3264) as pure functions: descriptions in, descriptions out, nothing remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jackfield.sdp.codecs import COMFORT_NOISE, TELEPHONE_EVENT, Codec, named, with_numbers
from jackfield.sdp.encryption import Keys, agreed_keys, answered_crypto
from jackfield.sdp.session import (
    Crypto,
    Direction,
    Media,
    Origin,
    Session,
    is_literal,
    is_unspecified,
    narrow,
    readdressed,
    refused,
    reverse,
    sends,
)
from jackfield.sdp.webrtc import PROTOCOL, Dtls, attributes, dtls_of, role, session_attributes


@dataclass(frozen=True, slots=True)
class RemoteAudio:
    """What the other party said about its audio, and what both now use.

    `address` is an IP literal, or "" when the peer gave a name (then in `host`) or nothing usable: then only
    listening tells where it is. `direction` is as seen from us, after our own wish. `codec` is the chosen one with the
    payload number and parameters *to send* with; `receive` lists what the peer may send *to us*, under our numbers.
    `ptime` (ms) is what the peer wants to receive. `crypto` is the peer's key, `local_crypto` ours; None without SRTP.
    Where the keys come by DTLS, `dtls` is the peer's part in it and `local_dtls` ours, with the role that we have now.
    """

    address: str
    port: int
    rtcp: tuple[str, int] | None
    direction: Direction
    codecs: tuple[Codec, ...]
    codec: Codec
    receive: tuple[Codec, ...] = ()
    dtmf_payload_type: int | None = None
    dtmf_clock_rate: int = 8000
    cn_payload_type: int | None = None
    ptime: int = 20
    maxptime: int | None = None
    rtcp_mux: bool = False
    crypto: Crypto | None = None
    local_crypto: Crypto | None = None
    protocol: str = "RTP/AVP"
    host: str = ""
    dtls: Dtls | None = None
    local_dtls: Dtls | None = None

    @property
    def held(self) -> bool:
        """True when the peer doesn't want to hear us now (hold in any of its forms)."""
        return not sends(self.direction)

    @property
    def others(self) -> tuple[tuple[str, int], ...]:
        """(label, our payload number) of what else the peer may send: second codecs, telephone events.

        Also the chosen codec itself, when the peer uses another number for it than we do (RFC 3264 section 5.1).
        """
        chosen = (self.codec.label, self.codec.payload_type)
        pairs = ((c.label, c.payload_type) for c in self.receive)
        return tuple(pair for pair in pairs if pair != chosen)


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """A T.38 line of the other party, in use: where to send, and the line itself for the other leg."""

    address: str
    port: int
    media: Media


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The outcome. `codec` (= `remote.codec`) is None when there is no audio; `problem` then says why, for people."""

    codec: Codec | None = None
    remote: RemoteAudio | None = None
    image: RemoteImage | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Negotiated):
    """The outcome with the description to send. With neither `codec` nor `image` the offer deserves a 488."""

    session: Session = None  # type: ignore[assignment]  # always given; fields with a default stand before it


def offer(
    *,
    address: str,
    port: int,
    codecs: Sequence[str | Codec],
    session_id: int | str,
    version: int | str,
    direction: Direction = "sendrecv",
    dtmf: bool = True,
    crypto: Sequence[Crypto] | None = None,
    optional_encryption: bool = False,
    payload_types: Mapping[str, int] | None = None,
    ptime: int = 20,
    rtcp_port: int | None = None,
    rtcp_mux: bool = False,
    previous: Session | None = None,
    dtls: Dtls | None = None,
    candidates: Sequence[str] = (),
) -> Session:
    """An offer with one audio stream.

    `codecs` are labels ("opus", "speex/16000") with our defaults, or Codec objects that keep their parameters (those
    of the other leg). `payload_types` (label → number) are kept, so that both legs of a call use the same numbers.
    Telephone events are added once for each clock rate among the codecs (RFC 4733 section 2.1). `crypto` makes it
    RTP/SAVP, or RTP/AVP with keys when `optional_encryption`. `rtcp_port` is said only when it isn't port + 1.
    `previous` is our last description in this dialog: its m-lines keep their places (RFC 3264 section 8).
    `dtls` makes it an offer to a browser, with further addresses of ours as `candidates`.
    """
    wanted: list[str | Codec] = [c for c in codecs if _label(c) != TELEPHONE_EVENT]
    if dtmf:
        audio = [named(c) if isinstance(c, str) else c for c in wanted]
        rates = dict.fromkeys(8000 if c.clock_rate < 16000 else c.clock_rate for c in audio if c.is_audio)
        wanted += [named(f"{TELEPHONE_EVENT}/{rate}") for rate in sorted(rates)]
    media = Media(
        kind="audio",
        port=port,
        protocol=PROTOCOL if dtls else "RTP/SAVP" if crypto and not optional_encryption else "RTP/AVP",
        codecs=with_numbers(wanted, payload_types or {}),
        direction=direction,
        address=address,
        ptime=ptime,
        rtcp=_rtcp_line(port, rtcp_port, rtcp_mux),
        rtcp_mux=rtcp_mux or dtls is not None,
        crypto=[replace(line, tag=tag) for tag, line in enumerate(crypto or (), 1)] if dtls is None else [],
    )
    if dtls is not None:
        mid = _mid_before(previous)
        media.attributes = attributes(dtls, mid=mid, addresses=(address, *candidates), port=port)
    return _described(address, session_id, version, _in_place(media, previous))


def offer_image(
    image: Media,
    *,
    address: str,
    port: int,
    session_id: int | str,
    version: int | str,
    previous: Session | None = None,
) -> Session:
    """An offer of another leg's T.38 line, passed on with only its address and port replaced."""
    return _described(address, session_id, version, _in_place(readdressed(image, address, port), previous))


def answer(
    offered: Session,
    *,
    address: str,
    port: int,
    codecs: Sequence[str | Codec],
    session_id: int | str,
    version: int | str,
    direction: Direction = "sendrecv",
    dtmf: bool = True,
    crypto: Sequence[Crypto] | None = None,
    require_encryption: bool = False,
    ptime: int | None = None,
    rtcp_port: int | None = None,
    rtcp_mux: bool = False,
    single: bool = True,
    accept_image: tuple[str, int] | None = None,
    image: Media | None = None,
    dtls: Dtls | None = None,
    candidates: Sequence[str] = (),
) -> Answer:
    """Answer an offer: the first audio line with a codec in common is taken, all else is refused in its place.

    The codec is the first of `codecs` (our order) that the peer offered, under the peer's number; `single` keeps the
    answer to that one (and telephone events), so that nobody changes codecs in mid-stream. A Codec object among
    `codecs` brings its own parameters, a label our defaults or the peer's. `crypto` are our keys, one per suite we
    accept; a line with a suite among them gets SRTP, whether its profile demands it or only allows it.
    `dtls` is our part where the offer's keys come by DTLS, with the role that we have already, if any.
    `accept_image` (address, port) accepts a T.38 line, with the attributes of `image` (the other leg's answer) or else
    those of the offer.
    """
    lines: list[Media] = []
    remote: RemoteAudio | None = None
    accepted_image: RemoteImage | None = None
    problems: list[str] = []
    for media in offered.media:
        if media.kind == "audio" and media.port and remote is None:
            keys = agreed_keys(offered, media, crypto or (), require_encryption, dtls)
            accepted = (
                keys if isinstance(keys, str) else _accept_audio(media, keys, codecs, direction, dtmf, single, rtcp_mux)
            )
            if isinstance(accepted, str):
                problems.append(accepted)
            else:
                ours, remote = accepted
                ours.address, ours.port, ours.ptime = address, port, ptime or media.ptime
                ours.rtcp_mux = remote.rtcp_mux
                ours.rtcp = _rtcp_line(port, rtcp_port, ours.rtcp_mux)
                if remote.local_dtls is not None:
                    ours.attributes = attributes(
                        remote.local_dtls, mid=media.attribute("mid"), addresses=(address, *candidates), port=port
                    )
                lines.append(ours)
                continue
        elif (
            media.kind == "image"
            and media.port
            and accept_image
            and accepted_image is None
            and (image is None or image.port)
        ):
            accepted_image = _remote_image(media)
            lines.append(readdressed(image or media, *accept_image))
            continue
        lines.append(refused(media))
    if remote is None and accepted_image is None and not problems:
        problems.append("no audio stream in the offer")
    return Answer(
        session=_described(address, session_id, version, lines, offered),
        codec=remote.codec if remote else None,
        remote=remote,
        image=accepted_image,
        problem="" if remote or accepted_image else "; ".join(problems),
    )


def read_answer(local_offer: Session, answered: Session) -> Negotiated:
    """What the peer's answer to our offer means.

    Lines are matched by their place; a peer that lost the order gets its first audio line taken. A codec that we
    didn't offer is never chosen.
    """
    image: RemoteImage | None = None
    for ours, theirs in zip(local_offer.media, answered.media, strict=False):
        if ours.kind == theirs.kind == "image" and ours.port and theirs.port:
            image = _remote_image(theirs)
    pair = _audio_pair(local_offer, answered)
    if pair is None:
        return Negotiated(image=image, problem="" if image else "the audio stream was refused in the answer")
    ours, theirs = pair
    offered = {c.label: c for c in reversed(ours.codecs)}
    common = [c for c in theirs.codecs if c.label in offered]
    codec = next((c for c in common if c.is_audio), None)
    if codec is None:
        return Negotiated(image=image, problem=_no_common(theirs, [c for c in ours.codecs if c.is_audio]))
    crypto, local_crypto = answered_crypto(ours, theirs)
    local_dtls, dtls = dtls_of(local_offer, ours), dtls_of(answered, theirs)
    if local_dtls is not None or dtls is not None:
        if local_dtls is None or dtls is None or not dtls.fingerprints:
            return Negotiated(image=image, problem="the answer's encryption (DTLS-SRTP) doesn't go with our offer")
        local_dtls = replace(local_dtls, setup=role(dtls.setup))
        if not dtls.ufrag:
            local_dtls = replace(local_dtls, ufrag="", password="")
    elif ours.is_secure and crypto is None:
        return Negotiated(image=image, problem="encryption (SRTP) was offered as a must, the answer has no usable key")
    elif theirs.is_secure and crypto is None:
        return Negotiated(image=image, problem="the answer demands SRTP with a key that doesn't match our offer")
    remote = _remote_audio(
        theirs,
        codec=codec,
        common=common,
        receive=[offered[c.label] for c in common],
        direction=ours.direction,
        crypto=crypto,
        local_crypto=local_crypto,
        rtcp_mux=ours.rtcp_mux and theirs.rtcp_mux,
        dtls=dtls,
        local_dtls=local_dtls,
    )
    return Negotiated(codec, remote, image)


def _accept_audio(
    media: Media,
    keys: Keys,
    codecs: Sequence[str | Codec],
    direction: Direction,
    dtmf: bool,
    single: bool,
    rtcp_mux: bool,
) -> tuple[Media, RemoteAudio] | str:
    """Our line and the peer's meaning, or the reason why the offered audio line can't be taken."""
    offered = {c.label: c for c in reversed(media.codecs)}
    matched: list[tuple[Codec, Codec]] = []  # as the peer sees it, as we see it
    for wish in codecs:
        peer = offered.get(_label(wish))
        if peer is not None and peer.is_audio and all(peer is not known for known, _ in matched):
            matched.append((peer, _with_parameters(peer, _our_parameters(wish, peer))))
    if not matched:
        return _no_common(media, [named(c) if isinstance(c, str) else c for c in codecs])
    if single:
        del matched[1:]
    events = _telephone_events(media.codecs, [peer for peer, _ in matched]) if dtmf else []
    ours = Media(
        kind="audio",
        protocol=media.protocol,
        codecs=[our for _, our in matched] + [_with_parameters(event, "0-15") for event in events],
        direction=narrow(direction, reverse(_peer_direction(media, keys.dtls))),
        crypto=[keys.ours] if keys.ours else [],
    )
    remote = _remote_audio(
        media,
        codec=matched[0][0],
        common=[peer for peer, _ in matched] + events,
        receive=ours.codecs,
        direction=direction,
        crypto=keys.theirs,
        local_crypto=keys.ours,
        rtcp_mux=media.rtcp_mux and (rtcp_mux or keys.dtls is not None),
        dtls=keys.dtls,
        local_dtls=keys.local_dtls,
    )
    return ours, remote


def _remote_audio(
    media: Media,
    *,
    codec: Codec,
    common: Sequence[Codec],
    receive: Sequence[Codec],
    direction: Direction,
    crypto: Crypto | None,
    local_crypto: Crypto | None,
    rtcp_mux: bool,
    dtls: Dtls | None = None,
    local_dtls: Dtls | None = None,
) -> RemoteAudio:
    usable = is_literal(media.address) and not is_unspecified(media.address)
    events = _telephone_events(common, [codec])
    # Browsers offer it at every clock rate that they have.
    noises = [c for c in media.codecs if c.name == COMFORT_NOISE and c.clock_rate == codec.clock_rate]
    wanted = media.ptime or 20
    rtcp = None
    if media.rtcp is not None:
        where = media.rtcp[0] or media.address
        rtcp = (where if is_literal(where) else "", media.rtcp[1])
    elif media.port < 65535:
        rtcp = (media.address if usable else "", media.port + 1)
    return RemoteAudio(
        address=media.address if usable else "",
        port=media.port,
        rtcp=rtcp,
        direction=narrow(direction, reverse(_peer_direction(media, dtls))),
        codecs=tuple(c for c in media.codecs if c.is_audio),
        codec=codec,
        receive=tuple(receive),
        dtmf_payload_type=events[0].payload_type if events else None,
        dtmf_clock_rate=events[0].clock_rate if events else codec.clock_rate,
        cn_payload_type=noises[0].payload_type if noises else None,
        ptime=min(wanted, media.maxptime) if media.maxptime else wanted,
        maxptime=media.maxptime,
        rtcp_mux=rtcp_mux,
        crypto=crypto,
        local_crypto=local_crypto,
        protocol=media.protocol,
        host=media.address,
        dtls=dtls,
        local_dtls=local_dtls,
    )


def _remote_image(media: Media) -> RemoteImage:
    usable = is_literal(media.address) and not is_unspecified(media.address)
    return RemoteImage(media.address if usable else "", media.port, media)


def _audio_pair(local_offer: Session, answered: Session) -> tuple[Media, Media] | None:
    for ours, theirs in zip(local_offer.media, answered.media, strict=False):
        if ours.kind == theirs.kind == "audio" and ours.port and theirs.port:
            return ours, theirs
    ours_first, theirs_first = local_offer.audio, answered.audio
    if ours_first is None or theirs_first is None:
        return None
    return ours_first, theirs_first


def _peer_direction(media: Media, dtls: Dtls | None) -> Direction:
    """What the peer's line says, with the hold of RFC 2543 (address 0.0.0.0) read as "sendonly".

    A browser writes that address while it doesn't know its own.
    """
    if is_unspecified(media.address) and dtls is None:
        return narrow(media.direction, "sendonly")
    return media.direction


def _telephone_events(offered: Sequence[Codec], audio: Sequence[Codec]) -> list[Codec]:
    """The telephone-event formats that go with the audio codecs: same clock rate (RFC 4733 section 2.1).

    Many phones offer Opus with telephone-event/8000 only; then that one is used rather than none.
    """
    events = [c for c in offered if c.name == TELEPHONE_EVENT]
    chosen: list[Codec] = []
    for codec in audio:
        fitting = next((e for e in events if e.clock_rate == codec.clock_rate), events[0] if events else None)
        if fitting is not None and fitting not in chosen:
            chosen.append(fitting)
    return chosen


def _our_parameters(wish: str | Codec, peer: Codec) -> str:
    """Parameters of our side: those given with the codec, else our defaults, else what the peer said."""
    if isinstance(wish, Codec):
        return wish.fmtp
    return named(wish).fmtp or peer.fmtp


def _with_parameters(codec: Codec, fmtp: str) -> Codec:
    return codec if codec.fmtp == fmtp else replace(codec, fmtp=fmtp)


def _no_common(media: Media, ours: Sequence[Codec]) -> str:
    theirs = ", ".join(c.label for c in media.codecs if c.is_audio) or "none"
    return f"no codec in common: the other side has {theirs}; allowed are {', '.join(c.label for c in ours) or 'none'}"


def _label(codec: str | Codec) -> str:
    return named(codec).label if isinstance(codec, str) else codec.label


def _rtcp_line(port: int, rtcp_port: int | None, rtcp_mux: bool) -> tuple[str | None, int] | None:
    if rtcp_mux or rtcp_port is None or rtcp_port == port + 1:
        return None
    return (None, rtcp_port)


def _in_place(media: Media, previous: Session | None) -> list[Media]:
    """The line in the place it had before, with the other lines of the dialog ended (port 0)."""
    if previous is None or not previous.media:
        return [media]
    place = next((i for i, line in enumerate(previous.media) if line.kind == media.kind), 0)
    lines = [refused(line) for line in previous.media]
    lines[place] = media
    return lines


def _mid_before(previous: Session | None) -> str:
    """The name that our audio line has in this dialog; a browser wants it to stay."""
    for line in previous.media if previous is not None else ():
        if line.kind == "audio" and (mid := line.attribute("mid")) is not None:
            return mid
    return "0"


def _described(
    address: str, session_id: int | str, version: int | str, lines: list[Media], offered: Session | None = None
) -> Session:
    origin = Origin("-", str(session_id), str(version), address)
    return Session(origin=origin, address=address, media=lines, attributes=session_attributes(lines, offered))
