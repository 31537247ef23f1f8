"""What happens now, for everybody who watches: the switch is asked once a second for all of them together.

`Hub` holds the state and tells what became different as `Event`s. It works only while somebody listens, and for a
moment after, since most who lose the line come back: one thread, one question a second, however many they are.

Kinds of events and their data (plain, ready for JSON):

- `switch`: `{"running": bool, "problem": words, "draining": bool}`
- `call.started`, `call.changed`: a call as the switch's verb "calls" gives it, without `seconds`
- `call.ended`: `{"id"}`
- `trunk.changed`: a trunk as the verb "trunks" gives it; `trunk.removed`: `{"name"}`
- `phone.registered`, `phone.changed`: a phone as the verb "registrations" gives it, with `id`; `phone.gone`: `{"id"}`
- `registered`: `{"count": phones that are registered}`

One who was away for a moment goes on where he was: the last events are kept, by number.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jackfield.control import ControlError, NotRunning, ask_sync

__all__ = ["Event", "Hub", "Listener", "State", "close", "end", "hub", "phone_id"]

log = logging.getLogger("jackfield.live")

SECOND = 1.0
MOST_WAITING = 5000
"""Events that a listener may be behind; one that is further behind is let go and has to come back."""
MOST_KEPT = 5000
"""Events that are kept for one who comes back."""
LINGER = 30.0
"""Seconds for which the switch is asked on when the last listener has gone: he may come back for what he missed."""

Row = dict[str, Any]
Ask = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something became different. `number` counts events of this hub. The same for all listeners, and never changed.

    `number` 0: nothing became different, this is how it is. `before`: the row as it was, for what changed or is gone.
    """

    number: int
    kind: str
    data: Row
    before: Row | None = None


@dataclass(slots=True)
class State:
    """How it is now, by id or name. Empty, with the reason, while the switch does not answer."""

    running: bool = False
    problem: str = ""
    draining: bool = False
    calls: dict[str, Row] = field(default_factory=dict)
    trunks: dict[str, Row] = field(default_factory=dict)
    phones: dict[str, Row] = field(default_factory=dict)
    registered: int = 0
    sites: list[Row] = field(default_factory=list)


