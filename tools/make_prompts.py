"""Speak the shipped prompts: texts in, FLAC files (16 kHz, mono) out.

Needs the voice, which is no dependency of Jackfield: in a virtual environment of its own,
`pip install hibari-tts soundfile`, then `python tools/make_prompts.py src/jackfield/media/sounds`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
TEXTS: dict[str, str] = {
    **{f"digits/{number}": f"{word.capitalize()}." for number, word in enumerate(ONES)},
    "digits/30": "Thirty.",
    "digits/40": "Forty.",
    "digits/50": "Fifty.",
    "digits/star": "Star.",
    "digits/pound": "Pound.",
    "time/the-time-is": "The time is",
    "time/oclock": "O'clock.",
    "time/am": "A.M.",
    "time/pm": "P.M.",
    "invalid": "I am sorry, that number is not valid.",
    "try-again": "Please try again.",
    "not-available": "The person you are calling is not available at the moment.",
    "not-in-service": "The number you have dialed is not in service.",
    "not-allowed": "You are not allowed to call this number.",
    "busy": "The person you are calling is on another call.",
    "all-lines-busy": "All lines are busy at the moment. Please try again later.",
    "please-hold": "Please hold the line.",
    "one-moment": "One moment, please.",
    "goodbye": "Goodbye.",
    "thank-you": "Thank you for calling.",
    "welcome": "Welcome. Thank you for calling.",
    "after-tone": "Please leave your message after the tone. When you are done, hang up, or press pound.",
    "echo-test": "You are about to enter an echo test. Everything that you say will be sent back to you, "
    "so that you can hear how long it takes. Hang up when you are done.",
}
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


def main(folder: Path) -> None:
    """Write all prompts below `folder`/en."""
    import soundfile
    from hibari import Hibari

    sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
    from jackfield.media.sounds import resample

    voice = Hibari()
    for name, text in TEXTS.items():
        # A little slower than the voice would: telephones are narrow-band, and numbers get written down.
        audio = voice(text, speed=0.92, seed=1)
        audio = levelled(trimmed(audio, voice.sample_rate), voice.sample_rate)
        path = folder / "en" / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, resample(audio.astype(np.float32), voice.sample_rate, RATE), RATE, subtype="PCM_16")
        print(f"{name}: {len(audio) / voice.sample_rate:.2f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
