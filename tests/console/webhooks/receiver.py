"""A program that is told by webhook: a real HTTP server on loopback, which answers as a test wants."""

from __future__ import annotations

import http.server
import json
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def kind(self) -> str:
        return str(self.content["type"])


@dataclass
class Receiver:
    """Keeps what it got. `answers`: status for each request in turn; then 200. `hold`: answers only once it is set."""

    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    always: int = 200
    by_kind: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b""
    hold: threading.Event | None = None
    came: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def status(self, got: Got) -> int:
        if self.answers:
            return self.answers.pop(0)
        return self.by_kind.get(got.kind, self.always)

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.got]


class Running:
    """The server while it runs."""

    def __init__(self) -> None:
        self.receiver = receiver = Receiver()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.got.append(got)
                receiver.came.set()
                if receiver.hold is not None:
                    receiver.hold.wait(30)
                self.send_response(receiver.status(got))
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.text)))
                self.end_headers()
                self.wfile.write(receiver.text)

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # who asked has hung up

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        receiver.address = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        if self.receiver.hold is not None:
            self.receiver.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
