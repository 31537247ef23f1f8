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

__all__ = ["Coturn"]

log = logging.getLogger(__name__)

PAUSES = (1.0, 5.0, 30.0)
STOP_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1


class Coturn:
    """`use(lines)` with what `turn.lines` returns; `None` stops it. `why` says what is wrong, "" when it runs."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self._file = folder / "turnserver.conf"
        self._log = logs / "turn.log"
        self._lines: Sequence[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.why = ""

    @property
    def pid(self) -> int:
        """Process id, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def use(self, lines: Sequence[str] | None) -> None:
        """Run with this configuration; nothing happens when it runs with it already."""
        if lines == self._lines:
            return
        self._lines = lines
        await self._stop()
        if lines is None:
            self.why = ""
            return
        program = turn.program()
        if not program:
            self.why = "coturn is not installed: apt install coturn"
            log.error("TURN is enabled, but %s", self.why)
            return
        self._file.unlink(missing_ok=True)
        with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        self._keeper = asyncio.create_task(self._keep(program))

    def renew_certificate(self) -> None:
        """Have it read its certificate again (turnserver(1), SIGUSR2)."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGUSR2)

    async def close(self) -> None:
        """Stop it."""
        await self.use(None)

    async def _keep(self, program: str) -> None:
        failures = 0
        while True:
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
