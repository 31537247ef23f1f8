"""The control socket: questions and orders to a running process, one JSON object per line over a Unix socket.

A request is `{"do": "status", …}`, its answer `{"ok": true, "result": …}` or `{"ok": false, "error": "…"}`; a
connection may carry several, one after the other. Whoever may open the socket (0600: its owner and root) may do
everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["ControlError", "ControlServer", "NotRunning", "ask", "ask_sync", "reachable"]

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], Awaitable[Any]]

REQUEST_LIMIT = 4 << 20  # bytes of one line
ANSWER_LIMIT = 256 << 20  # a pcap of a long call is large
_encoder = msgspec.json.Encoder(enc_hook=str)


class ControlError(Exception):
    """What was asked for did not work. The text says why and what to do."""


class NotRunning(ControlError):
    """Nobody listens on the socket."""


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name of the socket that is short enough: the kernel takes 107 bytes, a data directory may be deeper."""
    if len(os.fsencode(path)) <= 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Answers on a socket with `handlers`: verb -> coroutine that takes the request's other fields.

    What a handler returns is sent as JSON (dataclasses too; bytes become base64). A `ControlError` that it raises
    reaches the one who asked as it is; any other exception is logged and reported as a fault of ours.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self.path = path
        self.handlers = dict(handlers)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._inode = 0

    async def start(self) -> None:
        """Listen. A socket left by a crash is replaced. Raises `ControlError` when somebody else listens there."""
        await asyncio.to_thread(self._refuse_second)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            draft.unlink(missing_ok=True)
            with reachable(draft) as name:
                listener.bind(name)
            draft.chmod(0o600)
            listener.listen(64)
            listener.setblocking(False)
            draft.replace(self.path)  # it appears under its name only when it's ready and closed to others
        except OSError as error:
            listener.close()
            raise ControlError(f"the control socket {self.path} can't be made: {error.strerror or error}") from None
        self._inode = self.path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=REQUEST_LIMIT)

    def _refuse_second(self) -> None:
        try:
            with reachable(self.path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                probe.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            return
        except OSError as error:
            raise ControlError(f"the control socket {self.path} can't be used: {error.strerror or error}") from None
        raise ControlError(
            f"another Jackfield already runs with this data directory ({self.path} answers): "
            "stop it first, or choose another --data-dir"
        )

    async def close(self) -> None:
        """Stop listening and cut the clients off. The socket's file is removed."""
        if self._server is None:
            return
        server, self._server = self._server, None
        with contextlib.suppress(OSError):  # only our own: another process may have taken the name meanwhile
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            while line := await reader.readline():
                writer.write(await self._answer(line))
                await writer.drain()
        except ValueError:  # a line over the limit
            writer.write(_refusal(f"the request is longer than {REQUEST_LIMIT} bytes"))
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or we close
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            request = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            return _refusal(f"the request is not JSON: {error}")
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            return _refusal('a request is an object like {"do": "status"}')
        verb = request.pop("do")
        handler = self.handlers.get(verb)
        if handler is None:
            return _refusal(f'there is no "{verb}" here; known: {", ".join(sorted(self.handlers))}')
        try:
            return _encoder.encode({"ok": True, "result": await handler(request)}) + b"\n"
        except ControlError as error:
            return _refusal(str(error))
        except Exception:
            log.exception("control request %s failed", verb)
            return _refusal(f'a fault in Jackfield stopped "{verb}": the log has the details')


def _refusal(text: str) -> bytes:
    return _encoder.encode({"ok": False, "error": text}) + b"\n"


def _result(line: bytes, path: Path) -> Any:
    if not line.endswith(b"\n"):
        raise ControlError(f"{_who(path)} ended before it had answered: see its log")
    answer = msgspec.json.decode(line)
    if not answer["ok"]:
        raise ControlError(answer["error"])
    return answer["result"]


def _who(path: Path) -> str:
    return f"the {path.stem} process"


def _why(path: Path, error: OSError) -> ControlError:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
        folder = path.parent.parent
        return NotRunning(f"Jackfield is not running in {folder}: start it with 'jackfield run --data-dir {folder}'")
    if isinstance(error, PermissionError):
        return ControlError(f"you may not use {path}: do this as the user who runs Jackfield, or as root")
    if isinstance(error, TimeoutError):
        return ControlError(f"{_who(path)} does not answer: see its log, or restart Jackfield")
    return ControlError(f"the connection to {_who(path)} broke ({error.strerror or error})")


async def ask(path: Path, do: str, *, timeout: float = 5.0, **arguments: Any) -> Any:
    """Ask the process that listens on `path` and return its result. Raises `ControlError` within `timeout` seconds."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            with reachable(path) as name:
                reader, writer = await asyncio.open_unix_connection(name, limit=ANSWER_LIMIT)
            writer.write(_encoder.encode({"do": do, **arguments}) + b"\n")
            return _result(await reader.readline(), path)
    except OSError as error:  # TimeoutError is one
        raise _why(path, error) from None
    finally:
        if writer is not None:
            writer.close()


def ask_sync(path: Path, do: str, *, timeout: float = 5.0, **arguments: Any) -> Any:
    """Do what `ask` does, for code without an event loop. `timeout` bounds each wait."""
    try:
        with reachable(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(name)
            connection.sendall(_encoder.encode({"do": do, **arguments}) + b"\n")
            with connection.makefile("rb") as answers:
                return _result(answers.readline(), path)
    except OSError as error:
        raise _why(path, error) from None
