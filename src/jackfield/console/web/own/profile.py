"""Me: who one is here, one's language, and the ways to devices, password, notices."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web.forms import sentence
from jackfield.console.web.own import mine
from jackfield.console.web.rights import gate

__all__ = ["LANGUAGES", "profile"]

LANGUAGES: tuple[tuple[str, str], ...] = (
    ("", "As the company"), ("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français"),
    ("cs", "Čeština"),
)  # fmt: skip


@gate("own")
def profile(request: HttpRequest) -> HttpResponse:
    """Show the person; save its language."""
    user: Any = request.user
    if request.method == "POST":
        wanted = request.POST.get("language", "")
        author = Author(user.shown_name, "page", user, request.META.get("REMOTE_ADDR", ""))
        try:
            if wanted in dict(LANGUAGES):
                wish = Wish("users", {"language": wanted}, (user.login,))
                change.save(django_settings.JACKFIELD, [wish], author=author)
                mine.tell(request, "Your language is saved.")
        except DocumentError as problem:
            mine.tell(request, sentence(problem.problems[0].message), "bad")
        return redirect("/me/profile")
    languages = LANGUAGES
    if user.language not in dict(LANGUAGES):
        languages = (*LANGUAGES, (user.language, user.language))
    return render(request, "own/profile.html", {"rows": mine.extensions(request), "languages": languages})
