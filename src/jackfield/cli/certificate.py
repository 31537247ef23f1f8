"""`certificate show|import|request|renew`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jackfield.cli.options import Config, DataDir, Json, described, settings_in_force

if TYPE_CHECKING:
    from jackfield.console.certificates import Shown
    from jackfield.settings import Settings

__all__ = ["register"]

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Names and addresses that it is to be for")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The certificate of the console, of SIP over TLS and of secure WebSocket: looks at it, exchanges it.",
        no_args_is_help=True,
    )
    group.command(help=described(show))(show)
    group.command(
        "import",
        help=described(take),
        epilog="Examples:\n\n"
        "  jackfield certificate import fullchain.pem privkey.pem\n\n"
        "  jackfield certificate import server.p12 --ask",
    )(take)
    group.command(help=described(request), epilog="Example:  jackfield certificate request phone.example.com > csr")(
        request
    )
    group.command(help=described(renew), epilog="Example:  jackfield certificate renew pbx.local 192.0.2.10")(renew)
    app.add_typer(group, name="certificate")


def show(data_dir: DataDir = None, config: Config = None, as_json: Json = False) -> None:
    """Show the certificate in use, and what browsers and phones would complain about."""
    found = _prepared(data_dir, config)

    from jackfield.console import certificates

    _print(certificates.in_use(found), as_json)


def take(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="PEM or PKCS#12: certificate, chain, key")],
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the password of the file")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look whether it could be used")] = False,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Use another certificate from now on. The key may be left out where it is here: of the request, or the one in use.

    A running system shows it to new connections at once; those that stand go on.
    """
    contents = [sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes() for file in files]
    password = typer.prompt("Password of the file", hide_input=True, err=True) if ask else ""
    found = _prepared(data_dir, config)

    from jackfield.console import certificates
    from jackfield.console.declarative.apply import COMMAND_LINE

    _print(certificates.give(found, contents, password, author=COMMAND_LINE, dry_run=dry_run), as_json)


def request(
    names: Names = None,
    organisation: Annotated[str, typer.Option("--organisation", help="Name of the company in it")] = "",
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a key, which stays here, and print the request (CSR) that an authority signs for these names.

    “jackfield certificate import” takes what comes back.
    """
    found = _prepared(data_dir, config)

    from jackfield.cli.output import print_json
    from jackfield.console import certificates
    from jackfield.console.declarative.apply import COMMAND_LINE

    wanted = names or certificates.reached_by(found)
    text = certificates.ask(found, wanted, organisation, author=COMMAND_LINE)
    if as_json:
        print_json({"request": text})
    else:
        sys.stdout.write(text)


def renew(names: Names = None, data_dir: DataDir = None, config: Config = None, as_json: Json = False) -> None:
    """Make a new self-signed certificate and use it; without names, for all names and addresses of this machine."""
    found = _prepared(data_dir, config)

    from jackfield.console import certificates
    from jackfield.console.declarative.apply import COMMAND_LINE

    _print(certificates.renew(found, names or (), author=COMMAND_LINE), as_json)


def _prepared(data_dir: Path | None, config: Path | None) -> Settings:
    found = settings_in_force(data_dir, config)

    from jackfield.console import api

    api.prepare(found)
    return found


def _print(found: Shown, as_json: bool) -> None:
    from jackfield.cli.output import print_json

    told = found.to_dict()
    if as_json:
        print_json(told)
        return
    rows = [
        ("From", {"settings": "the settings", "given": "given", "self-signed": "made here"}[found.origin]),
        ("Names", ", ".join(found.names)),
        ("Issued by", found.issuer),
        ("Holds", f"{told['begins']} until {told['ends']}" if found.ends else ""),
        ("Key", f"{found.key}, {'fits' if found.key_fits else 'does not fit'}" if found.key else ""),
        ("Chain", ", ".join([found.chain, *found.chain_names])),
        ("SHA-256", found.fingerprint),
        ("Shown by", ", ".join(f"{one.what} ({one.port})" for one in found.listeners)),
        ("Requested", ", ".join(found.request_names)),
    ]
    for label, text in rows:
        if text:
            print(f"{label:<11}{text}")
    for text in (*found.problems, *found.warnings):
        print(f"! {text}")
