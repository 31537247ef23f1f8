"""`guard show|block|lift`."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from jackfield.cli.options import Config, DataDir, Json, described, settings_in_force

__all__ = ["register"]

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="An address, or a network such as 203.0.113.0/24")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The guard: who is not heard by SIP for a while, because he guesses at names and passwords.",
        no_args_is_help=True,
    )
    group.command(help=described(show))(show)
    group.command(help=described(block), epilog="Example:  jackfield guard block 203.0.113.0/24 --hours 48")(block)
    group.command(help=described(lift), epilog="Example:  jackfield guard lift 203.0.113.5")(lift)
    app.add_typer(group, name="guard")


def show(data_dir: DataDir = None, config: Config = None, as_json: Json = False) -> None:
    """Show who is blocked, until when, and why."""
    blocks = _ask(data_dir, config, "guard")

    import time

    from jackfield.cli.output import duration, print_json, table

    if as_json:
        print_json(blocks)
        return
    now = time.time()
    rows = (
        (one["source"], duration(max(0.0, one["until"] - now)), one["reason"], ", ".join(one["spared"]))
        for one in sorted(blocks, key=lambda one: -one["since"])
    )
    table("Blocked", ("source", "for", "why", "heard all the same"), rows, empty="Nobody is blocked.")


def block(
    source: Source,
    hours: Annotated[float, typer.Option("--hours", min=0.01, max=8760, help="For how long")] = 24.0,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Block an address or network by hand. Phones of it that were here before are heard all the same."""
    _ask(data_dir, config, "guard_block", source=source, seconds=hours * 3600, by=_who())
    print(f"{source} is blocked for {hours:g} hours")


def lift(source: Source, data_dir: DataDir = None, config: Config = None) -> None:
    """Let a source be heard again."""
    if _ask(data_dir, config, "guard_lift", source=source, by=_who()):
        print(f"{source} is heard again")
    else:
        raise typer.BadParameter(f"{source} is not blocked: see “jackfield guard show”")


def _ask(data_dir: Any, config: Any, verb: str, **more: Any) -> Any:
    found = settings_in_force(data_dir, config)

    from jackfield.control import ask_sync

    return ask_sync(found.files.network_socket, verb, **more)


def _who() -> str:
    return f"{getpass.getuser()} on the command line"
