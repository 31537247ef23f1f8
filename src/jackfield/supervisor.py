"""The supervisor: `jackfield run` starts the processes of an installation, watches them, and stops them in order.

Each process is an own session (a Ctrl-C in the terminal reaches the supervisor alone), dies when the supervisor dies,
and says that it's ready by a line on the pipe whose number `--ready-fd` gives. One that ends by itself is started
again, after a pause that grows while it keeps ending. The switch gets `SIGTERM` first and lets its calls go on; audio
and console go after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jackfield.control import ControlError, ControlServer, ask
from jackfield.settings import Settings

__all__ = ["Child", "Program", "StartFailed", "Supervisor", "programs"]

log = logging.getLogger(__name__)

READY_SECONDS = 120.0  # where others keep the processors busy a start takes long
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before each further start
STEADY_SECONDS = 60.0  # who ran this long starts again with the shortest pause
# Audio can't wait, a caller should not, pages and records can.
MEDIA_NICE, SWITCH_NICE, NETWORK_NICE, CONSOLE_NICE = -10, -5, 0, 10
STOP_SECONDS = 5.0  # between being asked to end and being killed

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class StartFailed(Exception):
    """A process ended before it was ready. The text names it; its own log line above says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process to run: its name in the log, its command line, and its `nice` value relative to ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    nice: int = 0


def programs(settings: Settings) -> list[Program]:
    """Return what an installation consists of: the media processes, the switch, the network process, the console."""
    python, environment = [sys.executable, "-m"], settings.environment()
    found = []
    for number, ports in enumerate(settings.rtp_range.split(settings.media_count)):
        socket = settings.files.media_socket(number)
        command = [
            *python,
            "jackfield.media",
            "--socket",
            str(socket),
            "--rtp-ports",
            str(ports),
            "--host",
            settings.host,
        ]
        found.append(Program(f"media-{number}", command, environment, MEDIA_NICE))
    found.append(Program("switch", [*python, "jackfield.switch"], environment, SWITCH_NICE))
    found.append(Program("network", [*python, "jackfield.network"], environment, NETWORK_NICE))
    # Without a port it stores records.
    found.append(Program("console", [*python, "jackfield.console"], environment, CONSOLE_NICE))
    return found


class Child:
    """One process, started again whenever it ends, until `stop`."""

    def __init__(self, program: Program, *, clock: Callable[[], float] = time.time) -> None:
        self.program = program
        self.name = program.name
        self.state = "starting"  # "starting", "running", "waiting", "stopped"
        self.since = clock()
        self.restarts = 0
        self.ready = asyncio.Event()
        self.said = ""  # with the word that it's ready
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._failures = 0

    @property
    def pid(self) -> int:
        """Process id, 0 when it's not running."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def run(self) -> None:
        """Keep the process running. Raises `StartFailed` when it ends before it was ever ready."""
        while not self._stopping.is_set():
            status = await self._run_once()
            if self._stopping.is_set():
                break
            if not self.ready.is_set():
                raise StartFailed(f"{self.name} could not start: it {_ending(status)}")
            self._failures = 0 if self._clock() - self.since > STEADY_SECONDS else self._failures
            pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
            self._failures += 1
            self.restarts += 1
            self._enter("waiting")
            log.error(
                "%s %s: it is started again in %g s (restart %d)", self.name, _ending(status), pause, self.restarts
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
        self._enter("stopped")

    async def _run_once(self) -> int:
        self._enter("starting")
        here, there = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                "--ready-fd",
                str(there),
                stdin=asyncio.subprocess.DEVNULL,
                env=os.environ | dict(self.program.environment) | {"JACKFIELD_PROCESS": self.name},
                pass_fds=(there,),
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        finally:
            os.close(there)
        if self.program.nice < 0 or self.restarts:  # the first start waits for everybody, and nobody calls yet
            _prioritise(self._process.pid, self.program.nice)
        waiting = asyncio.create_task(self._await_ready(here))
        try:
            return await self._process.wait()
        except asyncio.CancelledError:
            self.send(signal.SIGKILL)
            raise
        finally:
            await waiting

    async def _await_ready(self, pipe: int) -> None:
        reader = asyncio.StreamReader()
        with os.fdopen(pipe, "rb", buffering=0) as file:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), file
            )
            try:
                if line := await reader.readline():
                    self.said = line.decode().partition(" ")[2].strip()
                    self._enter("running")
                    _prioritise(self.pid, self.program.nice)
                    if self.restarts:
                        log.warning("%s runs again", self.name)
                    self.ready.set()
            finally:
                transport.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def stop(self) -> None:
        """Ask the process to end, and don't start it again."""
        self._stopping.set()
        self.send(signal.SIGTERM)

    def _enter(self, state: str) -> None:
        self.state, self.since = state, self._clock()

    def describe(self) -> dict[str, Any]:
        """Return what `jackfield status` shows of it; `rss` is resident memory in bytes."""
        return {
            "name": self.name,
            "pid": self.pid,
            "state": self.state,
            "since": self.since,
            "restarts": self.restarts,
            "rss": _resident(self.pid),
        }


