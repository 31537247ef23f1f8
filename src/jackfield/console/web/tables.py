"""Tables out and in: every list as CSV, and CSV as changes, after a look at what would change."""

from __future__ import annotations

import datetime
import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.company.models import General
from jackfield.console import welcome
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import changes, errors, kept, saving, told
from jackfield.console.web.csv_text import MAX_BYTES, TableError, read_table, text_of, write_table
from jackfield.console.web.lists import find
from jackfield.console.web.rights import gate
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.table_columns import cells, columns, key_columns
from jackfield.console.web.table_rows import Judged, judge, rows_of

__all__ = ["urls"]

SHOWN = 300
"""Rows of each kind that a preview shows; all of them are counted."""
SECRETS_SHOWN = 200
COMMA_COUNTRIES = frozenset((
    "US", "CA", "GB", "IE", "AU", "NZ", "IN", "ZA", "IL", "JP", "CN", "KR", "TW", "SG", "MY", "TH", "PH", "HK", "MX",
))  # fmt: skip
"""Where a comma does not stand in numbers, and so separates the cells of tables."""
UPLOADED = "text/csv; charset=utf-8"


def export(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Answer with the table of what the list shows, without passwords."""
    return _file(request, screen, secrets=False)


def export_secrets(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Ask whether passwords are to be in the table; answer with it, and keep in the history who has it."""
    if not any(column.secret for column in columns(screen)):
        return errors.missing(request, f"{screen.title} have no passwords: the plain table has everything.")
    if request.method != "POST":
        context = {"screen": screen, "query": request.META.get("QUERY_STRING", ""), "count": _count(request, screen)}
        return render(request, "export_secrets.html", context)
    response = _file(request, screen, secrets=True)
    changes.record(request, f"Exported {_count(request, screen)} {screen.title.lower()} with their passwords.")
    return response


def _count(request: HttpRequest, screen: Screen) -> int:
    return find(screen, request.GET).rows.count()


def _file(request: HttpRequest, screen: Screen, *, secrets: bool) -> HttpResponse:
    rows = find(screen, request.GET).rows
    related = {"extensions": ("lines",), "users": ("extensions",)}.get(screen.name, ())
    references = [name for name, known in screen.section.fields.items() if known.reference]
    rows = rows.select_related(*references) if references else rows
    chosen = [column for column in columns(screen) if secrets or not column.secret]
    table = (cells(screen, chosen, row) for row in rows.prefetch_related(*related))
    general = General.current()
    separator = "," if general.country in COMMA_COUNTRIES else ";"
    day = datetime.datetime.fromtimestamp(time.time(), datetime.UTC).date()
    name = f"{screen.name}-{day.isoformat()}.csv"
    content = write_table([column.name for column in chosen], table, separator)
    return HttpResponse(
        content, content_type=UPLOADED, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def bring(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Ask for a table, show what it would change row by row, import it."""
    if request.method != "POST":
        return _ask(request, screen)
    token = request.POST.get("token", "")
    try:
        if token:
            content = kept.find(request, token)
            if content is None:
                raise TableError("The table is not kept here any more (an hour at most): choose it once more.")
        else:
            content = _given(request)
        rows, strange = rows_of(screen, read_table(text_of(content)))
    except TableError as error:
        return _ask(request, screen, str(error))
    judged = judge(rows, strange, lambda wishes: saving.save(request, wishes, through="import", dry_run=True))
    chosen = "apply" in request.POST and (not judged.wrong or "leave_out" in request.POST)
    if not (token and chosen) or judged.general or not judged.good:
        return _preview(request, screen, judged, token or kept.keep(request, content), again="apply" in request.POST)
    return _apply(request, screen, judged, token)


def _given(request: HttpRequest) -> bytes:
    upload: Any = request.FILES.get("file")
    if upload is not None:
        if upload.size > MAX_BYTES:
            raise TableError(f"The file is larger than {MAX_BYTES >> 20} MB: split it.")
        return bytes(upload.read())
    text = request.POST.get("text", "")
    if not text.strip():
        raise TableError("Choose a file, or paste a table.")
    return text.encode()


def _ask(request: HttpRequest, screen: Screen, problem: str = "") -> HttpResponse:
    needed = key_columns(screen)
    typed = request.POST.get("text", "")
    shown = len(typed) <= MAX_BYTES and "password" not in typed.lower()  # no password goes into a page
    context = {
        "screen": screen,
        "columns": columns(screen),
        "needed": needed,
        "problem": problem,
        "text": typed if shown else "",
    }
    return render(request, "import.html", context, status=422 if problem else 200)


def _preview(request: HttpRequest, screen: Screen, judged: Judged, token: str, *, again: bool) -> HttpResponse:
    good = [row for row in judged.good if row.told]
    context = {
        "screen": screen,
        "counts": judged.counted(),
        "strange": judged.strange,
        "general": judged.general,
        "warnings": judged.warnings,
        "wrong": judged.wrong[:SHOWN],
        "rows": good[:SHOWN],
        "more": max(0, len(good) - SHOWN),
        "more_wrong": max(0, len(judged.wrong) - SHOWN),
        "token": token,
        "welcome": screen.name == "users" and ("welcome" in request.POST if again else welcome.wanted_by_default()),
        "must_choose": again and bool(judged.wrong),
    }
    return render(request, "import_preview.html", context, status=422 if again else 200)


def _apply(request: HttpRequest, screen: Screen, judged: Judged, token: str) -> HttpResponse:
    try:
        difference = saving.save(request, judged.wishes, through="import")
    except DocumentError as error:  # changed by somebody since the preview
        judged.general = [told.problem_words(one, judged.wishes) for one in error.problems]
        return _preview(request, screen, judged, token, again=True)
    kept.drop(request, token)
    left = judged.counted()["wrong"]
    notices = told.notices(difference, judged.wishes)
    if "welcome" in request.POST:
        notices += welcome.welcome_created(difference)
    if left:
        notices.append(("warning", f"{left} {'row was' if left == 1 else 'rows were'} left out."))
    made = [change.key.partition("/") for change in difference.changes if (change.section, change.action) == MADE]
    if made:
        return _credentials(request, screen, [name for _, _, name in made], notices)
    saving.notify(request, notices)
    return redirect(f"/admin/{screen.name}/")


MADE = ("lines", "create")


def _credentials(
    request: HttpRequest, screen: Screen, names: list[str], notices: list[tuple[str, str]]
) -> HttpResponse:
    """Show this once what the new phones sign in with."""
    from jackfield.numbers.models import Line

    lines = Line.objects.select_related("extension").filter(sip_username__in=names[:SECRETS_SHOWN])
    context = {
        "screen": screen,
        "lines": sorted(lines, key=lambda line: (len(line.extension.number), line.extension.number)),
        "more": max(0, len(names) - SECRETS_SHOWN),
        "notices": notices,
    }
    return render(request, "import_credentials.html", context)


def urls() -> list[Any]:
    """Return the addresses of each list's table."""
    from django.urls import path

    found = []
    for screen in SCREENS.values():
        if not screen.section.key:
            continue
        base, more = f"admin/{screen.name}/", {"screen": screen}
        found += [
            path(f"{base}export", gate(screen.area)(export), more),
            path(f"{base}export/passwords", gate(screen.area, write=True)(export_secrets), more),
            path(f"{base}import", gate(screen.area, write=True)(bring), more),
        ]
    return found
