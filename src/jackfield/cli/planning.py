"""`bandwidth`: what calls take of a line, and how many fit into it."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from jackfield.cli.options import Json, described

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=described(bandwidth),
        epilog="Examples:\n\n"
        "  jackfield bandwidth --calls 20 --codec pcma --layer pppoe\n\n"
        "  jackfield bandwidth --line 2000 --security 80 --json",
    )(bandwidth)


def bandwidth(
    calls: Annotated[int, typer.Option("--calls", min=1, max=100_000, help="Calls at once")] = 1,
    codec: Annotated[str, typer.Option("--codec", help="Only this codec: pcma, gsm, opus, …")] = "",
    ptime: Annotated[int, typer.Option("--ptime", help="Milliseconds of voice in a packet")] = 20,
    security: Annotated[str, typer.Option("--security", help="off, 80 or 32 (bits of SRTP's tag), gcm")] = "off",
    layer: Annotated[str, typer.Option("--layer", help="Where it is counted: ip, ethernet, pppoe, vpn")] = "ip",
    ip: Annotated[int, typer.Option("--ip", help="Version of the Internet protocol, 4 or 6")] = 4,
    opus: Annotated[int, typer.Option("--opus", help="kbit/s of Opus")] = 32,
    line: Annotated[
        float, typer.Option("--line", min=0, max=10_000_000, help="kbit/s of the line: how many calls fit")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Reckon what calls take of a line each way, by codec, and how many fit into it."""
    from jackfield.cli.output import print_json, table
    from jackfield.network.bandwidth import BandwidthProblem, checked, plan

    try:
        found = plan(checked(layer, security, ip), calls, [codec] if codec else None, ptime, opus * 1000)
    except BandwidthProblem as problem:
        raise typer.BadParameter(str(problem)) from None
    if as_json:
        print_json([dataclasses.asdict(one) | _fits(one, line) for one in found])
        return
    columns = ["codec", "", "packet>", "each way>", f"{calls} at once>", *(["calls that fit>"] if line else [])]
    rows: list[list[Any]] = [
        [one.codec, one.label, f"{one.packet} bytes / {one.ptime} ms", f"{one.each:g} kbit/s", f"{one.kbits:g} kbit/s"]
        + [str(value) for value in _fits(one, line).values()]
        for one in found
    ]
    table("", columns, rows)


def _fits(one: Any, line: float) -> dict[str, int]:
    from jackfield.network.bandwidth import calls_within

    return {"fits": calls_within(line, one.each)} if line else {}
