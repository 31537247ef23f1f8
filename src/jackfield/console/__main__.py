"""The console process: `python -m jackfield.console`, started by `jackfield run`.

The main thread serves HTTP; another brings the database up to date, publishes the configuration and moves records from
the spool into the database. So the pages answer, and say why, while the database is away.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import uvicorn

from jackfield import logs, settings
from jackfield.console.faults import ConsoleError
from jackfield.network.ports import refusal
from jackfield.settings import Settings, SettingsError

log = logging.getLogger("jackfield.console")

PR_SET_PDEATHSIG = 1
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between tries to reach the database
GRACE_SECONDS = 3  # that requests in progress have when we are to end


class CannotStart(Exception):
    """The text says why, and the mend."""


def main() -> int:
    """Run until told to stop. Returns 0, 1 when it could not start, 2 for wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m jackfield.console", description=__doc__)
    settings.add_arguments(parser)
    parser.add_argument("--ready-fd", type=int, help="file descriptor to which a line is written when all is up")
    arguments = vars(parser.parse_args())
    ready = arguments.pop("ready_fd")
    try:
        configured = settings.load(**arguments)
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return 2
    logs.configure("console", format=configured.log_format, level=configured.log_level, folder=configured.files.logs)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("django.request").addFilter(_not_503)  # /health says so on purpose, as often as it is asked
    if "JACKFIELD_PROCESS" in os.environ:  # started by the supervisor: not to outlive it with the port it needs
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        asyncio.run(run(configured, ready))
    except (CannotStart, ConsoleError) as problem:
        log.error("%s", problem)
        return 1
    return 0


def _not_503(record: logging.LogRecord) -> bool:
    return getattr(record, "status_code", 0) != 503


async def run(configured: Settings, ready: int | None) -> None:
    """Serve and work until SIGTERM or SIGINT. Raises `CannotStart`, `ConsoleError`."""
    from jackfield.console import database
    from jackfield.console.lan import keeper
    from jackfield.console.sampler import running

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    database.setup(configured)
    work = Work(configured, ended=lambda: loop.call_soon_threadsafe(stopping.set))
    try:
        async with _serving(configured):
            work.thread.start()
            await asyncio.to_thread(work.tried.wait)
            gc.collect()
            gc.freeze()  # what is here now stays: the collector need not look at it again
            if ready is not None:
                os.write(ready, _ready(work.token).encode() + b"\n")
                os.close(ready)
            with running(configured.files):
                async with keeper.running(configured):
                    await stopping.wait()
    finally:
        work.stop.set()
        if work.thread.is_alive():
            await asyncio.to_thread(work.thread.join)
    if work.fault is not None:
        raise CannotStart(f"a fault in the importer ended the console: {work.fault!r}")


def _ready(token: str) -> str:
    """Return the line for the supervisor: "ready token=… own=8443", with what there is of the two."""
    from jackfield.console import own_door

    found = {"token": token, "own": own_door.port}
    return " ".join(["ready", *(f"{name}={value}" for name, value in found.items() if value)])


class Work:
    """What goes on in the background, in a thread of its own because the database makes it wait."""

    def __init__(self, configured: Settings, *, ended: Callable[[], object]) -> None:
        from jackfield.console import views
        from jackfield.console.importer import Importer

        self.settings = configured
        self.importer = views.importer = Importer(configured)
        self.stop = threading.Event()
        self.token = ""  # of the first run
        self.tried = threading.Event()  # the database was tried once, whatever came of it
        self.fault: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="importer")
        self._ended = ended

    def _run(self) -> None:
        try:
            if self._prepare():
                self._watch()
                self.importer.run(self.stop)
        except BaseException as fault:
            log.exception("a fault in the importer")
            self.fault = fault
        finally:
            self.tried.set()
            self._ended()

    def _watch(self) -> None:
        """Look after installation, directory and webhooks. Nobody waits for that at the end: servers may be slow."""
        from jackfield.console.browser_phones.pushing import Pusher
        from jackfield.console.firewall_trial import TrialKeeper
        from jackfield.console.importing import Keeper
        from jackfield.console.provisioning import moving
        from jackfield.console.provisioning.check_sync import Caller
        from jackfield.console.watching import Watch
        from jackfield.console.webhooks.courier import Courier

        keeper = Keeper(self.settings)
        works: dict[str, Any] = {
            "watch": Watch(self.settings, self.importer, keeper),
            "directory": keeper,
            "webhooks": Courier(self.settings),
            "desk phones": Caller(self.settings, look=moving.move),
            "pushes": Pusher(self.settings),
            "firewall trials": TrialKeeper(self.settings),
        }
        for name, work in works.items():
            threading.Thread(target=work.run, args=(self.stop,), name=name, daemon=True).start()

    def _prepare(self) -> bool:
        """Bring the database and the snapshot up to date; try until it works. Returns False when told to stop."""
        from jackfield.console import api

        failures = 0
        while not self.stop.is_set():
            try:
                api.prepare(self.settings, progress=log.info)
                api.publish(self.settings)
                if self.settings.console_port:
                    self.token = api.first_run_token(self.settings, "run", _start())
                if self.token and self.tried.is_set():
                    log.warning("nobody can sign in to the console: “jackfield administrator NAME” makes somebody able")
            except ConsoleError as problem:
                if str(problem) != self.importer.trouble:
                    log.error("%s Calls go on with the configuration published last.", problem)
                self.importer.trouble = str(problem)
                self.tried.set()
                self.stop.wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
            else:
                self.tried.set()
                return True
        return False


