"""Every ordered pair of codecs, with all packet times that a peer may use."""

from __future__ import annotations

from itertools import product

import pytest
from hearing import clarity, level, pieces, sine

from jackfield.rtp import codecs
from jackfield.rtp.codecs import Frames

PAIRS = [(a, b) for a, b in product(codecs.NAMES, repeat=2) if a != b]
SECONDS = 1.0


def frames(result: Frames) -> list[bytes]:
    return [result] if isinstance(result, bytes) else result


def needs(*names: str) -> None:
    for name in names:
        if name not in codecs.available():
            pytest.skip(f"{name} is not available")


def coded(name: str, packet_ms: int, seconds: float = SECONDS, frequency: float = 1000) -> list[bytes]:
    """Payloads of a tone as a peer with that packet time would send them."""
    codec = codecs.create(name)
    size = 2 * codec.sample_rate * packet_ms // 1000
    return [codec.encode(piece) for piece in pieces(sine(frequency, seconds, codec.sample_rate), size)]


def listened(name: str, payloads: list[bytes]) -> tuple[bytes, int]:
    codec = codecs.create(name)
    return b"".join(codec.decode(payload) for payload in payloads), codec.sample_rate


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_tone_is_heard_clearly_at_the_other_end(source: str, target: str) -> None:
    needs(source, target)
    transcode = codecs.transcoder(source, target)
    results = [transcode(payload) for payload in coded(source, 20)]
    # The usual packet gives exactly one frame, without a list around it.
    assert all(isinstance(result, bytes) for result in results)
    pcm, rate = listened(target, [result for result in results if isinstance(result, bytes)])
    assert len(pcm) == 2 * rate
    ratio, amplitude = clarity(pcm[rate // 2 :], 1000, rate)
    assert ratio > (10 if "gsm" in (source, target) else 20)
    assert 7000 < amplitude < 9200


def can_send(name: str, packet_ms: int) -> bool:
    """GSM has frames of 20 ms only, Opus none of 30."""
    return not (name == "gsm" and packet_ms % 20) and not (name == "opus" and packet_ms == 30)


@pytest.mark.parametrize(
    ("source", "target", "packet_ms"),
    [
        (source, target, packet_ms)
        for source, target in [*PAIRS, *((name, name) for name in codecs.NAMES)]
        for packet_ms in (10, 30, 40, 60)
        if can_send(source, packet_ms)
    ],
)
def test_any_packet_time_becomes_frames_of_20_ms(source: str, target: str, packet_ms: int) -> None:
    needs(source, target)
    transcode = codecs.transcoder(source, target)
    out = [frame for payload in coded(source, packet_ms, 1.2) for frame in frames(transcode(payload))]
    measure = codecs.create(target)
    assert {measure.duration(frame) for frame in out} == {transcode.out_step}
    assert len(out) == 60
    pcm, rate = listened(target, out)
    assert clarity(pcm[rate // 2 :], 1000, rate)[0] > 10


def test_clocks_and_steps_are_those_of_the_codecs() -> None:
    needs("opus", "g722")
    transcode = codecs.transcoder("opus", "g722")
    assert (transcode.in_clock, transcode.out_clock, transcode.out_step) == (48000, 8000, 160)
    assert transcode.decoder.sample_rate == transcode.encoder.sample_rate == 16000
    narrow = codecs.transcoder("pcma", "opus")
    assert (narrow.in_clock, narrow.out_clock, narrow.out_step) == (8000, 48000, 960)
    assert narrow.decoder.sample_rate == 8000


@pytest.mark.parametrize(("source", "target"), [*PAIRS, *((n, n) for n in codecs.NAMES)])
def test_garbage_noise_and_odd_lengths_give_no_exception(source: str, target: str) -> None:
    needs(source, target)
    transcode = codecs.transcoder(source, target)
    step = codecs.create(target).frame_clock
    for payload in (
        b"",
        b"\x40",
        b"\x7f" * 7,
        bytes(33),
        bytes(161),
        b"\xff" * 1400,
        bytearray(159),
        memoryview(bytes(3)),
    ):
        for frame in frames(transcode(payload)):
            assert codecs.create(target).duration(frame) == step
    assert frames(transcode(b"")) == []


def test_audio_short_of_a_frame_is_kept_until_there_is_more_or_the_source_changes() -> None:
    transcode = codecs.transcoder("pcmu", "pcma")
    assert transcode(b"\xff" * 100) == []
    assert transcode(b"\xff" * 100) == [b"\xd5" * 160]
    transcode.reset()
    assert transcode(b"\xff" * 160) == b"\xd5" * 160
    transcode.reset()
    assert transcode(b"\xff" * 320) == [b"\xd5" * 160] * 2


@pytest.mark.parametrize(("source", "target"), [*PAIRS, ("pcmu", "pcmu"), ("g722", "g722")])
def test_a_gap_can_be_filled(source: str, target: str) -> None:
    needs(source, target)
    transcode = codecs.transcoder(source, target)
    heard, rate = listened(target, [f for p in coded(source, 20, 0.4, 200) for f in frames(transcode(p))])
    filled = frames(transcode.conceal(transcode.in_clock // 25))
    assert len(filled) == 2
    pcm, _ = listened(target, filled)
    assert level(pcm) > 0.2 * level(heard[rate:])
    assert frames(transcode.conceal(0)) == []
    assert frames(transcode.conceal(-5)) == []
    # However much was lost, no more than a second is made up.
    assert len(frames(transcode.conceal(1 << 31))) <= 50


def test_codecs_at_different_rates_do_not_fit_together() -> None:
    needs("g722")
    with pytest.raises(ValueError, match="one sampling rate"):
        codecs.Transcoder(codecs.create("g722"), codecs.create("pcma"))
