"""What a server's memory grows by: held calls, registrations, 50,000 calls one after the other, and saturation.

    python bench/memory.py [--asterisk FOLDER] [--quick] [--only calls|registrations|growth|saturation]

Memory is the proportional set size (PSS) of all processes; for growth without files, whose share depends on what else
runs on the machine. "At rest" is 35 s later, when SIP has let go of what it must
remember of answered requests (RFC 3261 timers H, J, L: 32 s).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig
import servers
import sipp
from phones import Phones

REST = 35.0
CASES = ("calls", "registrations", "growth", "saturation")
FIRST_MORE = 10_000


def held_calls(server: rig.Server, table: rig.Table, count: int, rest: float) -> None:
    """Calls that stay up, without audio."""
    phones = Phones(server)
    try:
        phones.register(servers.callees())
        phones.run(200, rate=50, hold=0.1)  # what is made once is made now
        phones.wait(rest)
        idle = server.memory()
        calls = [call for call in phones.run(count, rate=50, hold=None) if call.state == "up"]
        table.add("idle, after 200 calls", server.name, idle / 1024, "MB")
        phones.wait(2.0)
        case = f"{count} held calls: each beyond idle"
        table.add(f"{case}, at once", server.name, (server.memory() - idle) / len(calls), "kB")
        phones.wait(rest)
        table.add(f"{case}, at rest", server.name, (server.memory() - idle) / len(calls), "kB")
        phones.hang_up(calls)
        phones.wait(rest)
        table.add(f"{count} held calls, when they are over", server.name, (server.memory() - idle) / 1024, "MB more")
        table.add(f"{count} held calls: failed", server.name, count - len(calls))
    finally:
        phones.close()


def registrations(server: rig.Server, table: rig.Table, count: int, rest: float) -> None:
    """Phones of `count` extensions, one each."""
    phones = Phones(server)
    try:
        phones.register(servers.callees())
        phones.wait(rest)
        idle = server.memory()
        table.add(f"idle with {count:,} extensions more", server.name, idle / 1024, "MB")
        with server.metered() as cost:
            phones.register(range(FIRST_MORE, FIRST_MORE + count), at_once=40)
        case = f"{count:,} registrations"
        table.add(f"{case}: CPU each", server.name, cost.per(count), "ms")
        table.add(f"{case}: memory each, at once", server.name, (server.memory() - idle) / count, "kB")
        phones.wait(rest)
        table.add(f"{case}: memory each, at rest", server.name, (server.memory() - idle) / count, "kB")
    finally:
        phones.close()


def growth(server: rig.Server, table: rig.Table, count: int, rest: float, rate: int) -> None:
    """Calls one after the other, ten times `count`; memory after the first tenth, and after the last.

    At a fixed rate: what SIP must remember for 32 s is then the same from the first tenth on. From one port, as phones
    call: the addresses that are remembered because they come again are then the same, too.
    """
    port = servers.free_port()
    failed = 0
    at_rest, peak = [], 0.0
    with sipp.answering(server):
        for part in range(10):
            outcome = sipp.run(
                server, "caller", rate=rate, calls=count, at_once=60, rows=sipp.call_rows(),
                limit=60 + 3 * count / rate, port=port,
            )  # fmt: skip
            failed += outcome.failed
            memory = server.memory(own=True)
            peak = max(peak, memory)
            print(f"  {server.name}: {(part + 1) * count} calls, {memory / 1024:.1f} MB", file=sys.stderr)
            if part in (0, 9):
                time.sleep(rest)
                at_rest.append(server.memory(own=True))
    first, last = at_rest
    case = f"{count * 10:,} calls at {rate}/s, memory without files"
    table.add(f"{case}: after {count:,}", server.name, first / 1024, "MB")
    table.add(f"{case}: after the last", server.name, last / 1024, "MB")
    table.add(f"{case}: growth", server.name, (last - first) / 1024, "MB")
    table.add(f"{case}: highest", server.name, peak / 1024, "MB")
    table.add(f"{case}: failed", server.name, failed)


def saturated(server: rig.Server, table: rig.Table, count: int, rest: float) -> None:
    """Calls as fast as they go, for longer than SIP remembers them."""
    with sipp.answering(server):
        outcome = sipp.run(
            server, "caller", rate=5000, calls=count, at_once=30, rows=sipp.call_rows(), limit=60 + count / 50
        )
        case = f"{count:,} calls at saturation"
        table.add(f"{case}: at the end", server.name, server.memory() / 1024, "MB")
        time.sleep(rest)
        table.add(f"{case}: at rest", server.name, server.memory() / 1024, "MB")
        table.add(f"{case}: failed", server.name, outcome.failed)


def main() -> None:
    """Run and print a table."""
    parser = rig.arguments(__doc__ or "", runs=1)
    parser.add_argument("--only", action="append", choices=CASES, help="leave the other cases out")
    parser.add_argument("--calls", type=int, default=1000, help="calls held at once (default %(default)s)")
    parser.add_argument("--registrations", type=int, default=20_000, help="(default %(default)s)")
    parser.add_argument("--growth", type=int, default=50_000, help="calls one after the other (default %(default)s)")
    parser.add_argument("--rate", type=int, default=120, help="of those calls, per second (default %(default)s)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {rig.LOAD_CORE})
    scale, rest = (0.05, 1.0) if options.quick else (1.0, REST)
    more = range(FIRST_MORE, FIRST_MORE + int(options.registrations * scale))
    works: dict[str, Callable[[rig.Server, rig.Table], None]] = {
        "calls": partial(held_calls, count=int(options.calls * scale), rest=rest),
        "registrations": partial(registrations, count=len(more), rest=rest),
        "growth": partial(growth, count=int(options.growth * scale / 10), rest=rest, rate=options.rate),
        "saturation": partial(saturated, count=int(25_000 * scale), rest=rest),
    }
    table, foreign = rig.Table(), []
    for _ in range(1 if options.quick else options.runs):
        for case in options.only or CASES:
            for start in servers.chosen(options, more=more if case == "registrations" else ()):
                with start() as server:
                    works[case](server, table)
                    foreign += server.foreign
    rig.report("Memory", table, foreign, options)


if __name__ == "__main__":
    main()
