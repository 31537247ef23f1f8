"""All commands, and how they fail: one line that says what is wrong and what to do, never a traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from jackfield import __version__
from jackfield.cli import (
    certificate,
    configuration,
    firewall,
    guard,
    in_call,
    limits,
    live,
    phones,
    planning,
    registered,
    running,
    vpn,
)

__all__ = ["app", "explained"]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"jackfield {__version__}")
        raise typer.Exit


app = typer.Typer(
    help="Jackfield, a business phone system: starts it, configures it, and looks into it while it runs.",
    epilog="Begin with [bold]jackfield run[/bold]. Every setting is a flag of “run”, a variable JACKFIELD_…, or a line "
    "in jackfield.yaml in the data directory: a flag wins over the variable, the variable over the file.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (running, configuration, live, in_call, phones, planning, limits, registered, certificate, vpn, firewall,
               guard):  # fmt: skip
    module.register(app)


@app.callback()
def every(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Take what stands before the command."""


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn the errors that an administrator can mend into a line on standard error and an exit status."""
    try:
        yield
    except Exception as error:
        status = _status(error)
        if status is None:
            raise
        for line in _words(error).splitlines():
            print(f"jackfield: {line}", file=sys.stderr)
        sys.exit(status)


def _words(error: Exception) -> str:
    """Return the error's text, that of the operating system without its number: "x.yaml: No such file or directory"."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _status(error: Exception) -> int | None:
    """Return the exit status of an error that explains itself, None for a fault of ours."""
    names = {kind.__name__ for kind in type(error).__mro__}  # by name: their modules may not be loaded
    if "SettingsError" in names:
        return 2
    explained = {"ControlError", "ConsoleError", "DocumentError", "StartFailed", "PhoneError"}
    return 1 if names & explained or isinstance(error, OSError) else None
