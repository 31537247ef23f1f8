"""The languages: which ones pages, e-mails and announcements have, who chose one, and which one is the company's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from babel import Locale, UnknownLocaleError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.console import languages, sounds
from jackfield.console.web import audio, saving
from jackfield.console.web.rights import gate

__all__ = ["Spoken", "language_list", "spoken", "urls"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One language. `prompts`: announcements that are there, `own` of them the company's; `shipped`: there are ours."""

    tag: str
    name: str
    pages: bool
    prompts: int
    own: int
    shipped: bool
    users: int
    extensions: int


def spoken(company: str) -> list[Spoken]:
    """Return the languages that there is anything of, and `company`, the company's own, the first."""
    from jackfield.numbers.models import Extension
    from jackfield.people.models import User

    prompts: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for one, row in audio.playable():
        if one.language:
            prompts[_primary(one.language)] += 1
            own[_primary(one.language)] += row is not None
    users = Counter(map(_primary, User.objects.exclude(language="").values_list("language", flat=True)))
    extensions = Counter(map(_primary, Extension.objects.exclude(language="").values_list("language", flat=True)))
    shipped = sounds.spoken()
    tags = {*languages.LANGUAGES, *shipped, *prompts, *users, *extensions, _primary(company)} - {""}
    found = [
        Spoken(tag, name_of(tag), tag in languages.LANGUAGES, prompts[tag], own[tag], tag in shipped, users[tag],
               extensions[tag])
        for tag in tags
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.tag != _primary(company), one.name.casefold()))


def name_of(tag: str) -> str:
    """Return a language's own name of itself; the tag, where nobody knows it."""
    if tag in languages.LANGUAGES:
        return languages.LANGUAGES[tag]
    try:
        return Locale.parse(tag.replace("-", "_")).get_display_name() or tag
    except (UnknownLocaleError, ValueError):
        return tag


def _primary(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].lower()


@gate("system")
def language_list(request: HttpRequest) -> HttpResponse:
    """Show the languages; choose the company's."""
    from jackfield.company.models import General

    company, problem = General.current().language, ""
    if request.method == "POST":
        problem = saving.save_setting(request, "language", request.POST.get("language", "").strip())
        if not problem:
            return redirect("/admin/languages/")
    rows = spoken(company)
    choices = [(company if one.tag == _primary(company) else one.tag, one.name) for one in rows]
    context = {"rows": rows, "company": company, "choices": choices, "problem": problem}
    return render(request, "languages.html", context, status=422 if problem else 200)


def urls() -> list[Any]:
    """Return the address of the page here."""
    from django.urls import path

    return [path("admin/languages/", language_list)]
