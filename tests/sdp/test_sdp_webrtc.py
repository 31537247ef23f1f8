"""Descriptions of browsers, as they write them, and what we answer and offer."""

from __future__ import annotations

from pathlib import Path

import pytest

from jackfield import sdp
from jackfield.sdp.webrtc import candidate, role

OFFERS = Path(__file__).with_name("offers")
OURS = sdp.Dtls("ours1234", "0123456789abcdef0123456789abcdef", (f"sha-256 {':'.join(['CD'] * 32)}",))

ANSWER = """\
v=0
o=- 7 1 IN IP4 203.0.113.5
s=-
c=IN IP4 203.0.113.5
t=0 0
a=ice-lite
a=group:BUNDLE 0
m=audio 20000 UDP/TLS/RTP/SAVPF {formats}
{codecs}
a=rtcp-mux
a=mid:0
a=ice-ufrag:ours1234
a=ice-pwd:0123456789abcdef0123456789abcdef
a=fingerprint:sha-256 {fingerprint}
a=setup:passive
a=candidate:1 1 udp 2122317823 203.0.113.5 20000 typ host
a=candidate:2 1 udp 2122317567 192.168.7.2 20000 typ host
a=end-of-candidates
a=msid:jackfield audio
a=sendrecv
{video}"""
"""What every browser gets, but for the codec's number and other lines than audio."""

OPUS = "maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1"


def offered(name: str) -> sdp.Session:
    return sdp.parse((OFFERS / f"{name}.sdp").read_bytes())


def answered(session: sdp.Session, *codecs: str, dtls: sdp.Dtls | None = OURS, **more: object) -> sdp.Answer:
    return sdp.answer(
        session, address="203.0.113.5", port=20000, codecs=codecs or ("opus", "pcma"), session_id=7, version=1,
        dtls=dtls, candidates=("192.168.7.2",), **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("browser", "codec", "codecs", "video"),
    [
        ("chrome", "opus", [f"111 opus/48000/2|{OPUS}", "110 telephone-event/48000|0-15"], ""),
        ("chrome", "pcma", ["8 PCMA/8000", "126 telephone-event/8000|0-15"], ""),
        ("firefox", "opus", [f"109 opus/48000/2|{OPUS}", "101 telephone-event/8000|0-15"], ""),
        ("safari", "opus", [f"111 opus/48000/2|{OPUS}", "110 telephone-event/48000|0-15"],
         "m=video 0 UDP/TLS/RTP/SAVPF 96\na=mid:1\n"),
    ],
)  # fmt: skip
def test_a_browser_is_answered(browser: str, codec: str, codecs: list[str], video: str) -> None:
    lines = []
    for one in codecs:
        rtpmap, _, fmtp = one.partition("|")
        lines += [f"a=rtpmap:{rtpmap}"] + ([f"a=fmtp:{rtpmap.split()[0]} {fmtp}"] if fmtp else [])
    expected = ANSWER.format(
        formats=" ".join(one.split()[0] for one in codecs), codecs="\n".join(lines),
        fingerprint=":".join(["CD"] * 32), video=video,
    )  # fmt: skip
    made = answered(offered(browser), codec)
    assert made.session.to_bytes().decode().replace("\r\n", "\n") == expected
    assert made.remote is not None
    assert made.remote.rtcp_mux
    assert not made.remote.held
    assert made.remote.local_dtls is not None
    assert made.remote.local_dtls.setup == "passive"


@pytest.mark.parametrize(("browser", "ufrag", "password", "first"), [
    ("chrome", "0ra/", "h1pSmalyiMO5fGaJHx3CwaOC", "sha-256 29:73:F7"),
    ("firefox", "29613cc0", "fae3340f2429c3345f83ddf6e540942d", "sha-256 11:C9:66"),  # says it for all lines
    ("safari", "p4Xr", "Yk0gF2b1C0Jw0p3m4nQz5s6T", "sha-256 7B:8B:F0"),
])  # fmt: skip
def test_what_a_browser_says_of_ice_and_dtls_is_read(browser: str, ufrag: str, password: str, first: str) -> None:
    session = offered(browser)
    assert session.audio is not None
    said = sdp.dtls_of(session, session.audio)
    assert said is not None
    assert (said.ufrag, said.password, said.setup, said.lite) == (ufrag, password, "actpass", False)
    assert len(said.fingerprints) == 1
    assert said.fingerprints[0].startswith(first)


