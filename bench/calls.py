"""What a call and a registration cost: CPU per call and per REGISTER at saturation and at fixed rates, time to ringing.

    python bench/calls.py [--runs 3] [--asterisk FOLDER] [--quick]

The server has one core to itself, the load the other. With --asterisk the same cases run against Asterisk in the same
session (bench/peer/asterisk.sh makes the folder).
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig


def measure(server: rig.Server, runs: int, scale: float) -> dict[str, rig.Figures]:
    """All cases against one server."""
    table = {
        "REGISTER, CPU at saturation": rig.Figures("ms"),
        "REGISTER, per second": rig.Figures("/s"),
        "call, CPU at saturation": rig.Figures("ms"),
        "call, per second": rig.Figures("/s"),
        "call, CPU at 20/s": rig.Figures("ms"),
        "ringing after INVITE at 20/s, median": rig.Figures("ms"),
        "ringing after INVITE at 20/s, p99": rig.Figures("ms"),
        "OPTIONS, CPU at saturation": rig.Figures("ms"),
        "failed": rig.Figures(""),
    }
    rows = [(n, n, rig.authentication(n), 5099) for n in rig.callers()]
    with rig.callees(server):
        for _ in range(runs):
            failed = 0
            for case, scenario, rate, count, at_once in (
                ("REGISTER", "register", 20000, int(8000 * scale), 40),
                ("OPTIONS", "options", 20000, int(8000 * scale), 40),
                ("call", "caller", 5000, int(3000 * scale), 30),
            ):
                injected = rows if scenario == "register" else rig.call_rows() if scenario == "caller" else ()
                before, began = server.cpu(), time.monotonic()
                outcome = rig.sipp(server, scenario, rate=rate, calls=count, at_once=at_once, rows=injected)
                cpu = server.cpu() - before
                failed += outcome.failed
                table[f"{case}, CPU at saturation"].values.append(cpu / max(outcome.successful, 1) * 1000)
                if f"{case}, per second" in table:
                    table[f"{case}, per second"].values.append(outcome.successful / (time.monotonic() - began))
                time.sleep(1.0)
            before = server.cpu()
            outcome = rig.sipp(
                server, "caller", rate=20, calls=int(300 * scale), rows=rig.call_rows(), pause_ms=1000, trace="ringing"
            )
            table["call, CPU at 20/s"].values.append((server.cpu() - before) / max(outcome.successful, 1) * 1000)
            failed += outcome.failed
            table["ringing after INVITE at 20/s, median"].values.append(rig.percentile(outcome.response_times, 0.5))
            table["ringing after INVITE at 20/s, p99"].values.append(rig.percentile(outcome.response_times, 0.99))
            table["failed"].values.append(failed)
    return table


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--asterisk", type=Path)
    parser.add_argument("--quick", action="store_true", help="a fifth of the load")
    parser.add_argument("--only-peer", action="store_true")
    arguments = parser.parse_args()
    servers: list[AbstractContextManager[rig.Server]] = [] if arguments.only_peer else [rig.jackfield()]
    if arguments.asterisk:
        servers.append(rig.asterisk(arguments.asterisk))
    results = {}
    for starting in servers:
        with starting as server:
            results[server.name] = measure(server, arguments.runs, 0.2 if arguments.quick else 1.0)
    print(rig.machine())
    names = list(results)
    print(f"| case | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for case in next(iter(results.values())):
        print(f"| {case} | {' | '.join(str(results[name][case]) for name in names)} |")


if __name__ == "__main__":
    main()
