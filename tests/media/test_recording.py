"""Recordings: what was said, by both, in a file that is whole at any moment."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from jackfield.media.protocol import Failed
from jackfield.media.recording import HEARD, SAID, CannotRecord, Recording
from jackfield.rtp import codecs

from .conftest import House
from .test_voice import pitch, sound


def sine(hertz: float, rate: int, seconds: float) -> bytes:
    return (9000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("<i2").tobytes()


def read(path: Path) -> tuple[int, np.ndarray]:
    with wave.open(str(path)) as file:
        assert file.getsampwidth() == 2
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), data.reshape(-1, file.getnchannels())


def talk(house: House, pairs: list, seconds: float) -> None:
    """Let phones say a tone each: (phone, stream, codec, payload type, Hz)."""
    encoders = [codecs.create(codec) for _, _, codec, _, _ in pairs]
    for frame in range(round(seconds * 50)):
        for (phone, stream, codec, number, hertz), encoder in zip(pairs, encoders, strict=True):
            times = (np.arange(encoder.frame_samples) + frame * encoder.frame_samples) / encoder.sample_rate
            pcm = (9000 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes()
            house.say(phone, stream, encoder.encode(pcm), number, step=960 if codec == "opus" else 160)
        house.pass_time(0.02)


def test_both_directions_are_in_the_file(house: House, tmp_path: Path) -> None:
    a, b, sa, sb = house.call()
    sa.record(str(tmp_path / "r.wav"), stereo=True)
    talk(house, [(a, sa, "pcmu", 0, 500), (b, sb, "pcmu", 0, 1100)], 2.0)
    sa.stop_record()
    rate, data = read(tmp_path / "r.wav")
    assert rate == 8000
    assert abs(len(data) - 16_000) < 800
    assert abs(pitch(data[2000:14000, 0].tobytes(), 8000) - 500) < 10, "the party is left"
    assert abs(pitch(data[2000:14000, 1].tobytes(), 8000) - 1100) < 10, "what it hears is right"
    assert len(b.hear(100)) >= 100, "and everybody still hears everything"


def test_recording_changes_nothing_for_the_parties(house: House, tmp_path: Path) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa)
    sb.record(str(tmp_path / "r.wav"), stereo=False)
    house.say(a, sa, b"\x31" * 160, marker=True)
    house.say(a, sa, b"\x32" * 160, skip=1)
    sb.stop_record()
    house.say(a, sa, b"\x33" * 160)
    heard = b.hear(4)
    assert [one.payload[0] for one in heard[1:]] == [0x31, 0x32, 0x33]
    assert [one.marker for one in heard[1:]] == [True, False, False]
    assert [(one.sequence - heard[0].sequence) & 0xFFFF for one in heard] == [0, 1, 3, 4]


def test_they_are_mixed_when_nothing_else_is_asked_for(house: House, tmp_path: Path) -> None:
    a, b, sa, sb = house.call()
    sa.record(str(tmp_path / "r.wav"), stereo=False)
    talk(house, [(a, sa, "pcmu", 0, 500), (b, sb, "pcmu", 0, 1100)], 1.0)
    sa.stop_record()
    rate, data = read(tmp_path / "r.wav")
    assert data.shape[1] == 1
    spectrum = np.abs(np.fft.rfft(data[1000:7000, 0].astype(float)))
    frequencies = np.fft.rfftfreq(6000, 1 / rate)
    loudest = sorted(frequencies[np.argsort(spectrum)[-2:]])
    assert loudest == pytest.approx([500, 1100], abs=5)


@pytest.mark.parametrize(("one", "two"), [(("g722", 9), ("pcmu", 0)), (("opus", 96), ("gsm", 3))])
def test_wide_band_is_recorded_wide(house: House, tmp_path: Path, one: tuple[str, int], two: tuple[str, int]) -> None:
    def remote(codec: str, number: int) -> dict[str, object]:
        return {"codec": codec, "payload_type": number, "clock_rate": 48000 if codec == "opus" else 8000}

    a, b, sa, sb = house.call(remote(*one), remote(*two))
    sa.record(str(tmp_path / "r.wav"), stereo=True)
    talk(house, [(a, sa, *one, 700), (b, sb, *two, 1300)], 2.0)
    sa.stop_record()
    rate, data = read(tmp_path / "r.wav")
    assert rate == 16000
    assert abs(pitch(data[8000:28000, 0].tobytes(), rate) - 700) < 20
    assert abs(pitch(data[8000:28000, 1].tobytes(), rate) - 1300) < 20


def test_what_we_play_is_in_the_recording(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.record(str(tmp_path / "r.wav"), stereo=True)
    stream.voice.play((sound(tmp_path, "s", 1.0, 800),), loop=False, player_id=1)
    house.pass_time(1.2)
    stream.stop_record()
    _, data = read(tmp_path / "r.wav")
    assert abs(pitch(data[:7000, 1].tobytes(), 8000) - 800) < 10
    assert not data[:, 0].any()


def test_a_killed_process_leaves_a_playable_file(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.record(str(tmp_path / "r.wav"), stereo=False)
    talk(house, [(a, stream, "pcmu", 0, 600)], 4.0)
    copy = tmp_path / "copy.wav"
    copy.write_bytes((tmp_path / "r.wav").read_bytes())
    rate, data = read(copy)
    assert len(data) >= 2.2 * rate, "all but the last moments are there"
    assert abs(pitch(data[2000:].tobytes(), rate) - 600) < 10


def test_closing_a_stream_finishes_its_recording(house: House, tmp_path: Path) -> None:
    a = house.phone()
    stream = house.stream(a)
    stream.record(str(tmp_path / "r.wav"), stereo=False)
    talk(house, [(a, stream, "pcmu", 0, 600)], 0.3)
    house.worker._close(stream)
    _, data = read(tmp_path / "r.wav")
    assert len(data) >= 2400


def test_a_second_recording_finishes_the_first(house: House, tmp_path: Path) -> None:
    stream = house.stream(house.phone())
    stream.record(str(tmp_path / "one.wav"), stereo=False)
    house.pass_time(1.0)
    stream.record(str(tmp_path / "two.wav"), stereo=False)
    assert len(read(tmp_path / "one.wav")[1]) == pytest.approx(8000, abs=400)


def test_a_path_that_cannot_be_written_is_told_and_the_call_goes_on(house: House, tmp_path: Path) -> None:
    a, b, sa, _ = house.call()
    sa.record(str(tmp_path / "no" / "folder.wav"), stereo=False)
    assert "folder.wav" in house.told(Failed)[0].reason
    house.say(a, sa)
    assert b.hear(1)


@pytest.mark.parametrize("when", ["hearing", "sweeping", "stopping"])
def test_a_full_disk_ends_the_recording_and_nothing_else(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    a, b, sa, sb = house.call()
    sa.record(str(tmp_path / "r.wav"), stereo=False)
    house.say(a, sa)
    writes = os.pwrite

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jackfield.media.recording.os.pwrite", full)
    if when == "hearing":
        house.clock.advance(10)
        house.say(a, sa)
        house.clock.advance(10)
        house.say(a, sa)
    elif when == "sweeping":
        house.pass_time(2.0)
    else:
        sa.stop_record()
    monkeypatch.setattr("jackfield.media.recording.os.pwrite", writes)
    assert next(failed.reason for failed in house.told(Failed)).endswith("No space left on device")
    b.hear()
    house.say(a, sa)
    assert b.hear(1)
    assert sa.recording is None


# --- the time line -------------------------------------------------------------------------------------------------


def test_what_arrives_unevenly_is_laid_down_evenly(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.wav", wide=False, stereo=False, now=0.0)
    tone = sine(440, 8000, 2.0)
    late = [0.0, 0.03, -0.01, 0.05, 0.01, 0.0, 0.04]
    for index in range(100):
        recording.lay(HEARD, tone[index * 320 : index * 320 + 320], index * 0.02 + late[index % 7])
    recording.finish(2.1)
    _, data = read(tmp_path / "r.wav")
    audio = np.frombuffer(tone, "<i2")
    start = int(np.flatnonzero(data[:, 0])[0]) - 1
    assert np.array_equal(data[start : start + len(audio), 0], audio)


def test_a_pause_is_silence_of_its_length(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.wav", wide=False, stereo=False, now=100.0)
    piece = b"\x10\x27" * 160
    recording.lay(HEARD, piece, 100.0)
    recording.flush(107.0)
    recording.lay(SAID, piece, 110.0)
    recording.finish(111.0)
    _, data = read(tmp_path / "r.wav")
    loud = np.flatnonzero(data[:, 0])
    assert len(data) == 88_000
    assert (loud[0], loud[160]) == (0, 80_000)


def test_after_a_loss_audio_is_at_its_time_again(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.wav", wide=False, stereo=False, now=0.0)
    piece = b"\x10\x27" * 160
    for index in range(100):
        if not 20 <= index < 50:
            recording.lay(HEARD, piece, index * 0.02)
    recording.finish(2.0)
    _, data = read(tmp_path / "r.wav")
    loud = np.flatnonzero(data[:, 0])
    assert len(data) == 16_000
    assert loud[20 * 160] == 50 * 160


def test_two_loud_voices_do_not_wrap_around(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.wav", wide=False, stereo=False, now=0.0)
    for side in (HEARD, SAID):
        recording.lay(side, b"\xff\x7f" * 160, 0.0)
    recording.finish(0.02)
    assert set(read(tmp_path / "r.wav")[1][:, 0].tolist()) == {32767}


def test_a_flood_of_audio_does_not_run_ahead(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.wav", wide=False, stereo=False, now=0.0)
    for _ in range(1000):
        recording.lay(HEARD, bytes(320), 0.1)
    recording.finish(0.1)
    assert len(read(tmp_path / "r.wav")[1]) <= 8000 * 1.2


def test_unknown_codecs_are_silence(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.wav", wide=True, stereo=False, now=0.0)
    recording.hear(HEARD, "g729", b"0123456789", 0.0)
    recording.finish(1.0)
    rate, data = read(tmp_path / "r.wav")
    assert (rate, len(data), data.any()) == (16000, 16000, False)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotRecord, match="No such file"):
        Recording(tmp_path / "no" / "r.wav", wide=False, stereo=False, now=0.0)
