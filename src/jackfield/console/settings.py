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
        "ALLOWED_HOSTS": ["*"],  # people reach the machine by names that only they know; no page makes links from it
        "ROOT_URLCONF": "jackfield.console.urls",
        "ASGI_APPLICATION": "jackfield.console.asgi.application",
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            *(f"jackfield.{app}.apps.{app.title().replace('_', '')}Config" for app in APPS),
        ],
        "MIDDLEWARE": [
            "jackfield.console.web.middleware.protected",
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "jackfield.console.web.pace.paced",
            "jackfield.console.web.language.spoken",
            "jackfield.console.web.middleware.person",
            "jackfield.console.web.doors.guarded",
        ],
        "SECURE_HSTS_SECONDS": 365 * 86400,  # sent by HTTPS only
        "SECURE_REFERRER_POLICY": "same-origin",
        # Plain HTTP is spoken on loopback alone; the machine's other names and neighbours are not ours to decide for.
        "SILENCED_SYSTEM_CHECKS": ["security.W005", "security.W008", "security.W021"],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "DIRS": [Path(__file__).parent / "templates"],
                "OPTIONS": {"environment": "jackfield.console.web.jinja.environment"},
            }
        ],
        "AUTH_USER_MODEL": "people.User",
        "AUTHENTICATION_BACKENDS": [
            "jackfield.console.web.signing_in.Passwords",
            "jackfield.console.web.directory.DirectoryPasswords",
        ],
        "PASSWORD_HASHERS": [
            "django.contrib.auth.hashers.Argon2PasswordHasher",
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        ],
        "SESSION_ENGINE": "jackfield.people.sessions",
        "SESSION_COOKIE_NAME": "jackfield_session",
        "SESSION_COOKIE_AGE": SESSION_SECONDS,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "jackfield_csrf",
        "CSRF_COOKIE_SECURE": True,  # web.middleware takes it off where a request came by plain HTTP
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_FAILURE_VIEW": "jackfield.console.web.errors.csrf",
        "LOGIN_URL": "/sign-in",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 10 << 20,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 20_000,
        "DATABASES": {"default": database(settings.database)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": True,
        "LANGUAGE_CODE": "en",  # of programs, and of what nobody has translated
        "LOCALE_PATHS": [Path(__file__).parent / "locale"],
        "LOGGING_CONFIG": None,  # the process sets logging up, for all of Jackfield alike
        "JACKFIELD": settings,
    }


APPS = (
    "company", "people", "numbers", "trunks", "history", "changes", "notices", "contacts", "directory", "webhooks",
    "vpn", "sites", "limits", "desk_phones", "browser_phones", "plug_and_play",
    "softphones", "firewall",
)  # fmt: skip
SESSION_SECONDS = 14 * 86400
"""How long a session lasts at most, however busy; `web.middleware` ends idle ones earlier."""


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
        "CONN_HEALTH_CHECKS": True,
    }


if os.environ.get("DJANGO_SETTINGS_MODULE") == __name__:
    from jackfield.settings import load

    globals().update(options(load()))
