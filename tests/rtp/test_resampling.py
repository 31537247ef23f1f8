from __future__ import annotations

import pytest
from hearing import clarity, level, pieces, sine

from jackfield.rtp.resample import Resampler


@pytest.mark.parametrize(
    ("source", "target"), [(8000, 16000), (16000, 8000), (8000, 48000), (48000, 8000), (16000, 48000), (48000, 16000)]
)
@pytest.mark.parametrize("packet", [0.01, 0.02, 0.0137])
def test_a_tone_keeps_its_pitch_its_level_and_has_no_seams(source: int, target: int, packet: float) -> None:
    resampler = Resampler(source, target)
    parts = [resampler.feed(piece) for piece in pieces(sine(1000, 1.0, source), 2 * int(source * packet))]
    pcm = b"".join(parts)
    assert abs(len(pcm) // 2 - target) <= 6
    ratio, amplitude = clarity(pcm[target // 2 & ~1 :], 1000, target)
    assert ratio > 60
    assert amplitude == pytest.approx(8000, rel=0.01)


def test_what_the_lower_rate_cannot_hold_is_filtered_out() -> None:
    resampler = Resampler(16000, 8000)
    pcm = resampler.feed(sine(6000, 0.5, 16000))
    assert level(pcm[400:]) < 0.005 * 8000


def test_each_piece_gives_a_piece_of_the_matching_length() -> None:
    up, down = Resampler(8000, 16000), Resampler(48000, 8000)
    for _ in range(5):
        assert len(up.feed(bytes(320))) == 640
        assert len(down.feed(bytes(1920))) == 320
    assert up.feed(b"") == b""
    assert down.feed(b"\x00") == b""


def test_equal_rates_change_nothing_and_crooked_ones_are_refused() -> None:
    assert Resampler(8000, 8000).feed(b"abcd") == b"abcd"
    with pytest.raises(ValueError, match="neither is a multiple"):
        Resampler(8000, 44100)
