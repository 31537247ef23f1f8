"""The audio of one leg: its stream in the media process, and what both ends have agreed about it by SDP.

An `Audio` makes offers and answers (RFC 3264) from a line's or trunk's `Profile`, reads those of the other side, and
tells the media process how to send and what to expect. It knows nothing of SIP messages.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jackfield import sdp
from jackfield.media.client import Remote, Stream
from jackfield.switch.codec_choice import to_answer, usable_by
from jackfield.switch.snapshot import DEFAULT_CODECS, DtmfMode, SrtpMode
from jackfield.switch.web import WebSide, web_remote

SRTP_SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM")
"""SDES suites in order of preference: the first is the one that every phone has."""


class NotAcceptable(Exception):
    """The two sides can't agree (SIP 488); the text says about what, in plain words."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a line or a trunk may use, and how it stands to NAT."""

    codecs: tuple[str, ...] = DEFAULT_CODECS
    srtp: SrtpMode = "off"
    dtmf: DtmfMode = "auto"
    behind_nat: bool = False
    opus_rate: int = 0
    """bit/s that Opus is limited to both ways (maxaveragebitrate, RFC 7587 section 6.1); 0: no limit."""
    nat_address: str = ""
    """Where the party's signalling comes from, when it's behind a NAT."""
    webrtc: bool = False
    """The party is a browser, so that what we offer must suit one."""


Whereabouts = tuple[str, int, str]
"""Where a party wants its audio: address, port, and the key that its own is encrypted with, "" for none."""
NOWHERE: Whereabouts = ("", 0, "")


