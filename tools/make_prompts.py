"""Speak the shipped prompts: texts in (`tools/prompts/LANGUAGE.yaml`), FLAC files (16 kHz, mono) out.

    python tools/make_prompts.py src/jackfield/media/sounds de fr

The voices are no dependency of Jackfield. They are looked for here: hibari-tts (`pip install hibari-tts soundfile`),
`pico2wave` (Debian's libttspico-utils) and `espeak-ng`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

TEXTS = Path(__file__).parent / "prompts"
RATE = 16000
LOUDNESS = -22.0  # dB below full scale, of the parts in which something is said
PEAK = 0.8
EDGE = 0.03  # seconds of silence kept before and after


def trimmed(audio: np.ndarray, rate: int) -> np.ndarray:
    """Without the silence at both ends."""
    window = rate // 100
    level = np.sqrt(np.convolve(audio**2, np.ones(window) / window, "same"))
    loud = np.flatnonzero(level > level.max() * 0.02)
    edge = int(EDGE * rate)
    piece = audio[max(0, loud[0] - edge) : loud[-1] + 2 * edge].copy()
    fade = np.linspace(0, 1, window)
    piece[:window] *= fade
    piece[-window:] *= fade[::-1]
    return piece


def levelled(audio: np.ndarray, rate: int) -> np.ndarray:
    """As loud as the others."""
    window = rate // 50
    frames = audio[: len(audio) // window * window].reshape(-1, window)
    energies = (frames**2).mean(axis=1)
    spoken = energies[energies > energies.max() * 0.01].mean()
    gain = 10 ** (LOUDNESS / 20) / np.sqrt(spoken)
    return audio * min(gain, PEAK / np.abs(audio).max())


@cache
def hibari(voice: str) -> Callable[[str], tuple[np.ndarray, int]]:
    """A neural voice for English."""
    from hibari import Hibari

    speaker: Any = Hibari(voice)
    # A little slower than the voice would: telephones are narrow-band, and numbers get written down.
    return lambda text: (speaker(text, speed=0.92, seed=1), speaker.sample_rate)


def program(*command: str) -> Callable[[str], tuple[np.ndarray, int]]:
    """A program that writes a WAV file: its command line, in which FILE stands for that."""

    def speak(text: str) -> tuple[np.ndarray, int]:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            subprocess.run([*(file.name if part == "FILE" else part for part in command), text], check=True)
            samples, rate = soundfile.read(file.name)
        return samples, rate

    return speak


def speaker(voice: str) -> Callable[[str], tuple[np.ndarray, int]]:
    """Return what speaks with a voice as the texts name it: a program and one of its voices."""
    kind, _, name = voice.partition(" ")
    if kind == "pico":
        return program("pico2wave", "-l", name, "-w", "FILE")
    if kind == "espeak-ng":
        return program("espeak-ng", "-v", name, "-s", "140", "-p", "45", "-w", "FILE")
    return hibari(name)


def main(folder: Path, languages: list[str]) -> None:
    """Write all prompts of the languages below `folder`."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
    from jackfield.media.sounds import resample

    for language in languages or [path.stem for path in sorted(TEXTS.glob("*.yaml"))]:
        told = yaml.safe_load((TEXTS / f"{language}.yaml").read_text("utf-8"))
        speak = speaker(told["voice"])
        for name, text in told["texts"].items():
            audio, rate = speak(text)
            audio = levelled(trimmed(audio, rate), rate)
            path = folder / language / f"{name}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, resample(audio.astype(np.float32), rate, RATE), RATE, subtype="PCM_16")
        print(f"{language}: {len(told['texts'])} prompts")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
