"""RTP from many phones at once: 50 packets a second each, by a small C program that is compiled at first use.

A generator in Python costs 20 µs for a packet sent and received; this one some 4, so that it never is the limit.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from media_load import speech
from rig import HOST

_SOURCE = Path(__file__).with_name("rtp_load.c")
_FRAMES = 100


class _Phone(ctypes.Structure):
    _fields_ = (
        ("fd", ctypes.c_int),
        ("payload_type", ctypes.c_int),
        ("clock_step", ctypes.c_int),
        ("frames", ctypes.c_char_p),
        ("sizes", ctypes.POINTER(ctypes.c_uint16)),
        ("longest", ctypes.c_int),
    )


class _Result(ctypes.Structure):
    _fields_ = (
        ("sent", ctypes.c_long),
        ("received", ctypes.c_long),
        ("refused", ctypes.c_long),
        ("measured", ctypes.c_long),
        ("latencies", ctypes.POINTER(ctypes.c_float)),
        ("room", ctypes.c_long),
    )


@dataclass(frozen=True)
class Heard:
    """One run: packets sent and received, and how long each took to the other phone, in ms."""

    sent: int
    received: int
    latencies: list[float]


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    return sock


@dataclass
class RtpPhone:
    """One audio port. Partners stand side by side in the list given to `run`: 0 with 1, 2 with 3."""

    codec: str
    payload_type: int
    sock: socket.socket = field(default_factory=_bound)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.sock.getsockname()[1])


def run(phones: Sequence[RtpPhone], seconds: float, *, before: int = 0) -> Heard:
    """Have all phones send for so long; `before`: packets that each has sent in earlier runs.

    The sockets must be connected to the server's ports.
    """
    made = (_Phone * len(phones))()
    frames = {codec: _frames(codec) for codec in {phone.codec for phone in phones}}
    for slot, phone in zip(made, phones, strict=True):
        data, sizes, longest = frames[phone.codec]
        slot.fd, slot.payload_type = phone.sock.fileno(), phone.payload_type
        slot.clock_step = 960 if phone.codec == "opus" else 160
        slot.frames, slot.sizes, slot.longest = data, sizes, longest
    turns = int(seconds * 50)
    room = turns * len(phones)
    latencies = (ctypes.c_float * room)()
    result = _Result(0, 0, 0, 0, latencies, room)
    if _library().rtp_load_run(made, len(phones), ctypes.c_long(turns), ctypes.c_long(before), ctypes.byref(result)):
        raise MemoryError("the RTP load has no memory or no files left")
    return Heard(result.sent, result.received, sorted(latencies[: result.measured]))


@lru_cache
def _frames(codec: str) -> tuple[bytes, ctypes.Array[ctypes.c_uint16], int]:
    payloads = speech(codec, _FRAMES)
    longest = max(map(len, payloads))
    sizes = (ctypes.c_uint16 * _FRAMES)(*map(len, payloads))
    return b"".join(payload.ljust(longest, b"\0") for payload in payloads), sizes, longest


@lru_cache
def _library() -> ctypes.CDLL:
    name = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"rtp_load-{os.getuid()}-{name}.so"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        subprocess.run(["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(draft), str(_SOURCE)], check=True)
        draft.replace(path)
    return ctypes.CDLL(str(path))
