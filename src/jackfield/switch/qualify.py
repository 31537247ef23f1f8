"""Qualify: OPTIONS to registered phones, which keeps pinholes in NATs open and notices a phone that is lost."""

from __future__ import annotations

import random as random_module
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.switch.registrar import Registrar
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent

__all__ = ["Qualifier"]


class Qualifier:
    """Asks each phone behind NAT every `general.qualify_interval` seconds; three misses make it unreachable."""

    def __init__(
        self,
        agent: Agent,
        registrar: Registrar,
        snapshot: Callable[[], Snapshot],
        *,
        clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        random: random_module.Random | None = None,
    ) -> None: ...

    async def start(self) -> None:
        """Begin to ask."""

    async def close(self) -> None:
        """Stop asking."""