class Audio:
    """One leg's stream and its negotiation.

    `address` is what the other side is told, which may not be what is bound.
    """

    __slots__ = (
        "_offers_elsewhere",
        "_open_offer",
        "_pending",
        "_session_id",
        "_their_offer",
        "_version",
        "_web",
        "address",
        "codec_before",
        "elsewhere",
        "image",
        "local",
        "offered",
        "port",
        "profile",
        "remote",
        "secure_signalling",
        "stream",
        "told",
    )

    def __init__(self, profile: Profile, *, secure_signalling: bool = False) -> None:
        self.profile = profile
        self.secure_signalling = secure_signalling
        self.stream: Stream | None = None
        self.address = ""
        self.port = 0
        self.offered: sdp.Session | None = None
        """The other side's offer that is not yet answered."""
        self._their_offer = b""
        self._open_offer = b""
        self.local: sdp.Session | None = None
        """Our description in force."""
        self._pending: sdp.Session | None = None
        """Our offer that is not yet answered."""
        self.remote: sdp.RemoteAudio | None = None
        self.codec_before = ""
        """Codec before the last agreement."""
        self.image: sdp.RemoteImage | None = None
        """The other side's T.38 line while one is in use."""
        self.elsewhere = False
        """The party has agreed to talk with the other party directly (see `direct`)."""
        self.told = NOWHERE
        """The other party's whereabouts, as this one was told last."""
        self._offers_elsewhere = False
        self._session_id = secrets.randbits(31)
        self._version = 0
        self._web = WebSide()

    # --- the stream

    def attach(self, stream: Stream, address: str) -> None:
        """Use this stream; `address` goes into our descriptions."""
        self.stream = stream
        self.address = address
        self.port = stream.port
        if self.remote is not None:
            self._configure()

    def close(self) -> None:
        """Give the port back. Can be called twice."""
        if self.stream is not None:
            self.stream.close()

    @property
    def codec(self) -> str:
        """Name of the codec in use, "" before an agreement."""
        return self.remote.codec.name if self.remote else ""

    @property
    def secure(self) -> bool:
        """True when the audio is encrypted (SRTP) between us and this party."""
        return bool(self.remote and (self.remote.crypto or self.remote.dtls))

    @property
    def webrtc(self) -> bool:
        """True when the keys come by DTLS, as with browsers: in the party's offer, in force, or as we would offer."""
        if self.offered is not None:
            audio = self.offered.audio
            return audio is not None and sdp.dtls_of(self.offered, audio) is not None
        if self.remote is not None:
            return self.remote.dtls is not None
        return self.profile.webrtc

    @property
    def held(self) -> bool:
        """True while the party does not want to hear us (hold in any form)."""
        return bool(self.remote and self.remote.held)

    @property
    def expects_answer(self) -> bool:
        """True while an offer of ours is open."""
        return self._pending is not None

    @property
    def lacks_events(self) -> bool:
        """True when the party did not negotiate telephone events, so that its digits are tones in the audio."""
        return self.remote is not None and self.remote.dtmf_payload_type is None

    @property
    def whereabouts(self) -> Whereabouts:
        """Where the party wants its audio, as it said last."""
        remote = self.remote
        return NOWHERE if remote is None else (remote.address, remote.port, remote.crypto.key if remote.crypto else "")

    @property
    def may_go_elsewhere(self) -> bool:
        """True when the party can talk with another one directly: by plain RTP or SRTP on ports of its own."""
        remote = self.remote
        if remote is None or remote.rtcp_mux or remote.dtls is not None:
            return False
        return remote.address != "" and remote.port > 0

    def offered_image(self) -> sdp.RemoteImage:
        """The T.38 line of the open offer. Raises `NotAcceptable` when there is none."""
        media = self.offered.image if self.offered else None
        if media is None:
            raise NotAcceptable("there is no fax line in the offer")
        return sdp.RemoteImage(media.address, media.port, media)

    def can_use(self) -> list[str]:
        """Codecs that the party can use now: from its open offer or its last description, within its profile."""
        if self.offered is not None:
            audio = self.offered.audio
            names = [codec.name for codec in audio.codecs] if audio else []
        elif self.remote is not None:
            names = [codec.name for codec in self.remote.codecs]
        else:
            return []
        return usable_by(self.profile.codecs, names)

    def payload_types(self) -> Mapping[str, int]:
        """Payload numbers of the party, for the other leg to keep."""
        source = self.offered.audio if self.offered else None
        if source is not None:
            return sdp.payload_numbers(source.codecs)
        return sdp.payload_numbers(self.remote.codecs) if self.remote else {}

    # --- the other side offers

    def receive_offer(self, body: bytes) -> None:
        """Take an offer in. Raises `NotAcceptable` when it can't be read."""
        try:
            self.offered = sdp.parse(body)
        except sdp.MalformedSdp as problem:
            raise NotAcceptable(f"session description can't be read: {problem}") from None
        self._open_offer = body

    def answer(self, other_codec: str = "") -> bytes:
        """Answer the open offer so that it fits `other_codec`, which the other leg uses; "" if there is none.

        Raises `NotAcceptable` when nothing fits.
        """
        offered = self.offered
        if offered is None:
            raise NotAcceptable("there is no offer to answer")
        if self.local is not None and self.image is None and self._open_offer == self._their_offer:
            # A refresh. Its version alone would tell (RFC 3264 section 8), but some phones hold without raising it.
            self.offered = None
            return self.local.to_bytes()
        self._their_offer = self._open_offer
        audio = offered.audio
        names = [codec.name for codec in audio.codecs] if audio else []
        wanted = to_answer(self.profile.codecs, names, other_codec)
        crypto = self._keys() if audio and audio.crypto and self.profile.srtp != "off" else None
        result = sdp.answer(
            offered,
            address=self.address,
            port=self.port,
            codecs=_at_rate(wanted, self.profile.opus_rate),
            session_id=self._session_id,
            version=self._next_version(),
            crypto=crypto,
            require_encryption=self.profile.srtp == "required",
            dtls=self._web_answer(offered, audio) if audio is not None else None,
            candidates=self._more_addresses(),
        )
        if result.remote is None:
            raise NotAcceptable(result.problem)
        self.local = result.session
        self.elsewhere = False
        self._agree(result.remote)
        return result.session.to_bytes()

    def answer_image(self, other: sdp.RemoteImage) -> bytes:
        """Accept the open T.38 offer with the attributes that the other leg answered with."""
        if self.offered is None:
            raise NotAcceptable("there is no offer to answer")
        result = sdp.answer(
            self.offered,
            address=self.address,
            port=self.port,
            codecs=(),
            session_id=self._session_id,
            version=self._next_version(),
            accept_image=(self.address, self.port),
            image=other.media,
        )
        if result.image is None:
            raise NotAcceptable(result.problem)
        self.local, self.offered = result.session, None
        self._agree_image(result.image)
        return result.session.to_bytes()

    # --- we offer

    @property
    def encryption_is_optional(self) -> bool:
        """Our open offer has keys, but is RTP/AVP: the other side may use them or not."""
        audio = self._pending.audio if self._pending is not None else None
        return audio is not None and bool(audio.crypto) and not audio.is_secure

    def offer(
        self, codecs: Sequence[str], payload_types: Mapping[str, int] | None = None, *, insist: bool = False
    ) -> bytes:
        """Make an offer with `codecs` in this order; `insist` on encryption that is otherwise only offered.

        Raises `NotAcceptable` when there is none.
        """
        if not codecs:
            raise NotAcceptable("no codec in common with the other party")
        self._offers_elsewhere = False
        dtls = self._web_offer()
        srtp = self.profile.srtp
        # Keys travel in the SDP, so they are only offered where the signalling is encrypted (RFC 4568 section 8.3).
        # What is encrypted already stays so, even where the other side was the one who offered keys.
        wanted = srtp == "required" or (srtp == "offered" and self.secure_signalling) or self.secure
        insist = (
            insist or srtp == "required" or (self.remote is not None and self.remote.protocol.startswith("RTP/SAVP"))
        )
        self._pending = sdp.offer(
            address=self.address,
            port=self.port,
            codecs=_at_rate(codecs, self.profile.opus_rate),
            session_id=self._session_id,
            version=self._version,
            crypto=self._keys() if wanted and dtls is None else None,
            optional_encryption=not insist,
            payload_types=payload_types,
            previous=self.local,
            dtls=dtls,
            candidates=self._more_addresses() if dtls is not None else (),
        )
        self._version += 1
        return self._pending.to_bytes()

    def offer_elsewhere(self, other: Audio) -> bytes:
        """Offer to talk with the other leg's party directly: its address, its numbers, its key.

        Reports are to come to us as before (RFC 3605). Raises `NotAcceptable` when the other one has said nothing.
        """
        theirs = other.remote
        if theirs is None:
            raise NotAcceptable("the other party's address is not known")
        numbers = sdp.payload_numbers([theirs.codec])
        if theirs.dtmf_payload_type is not None:
            event = sdp.Codec(sdp.TELEPHONE_EVENT, theirs.dtmf_payload_type, theirs.dtmf_clock_rate, fmtp="0-15")
            numbers[event.label] = theirs.dtmf_payload_type
        self._pending = sdp.offer(
            address=self.address,
            port=theirs.port,
            codecs=[theirs.codec],
            session_id=self._session_id,
            version=self._version,
            dtmf=theirs.dtmf_payload_type is not None,
            crypto=[theirs.crypto] if theirs.crypto else None,
            optional_encryption=self.remote is not None and not self.remote.protocol.startswith("RTP/SAVP"),
            payload_types=numbers,
            ptime=theirs.ptime,
            previous=self.local,
        )
        line = self._pending.audio
        assert line is not None  # it was just offered
        line.address = theirs.address
        line.rtcp = (self.address, self.port + 1)
        self._version += 1
        self._offers_elsewhere = True
        self.told = other.whereabouts
        return self._pending.to_bytes()

    def come_back(self) -> bytes:
        """Offer our own port again, with the codec first that is in use."""
        codec = self.codec
        return self.offer([codec, *(name for name in self.profile.codecs if name != codec)], self.payload_types())

    def offer_image(self, image: sdp.RemoteImage) -> bytes:
        """Offer the other leg's T.38 line."""
        self._offers_elsewhere = False
        self._pending = sdp.offer_image(
            image.media,
            address=self.address,
            port=self.port,
            session_id=self._session_id,
            version=self._version,
            previous=self.local,
        )
        self._version += 1
        return self._pending.to_bytes()

    def receive_answer(self, body: bytes) -> None:
        """Take the answer to our offer in. Raises `NotAcceptable`."""
        pending = self._pending or self.local
        if pending is None:
            raise NotAcceptable("an answer came, but nothing was offered")
        try:
            result = sdp.read_answer(pending, sdp.parse(body))
        except sdp.MalformedSdp as problem:
            raise NotAcceptable(f"session description can't be read: {problem}") from None
        if result.image is not None or result.remote is not None:
            if self._pending is not None:
                self.elsewhere = self._offers_elsewhere
            self.local, self._pending = pending, None
        if result.image is not None:
            self._agree_image(result.image)
        elif result.remote is not None:
            self._agree(result.remote)
        else:
            raise NotAcceptable(result.problem)

    def withdraw(self) -> None:
        """The offer was refused: what was agreed before stays in force (RFC 3261 section 14.1)."""
        self._pending = None
        self.offered = None

    def describe(self) -> bytes:
        """Our description in force, for a refresh that changes nothing."""
        return self.local.to_bytes() if self.local is not None else b""

    def renew(self) -> bytes:
        """Offer again what is in use, for another port of ours: the codec first that is in use."""
        if self.image is not None:
            return self.offer_image(self.image)
        codec = self.codec
        return self.offer([codec, *(name for name in self.can_use() if name != codec)], self.payload_types())

    # --- inside

    def _next_version(self) -> int:
        self._version += 1
        return self._version - 1

    def _web_offer(self) -> sdp.Dtls | None:
        web = self.remote.dtls is not None if self.remote is not None else self.profile.webrtc
        return self._web.to_offer(self.stream) if web and self.stream is not None else None

    def _web_answer(self, offered: sdp.Session, audio: sdp.Media) -> sdp.Dtls | None:
        theirs = sdp.dtls_of(offered, audio)
        if theirs is None or self.stream is None:
            return None
        return self._web.to_answer(self.stream, theirs, self.remote)

    def _more_addresses(self) -> list[str]:
        """Where a browser may find us besides: inside the same network as we, a NAT need not lead back to it.

        Only our own people are told.
        """
        stream = self.stream
        if stream is None or stream.address == self.address or not self.profile.webrtc:
            return []
        return [stream.address]

    def _keys(self) -> list[sdp.Crypto]:
        return [sdp.Crypto.generate(suite) for suite in SRTP_SUITES]

    def _agree(self, remote: sdp.RemoteAudio) -> None:
        self.codec_before = self.codec or remote.codec.name
        self.remote = remote
        self.offered = None
        self.image = None
        self._configure()

    def _agree_image(self, image: sdp.RemoteImage) -> None:
        self.image = image
        self._configure()

    def _configure(self) -> None:
        if self.stream is None:
            return
        if self.image is not None:
            self.stream.configure(_raw(self.image, behind_nat=self.profile.behind_nat))
        elif self.remote is not None:
            self.stream.configure(media_remote(self.remote, self.profile, elsewhere=self.elsewhere))


