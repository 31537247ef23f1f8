"""`phone` and `selftest`: the built-in softphone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from jackfield.cli.completion import extensions, numbers, words
from jackfield.cli.options import Config, DataDir, Json, described, settings_in_force

if TYPE_CHECKING:
    from jackfield.cli.softphone import Task
    from jackfield.phone import Account

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=described(phone),
        epilog="Examples:\n\n"
        "  jackfield phone 101 --call 102 --tone 440 --seconds 5\n\n"
        "  jackfield phone 102        (waits for calls, and says back what it hears)\n\n"
        "  jackfield phone --user k3f9 --password … --server 192.0.2.1 --call '*43' --play hi.wav --record echo.wav\n\n"
        "  jackfield phone 101 --call 800123456 --digits 12# --record menu.wav --json",
    )(phone)
    app.command(
        help=described(selftest),
        epilog="Examples:\n\n  jackfield selftest\n\n  jackfield selftest --transport tls --srtp --codecs opus,pcma",
    )(selftest)


Transport = Annotated[str, typer.Option(help="udp, tcp or tls", autocompletion=words("udp", "tcp", "tls"))]
Codecs = Annotated[
    str,
    typer.Option(
        help="In the order of preference, such as opus,g722,pcma,pcmu,gsm",
        autocompletion=words("pcma", "pcmu", "g722", "gsm", "opus"),
    ),
]
WHO = "Who the phone is"


def phone(
    extension: Annotated[
        str, typer.Argument(help="Extension of the installation here, instead of --user", autocompletion=extensions)
    ] = "",
    call: Annotated[
        str, typer.Option(help="Number to call. Default: wait for calls and answer them", autocompletion=numbers)
    ] = "",
    play: Annotated[Path | None, typer.Option(help="Sound file to play: WAV, FLAC, MP3", exists=True)] = None,
    tone: Annotated[float, typer.Option(help="Play a tone of so many Hz", min=0, max=3400)] = 0,
    record: Annotated[Path | None, typer.Option(help="Record what is heard into this WAV file")] = None,
    digits: Annotated[str, typer.Option(help="Dial these once the call is answered: 0-9 * # A-D")] = "",
    digits_by: Annotated[
        str, typer.Option(help="rfc4733, info or inband", autocompletion=words("rfc4733", "info", "inband"))
    ] = "rfc4733",
    transfer: Annotated[str, typer.Option(help="At the end, transfer the other side to this number")] = "",
    seconds: Annotated[
        float, typer.Option(help="Hang up after so long. Default: when the other side does, or Ctrl-C")
    ] = 0,
    codecs: Codecs = "pcma,pcmu,g722,gsm,opus",
    srtp: Annotated[bool, typer.Option("--srtp", help="Encrypt the audio (SDES)")] = False,
    user: Annotated[str, typer.Option(help="SIP name", rich_help_panel=WHO)] = "",
    password: Annotated[
        str, typer.Option(help="SIP password", envvar="JACKFIELD_PHONE_PASSWORD", rich_help_panel=WHO)
    ] = "",
    server: Annotated[
        str, typer.Option(help="Address or name of the server. Default: this one", rich_help_panel=WHO)
    ] = "",
    port: Annotated[int, typer.Option(help="Port of the server", min=0, max=65535, rich_help_panel=WHO)] = 0,
    transport: Transport = "udp",
    register: Annotated[bool, typer.Option("--register/--no-register", help="Register first")] = True,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Be a phone: register, call or answer, play and record, dial digits, and say how the audio was.

    With the number of an extension of this installation it finds name, password and server by itself. Without --play
    or --tone, a phone that answers says back what it hears.
    """
    from jackfield.cli.output import print_json
    from jackfield.cli.softphone import Task, be
    from jackfield.rtp.events import DIGITS

    who = _account(extension, user, password, server, port, _transport(transport), data_dir, config)
    if digits_by not in ("rfc4733", "info", "inband"):
        raise typer.BadParameter(f"“{digits_by}” is no way to send digits: rfc4733, info or inband")
    if wrong := sorted(set(digits) - set(DIGITS)):
        raise typer.BadParameter(f"“{''.join(wrong)}” can't be dialled with --digits: use {DIGITS}")
    if record is not None and not record.absolute().parent.is_dir():
        raise typer.BadParameter(f"--record {record}: there is no folder {record.parent}")
    task: Task = Task(
        account=who,
        call=call,
        play=play,
        tone=tone,
        record=record,
        digits=digits,
        digits_by=cast(Any, digits_by),
        transfer=transfer,
        seconds=seconds,
        codecs=_codecs(codecs),
        srtp="required" if srtp else "off",
        register=register,
    )
    outcome = asyncio.run(be(task, quiet=as_json))
    if as_json:
        print_json(outcome)
    if not outcome["ok"]:
        raise typer.Exit(1)