class Supervisor:
    """Runs the programs until `stop` is called (or the control socket says so)."""

    def __init__(
        self,
        settings: Settings,
        program: Sequence[Program] | None = None,
        *,
        say: Callable[[str], None] = log.info,
    ) -> None:
        self.settings = settings
        self.children = [Child(one) for one in (programs(settings) if program is None else program)]
        self._say = say
        self._control = ControlServer(
            settings.files.supervisor_socket,
            {"processes": self._processes, "settings": self._settings, "stop": self._stop_asked},
        )
        self._runs: dict[asyncio.Task[None], Child] = {}
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()

    async def run(self, *, up: Callable[[], None] = lambda: None) -> None:
        """Start everything, call `up` when all are ready, and return when all have ended.

        Raises `StartFailed` when a process can't be started, `ControlError` when this installation runs already.
        """
        await self._control.start()
        try:
            self._runs = {asyncio.create_task(child.run()): child for child in self.children}
            try:
                await self._until_ready()
                if not self._stop.is_set():
                    up()
                await self._until_stopped()
            finally:
                await self._end_all()
        finally:
            await self._control.close()

    def said(self, name: str) -> str:
        """Return what a process said with the word that it's ready; "" when it said nothing more."""
        return next((child.said for child in self.children if child.name == name), "")

    @property
    def stopping(self) -> bool:
        """A stop was asked for."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Stop gracefully; when called a second time, at once."""
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    async def _processes(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        own = {
            "name": "supervisor",
            "pid": os.getpid(),
            "state": "running",
            "restarts": 0,
            "rss": _resident(os.getpid()),
        }
        return [own | {"since": _started(os.getpid())}, *(child.describe() for child in self.children)]

    async def _settings(self, _: dict[str, Any]) -> dict[str, Any]:
        """What this installation runs with: flags of `jackfield run` are known to nobody else."""
        return self.settings.model_dump(mode="json")

    async def _stop_asked(self, request: dict[str, Any]) -> None:
        if request.get("now"):
            self._at_once.set()
        self._stop.set()

    async def _until_ready(self) -> None:
        ready = asyncio.create_task(self._all_ready())
        if not await self._wait_for(ready, READY_SECONDS) and not self._stop.is_set():
            late = ", ".join(child.name for child in self.children if not child.ready.is_set())
            raise StartFailed(f"{late} did not get ready within {READY_SECONDS:g} s: see the log")

    async def _all_ready(self) -> None:
        for child in self.children:
            await child.ready.wait()

    async def _until_stopped(self) -> None:
        await self._wait_for(asyncio.create_task(self._stop.wait()), None)

    async def _wait_for(self, event: asyncio.Task[Any], timeout: float | None) -> bool:
        """Wait for the event or the request to stop; what breaks a process's run is raised here. True: it happened."""
        stop = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait((event, stop, *self._runs), timeout=timeout, return_when="FIRST_COMPLETED")
            for run in self._runs:
                if run in done:
                    await run
            return event in done
        finally:
            stop.cancel()
            event.cancel()

    async def _end_all(self) -> None:
        """End the switch first, when its calls are over; then the others."""
        switch = [run for run, child in self._runs.items() if child.name == "switch" and not run.done()]
        for run in switch:
            await self._drain(run)
        for child in self.children:
            child.stop()
        await self._finish([run for run in self._runs if not run.done()])
        await asyncio.gather(*self._runs, return_exceptions=True)

    async def _drain(self, run: asyncio.Task[None]) -> None:
        child = self._runs[run]
        child.stop()
        hurry = asyncio.create_task(self._at_once.wait())
        until = time.monotonic() + self.settings.drain_seconds + STOP_SECONDS
        told = -1
        try:
            while not run.done() and not hurry.done() and time.monotonic() < until:
                await asyncio.wait((run, hurry), timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                if not run.done() and (calls := len(await self._calls())) not in (told, 0):
                    left = max(0.0, until - STOP_SECONDS - time.monotonic())
                    going = f"{calls} calls go on" if calls > 1 else "1 call goes on"
                    self._say(f"{going}, for at most {left:.0f} s more; Ctrl-C once more ends it all now")
                    told = calls
        finally:
            hurry.cancel()
        if not run.done():
            await self._hang_up()
            await self._finish([run])

    async def _calls(self) -> list[str]:
        try:
            return [call["id"] for call in await ask(self.settings.files.switch_socket, "calls", timeout=1.0)]
        except ControlError:
            return []

    async def _hang_up(self) -> None:
        for call in await self._calls():
            with contextlib.suppress(ControlError):
                await ask(self.settings.files.switch_socket, "hangup", id=call, timeout=1.0)

    async def _finish(self, runs: Sequence[asyncio.Task[None]]) -> None:
        """Wait for these a moment, then kill them."""
        if not runs:
            return
        _, late = await asyncio.wait(runs, timeout=STOP_SECONDS)
        for run in late:
            log.warning("%s did not end within %g s: killed", self._runs[run].name, STOP_SECONDS)
            self._runs[run].send(signal.SIGKILL)


def _die_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:  # between fork and exec: as little as can be
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _prioritise(pid: int, nice: int) -> None:
    """Set how the process stands against others on the machine; to put it before them needs root or CAP_SYS_NICE."""
    if not nice or not pid:
        return
    with contextlib.suppress(OSError):
        for thread in map(int, os.listdir(f"/proc/{pid}/task")):  # Linux has a value for each
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, 0) + nice)
            if nice > 0:
                os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))  # never takes the CPU from another
    # Each of our processes is a session of its own, and Linux shares the CPU between sessions first (sched(7)).
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as file:
        file.write(str(nice))


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by signal {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _started(pid: int) -> float:
    """Return when the process began, seconds since 1970."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/uptime", "rb") as file:
            uptime = float(file.read().split()[0])
    except (OSError, IndexError):
        return 0.0
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
