"""CPU of each codec and of each transcoder, in µs per 20 ms frame: `python bench/codecs.py [--rounds N] [--json]`.

Times are CPU time of this thread; of several rounds the least is printed, which is what the machine can do when nobody
disturbs it. The sound is a made-up voice (a gliding pitch with formants), because silence is cheap for some codecs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import numpy as np

from jackfield.rtp import codecs
from jackfield.rtp.dtmf import DtmfDetector
from jackfield.rtp.resample import Resampler
from jackfield.rtp.statistics import RtpReceiverStats

FRAMES = 250  # five seconds of speech for each round


def voice(sample_rate: int, seconds: float) -> bytes:
    """PCM s16le of something like speech."""
    times = np.arange(int(sample_rate * seconds)) / sample_rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    formant = 700 + 400 * np.sin(2 * np.pi * 1.3 * times)
    wave = np.zeros(len(times))
    for harmonic in range(1, 24):
        wave += np.sin(harmonic * phase) / (1 + ((harmonic * pitch - formant) / 300) ** 2)
    wave *= 0.5 + 0.5 * np.sin(2 * np.pi * 3 * times)
    wave += 0.02 * np.random.default_rng(1).standard_normal(len(times))
    return (wave / np.abs(wave).max() * 12000).astype("<i2").tobytes()


def frames(pcm: bytes, size: int) -> list[bytes]:
    """`pcm` cut into pieces of `size` octets."""
    return [pcm[start : start + size] for start in range(0, len(pcm) - size + 1, size)]


def per_frame(work: Callable[[bytes], object], pieces: list[bytes], rounds: int) -> float:
    """µs of CPU for one call, the least of several rounds."""
    best = float("inf")
    for piece in pieces[:20]:
        work(piece)
    for _ in range(rounds):
        begin = time.thread_time_ns()
        for piece in pieces:
            work(piece)
        best = min(best, (time.thread_time_ns() - begin) / len(pieces))
    return best / 1000


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """All figures, by table and row."""
    speech = {rate: voice(rate, FRAMES / 50) for rate in (8000, 16000, 48000)}
    table: dict[str, dict[str, float]] = {"codec": {}, "pair": {}, "other": {}}
    payloads: dict[str, list[bytes]] = {}
    names = [name for name in codecs.NAMES if name in codecs.available()]
    for name in names:
        for rate in {"g722": (8000, 16000), "opus": (8000, 16000, 48000)}.get(name, (8000,)):
            codec = codecs.create(name, sample_rate=rate)
            pieces = frames(speech[rate], 2 * codec.frame_samples)
            coded = [codec.encode(piece) for piece in pieces]
            if rate == 8000 or (rate == 16000 and name in ("g722", "opus")):
                payloads[name] = coded
            table["codec"][f"{name} {rate // 1000} kHz encode"] = per_frame(codec.encode, pieces, rounds)
            table["codec"][f"{name} {rate // 1000} kHz decode"] = per_frame(codec.decode, coded, rounds)
    for source in names:
        for target in names:
            if source != target:
                transcode = codecs.transcoder(source, target, fmtp="useinbandfec=1")
                table["pair"][f"{source} > {target}"] = per_frame(transcode, payloads[source], rounds)
    narrow, wide = frames(speech[8000], 320), frames(speech[16000], 640)
    table["other"]["digits heard, 8 kHz"] = per_frame(DtmfDetector(8000).feed, narrow, rounds)
    table["other"]["digits heard, 16 kHz"] = per_frame(DtmfDetector(16000).feed, wide, rounds)
    table["other"]["resample 8 > 16 kHz"] = per_frame(Resampler(8000, 16000).feed, narrow, rounds)
    table["other"]["resample 16 > 8 kHz"] = per_frame(Resampler(16000, 8000).feed, wide, rounds)
    statistics, count = RtpReceiverStats(8000), iter(range(10_000_000))

    def counted(_: bytes) -> None:
        number = next(count)
        statistics.update(number & 0xFFFF, number * 160, number * 0.02)

    table["other"]["receiver statistics"] = per_frame(counted, narrow, rounds)
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for sentence in codecs.missing_libraries():
        print(sentence, file=sys.stderr)
    table = measure(options.rounds)
    if options.json:
        print(json.dumps(table, indent=2))
        return
    for title, rows in table.items():
        print(f"\n{title}: µs of CPU per 20 ms frame")
        for row, figure in rows.items():
            print(f"  {row:24}{figure:8.2f}")


if __name__ == "__main__":
    main()
