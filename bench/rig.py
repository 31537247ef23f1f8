"""The rig of the benchmarks: start a server on one core, SIPp on the other, and read what the server costs.

CPU time is that of all processes of the server, from /proc/PID/task/*/schedstat (nanoseconds). Every case gives a
median and a range over its runs, because one run on a shared machine says little.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
SCENARIOS = HERE / "scenarios"
SERVER_CORE, LOAD_CORE = "0", "1"
HOST = "127.0.0.1"
PASSWORD = "bench-5up3r-secret"
FIRST_CALLER, FIRST_CALLEE, PHONES = 1000, 3000, 200


@dataclass
class Server:
    """A running server: `pid` is the root of its process tree."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    pid: int

    def pids(self) -> list[int]:
        """All processes of the server."""
        return _tree(self.pid)

    def cpu(self) -> float:
        """CPU seconds of all its processes until now."""
        return sum(_cpu(pid) for pid in self.pids())

    def memory(self) -> float:
        """Proportional memory (PSS) of all its processes in MB."""
        return sum(_pss(pid) for pid in self.pids()) / 1024


@dataclass
class Figures:
    """Several runs of one measured quantity."""

    unit: str
    values: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.values:
            return "-"
        low, middle, high = min(self.values), statistics.median(self.values), max(self.values)
        return f"{middle:.3g} {self.unit} ({low:.3g} - {high:.3g})"


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _cpu(pid: int) -> float:
    total = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except OSError:
        pass
    return total / 1e9


def _pss(pid: int) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0.0
    return float(found[1]) if found else 0.0


def free_port() -> int:
    """A UDP and TCP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for_sip(port: int, seconds: float = 30.0) -> None:
    """Wait until something answers OPTIONS on the port. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        probe.settimeout(0.2)
        mine = probe.getsockname()[1]
        number = 0
        while time.monotonic() < deadline:
            number += 1
            probe.sendto(
                f"OPTIONS sip:{HOST}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{mine};branch=z9hG4bKup{number};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:up@{HOST}>;tag=up\r\nTo: <sip:{HOST}>\r\nCall-ID: up{number}\r\n"
                f"CSeq: {number} OPTIONS\r\nContact: <sip:up@{HOST}:{mine}>\r\nContent-Length: 0\r\n\r\n".encode(),
                (HOST, port),
            )
            try:
                probe.recv(4096)
                return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.1)
    raise TimeoutError(f"nothing answers SIP on port {port}")


# --- servers -------------------------------------------------------------------------------------------------------


def callers() -> list[int]:
    """Extensions that call."""
    return list(range(FIRST_CALLER, FIRST_CALLER + PHONES))


def numbers() -> list[int]:
    """Extensions of the rig: callers, then callees."""
    return [*range(FIRST_CALLER, FIRST_CALLER + PHONES), *range(FIRST_CALLEE, FIRST_CALLEE + PHONES)]