def test_an_offer_to_a_browser_and_its_answer() -> None:
    made = sdp.offer(
        address="2001:db8::5", port=20000, codecs=["opus", "pcmu"], session_id=7, version=1, dtls=OURS
    )  # fmt: skip
    text = made.to_bytes().decode()
    assert "m=audio 20000 UDP/TLS/RTP/SAVPF 111 0 101 110\r\n" in text
    assert "a=setup:actpass\r\n" in text
    assert "a=candidate:1 1 udp 2130706431 2001:db8::5 20000 typ host\r\n" in text
    assert "a=crypto" not in text
    theirs = sdp.answer(
        sdp.parse(made.to_bytes()), address="192.0.2.2", port=5000, codecs=["pcmu"], session_id=1, version=1,
        dtls=sdp.Dtls("them", "a-password-of-theirs-1234", OURS.fingerprints, "active"),
    )  # fmt: skip
    read = sdp.read_answer(made, sdp.parse(theirs.session.to_bytes()))
    assert read.remote is not None
    assert read.remote.dtls is not None
    assert read.remote.dtls.setup == "active"
    assert read.remote.local_dtls is not None
    assert (read.remote.local_dtls.setup, read.remote.local_dtls.ufrag) == ("passive", "ours1234")


def test_an_answer_without_encryption_is_not_taken() -> None:
    made = sdp.offer(address="192.0.2.1", port=20000, codecs=["pcmu"], session_id=7, version=1, dtls=OURS)
    plain = sdp.parse(b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
                      b"m=audio 4000 RTP/AVP 0\r\n")  # fmt: skip
    read = sdp.read_answer(made, plain)
    assert read.remote is None
    assert "DTLS-SRTP" in read.problem


def test_our_line_keeps_its_name_in_later_offers() -> None:
    first = answered(sdp.parse((OFFERS / "chrome.sdp").read_bytes().replace(b"mid:0", b"mid:audio")))
    later = sdp.offer(
        address="203.0.113.5", port=20000, codecs=["opus"], session_id=7, version=2, dtls=OURS, previous=first.session
    )
    assert later.media[0].attribute("mid") == "audio"


def test_addresses_that_browsers_write_while_they_know_none_are_no_hold() -> None:
    made = answered(offered("safari"))
    assert made.remote is not None
    assert made.remote.address == ""
    assert made.remote.direction == "sendrecv"
    text = (OFFERS / "safari.sdp").read_bytes().replace(b"a=sendrecv", b"a=sendonly")
    held = answered(sdp.parse(text))
    assert held.remote is not None
    assert held.remote.held


@pytest.mark.parametrize(("line", "problem"), [
    (b"a=fingerprint:sha-1 " + b":".join([b"AB"] * 20), "names no certificate"),
    (b"a=fingerprint:nonsense", "names no certificate"),
    (b"a=nothing", "names no certificate"),
])  # fmt: skip
def test_a_browser_that_proves_nothing_is_refused(line: bytes, problem: str) -> None:
    text = (OFFERS / "chrome.sdp").read_bytes().split(b"\n")
    changed = [line if one.startswith(b"a=fingerprint") else one for one in text]
    made = answered(sdp.parse(b"\n".join(changed)))
    assert made.remote is None
    assert problem in made.problem


def test_without_a_part_of_ours_a_browser_is_refused() -> None:
    made = answered(offered("chrome"), dtls=None)
    assert made.remote is None
    assert "DTLS" in made.problem


def test_comfort_noise_of_another_clock_is_not_promised() -> None:
    made = answered(offered("safari"), "opus")
    assert made.remote is not None
    assert made.remote.cn_payload_type is None
    made = answered(offered("safari"), "pcma")
    assert made.remote is not None
    assert made.remote.cn_payload_type == 13


@pytest.mark.parametrize(("theirs", "held", "ours"), [
    ("active", "actpass", "passive"), ("passive", "actpass", "active"), ("actpass", "actpass", "passive"),
    ("actpass", "active", "active"), ("active", "active", "passive"),
])  # fmt: skip
def test_who_begins_the_handshake(theirs: sdp.Setup, held: sdp.Setup, ours: sdp.Setup) -> None:
    assert role(theirs, held) == ours


def test_candidates_are_in_our_order() -> None:
    written = [
        candidate(address, 4000, place) for place, address in enumerate(("2001:db8::1", "192.0.2.1", "10.0.0.1"))
    ]
    priorities = [int(one.split()[3]) for one in written]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == 3
