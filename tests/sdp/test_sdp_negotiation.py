"""Offer and answer between two parties that only see each other's bytes."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield import sdp

SUITE = "AES_CM_128_HMAC_SHA1_80"


def phone(*lines: str, head: str = "v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\n") -> sdp.Session:
    return sdp.parse((head + "\n".join(lines) + "\n").encode())


def ours(offered: sdp.Session, codecs: tuple[Any, ...] = ("pcma", "pcmu"), **wishes: Any) -> sdp.Answer:
    return sdp.answer(offered, address="192.0.2.1", port=5000, codecs=codecs, session_id=1, version=1, **wishes)


def our_offer(*codecs: str | sdp.Codec, **wishes: Any) -> sdp.Session:
    return sdp.offer(address="192.0.2.1", port=5000, codecs=codecs, session_id=1, version=1, **wishes)


def sent(session: sdp.Session) -> sdp.Session:
    """What arrives at the other end."""
    return sdp.parse(session.to_bytes())


def key(tag: int = 1, suite: str = SUITE) -> sdp.Crypto:
    return sdp.Crypto.generate(suite, tag=tag)


# --- codecs


def test_two_parties_agree_on_the_answerers_favourite_and_on_digits() -> None:
    offered = our_offer("opus", "pcmu", "pcma")
    answered = sdp.answer(
        sent(offered), address="192.0.2.2", port=6000, codecs=["g722", "pcma", "opus"], session_id=2, version=1
    )
    assert answered.codec is not None
    assert answered.codec.name == "pcma"
    assert answered.remote is not None
    assert (answered.remote.address, answered.remote.port) == ("192.0.2.1", 5000)
    outcome = sdp.read_answer(offered, sent(answered.session))
    assert outcome.codec == answered.codec
    assert outcome.remote is not None
    assert (outcome.remote.address, outcome.remote.port) == ("192.0.2.2", 6000)
    assert outcome.remote.dtmf_payload_type == answered.remote.dtmf_payload_type == 101
    assert outcome.remote.direction == answered.remote.direction == "sendrecv"
    assert outcome.remote.ptime == 20
    assert not outcome.problem


def test_the_answer_holds_one_codec_under_the_offers_number() -> None:
    offered = phone("m=audio 4000 RTP/AVP 0 107 101", "a=rtpmap:107 opus/48000/2", "a=rtpmap:101 telephone-event/8000")
    answered = ours(offered, ("opus", "pcmu"))
    audio = sent(answered.session).audio
    assert audio is not None
    assert [(c.label, c.payload_type) for c in audio.codecs] == [("opus", 107), ("telephone-event", 101)]
    # The parameters are what *we* want to receive.
    assert audio.codecs[0].parameter("useinbandfec") == "1"
    several = sent(ours(offered, ("opus", "pcmu"), single=False).session).audio
    assert several is not None
    assert [c.label for c in several.codecs] == ["opus", "pcmu", "telephone-event"]


def test_a_codec_object_answers_with_the_other_legs_parameters() -> None:
    offered = phone("m=audio 4000 RTP/AVP 96 18", "a=rtpmap:96 opus/48000/2", "a=fmtp:18 annexb=no")
    answered = ours(offered, (sdp.Codec("opus", 120, 48000, 2, "stereo=1"),))
    audio = answered.session.audio
    assert audio is not None
    assert (audio.codecs[0].payload_type, audio.codecs[0].fmtp) == (96, "stereo=1")
    # Codecs that we know nothing about get the offerer's own parameters back.
    other = ours(offered, ("g729",)).session.audio
    assert other is not None
    assert other.codecs[0].fmtp == "annexb=no"


def test_nothing_in_common_says_what_both_sides_have() -> None:
    answered = ours(phone("m=audio 4000 RTP/AVP 18 4"))
    assert answered.codec is None
    assert answered.remote is None
    assert answered.problem == "no codec in common: the other side has g729, g723; allowed are pcma, pcmu"
    assert [m.port for m in answered.session.media] == [0]
    empty = ours(phone("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), ())
    assert "has none; allowed are none" in empty.problem


def test_the_same_codec_at_another_clock_rate_is_another_codec() -> None:
    offered = phone("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 speex/16000")
    assert ours(offered, ("speex",)).codec is None
    assert ours(offered, ("speex/16000",)).codec is not None


def test_both_legs_of_a_call_use_the_same_numbers() -> None:
    caller = phone(
        "m=audio 4000 RTP/AVP 96 8 97 100",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:97 iLBC/8000",
        "a=fmtp:97 mode=30",
        "a=rtpmap:100 telephone-event/8000",
    )
    assert caller.audio is not None
    numbers = sdp.payload_numbers(caller.audio.codecs)
    assert numbers == {"opus": 96, "ilbc": 97, "telephone-event": 100}
    onward = our_offer(*sdp.shared_first(("g722", "ilbc", "opus", "pcma"), caller.audio.codecs), payload_types=numbers)
    audio = sent(onward).audio
    assert audio is not None
    assert [(c.label, c.payload_type) for c in audio.codecs] == [
        ("ilbc", 97),
        ("opus", 96),
        ("pcma", 8),
        ("g722", 9),
        ("telephone-event", 100),
        ("telephone-event/48000", 110),
    ]
    assert audio.codecs[0].fmtp == "mode=30"


def test_a_number_that_is_wanted_twice_goes_to_the_other_legs_codec() -> None:
    session = our_offer("ilbc", "opus", "speex", payload_types={"opus": 97, "speex": 101})
    audio = session.audio
    assert audio is not None
    numbers = {c.label: c.payload_type for c in audio.codecs}
    assert numbers["opus"] == 97
    assert numbers["speex"] == 101
    assert len(set(numbers.values())) == len(numbers)
    assert all(96 <= n <= 127 for n in numbers.values())


def test_more_codecs_than_numbers_leaves_the_last_ones_out() -> None:
    session = our_offer(*(f"x{n}" for n in range(50)), "pcma", "PCMA", dtmf=False)
    audio = session.audio
    assert audio is not None
    assert len({c.payload_type for c in audio.codecs}) == len(audio.codecs) == 33
    assert audio.codecs[-1].label == "pcma"


# --- telephone events


@pytest.mark.parametrize(
    ("codecs", "events"),
    [
        (("pcma", "g722"), ["telephone-event"]),
        (("opus",), ["telephone-event/48000"]),
        (("opus", "pcma"), ["telephone-event", "telephone-event/48000"]),
    ],
)
def test_digits_are_offered_at_each_clock_rate_in_use(codecs: tuple[str, ...], events: list[str]) -> None:
    audio = our_offer(*codecs).audio
    assert audio is not None
    assert [c.label for c in audio.codecs if c.name == "telephone-event"] == events
    plain = our_offer(*codecs, dtmf=False).audio
    assert plain is not None
    assert all(c.name != "telephone-event" for c in plain.codecs)


def test_the_event_with_the_codecs_clock_rate_is_chosen() -> None:
    lines = (
        "m=audio 4000 RTP/AVP 96 8 101 102",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:102 telephone-event/48000",
    )
    wide = ours(phone(*lines), ("opus",)).remote
    narrow = ours(phone(*lines), ("pcma",)).remote
    assert wide is not None
    assert narrow is not None
    assert (wide.dtmf_payload_type, wide.dtmf_clock_rate) == (102, 48000)
    assert (narrow.dtmf_payload_type, narrow.dtmf_clock_rate) == (101, 8000)


def test_a_phone_with_opus_and_narrow_events_still_gets_digits() -> None:
    offered = phone("m=audio 4000 RTP/AVP 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000")
    remote = ours(offered, ("opus",)).remote
    assert remote is not None
    assert (remote.dtmf_payload_type, remote.dtmf_clock_rate) == (101, 8000)


def test_a_phone_without_events_has_none() -> None:
    answered = ours(phone("m=audio 4000 RTP/AVP 8 13"))
    assert answered.remote is not None
    assert answered.remote.dtmf_payload_type is None
    assert answered.remote.cn_payload_type == 13
    assert ours(phone("m=audio 4 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"), dtmf=False).remote is not None


# --- hold and directions


@pytest.mark.parametrize(
    ("lines", "answered_direction", "held"),
    [
        (["a=sendrecv"], "sendrecv", False),
        (["a=sendonly"], "recvonly", True),
        (["a=inactive"], "inactive", True),
        (["a=recvonly"], "sendonly", False),
        (["c=IN IP4 0.0.0.0"], "recvonly", True),
        (["c=IN IP4 0.0.0.0", "a=inactive"], "inactive", True),
        (["c=IN IP6 ::"], "recvonly", True),
    ],
)
def test_hold_is_understood_in_all_its_forms(lines: list[str], answered_direction: str, held: bool) -> None:
    answered = ours(phone("m=audio 4000 RTP/AVP 8", *lines))
    audio = sent(answered.session).audio
    assert audio is not None
    assert audio.direction == answered_direction
    assert answered.remote is not None
    assert answered.remote.held is held
    assert answered.remote.direction == answered_direction
    if "0.0.0.0" in lines[0] or "::" in lines[0]:
        assert answered.remote.address == ""


def test_our_own_wish_narrows_the_direction() -> None:
    answered = ours(phone("m=audio 4000 RTP/AVP 8"), direction="sendonly")
    assert answered.session.media[0].direction == "sendonly"
    held = ours(phone("m=audio 4000 RTP/AVP 8", "a=sendonly"), direction="sendonly")
    assert held.session.media[0].direction == "inactive"


def test_an_answer_that_holds_is_seen_from_our_side() -> None:
    offered = our_offer("pcma", direction="sendonly")
    outcome = sdp.read_answer(offered, phone("m=audio 4000 RTP/AVP 8", "a=recvonly"))
    assert outcome.remote is not None
    assert outcome.remote.direction == "sendonly"
    assert not outcome.remote.held
    muted = sdp.read_answer(our_offer("pcma"), phone("m=audio 4000 RTP/AVP 8", "a=sendonly"))
    assert muted.remote is not None
    assert muted.remote.held


def test_directions_have_a_small_algebra() -> None:
    assert [sdp.reverse(d) for d in ("sendrecv", "sendonly", "recvonly", "inactive")] == [
        "sendrecv",
        "recvonly",
        "sendonly",
        "inactive",
    ]
    assert sdp.narrow("sendrecv", "recvonly") == "recvonly"
    assert sdp.narrow("sendonly", "recvonly") == "inactive"
    assert sdp.sends("sendonly")
    assert not sdp.receives("sendonly")


# --- m-lines in their places


def test_lines_that_we_do_not_take_keep_their_place_with_port_0() -> None:
    offered = phone(
        "m=video 4002 RTP/AVP 99",
        "a=rtpmap:99 H264/90000",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 8",
        "m=audio 4004 RTP/AVP 8",
        "m=audio 4006 RTP/AVP 8",
        "m=application 4008 UDP/BFCP *",
        "m=image 4010 udptl t38",
    )
    answered = sent(ours(offered).session)
    assert [(m.kind, m.port) for m in answered.media] == [
        ("video", 0),
        ("audio", 0),
        ("audio", 5000),
        ("audio", 0),
        ("application", 0),
        ("image", 0),
    ]
    assert answered.media[0].protocol == "RTP/AVP"
    assert answered.media[1].protocol == "UDP/TLS/RTP/SAVPF"
    assert answered.media[4].formats == ["*"]


def test_an_offer_without_usable_audio_has_a_reason() -> None:
    assert ours(phone("m=audio 4000 TCP/TLS/RTP/SAVPF 8")).problem == "audio over TCP/TLS/RTP/SAVPF isn't supported"
    assert ours(phone("m=audio 0 RTP/AVP 8")).problem == "no audio stream in the offer"
    assert ours(phone("m=video 4000 RTP/AVP 99")).problem == "no audio stream in the offer"


def test_feedback_profiles_are_answered_in_kind() -> None:
    answered = ours(phone("m=audio 4000 RTP/AVPF 8"))
    assert answered.codec is not None
    assert answered.session.media[0].protocol == "RTP/AVPF"


def test_a_later_offer_keeps_the_lines_of_the_dialog() -> None:
    before = ours(phone("m=video 4002 RTP/AVP 99", "m=audio 4000 RTP/AVP 8")).session
    later = sent(our_offer("pcmu", previous=before))
    assert [(m.kind, m.port) for m in later.media] == [("video", 0), ("audio", 5000)]


# --- packet times, RTCP


def test_packet_times_are_those_the_peer_wants() -> None:
    remote = ours(phone("m=audio 4000 RTP/AVP 8", "a=ptime:30")).remote
    assert remote is not None
    assert remote.ptime == 30
    limited = ours(phone("m=audio 4000 RTP/AVP 8", "a=ptime:60", "a=maxptime:40")).remote
    assert limited is not None
    assert (limited.ptime, limited.maxptime) == (40, 40)
    assert ours(phone("m=audio 4000 RTP/AVP 8", "a=ptime:30")).session.media[0].ptime == 30
    assert ours(phone("m=audio 4000 RTP/AVP 8"), ptime=20).session.media[0].ptime == 20


def test_rtcp_is_next_door_unless_somebody_says_otherwise() -> None:
    plain = ours(phone("m=audio 4000 RTP/AVP 8")).remote
    named = ours(phone("m=audio 4000 RTP/AVP 8", "a=rtcp:4777")).remote
    moved = ours(phone("m=audio 4000 RTP/AVP 8", "a=rtcp:4777 IN IP4 192.0.2.99")).remote
    last = ours(phone("m=audio 65535 RTP/AVP 8")).remote
    assert plain is not None
    assert named is not None
    assert moved is not None
    assert last is not None
    assert plain.rtcp == ("192.0.2.10", 4001)
    assert named.rtcp == ("192.0.2.10", 4777)
    assert moved.rtcp == ("192.0.2.99", 4777)
    assert last.rtcp is None
    assert b"a=rtcp:5003\r\n" in our_offer("pcma", rtcp_port=5003).to_bytes()
    assert b"a=rtcp:" not in our_offer("pcma", rtcp_port=5001).to_bytes()


def test_rtcp_is_multiplexed_when_both_want_it() -> None:
    with_mux = phone("m=audio 4000 RTP/AVP 8", "a=rtcp-mux")
    without = phone("m=audio 4000 RTP/AVP 8")
    for offered, wish, result in ((with_mux, True, True), (with_mux, False, False), (without, True, False)):
        answered = ours(offered, rtcp_mux=wish)
        assert answered.remote is not None
        assert answered.remote.rtcp_mux is result
        assert answered.session.media[0].rtcp_mux is result
    offer = our_offer("pcma", rtcp_mux=True)
    agreed, refused = sdp.read_answer(offer, with_mux).remote, sdp.read_answer(offer, without).remote
    assert agreed is not None
    assert refused is not None
    assert agreed.rtcp_mux
    assert not refused.rtcp_mux


# --- addresses


def test_a_peer_that_gives_a_name_must_be_listened_for() -> None:
    remote = ours(phone("m=audio 4000 RTP/AVP 8", "c=IN IP4 phone.example.com")).remote
    assert remote is not None
    assert (remote.address, remote.host) == ("", "phone.example.com")
    assert remote.rtcp == ("", 4001)
    scoped = ours(phone("m=audio 4000 RTP/AVP 8", "c=IN IP6 fe80::1%eth0")).remote
    assert scoped is not None
    assert scoped.address == ""


def test_ipv6_goes_through_an_offer_and_its_answer() -> None:
    offered = sdp.offer(address="2001:db8::1", port=5000, codecs=["pcma"], session_id=1, version=1)
    assert b"o=- 1 1 IN IP6 2001:db8::1\r\n" in offered.to_bytes()
    answered = sdp.answer(sent(offered), address="2001:db8::2", port=6000, codecs=["pcma"], session_id=1, version=1)
    assert answered.remote is not None
    assert answered.remote.address == "2001:db8::1"


# --- encryption


def test_two_parties_exchange_keys() -> None:
    offered = our_offer("pcma", crypto=[key(suite="AEAD_AES_256_GCM"), key()])
    assert offered.media[0].protocol == "RTP/SAVP"
    assert [c.tag for c in offered.media[0].crypto] == [1, 2]
    theirs = key()
    answered = sdp.answer(
        sent(offered), address="192.0.2.2", port=6000, codecs=["pcma"], session_id=2, version=1, crypto=[theirs]
    )
    assert answered.remote is not None
    assert answered.remote.crypto == offered.media[0].crypto[1]
    assert answered.session.media[0].crypto == [sdp.Crypto(2, SUITE, theirs.key)]
    outcome = sdp.read_answer(offered, sent(answered.session))
    assert outcome.remote is not None
    assert outcome.remote.crypto == answered.session.media[0].crypto[0]
    assert outcome.remote.local_crypto == offered.media[0].crypto[1]


def test_a_demand_for_encryption_is_met_or_refused_never_ignored() -> None:
    secured = phone("m=audio 4000 RTP/SAVP 8", f"a=crypto:{key()}")
    assert "switched off" in ours(secured).problem
    assert "no encryption suite in common" in ours(secured, crypto=[key(suite="AEAD_AES_128_GCM")]).problem
    assert ours(secured, crypto=[key()]).remote is not None
    keyless = phone("m=audio 4000 RTP/SAVP 8")
    assert "offered none" in ours(keyless, crypto=[key()]).problem
    broken = phone("m=audio 4000 RTP/SAVP 8", f"a=crypto:1 {SUITE} inline:short")
    assert ours(broken, crypto=[key()]).remote is None


def test_optional_encryption_is_used_when_both_can() -> None:
    offered = our_offer("pcma", crypto=[key()], optional_encryption=True)
    assert offered.media[0].protocol == "RTP/AVP"
    secured, plain = ours(sent(offered), crypto=[key()]), ours(sent(offered))
    assert secured.remote is not None
    assert plain.remote is not None
    assert secured.remote.crypto is not None
    assert plain.remote.crypto is None
    assert plain.session.media[0].crypto == []
    assert "required" in ours(phone("m=audio 4000 RTP/AVP 8"), crypto=[key()], require_encryption=True).problem
    both = sdp.read_answer(offered, sent(secured.session)).remote
    neither = sdp.read_answer(offered, sent(plain.session)).remote
    assert both is not None
    assert neither is not None
    assert both.crypto is not None
    assert neither.crypto is None


def test_an_answer_without_the_demanded_key_is_no_agreement() -> None:
    offered = our_offer("pcma", crypto=[key()])
    assert "offered as a must" in sdp.read_answer(offered, phone("m=audio 4000 RTP/AVP 8")).problem
    assert "offered as a must" in sdp.read_answer(offered, phone("m=audio 4 RTP/SAVP 8", f"a=crypto:{key(9)}")).problem
    assert (
        "doesn't match"
        in sdp.read_answer(our_offer("pcma"), phone("m=audio 4 RTP/SAVP 8", f"a=crypto:{key()}")).problem
    )


# --- reading answers of peers that bend the rules


def test_a_peer_may_use_other_numbers_than_ours() -> None:
    offered = our_offer("opus", payload_types={"opus": 111})
    answered = phone("m=audio 4000 RTP/AVP 96 102", "a=rtpmap:96 opus/48000/2", "a=rtpmap:102 telephone-event/48000")
    remote = sdp.read_answer(offered, answered).remote
    assert remote is not None
    assert remote.codec.payload_type == 96  # to send with
    assert remote.dtmf_payload_type == 102
    assert ("opus", 111) in remote.others  # what the peer may send to us
    assert ("telephone-event/48000", 110) in remote.others


def test_a_codec_that_was_not_offered_is_never_chosen() -> None:
    outcome = sdp.read_answer(our_offer("pcma"), phone("m=audio 4000 RTP/AVP 0 8"))
    assert outcome.codec is not None
    assert outcome.codec.name == "pcma"
    wrong = sdp.read_answer(our_offer("pcma"), phone("m=audio 4000 RTP/AVP 0"))
    assert wrong.codec is None
    assert wrong.problem == "no codec in common: the other side has pcmu; allowed are pcma"


def test_a_refused_stream_is_said_to_be_refused() -> None:
    assert "refused" in sdp.read_answer(our_offer("pcma"), phone("m=audio 0 RTP/AVP 8")).problem
    assert "refused" in sdp.read_answer(our_offer("pcma"), sdp.parse(b"v=0\n")).problem


def test_an_answer_that_lost_the_order_is_matched_by_kind() -> None:
    before = ours(phone("m=video 4002 RTP/AVP 99", "m=audio 4000 RTP/AVP 8")).session
    offered = our_offer("pcma", previous=before)
    outcome = sdp.read_answer(offered, phone("m=audio 4000 RTP/AVP 8"))
    assert outcome.codec is not None


# --- fax


FAX = ("m=image 4444 udptl t38", "a=T38FaxVersion:0", "a=T38FaxMaxDatagram:400")


def test_a_fax_line_passes_from_leg_to_leg_and_its_answer_back() -> None:
    from_a = phone("m=audio 0 RTP/AVP 8", *FAX)
    assert from_a.image is not None
    audio_before = our_offer("pcma")
    to_b = sdp.offer_image(from_a.image, address="192.0.2.1", port=7000, session_id=1, version=2, previous=audio_before)
    at_b = sent(to_b)
    assert [(m.kind, m.port) for m in at_b.media] == [("image", 7000)]
    assert at_b.media[0].attributes == from_a.image.attributes
    from_b = phone("m=image 5555 udptl t38", "a=T38FaxMaxDatagram:200")
    outcome = sdp.read_answer(to_b, from_b)
    assert outcome.image is not None
    assert outcome.problem == ""
    assert (outcome.image.address, outcome.image.port) == ("192.0.2.10", 5555)
    back = ours(from_a, accept_image=("192.0.2.1", 7002), image=outcome.image.media)
    at_a = sent(back.session)
    assert [(m.kind, m.port) for m in at_a.media] == [("audio", 0), ("image", 7002)]
    assert at_a.media[1].attributes == ["T38FaxMaxDatagram:200"]
    assert back.image is not None
    assert back.image.port == 4444
    assert back.problem == ""


def test_a_fax_line_that_the_other_leg_refused_is_refused() -> None:
    offered = phone(*FAX)
    other = phone("m=image 0 udptl t38").media[0]
    answered = ours(offered, accept_image=("192.0.2.1", 7002), image=other)
    assert answered.image is None
    assert answered.session.media[0].port == 0
    assert answered.problem


def test_after_a_fax_the_audio_line_comes_back_to_its_place() -> None:
    fax = sdp.offer_image(phone(*FAX).media[0], address="192.0.2.1", port=7000, session_id=1, version=2)
    later = our_offer("pcma", previous=fax)
    assert [(m.kind, m.port) for m in later.media] == [("audio", 5000)]