class Listener:
    """One who watches: from now on every event waits here until it is taken. Made by `Hub.listen()`.

    `wake` is called in the hub's thread after something was put here, and when it has ended.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._events: deque[Event] = deque()
        self.ended = False

    def put(self, events: list[Event]) -> None:
        """Hand events over."""
        if len(self._events) + len(events) > MOST_WAITING:
            self.end()
            return
        self._events.extend(events)
        self._tell()

    def take(self) -> list[Event]:
        """Return what has come since the last time."""
        found = []
        while self._events:
            found.append(self._events.popleft())
        return found

    def end(self) -> None:
        """Say that nothing more comes."""
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # its event loop may be closed already
            self._wake()


class Hub:
    """See the module. `ask` is `jackfield.control.ask_sync`, or what a test puts in its place."""

    def __init__(
        self, socket: Path, *, ask: Ask = ask_sync, pause: float = SECOND, name: str = "hub", linger: float = 0.0
    ) -> None:
        self.socket = socket
        self.name = name
        """Stands before the numbers of events, which begin anew with each hub."""
        self.state = State()
        self._ask = ask
        self._pause = pause
        self._linger = linger
        self._left = 0.0
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._last = 0
        self._past: deque[Event] = deque(maxlen=MOST_KEPT)
        self._phones_known: tuple[str, int] | None = None
        self._closed = False

    # --- for those who watch -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def listen(self, wake: Callable[[], object] = lambda: None) -> Iterator[Listener]:
        """Give a listener for the time of the block. It gets what changes from now on; `state` is how it is."""
        listener = Listener(wake)
        with self._lock:
            if self._closed:
                listener.ended = True
            else:
                self._listeners.add(listener)
                self._start()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)
                self._left = time.monotonic()
                if not self._listeners and not self._linger:
                    self._stop.set()

    def known(self, seconds: float) -> bool:
        """Wait until the switch was asked once since somebody listens; return whether it was."""
        return self._looked.wait(seconds)

    async def events(
        self, *, every: float = 15.0, until: float | None = None, after: str | None = None
    ) -> AsyncIterator[list[Event]]:
        """Go through events as they come, in batches; an empty one after `every` seconds without any.

        The first batch is what makes up the state of now; with `after` it begins with `stream`, `{"resumed": bool}`,
        and is what was missed where that is known: `after` is the `mark` of the last event that came, or "". Ends when
        the hub closes, when the reader is too slow, or after `until` seconds. It costs no thread.
        """
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        end = None if until is None else loop.time() + until
        with self.listen(lambda: loop.call_soon_threadsafe(woken.set)) as listener:
            await self._known(loop)
            with self._lock:
                missed = None if after is None else self._missed(after)
                first = self.everything() if missed is None else missed
                if after is not None:
                    first.insert(0, Event(self._last, "stream", {"resumed": missed is not None}))
                listener.take()
            yield first
            while not listener.ended and (end is None or loop.time() < end):
                quiet = False
                try:
                    await asyncio.wait_for(woken.wait(), every if end is None else min(every, end - loop.time()))
                except TimeoutError:
                    quiet = True
                woken.clear()
                events = listener.take()
                if (events or quiet) and not listener.ended:
                    yield events

    async def _known(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait, a moment at most, until the switch was asked once."""
        for _ in range(30):
            if self._looked.is_set() or self._closed:
                return
            await asyncio.sleep(0.05)

    def everything(self) -> list[Event]:
        """Return the events that lead from nothing to the state of now."""
        state = self.state
        return [
            Event(0, "switch", {"running": state.running, "problem": state.problem, "draining": state.draining}),
            *(Event(0, "call.started", row) for row in state.calls.values()),
            *(Event(0, "trunk.changed", row) for row in state.trunks.values()),
            *(Event(0, "phone.registered", row) for row in state.phones.values()),
            Event(0, "registered", {"count": state.registered}),
        ]

    def mark(self, event: Event) -> str:
        """Return by what one who comes back names the last event that he has seen."""
        return f"{self.name}-{event.number}"

    def _missed(self, after: str) -> list[Event] | None:
        """Return the events behind the one of this mark; None where that is not known any more."""
        name, _, number = after.rpartition("-")
        if name != self.name or not number.isascii() or not number.isdigit() or len(number) > 15:
            return None
        first = self._past[0].number if self._past else self._last + 1
        if not first - 1 <= int(number) <= self._last:
            return None
        return [event for event in self._past if event.number > int(number)]

    def close(self) -> None:
        """Let everybody go and end."""
        with self._lock:
            self._closed = True
            self._stop.set()
            for listener in self._listeners:
                listener.end()
            thread = self._thread
        if thread is not None:
            thread.join(1.0)  # it may wait for a switch that does not answer

    # --- the thread --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive() and not self._stop.is_set():
            return
        self._stop = threading.Event()
        self._looked.clear()
        self._thread = threading.Thread(target=self._run, args=(self._stop, self._thread), name="live", daemon=True)
        self._thread.start()

    def _run(self, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # the one of the listeners before ends in a moment
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.look()
            except Exception:
                log.exception("the switch's state could not be understood")
            self._looked.set()
            with self._lock:
                if not self._listeners and time.monotonic() > self._left + self._linger:
                    stop.set()
            stop.wait(max(0.05, self._pause - (time.monotonic() - began)))

    def look(self) -> list[Event]:
        """Ask the switch, take its state over, and tell the listeners what became different."""
        try:
            found = self._ask(self.socket, "live", timeout=3.0)
            phones = self._phones(found)
            state = State(
                running=True,
                draining=bool(found["draining"]),
                calls={row["id"]: _lasting(row) for row in found["calls"]},
                trunks={row["name"]: row for row in found["trunks"]},
                phones=phones,
                registered=int(found["registered"]),
                sites=found.get("sites", []),
            )
        except NotRunning:
            self._phones_known = None
            state = State(problem="The switch does not run, so no call can be made: see its log, or start it again.")
        except ControlError as problem:
            self._phones_known = None
            state = State(problem=str(problem))
        with self._lock:
            events = list(self._differences(self.state, state))
            self.state = state
            self._past.extend(events)
            if events:
                for listener in list(self._listeners):
                    listener.put(events)
        return events

    def _phones(self, found: Row) -> dict[str, Row]:
        """Ask for the phones only when any came, went or changed: there may be thousands."""
        known = (str(found["boot"]), int(found["phones"]))
        if known == self._phones_known:
            return self.state.phones
        now, rows = float(found["now"]), {}
        for row in self._ask(self.socket, "registrations", timeout=5.0):
            row["expires"] = now + row.pop("expires_in")
            row["id"] = phone_id(row)
            rows[row["id"]] = row
        self._phones_known = known
        return rows

    def _differences(self, old: State, new: State) -> Iterator[Event]:
        if (old.running, old.problem, old.draining) != (new.running, new.problem, new.draining):
            words = {"running": new.running, "problem": new.problem, "draining": new.draining}
            yield self._event("switch", words)
        yield from self._changes(old.calls, new.calls, "id", "call.started", "call.changed", "call.ended")
        yield from self._changes(old.trunks, new.trunks, "name", "trunk.changed", "trunk.changed", "trunk.removed")
        if old.phones is not new.phones:
            names = ("phone.registered", "phone.changed", "phone.gone")
            yield from self._changes(old.phones, new.phones, "id", *names)
        if old.registered != new.registered:
            yield self._event("registered", {"count": new.registered})

    def _changes(
        self, old: dict[str, Row], new: dict[str, Row], key: str, came: str, changed: str, went: str
    ) -> Iterator[Event]:
        for name in old.keys() - new.keys():
            yield self._event(went, {key: name}, old[name])
        for name, row in new.items():
            before = old.get(name)
            if before is None:
                yield self._event(came, row)
            elif before != row and _lasting(before) != _lasting(row):
                yield self._event(changed, row, before)

    def _event(self, kind: str, data: Row, before: Row | None = None) -> Event:
        self._last += 1
        return Event(self._last, kind, data, before)


def _lasting(row: Row) -> Row:
    """Leave out what changes every second by itself."""
    return {name: value for name, value in row.items() if name not in ("seconds", "expires")}


def phone_id(row: Row) -> str:
    """Return what names one registration while it lasts."""
    return f"{row['sip_username']} {row['transport']} {row['address']} {row['since']:.3f}"


_hubs: dict[Path, Hub] = {}
_over = threading.Event()
"""The process is about to end."""
_making = threading.Lock()


def hub() -> Hub:
    """Return the hub of this process, for the installation that Django serves."""
    from django.conf import settings

    socket: Path = settings.JACKFIELD.files.switch_socket
    with _making:
        if socket not in _hubs:
            close()  # a test has moved on to another installation
            _hubs[socket] = Hub(socket, name=secrets.token_hex(4), linger=LINGER)
            if _over.is_set():
                _hubs[socket].close()
        return _hubs[socket]


def end() -> None:
    """The process is about to end: let go who watches, and at once who comes back, as browsers do by themselves."""
    _over.set()
    close()


def close() -> None:
    """End what runs for those who watch."""
    for one in list(_hubs.values()):
        one.close()
    _hubs.clear()
