"""Plug-ins: destinations that a company adds in Python, found by entry points of the group `jackfield.destinations`.

A plug-in is a coroutine function `async def name(call, service) -> None`, as those in `jackfield.switch.destinations`.
It runs in the switch's process, so it must never block; docs/plugins.md shows how one is written and tested.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["GROUP", "Plugins"]

log = logging.getLogger("jackfield.plugins")

GROUP = "jackfield.destinations"

Plugin = Callable[[Any, Any], Awaitable[None]]


class Plugins:
    """Loads a plug-in when it is first called, and keeps its faults from everything else."""

    def __init__(
        self,
        *,
        found: Callable[[], Iterable[EntryPoint]] | None = None,
        passed_on: tuple[type[Exception], ...] | None = None,
    ) -> None:
        """`found` gives the entry points; by default those of the installed packages.

        `passed_on`: exceptions that are no faults of the plug-in; by default those by which the verbs of a call end
        a destination (hang-up, redirection) and by which they say that there is no audio.
        """
        self._found = found or (lambda: entry_points(group=GROUP))
        self._passed_on = passed_on
        self._loaded: dict[str, Plugin] = {}

    def names(self) -> list[str]:
        """Return the names of all plug-ins that are installed."""
        return sorted({point.name for point in self._found()})

    async def run(self, call: Call, service: Service) -> None:
        """Run the plug-in of a service. A fault in it gives the caller 500, or hangs up if it was answered."""
        if self._passed_on is None:
            self._passed_on = _ends_of_verbs()
        try:
            await self._load(service.plugin)(call, service)
        except self._passed_on:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as fault:
            if isinstance(fault, asyncio.CancelledError) and _call_is_over(fault):
                raise
            where = _where(fault)
            log.error(
                'plug-in "%s" (service %s) failed: %s: %s%s - the call was ended',
                service.plugin,
                service.number,
                type(fault).__name__,
                fault,
                where,
                extra={"call": call.id},
            )
            call.note(f'plug-in "{service.plugin}" failed: {fault}', f"services/{service.number}")
            await call.hang_up(500, reason=f'plug-in "{service.plugin}" failed')

    def _load(self, name: str) -> Plugin:
        loaded = self._loaded.get(name)
        if loaded is None:
            point = next((p for p in self._found() if p.name == name), None)
            if point is None:
                others = ", ".join(self.names()) or "none"
                raise LookupError(f"not installed: install the package that brings it (installed: {others})")
            made = point.load()
            if not inspect.iscoroutinefunction(made):
                raise TypeError(f"{point.value} is no coroutine function: write 'async def'")
            loaded = self._loaded[name] = made
        return loaded


def _ends_of_verbs() -> tuple[type[Exception], ...]:
    # Imported late: calls know destinations, which know plug-ins.
    from jackfield.media.client import MediaLost, NoPort
    from jackfield.switch.audio import NotAcceptable
    from jackfield.switch.events import HangUp, Redirect

    return (HangUp, Redirect, NotAcceptable, MediaLost, NoPort)


def _call_is_over(cancelled: asyncio.CancelledError) -> bool:
    """Tell the hang-up from the cancellation of something that the plug-in itself had begun, and waited for."""
    from jackfield.switch.events import CallOver

    task = asyncio.current_task()
    return isinstance(cancelled, CallOver) or task is None or task.cancelling() > 0


def _where(fault: BaseException) -> str:
    """Return the line of the plug-in that failed: the last one of the traceback."""
    trace = fault.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
