"""`run`, `init`, `stop`, `version`."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jackfield.cli.completion import words
from jackfield.cli.options import Config, DataDir, Json, described, settings, settings_in_force

if TYPE_CHECKING:
    from jackfield.console.first_phones import FirstConfiguration
    from jackfield.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=described(run),
        epilog="Examples:\n\n"
        "  jackfield run\n\n"
        "  jackfield run --data-dir /srv/jackfield --host 192.0.2.10 --sip-port 5080\n\n"
        "  JACKFIELD_DATABASE_URL=postgresql://jackfield:…@db/jackfield jackfield run --log-format json",
    )(run)
    app.command(
        help=described(init), epilog="Example:  jackfield init --country CZ --time-zone Europe/Prague --extensions 8"
    )(init)
    app.command(
        help=described(administrator),
        epilog="Examples:\n\n"
        "  jackfield administrator anna\n\n"
        "  jackfield administrator anna --ask\n\n"
        "  JACKFIELD_PASSWORD=… jackfield administrator anna",
    )(administrator)
    app.command(help=described(stop))(stop)
    app.command(help=described(version))(version)


def run(
    data_dir: DataDir = None,
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(help="Addresses to listen on, separated by commas. Default: 0.0.0.0")
    ] = None,
    sip_port: Annotated[int | None, typer.Option(help="SIP over UDP and TCP. Default: 5060")] = None,
    sip_tls_port: Annotated[int | None, typer.Option(help="SIP over TLS, 0 for none. Default: 5061")] = None,
    sip_tls_second_port: Annotated[
        int | None, typer.Option(help="Another one, such as 443, for networks that block the first. Default: 0, none")
    ] = None,
    sip_ws_port: Annotated[int | None, typer.Option(help="SIP over WebSocket, 0 for none. Default: 8088")] = None,
    sip_wss_port: Annotated[
        int | None, typer.Option(help="SIP over secure WebSocket, 0 for none. Default: 8089")
    ] = None,
    rtp_ports: Annotated[str | None, typer.Option(help="UDP ports for audio. Default: 10000-20000")] = None,
    public_address: Annotated[str | None, typer.Option(help="Our address as seen from outside a NAT")] = None,
    stun_port: Annotated[
        str | None, typer.Option(help="UDP port of STUN, and the next. Default: auto, 3478 where it is free; 0: none")
    ] = None,
    turn_ports: Annotated[
        str | None, typer.Option(help="UDP ports that TURN relays on, where it is enabled. Default: 61000-62999")
    ] = None,
    tftp_port: Annotated[
        int | None, typer.Option(help="TFTP for phones of the local networks, 0 for none. Default: 69")
    ] = None,
    ldap_port: Annotated[
        int | None, typer.Option(help="Directory for phones of the local networks, 0 for none. Default: 389")
    ] = None,
    ldaps_port: Annotated[
        int | None, typer.Option(help="Directory for phones over TLS, 0 for none. Default: 636")
    ] = None,
    zoiper_provider: Annotated[
        str | None, typer.Option(help="Our provider_id at Zoiper's service, for links to Zoiper. Default: none")
    ] = None,
    console_host: Annotated[str | None, typer.Option(help="Address of the web console. Default: 127.0.0.1")] = None,
    console_port: Annotated[int | None, typer.Option(help="Its port, 0 for none. Default: 4021")] = None,
    user_host: Annotated[
        str | None, typer.Option(help="Address of everybody's own pages alone. Default: that of the console")
    ] = None,
    user_port: Annotated[
        str | None, typer.Option(help="Their port, 0 for none. Default: auto, 8443 where it is free")
    ] = None,
    console_tls: Annotated[
        str | None,
        typer.Option(
            help="HTTPS there: auto (for other machines), on or off. Default: auto",
            autocompletion=words("auto", "on", "off"),
        ),
    ] = None,
    trusted_proxies: Annotated[
        str | None, typer.Option(help="Reverse proxies whose X-Forwarded-For and -Proto count. Default: none")
    ] = None,
    firewall: Annotated[
        str | None,
        typer.Option(
            help="Where the firewall holds: kernel (nftables) and programs, or programs. Default: auto, by rights",
            autocompletion=words("auto", "kernel", "programs"),
        ),
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="postgresql://user:password@host/name. Default: SQLite")
    ] = None,
    media_processes: Annotated[
        int | None, typer.Option(help="Processes that carry audio. Default: one per core")
    ] = None,
    tls_certificate: Annotated[
        str | None, typer.Option(help="PEM file. Default: self-signed, made at first start")
    ] = None,
    tls_key: Annotated[str | None, typer.Option(help="PEM file with its key")] = None,
    log_format: Annotated[
        str | None, typer.Option(help="text or json. Default: text", autocompletion=words("text", "json"))
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(
            help="debug, info, warning or error. Default: info",
            autocompletion=words("debug", "info", "warning", "error"),
        ),
    ] = None,
    drain_seconds: Annotated[
        int | None, typer.Option(help="How long calls may go on when stopping. Default: 300")
    ] = None,
) -> None:
    """Start the phone system in the foreground. Ctrl-C stops it when its calls have ended, a second one at once.

    The first start makes the data directory, the database, and extensions 101 to 104 with random SIP names and
    passwords, which it prints once.
    """
    flags = dict(locals())
    begun = time.monotonic()
    found = settings(flags.pop("data_dir"), flags.pop("config"), **flags)

    from jackfield.cli import starting

    starting.run(found, begun)


def init(
    data_dir: DataDir = None,
    config: Config = None,
    company: Annotated[str, typer.Option(help="Name of the company")] = "",
    country: Annotated[
        str, typer.Option(help="Two letters, such as CZ: number format and tones. Default: the machine's")
    ] = "",
    language: Annotated[str, typer.Option(help="Of the prompts, such as en. Default: the machine's")] = "",
    time_zone: Annotated[str, typer.Option(help="Such as Europe/Prague. Default: the machine's")] = "",
    extensions: Annotated[int, typer.Option(help="How many to make, from 101 on", min=0, max=899)] = 4,
    as_json: Json = False,
) -> None:
    """Make the data directory, the database and a first configuration, and print the phones' passwords once.

    Where a configuration exists, nothing is changed. `run` does this by itself.
    """
    found = settings_in_force(data_dir, config)

    from jackfield.cli.output import console, print_json
    from jackfield.console import api

    progress = console(stderr=True)
    found.files.prepare()
    with progress.status("Preparing the database …") as spinner:
        made = api.initialise(
            found,
            company=company,
            country=country,
            language=language,
            time_zone=time_zone,
            extensions=extensions,
            progress=lambda step: spinner.update(f"{step} …") if progress.is_terminal else progress.print(step),
        )
        if not made.created:
            api.publish(found)
    # Under `run` it's `run` that prints the address, when pages are there to be seen.
    token = "" if "JACKFIELD_PROCESS" in os.environ or not found.console_port else api.first_run_token(found, "init")
    if as_json:
        from jackfield.cli.starting import console_addresses

        address = f"{console_addresses(found)[0]}/first-run?token={token}" if token else ""
        return print_json({**dataclasses.asdict(made), "first_run": address})
    if made.created:
        _show_first(found, made)
    else:
        console().print(f"{found.data_dir} has a configuration already: nothing was changed.")
    if token:
        from jackfield.cli.starting import show_first_run

        show_first_run(found, token)


def _show_first(found: Settings, made: FirstConfiguration) -> None:
    from jackfield.cli.output import console, table

    out = console()
    out.print(f"\n[bold]A first configuration[/bold] for {made.country}, {made.time_zone}, in {found.data_dir}:\n")
    table(
        "",
        ("extension", "name", "SIP name", "SIP password"),
        [(phone.number, phone.name, phone.sip_username, phone.sip_password) for phone in made.phones],
    )
    out.print("\nThese passwords are shown this once. “jackfield export --secrets” has them again.\n")
    table("", ("number", "leads to"), made.numbers)
    out.print()


def administrator(
    login: Annotated[str, typer.Argument(metavar="NAME", help="Name to sign in with")],
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the password instead of making one")] = False,
    name: Annotated[str, typer.Option("--full-name", help="What people call the person")] = "",
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make an administrator of the console, or give one a new password, for those who are locked out.

    Prints the password once. JACKFIELD_PASSWORD or --ask give one of your own. Sessions of that administrator end.
    """
    found = settings_in_force(data_dir, config)
    given = os.environ.get("JACKFIELD_PASSWORD", "")
    if ask:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)

    from jackfield.cli.output import print_json
    from jackfield.cli.starting import console_addresses
    from jackfield.console import api

    password = api.make_administrator(found, login, given, name=name)
    address = f"{console_addresses(found)[0]}/sign-in" if found.console_port else ""
    if as_json:
        return print_json({"login": login, "password": "" if given else password, "address": address})
    shown = "with that password" if given else f"with the password {password} (shown this once)"
    print(f"{login} can sign in as administrator {shown}{f' at {address}' if address else ''}.")


