"""What a call plays to its anchor, and the digits that it hears from it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jackfield.media.client import Tone

if TYPE_CHECKING:
    from jackfield.media.client import Stream

Sounds = Sequence[str | Tone]

_player_ids = itertools.count(1)


class Listener:
    """One per call. Plays at most one thing at a time to each stream: both parties may be on hold at once."""

    __slots__ = ("_awaited", "_collecting", "_digits", "_done", "_players", "_pressed")

    def __init__(self) -> None:
        self._players: dict[Stream, int] = {}
        self._awaited = 0
        """The player at whose end `_done` is set."""
        self._done: asyncio.Future[None] | None = None
        self._digits: list[str] = []
        self._pressed: asyncio.Future[None] | None = None
        self._collecting = False

    @property
    def playing(self) -> bool:
        """True while something plays."""
        return bool(self._players)

    def start(self, stream: Stream, sounds: Sounds, *, loop: bool) -> None:
        """Begin to play, instead of what already plays to this stream."""
        self._players[stream] = self._awaited = next(_player_ids)
        stream.play(sounds, loop=loop, player_id=self._awaited)

    def tone(self, stream: Stream, name: str, country: str) -> None:
        """Play a tone until something else happens."""
        self.start(stream, [Tone(name, country)], loop=True)

    def stop(self, stream: Stream | None = None) -> None:
        """Stop what plays to the stream, or to any."""
        for one in list(self._players) if stream is None else [stream]:
            if self._players.pop(one, 0):
                one.stop_play()

    async def play(self, stream: Stream, sounds: Sounds, *, loop: bool) -> None:
        """Play to the end; a loop has none."""
        if not sounds:
            return
        self._done = asyncio.get_running_loop().create_future()
        self.start(stream, sounds, loop=loop)
        try:
            await self._done
        finally:
            self._done = None
            self.stop(stream)

    def played(self, player_id: int) -> None:
        """The media process reports that a player has ended."""
        for stream, player in self._players.items():
            if player == player_id:
                del self._players[stream]
                break
        else:
            return
        if player_id == self._awaited and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def digit(self, digit: str) -> None:
        """A key was pressed."""
        if self._collecting:
            self._digits.append(digit)
            if self._pressed is not None and not self._pressed.done():
                self._pressed.set_result(None)

    async def collect(
        self, stream: Stream, prompt: Sounds, *, limit: int, timeout: float, between: float, end: str, inband: bool
    ) -> str:
        """Return the digits pressed; see `Call.collect`."""
        self._digits.clear()
        self._collecting = True
        stream.listen_digits(True, inband=inband)
        collected = ""
        try:
            if prompt:
                await self._until_prompt_ends_or_key(stream, prompt)
            patience = timeout
            while len(collected) < limit:
                if not self._digits and not await self._key(patience):
                    break
                digit = self._digits.pop(0)
                if digit in end:
                    break
                collected += digit
                patience = between
        finally:
            self._collecting = False
            stream.listen_digits(False)
        return collected

    async def _until_prompt_ends_or_key(self, stream: Stream, prompt: Sounds) -> None:
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        self._pressed = loop.create_future()
        self.start(stream, prompt, loop=False)
        try:
            await asyncio.wait((self._done, self._pressed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._done = None
            self.stop(stream)

    async def _key(self, patience: float) -> bool:
        self._pressed = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience):
                await self._pressed
        except TimeoutError:
            return bool(self._digits)
        return True
