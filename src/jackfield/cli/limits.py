"""`limits` and `rates`: what outgoing calls have come to, counting anew, and the rate table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jackfield.cli.options import DataDir, Json, described, settings, settings_in_force

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=described(limits),
        epilog="Examples:\n\n  jackfield limits\n\n  jackfield limits 'Calls abroad' --clear\n\n"
        "  jackfield limits 'Per user' --clear --whose anna",
    )(limits)
    app.command(
        help=described(rates),
        epilog="Examples:\n\n  jackfield rates\n\n  jackfield rates --import prices.csv --currency EUR --dry-run\n\n"
        "  jackfield rates --number +442079460000",
    )(rates)


def limits(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Only this limit")] = "",
    clear: Annotated[bool, typer.Option("--clear", help="Let it count anew")] = False,
    whose: Annotated[str, typer.Option("--whose", help="With --clear: only the count of this one")] = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what is used of the limits on outgoing calls, or let one count anew."""
    from jackfield.cli.output import console, print_json, table
    from jackfield.control import ask_sync

    socket = settings(data_dir).files.switch_socket
    if clear:
        if not name:
            raise typer.BadParameter("which limit is to count anew? Give its name")
        more: dict[str, Any] = {"whose": whose} if whose else {}
        answer = ask_sync(socket, "clear_limit", name=name, by="the command line", **more)
        if as_json:
            print_json(answer)
        else:
            console().print(f"The limit {name} counts anew from now on.")
        return
    found = ask_sync(socket, "limits", name=name)
    if name and not found["rules"]:
        raise typer.BadParameter(f'there is no limit "{name}"')
    if as_json:
        print_json(found)
        return
    columns = ["limit", "whose", "calls this hour>", "now>", "minutes today>"]
    columns += [f"{found['currency']} this hour>", "today>", "this month>"] if found["prefixes"] else []
    rows: list[list[Any]] = []
    for rule in found["rules"]:
        title = rule["name"] + ("" if rule["enabled"] else " (off)")
        for one in rule["used"] or [None]:
            if one is None:
                rows.append([title, *[""] * (len(columns) - 1)])
                continue
            row = [title, one["whose"] or "all", one["calls"], one["at_once"], f"{one['seconds'] / 60:.1f}"]
            if found["prefixes"]:
                row += [f"{one[name]:.2f}" for name in ("money_hour", "money_day", "money_month")]
            rows.append(row)
    table("", columns, rows, empty="There are no limits: add them at Safety > Limits on calls.")


def rates(
    file: Annotated[Path | None, typer.Option("--import", help="Put this CSV in the place of the rate table")] = None,
    currency: Annotated[str, typer.Option("--currency", help="With --import: as it is shown, such as EUR")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --import: only say what would change")] = False,
    number: Annotated[str, typer.Option("--number", help="What a call to this number costs")] = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the rate table's size, import another, or say what a call costs."""
    from jackfield.cli.output import console, print_json
    from jackfield.console import rates as tables
    from jackfield.switch import snapshot
    from jackfield.switch.limits.rates import MILLION

    found = settings_in_force(data_dir)
    known = tables.current(found)
    out = console()
    if file is not None:
        trunks = frozenset(one.name for one in snapshot.read(found.files.snapshot).trunks)
        reading = tables.read_csv(file.read_bytes(), trunks)
        if reading.problems:
            more = f"\n… and {reading.more} more lines" if reading.more else ""
            raise typer.BadParameter("nothing was imported:\n" + "\n".join(reading.problems) + more)
        changed = tables.compare(known, reading.entries)
        if not dry_run:
            tables.store(found, reading.entries, (currency or known.currency).upper(), by="the command line")
        if as_json:
            print_json({"prefixes": len(reading.entries), "added": changed.added, "removed": changed.removed,
                        "dearer": changed.dearer, "cheaper": changed.cheaper})  # fmt: skip
            return
        said = "would have" if dry_run else "has"
        out.print(
            f"The table {said} {len(reading.entries)} beginnings of numbers: {changed.added} new, {changed.removed} "
            f"gone, {changed.dearer} dearer, {changed.cheaper} cheaper."
        )
        return
    if number:
        country = snapshot.read(found.files.snapshot).general.country
        full, rate = tables.price_of(known, number, country)
        if as_json:
            print_json({"number": full, "per_minute": rate.per_minute / MILLION if rate else None,
                        "per_call": rate.per_call / MILLION if rate else None})  # fmt: skip
        elif rate is None:
            out.print(f"{full} has no price: it counts as free. A row with * is for everything else.")
        else:
            out.print(
                f"{full}: {rate.name}, {rate.per_minute / MILLION:g} {known.currency} per minute, "
                f"{rate.per_call / MILLION:g} per call, counted in {rate.first} and then {rate.next} seconds"
            )
        return
    if as_json:
        print_json({"prefixes": len(known), "currency": known.currency, "imported": known.made})
    elif len(known):
        out.print(f"The rate table has {len(known)} beginnings of numbers, in {known.currency or 'no currency'}.")
    else:
        out.print("There is no rate table yet: import one with --import FILE.")
