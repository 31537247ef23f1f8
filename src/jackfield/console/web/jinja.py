"""The template engine: Jinja2, because its macros make one place for every chip, field and table, and it is fast."""

from __future__ import annotations

import datetime
import time
import zoneinfo
from typing import Any

from django.utils.translation import get_language, get_language_bidi, gettext, ngettext, pgettext
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jackfield import __version__
from jackfield.console.languages import LANGUAGES
from jackfield.console.web import assets

__all__ = ["environment"]


def environment(**options: Any) -> Environment:
    """Return the environment that Django asks for."""
    options |= {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    options["extensions"] = [*options.get("extensions", ()), "jinja2.ext.i18n"]
    made = Environment(autoescape=True, **{name: value for name, value in options.items() if name != "autoescape"})
    made.install_gettext_callables(gettext, ngettext, newstyle=True, pgettext=pgettext)  # type: ignore[attr-defined]
    made.policies["ext.i18n.trimmed"] = True
    made.globals.update(
        asset=assets.address,
        version=__version__,
        icon=icon,
        openid_button=_openid_button,
        rail=_rail,
        may=_may,
        page_language=get_language,
        right_to_left=get_language_bidi,
        all_languages=LANGUAGES,
    )
    made.filters.update(when=when, span=span, ago=ago, stamp=stamp, lasting=lasting)
    return made


def icon(name: str) -> Markup:
    """Return an icon of the sprite, for decoration: the words stand beside it."""
    address = assets.address("icons.svg")
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(address, name)


def when(seconds: float | None, zone: str = "UTC") -> str:
    """Return a time as people write it, in the company's zone."""
    if seconds is None:
        return "–"
    at = datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone))
    return at.strftime("%Y-%m-%d %H:%M:%S")


def ago(seconds: float | None) -> str:
    """Return how long ago a time was: "8 minutes ago"."""
    if not seconds:
        return "never"
    passed = max(0, int(time.time() - seconds))
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if passed >= length:
            count = passed // length
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def span(seconds: float | None) -> str:
    """Return a duration as 1:02:03 or 2:03."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def stamp(seconds: float) -> str:
    """Return a time as `<time datetime=…>` takes it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def lasting(since: float) -> str:
    """Return how long something has lasted by now."""
    return span(max(0.0, time.time() - since))


def _openid_button() -> str:
    from jackfield.console.web.openid import button

    return button()


def _rail(user: Any) -> Any:
    from jackfield.console.web.menu import rail

    return rail(user)


def _may(user: Any, area: str, write: bool = False) -> bool:
    from jackfield.console.web.rights import READ, WRITE, may

    return may(user, area, WRITE if write else READ)
