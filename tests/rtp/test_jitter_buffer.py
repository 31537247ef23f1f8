"""The playout buffer against networks that we make up; `now` is ours, nothing sleeps."""

from __future__ import annotations

from random import Random

from jackfield.rtp.jitter import Gap, JitterBuffer

FRAME = 160


def play(arrivals: list[tuple[float, int]], seconds: float, **options: float) -> tuple[list[bytes | Gap], JitterBuffer]:
    """Packets (arrival time, number) against a player that asks every 20 ms."""
    buffer = JitterBuffer(8000, **options)  # type: ignore[arg-type]
    waiting = sorted(arrivals)
    heard: list[bytes | Gap] = []
    for tick in range(int(seconds * 50)):
        now = tick * 0.02 + 0.001
        while waiting and waiting[0][0] <= now:
            arrival, number = waiting.pop(0)
            buffer.push(number & 0xFFFF, number * FRAME & 0xFFFFFFFF, b"%d" % number, arrival)
        heard.append(buffer.pop(now))
    return heard, buffer


def sounds(heard: list[bytes | Gap]) -> list[int]:
    return [int(item) for item in heard if isinstance(item, bytes)]


def test_a_steady_stream_is_played_after_the_first_delay_without_gaps() -> None:
    heard, buffer = play([(n * 0.02, n) for n in range(100)], 1.5)
    assert heard[:2] == [Gap.SILENT, Gap.SILENT]
    assert sounds(heard)[:50] == list(range(50))
    assert Gap.LOST not in heard[:60]
    assert buffer.lost == buffer.late == buffer.discarded == 0


def test_packets_are_played_in_order_whatever_order_they_come_in() -> None:
    random = Random(3)
    arrivals = [(n * 0.02 + random.random() * 0.035, n) for n in range(500)]
    heard, buffer = play(arrivals, 10.0)
    played = sounds(heard)
    assert played == sorted(played)
    assert len(played) > 490
    assert buffer.late < 5


def test_the_very_first_packets_may_be_out_of_order() -> None:
    heard, buffer = play([(0.0, 11), (0.005, 10), *((n * 0.02, n + 10) for n in range(2, 20))], 0.5)
    assert sounds(heard)[:4] == [10, 11, 12, 13]
    assert buffer.late == 0


def test_a_lost_packet_is_one_gap_and_the_next_one_can_be_peeked_at() -> None:
    buffer = JitterBuffer(8000, delay=0.04)
    for n in (0, 1, 3, 4):
        buffer.push(n, n * FRAME, b"%d" % n, n * 0.02)
    assert [buffer.pop(0.1), buffer.pop(0.12)] == [b"0", b"1"]
    assert buffer.peek() == b"3"
    assert [buffer.pop(0.14), buffer.pop(0.16), buffer.pop(0.18)] == [Gap.LOST, b"3", b"4"]
    assert buffer.lost == 1
    assert buffer.peek() == b""
    assert buffer.depth == 0.0


def test_a_pause_of_the_sender_is_silence_and_keeps_its_length() -> None:
    buffer = JitterBuffer(8000, delay=0.2)
    for sequence, timestamp in ((1, 0), (2, 160), (3, 160 * 5), (4, 160 * 6)):
        buffer.push(sequence, timestamp, b"%d" % sequence, 0.0)
    heard = [buffer.pop(0.3 + n * 0.02) for n in range(7)]
    assert heard == [b"1", b"2", Gap.SILENT, Gap.SILENT, Gap.SILENT, b"3", b"4"]
    assert buffer.lost == 0


def test_loss_that_was_concealed_while_the_buffer_was_empty_is_not_concealed_twice() -> None:
    buffer = JitterBuffer(8000, delay=0.0)
    buffer.push(0, 0, b"0", 0.0)
    assert buffer.pop(0.0) == b"0"
    assert buffer.pop(0.02) is Gap.LOST
    buffer.push(2, 320, b"2", 0.03)
    assert buffer.pop(0.04) == b"2"
    assert buffer.lost == 1


def test_a_late_packet_and_a_double_are_thrown_away() -> None:
    buffer = JitterBuffer(8000, delay=0.0)
    assert buffer.push(0, 0, b"0", 0.0)
    assert buffer.push(2, 320, b"2", 0.0)
    assert not buffer.push(2, 320, b"2", 0.0)
    assert [buffer.pop(0.02 * n) for n in range(3)] == [b"0", Gap.LOST, b"2"]
    assert not buffer.push(1, 160, b"1", 0.05)
    assert (buffer.late, buffer.discarded, buffer.lost) == (1, 1, 1)


def test_the_delay_grows_when_the_network_stalls_and_nothing_is_lost() -> None:
    arrivals = [(n * 0.02 if n < 50 else max(n * 0.02, 1.1), n) for n in range(200)]
    heard, buffer = play(arrivals, 4.0)
    assert sounds(heard)[:120] == list(range(120))
    assert buffer.lost == 0


def test_the_delay_shrinks_again_when_the_network_is_calm() -> None:
    arrivals = [(n * 0.02 if n < 50 else max(n * 0.02, 1.15), n) for n in range(1000)]
    heard, buffer = play(arrivals, 20.0)
    assert buffer.discarded >= 3
    # At the end a packet is played at most 60 ms after it came.
    played_at = {int(item): tick * 0.02 for tick, item in enumerate(heard) if isinstance(item, bytes)}
    assert played_at[900] - 900 * 0.02 <= 0.061


def test_a_flood_of_old_audio_is_skipped() -> None:
    heard, buffer = play([(0.0, n) for n in range(100)], 1.0, maximum=0.2)
    assert sounds(heard)[0] > 80
    assert buffer.discarded > 80


def test_after_a_long_pause_playing_begins_anew() -> None:
    arrivals = [(n * 0.02, n) for n in range(20)] + [(5 + n * 0.02, 20 + n) for n in range(20)]
    heard, buffer = play(arrivals, 6.0)
    assert sounds(heard) == list(range(40))
    assert buffer.lost == 0


def test_a_sender_that_jumps_to_other_timestamps_is_followed() -> None:
    buffer = JitterBuffer(8000, delay=0.0)
    buffer.push(1, 1000, b"a", 0.0)
    assert buffer.pop(0.0) == b"a"
    buffer.push(2, 3_000_000_000, b"b", 0.02)
    assert buffer.pop(0.03) == b"b"


def test_timestamps_may_wrap() -> None:
    heard, buffer = play([(n * 0.02, n + (1 << 32) // FRAME - 20) for n in range(100)], 1.9)
    assert len(sounds(heard)) >= 92
    assert buffer.lost == 0


def test_packets_of_another_length_are_played_in_turn() -> None:
    buffer = JitterBuffer(8000, delay=0.0)
    for n in range(4):
        buffer.push(n, n * 240, b"%d" % n, 0.0, ticks=240)
    assert [buffer.pop(0.03 * n) for n in range(4)] == [b"0", b"1", b"2", b"3"]
    unaware = JitterBuffer(8000, delay=0.0)
    for n in range(3):
        unaware.push(n, n * 240, b"%d" % n, 0.0)
    assert [unaware.pop(0.03 * n) for n in range(3)] == [b"0", b"1", b"2"]


def test_nothing_is_played_before_anything_came() -> None:
    assert JitterBuffer(8000).pop(5.0) is Gap.SILENT
