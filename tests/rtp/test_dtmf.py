from __future__ import annotations

import numpy as np
import pytest
from hearing import pieces, sine, voice

from jackfield.rtp import codecs, dtmf, tones
from jackfield.rtp.codecs import libraries
from jackfield.rtp.dtmf import FREQUENCIES, DtmfDetector, generate

ALL = "0123456789*#ABCD"


@pytest.fixture(params=["spandsp", "numpy"], autouse=True)
def ear(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds for both detectors."""
    if request.param == "numpy":
        monkeypatch.setattr(dtmf, "present", lambda library: False)
    elif not libraries.present(libraries.SPANDSP):
        pytest.skip("libspandsp is not installed")


def heard(pcm: bytes, rate: int = 8000, packet: float = 0.02) -> str:
    detector = DtmfDetector(rate)
    return "".join(detector.feed(piece) for piece in pieces(pcm, 2 * int(rate * packet)))


def pressed(
    digits: str,
    *,
    seconds: float = 0.05,
    pause: float = 0.05,
    low: float = -9.0,
    high: float = -9.0,
    shift: float = 0.0,
) -> bytes:
    """Digits with each frequency at a level of its own (dBm0), off by `shift`."""
    parts = []
    for digit in digits:
        row, column = FREQUENCIES[digit]
        one = np.frombuffer(tones.tone((row * (1 + shift),), seconds, 8000, low), "<i2").astype(int)
        other = np.frombuffer(tones.tone((column * (1 + shift),), seconds, 8000, high), "<i2").astype(int)
        parts.append((one + other).astype("<i2").tobytes() + bytes(2 * round(pause * 8000)))
    return b"".join(parts)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_every_digit_is_heard_once_at_every_rate(rate: int) -> None:
    assert heard(generate(ALL, rate), rate) == ALL


@pytest.mark.parametrize("packet", [0.01, 0.03, 0.0625])
def test_the_length_of_the_packets_does_not_matter(packet: float) -> None:
    assert heard(generate("159D", tone_seconds=0.06, pause_seconds=0.06), packet=packet) == "159D"


@pytest.mark.parametrize(("seconds", "pause"), [(0.04, 0.04), (0.05, 0.05), (0.1, 0.04), (0.5, 0.1)])
def test_the_shortest_digits_that_q24_asks_for_are_heard(seconds: float, pause: float) -> None:
    assert heard(pressed(ALL * 2, seconds=seconds, pause=pause)) == ALL * 2


def test_a_blip_is_no_digit() -> None:
    assert heard(pressed(ALL, seconds=0.018, pause=0.05)) == ""


@pytest.mark.parametrize("position", [0.05, 0.053, 0.06, 0.071, 0.08])
def test_a_short_drop_out_does_not_double_a_digit(position: float) -> None:
    pcm = pressed("5", seconds=0.15)
    begin = 2 * round(position * 8000)
    assert heard(pcm[:begin] + bytes(2 * 40) + pcm[begin + 2 * 40 :]) == "5"


@pytest.mark.parametrize(("low", "high"), [(-9, -12.5), (-14, -9), (-10, -16), (-30, -30), (-3, -3), (-22, -20)])
def test_levels_and_twist_of_real_lines_are_accepted(low: float, high: float) -> None:
    wanted = "147*0852#369"
    if high - low > 4:
        assert heard(pressed(wanted, low=low, high=high, seconds=0.08)) == ""  # more than Q.24 allows
    else:
        assert heard(pressed(wanted, low=low, high=high, seconds=0.08)) == wanted


def test_frequencies_may_be_a_little_off_but_not_much() -> None:
    assert heard(pressed(ALL, seconds=0.08, shift=0.01)) == ALL
    assert heard(pressed(ALL, seconds=0.08, shift=-0.01)) == ALL
    assert heard(pressed(ALL, seconds=0.08, shift=0.04)) == ""


def test_digits_are_heard_in_line_noise() -> None:
    noise = np.random.default_rng(2).standard_normal(8000 * 4) * 250
    pcm = np.frombuffer(pressed(ALL, seconds=0.08, pause=0.08, low=-12, high=-12), "<i2")
    noisy = np.clip(pcm + noise[: len(pcm)], -32768, 32767).astype("<i2").tobytes()
    assert heard(noisy) == ALL


@pytest.mark.parametrize("name", ["pcmu", "g722"])
def test_digits_are_heard_through_a_codec(name: str) -> None:
    if name not in codecs.available():
        pytest.skip(f"{name} is not available")
    codec = codecs.create(name, sample_rate=8000)
    pcm = b"".join(codec.decode(codec.encode(piece)) for piece in pieces(generate(ALL), 320))
    assert heard(pcm) == ALL


@pytest.mark.parametrize(("first", "second"), [(700, 1400), (850, 1300), (600, 1500), (900, 1600)])
def test_speech_like_sounds_are_no_digits(first: float, second: float) -> None:
    # The formants glide through the digits' frequencies.
    assert heard(voice(8000, 15, first=first, second=second)) == ""


def test_noise_is_no_digit() -> None:
    noise = np.random.default_rng(5).standard_normal(8000 * 20) * 6000
    assert heard(noise.clip(-32768, 32767).astype("<i2").tobytes()) == ""


@pytest.mark.parametrize("country", ["us", "gb", "de", "fr", "jp"])
def test_progress_tones_are_no_digits(country: str) -> None:
    for name in tones.NAMES:
        assert heard(tones.loop(name, country, 8000) * 3) == ""


def test_one_frequency_alone_or_three_are_no_digit() -> None:
    for frequency in (697, 941, 1209, 1633):
        assert heard(sine(frequency, 0.5, 8000)) == ""
    assert heard(tones.tone((697, 770, 1209), 0.5, 8000, -12)) == ""


def test_a_digit_is_told_while_it_sounds() -> None:
    detector = DtmfDetector()
    tone_on = generate("7", tone_seconds=0.2, pause_seconds=0.0)
    told = [detector.feed(piece) for piece in pieces(tone_on, 320)]
    assert "".join(told[:3]) == "7"
    assert detector.active
    for _ in range(4):
        assert detector.feed(bytes(320)) == ""
    assert not detector.active


def test_what_cannot_be_fed_or_pressed_is_refused() -> None:
    with pytest.raises(ValueError, match="44100"):
        DtmfDetector(44100)
    with pytest.raises(ValueError, match="'E' is not a telephone digit"):
        generate("1E")
    assert heard(generate("a")) == "A"
    assert DtmfDetector().feed(b"") == ""
    assert DtmfDetector().feed(b"\x01") == ""
    assert DtmfDetector(16000).feed(b"\x01") == ""