def _account(
    extension: str,
    user: str,
    password: str,
    server: str,
    port: int,
    transport: Literal["UDP", "TCP", "TLS"],
    data_dir: Path | None,
    config: Path | None,
) -> Account:
    """Put together who the phone is: from the flags, or from the installation here."""
    from jackfield.phone import Account

    if bool(extension) == bool(user):
        raise typer.BadParameter("name an extension of this installation, or give --user (and --password, --server)")
    if user and server:
        return Account(user, password, server, port, transport)
    found = settings_in_force(data_dir, config)
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(found.hosts[0], found.hosts[0])  # noqa: S104
    port = port or (found.sip_tls_port if transport == "TLS" else found.sip_port)
    if user:
        return Account(user, password, here, port, transport, verify_tls=False)
    import yaml

    from jackfield.console import api

    document = yaml.safe_load(api.export(found, secrets=True)) or {}
    entries = {str(entry["number"]): entry for entry in document.get("extensions") or ()}
    if extension not in entries:
        raise typer.BadParameter(f"there is no extension {extension}; known: {', '.join(entries) or 'none'}")
    entry = entries[extension]
    line = entry if "sip_username" in entry else (entry.get("lines") or [{}])[0]
    if "sip_username" not in line:
        raise typer.BadParameter(f"extension {extension} has no SIP name: give it a line first")
    return Account(
        str(line["sip_username"]), str(line.get("sip_password", "")), server or here, port, transport,
        display_name=str(entry.get("name", "")), verify_tls=bool(server),
    )  # fmt: skip


def selftest(
    transport: Transport = "udp",
    codecs: Codecs = "pcma",
    answering_codecs: Annotated[str, typer.Option(help="Of the phone that is called. Default: the same")] = "",
    srtp: Annotated[bool, typer.Option("--srtp", help="Encrypt the audio (SDES)")] = False,
    seconds: Annotated[float, typer.Option(help="How long both talk while loss is counted", min=0.2, max=200)] = 2.0,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Prove that the running system carries calls: two built-in phones call each other and listen.

    Says how long registering and answering took, whether each hears the other's tone, with what latency and loss. It
    uses two extensions that exist only for the time of the test; no real phone rings.
    """
    from jackfield.cli.output import console, print_json
    from jackfield.selftest import Wishes, run

    wishes = Wishes(
        transport=_transport(transport),
        codecs=_codecs(codecs),
        answering_codecs=_codecs(answering_codecs) if answering_codecs else (),
        srtp="required" if srtp else "off",
        seconds=seconds,
    )
    out = console()
    say = (lambda text: None) if as_json else (lambda text: out.print(f"[green]ok[/green]  {text}"))
    report = asyncio.run(run(settings_in_force(data_dir, config), wishes, say=say))
    if as_json:
        print_json(report)
    elif report.ok:
        out.print("\n[bold green]Calls work, and audio passes both ways.[/bold green]")
    else:
        out.print(f"[red]failed[/red]  {report.problem}\n\nSee “jackfield check” and the logs.", soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)


def _transport(text: str) -> Literal["UDP", "TCP", "TLS"]:
    found = text.upper()
    if found not in ("UDP", "TCP", "TLS"):
        raise typer.BadParameter(f"“{text}” is no transport: udp, tcp or tls")
    return cast(Literal["UDP", "TCP", "TLS"], found)


def _codecs(text: str) -> tuple[str, ...]:
    from jackfield.rtp import codecs

    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if name not in codecs.NAMES:
            raise typer.BadParameter(f"there is no codec “{name}”; known: {', '.join(codecs.NAMES)}")
        if name not in codecs.available():
            raise typer.BadParameter("; ".join(codecs.missing_libraries()))
    return names
