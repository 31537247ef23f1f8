"""SIPp as the load: one scenario to its end, never longer than its time limit; and phones that answer."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import servers
from rig import HOST, LOAD_CORE, Server

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Outcome:
    """What SIPp saw. A call that was not over at the time limit counts as failed."""

    successful: int
    failed: int
    seconds: float


def run(
    server: Server,
    scenario: str,
    *,
    rate: float,
    calls: int,
    at_once: int,
    rows: Sequence[Sequence[object]] = (),
    pause_ms: int = 0,
    limit: float = 60.0,
    port: int = 0,
) -> Outcome:
    """Run one scenario: `rate` per second, `at_once` at most, given up after `limit` seconds.

    `rows` are the fields of the scenario's CSV, used in turn. `port`: to call from; 0: a free one.
    """
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        folder = Path(name)
        command = [*_sipp(server, scenario), "-p", str(port or servers.free_port()), "-r", str(rate), "-m", str(calls),
                   "-l", str(at_once), "-trace_stat", "-fd", "1", "-stf", str(folder / "stat.csv"),
                   "-timeout", f"{limit:.0f}s", "-recv_timeout", "10000", "-timer_resol", "1",
                   "-trace_err", "-error_file", str(folder / "errors")]  # fmt: skip
        if scenario == "caller":
            command += ["-d", str(pause_ms)]
        if rows:
            (folder / "rows.csv").write_text("SEQUENTIAL\n" + "".join(";".join(map(str, row)) + "\n" for row in rows))
            command += ["-inf", str(folder / "rows.csv")]
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(limit + 5)  # its own limit lets calls in progress end
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        seconds = time.monotonic() - began
        with suppress(OSError, IndexError), (folder / "stat.csv").open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
            successful = int(last["SuccessfulCall(C)"])
            if successful < calls:
                _show_errors(folder / "errors")
            return Outcome(successful, calls - successful, seconds)
        return Outcome(0, calls, seconds)


def _show_errors(path: Path) -> None:
    with suppress(OSError), path.open(errors="replace") as file:
        print("  " + file.read(1500).replace("\n", "\n  "), file=sys.stderr)


@contextmanager
def answering(server: Server) -> Iterator[int]:
    """The rig's phones that answer, all on one port and registered; the port."""
    port = servers.free_port()
    process = subprocess.Popen(
        [*_sipp(server, "callee"), "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir(),
    )  # fmt: skip
    try:
        time.sleep(0.3)
        register(server, servers.callees(), port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def register(server: Server, who: Sequence[int], contact_port: int, *, rate: float = 400, limit: float = 30) -> None:
    """Register these numbers at one contact port. Raises RuntimeError when one can't."""
    outcome = run(
        server, "register", rate=rate, calls=len(who), at_once=50, rows=register_rows(who, contact_port), limit=limit
    )
    if outcome.failed:
        raise RuntimeError(f"{outcome.failed} of {len(who)} phones could not register with {server.name}")


def register_rows(who: Sequence[int], contact_port: int) -> list[tuple[object, ...]]:
    """For `register.xml`."""
    return [(number, number, _authentication(number), contact_port) for number in who]


def call_rows() -> list[tuple[object, ...]]:
    """For `caller.xml`: caller i calls callee i."""
    pairs = zip(servers.callers(), servers.callees(), strict=True)
    return [(callee, caller, _authentication(caller)) for caller, callee in pairs]


def _authentication(number: int) -> str:
    """The field that makes SIPp answer challenges."""
    return f"[authentication username={number} password={servers.PASSWORD}]"


def _sipp(server: Server, scenario: str) -> list[str]:
    return ["taskset", "-c", str(LOAD_CORE), "sipp", f"{server.host}:{server.port}", "-sf",
            str(SCENARIOS / f"{scenario}.xml"), "-i", HOST, "-nostdin", "-buff_size", "4000000"]  # fmt: skip
