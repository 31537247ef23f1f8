"""`status`, `calls`, `hangup`, `trace`: what a running system does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jackfield.cli.completion import call_ids
from jackfield.cli.options import DataDir, Json, described, settings, settings_in_force

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=described(status))(status)
    app.command(
        help=described(calls),
        epilog="Examples:\n\n"
        "  jackfield calls\n\n"
        "  jackfield calls --history --number 101 --since 2026-11-20 --limit 20\n\n"
        "  jackfield calls 50011f848e",
    )(calls)
    app.command(
        help=described(hangup),
        epilog="Example:  jackfield hangup 50011f848e   (the ids are those of “jackfield calls”)",
    )(hangup)
    app.command(
        help=described(trace),
        epilog="Examples:\n\n  jackfield trace 50011f848e\n\n  jackfield trace 50011f848e --pcap call.pcap",
    )(trace)


def status(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show phones, calls, trunks and processes of the running system. Ends with status 1 when nobody can call."""
    from jackfield.cli.output import ago, console, duration, print_json
    from jackfield.control import ControlError, ask_sync

    files = settings(data_dir).files
    processes = _or_none(files.supervisor_socket, "processes")
    try:
        switch = ask_sync(files.switch_socket, "status")
    except ControlError:
        if processes is None:
            raise
        switch = None
    if as_json:
        print_json({"processes": processes or [], **(switch or {})})
        raise typer.Exit(switch is None)
    out = console()
    if switch is None:
        out.print("[red]The switch is not running: nobody can call. Its log says why.[/red]\n")
    else:
        draining = ", [yellow]stopping: takes no new calls[/yellow]" if switch.get("draining") else ""
        out.print(f"Jackfield {switch.get('version', '')}, up for {duration(switch.get('uptime', 0))}{draining}\n")
        _show_phones(switch.get("registrations", []))
        _show_calls(switch.get("calls", []))
        _show_trunks(switch.get("trunks", []))
    _show_processes(processes or [], ago)
    raise typer.Exit(switch is None)


def calls(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Everything about this call: times, legs, quality and journal", autocompletion=call_ids
        ),
    ] = "",
    history: Annotated[bool, typer.Option("--history", help="Calls that are over, the newest first")] = False,
    number: Annotated[str, typer.Option(help="With --history: only calls with this number in them")] = "",
    since: Annotated[
        str, typer.Option(help="With --history: from this day or time on, 2026-11-20 or 2026-11-20T08:00")
    ] = "",
    until: Annotated[str, typer.Option(help="With --history: before this day or time")] = "",
    limit: Annotated[int, typer.Option(help="With --history: how many at most", min=1)] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the calls in progress, or with --history those that are over; with an ID, show all that is known of one.

    Times are the company's; in JSON they are UTC. The beginning of an ID is enough.
    """
    from jackfield.cli.output import print_json

    found = settings_in_force(data_dir)
    if not history and not id:
        if number or since or until:
            raise typer.BadParameter("--number, --since and --until belong to --history: add it")
        from jackfield.control import ask_sync

        active = ask_sync(found.files.switch_socket, "calls")
        return print_json(active) if as_json else _show_calls(active)
    from jackfield.cli import past
    from jackfield.console import api

    zone = past.zone_of(found)
    if id:
        one = api.call(found, id)
        if one is None:
            raise api.ConsoleError(f'there is no call "{id}": “jackfield calls --history” shows those that were')
        return print_json(one) if as_json else past.show_call(one, zone)
    rows = api.calls(found, number=number, since=_time(since, zone), until=_time(until, zone), limit=limit)
    return print_json(rows) if as_json else past.show_calls(rows, zone)


def hangup(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the call, as “jackfield calls” shows it", autocompletion=call_ids)
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """End a call in progress."""
    from jackfield.control import ask_sync

    ask_sync(settings(data_dir).files.switch_socket, "hangup", id=id)
    if as_json:
        from jackfield.cli.output import print_json

        return print_json({"ended": id})
    print(f"Call {id} is ended.")


def trace(
    call: Annotated[
        str, typer.Argument(metavar="CALL", help="Id of the call, active or just over", autocompletion=call_ids)
    ],
    pcap: Annotated[Path | None, typer.Option(help="Write the messages to this file, for Wireshark or sngrep")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the SIP messages of a call as a ladder, or save them as pcap.

    The switch keeps the last few thousand messages; of older calls the journal in “jackfield calls CALL” remains.
    """
    from jackfield.control import ask_sync

    socket = settings(data_dir).files.switch_socket
    if pcap is not None:
        import base64

        data = base64.b64decode(ask_sync(socket, "trace", call=call, format="pcap", timeout=30.0))
        pcap.write_bytes(data)
        if as_json:
            from jackfield.cli.output import print_json

            return print_json({"call": call, "pcap": str(pcap), "bytes": len(data)})
        return print(f"{pcap}: {len(data)} bytes")
    drawn = ask_sync(socket, "trace", call=call, format="ladder", timeout=30.0)
    if as_json:
        from jackfield.cli.output import print_json

        return print_json({"call": call, "ladder": drawn})
    print(drawn, end="" if drawn.endswith("\n") else "\n")


