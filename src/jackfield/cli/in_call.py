"""`transfer`, `play`, `digits`: what an administrator does in the middle of a call."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from jackfield.cli.completion import call_ids, numbers
from jackfield.cli.options import DataDir, Json, described, settings

__all__ = ["register"]

BY = "the administrator (command line)"
Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the call, as “jackfield calls” shows it", autocompletion=call_ids)
]
Party = Annotated[str, typer.Option(help="Who: caller, callee, a number, a name, or the id of a leg")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=described(transfer),
        epilog="Examples:\n\n  jackfield transfer 50011f848e 103\n\n"
        "  jackfield transfer 50011f848e 103 --party caller --dry-run\n\n  jackfield transfer 50011f848e --call 7c01b2",
    )(transfer)
    app.command(
        help=described(play),
        epilog="Examples:\n\n  jackfield play 50011f848e tone:beep --party 101 --times 3\n\n"
        "  jackfield play 50011f848e --stop",
    )(play)
    app.command(help=described(digits), epilog="Example:  jackfield digits 50011f848e 1,,4711#")(digits)


def transfer(
    id: Id,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="A number of the dial plan", autocompletion=numbers)
    ] = "",
    party: Party = "",
    call: Annotated[
        str, typer.Option(help="Instead of a number: another call in progress", autocompletion=call_ids)
    ] = "",
    with_party: Annotated[str, typer.Option(help="With --call: who is connected there")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say who would be connected")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Connect a party of a call with another number, or with a party of another call; the other party leaves.

    Without --party it is the one from outside, else the called one. If nobody answers there, both talk again.
    """
    if bool(number) == bool(call):
        raise typer.BadParameter("give either a NUMBER or --call with another call")
    told = _ask(data_dir, "transfer", id=id, to=number, call=call, party=party, with_party=with_party, dry_run=dry_run)
    if as_json:
        return _print(told)
    where = f"with call {told['call']}" if call else f"with {told['to']}"
    verb = "would be" if dry_run else "is being"
    print(f"{_who(told['party'])} {verb} connected {where}; {_who(told['leaves'])} leaves.")


def play(
    id: Id,
    sound: Annotated[str, typer.Argument(metavar="SOUND", help="Name of a sound, or a tone: tone:beep")] = "",
    party: Party = "",
    times: Annotated[int, typer.Option(help="How often; 0: until it is stopped", min=0, max=100)] = 1,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what is played")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Play a sound to both parties of a call, or to one, who does not hear the other meanwhile; the call goes on."""
    if stop == bool(sound):
        raise typer.BadParameter("give either a SOUND or --stop")
    if stop:
        told = _ask(data_dir, "stop_play", id=id, party=party)
        words = "Stopped for" if told["parties"] else "Nothing was played."
    else:
        told = _ask(data_dir, "play", id=id, sound=sound, party=party, times=times)
        words = "Heard by"
    if as_json:
        return _print(told)
    who = " and ".join(_who(one) for one in told["parties"])
    print(f"{words} {who}." if who else words)


def digits(
    id: Id,
    digits: Annotated[str, typer.Argument(metavar="DIGITS", help="0 to 9, *, #, A to D; a comma is a pause")],
    party: Party = "",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send digits to a party of a call: to the one from outside, else to the called one, unless one is named."""
    told = _ask(data_dir, "digits", id=id, digits=digits, party=party)
    if as_json:
        return _print(told)
    print(f"Sent to {_who(told['party'])}.")


def _ask(data_dir: Any, verb: str, **more: Any) -> Any:
    from jackfield.control import ask_sync

    return ask_sync(settings(data_dir).files.switch_socket, verb, by=BY, **more)


def _who(leg: dict[str, Any]) -> str:
    return f"{leg['number'] or 'an anonymous party'} {leg['name']}".strip()


def _print(told: Any) -> None:
    from jackfield.cli.output import print_json

    print_json(told)
