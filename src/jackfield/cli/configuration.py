"""`apply`, `export`, `route`, `check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jackfield.cli.completion import callers, numbers
from jackfield.cli.options import Config, DataDir, Json, described, settings, settings_in_force

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jackfield.check import Finding
    from jackfield.switch.forecast import Forecast
    from jackfield.switch.route import Origin, Plan
    from jackfield.switch.snapshot import Snapshot

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=described(apply),
        epilog="Examples:\n\n"
        "  jackfield apply office.yaml --dry-run\n\n"
        "  jackfield export --secrets > office.yaml; $EDITOR office.yaml; jackfield apply office.yaml --prune\n\n"
        "  generate | jackfield apply -",
    )(apply)
    app.command(help=described(export), epilog="Example:  jackfield export --secrets > office.yaml")(export)
    app.command(
        help=described(route),
        epilog="Examples:\n\n"
        "  jackfield route 101 102\n\n"
        "  jackfield route 101 9555123456 --at 2026-12-24T18:30\n\n"
        "  jackfield route trunk:provider 5550101 --caller 555987654",
    )(route)
    app.command(help=described(check))(check)


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file, - for standard input")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the file does not name, in the sections it has")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, print the difference")] = False,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make the configuration be what a YAML file says: all of it, or nothing when something in it is wrong.

    The same file twice changes nothing the second time. A running system takes the change at once; calls in progress
    go on as they began.
    """
    found = settings_in_force(data_dir, config)
    text = _text(file)

    from jackfield.cli.output import print_json
    from jackfield.console import api

    try:
        difference = api.apply(found, text, prune=prune, dry_run=dry_run)
    except api.DocumentError as error:
        if not as_json:
            raise
        print_json({"problems": [problem.to_dict() for problem in error.problems]})
        raise typer.Exit(1) from None
    if as_json:
        print_json(difference.to_dict())
    else:
        print(difference.text)


def _text(file: Path) -> str:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        return data.decode("utf-8-sig")  # some editors of Windows begin a file with a mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OSError(f"{file}, line {line}: not UTF-8 text: save the file in that encoding") from None