def _start() -> str:
    """Name this start of Jackfield by its supervisor: a console that is started again has the same."""
    if "JACKFIELD_PROCESS" not in os.environ:
        return ""
    try:
        with open(f"/proc/{os.getppid()}/stat", "rb") as file:
            return f"{os.getppid()}:{file.read().rpartition(b')')[2].split()[19].decode()}"
    except (OSError, IndexError):
        return ""


class _Server(uvicorn.Server):
    """Uvicorn without its own hands on the signals, and with a word when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Wake once a second, for the Date header; uvicorn's own loop does it ten times as often."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1.0)

    def end(self) -> None:
        """Serve what is in progress, and end."""
        self.should_exit = True
        self._ending.set()


@contextlib.asynccontextmanager
async def _serving(configured: Settings) -> AsyncIterator[None]:
    """Serve HTTP while the block runs; nothing when the port is 0."""
    from jackfield.console import own_door

    sockets = _listen(configured) if configured.console_port else []
    own = _listen_for_users(configured)
    own_door.port = configured.own_port if own else 0
    sockets += own
    if not sockets:
        yield
        return
    from jackfield.console import listening, live
    from jackfield.console.asgi import application
    from jackfield.console.browser_phones import bridge

    try:
        front = listening.front(configured)
    except OSError as problem:  # ssl.SSLError is one
        raise CannotStart(f"the console's certificate can't be used: {problem}") from None
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws=bridge.Sockets,
        ws_max_size=bridge.LARGEST,
        http=front,  # type: ignore[arg-type]  # a maker of protocols
        # Whoever is asked for is_local() must be the one who connects, or whom a proxy of ours names.
        proxy_headers=bool(configured.trusted_proxies),
        forwarded_allow_ips=configured.trusted_proxies.split(","),
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=1500,  # most of them phones that start at once; people have `asgi.MOST`
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets))
    await server.up.wait()
    loading = asyncio.create_task(application.load())  # before the first one asks for a page
    for listener in sockets:
        log.info("%s answers on %s, port %d", "the console" if listener not in own else "the port of own pages",
                 *listener.getsockname()[:2])  # fmt: skip
    try:
        yield
    finally:
        loading.cancel()
        bridge.close()
        await asyncio.to_thread(live.end)  # who watches would hold it up
        server.end()
        await serving


def _listen_for_users(configured: Settings) -> list[socket.socket]:
    """Listen for everybody's own pages. Where nobody has asked for the port, another program may keep it."""
    if not configured.own_port:
        return []
    try:
        return _bound(configured.user_hosts, configured.own_port, "--user-port")
    except CannotStart as problem:
        if configured.user_port != "auto":
            raise
        log.info("everybody's own pages have no port of their own: %s", problem)
        return []


def _listen(configured: Settings) -> list[socket.socket]:
    return _bound(configured.console_hosts, configured.console_port, "--console-port")


def _bound(hosts: Sequence[str], port: int, flag: str) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    for host in hosts:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it: else 40 ms a page
        if ":" in host:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind((host, port))
        except OSError as problem:
            for one in (*listeners, listener):
                one.close()
            why, mend = refusal("tcp", host, port, problem, flag)
            raise CannotStart(f"the console can't listen: {why}; {mend}") from None
        listeners.append(listener)
    return listeners


if __name__ == "__main__":
    sys.exit(main())
