"""The switch process as the supervisor runs it: it starts or says why not, answers on all its sockets, and ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jackfield.control import ControlError, ask_sync
from jackfield.data_dir import DataDir
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Extension, General, Outbound, Snapshot, Trunk
from media.process import process as media_process

PATIENCE = 30.0  # seconds in which a process must have started or ended, on a machine with much to do
SNAPSHOT = Snapshot(
    version=7,
    general=General(realm="test", company="Test", outside_prefix="0"),
    extensions=(Extension(number="101", name="Anna"),),
    trunks=(Trunk(name="Line", kind="peer", hosts=("127.0.0.1:9",), qualify_interval=0, caller_id="+420555010100"),),
    outbound=(Outbound(name="All", prefix="0", trunks=("Line",)),),
)


@dataclass
class Program:
    """A switch process and where it listens."""

    files: DataDir
    ports: dict[str, int]
    process: subprocess.Popen[str]

    def ask(self, verb: str, **arguments: Any) -> Any:
        return ask_sync(self.files.switch_socket, verb, timeout=PATIENCE, **arguments)

    def ends(self) -> tuple[int, str]:
        """Wait until it has ended; status and what it said."""
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


Start = Callable[..., Program]


@pytest.fixture
def start(data_dir: DataDir, free_port: Callable[[], int]) -> Iterator[Start]:
    """Starts a switch with a media process beside it; by default waits until it says that it's ready."""
    running: list[subprocess.Popen[str]] = []

    def run(*flags: str, ready: bool = True, snapshot: bool = True) -> Program:
        if snapshot and not data_dir.snapshot.exists():
            snapshots.write(SNAPSHOT, data_dir.snapshot)
        ports = {name: free_port() for name in ("sip", "sip-tls", "sip-ws", "sip-wss")}
        reader, writer = os.pipe()
        command = [
            sys.executable, "-m", "jackfield.switch", "--data-dir", str(data_dir.path), "--host", "127.0.0.1",
            "--media-processes", "1", "--ready-fd", str(writer),
            *(part for name, port in ports.items() for part in (f"--{name}-port", str(port))), *flags,
        ]  # fmt: skip
        started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=[writer])
        running.append(started)
        os.close(writer)
        with os.fdopen(reader, "rb") as line:
            said = line.read(6) if ready else b""  # ends also with the process
        program = Program(data_dir, ports, started)
        if ready:
            assert said == b"ready\n", program.ends()
        return program

    with media_process(data_dir.media_socket(0)):
        yield run
        for each in running:
            if each.poll() is None:
                each.kill()
            each.communicate()


def options(port: int) -> bytes:
    return (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bKx\r\n"
        "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def test_it_serves_phones_and_the_administrator_and_ends_when_told(start: Start) -> None:
    program = start()
    with socket.create_connection(("127.0.0.1", program.ports["sip"]), PATIENCE) as phone:
        phone.sendall(options(program.ports["sip"]))
        assert phone.recv(4096).startswith(b"SIP/2.0 200")
    for name in ("sip-tls", "sip-ws", "sip-wss"):
        socket.create_connection(("127.0.0.1", program.ports[name]), PATIENCE).close()

    status = program.ask("status")
    assert status["configuration"] == 7
    assert not status["draining"]
    assert status["counters"]["sip_tcp_received_total"] == 1
    assert status["counters"]["media_ports_free"] > 0
    assert [row["name"] for row in program.ask("trunks")] == ["Line"]
    assert program.ask("log_level", level="debug") == {"level": "debug"}
    assert "OPTIONS" in program.ask("trace", call="c")
    assert [one["number"] for one in program.ask("lend_extensions", count=1)] == ["999901"]

    program.process.send_signal(signal.SIGTERM)
    assert program.ends()[0] == 0
    assert not program.files.switch_socket.exists()


def test_it_tells_what_would_happen_with_a_number_outside(start: Start) -> None:
    program = start()
    plan = program.ask("route", **{"from": "101", "to": "0800123456"})
    assert plan["leads_to"]["name"] == "All"
    assert [attempt["trunk"] for attempt in plan["leads_to"]["attempts"]] == ["Line"]
    assert program.ask("route", **{"from": "trunk:Line:+420123", "to": "101"})["trace"]
    with pytest.raises(ControlError, match="known: Line"):
        program.ask("route", **{"from": "trunk:Lime", "to": "101"})
    with pytest.raises(ControlError, match="which number is dialled"):
        program.ask("route", **{"from": "101"})


@pytest.mark.parametrize("how", ["interrupt", "drain"])
def test_it_ends_without_calls_at_once(start: Start, how: str) -> None:
    program = start("--drain-seconds", "3600")
    if how == "drain":
        assert program.ask("drain") == {"calls": 0}
    else:
        program.process.send_signal(signal.SIGINT)
    assert program.ends()[0] == 0


def test_a_new_configuration_is_taken_while_it_runs(start: Start) -> None:
    program = start()
    program.files.snapshot.write_text("{")
    with pytest.raises(ControlError, match="can't be read"):
        program.ask("reload")
    snapshots.write(Snapshot(version=8, general=SNAPSHOT.general), program.files.snapshot)
    assert program.ask("reload") == {"version": 8}
    assert program.ask("status")["configuration"] == 8


def test_without_a_configuration_it_says_how_one_is_made(start: Start) -> None:
    status, said = start(ready=False, snapshot=False).ends()
    assert status == 1
    assert "jackfield init" in said


def test_a_damaged_configuration_is_named(start: Start, data_dir: DataDir) -> None:
    data_dir.snapshot.write_text('{"version": "seven"}')
    status, said = start(ready=False).ends()
    assert status == 1
    assert str(data_dir.snapshot) in said


@pytest.mark.parametrize("flag", ["--sip-port", "--sip-ws-port"])
def test_a_port_that_is_taken_is_named_with_its_flag(start: Start, free_port: Callable[[], int], flag: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port := free_port()))
        other.listen()
        status, said = start(flag, str(port), ready=False).ends()
    assert status == 1
    assert str(port) in said
    assert flag in said


def test_a_certificate_that_is_none_is_named(start: Start, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    status, said = start("--tls-certificate", str(broken), "--tls-key", str(broken), ready=False).ends()
    assert status == 1
    assert f"the TLS certificate {broken} can't be used" in said


def test_a_setting_that_makes_no_sense_is_named(start: Start) -> None:
    status, said = start("--rtp-ports", "20000-10000", ready=False).ends()
    assert status == 2
    assert "the first port comes first" in said
