"""The fast lane: `lane` in C, for processes that relay many calls. Optional; without a compiler Python does it all.

`build` compiles `fastlane.c` once with the machine's C compiler; `FastRoad` takes the place of `lane.PythonRoad`.
`python -m jackfield.media.fastlane` builds it where the workers look for it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import select
import shutil
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cffi

from jackfield.media.lane import LONGEST_PAUSE_NS, Hearer

SOURCE = Path(__file__).with_name("fastlane.c")
HAND = struct.Struct("=QIIHHHHBBBBI")
_ADD, _DELETE, _MODIFY = 1, 2, 3  # epoll_ctl
_IN, _OUT = 1, 4
_READY, _PACKET = 1, 3
_SLOTS, _BUFFER = 64, 2048
_FUNCTIONS = """
int jf_sizes(int what);
int jf_transmit(struct jf_lane *out, const uint8_t *payload, int size, int type, uint16_t seq, uint32_t ts);
int jf_take(struct jf_road *road, struct jf_lane *in, int size);
int jf_watch(struct jf_road *road, int fd, struct jf_lane *lane, int operation, uint32_t events);
int jf_wait(struct jf_road *road, int64_t until);
"""


class NoFastLane(Exception):
    """The fast lane cannot be had; the text says why, for the status page."""


def folder() -> Path:
    """Where the compiled fast lane is kept: $JACKFIELD_LIBRARY_DIR, or lib/jackfield of the environment."""
    return Path(os.environ.get("JACKFIELD_LIBRARY_DIR") or Path(sys.prefix) / "lib" / "jackfield")


def build(into: Path) -> Path:
    """Compile the fast lane into a folder, unless it is there already, and return the library's path.

    The name carries a checksum of the source and the machine, so that an upgrade never loads an old one. Raises
    NoFastLane when there is no C compiler, it fails, or the folder cannot be written.
    """
    source = SOURCE.read_bytes()
    sign = hashlib.sha256(source + platform.machine().encode() + platform.libc_ver()[0].encode()).hexdigest()[:12]
    library = into / f"fastlane-{sign}.so"
    if library.exists():
        return library
    configured = (sysconfig.get_config_var("CC") or "").split()
    names = (os.environ.get("CC", ""), "cc", "gcc", "clang", *configured[:1])
    compiler = next((path for name in names if name and (path := shutil.which(name))), None)
    if compiler is None:
        raise NoFastLane("no C compiler: install the package gcc to relay more calls per core")
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into) as place:
            made = Path(place) / library.name
            done = subprocess.run(
                [compiler, "-O2", "-shared", "-fPIC", "-o", str(made), str(SOURCE)],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if done.returncode:
                raise NoFastLane(f"{compiler} failed: {(done.stderr.strip() or 'no message').splitlines()[0]}")
            made.replace(library)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoFastLane(f"it could not be built in {into}: {error}") from error
    return library


def _open(library: Path) -> tuple[Any, Any]:
    ffi = cffi.FFI()
    text = SOURCE.read_text()
    ffi.cdef(text[text.index("/* declarations */") : text.index("/* end */")] + _FUNCTIONS)
    try:
        lib: Any = ffi.dlopen(str(library))
    except OSError as error:
        raise NoFastLane(f"{library} cannot be loaded: {error}") from error
    for what, name in enumerate(("struct jf_lane", "struct jf_hand", "struct jf_road")):
        if lib.jf_sizes(what) != ffi.sizeof(name):
            raise NoFastLane(f"{library} lays {name} out in another way")
    return ffi, lib


class FastRoad:
    """All lanes of a process, on one epoll, served in C. The same calls as `lane.PythonRoad`; see there."""

    path = "fast lane"

    def __init__(
        self, library: Path, to_alaw: bytes, to_ulaw: bytes, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._ffi, self._lib = _open(library)
        self._epoll = select.epoll()
        self._urgent = select.epoll()
        self._road = self._ffi.new("struct jf_road *")
        self._road.epoll = self._epoll.fileno()
        self._road.urgent = self._urgent.fileno()
        self._road.longest_pause_ns = LONGEST_PAUSE_NS
        self._road.tables[0] = list(to_alaw)
        self._road.tables[1] = list(to_ulaw)
        self._clock = clock
        self._frozen = clock is not time.monotonic_ns
        self._hands = self._ffi.buffer(self._road.hands)
        self._buffers = memoryview(self._ffi.buffer(self._road.buffers))
        self._last_buffer = (_SLOTS - 1) * _BUFFER
        self._hearers: dict[int, Hearer] = {}
        self._trusted: set[int] = set()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._hurried: set[int] = set()

    @property
    def longest_pause_ns(self) -> int:
        """See PythonRoad."""
        return int(self._road.longest_pause_ns)

    @longest_pause_ns.setter
    def longest_pause_ns(self, pause: int) -> None:
        self._road.longest_pause_ns = pause

    def now(self) -> int:
        """The time in ns."""
        return self._clock()

    def lane(self, stream_id: int, sock: socket.socket, hearer: Hearer) -> Any:
        """See PythonRoad."""
        lane = self._ffi.new("struct jf_lane *")
        lane.id = stream_id
        lane.fd = sock.fileno()
        lane.clock_in = lane.clock_out = 8000
        lane.frame = 160
        self._hearers[stream_id] = hearer
        self.watch(lane.fd, hearer.readable)
        return lane

    def trust(self, lane: Any, trusted: bool) -> None:
        """See PythonRoad."""
        if trusted == (lane.id in self._trusted):
            return
        (self._trusted.add if trusted else self._trusted.discard)(lane.id)
        self._lib.jf_watch(self._road, lane.fd, lane if trusted else self._ffi.NULL, _MODIFY, _IN)

    def take(self, lane: Any, data: bytes) -> None:
        """See PythonRoad."""
        size = min(len(data), _BUFFER)
        self._buffers[self._last_buffer : self._last_buffer + size] = data[:size]
        if self._frozen:
            self._road.frozen_ns = self._clock()
        if self._lib.jf_take(self._road, lane, size):
            self._hand(_SLOTS - 1, 1)

    def sender(self, lane: Any) -> Callable[[bytes, int, int, int], int]:
        """See PythonRoad."""
        transmit = self._lib.jf_transmit
        return lambda payload, second, seq, ts: transmit(lane, payload, len(payload), second, seq, ts)

    def set_kinds(self, lane: Any, kinds: bytes, payload_types: bytes, to: Any) -> None:
        """See PythonRoad."""
        self._ffi.memmove(lane.kind, kinds, 128)
        self._ffi.memmove(lane.payload_type, payload_types, 128)
        lane.to = self._ffi.NULL if to is None else to

    def point(self, lane: Any, destination: tuple[Any, ...] | None) -> None:
        """See PythonRoad."""
        if destination is None:
            lane.destination_size = 0
            return
        host, port = destination[:2]
        if ":" in host:
            packed = struct.pack("=H", socket.AF_INET6) + struct.pack("!H", port) + bytes(4)
            packed += socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
            packed += struct.pack("=I", destination[3] if len(destination) > 3 else 0)
        else:
            packed = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
        self._ffi.buffer(lane.destination)[: len(packed)] = packed
        lane.destination_size = len(packed)

    def leave(self, lane: Any) -> None:
        """See PythonRoad."""
        self.forget(lane.fd)
        self._hearers.pop(lane.id, None)
        self._trusted.discard(lane.id)
        lane.to = self._ffi.NULL

    def watch(
        self,
        fd: int,
        readable: Callable[[], None],
        writable: Callable[[], None] | None = None,
        *,
        urgent: bool = False,
    ) -> None:
        """See PythonRoad."""
        operation = _MODIFY if fd in self._handlers else _ADD
        if urgent and operation == _ADD:
            self._urgent.register(fd, select.EPOLLIN)
            self._hurried.add(fd)
        self._lib.jf_watch(self._road, fd, self._ffi.NULL, operation, _IN | (_OUT if writable else 0))
        self._handlers[fd] = readable
        if writable:
            self._writers[fd] = writable
        else:
            self._writers.pop(fd, None)

    def forget(self, fd: int) -> None:
        """See PythonRoad."""
        if self._handlers.pop(fd, None) is not None:
            self._writers.pop(fd, None)
            self._lib.jf_watch(self._road, fd, self._ffi.NULL, _DELETE, 0)
            if fd in self._hurried:
                self._hurried.discard(fd)
                self._urgent.unregister(fd)

    def wait(self, until: int) -> None:
        """See PythonRoad."""
        if self._frozen:
            self._road.frozen_ns = self._clock()
        count = self._lib.jf_wait(self._road, until)
        if count:
            self._hand(0, count)

    def close(self) -> None:
        """See PythonRoad."""
        self._epoll.close()
        self._urgent.close()

    def _hand(self, first: int, count: int) -> None:
        """Give what C could not deal with to those who can."""
        hearers, buffers = self._hearers, self._buffers
        at = (first - 1) * _BUFFER
        hands = self._hands[first * HAND.size : (first + count) * HAND.size]
        for who, ts, out_ts, _, out_seq, start, end, what, number, marker, flags, _ in HAND.iter_unpack(hands):
            at += _BUFFER
            if what == _PACKET:
                hearer = hearers.get(who)
                if hearer is not None:
                    hearer.heard(number, bytes(buffers[at + start : at + end]), ts, marker, flags, out_seq, out_ts)
            elif what == _READY:
                self._ready(who, flags)
            else:
                hearer = hearers.get(who)
                if hearer is not None:
                    hearer.heard_rtcp(bytes(buffers[at + start : at + end]))

    def _ready(self, fd: int, events: int) -> None:
        handler = self._handlers.get(fd)
        if handler is not None and events & ~_OUT:
            handler()
        if events & _OUT and (writer := self._writers.get(fd)) is not None:
            writer()


if __name__ == "__main__":
    try:
        print(build(folder()))
    except NoFastLane as error:
        sys.exit(f"the fast lane is not available: {error}")
