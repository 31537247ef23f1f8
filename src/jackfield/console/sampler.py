"""How busy the machine is, noted every 30 seconds for as long as a month, in one small file that never grows.

The file `samples` in the data directory has three rings: two hours by 30 s, a day by 6 min, a month by 3 h. A sample's
place in its ring follows from its time, so nothing has to be remembered over a restart, and the means of a coarser ring
are taken from what the finer one holds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

from jackfield.data_dir import DataDir

__all__ = ["PERIODS", "Ring", "Sample", "Sampler", "Samples", "disk_use", "running", "sampler"]

log = logging.getLogger("jackfield.sampler")


@dataclass(frozen=True, slots=True)
class Sample:
    """The machine at one moment, or on average around it."""

    at: float = 0.0  # seconds since 1970
    cpu: float = 0.0  # percent of all cores
    own_cpu: float = 0.0  # of which Jackfield's processes
    memory: float = 0.0  # bytes in use
    own_memory: float = 0.0  # resident bytes of Jackfield's processes; what they share is counted for each
    recordings: float = 0.0  # bytes on disk
    history: float = 0.0
    logs: float = 0.0
    rest: float = 0.0  # of the data directory
    other: float = 0.0  # of the disk, not ours
    free: float = 0.0


@dataclass(frozen=True, slots=True)
class Ring:
    """`count` samples, `step` seconds apart, from byte `offset` of the file on."""

    step: int
    count: int
    offset: int


_RECORD = struct.Struct(f"<{len(fields(Sample))}d")
_HEAD = b"jackfield samples 1\n".ljust(32)
COUNT = 248
PERIODS = {
    name: Ring(step, COUNT, len(_HEAD) + number * COUNT * _RECORD.size)
    for number, (name, step) in enumerate((("hours", 30), ("day", 360), ("month", 10_800)))
}
"""What can be looked at: two hours, a day, a month."""
_SIZE = len(_HEAD) + len(PERIODS) * COUNT * _RECORD.size


class Samples:
    """The file. What can't be read counts as empty: figures of the past are not worth a failure."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, sample: Sample) -> None:
        """Note a sample, and the means of the coarser rings around it. Raises `OSError`."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.pread(descriptor, len(_HEAD), 0) != _HEAD or os.fstat(descriptor).st_size != _SIZE:
                os.ftruncate(descriptor, 0)
                os.ftruncate(descriptor, _SIZE)
                os.pwrite(descriptor, _HEAD, 0)
            finer: Ring | None = None
            for ring in PERIODS.values():
                if finer is not None:
                    start = sample.at - sample.at % ring.step
                    within = [one for one in _read(descriptor, finer) if start <= one.at < start + ring.step]
                    sample = _mean(within, start)
                slot = int(sample.at // ring.step) % ring.count
                os.pwrite(descriptor, _RECORD.pack(*astuple(sample)), ring.offset + slot * _RECORD.size)
                finer = ring
        finally:
            os.close(descriptor)

    def read(self, period: str, now: float) -> list[Sample]:
        """Return the samples of a period of `PERIODS`, the oldest first."""
        ring = PERIODS[period]
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError:
            return []
        try:
            found = _read(descriptor, ring)
        finally:
            os.close(descriptor)
        oldest = now - ring.step * ring.count
        return sorted((one for one in found if oldest < one.at <= now + ring.step), key=lambda one: one.at)


def _read(descriptor: int, ring: Ring) -> list[Sample]:
    data = os.pread(descriptor, ring.count * _RECORD.size, ring.offset)
    whole = data[: len(data) - len(data) % _RECORD.size]
    return [Sample(*values) for values in _RECORD.iter_unpack(whole) if values[0] > 0]


def _mean(samples: list[Sample], at: float) -> Sample:
    columns = zip(*(astuple(one)[1:] for one in samples), strict=True)
    return Sample(at, *(sum(column) / len(samples) for column in columns))


def disk_use(files: DataDir) -> dict[str, float]:
    """Return the bytes that each category of the installation takes, and how full the disk is otherwise."""
    found = {"recordings": 0.0, "history": 0.0, "logs": 0.0, "rest": 0.0}
    kinds = {"recordings": "recordings", "voicemail": "recordings", "logs": "logs", "spool": "history"}
    for entry in _entries(files.path):
        kind = "history" if entry.name.startswith(files.database.name) else kinds.get(entry.name, "rest")
        with contextlib.suppress(OSError):
            found[kind] += _size(entry)
    disk = psutil.disk_usage(str(files.path))
    return found | {"other": max(0.0, disk.used - sum(found.values())), "free": float(disk.free)}


def _entries(path: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return list(found)
    except OSError:
        return []


def _size(entry: os.DirEntry[str]) -> float:
    if entry.is_dir(follow_symlinks=False):
        return sum(_size(inner) for inner in _entries(entry.path))
    return entry.stat(follow_symlinks=False).st_blocks * 512.0


class Sampler:
    """Notes a sample every 30 seconds in a thread of its own. `processes`: CPU of each of ours by pid, in percent."""

    DISK_EVERY = 600.0
    """Seconds between walks through the data directory."""

    def __init__(self, files: DataDir) -> None:
        self.samples = Samples(files.path / "samples")
        self.processes: dict[int, float] = {}
        self._files = files
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._disk: dict[str, float] = {}
        self._disk_at = float("-inf")
        self._used: dict[tuple[int, float], float] = {}  # by pid and birth: CPU seconds at the last look
        self._looked = 0.0

    def start(self) -> None:
        """Begin."""
        psutil.cpu_percent(None)  # the first is always 0
        self._thread.start()

    def stop(self) -> None:
        """End, within a moment."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        step, failed = PERIODS["hours"].step, False
        self.measure(time.time(), time.monotonic())  # to know from when on CPU time counts
        while not self._stop.wait(step - time.time() % step):
            try:
                self.samples.add(self.measure(time.time(), time.monotonic()))
                failed = False
            except Exception as problem:
                if not failed:
                    log.warning("how busy the machine is can't be noted in %s: %s", self.samples.path, problem)
                failed = True

    def measure(self, now: float, clock: float) -> Sample:
        """Look at the machine."""
        if clock - self._disk_at >= self.DISK_EVERY:
            self._disk, self._disk_at = disk_use(self._files), clock
        else:
            self._disk["free"] = float(psutil.disk_usage(str(self._files.path)).free)
        memory = psutil.virtual_memory()
        own_cpu, own_memory = self._own(clock)
        return Sample(
            at=now,
            cpu=psutil.cpu_percent(None),
            own_cpu=own_cpu,
            memory=float(memory.total - memory.available),
            own_memory=own_memory,
            **self._disk,
        )

    def _own(self, clock: float) -> tuple[float, float]:
        used: dict[tuple[int, float], float] = {}
        shares, resident = dict[int, float](), 0.0
        passed, cores = clock - self._looked, psutil.cpu_count() or 1
        for process in own_processes():
            with contextlib.suppress(psutil.Error), process.oneshot():
                key, times = (process.pid, process.create_time()), process.cpu_times()
                used[key] = times.user + times.system
                resident += process.memory_info().rss
                before = self._used.get(key, used[key] if not self._used else 0.0)
                shares[process.pid] = max(0.0, 100 * (used[key] - before) / passed / cores) if passed > 0 else 0.0
        self._used, self._looked, self.processes = used, clock, shares
        return sum(shares.values()), resident


def own_processes() -> Iterable[psutil.Process]:
    """Return the processes of this installation: all of the supervisor's, or this one alone where there is none."""
    own = psutil.Process()
    if "JACKFIELD_PROCESS" not in os.environ:
        return [own]
    try:
        supervisor = psutil.Process(os.getppid())
        return [supervisor, *supervisor.children(recursive=True)]
    except psutil.Error:
        return [own]


sampler: Sampler | None = None
"""Of this process; None where pages are served without one."""


@contextlib.contextmanager
def running(files: DataDir) -> Iterator[Sampler]:
    """Note samples while the block runs."""
    global sampler  # noqa: PLW0603 - as the importer, there is one in the process
    sampler = Sampler(files)
    sampler.start()
    try:
        yield sampler
    finally:
        sampler.stop()
        sampler = None
