from __future__ import annotations

import base64

import pytest

from jackfield.rtp import packet, rtcp
from jackfield.rtp.srtp import SUITES, BadKey, Key, Receiver, Sender

RTP = packet.build(8, 1000, 160, 42, b"some sound" * 16)
RTCP = rtcp.build([rtcp.ReceiverReport(42), rtcp.SourceDescription.cname(42, "x")])
CM = "AES_CM_128_HMAC_SHA1_80"


@pytest.mark.parametrize("suite", SUITES)
def test_what_one_side_encrypts_the_other_side_reads(suite: str) -> None:
    key = Key.generate(suite)
    sender, receiver = Sender(key), Receiver(Key.parse(str(key)))
    sealed, report = sender.protect(RTP), sender.protect_rtcp(RTCP)
    assert sealed is not None
    assert report is not None
    assert b"some sound" not in sealed
    assert receiver.unprotect(sealed) == RTP
    assert receiver.unprotect_rtcp(report) == RTCP


@pytest.mark.parametrize("suite", SUITES)
def test_forged_replayed_and_foreign_packets_are_dropped(suite: str) -> None:
    sender, receiver = Sender(Key.generate(suite)), Receiver(Key.generate(suite))
    sealed = sender.protect(RTP)
    report = sender.protect_rtcp(RTCP)
    assert sealed is not None
    assert report is not None
    assert receiver.unprotect(sealed) is None
    assert receiver.unprotect_rtcp(report) is None
    own = Sender(key := Key.generate(suite)).protect(RTP)
    assert own is not None
    mine = Receiver(key)
    assert mine.unprotect(own[:-1] + bytes((own[-1] ^ 1,))) is None
    assert mine.unprotect(own) == RTP
    assert mine.unprotect(own) is None
    assert mine.unprotect(RTP) is None
    assert mine.unprotect(b"") is None
    assert mine.unprotect_rtcp(b"\x80\xc8") is None


def test_what_cannot_be_sent_is_none() -> None:
    sender = Sender(Key.generate(CM))
    assert sender.protect(bytes(3000)) is None
    assert sender.protect(b"short") is None
    assert sender.protect_rtcp(b"") is None


@pytest.mark.parametrize("suite", [CM, "AEAD_AES_128_GCM"])
def test_a_peer_may_put_a_key_identifier_into_its_packets(suite: str) -> None:
    key = Key.generate(suite)
    marked = Key.parse(f"{key}|2^31|1:4")
    assert marked.mki_octets == 4
    assert str(marked).endswith("|1:4")
    sender, receiver = Sender(key), Receiver(marked)
    sealed, report = sender.protect(RTP), sender.protect_rtcp(RTCP)
    assert sealed is not None
    assert report is not None
    tag = SUITES[suite].rtp_tag if SUITES[suite].tag_is_last else 0
    rtcp_tag = SUITES[suite].rtcp_tag if SUITES[suite].tag_is_last else 0
    with_mki = sealed[: len(sealed) - tag] + b"\0\0\0\1" + sealed[len(sealed) - tag :]
    report_with_mki = report[: len(report) - rtcp_tag] + b"\0\0\0\1" + report[len(report) - rtcp_tag :]
    assert receiver.unprotect(with_mki) == RTP
    assert receiver.unprotect_rtcp(report_with_mki) == RTCP
    assert receiver.unprotect(b"abc") is None


@pytest.mark.parametrize("octets", [30])
def test_keys_without_padding_are_read(octets: int) -> None:
    text = base64.b64encode(bytes(28)).decode().rstrip("=")
    assert Key.parse(f"AEAD_AES_128_GCM inline:{text}").material == bytes(28)
    assert Key.parse(f"{CM} inline:{base64.b64encode(bytes(octets)).decode()}|2^20").mki_octets == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must read"),
        ("inline:abc", "must read"),
        ("F8_128_HMAC_SHA1_80 inline:abc", "unknown crypto suite"),
        (f"{CM} uri:abc", "inline"),
        (f"{CM} inline:a;inline:b", "only one key"),
        (f"{CM} inline:!!!!", "base64"),
        (f"{CM} inline:abcd", "needs 30 octets"),
        (f"{CM} inline:{'A' * 40}|1:999", "identifier"),
    ],
)
def test_a_key_that_cannot_work_says_why(text: str, said: str) -> None:
    with pytest.raises(BadKey, match=said):
        Key.parse(text)


def test_keys_stay_out_of_logs() -> None:
    key = Key.generate(CM, lambda count: b"K" * count)
    assert "K" * 4 not in repr(key)
    assert base64.b64encode(b"KKK").decode() not in repr(key)
    with pytest.raises(BadKey, match="unknown crypto suite"):
        Key.generate("ROT13")
