"""What we say ourselves: sounds, music and tones."""

from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np
import pytest

from jackfield.media.playback import CannotPlay, Clips, read_wav
from jackfield.media.protocol import Failed, Played, Tone
from jackfield.rtp import codecs

from .conftest import House

TYPES = {"pcmu": 0, "gsm": 3, "pcma": 8, "g722": 9, "opus": 96}


def sound(folder: Path, name: str, seconds: float, hertz: float = 500, rates: tuple[int, ...] = (8000, 16000)) -> str:
    for rate in rates:
        pcm = (9000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("<i2")
        with wave.open(str(folder / f"{name}.{rate}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(pcm.tobytes())
    return str(folder / name)


def played(house: House) -> list[tuple[int, bool]]:
    return [(event.player, event.completed) for event in house.told(Played)]


def pitch(pcm: bytes, rate: int) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("name", TYPES)
def test_a_sound_is_heard_in_the_partys_codec(house: House, tmp_path: Path, name: str) -> None:
    a = house.phone()
    clock = 48000 if name == "opus" else 8000
    stream = house.stream(a, codec=name, payload_type=TYPES[name], clock_rate=clock)
    stream.voice.play((sound(tmp_path, "s", 0.5),), loop=False, player_id=9)
    house.pass_time(0.7)
    heard = a.hear(25)
    assert len(heard) == 25
    assert {one.payload_type for one in heard} == {TYPES[name]}
    assert {(two.timestamp - one.timestamp) & 0xFFFFFFFF for one, two in itertools.pairwise(heard)} == {clock // 50}
    assert [one.marker for one in heard] == [True] + [False] * 24
    decoder = codecs.create(name)
    pcm = b"".join(decoder.decode(one.payload) for one in heard)
    assert abs(pitch(pcm, decoder.sample_rate) - 500) < 10
    assert played(house) == [(9, True)]
    house.pass_time(0.1)
    assert not a.hear()


def test_sounds_follow_each_other_without_a_gap(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    names = tuple(sound(tmp_path, name, length) for name, length in (("one", 0.1), ("two", 0.05), ("three", 0.02)))
    stream.voice.play(names, loop=False, player_id=1)
    house.pass_time(0.5)
    heard = a.hear(9)
    assert len(heard) == 5 + 3 + 1
    assert {(two.sequence - one.sequence) & 0xFFFF for one, two in itertools.pairwise(heard)} == {1}


def test_music_goes_round_and_round(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((sound(tmp_path, "m", 0.1),), loop=True, player_id=1)
    house.pass_time(1.0)
    assert len(a.hear(50)) in (50, 51)
    assert not played(house)
    stream.voice.stop()
    house.pass_time(0.1)
    assert not a.hear()
    assert played(house) == [(1, False)]
    stream.voice.stop()
    assert played(house) == [(1, False)], "what does not play cannot be stopped"


def test_another_sound_takes_the_place_of_the_first(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    one, two = sound(tmp_path, "one", 5), sound(tmp_path, "two", 0.04)
    stream.voice.play((one,), loop=False, player_id=1)
    house.pass_time(0.1)
    stream.voice.play((two,), loop=False, player_id=2)
    assert played(house) == [(1, False)]
    house.pass_time(0.2)
    assert played(house) == [(1, False), (2, True)]


def test_missed_ticks_are_made_up_for_without_a_burst(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((sound(tmp_path, "m", 5),), loop=False, player_id=1)
    house.pass_time(0.1)
    a.hear(5)
    house.clock.advance(0.05)
    house.turn()
    assert len(a.hear(2)) == 2
    house.clock.advance(2.0)
    house.turn()
    assert len(a.hear(3)) == 3
    house.pass_time(0.1)
    assert len(a.hear(5)) == 5


def test_a_tone_is_the_one_of_the_country(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((Tone("busy", "CZ"),), loop=False, player_id=1)
    house.pass_time(1.0)
    decoder = codecs.create("pcmu")
    pcm = b"".join(decoder.decode(one.payload) for one in a.hear(33))
    assert len(pcm) == 33 * 320, "0.33 s of tone and 0.33 s of pause"
    assert abs(pitch(pcm[: 15 * 320], 8000) - 425) < 10
    assert not any(pcm[18 * 320 : 30 * 320])
    assert played(house) == [(1, True)]


@pytest.mark.parametrize("what", ["missing", Tone("nonsense")])
def test_what_cannot_be_played_is_told(house: House, tmp_path: Path, what: str | Tone) -> None:
    a, b, sa, sb = house.call()
    sa.voice.play((str(tmp_path / what) if isinstance(what, str) else what,), loop=True, player_id=4)
    assert "missing" in house.told(Failed)[0].reason or "nonsense" in house.told(Failed)[0].reason
    assert played(house) == [(4, False)]
    house.say(b, sb)
    assert a.hear(1), "the other party is heard on"


def test_nothing_at_all_is_played_at_once(house: House) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((), loop=True, player_id=3)
    house.turn()
    assert played(house) == [(3, True)]


def test_a_codec_that_cannot_be_spoken_is_told(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a, codec="g729", payload_type=18)
    stream.voice.play((sound(tmp_path, "s", 1),), loop=False, player_id=1)
    assert "g729" in house.told(Failed)[0].reason


def test_a_second_codec_of_the_party_is_spoken_instead(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a, codec="g729", payload_type=18, others=(("pcma", 8),))
    stream.voice.play((sound(tmp_path, "s", 0.1),), loop=False, player_id=1)
    house.pass_time(0.2)
    assert {one.payload_type for one in a.hear(5)} == {8}


def test_playing_goes_on_in_another_codec_at_the_same_place(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((sound(tmp_path, "s", 0.4),), loop=False, player_id=1)
    house.pass_time(0.2)
    first = a.hear(10)
    stream.configure(a.remote(codec="pcma", payload_type=8))
    house.pass_time(0.4)
    second = a.hear(20 - len(first))
    assert {one.payload_type for one in second} == {8}
    assert len(first) + len(second) == 20
    assert (second[0].sequence - first[-1].sequence) & 0xFFFF == 1
    assert played(house) == [(1, True)]


def test_a_sound_for_a_party_on_hold_passes_unheard(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a, receives=False)
    stream.voice.play((sound(tmp_path, "s", 0.1),), loop=False, player_id=1)
    house.pass_time(0.3)
    assert not a.hear()
    assert played(house) == [(1, True)]


def test_a_sound_waits_for_a_party_that_is_not_known_yet(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream()
    stream.voice.play((sound(tmp_path, "s", 0.1),), loop=False, player_id=1)
    house.pass_time(0.3)
    assert not played(house)
    stream.configure(a.remote())
    house.pass_time(0.3)
    assert len(a.hear(5)) == 5
    assert played(house) == [(1, True)]


def test_closing_ends_what_plays(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.voice.play((sound(tmp_path, "s", 5),), loop=True, player_id=1)
    house.pass_time(0.1)
    house.worker._close(stream)
    assert played(house) == [(1, False)]
    house.pass_time(0.1)


# --- the clips -----------------------------------------------------------------------------------------------------


def test_a_sound_is_encoded_once_for_all(tmp_path: Path) -> None:
    clips = Clips()
    path = sound(tmp_path, "s", 0.2)
    assert clips.clip(path, "pcmu") is clips.clip(path, "pcmu")
    assert clips.clip(path, "pcmu") is not clips.clip(path, "pcma")
    first = clips.clip(path, "pcmu").frame(3)
    assert clips.clip(path, "pcmu").frame(3) is first


def test_a_sound_that_was_changed_is_read_again(tmp_path: Path) -> None:
    clips = Clips()
    path = sound(tmp_path, "s", 0.2)
    assert clips.clip(path, "pcmu").length == 10
    sound(tmp_path, "s", 0.4)
    assert clips.clip(path, "pcmu").length == 20


def test_wide_band_codecs_get_the_wide_file_or_else_the_narrow_one(tmp_path: Path) -> None:
    clips = Clips()
    wide, narrow = sound(tmp_path, "w", 0.1, 6000), sound(tmp_path, "n", 0.1, 600, rates=(8000,))
    decoder = codecs.create("g722")
    clip = clips.clip(wide, "g722")
    pcm = b"".join(decoder.decode(clip.frame(index)) for index in range(clip.length))
    assert abs(pitch(pcm, 16000) - 6000) < 50
    assert clips.clip(narrow, "g722").length == 5


def test_clips_do_not_grow_without_end(tmp_path: Path) -> None:
    clips = Clips(limit=20_000)
    paths = [sound(tmp_path, f"s{number}", 1, rates=(8000,)) for number in range(5)]
    first, second = (clips.clip(path, "pcmu") for path in paths[:2])
    assert clips.clip(paths[0], "pcmu") is first
    clips.clip(paths[2], "pcmu")
    assert clips.clip(paths[0], "pcmu") is first, "it was used a moment ago"
    assert clips.clip(paths[1], "pcmu") is not second


def test_the_end_of_a_sound_is_filled_with_silence(tmp_path: Path) -> None:
    clip = Clips().clip(sound(tmp_path, "s", 0.03), "pcmu")
    assert clip.length == 2
    assert len(clip.frame(1)) == 160
    assert clip.frame(1)[80:] == b"\xff" * 80


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"RIFF", "cut off"),
        (b"OggS" + bytes(60), "no WAV"),
        (b"RIFF\x00\x00\x00\x00WAVE", "cut off"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", "sampling rate"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00" + bytes(20), "mono"),
    ],
)
def test_a_broken_file_is_told_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.8000.wav"
    path.write_bytes(content)
    with pytest.raises(CannotPlay, match=reason) as told:
        read_wav(path)
    assert str(path) in str(told.value)
    with pytest.raises(CannotPlay):
        Clips().clip(str(tmp_path / "x"), "pcmu")


def test_chunks_before_the_audio_are_passed_over(tmp_path: Path) -> None:
    path = sound(tmp_path, "s", 0.1)
    data = Path(f"{path}.8000.wav").read_bytes()
    extra = b"LIST\x05\x00\x00\x00abcde\x00"
    Path(f"{path}.8000.wav").write_bytes(data[:12] + extra + data[12:])
    rate, pcm = read_wav(Path(f"{path}.8000.wav"))
    assert (rate, len(pcm)) == (8000, 1600)


def test_a_file_with_a_rate_that_a_codec_has_not_is_told(tmp_path: Path) -> None:
    path = sound(tmp_path, "s", 0.1)
    Path(f"{path}.16000.wav").rename(f"{path}.8000.wav")
    with pytest.raises(CannotPlay, match="16000"):
        Clips().clip(path, "pcmu")
