"""Logging: one line per event, for people (text) or for programs (JSON), with the call's id, without secrets.

Every process writes to its own file in the data directory's `logs`, and to standard error, which is the terminal, the
journal or the container's log. Neither ever holds up a call: a terminal that stopped scrolling misses lines, the file
has them. Code logs with the standard library; `call_id` is set by whoever works for a call.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import socket
import stat
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

__all__ = ["call_id", "configure", "configure_child", "redact", "set_level"]

call_id: ContextVar[str] = ContextVar("call_id", default="")
"""Id of the call that the current task works for; stands on every line that it logs."""

FILE_BYTES = 10 << 20
FILES_KEPT = 5

HIDDEN = "***"
_SECRETS = re.compile(
    r"""
    (?P<url>[a-z][a-z0-9+.-]*://[^\s:/@]+:) [^\s@/]+ (?=@)                  # postgresql://user:password@host
    | (?P<sip>\bsips?:[^\s:@;>]+:) [^\s@;>]+ (?=@)                          # sip:user:password@host
    | (?P<named>\b(?:sip_?password|auth_password|password|passwd|secret|token|pin|ha1(?:_\w+)?|tls_key_password)
        ["']?\s*[=:]\s*) (?: "[^"]*" | '[^']*' | [^\s,;&}\]]+ )
    | (?P<digest>\b(?:response|cnonce|nextnonce)\s*=\s*) (?:"[^"]*"|[0-9a-fA-F]{32,})  # RFC 7616
    | (?P<header>\b(?:Proxy-)?Authorization\s*:\s*(?:Basic|Bearer)\s+) \S+
    | (?P<link>/(?:set-password/[0-9a-z]+|phone)/) [^\s/?"']+                  # whoever has the address may go in
    | (?P<crypto>\binline:) [^\s|]+                                          # a=crypto, RFC 4568
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return the text with every password, key, token, PIN and digest answer replaced by `***`."""
    return _SECRETS.sub(_hide, text)


def _hide(found: re.Match[str]) -> str:
    return f"{found[found.lastgroup or 0]}{HIDDEN}"


class TextFormatter(logging.Formatter):
    """`2026-11-22 21:38:33.120 warning switch [k3f9-1] the message`, in local time."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process
        self._second, self._date = -1, ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback if there is one."""
        second = int(record.created)
        if second != self._second:
            self._second, self._date = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        call = call_id.get()
        text = redact(record.getMessage())
        line = (
            f"{self._date}.{int(record.msecs):03d} {record.levelname.lower():<7} {self._process:<8} "
            f"{f'[{call}] ' if call else ''}{_one_line(text)}"
        )
        return f"{line}\n{redact(self.formatException(record.exc_info))}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One object per line: at (UTC, ISO 8601), level, process, source, call, message, and what `extra` gave."""

    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "at": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "source": record.name,
            "message": redact(record.getMessage()),
        }
        if call := call_id.get():
            line["call"] = call
        for name, value in vars(record).items():
            if name not in self._standard and name not in line:
                line[name] = redact(value) if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=lambda value: redact(str(value)))


class Output(logging.Handler):
    """Writes each line to standard error and to a file, and waits for neither."""

    def __init__(self, path: Path | None, *, to_stderr: bool = True) -> None:
        super().__init__()
        self.missed = 0  # lines that standard error did not take
        self._path = path
        self._file = -1
        self._size = 0
        self._terminal = _unblocked(2) if to_stderr else None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record. A full disk or a stuck terminal is no reason to stop."""
        try:
            line = self.format(record).encode("utf-8", "replace") + b"\n"
        except Exception:  # a log call with wrong arguments must not break a phone call
            line = f"unreadable log record from {record.pathname}:{record.lineno}: {record.msg!r}\n".encode()
        if self._terminal is not None:
            try:
                self._terminal(line)
            except OSError:
                self.missed += 1
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._write(self._path, line)

    def _write(self, path: Path, line: bytes) -> None:
        if self._file >= 0 and self._size + len(line) > FILE_BYTES:
            os.close(self._file)
            self._file = -1
            for number in range(FILES_KEPT - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    path.with_name(f"{path.name}.{number}").replace(path.with_name(f"{path.name}.{number + 1}"))
            path.replace(path.with_name(f"{path.name}.1"))
        if self._file < 0:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._file).st_size
        self._size += os.write(self._file, line)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()


def configure(process: str, *, format: str = "text", level: str = "info", folder: Path | None = None) -> Output:
    """Send everything that this process logs to standard error and to `<folder>/<process>.log`.

    `format` is "text" or "json". Replaces what was configured before; returns the handler.
    """
    output = Output(folder / f"{process}.log" if folder else None)
    output.setFormatter(JsonFormatter(process) if format == "json" else TextFormatter(process))
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(output)
    set_level(level)
    logging.captureWarnings(True)
    return output


def configure_child(process: str) -> Output:
    """Do what `configure` does, in a process that reads no settings: the supervisor has left them in the environment.

    `process` is its name where the supervisor gave it none. Run by hand, it logs text to standard error alone.
    """
    folder = os.environ.get("JACKFIELD_DATA_DIR") if "JACKFIELD_PROCESS" in os.environ else None
    return configure(
        os.environ.get("JACKFIELD_PROCESS", process),
        format=os.environ.get("JACKFIELD_LOG_FORMAT", "text"),
        level=os.environ.get("JACKFIELD_LOG_LEVEL", "info"),
        folder=Path(folder, "logs") if folder else None,
    )


def set_level(level: str) -> None:
    """Log from `level` ("debug", "info", "warning", "error") upwards. Raises `ValueError` for another word."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f'"{level}" is no log level: debug, info, warning or error')
    logging.getLogger().setLevel(number)
    for noisy in ("asyncio", "websockets", "uvicorn.access", "urllib3"):
        logging.getLogger(noisy).setLevel(max(number, logging.INFO if number == logging.DEBUG else logging.WARNING))


def _one_line(text: str) -> str:
    """Keep what came from outside from forging lines."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _unblocked(descriptor: int) -> Any:
    """Return a function that writes to the descriptor without ever waiting, or None.

    The mode belongs to the open file, which the shell and other processes share: so it is opened anew.
    """
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):  # a file never makes anybody wait, and a second opening would have its own position
            return lambda line: os.write(descriptor, line)
        if stat.S_ISSOCK(mode):  # systemd's journal
            journal = socket.socket(fileno=os.dup(descriptor))
            return lambda line: journal.send(line, socket.MSG_DONTWAIT)
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        if descriptor != 2:
            return None

        def fallback(line: bytes) -> None:
            sys.stderr.write(line.decode())

        return fallback
    return lambda line: os.write(own, line)
