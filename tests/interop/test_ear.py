"""The ear itself must not be deaf, or everything would be proved."""

from __future__ import annotations

import pytest

from .ear import Ear, tone


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_it_tells_tones_apart_and_says_when_they_began(rate: int) -> None:
    ear = Ear()
    ear.feed(tone(440, rate, 1.0) + bytes(2 * rate) + tone(660, rate, 1.0), rate, at=103.0)

    assert ear.hears(440, 0.5) == pytest.approx(100.0, abs=0.05)
    assert ear.hears(660, 0.5) == pytest.approx(102.0, abs=0.05)
    assert ear.hears(0, 0.5) == pytest.approx(101.0, abs=0.05)
    assert ear.hears(550, 0.1) is None
    assert ear.hears(440, 0.5, since=101.0) is None


def test_it_measures_interruptions() -> None:
    ear = Ear()
    ear.feed(tone(440, 8000, 1.0) + bytes(8000) + tone(440, 8000, 1.0), 8000, at=2.5)

    assert ear.gaps(440) == [pytest.approx(0.5, abs=0.05)]
    assert ear.seconds_of(440) == pytest.approx(2.0, abs=0.1)


def test_a_tone_in_small_pieces_is_one_tone() -> None:
    ear = Ear()
    audio = tone(880, 16000, 1.0)
    for start in range(0, len(audio), 333 * 2):
        ear.feed(audio[start : start + 666], 16000, at=start / 32000)

    assert ear.gaps(880) == []
    assert ear.seconds_of(880) == pytest.approx(1.0, abs=0.05)


def test_a_steady_tone_is_no_melody_but_changing_notes_are() -> None:
    steady, song = Ear(), Ear()
    steady.feed(tone(440, 8000, 2.0), 8000, at=2.0)
    song.feed(b"".join(tone(hertz, 8000, 0.25) for hertz in (262, 330, 392, 523) * 2), 8000, at=2.0)

    assert not steady.hears_melody()
    assert song.hears_melody()


def test_it_tells_in_words_what_it_heard() -> None:
    ear = Ear()
    ear.feed(tone(440, 8000, 0.5) + bytes(8000), 8000, at=1.0)

    assert ear.story().startswith("440 Hz 0.5")
    assert "silence 0.4" in ear.story()


def test_it_reads_the_keys_of_a_telephone() -> None:
    ear = Ear()
    keys = {"1": (697, 1209), "9": (852, 1477), "#": (941, 1477)}
    ear.feed(b"".join(tone(keys[key], 8000, 0.1) + bytes(1600) for key in "19#9"), 8000, at=1.0)

    assert ear.keys() == "19#9"
    assert ear.hears(697, 0.1) is None
