"""What one party says, as the other hears it."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

from jackfield.media.protocol import Failed, Tone
from jackfield.rtp import codecs, packet
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA
from jackfield.rtp.packet import Packet

from .conftest import House

TYPES = {"pcmu": 0, "gsm": 3, "pcma": 8, "g722": 9, "opus": 96}


def steps(heard: list[Packet]) -> list[int]:
    """How far the sequence number advances from packet to packet."""
    return [(after.sequence - before.sequence) & 0xFFFF for before, after in itertools.pairwise(heard)]


def durations(heard: list[Packet]) -> list[int]:
    """How far the timestamp does."""
    return [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in itertools.pairwise(heard)]


def codec(name: str, **more: Any) -> dict[str, Any]:
    return {"codec": name, "payload_type": TYPES[name], "clock_rate": 48000 if name == "opus" else 8000, **more}


def test_audio_passes_both_ways_untouched(house: House) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa, b"\x11" * 160)
    house.say(b, sb, b"\x22" * 160)
    assert [heard.payload for heard in b.hear(1)] == [b"\x11" * 160]
    assert [heard.payload for heard in a.hear(1)] == [b"\x22" * 160]


def test_payload_type_becomes_the_one_that_the_receiver_asked_for(house: House) -> None:
    a, b, sa, _ = house.call(codec("opus", payload_type=96), codec("opus", payload_type=111))
    house.say(a, sa, b"opus", 96)
    assert b.hear(1)[0].payload_type == 111


def test_a_codec_that_nobody_knows_passes_through(house: House) -> None:
    unknown = {"codec": "g729", "payload_type": 18}
    a, b, sa, _ = house.call(unknown, unknown)
    house.say(a, sa, b"0123456789", 18)
    assert b.hear(1)[0].payload == b"0123456789"


def test_receiver_hears_one_ssrc_that_is_not_the_senders(house: House) -> None:
    a, b, sa, sb = house.call()
    for _ in range(3):
        house.say(a, sa)
    assert {heard.ssrc for heard in b.hear(3)} == {sb.lane.ssrc_out}
    assert sb.lane.ssrc_out != a.ssrc


def test_lost_packets_leave_a_gap(house: House) -> None:
    a, b, sa, _ = house.call()
    house.say(a, sa)
    house.say(a, sa, skip=2)
    first, second = b.hear(2)
    assert (second.sequence - first.sequence) & 0xFFFF == 3
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 480


def test_packets_out_of_order_stay_out_of_order(house: House) -> None:
    a, b, sa, _ = house.call()
    seq, ts = a.seq, a.ts
    for step in (1, 3, 2, 4):
        house.say(a, sa, bytes([step]) * 160, seq=seq + step, ts=ts + 160 * step)
    heard = b.hear(4)
    assert [one.payload[0] for one in heard] == [1, 3, 2, 4]
    base = heard[0].sequence
    assert [(one.sequence - base) & 0xFFFF for one in heard] == [0, 2, 1, 3]
    assert [(one.timestamp - heard[0].timestamp) & 0xFFFFFFFF for one in heard] == [0, 320, 160, 480]


def test_copies_of_a_packet_are_passed_on_once(house: House) -> None:
    a, b, sa, _ = house.call()
    seq = a.seq
    for step in (1, 1, 2, 1, 2):
        house.say(a, sa, seq=seq + step, ts=a.ts + 160 * step)
    assert len(b.hear(2)) == 2
    assert sa.statistics().duplicates == 3


def test_sequence_numbers_and_timestamps_wrap(house: House) -> None:
    a, b, sa, _ = house.call()
    a.seq, a.ts = 65533, 0xFFFFFFFF - 200
    for _ in range(6):
        house.say(a, sa)
    heard = b.hear(4)  # the jump to here costs a packet or two
    assert set(steps(heard)) == {1}
    assert set(durations(heard)) == {160}


def test_a_new_source_of_the_same_party_goes_on_where_the_old_one_stopped(house: House) -> None:
    a, b, sa, _ = house.call()
    house.say(a, sa)
    before = b.hear(1)[0]
    a.ssrc, a.seq, a.ts = 0xABCD, 40_000, 3_000_000_000
    house.clock.advance(0.1)
    house.say(a, sa)
    house.say(a, sa)
    first, second = b.hear(2)
    assert (first.sequence - before.sequence) & 0xFFFF == 1
    assert (first.timestamp - before.timestamp) & 0xFFFFFFFF == 800, "as much as time passed"
    assert first.marker
    assert not second.marker
    assert first.ssrc == before.ssrc


def test_a_source_that_jumps_goes_on_where_it_was(house: House) -> None:
    a, b, sa, _ = house.call()
    house.say(a, sa)
    before = b.hear(1)[0]
    a.seq = (a.seq + 20_000) & 0xFFFF
    house.say(a, sa)
    house.say(a, sa)
    house.say(a, sa)
    heard = b.hear(2)
    assert (heard[0].sequence - before.sequence) & 0xFFFF == 1
    assert (heard[1].sequence - before.sequence) & 0xFFFF == 2


def test_a_pause_in_speech_keeps_its_length_and_marker(house: House) -> None:
    a, b, sa, _ = house.call()
    house.say(a, sa)
    house.clock.advance(5.0)
    a.ts += 160 * 249
    house.say(a, sa, marker=True)
    one, two = b.hear(2)
    assert (two.timestamp - one.timestamp) & 0xFFFFFFFF == 40_000
    assert (two.sequence - one.sequence) & 0xFFFF == 1
    assert two.marker


def test_timestamps_that_jump_without_time_passing_are_straightened(house: House) -> None:
    a, b, sa, _ = house.call()
    house.say(a, sa)
    a.ts += 8_000_000
    house.clock.advance(0.02)
    house.say(a, sa)
    house.say(a, sa)
    one, two, three = b.hear(3)
    assert (two.timestamp - one.timestamp) & 0xFFFFFFFF == 160
    assert two.marker
    assert (three.timestamp - two.timestamp) & 0xFFFFFFFF == 160


def test_hold_with_music_and_back_is_one_stream(house: House, tmp_path: Any) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa)
    before = b.hear(1)[0]
    sb.voice.play(("tone-file",), loop=True, player_id=1)  # missing: nothing plays
    assert house.told(Failed)
    house.events.clear()
    sb.voice.play((Tone("dial"),), loop=True, player_id=2)
    house.pass_time(0.2)
    music = b.hear(9)
    house.say(a, sa)
    assert not b.hear(), "the other side is not heard while music plays"
    sb.voice.stop()
    house.clock.advance(0.02)
    house.say(a, sa)
    after = b.hear(1)[0]
    line = [before, *music, after]
    assert {heard.ssrc for heard in line} == {before.ssrc}
    assert set(steps(line)) == {1}
    assert all(160 <= duration <= 320 for duration in durations(line))
    assert music[0].marker
    assert not music[1].marker
    assert after.marker


def test_a_transferred_party_hears_the_new_one_in_the_same_stream(house: House) -> None:
    a, b, sa, sb = house.call()
    c = house.phone()
    sc = house.stream(c)
    house.say(a, sa)
    before = b.hear(1)[0]
    sb.bridge(sc)
    house.clock.advance(1.0)
    house.say(a, sa)
    house.say(c, sc, b"\x33" * 160)
    heard = b.hear(1)
    assert [one.payload for one in heard] == [b"\x33" * 160], "the first party is not heard any more"
    assert (heard[0].sequence - before.sequence) & 0xFFFF == 1
    assert (heard[0].timestamp - before.timestamp) & 0xFFFFFFFF == 8000
    assert heard[0].marker
    sb.bridge(sa)
    house.clock.advance(0.5)
    house.say(a, sa)
    again = b.hear(1)[0]
    assert (again.sequence - heard[0].sequence) & 0xFFFF == 1


def test_a_packet_from_before_a_change_is_left_out(house: House) -> None:
    a, b, sa, sb = house.call()
    sb.unbridge()
    sb.bridge(sa)
    seq, ts = a.seq, a.ts
    house.say(a, sa, seq=seq + 2, ts=ts + 320)
    house.say(a, sa, seq=seq + 1, ts=ts + 160)
    assert len(b.hear(1)) == 1


def test_an_unbridged_party_hears_nothing(house: House) -> None:
    a, b, sa, sb = house.call()
    sb.unbridge()
    house.say(a, sa)
    house.say(b, sb)
    assert not a.hear()
    assert not b.hear()


def test_comfort_noise_passes_to_who_negotiated_it(house: House) -> None:
    a, b, sa, _ = house.call({"cn_payload_type": 13}, {"cn_payload_type": 13})
    house.say(a, sa, b"\x40", 13)
    assert [(heard.payload_type, heard.payload) for heard in b.hear(1)] == [(13, b"\x40")]


def test_comfort_noise_is_left_out_without_a_gap_for_who_did_not(house: House) -> None:
    a, b, sa, _ = house.call({"cn_payload_type": 13})
    house.say(a, sa)
    house.say(a, sa, b"\x40", 13)
    house.clock.advance(1.0)
    a.ts += 8000
    house.say(a, sa, marker=True)
    one, two = b.hear(2)
    assert (two.sequence - one.sequence) & 0xFFFF == 1
    assert two.marker


def test_comfort_noise_does_not_pass_between_clocks(house: House) -> None:
    a, b, sa, _ = house.call({"cn_payload_type": 13}, codec("opus", cn_payload_type=13))
    house.say(a, sa, b"\x40", 13)
    assert not b.hear()


def test_unknown_payload_types_and_empty_packets_are_left_out(house: House) -> None:
    a, b, sa, _ = house.call()
    house.say(a, sa, b"video", 34)
    house.say(a, sa, b"", 0)
    assert not b.hear()


def test_padding_extensions_and_contributors_are_taken_off(house: House) -> None:
    a, b, sa, _ = house.call()
    header = packet.HEADER.pack(0x80 | 0x20 | 0x10 | 2, 0, a.seq + 1, a.ts + 160, a.ssrc)
    extension = b"\xbe\xde\x00\x01abcd"
    a.send(header + b"CSRCcsrc" + extension + b"\x55" * 160 + b"\x00\x00\x03")
    house.until(lambda: sa.lane.packets_in == 2)
    heard = b.datagrams(1)[0]
    assert heard[0] == 0x80
    assert heard[12:] == b"\x55" * 160


@pytest.mark.parametrize(
    "garbage", [b"", b"x", b"\x80" * 11, b"\x00" * 40, b"\xb0\x00" + b"\xff" * 20, b"\xa0" + bytes(30)]
)
def test_garbage_is_counted_and_passed_to_nobody(house: House, garbage: bytes) -> None:
    a, b, sa, _ = house.call()
    before = sa.statistics().dropped_malformed
    a.send(garbage)
    house.until(lambda: sa.statistics().dropped_malformed == before + 1)
    assert not b.hear()


def test_who_must_not_send_is_not_heard_and_who_must_not_hear_gets_nothing(house: House) -> None:
    a, b, sa, sb = house.call()
    sb.configure(b.remote(receives=False))
    house.say(a, sa)
    assert not b.hear()
    house.say(b, sb)
    assert a.hear(1)
    sb.configure(b.remote(sends=False))
    house.say(b, sb)
    assert not a.hear()
    house.say(a, sa)
    assert b.hear(1)


def test_what_was_said_while_on_hold_does_not_seem_lost_afterwards(house: House) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa)
    sb.configure(b.remote(receives=False))
    for _ in range(50):
        house.clock.advance(0.02)
        house.say(a, sa)
    sb.configure(b.remote())
    house.clock.advance(0.02)
    house.say(a, sa)
    before, after = b.hear(2)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 51 * 160
    assert after.marker


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
def test_a_party_without_address_or_port_gets_nothing(house: House, address: str) -> None:
    a, b, sa, sb = house.call()
    sb.configure(b.remote(address=address, port=b.port if address == "0.0.0.0" else 0))
    house.say(a, sa)
    assert not b.hear()


def test_a_forgotten_party_gets_nothing_and_is_not_heard(house: House) -> None:
    a, b, sa, sb = house.call()
    sb.configure(None)
    house.say(a, sa)
    house.say(b, sb)
    assert not a.hear()
    assert not b.hear()


def test_an_address_that_cannot_be_sent_to_is_told(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    for address in ("example.com", "::1"):
        stream.configure(a.remote(address=address))
        assert address in house.told(Failed)[-1].reason


@pytest.mark.parametrize(("one", "two", "table"), [("pcmu", "pcma", PCMU_TO_PCMA), ("pcma", "pcmu", PCMA_TO_PCMU)])
def test_one_law_becomes_the_other(house: House, one: str, two: str, table: bytes) -> None:
    a, b, sa, _ = house.call(codec(one), codec(two))
    every = bytes(range(256))
    house.say(a, sa, every, TYPES[one])
    heard = b.hear(1)[0]
    assert heard.payload == every.translate(table)
    assert heard.payload_type == TYPES[two]


def tone(name: str, hertz: float, frames: int) -> list[bytes]:
    encoder = codecs.create(name)
    times = np.arange(frames * encoder.frame_samples) / encoder.sample_rate
    pcm = (9000 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes()
    size = 2 * encoder.frame_samples
    return [encoder.encode(pcm[start : start + size]) for start in range(0, len(pcm), size)]


def pitch(name: str, payloads: list[bytes]) -> float:
    decoder = codecs.create(name)
    pcm = np.frombuffer(b"".join(decoder.decode(payload) for payload in payloads), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(pcm[len(pcm) // 3 :] * np.hanning(len(pcm) - len(pcm) // 3)))
    return float(np.argmax(spectrum) * decoder.sample_rate / (len(pcm) - len(pcm) // 3))


@pytest.mark.parametrize("one", TYPES)
@pytest.mark.parametrize("two", TYPES)
def test_every_codec_is_understood_by_every_other(house: House, one: str, two: str) -> None:
    a, b, sa, _ = house.call(codec(one), codec(two))
    step = 960 if one == "opus" else 160
    for payload in tone(one, 1000, 40):
        house.say(a, sa, payload, TYPES[one], step=step)
    heard = b.hear(40)
    assert {packet.payload_type for packet in heard} == {TYPES[two]}
    assert abs(pitch(two, [packet.payload for packet in heard]) - 1000) < 20
    expected = 960 if two == "opus" else 160
    assert set(durations(heard)) == {expected}
    assert set(steps(heard)) == {1}


def test_loss_before_transcoding_is_loss_after_it(house: House) -> None:
    a, b, sa, _ = house.call(codec("pcmu"), codec("gsm"))
    house.say(a, sa)
    house.say(a, sa, skip=3)
    one, two = b.hear(2)
    assert (two.sequence - one.sequence) & 0xFFFF == 4
    assert (two.timestamp - one.timestamp) & 0xFFFFFFFF == 640


@pytest.mark.parametrize("length", [80, 240, 480])
def test_other_packet_times_are_cut_to_what_the_codec_needs(house: House, length: int) -> None:
    a, b, sa, _ = house.call(codec("pcmu"), codec("gsm"), started=False)
    for _ in range(12):
        house.say(a, sa, b"\xff" * length, step=length)
    heard = b.hear(12 * length // 160)
    assert {len(one.payload) for one in heard} == {33}
    assert set(steps(heard)) == {1}
    assert set(durations(heard)) == {160}


def test_after_loss_frames_cut_anew_leave_a_gap(house: House) -> None:
    a, b, sa, _ = house.call(codec("pcmu"), codec("gsm"), started=False)
    for _ in range(4):
        house.say(a, sa, b"\xff" * 240, step=240)
    house.say(a, sa, b"\xff" * 240, step=240, skip=4)
    house.say(a, sa, b"\xff" * 240, step=240)
    heard = b.hear(8)
    assert max(steps(heard)) > 3
    assert (heard[-1].timestamp - heard[0].timestamp) & 0xFFFFFFFF in range(1900, 2300)


def test_what_cannot_be_transcoded_is_told_once_and_left_out(house: House) -> None:
    a, b, sa, sb = house.call({"codec": "g729", "payload_type": 18}, codec("pcmu"))
    house.say(a, sa, b"0123456789", 18)
    assert not b.hear()
    sa.configure(sa.remote)
    reasons = [failed.reason for failed in house.told(Failed) if "g729" in failed.reason and failed.stream == sa.id]
    assert reasons == ["audio in g729 cannot be made into pcmu, which is all that the other party takes"]


def test_a_second_codec_of_the_receiver_saves_what_the_first_cannot(house: House) -> None:
    a, b, sa, _ = house.call(
        {"codec": "g729", "payload_type": 18}, codec("pcmu", others=(("g729", 118),)), started=False
    )
    house.say(a, sa, b"0123456789", 18)
    assert [(heard.payload_type, heard.payload) for heard in b.hear(1)] == [(118, b"0123456789")]


def test_a_party_may_change_among_its_codecs_at_any_time(house: House) -> None:
    a, b, sa, _ = house.call(codec("pcmu", others=(("pcma", 8), ("gsm", 3))), codec("pcmu"))
    house.say(a, sa, b"\xd5" * 160, 8)
    house.say(a, sa, b"\xff" * 160, 0)
    house.say(a, sa, tone("gsm", 500, 1)[0], 3)
    assert {(heard.payload_type, len(heard.payload)) for heard in b.hear(3)} == {(0, 160)}


def test_echo_returns_what_a_party_says(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.echo(True)
    house.say(a, stream, b"\x77" * 160)
    house.say(a, stream, b"\x78" * 160)
    assert [heard.payload[0] for heard in a.hear(2)] == [0x77, 0x78]
    stream.echo(False)
    house.say(a, stream)
    assert not a.hear()


def test_a_bridge_with_itself_is_an_echo_and_another_bridge_ends_it(house: House) -> None:
    a, b, sa, sb = house.call()
    sa.bridge(sa)
    house.say(a, sa)
    assert a.hear(1)
    assert not b.hear()
    sa.bridge(sb)
    house.say(a, sa)
    assert b.hear(1)
    assert not a.hear()


def test_ipv4_and_ipv6_parties_hear_each_other(house: House) -> None:
    a, b = house.phone(), house.phone("::1")
    sa, sb = house.stream(a), house.stream(b, "::1")
    sa.bridge(sb)
    for _ in range(2):
        house.say(a, sa, b"\x04" * 160)
        house.say(b, sb, b"\x06" * 160)
    assert {heard.payload[0] for heard in b.hear(2)} == {4}
    assert {heard.payload[0] for heard in a.hear(1)} == {6}


def test_a_peer_whose_port_is_closed_disturbs_nobody(house: House) -> None:
    a, b, sa, sb = house.call()
    b.rtp.close()
    for _ in range(5):
        house.say(a, sa)
    house.turn()
    a2, b2, sa2, _ = house.call()
    house.say(a2, sa2)
    assert b2.hear(1)


def test_noise_on_every_socket_raises_nothing(house: House) -> None:
    source = random.Random(4)
    a, b, sa, sb = house.call(codec("opus"), codec("gsm"))
    sa.listen_digits(True, inband=True)
    c, d, _, _ = house.call({"behind_nat": True, "cn_payload_type": 13}, {"dtmf_mode": "inband"})
    for phone in (a, b, c, d):
        for _ in range(300):
            size = source.choice((0, 1, 4, 11, 12, 13, 20, 60, 172, 1500, 2048))
            data = bytearray(source.randbytes(size))
            if size > 12 and source.random() < 0.8:
                data[0] = 0x80 | source.choice((0, 0, 0, 0x10, 0x20, 0x3F))
                data[1] = source.choice((0, 3, 96, 101, 13, 0x80, 200, 201, 203, 205))
                if source.random() < 0.8:
                    data[8:12] = phone.ssrc.to_bytes(4, "big")
            phone.send(bytes(data))
            phone.rtcp.sendto(bytes(data), (phone.peer[0], phone.peer[1] + 1))
            house.turn()
        house.pass_time(0.1)
    assert house.worker.statistics().failures == 0
