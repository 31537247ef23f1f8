"""Telling a caller who is refused why, by a prompt that costs nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from jackfield.media.client import MediaLost, NoPort
from jackfield.switch.audio import NotAcceptable
from jackfield.switch.leg import IncomingLeg

if TYPE_CHECKING:
    from jackfield.switch.call_base import CallBase

__all__ = ["say_why"]


async def say_why(call: CallBase, prompt: str) -> None:
    """Play a prompt as early media; nothing to a caller who could hear it only once it is answered."""
    sounds = call.switch.sounds.find(call, [prompt])
    anchor = call.anchor
    if not sounds or not isinstance(anchor, IncomingLeg):
        return
    with contextlib.suppress(MediaLost, NoPort, NotAcceptable):
        await call._stream_for_anchor()
        if anchor.has_media or anchor.early():
            await call.listener.play(sounds, loop=False)
