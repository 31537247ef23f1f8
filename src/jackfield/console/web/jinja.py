"""The template engine: Jinja2, because its macros make one place for every chip, field and table, and it is fast."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
from django.utils.translation import get_language, get_language_bidi, gettext, ngettext, pgettext
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jackfield import __version__
from jackfield.console import formats
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
        script_words=_script_words,
        browser_phones=_browser_phones,
    )
    made.filters.update({name: getattr(formats, name) for name in formats.__all__})
    return made


def icon(name: str) -> Markup:
    """Return an icon of the sprite, for decoration: the words stand beside it."""
    address = assets.address("icons.svg")
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(address, name)


def _openid_button() -> str:
    from jackfield.console.web.openid import button

    return button()


def _browser_phones(user: Any) -> bool:
    from jackfield.console.web.sign_in_rules import rules

    return bool(user.is_authenticated and rules().lets_phone(user))


def _rail(user: Any) -> Any:
    from jackfield.console.web.menu import rail

    return rail(user)


def _may(user: Any, area: str, write: bool = False) -> bool:
    from jackfield.console.web.rights import READ, WRITE, may

    return may(user, area, WRITE if write else READ)


@cache
def _texts_of_scripts() -> tuple[str, ...]:
    path = Path(assets.FOLDER).parent / "locale" / "scripts.json"
    return tuple(msgspec.json.decode(path.read_bytes())) if path.exists() else ()


def _script_words() -> str:
    """Return what scripts have to say in the page's language, as JSON; "" where that is English."""
    return "" if get_language() == "en" else _translated(get_language() or "en")


@lru_cache(32)
def _translated(language: str) -> str:
    found = {text: said for text in _texts_of_scripts() if (said := gettext(text)) != text}
    return msgspec.json.encode(found).decode() if found else ""