def export(
    secrets: Annotated[bool, typer.Option("--secrets", help="With the passwords of phones and trunks")] = False,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print the whole configuration as the YAML that `apply` reads."""
    from jackfield.console import api

    text = api.export(settings_in_force(data_dir, config), secrets=secrets)
    if as_json:
        import yaml

        from jackfield.cli.output import print_json

        print_json(yaml.safe_load(text))
    else:
        sys.stdout.write(text)


def route(
    caller: Annotated[
        str, typer.Argument(metavar="FROM", help="Extension, trunk:NAME, or anonymous", autocompletion=callers)
    ],
    dialed: Annotated[str, typer.Argument(metavar="TO", help="Number as it would be dialled", autocompletion=numbers)],
    at: Annotated[str, typer.Option(help="When, in the company's time: 2026-12-24T18:30 or 18:30. Default: now")] = "",
    calling: Annotated[str, typer.Option("--caller", help="For trunks: number of the one who calls")] = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say what would happen if FROM dialled TO, and why. Places no call, and needs no running system.

    Schedules are followed to the number that they lead to at that time.
    """
    from jackfield.cli.output import print_json
    from jackfield.switch.forecast import forecast
    from jackfield.switch.route import FromExtension, RouteRequest

    snapshot = _snapshot(data_dir)
    origin = _origin(caller, snapshot)
    number = origin.number if isinstance(origin, FromExtension) else ""
    site = next((one.site for one in snapshot.extensions if one.number == number), "")  # where it was set by hand
    request = RouteRequest(dialed=dialed, origin=origin, calling_number=calling, site=site)
    found = forecast(snapshot, request, _moment(at, snapshot))
    if as_json:
        print_json(_forecast_data(found))
    else:
        _show_plan(found.plan)
    if found.plan.entry is None:
        raise typer.Exit(1)


def _snapshot(data_dir: Path | None) -> Snapshot:
    from jackfield.switch import snapshot

    path = settings(data_dir).files.snapshot
    try:
        return snapshot.read(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path.parent} has no configuration yet: “jackfield init” makes one") from None


def _origin(caller: str, snapshot: Snapshot) -> Origin:
    from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk

    if caller.startswith("trunk:"):
        name = caller.removeprefix("trunk:")
        if name not in snapshot.trunks_by_name:
            known = ", ".join(snapshot.trunks_by_name) or "there is none"
            raise typer.BadParameter(f"there is no trunk “{name}”; known: {known}")
        return FromTrunk(name)
    if caller == "anonymous":
        return FromAnonymous()
    if caller not in {extension.number for extension in snapshot.extensions}:
        raise typer.BadParameter(f"there is no extension {caller}; from outside write trunk:NAME or anonymous")
    return FromExtension(caller)


def _moment(text: str, snapshot: Snapshot) -> datetime:
    """Read a time of day or a date with time, in the company's time zone unless it names another."""
    import datetime
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(snapshot.general.time_zone)
    now = datetime.datetime.now(zone)
    if not text:
        return now
    try:
        if "-" not in text and "T" not in text:
            return datetime.datetime.combine(now.date(), datetime.time.fromisoformat(text), zone)
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"“{text}” is no time: write 18:30, or 2026-12-24T18:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _target(plan: Plan) -> dict[str, Any]:
    """Return what the plan leads to as plain data."""
    entry = plan.entry
    if entry is None:
        return {}
    data: dict[str, Any] = {"kind": _kind(entry)}
    for name in ("number", "name"):
        if value := getattr(entry, name, ""):
            data[name] = value
    if attempts := getattr(entry, "attempts", ()):
        data["attempts"] = [
            {
                "trunk": dial.trunk.name,
                "number": dial.number,
                "caller_number": dial.caller_number,
                "anonymous": dial.anonymous,
            }
            for dial in attempts
        ]
    return data


def _kind(entry: object) -> str:
    words = {"RingGroup": "ring group", "OutboundPlan": "outside", "EmergencyPlan": "emergency"}
    name = type(entry).__name__
    return words.get(name, getattr(entry, "kind", name.lower()))


def _forecast_data(found: Forecast) -> dict[str, Any]:
    plan = found.plan
    return {
        "number": found.number,
        "through": found.stages(),
        "caller": {"number": plan.caller.number, "name": plan.caller.name},
        "target": _target(plan),
        "refusal": plan.refusal,
        "trace": plan.trace,
    }


def _show_plan(plan: Plan) -> None:
    from rich.markup import escape

    from jackfield.cli.output import console

    out = console()
    for step in plan.trace:
        setting = f"  [dim]{escape(step.setting)}[/dim]" if step.setting else ""
        out.print(f"  {escape(step.text)}{setting}", soft_wrap=True)
    out.print()
    if plan.refusal is not None:
        out.print(
            f"[red]{plan.refusal.status} {plan.refusal.reason}[/red]: {escape(plan.refusal.text)}", soft_wrap=True
        )
        return
    target = _target(plan)
    words = " ".join(str(target[name]) for name in ("kind", "number", "name") if name in target)
    shown = plan.caller.number or "anonymous"
    out.print(f"[bold green]{escape(words)}[/bold green], and the caller is shown as {escape(shown)}", soft_wrap=True)
    for dial in target.get("attempts", ()):
        who = "anonymous" if dial["anonymous"] else dial["caller_number"] or "no number"
        out.print(f"  trunk {escape(dial['trunk'])}: {dial['number']}, shown as {who}", soft_wrap=True)


def check(data_dir: DataDir = None, config: Config = None, as_json: Json = False) -> None:
    """Check the machine and the configuration, and say for each finding how to mend it.

    Ports, DNS, clock, capabilities, limits, codec libraries, disk, and what in the configuration can't work. Ends with
    status 1 when something is wrong.
    """
    from jackfield.check import run_checks
    from jackfield.cli.output import print_json

    findings = run_checks(settings_in_force(data_dir, config))
    if as_json:
        print_json(findings)
    else:
        _show_findings(findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def _show_findings(findings: Sequence[Finding]) -> None:
    from rich.markup import escape

    from jackfield.cli.output import console

    out = console()
    marks = {"ok": "[green]ok     [/green]", "warning": "[yellow]warning[/yellow]", "error": "[red]error  [/red]"}
    for finding in findings:
        out.print(
            f"{marks[finding.level]}  [bold]{escape(finding.subject)}[/bold]: {escape(finding.text)}", soft_wrap=True
        )
        if finding.mend:
            out.print(f"         → {escape(finding.mend)}", soft_wrap=True)
    wrong = sum(finding.level == "error" for finding in findings)
    doubtful = sum(finding.level == "warning" for finding in findings)
    out.print(f"\n{len(findings)} checks, {wrong} errors, {doubtful} warnings")
