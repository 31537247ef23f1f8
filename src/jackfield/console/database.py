"""Bringing Django up on the installation's database, and the database's tables up to date."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from jackfield.console.faults import ConsoleError, DatabaseAway

if TYPE_CHECKING:
    from jackfield.settings import Settings

MIGRATION_LOCK = 0x4A41434B  # any number that is ours among the server's advisory locks

__all__ = ["database_errors", "described", "fingerprint", "prepare", "setup"]


def setup(settings: Settings) -> None:
    """Make Django ready for this installation; again with another one, which then takes its place.

    No connection is opened. Raises `ConsoleError` for a database URL that makes no sense.
    """
    import django
    from django import conf

    from jackfield.console import settings as console_settings

    settings.files.prepare()
    try:
        options = console_settings.options(settings)
    except ValueError as error:
        raise ConsoleError(f"database_url: {error}") from None
    if not conf.settings.configured:
        conf.settings.configure(**options)
        django.setup()
    elif settings != conf.settings.JACKFIELD:
        _move(options)


def _move(options: dict[str, Any]) -> None:
    """Let go of the database of before and use the one of `options`: tests, and tools that see several systems."""
    from django import conf
    from django.db import connections

    connections.close_all()
    for alias in connections:
        with contextlib.suppress(AttributeError):  # this thread has not used it yet
            del connections[alias]
    connections.settings = connections.configure_settings(options["DATABASES"])
    for name, value in options.items():
        setattr(conf.settings, name, value)


def prepare(settings: Settings, *, progress: Callable[[str], None] | None = None) -> bool:
    """See `jackfield.console.api.prepare`."""
    setup(settings)
    _make_private(settings)
    with database_errors(settings):
        if _stored_fingerprint() == fingerprint():
            return False
        with _alone(settings):
            if _stored_fingerprint() == fingerprint():  # another process was faster
                return False
            _migrate(progress or (lambda _text: None))
            return True


def fingerprint() -> str:
    """Return what the tables should be: a digest over the names of all migrations. Milliseconds, no Django needed."""
    from jackfield.console.settings import APPS

    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for app in APPS:
        names = sorted(entry.name for entry in os.scandir(root / app / "migrations") if entry.name.endswith(".py"))
        digest.update(f"{app}: {' '.join(names)}\n".encode())
    return digest.hexdigest()


def described(settings: Settings) -> str:
    """Return where the database is, in words, without its password."""
    parts = urlsplit(settings.database)
    if parts.scheme == "sqlite":
        return f"the database {parts.path[1:]}"
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    return f"the database {urlunsplit((parts.scheme, user + host, parts.path, '', ''))}"


@contextmanager
def database_errors(settings: Settings) -> Iterator[None]:
    """Turn the errors of a database that is away, full or shut into `DatabaseAway` with the mend."""
    from django.db import DatabaseError, InterfaceError

    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        lines = [line.strip() for line in str(error).splitlines()]
        told = " ".join(line for line in lines if not line.startswith("Is the server running"))  # our mend asks that
        reason = told.rstrip(".") or type(error).__name__
        raise DatabaseAway(f"{described(settings)} can't be used: {reason}. {_mend(settings, reason)}") from error


def _mend(settings: Settings, reason: str) -> str:
    if "full" in reason:
        return "Make room on the disk."
    if "readonly" in reason or "permission" in reason.lower() or "unable to open" in reason:
        return "Run Jackfield as the user who owns the data directory, and let that user write there."
    if urlsplit(settings.database).scheme == "sqlite":
        return "See that the file is whole and that no other program holds it."
    return "See that PostgreSQL runs there and that database_url has the right user, password and name."


def _make_private(settings: Settings) -> None:
    """Create an SQLite file for its owner alone before SQLite does: it holds passwords. Its WAL takes the same mode."""
    from django.db import connections

    found = connections["default"].settings_dict
    if not found["ENGINE"].endswith("sqlite3"):
        return
    path = Path(found["NAME"])
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            # Never open it once it exists: closing any descriptor of a file drops the locks of all of this process's
            # connections to it (POSIX), and another process that then thinks itself alone deletes the WAL under us.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise DatabaseAway(
            f"{described(settings)} can't be made: {error.strerror}. {_mend(settings, 'permission')}"
        ) from None


def _stored_fingerprint() -> str:
    """Return what the tables are; "" when there are none yet. Asks with plain SQL: the model may not fit the table."""
    from django.db import DatabaseError, OperationalError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT value FROM company_state WHERE key = 'schema'")
            row = cursor.fetchone()
    except OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise
    except DatabaseError as error:
        if type(error.__cause__).__name__ == "UndefinedTable":
            return ""
        raise
    return str(row[0]).strip('"') if row else ""


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Let no other process change the tables meanwhile, on this machine or on this PostgreSQL server."""
    from django.db import connection

    with open(settings.files.run / "migration.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _migrate(progress: Callable[[str], None]) -> None:
    from django.core.management import call_command

    from jackfield.company.models import State

    progress("Bringing the tables of the database up to date")
    call_command("migrate", interactive=False, verbosity=0)
    State.objects.update_or_create(key="schema", defaults={"value": fingerprint()})
