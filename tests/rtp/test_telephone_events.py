from __future__ import annotations

import pytest

from jackfield.rtp.events import DIGITS, FLASH, Event, EventReceiver, train


def hear(
    receiver: EventReceiver, digit: str, timestamp: int, at: float = 0.0, *, lose: tuple[int, ...] = ()
) -> list[Event]:
    heard = []
    for number, packet in enumerate(train(digit)):
        if number not in lose:
            heard += receiver.receive(packet.payload, timestamp, at + packet.at, marker=packet.marker)
    return heard


@pytest.mark.parametrize("digit", DIGITS + FLASH)
def test_each_digit_is_heard_once(digit: str) -> None:
    heard = hear(EventReceiver(), digit, 1000)
    assert heard == [Event(digit, 0.1, 10, 1000)]


def test_a_train_begins_with_a_marker_grows_and_ends_three_times() -> None:
    packets = list(train("5", duration=0.1))
    assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)
    assert [int.from_bytes(p.payload[2:], "big") for p in packets] == [160, 320, 480, 640, 800, 800, 800]
    assert [p.payload[1] >> 7 for p in packets] == [0, 0, 0, 0, 1, 1, 1]
    assert [round(p.at, 3) for p in packets] == [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12]
    assert {p.payload[0] for p in packets} == {5}


def test_durations_count_the_clock_that_was_negotiated() -> None:
    wide = list(train("#", duration=0.06, clock_rate=48000))
    assert int.from_bytes(wide[-1].payload[2:], "big") == 2880
    receiver = EventReceiver(48000)
    heard = [e for p in wide for e in receiver.receive(p.payload, 7, p.at, marker=p.marker)]
    assert [(e.digit, e.duration) for e in heard] == [("#", 0.06)]


def test_a_very_short_digit_is_a_packet_long_and_a_very_long_one_fits_the_field() -> None:
    short = list(train("1", duration=0.0))
    assert short[0].marker
    assert len(short) == 4
    assert {int.from_bytes(p.payload[2:], "big") for p in short} == {160}
    assert int.from_bytes(list(train("1", duration=60, packet_time=1.0))[-1].payload[2:], "big") == 0xFFFF


def test_small_letters_are_digits_too_and_others_are_not() -> None:
    assert next(iter(train("d"))).payload[0] == 15
    with pytest.raises(ValueError, match="'x' is not a telephone digit"):
        next(iter(train("x")))


def test_the_same_digit_twice_is_two_digits() -> None:
    receiver = EventReceiver()
    heard = hear(receiver, "4", 1000) + hear(receiver, "4", 2600, 0.2)
    assert [(e.digit, e.timestamp) for e in heard] == [("4", 1000), ("4", 2600)]


def test_any_packet_of_a_train_is_enough() -> None:
    for kept in range(7):
        receiver = EventReceiver()
        heard = hear(receiver, "8", 1000, lose=tuple(n for n in range(7) if n != kept))
        heard += receiver.expire(1.0)
        assert [e.digit for e in heard] == ["8"]


def test_a_lost_end_is_made_up_by_the_next_digit() -> None:
    receiver = EventReceiver()
    heard = hear(receiver, "1", 1000, lose=(4, 5, 6)) + hear(receiver, "2", 3000, 0.2)
    assert [e.digit for e in heard] == ["1", "2"]


def test_a_lost_end_is_made_up_when_nothing_more_comes() -> None:
    receiver = EventReceiver()
    assert hear(receiver, "1", 1000, lose=(4, 5, 6)) == []
    assert receiver.current == "1"
    assert receiver.expire(0.1) == []
    assert [e.digit for e in receiver.expire(0.5)] == ["1"]
    assert receiver.current == ""
    assert receiver.expire(0.9) == []


def test_late_packets_of_a_digit_that_is_over_are_ignored() -> None:
    receiver = EventReceiver()
    packets = list(train("3"))
    hear(receiver, "3", 1000)
    assert receiver.receive(packets[1].payload, 1000, 0.2) == []
    hear(receiver, "4", 3000, 0.3)
    assert receiver.receive(packets[1].payload, 1000, 0.5) == []
    receiver.receive(packets[0].payload, 6000, 0.7, marker=True)
    assert receiver.receive(next(iter(train("9"))).payload, 5000, 0.7) == []
    assert receiver.current == "3"


def test_a_source_that_starts_to_count_anew_is_heard() -> None:
    receiver = EventReceiver()
    assert hear(receiver, "3", 3_000_000_000)
    assert [e.digit for e in hear(receiver, "3", 500, 1.0)] == ["3"]


def test_a_phone_that_moves_the_timestamp_with_each_packet_presses_once() -> None:
    receiver, heard = EventReceiver(), []
    for number, packet in enumerate(train("6")):
        heard += receiver.receive(packet.payload, 1000 + 160 * number, packet.at, marker=packet.marker)
    assert [e.digit for e in heard] == ["6"]


def test_a_long_digit_in_segments_is_one_digit() -> None:
    receiver = EventReceiver()
    assert receiver.receive(b"\x05\x0a\xff\xff", 1000, 8.0, marker=True) == []
    assert receiver.receive(b"\x05\x0a\x00\xa0", 1000 + 0xFFFF, 8.02) == []
    (event,) = receiver.receive(b"\x05\x8a\x03\x20", 1000 + 0xFFFF, 8.1)
    assert event.duration == pytest.approx((0xFFFF + 800) / 8000)
    assert event.timestamp == 1000


def test_what_is_no_digit_is_ignored() -> None:
    receiver = EventReceiver()
    assert receiver.receive(b"", 1, 0.0) == []
    assert receiver.receive(b"\x05\x8a\x03", 1, 0.0) == []
    assert receiver.receive(b"\x24\x8a\x03\x20", 1, 0.0) == []  # a fax tone
    assert receiver.current == ""
