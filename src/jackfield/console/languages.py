"""The languages of the pages, and which one somebody reads: the one place that knows their list.

A language is added by a line in `LANGUAGES` and `tools/make-catalogues` (docs/tour.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from babel import Locale, UnknownLocaleError
from django.conf import settings as django_settings
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

__all__ = [
    "COOKIE",
    "LANGUAGES",
    "best",
    "chosen",
    "company_place",
    "locale",
    "reading_in",
    "supported",
    "with_company",
]

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "cs": "Čeština"}
"""Every language by its own name: who looks for it may read no other."""
COOKIE = "jackfield_language"
KEPT_SECONDS = 5.0
NOWHERE = ("en", "US")
ELSEWHERE = "en_150"
"""English where the CLDR knows no English of the country: the day before the month, and 24 hours."""

_kept: list[tuple[Any, float, tuple[str, str]]] = []
_locales: dict[tuple[str, str], Locale] = {}


def supported(tag: str) -> str:
    """Return the language of a BCP 47 tag when there are pages in it, else ""."""
    found = tag.replace("_", "-").partition("-")[0].lower()
    return found if found in LANGUAGES else ""


def company_place() -> tuple[str, str]:
    """Return language tag and country of the company. Read every few seconds, not with every request.

    In an event loop, which must not wait for the database, what was read last.
    """
    from jackfield.company.models import General

    now, looping = time.monotonic(), _in_event_loop()
    for system, read, found in _kept[:1]:
        if system is django_settings.JACKFIELD and (looping or now - read < KEPT_SECONDS):
            return found
    if looping:
        return NOWHERE
    found = General.objects.filter(pk=1).values_list("language", "country").first() or NOWHERE
    _kept[:] = [(django_settings.JACKFIELD, now, found)]
    return found


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _forget(sender: Any, **_: Any) -> None:
    if sender._meta.label == "company.General":
        _kept.clear()


post_save.connect(_forget)


def best(tag: str) -> str:
    """Return the language in which somebody is written to who wants that of `tag`: it, the company's, else English."""
    return supported(tag) or supported(company_place()[0]) or "en"


def chosen(request: HttpRequest) -> str:
    """Return the language of an answer: the person's; before anybody has signed in, the browser's choice."""
    # Without a session's cookie nobody is signed in, and the database need not be asked.
    if request.session.session_key and request.user.is_authenticated:
        user: Any = request.user
        return best(user.language)
    return supported(request.COOKIES.get(COOKIE, "")) or _accepted(request) or best("")


def _accepted(request: HttpRequest) -> str:
    """Return what the browser wants most (RFC 9110 section 12.5.4) of what there is."""
    wanted = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    return next((found for tag, _ in wanted if (found := supported(tag))), "")


@contextmanager
def reading_in(tag: str) -> Iterator[None]:
    """Write meanwhile for somebody who wants the language of `tag`: mails, which nobody's browser asks for."""
    with translation.override(best(tag)):
        yield


def locale() -> Locale:
    """Return whose manner of writing dates and numbers holds now: the language of the page in the company's country."""
    key = supported(translation.get_language() or "") or "en", company_place()[1]
    found = _locales.get(key)
    if found is None:
        found = _locales[key] = _locale(*key)
    return found


def _locale(language: str, country: str) -> Locale:
    for name in (f"{language}_{country}", ELSEWHERE if language == "en" else language):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def with_company(text: str) -> tuple[tuple[str, str], ...]:
    """Return what a person chooses a language from. `text`: what stands for the company's own."""
    return (("", text), *LANGUAGES.items())
