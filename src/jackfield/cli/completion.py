"""What the shell offers when somebody presses the tab key: words, extensions, calls, as the installation has them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from jackfield.switch.snapshot import Snapshot

__all__ = ["call_ids", "callers", "extensions", "numbers", "words"]

Found = tuple[str, str]
"""What is offered, and a word on what it is."""


def words(*known: str) -> Callable[[str], list[str]]:
    """Offer these words; where commas are in what is typed, for its last part."""

    def offer(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [before + comma + word for word in known if word.startswith(last)]

    return offer


def extensions(ctx: typer.Context, incomplete: str) -> list[Found]:
    """Offer the extensions of the installation."""
    return [found for found in _extensions(ctx) if found[0].startswith(incomplete)]


def numbers(ctx: typer.Context, incomplete: str) -> list[Found]:
    """Offer what can be dialled inside: extensions, ring groups, services, speed dials."""
    return [
        found for found in _extensions(ctx, "ring_groups", "services", "speed_dials") if found[0].startswith(incomplete)
    ]


def callers(ctx: typer.Context, incomplete: str) -> list[Found]:
    """Offer who may call: extensions, trunks, and strangers."""
    known = [*_extensions(ctx), *_trunks(ctx), ("anonymous", "a stranger")]
    return [found for found in known if found[0].startswith(incomplete)]


def call_ids(ctx: typer.Context, incomplete: str) -> list[Found]:
    """Offer the calls in progress."""
    from jackfield.cli.options import settings
    from jackfield.control import ask_sync

    found: list[Found] = []
    with contextlib.suppress(Exception):
        for call in ask_sync(settings(ctx.params.get("data_dir")).files.switch_socket, "calls", timeout=1.0):
            found.append((call["id"], f"{call['from'].get('number') or 'anonymous'} to {call['to'].get('number', '')}"))
    return [one for one in found if one[0].startswith(incomplete)]


def _extensions(ctx: typer.Context, *more: str) -> Iterator[Found]:
    with contextlib.suppress(Exception):  # whatever is wrong, the shell is no place to tell it
        snapshot = _snapshot(ctx)
        for section in ("extensions", *more):
            for one in getattr(snapshot, section):
                yield one.number, one.name or getattr(one, "kind", "")


def _trunks(ctx: typer.Context) -> Iterator[Found]:
    with contextlib.suppress(Exception):
        for name in _snapshot(ctx).trunks_by_name:
            yield f"trunk:{name}", "trunk"


def _snapshot(ctx: typer.Context) -> Snapshot:
    from jackfield.cli.options import settings
    from jackfield.switch import snapshot

    return snapshot.read(settings(ctx.params.get("data_dir")).files.snapshot)
