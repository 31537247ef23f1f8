"""Digits: heard, sent, and converted between parties that dial in different ways."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from jackfield.media.protocol import Digit
from jackfield.media.stream import Stream
from jackfield.rtp import codecs, dtmf
from jackfield.rtp.events import EventReceiver, train
from jackfield.rtp.packet import Packet

from .conftest import House, Phone

INBAND = {"dtmf_mode": "inband", "dtmf_payload_type": None}
INFO = {"dtmf_mode": "info", "dtmf_payload_type": None}


def dial(house: House, phone: Phone, stream: Stream, digit: str, *, number: int = 101, milliseconds: int = 100) -> None:
    """Press a key of a phone that sends RFC 4733 events."""
    start = phone.ts = phone.ts + 160
    for piece in train(digit, duration=milliseconds / 1000):
        house.say(phone, stream, piece.payload, number, marker=piece.marker, ts=start, seq=next_seq(phone))
        house.pass_time(0.02)
    phone.ts += 8 * milliseconds


def next_seq(phone: Phone) -> int:
    phone.seq = (phone.seq + 1) & 0xFFFF
    return phone.seq


def sing(house: House, phone: Phone, stream: Stream, digits: str, codec: str = "pcmu", number: int = 0) -> None:
    """Play keys as tones in the audio."""
    encoder = codecs.create(codec)
    pcm = dtmf.generate(digits, encoder.sample_rate) + bytes(6400)
    size = 2 * encoder.frame_samples
    for start in range(0, len(pcm) - size + 1, size):
        house.say(phone, stream, encoder.encode(pcm[start : start + size]), number)
        house.pass_time(0.02)


def events_in(heard: list[Packet], number: int = 101) -> list[tuple[str, int]]:
    receiver = EventReceiver()
    found = []
    for index, one in enumerate(heard):
        if one.payload_type == number:
            for event in receiver.receive(one.payload, one.timestamp, index * 0.02, marker=one.marker):
                found.append((event.digit, round(event.duration * 1000)))
    return found


def tones_in(heard: list[Packet], codec: str = "pcmu") -> str:
    decoder, detector = codecs.create(codec), dtmf.DtmfDetector(8000)
    return "".join(detector.feed(decoder.decode(one.payload)) for one in heard)


def digits(house: House, stream: Stream | None = None) -> list[tuple[str, str]]:
    return [(event.digit, event.source) for event in house.told(Digit) if stream is None or event.stream == stream.id]


# --- listening -----------------------------------------------------------------------------------------------------


def test_events_are_told_once_each_when_someone_listens(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.listen_digits(True, inband=False)
    for digit in "1*#D":
        dial(house, a, stream, digit, milliseconds=160)
    assert digits(house) == [(digit, "rfc4733") for digit in "1*#D"]
    assert {event.duration_ms for event in house.told(Digit)} == {160}
    stream.listen_digits(False, inband=False)
    dial(house, a, stream, "5")
    assert len(digits(house)) == 4


def test_a_digit_whose_end_is_lost_is_told_all_the_same(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.listen_digits(True, inband=False)
    pieces = list(train("7", duration=0.2))[:5]
    for piece in pieces:
        house.say(a, stream, piece.payload, 101, marker=piece.marker, ts=a.ts, seq=next_seq(a))
        house.pass_time(0.02)
    assert not digits(house)
    house.pass_time(0.3)
    assert digits(house) == [("7", "rfc4733")]


def test_tones_are_heard_when_asked_for(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    sing(house, a, stream, "1")
    stream.listen_digits(True, inband=True)
    sing(house, a, stream, "259#")
    assert digits(house) == [(digit, "inband") for digit in "259#"]
    assert all(60 <= event.duration_ms <= 140 for event in house.told(Digit))


def test_a_phone_that_sends_both_is_heard_once(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.listen_digits(True, inband=True)
    dial(house, a, stream, "4")
    sing(house, a, stream, "4")
    assert digits(house) == [("4", "rfc4733")]


def test_the_length_of_a_digit_is_right_after_a_change_of_codec(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.listen_digits(True, inband=False)
    dial(house, a, stream, "1", milliseconds=100)
    stream.configure(a.remote(codec="opus", payload_type=96, clock_rate=48000))
    start = a.ts = a.ts + 960
    for piece in train("2", duration=0.1, clock_rate=48000):
        house.say(a, stream, piece.payload, 101, marker=piece.marker, ts=start, seq=next_seq(a))
    assert [(event.digit, event.duration_ms) for event in house.told(Digit)] == [("1", 100), ("2", 100)]


def test_listening_does_not_take_digits_from_the_other_party(house: House) -> None:
    a, b, sa, _ = house.call()
    sa.listen_digits(True, inband=False)
    dial(house, a, sa, "3")
    assert [digit for digit, _ in events_in(b.hear(4))] == ["3"]
    assert digits(house) == [("3", "rfc4733")]


# --- passing on ----------------------------------------------------------------------------------------------------


def test_events_pass_with_the_number_that_the_receiver_has_for_them(house: House) -> None:
    a, b, sa, _ = house.call({"dtmf_payload_type": 101}, {"dtmf_payload_type": 96})
    house.say(a, sa)
    dial(house, a, sa, "9", milliseconds=100)
    house.say(a, sa)
    heard = b.hear(9)
    assert events_in(heard, 96) == [("9", 100)]
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(heard)} == {1}
    events = [one for one in heard if one.payload_type == 96]
    assert len({one.timestamp for one in events}) == 1, "all packets of an event carry its beginning"
    assert [one.marker for one in events] == [True] + [False] * (len(events) - 1)
    assert not digits(house), "nobody listened"


def test_events_pass_between_clocks_with_their_length(house: House) -> None:
    opus = {"codec": "opus", "payload_type": 96, "clock_rate": 48000, "dtmf_clock_rate": 48000}
    a, b, sa, _ = house.call({}, opus)
    dial(house, a, sa, "8", milliseconds=100)
    heard = [one for one in b.hear(7) if one.payload_type == 101]
    receiver = EventReceiver(48000)
    told = [event for one in heard for event in receiver.receive(one.payload, one.timestamp, 0.0, marker=one.marker)]
    assert [(event.digit, round(event.duration, 2)) for event in told] == [("8", 0.1)]


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "g722", "opus", "gsm"])
def test_events_become_tones_for_who_takes_nothing_else(house: House, codec: str) -> None:
    number = {"pcmu": 0, "pcma": 8, "g722": 9, "opus": 96, "gsm": 3}[codec]
    clock = 48000 if codec == "opus" else 8000
    a, b, sa, _ = house.call({}, {**INBAND, "codec": codec, "payload_type": number, "clock_rate": clock})
    house.say(a, sa)
    for digit in "36":
        dial(house, a, sa, digit, milliseconds=120)
        for _ in range(6):
            house.say(a, sa)
            house.pass_time(0.02)
    heard = b.hear(20)
    if codec in ("pcmu", "pcma"):  # the others bend a tone more than a detector must forgive
        assert tones_in(heard, codec) == "36"
    assert {one.payload_type for one in heard} == {number}
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(heard)} == {1}
    ticks = [(two.timestamp - one.timestamp) & 0xFFFFFFFF for one, two in itertools.pairwise(heard)]
    assert max(ticks) < clock, "no holes"


def test_a_party_without_telephone_events_gets_tones_too(house: House) -> None:
    a, b, sa, _ = house.call({}, {"dtmf_payload_type": None})
    dial(house, a, sa, "1", milliseconds=120)
    house.pass_time(0.2)
    assert tones_in(b.hear(6)) == "1"


def test_a_long_key_is_a_long_tone(house: House) -> None:
    a, b, sa, _ = house.call({}, INBAND)
    dial(house, a, sa, "5", milliseconds=1000)
    house.pass_time(0.3)
    loud = [one for one in b.hear(50) if len(set(one.payload)) > 10]
    assert 48 <= len(loud) <= 56


def test_events_are_told_to_the_switch_for_a_party_that_takes_info(house: House) -> None:
    a, b, sa, sb = house.call({}, INFO)
    house.say(a, sa)
    dial(house, a, sa, "2")
    house.say(a, sa)
    assert digits(house, sa) == [("2", "rfc4733")]
    heard = b.hear(2)
    assert len(heard) == 2
    assert (heard[1].sequence - heard[0].sequence) & 0xFFFF == 1, "what is told apart is not missing from the audio"


def test_tones_become_events(house: House) -> None:
    a, b, sa, _ = house.call(INBAND, {})
    sing(house, a, sa, "17*")
    house.pass_time(0.2)
    heard = b.hear(20)
    assert [digit for digit, _ in events_in(heard)] == ["1", "7", "*"]
    audio = [one for one in heard if one.payload_type == 0]
    assert tones_in(audio) == "", "the tones themselves are gone but for their beginning"
    assert not digits(house)


def test_tones_are_told_to_the_switch_for_a_party_that_takes_info(house: House) -> None:
    a, _, sa, _ = house.call(INBAND, INFO)
    sing(house, a, sa, "17")
    assert digits(house, sa) == [("1", "inband"), ("7", "inband")]


def test_tones_between_two_who_take_tones_are_left_alone(house: House) -> None:
    a, b, sa, _ = house.call(INBAND, INBAND)
    sing(house, a, sa, "8")
    assert tones_in(b.hear(10)) == "8"
    assert not digits(house)


def test_an_echo_does_not_dial_back(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.echo(True)
    house.say(a, stream)
    dial(house, a, stream, "6")
    house.say(a, stream)
    heard = a.hear(2)
    assert [one.payload_type for one in heard] == [0, 0]
    assert (heard[1].sequence - heard[0].sequence) & 0xFFFF == 1


# --- sending -------------------------------------------------------------------------------------------------------


def test_digits_are_sent_as_events(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.send_digits("1,d!", inband=False, duration_ms=140)
    house.pass_time(3.0)
    heard = a.hear(18)
    assert events_in(heard) == [("1", 140), ("D", 140)]
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(heard)} == {1}
    first, second = sorted({one.timestamp for one in heard}, key=lambda ts: (ts - heard[0].timestamp) & 0xFFFFFFFF)
    assert 8000 <= (second - first) & 0xFFFFFFFF <= 12_000, "the comma is a second"
    ends = [one for one in heard if one.payload[1] & 0x80]
    assert len(ends) == 6


@pytest.mark.parametrize("remote", [{}, INBAND])
def test_digits_are_sent_as_tones(house: House, remote: dict[str, Any]) -> None:
    a = house.phone()
    stream = house.stream(a, **remote)
    stream.voice.send_digits("90#", inband=not remote, duration_ms=100)
    house.pass_time(1.0)
    heard = a.hear(20)
    assert tones_in(heard) == "90#"
    assert {one.payload_type for one in heard} == {0}


def test_the_audio_goes_on_after_the_digits_where_it_belongs(house: House) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa)
    before = b.hear(1)[0]
    sb.voice.send_digits("5", inband=False, duration_ms=200)
    for _ in range(30):
        house.pass_time(0.02)
        house.say(a, sa)
    heard = b.hear(25)
    line = [before, *heard]
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(line)} == {1}
    audio = [one for one in heard if one.payload_type == 0]
    event = next(one for one in heard if one.payload_type == 101)
    assert audio[0].marker
    assert 0.2 * 8000 <= (audio[0].timestamp - event.timestamp) & 0xFFFFFFFF <= 0.5 * 8000
    passed = (audio[-1].timestamp - before.timestamp) & 0xFFFFFFFF
    assert abs(passed - 30 * 160) <= 320, "the clock of the stream has kept time"


def test_digits_interrupt_a_sound_which_goes_on_afterwards(house: House, tmp_path: Any) -> None:
    from .test_voice import sound

    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((sound(tmp_path, "s", 1.0),), loop=False, player_id=1)
    house.pass_time(0.2)
    stream.voice.send_digits("3", inband=False, duration_ms=100)
    house.pass_time(2.0)
    heard = a.hear(57)
    assert events_in(heard) == [("3", 100)]
    assert len([one for one in heard if one.payload_type == 0]) == 50
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(heard)} == {1}


def test_a_key_that_is_never_released_ends_by_itself(house: House) -> None:
    a, b, sa, sb = house.call({}, INBAND)
    sb.voice.keyer().press("4", inband=True)
    house.pass_time(2.0)
    loud = [one for one in b.hear(10) if len(set(one.payload)) > 10]
    assert 10 <= len(loud) <= 20
    sb.voice.keyer().release()
    house.say(a, sa)
    assert b.hear(1)


def test_nothing_is_sent_to_a_party_that_is_not_known(house: House) -> None:
    stream = house.stream()
    stream.voice.send_digits("123", inband=False, duration_ms=100)
    house.pass_time(1.0)
    assert stream.lane.packets_out == 0
