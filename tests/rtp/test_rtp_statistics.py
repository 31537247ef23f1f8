from __future__ import annotations

from random import Random

import pytest

from jackfield.rtp.statistics import RtpReceiverStats


def heard(sequences: list[int], *, stats: RtpReceiverStats | None = None) -> RtpReceiverStats:
    stats = stats or RtpReceiverStats(8000)
    for sequence in sequences:
        stats.update(sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, sequence * 0.02)
    return stats


def test_a_clean_stream_has_no_loss_and_no_jitter() -> None:
    figures = heard(list(range(65000, 66000))).reception()
    assert (figures.packets, figures.expected, figures.lost, figures.loss) == (1000, 1000, 0, 0.0)
    assert figures.jitter == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("first", [0, 1, 40000, 65535])
def test_counting_begins_at_any_number(first: int) -> None:
    assert heard(list(range(first, first + 50))).expected == 50


def test_lost_packets_are_counted_and_late_ones_are_not_lost() -> None:
    stats = heard([n for n in range(100) if n not in (10, 11, 50)])
    assert stats.reception().lost == 3
    heard([50], stats=stats)
    figures = stats.reception()
    assert (figures.lost, figures.loss) == (2, pytest.approx(0.02))


def test_doubles_never_make_the_loss_negative() -> None:
    assert heard([1, 2, 2, 2, 3]).reception().lost == 0


def test_jitter_is_that_of_rfc_3550() -> None:
    stats, random = RtpReceiverStats(8000), Random(1)
    transit, jitter = None, 0.0
    for n in range(200):
        arrival = n * 0.02 + random.random() * 0.01
        stats.update(n, n * 160, arrival)
        now = arrival * 8000 - n * 160
        if transit is not None:
            jitter += (abs(now - transit) - jitter) / 16
        transit = now
    assert stats.jitter == pytest.approx(jitter / 8000)
    assert 0.002 < stats.jitter < 0.006


def test_jitter_is_not_upset_by_a_wrapping_timestamp() -> None:
    stats = RtpReceiverStats(8000)
    for n in range(40):
        stats.update(n, (0xFFFFFFFF - 1600 + n * 160) & 0xFFFFFFFF, n * 0.02)
    assert stats.jitter < 0.0001


def test_digits_count_as_packets_but_not_as_jitter() -> None:
    stats = heard(list(range(10)))
    before = stats.jitter
    assert stats.count(10)
    assert stats.count(11)
    heard([12], stats=stats)
    assert stats.jitter == before
    assert stats.reception().packets == 13


def test_a_stray_number_is_not_counted_a_restart_is_believed_on_the_second_packet() -> None:
    stats = heard(list(range(100, 120)))
    assert not stats.update(30000, 0, 2.4)
    assert stats.update(120, 120 * 160, 2.4)
    assert not stats.update(30000, 0, 2.42)
    assert stats.update(30001, 160, 2.44)
    heard(list(range(30002, 30010)), stats=stats)
    figures = stats.reception()
    assert figures.restarts == 1
    assert figures.packets == 30
    assert figures.lost == 0


def test_a_report_tells_the_loss_since_the_one_before() -> None:
    stats = heard([n for n in range(100) if n % 4])
    first = stats.report(7, last_sr=5, delay_since_last_sr=0.5)
    assert (first.ssrc, first.last_sr, first.delay) == (7, 5, 32768)
    assert first.fraction_lost == pytest.approx(256 / 4, abs=3)
    assert first.lost == 24
    heard(list(range(100, 200)), stats=stats)
    second = stats.report(7)
    assert second.fraction_lost == 0
    assert second.lost == 24
    assert second.highest_sequence == 199
    assert RtpReceiverStats(8000).report(1).highest_sequence == 0
    assert RtpReceiverStats(8000).reception().loss == 0.0
