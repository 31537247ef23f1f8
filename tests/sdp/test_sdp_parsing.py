"""Descriptions as phones really write them."""

from __future__ import annotations

import pytest

from jackfield import sdp

SNOM = b"""v=0\r
o=root 1821 1821 IN IP4 192.0.2.10\r
s=call\r
c=IN IP4 192.0.2.10\r
t=0 0\r
m=audio 63874 RTP/SAVP 9 8 0 99 3 101\r
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r
a=rtpmap:9 G722/16000\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:99 opus/48000\r
a=fmtp:99 useinbandfec=1; maxplaybackrate=16000\r
a=rtpmap:3 GSM/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=ptime:20\r
a=maxptime:40\r
a=rtcp:53020 IN IP4 192.0.2.11\r
a=rtcp-mux\r
a=sendrecv\r
"""


def only_media(text: str) -> sdp.Media:
    session = sdp.parse(text.encode())
    assert len(session.media) == 1
    return session.media[0]


def test_everything_a_desk_phone_says_is_understood() -> None:
    session = sdp.Session.parse(SNOM)
    media = session.audio
    assert media is not None
    assert [c.name for c in media.codecs] == ["g722", "pcma", "pcmu", "opus", "gsm", "telephone-event"]
    assert [c.clock_rate for c in media.codecs] == [8000, 8000, 8000, 48000, 8000, 8000]
    assert media.codecs[3].channels == 2
    assert media.codecs[3].parameter("MaxPlaybackRate") == "16000"
    assert media.codecs[3].parameter("cbr") is None
    assert (media.ptime, media.maxptime) == (20, 40)
    assert media.rtcp == ("192.0.2.11", 53020)
    assert media.rtcp_mux
    assert media.crypto[0].tag == 1
    assert media.crypto[0].suite == "AES_CM_128_HMAC_SHA1_32"
    assert media.crypto[0].usable
    assert media.address == "192.0.2.10"
    assert session.origin == sdp.Origin("root", "1821", "1821", "192.0.2.10")
    assert session.image is None


def test_what_was_parsed_can_be_written_and_read_again() -> None:
    first = sdp.parse(SNOM)
    again = sdp.parse(first.to_bytes())
    assert again.to_bytes() == first.to_bytes()
    assert again.media[0].codecs == first.media[0].codecs
    assert b"a=rtpmap:9 G722/8000\r\n" in first.to_bytes()
    assert b"a=rtpmap:99 opus/48000/2\r\n" in first.to_bytes()


def test_line_feeds_alone_and_missing_lines_are_put_up_with() -> None:
    media = only_media("m=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.1\n")
    assert (media.port, media.address, media.codecs[0].name) == (4000, "192.0.2.1", "pcmu")


def test_without_a_connection_line_the_origin_tells_the_address() -> None:
    media = only_media("v=0\no=- 1 1 IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 8\n")
    assert media.address == "192.0.2.7"


def test_the_connection_line_of_the_media_wins() -> None:
    media = only_media("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\nc=IN IP4 192.0.2.2/127\nc=IN IP4 192.0.2.3\n")
    assert media.address == "192.0.2.2"


def test_ipv6_addresses_are_read_and_written_as_ip6() -> None:
    session = sdp.parse(b"v=0\nc=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 8\n")
    assert session.media[0].address == "2001:db8::1"
    assert b"c=IN IP6 2001:db8::1\r\n" in session.to_bytes()


def test_attributes_of_the_session_hold_for_media_that_say_nothing() -> None:
    session = sdp.parse(
        b"v=0\nc=IN IP4 192.0.2.1\na=sendonly\na=ptime:30\na=tool:x\n"
        b"m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 8\na=recvonly\na=ptime:20\n"
    )
    assert [(m.direction, m.ptime) for m in session.media] == [("sendonly", 30), ("recvonly", 20)]
    assert b"a=tool:x\r\n" in session.to_bytes()


@pytest.mark.parametrize(
    "junk",
    [
        "nonsense",
        "=",
        "a=",
        "a=rtpmap",
        "a=rtpmap:",
        "a=rtpmap:8",
        "a=rtpmap:800 PCMA/8000",
        "a=rtpmap:x PCMA/8000",
        "a=rtpmap:96 /8000",
        "a=fmtp:8",
        "a=fmtp:abc x=y",
        "a=ptime:many",
        "a=ptime:0",
        "a=rtcp:",
        "a=rtcp:99999999",
        "a=crypto:",
        "a=crypto:1 SUITE",
        "a=crypto:x SUITE inline:abc",
        "a=crypto:1 SUITE clear:abc",
        "b=AS:many",
        "c=IN",
        "\x00\x01\x02",
        "ü=ü",
    ],
)
def test_a_line_that_makes_no_sense_is_left_out(junk: str) -> None:
    media = only_media(f"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n{junk}\r\na=sendonly\r\n")
    assert [c.name for c in media.codecs] == ["pcma"]
    assert (media.address, media.direction, media.ptime, media.crypto) == ("192.0.2.1", "sendonly", None, [])


@pytest.mark.parametrize(
    "line", ["m=", "m=audio", "m=audio x RTP/AVP 8", "m=audio 70000 RTP/AVP 8", "m=audio -1 RTP/AVP 8"]
)
def test_an_unreadable_media_line_keeps_its_place_with_port_0(line: str) -> None:
    session = sdp.parse(f"v=0\nc=IN IP4 192.0.2.1\n{line}\nm=audio 4000 RTP/AVP 0\n".encode())
    assert [m.port for m in session.media] == [0, 4000]


