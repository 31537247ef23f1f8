"""Which lines had better register by TLS: their phones' way through the network showed it (`switch.verdict`)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from jackfield.control import ControlError, ask_sync
from jackfield.settings import Settings
from jackfield.switch.verdict import SECOND

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
        self._known: dict[str, str] = {}
        self._until = 0.0

    def forget(self) -> None:
        """Ask anew at the next question: what was found out is not to wait."""
        with self._lock:
            self._until = self._clock()

    def wants_tls(self, settings: Settings, sip_names: Iterable[str], ask: Ask = ask_sync) -> bool:
        """Say if one of these lines had better use TLS, and TLS is to be had."""
        return self.port(settings, sip_names, ask) != 0

    def port(self, settings: Settings, sip_names: Iterable[str], ask: Ask = ask_sync) -> int:
        """Return the port at which these lines had better use TLS; 0 where they need none, or none is to be had."""
        if not settings.sip_tls_port:
            return 0
        with self._lock:
            if self._clock() >= self._until:
                self._until = self._clock() + FRESH
                with contextlib.suppress(ControlError):
                    self._known = ask(settings.files.switch_socket, "transports", timeout=PATIENCE)
            wanted = {self._known.get(name, "") for name in sip_names}
        if SECOND in wanted:
            return settings.sip_tls_second_port or settings.sip_tls_port
        return settings.sip_tls_port if "tls" in wanted else 0


advice = Advice()