@contextmanager
def jackfield(
    *, rtp_ports: str = "20000-29998", codecs: Sequence[str] = (), callee_codecs: Sequence[str] = (), media: int = 1
) -> Iterator[Server]:
    """Jackfield with the rig's extensions, all processes on one core."""
    folder = Path(tempfile.mkdtemp(prefix="jackfield-bench-"))
    port = free_port()
    extensions = []
    for number in numbers():
        entry: dict[str, object] = {
            "number": str(number),
            "name": f"Bench {number}",
            "sip_username": str(number),
            "sip_password": PASSWORD,
            "max_calls": 100,
        }
        wanted = callee_codecs if number >= FIRST_CALLEE else codecs
        if wanted:
            entry["codecs"] = list(wanted)
        extensions.append(entry)
    document = folder / "bench.yaml"
    document.write_text(json.dumps({"settings": {"realm": "bench"}, "extensions": extensions}))  # JSON is YAML
    command = [sys.executable, "-m", "jackfield.cli"]
    flags = ["--data-dir", str(folder / "data")]
    subprocess.run([*command, "init", *flags], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*command, "apply", str(document), *flags], check=True, stdout=subprocess.DEVNULL)
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            "taskset", "-c", SERVER_CORE, *command, "run", *flags, "--host", HOST, "--sip-port", str(port),
            "--sip-tls-port", "0", "--sip-ws-port", "0", "--sip-wss-port", "0", "--rtp-ports", rtp_ports,
            "--console-port", str(free_port()), "--media-processes", str(media), "--drain-seconds", "0",
        ],
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        wait_for_sip(port)
        time.sleep(1.0)
        yield Server("Jackfield", port, process, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()
        if process.returncode:
            print(f"Jackfield ended with {process.returncode}; its log is {folder}/log", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def asterisk(root: Path, *, callee_codec: str = "ulaw") -> Iterator[Server]:
    """Asterisk out of a folder made by bench/peer/asterisk.sh, with the same extensions (chan_pjsip)."""
    port = free_port()
    etc = root / "etc" / "asterisk"
    pjsip = [
        f"[udp]\ntype=transport\nprotocol=udp\nbind={HOST}:{port}\n",
        "[global]\ntype=global\nuser_agent=Asterisk\n",
    ]
    for number in numbers():
        allow = callee_codec if number >= FIRST_CALLEE else "ulaw"
        pjsip.append(
            f"[{number}]\ntype=endpoint\ncontext=bench\ndisallow=all\nallow={allow}\nauth={number}\naors={number}\n"
            "direct_media=no\nrewrite_contact=no\nrtp_symmetric=no\n"
            f"[{number}]\ntype=auth\nauth_type=userpass\nusername={number}\npassword={PASSWORD}\n"
            f"[{number}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"
        )
    (etc / "pjsip.conf").write_text("\n".join(pjsip))
    (etc / "extensions.conf").write_text("[bench]\nexten => _X.,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n")
    (etc / "rtp.conf").write_text("[general]\nrtpstart=30000\nrtpend=39998\n")
    (etc / "logger.conf").write_text("[general]\n[logfiles]\n")
    (root / "var" / "lib" / "asterisk" / "astdb.sqlite3").unlink(missing_ok=True)  # contacts of earlier runs
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, "chroot", str(root), "asterisk", "-f", "-C", "/etc/asterisk/asterisk.conf"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_sip(port)
        time.sleep(1.0)
        yield Server("Asterisk", port, process, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


# --- load ----------------------------------------------------------------------------------------------------------


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """An injection file for SIPp."""
    path.write_text("SEQUENTIAL\n" + "".join(";".join(map(str, row)) + "\n" for row in rows))


def authentication(number: int) -> str:
    """The field that makes SIPp answer challenges."""
    return f"[authentication username={number} password={PASSWORD}]"


@dataclass(frozen=True)
class Outcome:
    """What SIPp saw."""

    successful: int
    failed: int
    seconds: float
    response_times: list[float]  # milliseconds


def sipp(
    server: Server,
    scenario: str,
    *,
    rate: float,
    calls: int,
    at_once: int = 0,
    rows: Sequence[Sequence[object]] = (),
    pause_ms: int = 0,
    port: int = 0,
    media_port: int = 6000,
    trace: str = "",
) -> Outcome:
    """Run one SIPp scenario to its end. `rate` per second, `at_once` 0: as SIPp likes."""
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        folder = Path(name)
        command = ["taskset", "-c", LOAD_CORE, "sipp", f"{HOST}:{server.port}", "-sf", str(SCENARIOS / f"{scenario}.xml"),
                   "-i", HOST, "-p", str(port or free_port()), "-r", str(rate), "-m", str(calls), "-nostdin",
                   "-trace_stat", "-fd", "1", "-stf", str(folder / "stat.csv"), "-mp", str(media_port),
                   "-recv_timeout", "10000", "-buff_size", "4000000"]  # fmt: skip
        if pause_ms or scenario == "caller":
            command += ["-d", str(pause_ms)]
        if at_once:
            command += ["-l", str(at_once)]
        if rows:
            write_csv(folder / "rows.csv", rows)
            command += ["-inf", str(folder / "rows.csv")]
        if trace:
            command += ["-trace_rtt", "-rtt_freq", "1"]
        began = time.monotonic()
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        seconds = time.monotonic() - began
        times = _response_times(folder, trace)
        with (folder / "stat.csv").open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Outcome(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), seconds, times)


def _response_times(folder: Path, name: str) -> list[float]:
    found = []
    for path in folder.glob("*_rtt.csv"):
        for line in path.read_text().splitlines()[1:]:
            parts = line.split(";")
            if len(parts) >= 3 and (not name or parts[2].strip() == name):
                found.append(float(parts[1]))
    return found


@contextmanager
def callees(server: Server) -> Iterator[int]:
    """Phones that answer, all on one port, and registered."""
    port = free_port()
    process = subprocess.Popen(
        ["taskset", "-c", LOAD_CORE, "sipp", f"{HOST}:{server.port}", "-sf", str(SCENARIOS / "callee.xml"), "-i", HOST,
         "-p", str(port), "-nostdin", "-mp", "8000", "-buff_size", "4000000"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir(),
    )  # fmt: skip
    try:
        time.sleep(0.3)
        register(server, range(FIRST_CALLEE, FIRST_CALLEE + PHONES), port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def register(server: Server, who: Sequence[int], contact_port: int, *, rate: float = 200) -> Outcome:
    """Register these numbers at one contact port."""
    rows = [(number, number, authentication(number), contact_port) for number in who]
    outcome = sipp(server, "register", rate=rate, calls=len(rows), rows=rows)
    if outcome.failed:
        raise RuntimeError(f"{outcome.failed} of {len(rows)} phones could not register with {server.name}")
    return outcome


def call_rows() -> list[tuple[object, ...]]:
    """Caller i calls callee i."""
    return [(FIRST_CALLEE + i, FIRST_CALLER + i, authentication(FIRST_CALLER + i)) for i in range(PHONES)]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0-1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def machine() -> str:
    """One line about where this was measured."""
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "?")  # fmt: skip
    return f"{os.cpu_count()} x {model}, Linux {os.uname().release}, Python {sys.version.split()[0]}"
