"""Session descriptions: parse, offer, answer. No SIP, no sockets.

Everything that others need is here: `sdp.parse`, `sdp.offer`, `sdp.answer`, `sdp.read_answer` and their data.
"""

from jackfield.sdp.codecs import (
    CODECS,
    COMFORT_NOISE,
    STATIC_PAYLOADS,
    TELEPHONE_EVENT,
    Codec,
    named,
    payload_numbers,
    shared_first,
)
from jackfield.sdp.negotiate import (
    Answer,
    Negotiated,
    RemoteAudio,
    RemoteImage,
    answer,
    offer,
    offer_image,
    read_answer,
)
from jackfield.sdp.parser import MAX_BYTES, MAX_FORMATS, MAX_MEDIA, parse
from jackfield.sdp.session import (
    SUITE_KEY_BYTES,
    Crypto,
    Direction,
    MalformedSdp,
    Media,
    Origin,
    Session,
    narrow,
    readdressed,
    receives,
    reverse,
    sends,
)
from jackfield.sdp.webrtc import Dtls, Setup, dtls_of

__all__ = [
    "CODECS",
    "COMFORT_NOISE",
    "MAX_BYTES",
    "MAX_FORMATS",
    "MAX_MEDIA",
    "STATIC_PAYLOADS",
    "SUITE_KEY_BYTES",
    "TELEPHONE_EVENT",
    "Answer",
    "Codec",
    "Crypto",
    "Direction",
    "Dtls",
    "MalformedSdp",
    "Media",
    "Negotiated",
    "Origin",
    "RemoteAudio",
    "RemoteImage",
    "Session",
    "Setup",
    "answer",
    "dtls_of",
    "named",
    "narrow",
    "offer",
    "offer_image",
    "parse",
    "payload_numbers",
    "read_answer",
    "readdressed",
    "receives",
    "reverse",
    "sends",
    "shared_first",
]
