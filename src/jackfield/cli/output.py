"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ago", "console", "duration", "print_json", "table"]


def console(*, stderr: bool = False) -> Console:
    """Return rich's console. Without a terminal it writes plain text, as wide as it needs."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=240)


def print_json(data: Any) -> None:
    """Print data as indented JSON. Dataclasses and times are understood."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2).decode() + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """Print a table; `empty` instead when it has no rows. A column whose name ends in ">" is set to the right."""
    from rich.table import Table
    from rich.text import Text

    lines = [
        [cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row] for row in rows
    ]
    out = console()
    if not lines:
        if empty:
            out.print(Text(empty, style="dim"))
        return
    made = Table(
        title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        made.add_column(
            column.removesuffix(">"),
            justify="right" if column.endswith(">") else "left",
            header_style="dim",
            overflow="fold",
        )
    for line in lines:
        made.add_row(*line)
    out.print(made)


def duration(seconds: float) -> str:
    """Say a length of time as people read it: "8 s", "3:05 min", "2:10 h", "5 days"."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    if whole < 86400:
        return f"{whole // 3600}:{whole // 60 % 60:02d} h"
    return f"{whole // 86400} day{'s' if whole >= 2 * 86400 else ''}"


def ago(at: float | None, now: float | None = None) -> str:
    """Say how long ago a time (seconds since 1970) was; "" for none."""
    return duration((time.time() if now is None else now) - at) if at else ""
