"""What the media part of a call costs to set up: `python bench/media_setup.py [--calls 3000] [--rounds 3]`.

One call is open(count=2), configure twice, bridge, close twice, and the events that come back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

import uvloop

from jackfield.media.client import MediaPool
from media_load import LOAD_CORE, cpu_ns, memory_kb, remote, spread, worker


async def one_call(pool: MediaPool) -> None:
    """Set a call's media up and down."""
    one, two = await pool.worker().open(address="127.0.0.1", count=2)
    for stream in (one, two):
        stream.on_event = lambda event: None
        stream.configure(remote("pcmu", 9000))
    one.bridge(two)
    await asyncio.sleep(0)
    one.close()
    two.close()


async def measure(calls: int, at_once: int, lane: str) -> tuple[float, float, float]:
    """CPU in µs per call on the switch's side and in the worker; growth of the worker in kB over the second half."""
    os.sched_setaffinity(0, {LOAD_CORE})
    async with worker(lane, "--port-quarantine", "0") as (pool, pid):

        async def caller(times: int) -> None:
            for _ in range(times):
                await one_call(pool)

        async def all_calls(times: int) -> None:
            await asyncio.gather(*(caller(times // at_once) for _ in range(at_once)))

        await all_calls(calls)  # the range of ports has been gone through once
        before, mine, size = cpu_ns(pid), time.process_time(), memory_kb(pid)
        await all_calls(calls)
        used_here = (time.process_time() - mine) / calls * 1e6
        used_there = (cpu_ns(pid) - before) / calls / 1e3
        return used_here, used_there, memory_kb(pid) - size


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| case | switch µs per call | worker µs per call | worker's growth kB |\n|---|---|---|---|")
    for lane in ("fast", "python"):
        for at_once in (1, 20):
            runs = [uvloop.run(measure(options.calls, at_once, lane)) for _ in range(options.rounds)]
            here, there, growth = zip(*runs, strict=True)
            print(
                f"| {lane} lane, {at_once} at once | {spread(list(here), 0)} | {spread(list(there), 0)} "
                f"| {spread(list(growth), 0)} |"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
