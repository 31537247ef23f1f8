"""The command line `jackfield`. Each command imports what it needs when it runs, so that `--help` is instant."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command that the arguments name. Exit status: 0 done, 1 failed, 2 wrong usage or settings."""
    from jackfield.cli.app import app, explained

    with explained():
        app(prog_name="jackfield")
    sys.exit(0)
