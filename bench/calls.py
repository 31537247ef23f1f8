"""What calls and registrations cost: CPU at saturation and at fixed rates, and how soon a phone rings.

    python bench/calls.py [--runs 3] [--asterisk FOLDER] [--quick]

The server has one core to itself, the load the other. At saturation SIPp offers more than the server can take; at fixed
rates the phones of `phones.py` call, whose clock shows microseconds. With --asterisk the same cases run against
Asterisk in turn.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig
import servers
import sipp
from phones import Phones

SATURATION = (
    # case, scenario, calls, at once
    ("REGISTER (two round trips)", "register", 8000, 40),
    ("OPTIONS", "options", 8000, 40),
    ("call", "caller", 3000, 30),
)


def measure(server: rig.Server, table: rig.Table, scale: float, rates: list[int], seconds: float) -> None:
    """All cases once."""
    name = server.name
    failed = saturate(server, table, scale)
    phones = Phones(server)
    try:
        phones.register(servers.callees())
        phones.run(5, rate=20, hold=0.1)
        time.sleep(0 if scale < 1 else 35.0)  # until SIP has let go of the calls before (RFC 3261 timers H, J, L: 32 s)
        for rate in rates:
            time.sleep(2.0)  # what the calls before left to do
            with server.metered() as cost:
                calls = phones.run(int(rate * seconds), rate=rate, hold=1.0)
            table.add(f"call at {rate}/s: CPU", name, cost.per(len(calls)), "ms")
            rung = [call.ringing_ms for call in calls if call.ringing_ms >= 0]
            table.add(f"call at {rate}/s: ringing after INVITE, median", name, rig.percentile(rung, 0.5), "ms")
            table.add(f"call at {rate}/s: ringing after INVITE, p99", name, rig.percentile(rung, 0.99), "ms")
            failed += sum(call.state != "ended" for call in calls)
    finally:
        phones.close()
    table.add("failed", name, failed)


def saturate(server: rig.Server, table: rig.Table, scale: float) -> int:
    """As much as the server takes; how many failed."""
    failed = 0
    with sipp.answering(server):
        for case, scenario, count, at_once in SATURATION:
            rows = {
                "register": sipp.register_rows(servers.callers(), 5099), "caller": sipp.call_rows(), "options": []
            }[scenario]  # fmt: skip
            with server.metered() as cost:
                outcome = sipp.run(
                    server, scenario, rate=20_000, calls=int(count * scale), at_once=at_once, rows=rows,
                    limit=8 + 30 * scale,
                )  # fmt: skip
                time.sleep(0.5)  # the end of the last call, and what is written behind it
            failed += outcome.failed
            table.add(f"{case} at saturation: CPU", server.name, cost.per(outcome.successful), "ms")
            table.add(f"{case} at saturation: rate", server.name, outcome.successful / outcome.seconds, "/s")
    return failed


def main() -> None:
    """Run and print a table."""
    parser = rig.arguments(__doc__ or "")
    parser.add_argument("--rate", type=int, action="append", help="fixed rates, calls per second (default 20 and 100)")
    options = parser.parse_args()
    scale, runs, seconds = (0.2, 1, 3.0) if options.quick else (1.0, options.runs, 20.0)
    rates = options.rate or ([20] if options.quick else [20, 100])
    table, foreign = rig.Table(), []
    for _ in range(runs):
        for start in servers.chosen(options):
            with start() as server:
                measure(server, table, scale, rates, seconds)
                foreign += server.foreign
    rig.report("Calls and registrations", table, foreign, options)


if __name__ == "__main__":
    main()
