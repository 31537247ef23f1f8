"""What we play to one party, and the keys that we hear from it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jackfield.media.client import Tone

if TYPE_CHECKING:
    from jackfield.media.client import Stream

Sounds = Sequence[str | Tone]

_player_ids = itertools.count(1)


class Listener:
    """One per leg. Plays at most one thing at a time.

    It remembers what it has asked of its stream, so that all goes on when the leg gets another stream (its media
    process has died) or when another leg takes its place in the call.
    """

    __slots__ = (
        "_collecting",
        "_digits",
        "_done",
        "_echoing",
        "_hearing",
        "_interlude",
        "_player",
        "_playing",
        "_pressed",
        "_stream",
        "_under",
        "needed",
    )

    def __init__(self) -> None:
        self._stream: Stream | None = None
        self._player = 0
        self._playing: tuple[Sounds, bool] | None = None
        self._under: tuple[Sounds, bool] | None = None  # what an interlude interrupts
        self._interlude = False
        self._done: asyncio.Future[None] | None = None
        self._digits: list[str] = []
        self._pressed: asyncio.Future[None] | None = None
        self._collecting = False
        self._hearing: bool | None = None  # whether in-band tones count too; None: we don't listen
        self._echoing = False
        self.needed: Callable[[], None] | None = None
        """Called when the party is to hear us or be heard, while its audio goes elsewhere."""

    def use(self, stream: Stream) -> None:
        """Go on with this stream; what plays begins anew there."""
        self._stream = stream
        if self._playing is not None:
            sounds, loop = self._playing
            stream.play(sounds, loop=loop, player_id=self._player)
        if self._hearing is not None:
            stream.listen_digits(True, inband=self._hearing)
        if self._echoing and not self._interlude:
            stream.echo(True)

    # --- to the party

    @property
    def busy(self) -> bool:
        """True while something plays or the party's keys or voice are listened to."""
        return self._playing is not None or self._hearing is not None or self._echoing

    @property
    def playing(self) -> bool:
        """True while something plays."""
        return self._playing is not None

    def start(self, sounds: Sounds, *, loop: bool) -> None:
        """Begin to play, instead of what already plays."""
        self._interlude, self._under = False, None
        self._begin(sounds, loop)

    def _begin(self, sounds: Sounds, loop: bool) -> None:
        self._player = next(_player_ids)
        self._playing = (sounds, loop)
        if self.needed is not None:
            self.needed()
        if self._stream is not None:
            self._stream.play(sounds, loop=loop, player_id=self._player)

    def tone(self, name: str, country: str) -> None:
        """Play a tone until something else happens."""
        self.start([Tone(name, country)], loop=True)

    def stop(self) -> None:
        """Stop what plays."""
        self._interlude, self._under = False, None
        if self._playing is not None:
            self._playing = None
            if self._stream is not None:
                self._stream.stop_play()

    @property
    def has_interlude(self) -> bool:
        """True while something plays that was asked for from outside."""
        return self._interlude

    def interrupt(self, sounds: Sounds, *, loop: bool) -> None:
        """Play this first, and then from its beginning what plays now: whoever waits for that does not notice."""
        if not self._interlude:
            self._under, self._interlude = self._playing, True
        if self._echoing and self._stream is not None:
            self._stream.echo(False)
        self._begin(sounds, loop)

    def end_interlude(self) -> None:
        """Go on with what was interrupted."""
        if not self._interlude:
            return
        under, self._under, self._interlude = self._under, None, False
        if under is not None:
            self._begin(*under)
        else:
            self.stop()
        if self._echoing and self._stream is not None:
            self._stream.echo(True)

    async def play(self, sounds: Sounds, *, loop: bool) -> None:
        """Play to the end; a loop has none."""
        if not sounds:
            return
        self._done = asyncio.get_running_loop().create_future()
        self.start(sounds, loop=loop)
        try:
            await self._done
        finally:
            self._done = None
            self.stop()

    def played(self, player_id: int) -> None:
        """The media process reports that a player has ended."""
        if player_id != self._player or self._playing is None:
            return
        self._playing = None
        if self._interlude:
            self.end_interlude()
        elif self._done is not None and not self._done.done():
            self._done.set_result(None)

    def echo(self, on: bool) -> None:
        """Send the party's own voice back to it."""
        self._echoing = on
        if self._stream is not None:
            self._stream.echo(on)

    # --- from the party

    def listen(self, on: bool, *, inband: bool = False) -> None:
        """Have keys reported; `inband`: tones in the audio too."""
        self._hearing = inband if on else None
        if on and self.needed is not None:
            self.needed()
        if self._stream is not None:
            self._stream.listen_digits(on, inband=inband)

    def digit(self, digit: str) -> None:
        """A key was pressed."""
        if self._collecting:
            self._digits.append(digit)
            if self._pressed is not None and not self._pressed.done():
                self._pressed.set_result(None)

    async def collect(
        self, prompt: Sounds, *, limit: int, timeout: float, between: float, end: str, inband: bool
    ) -> str:
        """Return the digits pressed; see `Call.collect`."""
        self._digits.clear()
        self._collecting = True
        self.listen(True, inband=inband)
        collected = ""
        try:
            if prompt:
                await self._until_prompt_ends_or_key(prompt)
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
            self.listen(False)
        return collected

    async def _until_prompt_ends_or_key(self, prompt: Sounds) -> None:
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        self._pressed = loop.create_future()
        self.start(prompt, loop=False)
        try:
            await asyncio.wait((self._done, self._pressed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._done = None
            self.stop()

    async def _key(self, patience: float) -> bool:
        self._pressed = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience):
                await self._pressed
        except TimeoutError:
            return bool(self._digits)
        return True
