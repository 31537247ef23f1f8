"""Checks of the machine: disk, clock, rights, limits, libraries."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from jackfield import compiled
from jackfield.check import Finding
from jackfield.settings import Settings, unknown_variables

__all__ = [
    "capabilities",
    "clock",
    "codec_libraries",
    "data_directory",
    "database",
    "disk",
    "environment",
    "open_files",
    "socket_buffers",
    "speed",
]

DISK_WARNING, DISK_ERROR = 1 << 30, 100 << 20  # bytes free
BUFFER_WANTED = 1 << 20  # bytes: about 1,000 SIP messages that arrive while the switch is busy
_CAP_NET_BIND_SERVICE, _CAP_NET_ADMIN = 10, 12


def data_directory(settings: Settings) -> Iterator[Finding]:
    """It exists, is ours, and nobody else may read it."""
    path = settings.data_dir
    if not path.exists():
        yield Finding("ok", "data directory", f"{path} does not exist yet: the first start makes it")
        return
    found = path.stat()
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("error", "data directory", f"{path} can't be written to", f"chown -R {_user()} {path}")
    elif found.st_uid != os.geteuid() and os.geteuid() != 0:
        yield Finding(
            "warning", "data directory", f"{path} belongs to user {found.st_uid}", f"chown -R {_user()} {path}"
        )
    elif stat.S_IMODE(found.st_mode) & 0o077:
        yield Finding(
            "warning", "data directory", f"{path} can be read by others; passwords are in it", f"chmod 700 {path}"
        )
    else:
        yield Finding("ok", "data directory", f"{path} is for its owner alone")


def disk(settings: Settings) -> Iterator[Finding]:
    """There is room for records, recordings and logs."""
    place = settings.data_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    level = "error" if free < DISK_ERROR else "warning" if free < DISK_WARNING else "ok"
    mend = "" if level == "ok" else "make room: call records can't be stored on a full disk"
    yield Finding(level, "disk", f"{free / 1e9:.1f} GB free in {place}", mend)  # type: ignore[arg-type]


def database(settings: Settings) -> Iterator[Finding]:
    """It answers, if it's one that we were given; ours is a file."""
    if not settings.data_dir.exists() or (not settings.database_url and not settings.files.database.exists()):
        yield Finding("ok", "database", "not made yet: the first start makes it")
        return
    from jackfield.console import api

    try:
        api.calls(settings, limit=1)
    except api.ConsoleError as error:
        yield Finding("error", "database", str(error), "calls go on without it; records wait in the spool")
    else:
        yield Finding(
            "ok", "database", "PostgreSQL answers" if settings.database_url.startswith("p") else "SQLite is fine"
        )


class _Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("rest", ctypes.c_char * 512)]


def clock(settings: Settings, adjtimex: object = None) -> Iterator[Finding]:
    """It is set by NTP: call records, certificates and digest nonces need the time. `adjtimex` is for tests."""
    state = adjtimex() if callable(adjtimex) else ctypes.CDLL(None).adjtimex(ctypes.byref(_Timex()))
    if state == 5:  # TIME_ERROR: nobody keeps the clock right
        yield Finding(
            "warning",
            "clock",
            "it is not synchronised",
            "timedatectl set-ntp true, or apt-get install chrony; in a container: see to the clock of its host",
        )
    elif state < 0:
        yield Finding("warning", "clock", "the kernel does not say whether it is synchronised")
    else:
        yield Finding("ok", "clock", "synchronised")


def capabilities(settings: Settings, status: Path = Path("/proc/self/status")) -> Iterator[Finding]:
    """Low ports may be bound; the kernel may be told to relay audio."""
    has = _effective(status)
    low = sorted(
        port
        for port in (
            settings.sip_port,
            settings.sip_tls_port,
            settings.sip_tls_second_port,
            settings.sip_ws_port,
            settings.sip_wss_port,
            settings.console_port,
        )
        if 0 < port < _first_free_port()
    )
    if low and not has >> _CAP_NET_BIND_SERVICE & 1:
        yield Finding(
            "error",
            "low ports",
            f"port {low[0]} needs a privilege that this user does not have",
            "use packaging/jackfield.service, which gives CAP_NET_BIND_SERVICE, or choose a port above 1023",
        )
    if has >> _CAP_NET_ADMIN & 1:
        yield Finding("ok", "privileges", "CAP_NET_ADMIN is there: the kernel may relay audio")
    else:
        yield Finding("ok", "privileges", "no CAP_NET_ADMIN: audio is relayed in user space, which costs more CPU time")


def open_files(settings: Settings) -> Iterator[Finding]:
    """Every phone by TCP and every audio stream needs open files."""
    low, high = settings.rtp_range
    per_process = (high - low + 1) // settings.media_count
    wanted = min(per_process + 256, 65536)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        yield Finding("ok", "open files", "no limit that matters" if limit < 0 else f"limit {limit}")
        return
    calls = max(0, (limit - 256) // 4 * settings.media_count)
    yield Finding(
        "warning",
        "open files",
        f"the limit of {limit} allows about {calls} calls at once, rtp_ports would allow more",
        f"ulimit -Hn {wanted}, in /etc/security/limits.conf: * hard nofile {wanted}",
    )


def socket_buffers(settings: Settings, file: Path = Path("/proc/sys/net/core/rmem_max")) -> Iterator[Finding]:
    """The kernel keeps what arrives while we are busy."""
    size = int(file.read_text())
    if size >= BUFFER_WANTED:
        yield Finding("ok", "receive buffers", f"up to {size // 1024} KiB")
    else:
        yield Finding(
            "warning",
            "receive buffers",
            f"net.core.rmem_max is {size // 1024} KiB: when very many phones register at once, messages get lost",
            f"echo net.core.rmem_max={4 * BUFFER_WANTED} > /etc/sysctl.d/60-jackfield.conf && sysctl --system",
        )


def codec_libraries(settings: Settings) -> Iterator[Finding]:
    """Opus, GSM and G.722 come from C libraries."""
    from jackfield.rtp import codecs

    missing = codecs.missing_libraries()
    for sentence in missing:
        text, _, mend = sentence.partition(" - ")
        yield Finding("warning", "codecs", text, mend or "install the library")
    if not missing:
        yield Finding("ok", "codecs", ", ".join(sorted(codecs.available())))


def speed(settings: Settings) -> Iterator[Finding]:
    """The busy modules are compiled, or left aside on purpose."""
    if compiled.in_use():
        yield Finding("ok", "speed", "the busy modules are compiled")
    elif compiled.unwanted():
        yield Finding("ok", "speed", "plain Python, as JACKFIELD_PURE_PYTHON asks")
    else:
        yield Finding(
            "warning",
            "speed",
            "the busy modules are not compiled: calls cost half as much again",
            f"{sys.executable} -m jackfield.compiling (it says what is missing), then start Jackfield again",
        )


def environment(settings: Settings) -> Iterator[Finding]:
    """No variable is misspelt."""
    for text in unknown_variables(os.environ):
        what, _, mend = text.partition(": ")
        yield Finding("warning", "environment", what, mend)


def _effective(status: Path) -> int:
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _first_free_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