def _at_rate(codecs: Sequence[str], rate: int) -> list[str | sdp.Codec]:
    """The codecs with a limit for Opus among their parameters."""
    found: list[str | sdp.Codec] = list(codecs)
    if rate and "opus" in codecs:
        opus = sdp.named("opus")
        found[codecs.index("opus")] = replace(opus, fmtp=f"{opus.fmtp};maxaveragebitrate={rate}")
    return found


def _limited(codec: sdp.Codec, rate: int) -> str:
    """The other side's parameters, by which we send: with our limit where it has none, or a higher one."""
    if not rate or codec.name != "opus":
        return codec.fmtp
    parts = [part for part in codec.fmtp.split(";") if part and not part.strip().startswith("maxaveragebitrate")]
    theirs = codec.parameter("maxaveragebitrate") or ""
    return ";".join([*parts, f"maxaveragebitrate={min(rate, int(theirs)) if theirs.isdecimal() else rate}"])


def media_remote(remote: sdp.RemoteAudio, profile: Profile, *, elsewhere: bool = False) -> Remote:
    """What the media process must know of the other side."""
    codec = remote.codec
    rtcp_port = None if remote.rtcp_mux or remote.rtcp is None else remote.rtcp[1]
    crypto, local_crypto = remote.crypto, remote.local_crypto
    mode = profile.dtmf
    if mode == "auto":
        mode = "rfc4733" if remote.dtmf_payload_type is not None else "inband"
    return Remote(
        address=remote.address,
        port=remote.port,
        rtcp_port=rtcp_port,
        rtcp_mux=remote.rtcp_mux,
        codec=codec.name,
        payload_type=codec.payload_type,
        fmtp=_limited(codec, profile.opus_rate),
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        ptime=remote.ptime,
        dtmf_payload_type=remote.dtmf_payload_type,
        cn_payload_type=remote.cn_payload_type,
        others=remote.others,
        sends=sdp.receives(remote.direction),
        receives=sdp.sends(remote.direction),
        behind_nat=profile.behind_nat,
        nat_address=profile.nat_address,
        dtmf_mode=mode,
        dtmf_clock_rate=remote.dtmf_clock_rate,
        srtp_in=f"{crypto.suite} {crypto.key}" if crypto else None,
        srtp_out=f"{local_crypto.suite} {local_crypto.key}" if local_crypto else None,
        elsewhere=elsewhere,
        webrtc=web_remote(remote),
    )


def _raw(image: sdp.RemoteImage, *, behind_nat: bool) -> Remote:
    return Remote(address=image.address, port=image.port, codec="t38", behind_nat=behind_nat, raw=True)