def test_formats_without_a_meaning_are_no_codecs() -> None:
    media = only_media("v=0\nm=audio 4000/2 RTP/AVP 8 96 8 abc 250\na=rtpmap:97 opus/48000/2\n")
    assert [c.payload_type for c in media.codecs] == [8]
    assert media.formats == ["8", "96", "8", "abc", "250"]
    assert media.port == 4000


def test_fmtp_lines_of_one_format_are_joined() -> None:
    media = only_media("v=0\nm=audio 4 RTP/AVP 18\na=fmtp:18 annexb=no\na=fmtp:18 x=1\n")
    assert media.codecs[0].fmtp == "annexb=no;x=1"


def test_unknown_codecs_keep_their_name_rate_and_channels() -> None:
    media = only_media("v=0\nm=audio 4 RTP/AVP 96 97\na=rtpmap:96 L16/44100/2\na=rtpmap:97 AMR-WB/16000\n")
    assert [c.label for c in media.codecs] == ["l16/44100/2", "amr-wb/16000"]
    assert media.codecs[0].rtpmap == "96 l16/44100/2"


def test_text_in_another_encoding_comes_out_as_it_went_in() -> None:
    raw = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=caf\xe9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=x-name:\xff\xfe\r\n"
    assert b"s=caf\xe9\r\n" in sdp.parse(raw).to_bytes()
    assert b"a=x-name:\xff\xfe\r\n" in sdp.parse(raw).to_bytes()


@pytest.mark.parametrize("body", [b"", b"\r\n\r\n", b"hello", b"<xml/>", bytes(200)])
def test_what_is_no_description_is_malformed(body: bytes) -> None:
    with pytest.raises(sdp.MalformedSdp, match="no session description"):
        sdp.parse(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"v=0\n" + b"a=x:" + b"y" * sdp.MAX_BYTES, "bytes"),
        (b"v=0\n" + b"m=audio 4 RTP/AVP 8\n" * (sdp.MAX_MEDIA + 1), "media lines"),
        (b"v=0\nm=audio 4 RTP/AVP" + b" 8" * (sdp.MAX_FORMATS + 1), "formats"),
        (b"v=0\n" + (b"m=audio 4 RTP/AVP" + b" 8" * sdp.MAX_FORMATS + b"\n") * 5, "more than 256 formats"),
        (b"v=0\n" * 2000, "lines"),
    ],
)
def test_limits_are_told(body: bytes, said: str) -> None:
    with pytest.raises(sdp.MalformedSdp, match=said):
        sdp.parse(body)


def test_a_fax_line_is_written_back_with_all_its_attributes() -> None:
    body = (
        b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=image 4444 udptl t38\n"
        b"a=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxUdpEC:t38UDPRedundancy\na=sendrecv\n"
    )
    session = sdp.parse(body)
    assert session.image is not None
    assert session.image.attribute("T38MaxBitRate") == "14400"
    assert session.image.attribute("sendrecv") == ""
    assert session.image.attribute("T38VendorInfo") is None
    moved = sdp.readdressed(session.image, "2001:db8::5", 6000)
    text = sdp.Session(address="2001:db8::5", media=[moved]).to_bytes()
    assert b"m=image 6000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" in text
    assert b"192.0.2.1" not in text


def test_a_key_is_only_usable_when_nothing_about_it_is_strange() -> None:
    good = sdp.Crypto.generate("AEAD_AES_256_GCM", tag=3, random_bytes=bytes)
    assert good.usable
    assert str(good).startswith("3 AEAD_AES_256_GCM inline:AAAA")
    assert good.secret == str(good)[2:]
    suite = "AES_CM_128_HMAC_SHA1_80"
    key = sdp.Crypto.generate(suite).key
    assert sdp.Crypto(1, suite, key + "|2^31|1:1").usable
    assert sdp.Crypto(1, suite, key, "WSH=64 -x").usable
    assert str(sdp.Crypto(1, suite, key, "WSH=64")).endswith(" WSH=64")
    for bad in (
        sdp.Crypto(1, suite, key, "UNENCRYPTED_SRTP"),
        sdp.Crypto(1, suite, key[:-8]),
        sdp.Crypto(1, suite, "inline:!!!!"),
        sdp.Crypto(1, suite, f"{key};{key}"),
        sdp.Crypto(1, "F8_128_HMAC_SHA1_80", key),
    ):
        assert not bad.usable


def test_two_descriptions_with_the_same_audio_section_are_two() -> None:
    body = b"v=0\r\nc=IN IP4 192.0.2.%d\r\na=%b\r\nm=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    first, second = sdp.parse(body % (1, b"sendonly", 4000)), sdp.parse(body % (2, b"recvonly", 5000))
    first.media[0].codecs.clear()
    first.media[0].attributes.append("x")
    assert [(m.address, m.port, m.direction) for m in (first.media[0], second.media[0])] == [
        ("192.0.2.1", 4000, "sendonly"),
        ("192.0.2.2", 5000, "recvonly"),
    ]
    assert [codec.name for codec in sdp.parse(body % (3, b"", 6000)).media[0].codecs] == ["pcmu", "telephone-event"]
    assert second.media[0].attributes == ["rtpmap:101 telephone-event/8000"]
