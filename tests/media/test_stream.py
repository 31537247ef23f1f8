"""RTCP, encryption, T.38, silence and figures of a stream."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from jackfield.media.protocol import Failed, Hears, Resumed, Silence, Statistics
from jackfield.rtp import packet, rtcp, srtp

from .conftest import House, Phone


def reports(phone: Phone, count: int = 1) -> list[rtcp.RtcpPacket]:
    return [one for data in phone.datagrams(count, phone.rtcp) for one in rtcp.parse(data)]


def tell(phone: Phone, *packets: rtcp.RtcpPacket) -> None:
    phone.rtcp.sendto(rtcp.build(packets), (phone.peer[0], phone.peer[1] + 1))


# --- RTCP ----------------------------------------------------------------------------------------------------------


def test_a_party_is_told_how_it_was_heard(house: House) -> None:
    a, b, sa, sb = house.call()
    for number in range(50):
        house.pass_time(0.02)
        house.say(a, sa, skip=1 if number % 5 == 4 else 0)
        house.say(b, sb)
    house.pass_time(8)
    told = reports(a)
    sender = told[0]
    assert isinstance(sender, rtcp.SenderReport)
    assert sender.ssrc == sa.lane.ssrc_out
    assert sender.packets == 51
    assert sender.octets == 51 * 160
    block = sender.reports[0]
    assert (block.ssrc, block.lost) == (a.ssrc, 10)
    assert 35 < block.fraction_lost < 50, "10 of 61, in 256ths"
    description = told[1]
    assert isinstance(description, rtcp.SourceDescription)
    assert description.chunks[0][1][0][0] == rtcp.CNAME


def test_a_party_that_hears_nothing_of_us_gets_a_receiver_report(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    house.say(a, stream)
    house.pass_time(8)
    told = reports(a)
    assert isinstance(told[0], rtcp.ReceiverReport)
    assert told[0].reports[0].ssrc == a.ssrc


def test_the_round_trip_is_measured(house: House) -> None:
    a, b, sa, sb = house.call()
    house.say(b, sb)
    house.pass_time(8)
    sender = next(one for one in reports(a) if isinstance(one, rtcp.SenderReport))
    a.datagrams(0, a.rtcp)
    now = house.worker.unix()
    # Half a second later than we sent it, of which the phone kept it for 0.3 s.
    sent = sender.ntp / 2**32 - 2_208_988_800
    house.clock.advance(sent + 0.5 - now if sent + 0.5 > now else 0)
    delay = house.worker.unix() - sent - 0.2
    tell(a, rtcp.ReceiverReport(a.ssrc, (
        rtcp.ReportBlock(sa.lane.ssrc_out, lost=7, jitter=80, last_sr=sender.middle, delay=int(delay * 65536)),
    )))  # fmt: skip
    house.until(lambda: sa.statistics().rtt_ms >= 0)
    figures = sa.statistics()
    assert figures.rtt_ms == pytest.approx(200, abs=2)
    assert figures.lost_out == 7
    assert figures.jitter_out_ms == 10.0


def test_reports_about_somebody_else_mean_nothing(house: House) -> None:
    a, _, sa, _ = house.call()
    tell(a, rtcp.ReceiverReport(a.ssrc, (rtcp.ReportBlock(12345, lost=7),)))
    tell(a, rtcp.SenderReport(a.ssrc, rtcp.ntp_time(1e9), 0, 1, 1, ()))
    house.until(lambda: sa.reports._last_sr)
    assert sa.statistics().lost_out == -1


def test_a_party_whose_audio_goes_elsewhere_proves_by_its_reports_that_it_hears_the_other_one(house: House) -> None:
    a, _, sa, sb = house.call()

    def report(ssrc: int, highest: int, fraction: int = 0) -> None:
        tell(a, rtcp.ReceiverReport(a.ssrc, (rtcp.ReportBlock(ssrc, fraction, highest_sequence=highest),)))
        house.until(lambda: sa.reports._known.get(ssrc) == highest)

    report(4711, 10)
    assert not house.told(Hears), "it is still heard and spoken to by us"
    assert sa.remote is not None
    sa.configure(replace(sa.remote, elsewhere=True))
    report(4711, 10)
    assert not house.told(Hears), "that source does not go on"
    report(4712, 99, fraction=64)
    report(4712, 150)
    assert [event.lost for event in house.told(Hears)] == [0.25, 0.0]
    house.pass_time(25)
    assert [event.stream for event in house.told(Silence)] == [sb.id], "nothing is expected of who is elsewhere"


def test_our_answer_says_which_report_we_heard_last(house: House) -> None:
    a, _, sa, _ = house.call()
    sender = rtcp.SenderReport(a.ssrc, rtcp.ntp_time(1_700_000_000.25), 0, 1, 1)
    tell(a, sender)
    house.until(lambda: sa.reports._last_sr)
    house.pass_time(8)
    block = next(one for one in reports(a) if isinstance(one, rtcp.SenderReport | rtcp.ReceiverReport)).reports[0]
    assert block.last_sr == sender.middle
    assert 0 < block.delay < 8 * 65536


def test_strangers_and_garbage_on_the_rtcp_port_are_counted(house: House) -> None:
    a, _, sa, _ = house.call()
    thief = house.phone("127.0.0.2")
    thief.peer = a.peer
    tell(thief, rtcp.ReceiverReport(1, (rtcp.ReportBlock(sa.lane.ssrc_out, lost=99),)))
    a.rtcp.sendto(b"garbage!", (a.peer[0], a.peer[1] + 1))
    a.rtcp.sendto(b"\x80\xc9\xff\xff" + bytes(8), (a.peer[0], a.peer[1] + 1))
    house.until(lambda: sa.endpoint.dropped_source == 1 and sa.endpoint.dropped_malformed == 2)
    assert sa.statistics().lost_out == -1


def test_rtcp_may_share_the_port_with_rtp(house: House) -> None:
    a = house.phone()
    stream = house.stream(a, rtcp_mux=True)
    house.say(a, stream)
    house.say(a, stream)
    house.pass_time(8)
    data = a.datagrams(1)[0]
    assert data[1] in (200, 201)
    a.send(rtcp.build([rtcp.ReceiverReport(a.ssrc, (rtcp.ReportBlock(stream.lane.ssrc_out, lost=3),))]))
    house.until(lambda: stream.statistics().lost_out == 3)


def test_rtcp_goes_where_a_phone_behind_nat_sends_its_from(house: House) -> None:
    a = house.phone("127.0.0.3")
    stream = house.stream()
    a.peer = ("127.0.0.1", stream.pair.port)
    stream.configure(a.remote(address="10.1.1.1", port=5000, rtcp_port=None, behind_nat=True))
    for _ in range(3):
        house.say(a, stream)
    tell(a, rtcp.ReceiverReport(a.ssrc))
    house.turn()
    house.pass_time(8)
    assert reports(a)


def test_a_closed_stream_says_goodbye(house: House) -> None:
    a, b, sa, sb = house.call()
    house.worker._close(sa)
    assert any(isinstance(one, rtcp.Goodbye) for one in reports(a))


# --- figures -------------------------------------------------------------------------------------------------------


def test_the_last_event_of_a_stream_has_its_figures(house: House) -> None:
    a, b, sa, sb = house.call()
    for number in range(20):
        house.pass_time(0.02)
        house.say(a, sa, skip=2 if number == 10 else 0)
    house.worker._close(sa)
    final = [event for event in house.told(Statistics) if event.final]
    assert len(final) == 1
    figures = final[0].stats
    assert (figures.packets_in, figures.lost, figures.packets_out) == (21, 2, 1)
    assert (figures.codec_in, figures.codec_out) == ("pcmu", "pcmu")
    assert figures.remote == f"127.0.0.1:{a.port}"
    assert figures.ssrc == a.ssrc
    assert figures.ssrc_out == a_ssrc_of(a)
    assert 1 < figures.mos < 4.4
    sa.close()
    assert len(house.told(Statistics)) == 1


def a_ssrc_of(phone: Phone) -> int:
    """What the phone heard us as."""
    return next(one.ssrc for data in phone.datagrams(1, phone.rtcp) for one in rtcp.parse(data) if hasattr(one, "ssrc"))


def test_jitter_is_measured(house: House) -> None:
    a, _, sa, _ = house.call()
    for number in range(200):
        house.clock.advance(0.01 if number % 2 else 0.03)
        house.say(a, sa)
    assert sa.statistics().jitter_ms == pytest.approx(10, abs=1)


@pytest.mark.parametrize("way", ["passed on", "echoed", "told", "left out", "to nobody"])
def test_digits_are_no_jitter(house: House, way: str) -> None:
    """The packets of an event repeat the timestamp of its beginning (RFC 4733 section 2.2)."""
    a, b, sa, sb = house.call()
    if way == "echoed":
        sa.echo(True)
    elif way == "told":
        sa.unbridge()
        sa.listen_digits(True, inband=False)
    elif way == "left out":
        sb.configure(b.remote(dtmf_payload_type=None))
    elif way == "to nobody":
        sa.unbridge()
    for _ in range(20):
        house.clock.advance(0.02)
        house.say(a, sa)
    begin = a.ts + 160
    for number in range(25):
        house.clock.advance(0.02)
        ended = number >= 22
        event = bytes((5, 0x80 | 10 if ended else 10)) + min(160 * (number + 1), 3680).to_bytes(2, "big")
        a.ts += 160
        a.seq += 1
        house.say(a, sa, event, 101, ts=begin, seq=a.seq, marker=number == 0)
    for _ in range(20):
        house.clock.advance(0.02)
        house.say(a, sa)
    assert sa.statistics().packets_in == 66
    assert sa.statistics().jitter_ms < 0.1


def test_loss_is_counted_over_changes_of_the_source(house: House) -> None:
    a, _, sa, _ = house.call()
    house.say(a, sa, skip=4)
    a.ssrc += 1
    a.seq = 7
    house.say(a, sa)
    house.say(a, sa, skip=3)
    assert sa.statistics().lost == 7


def test_a_silent_stream_has_no_score(house: House) -> None:
    stream = house.stream(house.phone())
    figures = stream.statistics()
    assert (figures.mos, figures.remote, figures.codec_in, figures.seconds_since_heard) == (0.0, "", "", -1.0)


# --- silence -------------------------------------------------------------------------------------------------------


def test_silence_is_told_and_its_end(house: House) -> None:
    a, b, sa, sb = house.call()
    house.pass_time(19)
    assert not house.told(Silence)
    house.pass_time(3)
    assert {(event.stream, event.seconds) for event in house.told(Silence)} == {(sa.id, 20), (sb.id, 20)}
    for _ in range(165 * 2):
        house.clock.advance(0.5)
        house.turn()
    mine = [event.seconds for event in house.told(Silence) if event.stream == sa.id]
    assert mine == [20, 60, 120, 180]
    house.say(a, sa)
    house.pass_time(2)
    assert [event.stream for event in house.told(Resumed)] == [sa.id]


def test_a_party_on_hold_may_be_silent(house: House) -> None:
    stream = house.stream(house.phone(), sends=False)
    for _ in range(100):
        house.clock.advance(1)
        house.turn()
    assert not house.told(Silence)
    assert stream.remote is not None
    stream.configure(replace(stream.remote, sends=True))
    house.pass_time(15)
    assert not house.told(Silence), "counted from when it may speak"


# --- SRTP ----------------------------------------------------------------------------------------------------------


def keys(suite: str = "AES_CM_128_HMAC_SHA1_80") -> tuple[srtp.Key, srtp.Key]:
    return srtp.Key.generate(suite), srtp.Key.generate(suite)


class Secret:
    """A phone that encrypts."""

    def __init__(self, house: House, suite: str = "AES_CM_128_HMAC_SHA1_80") -> None:
        self.house = house
        self.phone = house.phone()
        self.mine, self.theirs = keys(suite)
        self.sender, self.receiver = srtp.Sender(self.mine), srtp.Receiver(self.theirs)
        self.remote = {"srtp_in": str(self.mine), "srtp_out": str(self.theirs)}

    def say(self, stream, payload: bytes) -> None:
        phone = self.phone
        phone.seq, phone.ts = phone.seq + 1, phone.ts + 160
        data = self.sender.protect(packet.build(0, phone.seq, phone.ts, phone.ssrc, payload))
        assert data is not None
        assert payload not in data
        before = self.house.taken(stream)
        phone.send(data)
        self.house.until(lambda: self.house.taken(stream) > before)

    def hear(self, count: int) -> list[bytes]:
        heard = []
        for data in self.phone.datagrams(count):
            clear = self.receiver.unprotect(data)
            assert clear is not None
            heard.append(clear[12:])
        return heard


@pytest.mark.parametrize("suite", sorted(srtp.SUITES))
def test_an_encrypted_party_and_one_in_clear_hear_each_other(house: House, suite: str) -> None:
    secret, b = Secret(house, suite), house.phone()
    sa, sb = house.stream(secret.phone, **secret.remote), house.stream(b)
    sa.bridge(sb)
    for number in range(4):
        secret.say(sa, bytes([number]) * 160)
        house.say(b, sb, bytes([64 + number]) * 160)
    assert [heard.payload[0] for heard in b.hear(4)] == [0, 1, 2, 3]
    assert [heard[0] for heard in secret.hear(4)] == [64, 65, 66, 67]
    assert sa.statistics().packets_in == 4


def test_two_encrypted_parties_hear_each_other_with_their_own_keys(house: House) -> None:
    one, two = Secret(house), Secret(house, "AES_CM_128_HMAC_SHA1_32")
    sa, sb = house.stream(one.phone, **one.remote), house.stream(two.phone, **two.remote)
    sa.bridge(sb)
    for _ in range(3):
        one.say(sa, b"\x01" * 160)
        two.say(sb, b"\x02" * 160)
    assert {heard[0] for heard in two.hear(2)} == {1}
    assert {heard[0] for heard in one.hear(2)} == {2}


def test_what_is_not_genuine_is_not_heard_and_opens_no_latch(house: House) -> None:
    secret, b = Secret(house), house.phone()
    sa, sb = house.stream(secret.phone, **secret.remote), house.stream(b)
    sa.bridge(sb)
    house.say(secret.phone, sa)  # in clear
    forged = srtp.Sender(srtp.Key.generate("AES_CM_128_HMAC_SHA1_80"))
    data = forged.protect(packet.build(0, 1, 1, 1, bytes(160)))
    assert data is not None
    secret.phone.send(data)
    house.until(lambda: sa.statistics().dropped_malformed == 2)
    assert not b.hear()
    secret.say(sa, b"\x01" * 160)
    house.say(secret.phone, sa)
    assert len(b.hear(1)) == 1


def test_encryption_survives_a_reinvite(house: House) -> None:
    secret, b = Secret(house), house.phone()
    sa, sb = house.stream(secret.phone, **secret.remote), house.stream(b)
    sa.bridge(sb)
    for _ in range(2):
        secret.say(sa, b"\x01" * 160)
        house.say(b, sb, b"\x02" * 160)
        sa.configure(secret.phone.remote(**secret.remote))
    assert len(b.hear(2)) == 2
    assert len(secret.hear(2)) == 2


def test_rtcp_is_encrypted_too(house: House) -> None:
    secret = Secret(house)
    stream = house.stream(secret.phone, **secret.remote)
    secret.say(stream, b"\x01" * 160)
    data = secret.sender.protect_rtcp(
        rtcp.build([rtcp.ReceiverReport(5, (rtcp.ReportBlock(stream.lane.ssrc_out, lost=4),))])
    )
    assert data is not None
    target = (secret.phone.peer[0], secret.phone.peer[1] + 1)
    secret.phone.rtcp.sendto(data, target)
    house.until(lambda: stream.statistics().lost_out == 4)
    secret.phone.rtcp.sendto(rtcp.build([rtcp.ReceiverReport(5)]), target)
    house.until(lambda: stream.statistics().dropped_malformed == 1)
    house.pass_time(8)
    clear = secret.receiver.unprotect_rtcp(secret.phone.datagrams(1, secret.phone.rtcp)[0])
    assert clear is not None
    assert rtcp.parse(clear)


def test_prompts_are_encrypted(house: House) -> None:
    from jackfield.media.protocol import Tone

    secret = Secret(house)
    stream = house.stream(secret.phone, **secret.remote)
    stream.voice.play((Tone("dial"),), loop=True, player_id=1)
    house.pass_time(0.2)
    assert len(secret.hear(9)) >= 9


def test_a_bad_key_is_told_and_nothing_goes_out_in_clear(house: House) -> None:
    a, b, sa, sb = house.call()
    sa.configure(a.remote(srtp_out="AES_CM_128_HMAC_SHA1_80 inline:short"))
    assert "key" in house.told(Failed)[0].reason
    assert "short" not in house.told(Failed)[0].reason
    house.say(b, sb)
    assert not a.hear()


# --- T.38 ----------------------------------------------------------------------------------------------------------


def test_fax_passes_untouched(house: House) -> None:
    a, b, sa, sb = house.call({"raw": True}, {"raw": True}, started=False)
    for phone, data in ((a, b"\x00\x01udptl"), (b, b"\xff" * 50), (a, b"x"), (b, b"yes")):
        phone.send(data)
    house.until(lambda: sa.lane.relayed == 2 and sb.lane.relayed == 2)
    assert b.datagrams(2) == [b"\x00\x01udptl", b"x"]
    assert a.datagrams(2) == [b"\xff" * 50, b"yes"]


def test_a_stranger_cannot_send_fax(house: House) -> None:
    a, b, sa, _ = house.call({"raw": True}, {"raw": True}, started=False)
    thief = house.phone("127.0.0.2")
    thief.peer = a.peer
    thief.send(b"spam")
    house.until(lambda: sa.endpoint.dropped_source == 1)
    assert not b.datagrams()


def test_a_call_changes_to_fax_and_back(house: House) -> None:
    a, b, sa, sb = house.call()
    for stream, phone in ((sa, a), (sb, b)):
        stream.configure(phone.remote(raw=True))
    a.send(b"fax")
    house.until(lambda: b.datagrams() == [b"fax"])
    for stream, phone in ((sa, a), (sb, b)):
        stream.configure(phone.remote())
    house.say(a, sa)
    house.say(a, sa)
    heard = b.hear(2)
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(heard)} == {1}


def test_fax_does_not_pass_to_a_party_that_expects_audio(house: House) -> None:
    a, b, sa, _ = house.call({"raw": True}, {}, started=False)
    a.send(b"fax")
    house.until(lambda: sa.lane.packets_in == 1)
    assert not b.datagrams()
