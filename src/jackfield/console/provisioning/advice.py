"""Which lines had better register by TLS: their phones' way through the network showed it (`switch.verdict`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from jackfield.control import ControlError, ask_sync
from jackfield.settings import Settings

__all__ = ["FRESH", "Advice", "advice"]

FRESH = 10.0
"""Seconds for which an answer of the switch is good enough: a thousand phones may fetch at once."""
PATIENCE = 0.5

Ask = Callable[..., Any]


class Advice:
    """SIP names of lines that are to use TLS. While the switch does not answer, what it said last holds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._until = 0.0

    def wants_tls(self, settings: Settings, sip_names: Iterable[str], ask: Ask = ask_sync) -> bool:
        """Say if one of these lines had better use TLS, and TLS is to be had."""
        if not settings.sip_tls_port:
            return False
        with self._lock:
            if self._clock() >= self._until:
                self._until = self._clock() + FRESH
                try:
                    told = ask(settings.files.switch_socket, "transports", timeout=PATIENCE)
                    self._known = frozenset(name for name, transport in told.items() if transport == "tls")
                except ControlError:
                    pass
            return not self._known.isdisjoint(sip_names)


advice = Advice()
