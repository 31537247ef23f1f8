"""The whole configuration as one YAML document: shown, downloaded, and applied after a look at what would change."""

from __future__ import annotations

import datetime
import re
import time
from functools import lru_cache
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from jackfield.changes.models import Revision
from jackfield.console import api
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import Difference, DocumentError, Problem
from jackfield.console.declarative.document import load
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.web import changes, kept, saving, told
from jackfield.console.web.forms import sentence
from jackfield.console.web.rights import AREAS, WRITE, gate, may

__all__ = ["urls"]

MAX_BYTES = 5 << 20
SHOWN = 400_000
"""Characters of the document that its page shows; the download has all."""
MOST = 500
"""Things and problems that a preview shows one by one."""
_SECRET = "|".join(
    sorted({known.name for section in (*SECTIONS.values(), LINES) for known in section.fields.values() if known.secret})
)
_HIDDEN = re.compile(rf"\b({_SECRET})(\"?\s*:\s*)[^,}}\n]*")
UPLOADED = "application/yaml; charset=utf-8"


class NoText(ValueError):
    """What was given is no document; the text says why, for people."""


@gate("system")
def index(request: HttpRequest) -> HttpResponse:
    """Show the document without its passwords, and where to paste another one."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", text: str = "") -> HttpResponse:
    document = _exported(django_settings.JACKFIELD.database, _newest())
    context = {
        "document": document[:SHOWN],
        "cut": len(document) > SHOWN,
        "problem": problem,
        "text": text,
        "full": _full(request.user),
    }
    return render(request, "document.html", context, status=422 if problem else 200)


def _newest() -> int:
    newest: int | None = Revision.objects.values_list("pk", flat=True).first()
    return newest or 0


@lru_cache(maxsize=1)
def _exported(database: str, revision: int) -> str:
    """Writing thousands of things takes seconds: what no change has touched since is shown again."""
    return api.export(django_settings.JACKFIELD)


@gate("system")
def download(request: HttpRequest) -> HttpResponse:
    """Answer with the document, without its passwords."""
    return _file(api.export(django_settings.JACKFIELD), "jackfield")


@gate("system", write=True)
def download_secrets(request: HttpRequest) -> HttpResponse:
    """Ask a full administrator whether he wants the passwords too; keep in the history that he has them."""
    context = {"full": _full(request.user)}
    if request.method != "POST" or not context["full"]:
        return render(request, "document_secrets.html", context, status=200 if context["full"] else 422)
    changes.record(request, "Exported the whole configuration with all passwords.")
    return _file(api.export(django_settings.JACKFIELD, secrets=True), "jackfield-with-passwords")


def _full(user: Any) -> bool:
    return all(may(user, area, WRITE) for area in AREAS)


def _file(text: str, name: str) -> HttpResponse:
    day = datetime.datetime.fromtimestamp(time.time(), datetime.UTC).date().isoformat()
    headers = {"Content-Disposition": f'attachment; filename="{name}-{day}.yaml"'}
    return HttpResponse(text, content_type=UPLOADED, headers=headers)


@gate("system", write=True)
def bring(request: HttpRequest) -> HttpResponse:
    """Show what a document would change; apply it."""
    if request.method != "POST":
        return redirect("/admin/document/")
    token = request.POST.get("token", "")
    try:
        content = kept.find(request, token) if token else _given(request)
        if content is None:
            raise NoText(_("The document is not kept here any more (an hour at most): paste it once more."))
        text = _text(content)
    except NoText as error:
        return _page(request, str(error), _typed(request))
    prune, really = "prune" in request.POST, bool(token) and "apply" in request.POST
    context: dict[str, Any] = {"prune": prune, "told": [], "more": 0, "warnings": [], "problems": []}
    try:
        difference = _apply(request, text, prune=prune, dry_run=not really)
    except DocumentError as error:
        context["problems"] = [_shown(problem, text) for problem in error.problems[:MOST]]
        context["token"] = token or kept.keep(request, content)
        typed = _typed(request)
        context["text"] = "" if _HIDDEN.search(typed) else typed  # no password goes into a page
        return render(request, "document_preview.html", context, status=422)
    if really:
        kept.drop(request, token)
        saving.notify(request, told.notices(difference))
        newest = Revision.objects.first()
        return redirect(f"/admin/changes/{newest.pk}" if difference and newest else "/admin/document/")
    found = told.tell(difference)
    context |= {
        "told": found[:MOST],
        "more": max(0, len(found) - MOST),
        "counts": difference.counts,
        "warnings": [_shown(problem, text) for problem in difference.warnings[:MOST]],
        "token": token or kept.keep(request, content),
    }
    return render(request, "document_preview.html", context)


def _given(request: HttpRequest) -> bytes:
    upload: Any = request.FILES.get("file")
    if upload is not None:
        if upload.size > MAX_BYTES:
            text = _("The file is larger than %(size)s MB: apply it on the command line.")
            raise NoText(text % {"size": MAX_BYTES >> 20})
        return bytes(upload.read())
    return request.POST.get("text", "").encode()


def _typed(request: HttpRequest) -> str:
    text: str = request.POST.get("text", "")
    return text if len(text) <= MAX_BYTES else ""


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        text = _("The document is larger than %(size)s MB: apply it on the command line.")
        raise NoText(text % {"size": MAX_BYTES >> 20})
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NoText(_("This is not text in UTF-8: choose a YAML file.")) from None
    if any(character < " " and character not in "\t\r\n" for character in set(text)):
        raise NoText(_("This is not text: choose a YAML file."))
    if not text.strip():
        raise NoText(_("Choose a file, or paste a document."))
    return text


def _apply(request: HttpRequest, text: str, *, prune: bool, dry_run: bool) -> Difference:
    """Apply a document as `jackfield apply` does, as far as this person may change what it names."""
    from jackfield.console import publish, sounds
    from jackfield.console.database import database_errors
    from jackfield.console.declarative.apply import apply

    named = [entry.key for entry in load(text).entries if entry.key in SECTIONS]
    if problems := saving.refused(request.user, [Wish(name, {}) for name in named]):
        raise DocumentError(problems)
    settings, who = django_settings.JACKFIELD, saving.author(request, "document")
    with database_errors(settings):
        difference = apply(text, prune=prune, dry_run=dry_run, sounds=sounds.names(settings), author=who)
    if not dry_run:
        publish.publish(settings)
    return difference


def _shown(problem: Problem, text: str) -> dict[str, Any]:
    """Return a problem with the line that it stands in, without what is secret there."""
    lines = text.splitlines()
    line = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    message = f"{problem.path}: {problem.message}" if problem.path else sentence(problem.message)
    return {"number": problem.line, "text": message, "line": _HIDDEN.sub(r"\1\2…", line)[:300]}


def urls() -> list[Any]:
    """Return the addresses of the document."""
    from django.urls import path

    return [
        path("admin/document/", index),
        path("admin/document/download", download),
        path("admin/document/passwords", download_secrets),
        path("admin/document/apply", bring),
    ]
