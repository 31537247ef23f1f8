"""Compose and play the shipped music on hold.

Run it by `python tools/make_music.py src/jackfield/media/sounds/music/default.flac`.

The notes are below, the instruments are sums of sines; nothing comes from anywhere else. Narrow telephone codecs carry
300-3400 Hz and were made for voices, so it is one clear melody over broken chords, without cymbals and without a bass
that nobody would hear. It is written as a circle: what still sounds at the end sounds on at the beginning.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

RATE = 16000
BEAT = 60 / 88  # seconds
BEATS_IN_BAR = 4
LOUDNESS = -24.0  # dB below full scale

# Semitones from A4 = 440 Hz, by name.
SCALE = {name: number for number, name in enumerate(("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"))}

CHORDS: dict[str, tuple[str, ...]] = {
    "C": ("C3", "G3", "E4", "B4"),
    "Am": ("A2", "E3", "C4", "G4"),
    "F": ("F2", "C3", "A3", "E4"),
    "G": ("G2", "D3", "B3", "F4"),
    "Em": ("E3", "B3", "G4", "D5"),
    "Dm": ("D3", "A3", "F4", "C5"),
    "Fm": ("F2", "C3", "G#3", "D4"),
}
VERSE = ["C", "Am", "F", "G", "C", "Em", "F", "G"]
BRIDGE = ["Am", "Em", "F", "C", "Dm", "Fm", "C", "G"]
BARS = [*VERSE, *BRIDGE, *VERSE]

# (note or "-" for a rest, beats), one line for each bar.
FIRST = """
E5 1.5 G5 0.5 C6 2
B5 1 A5 1 G5 2
A5 1.5 G5 0.5 E5 1 C5 1
D5 2 - 0.5 D5 0.5 E5 0.5 F5 0.5
G5 1.5 E5 0.5 C5 2
D5 1 G5 1 B5 2
A5 1 C6 0.5 A5 0.5 G5 1 F5 1
D5 2.5 - 1.5
"""
MIDDLE = """
C6 2 B5 1 A5 1
G5 3 - 1
A5 1 G5 1 F5 1 E5 1
G5 2 E5 2
F5 1.5 E5 0.5 D5 1 F5 1
G#5 2 F5 1 D5 1
E5 1.5 D5 0.5 C5 1 E5 1
D5 3 - 1
"""
LAST = """
E5 1.5 G5 0.5 C6 2
E6 1 D6 1 C6 2
A5 1 C6 1 A5 1 G5 1
B5 1.5 A5 0.5 G5 2
C6 1.5 B5 0.5 A5 1 G5 1
B5 2 G5 2
A5 1 G5 0.5 F5 0.5 E5 1 D5 1
C5 3 - 1
"""


def frequency(note: str) -> float:
    """Hz of "C#5"."""
    return float(440 * 2 ** ((SCALE[note[:-1]] - SCALE["A"] + 12 * (int(note[-1]) - 4)) / 12))


def struck(hertz: float, seconds: float, decay: float, partials: tuple[float, ...]) -> np.ndarray:
    """A note that is struck and dies away, the higher partials sooner."""
    times = np.arange(int(seconds * RATE)) / RATE
    wave = np.zeros(len(times))
    for number, strength in enumerate(partials, start=1):
        if hertz * number < RATE * 0.45:
            wave += strength * np.sin(2 * np.pi * hertz * number * times) * np.exp(-times * decay * number**0.7)
    soft = int(0.006 * RATE)
    wave[:soft] *= np.sin(np.linspace(0, np.pi / 2, soft)) ** 2
    end = int(0.05 * RATE)
    wave[-end:] *= np.linspace(1, 0, end)
    return wave


def sung(hertz: float, seconds: float) -> np.ndarray:
    """A note that is held, with a little vibrato: the melody."""
    times = np.arange(int((seconds + 0.25) * RATE)) / RATE
    vibrato = 0.0035 * np.clip(times - 0.25, 0, 0.4) / 0.4 * np.sin(2 * np.pi * 5.1 * times)
    phase = 2 * np.pi * np.cumsum(hertz * (1 + vibrato)) / RATE
    wave = np.sin(phase) + 0.32 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase) + 0.04 * np.sin(4 * phase)
    attack, release = int(0.035 * RATE), int(0.25 * RATE)
    shape = np.exp(-times * 0.55)
    shape[:attack] *= np.sin(np.linspace(0, np.pi / 2, attack)) ** 2
    shape[-release:] *= np.cos(np.linspace(0, np.pi / 2, release)) ** 2
    return wave * shape


def main(path: Path) -> None:
    """Write the music."""
    import soundfile

    length = round(len(BARS) * BEATS_IN_BAR * BEAT * RATE)
    music = np.zeros(length)

    def put(wave: np.ndarray, beat: float, strength: float) -> None:
        places = (round(beat * BEAT * RATE) + np.arange(len(wave))) % length
        np.add.at(music, places, wave * strength)

    for bar, name in enumerate(BARS):
        start = bar * BEATS_IN_BAR
        notes = CHORDS[name]
        for step, which in enumerate((0, 2, 1, 3, 2, 3, 1, 2)):
            accent = 1.0 if step == 0 else 0.72
            put(struck(frequency(notes[which]), 2.2, 2.4, (1, 0.5, 0.22, 0.1, 0.05)), start + step / 2, 0.30 * accent)
        for note in notes[1:]:  # a quiet chord under the broken one
            put(struck(frequency(note), BEATS_IN_BAR * BEAT + 1, 0.9, (1, 0.2, 0.05)), start, 0.09)
    beat = 0.0
    for line in (FIRST + MIDDLE + LAST).split("\n"):
        words = line.split()
        for note, beats in zip(words[::2], words[1::2], strict=True):
            if note != "-":
                put(sung(frequency(note), float(beats) * BEAT), beat, 0.34)
            beat += float(beats)

    echo = np.roll(music, round(0.29 * RATE)) * 0.20 + np.roll(music, round(0.47 * RATE)) * 0.12
    music = music + echo
    music *= 10 ** (LOUDNESS / 20) / np.sqrt((music**2).mean())
    music = np.tanh(music * 1.4) / 1.4  # the rare peak where everything meets
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, music.astype(np.float32), RATE, subtype="PCM_16")
    print(f"{length / RATE:.1f} s, peak {np.abs(music).max():.2f}, {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
