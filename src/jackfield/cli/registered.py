"""`phones` and `prove`: the phones that are registered, and whether they hear and are heard."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from jackfield.cli.completion import extensions
from jackfield.cli.options import DataDir, Json, described, settings

__all__ = ["register"]

PATIENCE = 60.0
"""Seconds for the phone to ring, and for the test."""
EVERY = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=described(phones), epilog="Examples:\n\n  jackfield phones\n\n  jackfield phones 103 --json")(
        phones
    )
    app.command(help=described(prove), epilog="Example:  jackfield prove 103")(prove)


def phones(
    extension: Annotated[str, typer.Argument(help="Only those of this extension", autocompletion=extensions)] = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the phones that are registered: where they are, whether audio passes, and what to do where it does not."""
    from jackfield.cli.output import print_json
    from jackfield.control import ask_sync

    rows = ask_sync(settings(data_dir).files.switch_socket, "registrations")
    rows = [row for row in rows if extension in ("", row["extension"])]
    return print_json(rows) if as_json else _show(rows)


def prove(
    extension: Annotated[str, typer.Argument(help="Whose phone", autocompletion=extensions)],
    address: Annotated[
        str, typer.Option(help="Which phone, where there are several: as “jackfield phones” shows it")
    ] = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Ring a phone and find out whether it hears and is heard. Pick it up, and press 1 when you hear the voice.

    Ends with status 1 when it does not hear, or is not heard.
    """
    from jackfield.cli.output import print_json
    from jackfield.control import ask_sync

    socket = settings(data_dir).files.switch_socket
    call = ask_sync(socket, "prove", extension=extension, address=address, by="the administrator (command line)")
    if not as_json:
        print(f"The phone at {call['phone']} rings: pick it up, and press 1 when you hear the voice.")
    until = time.monotonic() + PATIENCE
    while any(one["id"] == call["id"] for one in ask_sync(socket, "calls")) and time.monotonic() < until:
        time.sleep(EVERY)
    rows = ask_sync(socket, "registrations")
    row = next((row for row in rows if row["address"] == call["phone"] and row["extension"] == extension), None)
    verdict = row["verdict"] if row is not None else None
    if as_json:
        print_json(row)
    elif row is None:
        print("The phone is not registered any more.")
    elif verdict is None or verdict["how"] != "test":
        print(f"Nobody picked up. {row['says']}")
    else:
        print(row["says"])
    raise typer.Exit(verdict is None or not verdict["good"])


def _show(rows: list[dict[str, Any]]) -> None:
    from jackfield.cli.output import table

    shown = [
        (
            row["extension"],
            row["line"] or row["sip_username"],
            row["model"] or row["user_agent"],
            f"{row['transport']} {row['address']}",
            _kind(row),
            f"{row['keep_alive']} s" if row["keep_alive"] else "",
            row["says"] if row["reachable"] else f"does not answer; {row['says']}",
        )
        for row in rows
    ]
    columns = ("extension", "line", "phone", "address", "NAT", "kept open>", "audio")
    table("Phones", columns, shown, empty="No phone is registered.")


def _kind(row: dict[str, Any]) -> str:
    found = (row["verdict"] or {}).get("kind") or ("yes" if row["behind_nat"] else "no")
    return f"{found}, SIP ALG" if row["sip_alg"] else found
