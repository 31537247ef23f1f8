"""The registrations on disk: an append-only file, so that phones are found again after a restart.

An entry is its length and the CRC-32 of its content (two little-endian u32), then the content in MessagePack. Later
entries of a phone replace earlier ones. A torn end, as a crash leaves it, is cut off. When the file has grown to many
times of what is alive, it is written anew beside the old one, in small steps, and takes its place.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from jackfield.sip.transport.sparse_log import SparseLog
from jackfield.switch.verdict import Verdict

__all__ = ["Bound", "Entry", "Judged", "Learnt", "Refreshed", "RegistrationLog", "Removed"]

log = logging.getLogger("jackfield.registrar")

_HEAD = struct.Struct("<II")
_MAX_ENTRY = 64 * 1024
_MAX_WAITING = 32 * 1024 * 1024  # bytes kept in memory while the disk takes none


class Bound(msgspec.Struct, tag="b", array_like=True, frozen=True):
    """A phone has registered, or something about it has changed."""

    id: int
    username: str
    uri: str
    params: str
    transport: str
    source: tuple[str, int]
    local: tuple[str, int]
    by_flow: bool
    route: tuple[str, ...]
    nat_reason: str
    user_agent: str
    instance: str
    reg_id: int
    gruu_index: int
    call_id: str
    cseq: int
    since: float
    expires: float
    """Wall clock, seconds."""
    push: str = ""


class Refreshed(msgspec.Struct, tag="r", array_like=True, frozen=True):
    """The phone is there still."""

    id: int
    cseq: int
    expires: float


class Removed(msgspec.Struct, tag="x", array_like=True, frozen=True):
    """The phone has gone."""

    id: int


class Learnt(msgspec.Struct, tag="n", array_like=True, frozen=True):
    """What is known of a NAT: see `pinhole` and `gateway`."""

    address: str
    """The public one."""
    datagrams: bool
    """For UDP; else for connections."""
    good: float
    bad: float
    at: float
    gateway: float = 0.0
    """Wall clock, when its router was found to change SIP messages; 0: it does not."""


class Judged(msgspec.Struct, tag="v", array_like=True, frozen=True):
    """What was found out about a phone's way through the network."""

    username: str
    device: str
    network: str
    verdict: Verdict


Entry = Bound | Refreshed | Removed | Learnt | Judged

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def pack(entry: Entry) -> bytes:
    """Return an entry as it stands in the file; b"" for one with bytes that are no text, which is not worth keeping."""
    try:
        content = _encode(entry)
    except UnicodeEncodeError:
        return b""
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


class RegistrationLog:
    """The file. Nothing here raises for a disk that is full or gone: it says so once and tries again."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self.size = 0
        """Bytes in the file."""
        self._draft_path = path.with_name(path.name + ".new")
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._refused = False
        """The disk took nothing the last time: only `flush` tries again."""
        self._file: IO[bytes] | None = None
        self._draft: IO[bytes] | None = None
        self._since_draft: list[bytes] = []
        self._log = SparseLog(log, clock, 60.0)

    def read(self) -> Iterator[Entry]:
        """Yield every entry, and make the file ready to be appended to."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as problem:
            log.error("%s can't be read: %s - phones must register anew", self.path, problem)
            data = b""
        at = 0
        while at + _HEAD.size <= len(data):
            length, checksum = _HEAD.unpack_from(data, at)
            content = data[at + _HEAD.size : at + _HEAD.size + length]
            if length > _MAX_ENTRY or len(content) < length or zlib.crc32(content) != checksum:
                break
            try:
                entry = _decode(content)
            except msgspec.MsgspecError:
                break  # of another version
            at += _HEAD.size + length
            yield entry
        if at < len(data):
            log.warning("%s: the last %d bytes are damaged and were left out", self.path, len(data) - at)
        self.size = at
        self._open()

    def append(self, entry: Entry, *, at_once: bool = False) -> None:
        """Take an entry; `flush` writes it, or it is written `at_once`: what a phone was promised outlives a crash."""
        data = pack(entry)
        if self._draft is not None:
            self._since_draft.append(data)
        if self._waiting_size < _MAX_WAITING:
            self._waiting.append(data)
            self._waiting_size += len(data)
        if at_once and not self._refused:
            self.flush()

    def flush(self) -> bool:
        """Write what waits. False when the disk takes nothing; it is kept and tried again."""
        if not self._waiting:
            return True
        self._refused = self._file is None and not self._open()
        if self._refused:
            return False
        assert self._file is not None
        data = b"".join(self._waiting)
        try:
            _write(self._file, data)
        except OSError as problem:
            self._refused = True
            self._complain(problem)
            self._cut()
            return False
        self.size += len(data)
        self._waiting.clear()
        self._waiting_size = 0
        return True

    def begin_draft(self) -> bool:
        """Begin to write the file anew, beside the old one, which goes on being written."""
        try:
            self._draft = _open_private(self._draft_path, os.O_TRUNC)
        except OSError as problem:
            self._complain(problem)
            return False
        self._since_draft = []
        return True

    def write_draft(self, entries: Iterator[Entry]) -> bool:
        """Write entries into the draft. False gives it up."""
        assert self._draft is not None
        try:
            _write(self._draft, b"".join(map(pack, entries)))
        except OSError as problem:
            self._complain(problem)
            self._drop_draft()
            return False
        return True

    def finish_draft(self) -> bool:
        """Let the draft, with what was appended since it was begun, take the place of the file."""
        assert self._draft is not None
        draft = self._draft
        try:
            _write(draft, b"".join(self._since_draft))
            os.fsync(draft.fileno())
            self._draft_path.replace(self.path)
        except OSError as problem:
            self._complain(problem)
            self._drop_draft()
            return False
        if self._file is not None:
            self._file.close()
        self._file, self._draft = draft, None
        self._since_draft = []
        self._waiting.clear()
        self._waiting_size = 0
        self.size = os.fstat(draft.fileno()).st_size
        return True

    def close(self) -> None:
        """Write what waits and close."""
        self.flush()
        if self._draft is not None:
            self._drop_draft()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        try:
            self._file = _open_private(self.path)
            self._file.truncate(self.size)
            self._file.seek(self.size)
        except OSError as problem:
            self._complain(problem)
            self._file = None
        return self._file is not None

    def _cut(self) -> None:
        """Take back what a full disk took half of."""
        try:
            assert self._file is not None
            self._file.truncate(self.size)
            self._file.seek(self.size)
        except OSError:
            self._file = None

    def _drop_draft(self) -> None:
        assert self._draft is not None
        self._draft.close()
        with contextlib.suppress(OSError):
            self._draft_path.unlink()
        self._draft, self._since_draft = None, []

    def _complain(self, problem: OSError) -> None:
        text = "%s can't be written: %s - registrations are kept in memory, make room or give permission"
        self._log(logging.ERROR, "write", text, self.path, problem.strerror or problem)


def _open_private(path: Path, flags: int = 0) -> IO[bytes]:
    return open(os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600), "r+b", buffering=0)


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part first, and refuses the next."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
