"""Run one media process: `python -m jackfield.media --socket PATH --rtp-ports 10000-10999 --host 0.0.0.0,::`.

It says nothing when all is well, and ends on SIGTERM, or when the process that started it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import random
import resource
import signal
import sys
from pathlib import Path

from jackfield import logs
from jackfield.media import fastlane
from jackfield.media.lane import LONGEST_PAUSE_NS, PythonRoad
from jackfield.media.ports import EXPEDITED_FORWARDING, QUARANTINE_SECONDS, Ports
from jackfield.media.worker import Worker, wake_on_signals
from jackfield.rtp import codecs
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA

log = logging.getLogger("jackfield.media")

PRIORITY = -10  # nice; a packet that waits 20 ms for another program is a packet lost


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m jackfield.media", description="A Jackfield media process.")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket that the switch connects to")
    parser.add_argument("--rtp-ports", default="10000-20000", help="range of UDP ports (default %(default)s)")
    parser.add_argument(
        "--host",
        default="0.0.0.0,::",
        help="addresses to bind for streams on addresses that this machine does not have, separated by commas",
    )
    parser.add_argument(
        "--dscp", type=int, default=EXPEDITED_FORWARDING, help="mark of our packets, 0-63 (default %(default)s: EF)"
    )
    parser.add_argument(
        "--port-quarantine", type=float, default=QUARANTINE_SECONDS, help="seconds before a closed port is used again"
    )
    parser.add_argument(
        "--lane",
        choices=("auto", "fast", "python"),
        default="auto",
        help="packet path: the compiled one if it can be had, only that, or Python (default %(default)s)",
    )
    parser.add_argument(
        "--gather-us",
        type=int,
        default=LONGEST_PAUSE_NS // 1000,
        help="microseconds that packets wait for each other when many are under way; 0: not at all",
    )
    parser.add_argument("--alone", action="store_true", help="go on when the process that started this one ends")
    parser.add_argument("--ready-fd", type=int, help="file descriptor to which a line is written when all is up")
    return parser


def ports_of(text: str) -> tuple[int, int]:
    """Read "10000-20000". Raises ValueError."""
    first, dash, last = text.partition("-")
    if not dash or not first.strip().isdigit() or not last.strip().isdigit():
        raise ValueError(f"{text!r} is no range of ports like 10000-20000")
    return int(first), int(last)


def road_for(choice: str) -> tuple[PythonRoad | fastlane.FastRoad, str]:
    """The packet path, and what the status says of it. Raises NoFastLane when it must be the fast one."""
    if choice != "python":
        try:
            library = fastlane.build(fastlane.folder())
            return fastlane.FastRoad(library, PCMU_TO_PCMA, PCMA_TO_PCMU), "fast lane"
        except fastlane.NoFastLane as error:
            if choice == "fast":
                raise
            log.warning("media runs without the fast lane: %s", error)
            return PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU), f"python: {error}"
    return PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU), "python: chosen by --lane"


def main(argv: list[str] | None = None) -> int:
    """Serve; returns the exit status."""
    options = arguments().parse_args(argv)
    logs.configure_child("media")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two sockets for each stream
    with contextlib.suppress(PermissionError):  # root, or CAP_SYS_NICE from the service's unit
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    try:
        road, path = road_for(options.lane)
        road.longest_pause_ns = max(0, options.gather_us) * 1000
        worker = Worker(
            road,
            Ports(
                *ports_of(options.rtp_ports),
                clock=road.now,
                random=random.SystemRandom(),
                hosts=[host.strip() for host in options.host.split(",") if host.strip()],
                dscp=options.dscp,
                quarantine=options.port_quarantine,
            ),
            random=random.SystemRandom(),
            path=path,
        )
        worker.listen(options.socket)
    except (ValueError, fastlane.NoFastLane) as error:
        log.error("the media process cannot start: %s", error)
        return 2
    except OSError as error:
        log.error("the media process cannot listen on %s: %s", options.socket, error.strerror)
        return 2
    for missing in codecs.missing_libraries():
        log.warning("%s", missing)
    if options.ready_fd is not None:
        os.write(options.ready_fd, b"ready\n")
        os.close(options.ready_fd)
    undo = wake_on_signals(worker.road)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        worker.run(exit_with_parent=not options.alone)
    finally:
        undo()
    return 0


if __name__ == "__main__":
    sys.exit(main())
