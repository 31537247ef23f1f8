"""coturn as a child of ours: started when TURN is enabled, again when its configuration changes or it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from jackfield.network import turn
from jackfield.network.ports import Kind, can_bind, refusal

__all__ = ["Coturn"]

log = logging.getLogger(__name__)

PAUSES = (1.0, 5.0, 30.0)
LOOK_AGAIN = 5.0
"""Seconds until it is looked whether ports that others have are free."""
STOP_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1


class Coturn:
    """`use(lines)` with what `turn.lines` returns; `None` stops it. `why` says what is wrong, "" when it runs."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self._file = folder / turn.CONFIGURATION
        self._log = logs / "turn.log"
        self._lines: Sequence[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._needs: tuple[tuple[Kind, str, int], ...] = ()
        self.why = ""

    @property
    def pid(self) -> int:
        """Process id, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def use(
        self, lines: Sequence[str] | None, needs: Sequence[tuple[Kind, str, int]] = (), why: str = ""
    ) -> None:
        """Run with this configuration; nothing happens when it runs with it already.

        needs: the ports that it listens at, (kind, address, port). why: for None, what keeps it from running.
        """
        if lines == self._lines and (lines is not None or why == self.why):
            return
        self._lines, self._needs = lines, tuple(needs)
        await self._stop()
        self._file.unlink(missing_ok=True)
        if lines is None:
            self._is_wrong(why)
            return
        program = turn.program()
        self._keeper = asyncio.create_task(self._keep(program, "\n".join(lines) + "\n"))

    def renew_certificate(self) -> None:
        """Have it read its certificate again (turnserver(1), SIGUSR2)."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGUSR2)

    async def close(self) -> None:
        """Stop it."""
        await self.use(None)

    async def _keep(self, program: str, text: str) -> None:
        failures = 0
        while True:
            # coturn itself would go on without the ports, and say so in its log for ever.
            while taken := await asyncio.to_thread(self._taken):
                self._is_wrong(taken)
                self._file.unlink(missing_ok=True)
                await asyncio.sleep(LOOK_AGAIN)
            if not self._file.exists():
                with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(text)
            with self._log.open("wb") as output:
                self._process = await asyncio.create_subprocess_exec(
                    program, "-c", str(self._file), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                    start_new_session=True, preexec_fn=_die_with_us,
                )  # fmt: skip
            self.why = ""
            status = await self._process.wait()
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            failures += 1
            self.why = f"coturn ended with status {status}: {self._log} says why"
            log.error("TURN: %s; it is started again in %g s", self.why, pause)
            await asyncio.sleep(pause)

    def _taken(self) -> str:
        """Return which port another program has, with the mend; "" when all are free."""
        for kind, address, port in self._needs:
            if error := can_bind(kind, address, port):
                return turn.taken(*refusal(kind, address, port, error, "--stun-port"))
        return ""

    def _is_wrong(self, why: str) -> None:
        if why and why != self.why:
            log.error("TURN is enabled, but %s", why)
        self.why = why

    async def _stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


def _die_with_us() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
