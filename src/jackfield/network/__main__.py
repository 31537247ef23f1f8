"""The network process: `python -m jackfield.network`, started by `jackfield run`."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import sys

from jackfield import logs, settings
from jackfield.control import ControlError
from jackfield.network.service import Service
from jackfield.settings import Settings, SettingsError

log = logging.getLogger("jackfield.network")

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run until told to stop. Returns 0, 1 when it could not start, 2 for wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m jackfield.network", description=__doc__)
    settings.add_arguments(parser)
    parser.add_argument("--ready-fd", type=int, help="file descriptor to which a line is written when all is up")
    arguments = vars(parser.parse_args())
    ready = arguments.pop("ready_fd")
    try:
        configured = settings.load(**arguments)
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return 2
    logs.configure("network", format=configured.log_format, level=configured.log_level, folder=configured.files.logs)
    if "JACKFIELD_PROCESS" in os.environ:  # started by the supervisor: not to outlive it with the ports it needs
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        asyncio.run(run(configured, ready))
    except ControlError as problem:
        log.error("%s", problem)
        return 1
    return 0


async def run(configured: Settings, ready: int | None) -> None:
    """Work until SIGTERM or SIGINT. Raises `ControlError`."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    def up() -> None:
        if ready is not None:
            os.write(ready, b"ready\n")
            os.close(ready)

    await Service(configured).run(stopping, up)


if __name__ == "__main__":
    sys.exit(main())
