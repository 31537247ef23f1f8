"""What the command line and other programs may do with the configuration and the history.

Each function takes the `Settings` of the installation first and needs no running Jackfield: it opens the database by
itself. Django is imported at the first call only. Functions block; call them outside an event loop, or in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jackfield.console.declarative.difference import Change, Difference, DocumentError, FieldChange, Problem
from jackfield.console.faults import ConsoleError, DatabaseAway
from jackfield.console.first_phones import FirstConfiguration, FirstPhone

if TYPE_CHECKING:
    from jackfield.settings import Settings
    from jackfield.switch.snapshot import Snapshot

__all__ = [
    "Change",
    "ConsoleError",
    "DatabaseAway",
    "Difference",
    "DocumentError",
    "FieldChange",
    "FirstConfiguration",
    "FirstPhone",
    "Problem",
    "apply",
    "call",
    "calls",
    "export",
    "first_run_token",
    "initialise",
    "make_administrator",
    "prepare",
    "publish",
]


def prepare(settings: Settings, *, progress: Callable[[str], None] | None = None) -> bool:
    """Set Django up, make the database if there is none, and bring its tables up to date. Cheap when nothing is to do.

    `progress` gets a line of text for each step that takes a moment. Returns whether anything was done.
    Raises `DatabaseAway`.
    """
    from jackfield.console import database

    return database.prepare(settings, progress=progress)


def initialise(
    settings: Settings,
    *,
    company: str = "",
    country: str = "",
    language: str = "",
    time_zone: str = "",
    extensions: int = 4,
    progress: Callable[[str], None] | None = None,
) -> FirstConfiguration:
    """Make the first configuration where there is none, and publish it.

    `country` (ISO 3166-1 alpha-2), `language` (BCP 47) and `time_zone` (IANA) come from the machine when empty.
    `extensions` says how many, from 101 on. Where a configuration exists nothing is touched and `.created` is False.
    Raises `ConsoleError` with the mend for a country, language or time zone that is not known; `DatabaseAway`.
    """
    prepare(settings, progress=progress)
    from jackfield.console import first_configuration

    return first_configuration.initialise(
        settings, company=company, country=country, language=language, time_zone=time_zone, extensions=extensions
    )


def first_run_token(settings: Settings, made_by: str, start: str = "") -> str:
    """Return a new token for the pages of the first run; "" when somebody can sign in as administrator.

    Of each of those who make them ("run", "init") the last one counts. A `start` of Jackfield gets one only. Raises
    `DatabaseAway`.
    """
    from jackfield.console.database import database_errors

    prepare(settings)
    from jackfield.console import first_run

    with database_errors(settings):
        return first_run.new_token(made_by, start)


def make_administrator(settings: Settings, login: str, password: str = "", *, name: str = "") -> str:
    """Make somebody a full administrator with this password, or with a new one; return the password.

    Raises `ConsoleError` for a password that is easy to guess and a name that can't be; `DatabaseAway`.
    """
    from jackfield.console.database import database_errors

    prepare(settings)
    from jackfield.console import first_run
    from jackfield.console.declarative.apply import COMMAND_LINE
    from jackfield.console.web.passwords import weakness

    password = password or first_run.fresh_password()
    if problem := weakness(password, None, login, name):
        raise ConsoleError(f"this password is not taken. {problem}")
    with database_errors(settings):
        first_run.make_administrator(settings, login, password, name=name, author=COMMAND_LINE)
    return password


def apply(settings: Settings, text: str, *, prune: bool = False, dry_run: bool = False) -> Difference:
    """Make the configuration be what the YAML document says, all or nothing, and publish it to the switch.

    Things that the document names are created or changed; fields that it does not mention stay as they are. With
    `prune`, the sections that the document has are the whole truth: what they do not name is removed, and fields that
    they do not mention go back to their defaults (secrets and SIP names stay). `dry_run` changes nothing.
    Raises `DocumentError` with every problem found, by path and line; `DatabaseAway`.
    """
    from jackfield.console import publish as publishing
    from jackfield.console import sounds
    from jackfield.console.database import database_errors

    prepare(settings)
    from jackfield.console.declarative import apply as applying

    with database_errors(settings):
        difference = applying.apply(text, prune=prune, dry_run=dry_run, sounds=sounds.names(settings))
    if not dry_run:  # without a difference too: a sound's file may be there now that was not when it was named
        publishing.publish(settings)
    return difference


def export(settings: Settings, *, secrets: bool = False) -> str:
    """Return the whole configuration as the YAML that `apply` reads; with passwords only if `secrets`.

    Raises `DatabaseAway`.
    """
    from jackfield.console.database import database_errors

    prepare(settings)
    from jackfield.console.declarative import export as exporting

    with database_errors(settings):
        return exporting.export(secrets=secrets)


def publish(settings: Settings) -> Snapshot:
    """Write the snapshot file if the configuration differs from it, and tell a running switch. Returns the snapshot.

    Raises `DatabaseAway`, and `ConsoleError` when the file can't be written.
    """
    from jackfield.console import publish as publishing

    prepare(settings)
    return publishing.publish(settings)


def calls(
    settings: Settings,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    number: str = "",
    trunk: str = "",
    direction: str = "",
    outcome: str = "",
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Return calls, the newest first, as plain data ready for JSON: times as ISO 8601 in UTC, durations in seconds.

    `since` (included) and `until` (excluded) bound the start, aware datetimes. `number` is found in the caller's, the
    called and the dialled number. `direction` is internal, in, out or through; `outcome` as in `Call.outcome`.
    Fields of each: see `jackfield.console.queries.summary`. Raises `ConsoleError`, `DatabaseAway`.
    """
    from jackfield.console.database import database_errors

    prepare(settings)
    from jackfield.console import queries

    with database_errors(settings):
        return queries.calls(
            since=since,
            until=until,
            number=number,
            trunk=trunk,
            direction=direction,
            outcome=outcome,
            limit=limit,
            offset=offset,
        )


def call(settings: Settings, id: str) -> dict[str, Any] | None:
    """Return one call with its `legs` and `journal`, or None. `id` may be the beginning, if that is unambiguous.

    Raises `ConsoleError` when several calls begin with `id`; `DatabaseAway`.
    """
    from jackfield.console.database import database_errors

    prepare(settings)
    from jackfield.console import queries

    with database_errors(settings):
        return queries.call(id)