def stop(
    data_dir: DataDir = None,
    now: Annotated[bool, typer.Option("--now", help="End the calls in progress too")] = False,
    as_json: Json = False,
) -> None:
    """Stop a running system: it takes no new calls and ends when the last one is over."""
    from jackfield.control import ControlError, ask_sync

    files = settings(data_dir).files
    calls = 0
    with contextlib.suppress(ControlError):
        calls = len(ask_sync(files.switch_socket, "calls"))
    ask_sync(files.supervisor_socket, "stop", now=now)
    if as_json:
        from jackfield.cli.output import print_json

        return print_json({"stopping": True, "calls": calls})
    left = f", as soon as its calls ({calls}) are over; --now ends them" if calls and not now else ""
    print(f"Jackfield stops{left}.")


def version(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Print the version; with --json also those of Python, of the codecs, and of the system that runs."""
    from jackfield import __version__

    if not as_json:
        return print(f"jackfield {__version__}")
    import platform

    from jackfield.cli.output import print_json
    from jackfield.control import ControlError, ask_sync
    from jackfield.rtp import codecs

    facts: dict[str, Any] = {
        "jackfield": __version__,
        "running": None,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "codecs": sorted(codecs.available()),
        "installed": str(Path(__file__).parents[1]),
    }
    with contextlib.suppress(ControlError):
        facts["running"] = ask_sync(settings(data_dir).files.switch_socket, "status")["version"]
    print_json(facts)
