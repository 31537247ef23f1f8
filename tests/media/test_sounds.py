"""The shipped sounds, and what is made of uploads."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jackfield.media import sounds
from jackfield.media.playback import Clips
from jackfield.media.sounds import BadSound


def read(path: Path) -> tuple[int, np.ndarray]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def upload(path: Path, rate: int, hertz: float, *, seconds: float = 2.0, channels: int = 1, **how: str) -> Path:
    times = np.arange(round(seconds * rate)) / rate
    wave_ = 0.5 * np.sin(2 * np.pi * hertz * times)
    soundfile.write(path, np.column_stack([wave_] * channels), rate, **how)
    return path


def level(samples: np.ndarray, rate: int, hertz: float) -> float:
    """Of one frequency, in full scales."""
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    times = np.arange(len(middle)) / rate
    return float(abs(2 * np.mean(middle * np.exp(-2j * np.pi * hertz * times))) / 32767)


@pytest.mark.parametrize(
    ("name", "rate", "how"),
    [
        ("a.wav", 44100, {}), ("a.wav", 8000, {}), ("a.wav", 16000, {"subtype": "FLOAT"}), ("a.flac", 48000, {}),
        ("a.ogg", 22050, {}), ("a.mp3", 44100, {}), ("a.wav", 11025, {"subtype": "PCM_24"}),
        ("a.wav", 8000, {"subtype": "ULAW"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_any_upload_becomes_a_pair_of_files(tmp_path: Path, name: str, rate: int, how: dict, channels: int) -> None:
    source = upload(tmp_path / name, rate, 440, channels=channels, **how)
    seconds = sounds.convert(source, tmp_path / "new" / "folder" / "sound")
    assert seconds == pytest.approx(2.0, abs=0.1)
    for wanted in (8000, 16000):
        got, samples = read(tmp_path / "new" / "folder" / f"sound.{wanted}.wav")
        assert got == wanted
        assert len(samples) == pytest.approx(seconds * wanted, abs=1)
        assert level(samples, wanted, 440) == pytest.approx(0.5, abs=0.02)
    assert Clips().clip(str(tmp_path / "new" / "folder" / "sound"), "pcmu").length > 90
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 2


def test_what_a_rate_cannot_carry_is_taken_out(tmp_path: Path) -> None:
    sounds.convert(upload(tmp_path / "a.wav", 48000, 5000), tmp_path / "s")
    rate, narrow = read(tmp_path / "s.8000.wav")
    assert np.abs(narrow[800:-800]).max() < 10, "5 kHz would be heard as 3 kHz"
    rate, wide = read(tmp_path / "s.16000.wav")
    assert level(wide, rate, 5000) == pytest.approx(0.5, abs=0.02)


def test_a_long_sound_has_no_seams(tmp_path: Path) -> None:
    sounds.convert(upload(tmp_path / "a.wav", 44100, 1000, seconds=25), tmp_path / "s")
    rate, samples = read(tmp_path / "s.8000.wav")
    expected = 0.5 * 32767 * np.sin(2 * np.pi * 1000 * np.arange(len(samples)) / rate)
    assert len(samples) == 200_000
    assert np.abs(samples - expected)[100:-100].max() < 3


def test_what_is_too_loud_is_cut_off_and_does_not_wrap(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(16000, 3.0), 16000, subtype="FLOAT")
    sounds.convert(tmp_path / "a.wav", tmp_path / "s")
    assert read(tmp_path / "s.8000.wav")[1][1000:-1000].min() == 32767


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no audio file"), (b"<html>", "no audio file"), (b"ID3" + bytes(500), "a.mp3"), (None, "does not exist")],
)
def test_a_bad_file_is_told_and_leaves_nothing(tmp_path: Path, content: bytes | None, reason: str) -> None:
    source = tmp_path / "a.mp3"
    if content is not None:
        source.write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(BadSound, match=reason):
        sounds.convert(source, tmp_path / "out" / "s")
    assert not list((tmp_path / "out").iterdir())


def test_silence_of_no_length_and_endless_sounds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    with pytest.raises(BadSound, match="holds no audio"):
        sounds.convert(tmp_path / "empty.wav", tmp_path / "s")
    soundfile.write(tmp_path / "slow.wav", np.zeros(10), 1000)
    with pytest.raises(BadSound, match="1000 Hz"):
        sounds.convert(tmp_path / "slow.wav", tmp_path / "s")
    monkeypatch.setattr(sounds, "LONGEST_SECONDS", 1)
    with pytest.raises(BadSound, match="longer"):
        sounds.convert(upload(tmp_path / "long.wav", 8000, 440), tmp_path / "s")
    assert not list(tmp_path.glob("s.*"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSound, match="cannot be written"):
        sounds.convert(upload(tmp_path / "a.wav", 8000, 440), tmp_path / "file" / "s")


def test_the_shipped_set_is_put_in_place_once(tmp_path: Path) -> None:
    shipped = sounds.defaults()
    assert sounds.install(tmp_path) == len(shipped)
    for sound in shipped:
        for rate in (8000, 16000):
            got, samples = read(tmp_path / f"{sound.path}.{rate}.wav")
            assert got == rate
            assert 0.2 < len(samples) / rate < 90
            assert 200 < np.sqrt(np.mean(samples**2)) < 8000, f"{sound.name} is neither silent nor too loud"
    (tmp_path / "en" / "busy.8000.wav").write_bytes(b"ours")
    (tmp_path / "en" / "invalid.8000.wav").unlink()
    assert sounds.install(tmp_path) == 1
    assert (tmp_path / "en" / "busy.8000.wav").read_bytes() == b"ours", "what was replaced by hand stays"


def test_the_shipped_set_says_what_the_house_wants_to_say() -> None:
    named = {(sound.name, sound.language) for sound in sounds.defaults()}
    assert ("default", "") in named, "music on hold"
    wanted = {f"digits/{number}" for number in (*range(21), 30, 40, 50)}
    wanted |= {"time/the-time-is", "time/oclock", "time/am", "time/pm", "echo-test", "invalid", "not-available", "busy"}
    wanted |= {"goodbye", "please-hold", "welcome", "after-tone"}
    assert {(name, "en") for name in wanted} <= named
    assert all((sounds.FOLDER / f"{sound.path}.flac").stat().st_size < 1_500_000 for sound in sounds.defaults())
    texts = (sounds.FOLDER / "README.md").read_text()
    assert all(f"`en/{name}`" in texts for name, language in named if language == "en")


@pytest.mark.parametrize("language", ["de", "es", "fr", "cs"])
def test_another_language_says_all_that_english_says_and_every_time_of_day_in_phrases(language: str) -> None:
    named = {sound.name for sound in sounds.defaults() if sound.language == language}
    composed = {"time/the-time-is", "time/oclock", "time/am", "time/pm"}  # English says the time by these
    assert {sound.name for sound in sounds.defaults() if sound.language == "en"} - composed <= named
    assert {f"time/hour/{hour}" for hour in range(24)} | {f"time/minute/{minute}" for minute in range(1, 60)} <= named


def test_only_the_wanted_languages_are_put_in_place(tmp_path: Path) -> None:
    sounds.install(tmp_path, {"cs"})
    assert {path.name for path in tmp_path.iterdir()} == {"cs", "music"}
