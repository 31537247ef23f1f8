"""A whole system for the tests of the command line, started as an administrator would."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from interop.rig.ports import Block, block

PATIENCE = 60.0  # seconds; a start takes two


@dataclass
class Installation:
    """A data directory with ports of its own, and `jackfield run` on it."""

    data_dir: Path
    sip_port: int
    tls_port: int
    console_port: int
    rtp_ports: str
    process: subprocess.Popen[str] | None = None
    output: str = ""
    more: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)  # of `run`

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to find it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("JACKFIELD_")}
        return own | {
            "JACKFIELD_DATA_DIR": str(self.data_dir),
            "JACKFIELD_HOST": "127.0.0.1",
            "JACKFIELD_SIP_PORT": str(self.sip_port),
            "JACKFIELD_SIP_TLS_PORT": str(self.tls_port),
            "JACKFIELD_SIP_WS_PORT": "0",
            "JACKFIELD_SIP_WSS_PORT": "0",
            "JACKFIELD_CONSOLE_PORT": str(self.console_port),
            "JACKFIELD_RTP_PORTS": self.rtp_ports,
            "JACKFIELD_MEDIA_PROCESSES": "1",
            **self.more,
        }

    def jackfield(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "jackfield.cli", *arguments]
        return subprocess.run(
            command, env=self.environment, input=given, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def start(self) -> None:
        """Run the system, and wait until it says that it's up."""
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jackfield.cli", "run", *self.flags],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.read_until("shows who is there")

    def read_until(self, words: str) -> None:
        """Read what it prints until these words come."""
        assert self.process is not None
        assert self.process.stdout is not None
        until = time.monotonic() + PATIENCE
        while words not in self.output:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            text = os.read(self.process.stdout.fileno(), 65536).decode() if ready else ""
            if not text:
                raise AssertionError(f"“{words}” did not come; there was:\n{self.output}")
            self.output += text

    def end(self, number: signal.Signals | None = signal.SIGTERM) -> int:
        """Stop it by this signal (None: it ends by itself), and return its exit status."""
        assert self.process is not None
        assert self.process.stdout is not None
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.output += rest
        status, self.process = self.process.returncode, None
        return status


def installation(folder: Path, ports: Block) -> Installation:
    return Installation(folder / "data", ports.take(), ports.take(), ports.take(), ports.span(100))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    """An installation that was never started."""
    ports = block()
    made = installation(tmp_path, ports)
    yield made
    if made.process is not None:
        made.end(signal.SIGKILL)
    ports.release()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running system that many tests share."""
    ports = block()
    made = installation(tmp_path_factory.mktemp("system"), ports)
    try:
        made.start()
        yield made
    finally:
        if made.process is not None:
            made.end()
        ports.release()
