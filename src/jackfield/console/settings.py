"""Django's settings, built from Jackfield's own.

As a module (`DJANGO_SETTINGS_MODULE=jackfield.console.settings`, for django-admin) it takes them from the environment
and the settings file; Jackfield's processes call `options()` with the settings that they have.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["database", "options"]

SQLITE_START = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8000"
BUSY_SECONDS = 10
POSTGRESQL_OPTIONS = {"connect_timeout": 5, "application_name": "jackfield"}


def options(settings: Settings) -> dict[str, Any]:
    """Return what `django.conf.settings.configure()` takes."""
    return {
        "SECRET_KEY": settings.files.secret().decode(),
        "DEBUG": False,
        "ALLOWED_HOSTS": ["*"],  # the Host header decides nothing until there are pages to sign in to
        "ROOT_URLCONF": "jackfield.console.urls",
        "ASGI_APPLICATION": "jackfield.console.asgi.application",
        "INSTALLED_APPS": [f"jackfield.{app}.apps.{app.capitalize()}Config" for app in APPS],
        "MIDDLEWARE": [],
        "TEMPLATES": [],
        "AUTH_USER_MODEL": "people.User",
        "DATABASES": {"default": database(settings.database)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "LOGGING_CONFIG": None,  # the process sets logging up, for all of Jackfield alike
        "JACKFIELD": settings,
    }


APPS = ("company", "people", "numbers", "trunks", "history")


def database(url: str) -> dict[str, Any]:
    """Return Django's description of the database at `url`. Raises `ValueError` that says what is wrong with it.

    `sqlite:////var/lib/jackfield/a.sqlite3` (four slashes: an absolute path) or
    `postgresql://user:password@host:5432/name?sslmode=require`; without a host the Unix socket, in the folder that
    `?host=` names.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:])
        if parts.netloc or not path:
            raise ValueError("the database URL must have a path: sqlite:////var/lib/jackfield/jackfield.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(os.path.abspath(path)),
            "OPTIONS": {"timeout": BUSY_SECONDS, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_START},
            "CONN_MAX_AGE": None,
        }
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(f'"{parts.scheme}" is no kind of database: use sqlite or postgresql')
    name = unquote(parts.path[1:])
    if not name:
        raise ValueError("the database URL must name the database: postgresql://user:password@host/name")
    more = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or more.pop("user", "")),
        "PASSWORD": unquote(parts.password or more.pop("password", "")),
        "HOST": unquote(parts.hostname or more.pop("host", "")),
        "PORT": str(parts.port or more.pop("port", "")),
        "OPTIONS": POSTGRESQL_OPTIONS | more,
        "CONN_MAX_AGE": None,
    }


if os.environ.get("DJANGO_SETTINGS_MODULE") == __name__:
    from jackfield.settings import load

    globals().update(options(load()))
