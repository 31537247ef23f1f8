"""From names of sounds to what the media process plays: files of the caller's language, or tones of the country."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jackfield.media.client import Tone

if TYPE_CHECKING:
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.snapshot import Snapshot

log = logging.getLogger("jackfield.sounds")

TONE = "tone:"
TONES = ("dial", "ringback", "busy", "congestion", "hold", "beep")
"""Tones that the media process has."""


def country_of(call: CallBase) -> str:
    """Return whose tones the anchor of a call hears: those of its site's country, else of the company's."""
    site = call.site
    return (site.country if site is not None else "") or call.snapshot.general.country


class Sounds:
    """Looks sounds up in the snapshot of the call."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._by_name: dict[tuple[str, str], str] = {}
        self._missing: set[str] = set()

    def find(self, call: CallBase, names: Iterable[str]) -> list[str | Tone]:
        """What is there of `names`, in the caller's language or else in any; a missing one is told once in the log."""
        country = country_of(call)
        found: list[str | Tone] = []
        for name in names:
            if name.startswith(TONE):
                found.append(Tone(name.removeprefix(TONE), country))
                continue
            path = self._path(call.snapshot, name, call.caller.language or call.snapshot.general.language)
            if path is not None:
                found.append(path)
            elif name not in self._missing:
                self._missing.add(name)
                log.error('sound "%s" is not there: add it under System > Languages and audio, or choose another', name)
        return found

    def has(self, call: CallBase, name: str) -> bool:
        """Whether there is a sound of this name that the caller understands."""
        return self._path(call.snapshot, name, call.caller.language or call.snapshot.general.language) is not None

    def named(self, snapshot: Snapshot, name: str, language: str) -> str | Tone | None:
        """One sound for who understands `language`, or a tone ("tone:busy"); None where there is none of that name."""
        if name.startswith(TONE):
            tone = name.removeprefix(TONE)
            return Tone(tone, snapshot.general.country) if tone in TONES else None
        return self._path(snapshot, name, language)

    def music(self, call: CallBase, name: str) -> list[str | Tone]:
        """Music on hold; the ITU's holding tone where there is none."""
        return self.find(call, [name or call.snapshot.general.music]) or [Tone("hold", country_of(call))]

    def _path(self, snapshot: Snapshot, name: str, language: str) -> str | None:
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._by_name = {(sound.name, sound.language): sound.path for sound in snapshot.sounds}
            self._missing.clear()
        for wanted in (language, language.partition("-")[0], "", "en"):
            path = self._by_name.get((name, wanted))
            if path is not None:
                return path
        return None