def _or_none(socket: Path, verb: str) -> Any:
    from jackfield.control import ControlError, ask_sync

    try:
        return ask_sync(socket, verb)
    except ControlError:
        return None


def _time(text: str, zone: tzinfo) -> datetime | None:
    from datetime import datetime

    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"“{text}” is no time: write 2026-11-20 or 2026-11-20T08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _show_phones(phones: list[dict[str, Any]]) -> None:
    from jackfield.cli.output import ago, table

    rows = []
    for phone in phones:
        latency = phone.get("latency_ms")
        rows.append(
            (
                phone.get("extension"),
                phone.get("line") or phone.get("sip_username"),
                phone.get("model") or phone.get("user_agent"),
                f"{phone.get('transport', '')} {phone.get('address', '')}",
                "yes" if phone.get("behind_nat") else "no",
                "" if latency is None else f"{latency:.0f} ms",
                ago(phone.get("since")),
                "" if phone.get("reachable", True) else "does not answer",
            )
        )
    columns = ("extension", "line", "phone", "address", "NAT", "latency>", "since>", "")
    table("Phones", columns, rows, empty="No phone is registered.")
    print()


def _show_calls(active: list[dict[str, Any]]) -> None:
    from jackfield.cli.output import duration, table

    def party(data: dict[str, Any]) -> str:
        return f"{data.get('number') or 'anonymous'} {data.get('name', '')}".strip()

    rows = [
        (
            call["id"],
            party(call.get("from", {})),
            party(call.get("to", {})),
            call.get("state", ""),
            duration(call.get("seconds", 0)),
            " - ".join(leg.get("codec") or "?" for leg in call.get("legs", [])),
        )
        for call in active
    ]
    table("Calls", ("id", "from", "to", "state", "for>", "codecs"), rows, empty="No call is in progress.")
    print()


def _show_trunks(trunks: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from jackfield.cli.output import ago, table

    good = {"registered", "up"}
    rows = [
        (
            trunk.get("name"),
            Text(trunk.get("state", ""), style="green" if trunk.get("state") in good else "red"),
            ", ".join(trunk.get("hosts", ())),
            trunk.get("calls", 0),
            ago(trunk.get("since")),
            trunk.get("text", ""),
        )
        for trunk in trunks
    ]
    if rows:
        table("Trunks", ("trunk", "state", "addresses", "calls>", "since>", ""), rows)
        print()


def _show_processes(processes: list[dict[str, Any]], ago: Any) -> None:
    from jackfield.cli.output import table

    rows = [
        (one["name"], one["state"], one["pid"] or "", ago(one["since"]), one["restarts"], f"{one['rss'] / 1e6:.0f} MB")
        for one in processes
    ]
    table("Processes", ("process", "state", "pid>", "since>", "restarts>", "memory>"), rows)
