"""Tables: every list as CSV, and CSV as changes, with what each row would do and what is wrong with it by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import change
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import Difference
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import answers, bodies, door, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.things import SECRETS, Things, area_of
from jackfield.console.rest.who import author
from jackfield.console.web.csv_text import MAX_BYTES, TableError, read_table, text_of, write_table
from jackfield.console.web.rights import WRITE
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.table_columns import cells, columns
from jackfield.console.web.table_rows import Judged, Row, judge, rows_of

__all__ = ["operations"]

SEPARATOR = Parameter("separator", "Between cells.", {"type": "string", "enum": [",", ";"], "default": ","})
LEAVE_OUT = Parameter(
    "leave_out", "Import the good rows although others are wrong.", {"type": "boolean", "default": False}
)


class Table:
    """The table of one section."""

    def __init__(self, things: Things) -> None:
        self.things, self.screen = things, SCREENS[things.section.name]

    def export(self, asked: Asked) -> HttpResponse:
        """Answer with the table of what the list would have."""
        rows, _ = self.things.wanted(asked)
        secrets = self.things.secrets(asked, f"the table of {self.screen.title.lower()}")
        related = {"extensions": ("lines",), "users": ("extensions",)}.get(self.screen.name, ())
        chosen = [column for column in columns(self.screen) if secrets or not column.secret]
        table = (cells(self.screen, chosen, row) for row in rows.prefetch_related(*related))
        content = write_table([column.name for column in chosen], table, asked.query["separator"])
        headers = {"Content-Disposition": f'attachment; filename="{self.screen.name}.csv"'}
        return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)

    def bring(self, asked: Asked) -> HttpResponse:
        """Import a table, or tell what that would do."""
        try:
            rows, strange = rows_of(
                self.screen, read_table(text_of(bodies.raw(asked.request, MAX_BYTES)).replace("\0", ""))
            )
        except TableError as problem:
            raise Refusal(422, str(problem)) from None
        judged = judge(rows, strange, lambda wishes: self._save(asked, wishes, dry_run=True))
        if asked.query["dry_run"]:
            return answers.json(self._told(judged, applied=False))
        wrong = [{"field": "", "message": text} for text in judged.general]
        if judged.general or not asked.query["leave_out"] or not judged.good:
            wrong += [{"field": f"line {row.line}", "message": text} for row in judged.wrong for text in row.problems]
        if wrong:
            text = wrong[0]["message"] if len(wrong) == 1 else f"{len(wrong)} things are not right."
            raise Refusal(422, f"{text} Nothing was imported.", wrong)
        difference = self._save(asked, judged.wishes)
        made = [one.key.partition("/")[2] for one in difference.changes
                if (one.section, one.action) == ("lines", "create")]  # fmt: skip
        return answers.json(self._told(judged, applied=True) | {"phones": _credentials(made)})

    def _save(self, asked: Asked, wishes: Sequence[Wish | Removal], *, dry_run: bool = False) -> Difference:
        for section in {wish.section for wish in wishes}:
            door.demand(asked.request, area_of(section), WRITE)
        return change.save(django_settings.JACKFIELD, wishes, author=author(asked.request), dry_run=dry_run)

    def _told(self, judged: Judged, *, applied: bool) -> dict[str, Any]:
        return {
            "applied": applied,
            "counts": judged.counted(),
            "rows": [_row(row) for row in judged.rows],
            "unknown_columns": [name for name in judged.strange if name],
            "warnings": judged.warnings,
            "problems": judged.general,
            "phones": [],
        }

    def operations(self) -> list[Operation]:
        """Return both."""
        name = self.screen.name
        title = name.replace("_", " ")
        common: dict[str, Any] = {"area": area_of(name), "group": "tables", "path": f"/{name}.csv"}
        return [
            Operation(f"export_{name}", "GET", summary=f"The {title} as a table", run=self.export,
                      parameters=(*self.things.filtering(), SEPARATOR, SECRETS), answer={"type": "string"},
                      answer_type="text/csv", **common),
            Operation(f"import_{name}", "POST", summary=f"Make or change {title} by a table", run=self.bring,
                      parameters=(DRY_RUN, LEAVE_OUT), body={"type": "string"}, body_type="text/csv",
                      sample=",".join(self.things.section.key) + "\n", answer=IMPORTED, trial=IMPORTED, **common),
        ]  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    done = "wrong" if row.problems else "create" if row.new else "change" if row.told else "nothing"
    return {"line": row.line, "key": row.key, "action": done, "problems": row.problems,
            "changes": [str(one) for one in row.told]}  # fmt: skip


def _credentials(names: list[str]) -> list[dict[str, str]]:
    from jackfield.numbers.models import Line

    lines = Line.objects.select_related("extension").filter(sip_username__in=names)
    return [
        {"extension": line.extension.number, "sip_username": line.sip_username, "sip_password": line.sip_password}
        for line in lines.order_by("extension__number", "position")
    ]


_TEXTS = {"type": "array", "items": {"type": "string"}}
_ROW = schemas.table(
    {"line": "integer", "key": "string", "problems": _TEXTS, "changes": _TEXTS,
     "action": {"type": "string", "enum": ["create", "change", "nothing", "wrong"]}}
)  # fmt: skip
_PHONE = schemas.table(dict.fromkeys(("extension", "sip_username", "sip_password"), "string"))
IMPORTED = schemas.table(
    {"applied": "boolean", "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
     "rows": {"type": "array", "items": _ROW}, "unknown_columns": _TEXTS, "warnings": _TEXTS, "problems": _TEXTS,
     "phones": {"type": "array", "items": _PHONE,
                "description": "What new phones sign in with: in this answer alone."}}
)  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations of all tables."""
    found = [Things(section) for section in SECTIONS.values() if section.key and section.name in SCREENS]
    return [operation for things in found for operation in Table(things).operations()]
