from __future__ import annotations

import numpy as np
import pytest
from hearing import clarity, level

from jackfield.rtp import tones


def spectrum(pcm: bytes, rate: int) -> list[float]:
    """The frequencies (Hz) that stand out."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    peaks = [
        i for i in range(1, len(power) - 1) if power[i] == max(power[i - 1 : i + 2]) and power[i] > power.max() / 4
    ]
    return [i * rate / len(samples) for i in peaks]


WANTED = "us gb uk de cz fr it es at ch pl sk nl be se no dk fi au nz jp in br mx za ru"


@pytest.mark.parametrize("country", WANTED.split())
def test_each_country_has_its_tones(country: str) -> None:
    assert country in tones.COUNTRIES
    for name in tones.NAMES:
        assert level(tones.loop(name, country, 8000)) > 100


def test_an_american_hears_440_and_480_hz_two_seconds_of_six() -> None:
    pcm = tones.loop("ringback", "US", 8000)
    assert len(pcm) == 2 * 8000 * 6
    assert spectrum(pcm[: 2 * 16000], 8000) == pytest.approx([440, 480], abs=1)
    assert level(pcm[2 * 16000 :]) == 0


def test_a_german_hears_425_hz_at_any_rate() -> None:
    for rate in (8000, 16000, 48000):
        pcm = tones.loop("busy", "de", rate)
        assert len(pcm) == 2 * round(0.96 * rate)
        assert spectrum(pcm[: 2 * round(0.48 * rate)], rate) == pytest.approx([425], abs=2)


def test_a_country_that_is_not_known_has_the_harmonised_tones() -> None:
    assert tones.cadence("ringback", "zz") == tones.HARMONISED["ringback"]
    with pytest.raises(KeyError):
        tones.cadence("birdsong", "us")


def test_a_steady_tone_goes_on_without_a_seam() -> None:
    player = tones.Player(tones.loop("dial", "fr", 8000))
    pcm = b"".join(player.read(160) for _ in range(200))
    ratio, _ = clarity(pcm, 440, 8000)
    assert ratio > 55  # a click once a second would cost much


def test_a_player_reads_in_pieces_of_any_length_for_ever() -> None:
    player = tones.Player(b"".join(n.to_bytes(2, "little") for n in range(10)) + b"x")
    read = [player.read(n) for n in (3, 4, 10, 25, 1)]
    numbers = [int.from_bytes(p[i : i + 2], "little") for p in read for i in range(0, len(p), 2)]
    assert numbers == [n % 10 for n in range(43)]
    with pytest.raises(ValueError, match="nothing to play"):
        tones.Player(b"")


def test_levels_are_those_asked_for() -> None:
    loud, quiet = tones.loop("dial", "de", 8000, -10.0), tones.loop("dial", "de", 8000, -30.0)
    assert level(loud) / level(quiet) == pytest.approx(10, rel=0.01)
    # 3.14 dBm0 is a sine of full scale (G.711).
    assert clarity(tones.loop("dial", "de", 8000, 3.14), 425, 8000)[1] == pytest.approx(32767, rel=0.001)


def test_a_single_tone_starts_and_ends_softly() -> None:
    pcm = np.frombuffer(tones.tone((1000,), 0.1, 8000), "<i2")
    assert len(pcm) == 800
    assert abs(int(pcm[1])) < 300
    assert abs(int(pcm[-2])) < 300
    assert tones.tone((1000,), 0.0, 8000) == b""


def test_comfort_noise_has_the_level_that_the_packet_asks_for() -> None:
    random = np.random.default_rng(1)
    noise = tones.comfort_noise(b"\x32", 8000, random)
    assert level(noise) == pytest.approx(32768 * 10 ** (-50 / 20), rel=0.05)
    assert tones.comfort_noise(b"", 160, random) == bytes(320)
    assert tones.comfort_noise(b"\x32", 0, random) == b""
    assert tones.comfort_noise(b"\x32", -5, random) == b""
