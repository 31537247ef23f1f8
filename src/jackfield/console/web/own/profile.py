"""Me: who one is here, one's language, and the ways to devices, password, notices."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.languages import LANGUAGES, reading_in, with_company
from jackfield.console.web.forms import sentence
from jackfield.console.web.own import mine
from jackfield.console.web.rights import gate

__all__ = ["profile"]


@gate("own")
def profile(request: HttpRequest) -> HttpResponse:
    """Show the person; save its language."""
    user: Any = request.user
    if request.method == "POST":
        wanted = request.POST.get("language", "")
        author = Author(user.shown_name, "page", user, request.META.get("REMOTE_ADDR", ""))
        try:
            if not wanted or wanted in LANGUAGES:
                wish = Wish("users", {"language": wanted}, (user.login,))
                change.save(django_settings.JACKFIELD, [wish], author=author)
                with reading_in(wanted):  # at once, as the next page
                    mine.tell(request, _("Your language is saved."))
        except DocumentError as problem:
            mine.tell(request, sentence(problem.problems[0].message), "bad")
        return redirect("/me/profile")
    languages = with_company(_("The company's"))
    if user.language not in dict(languages):
        languages = (*languages, (user.language, user.language))
    return render(request, "own/profile.html", {"rows": mine.extensions(request), "languages": languages})
