"""Contacts: the company's, and everybody's own with what he has marked as favourites. vCards in and out.

They are no configuration: they have a history of their own, by which their pages take changes back.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse

from jackfield.console.rest import answers, bodies, paging, problems, repeating, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import address_book
from jackfield.console.web.address_book import Brought
from jackfield.contacts import changes, vcard
from jackfield.contacts.choices import Kind
from jackfield.contacts.models import Contact, ContactChange, Favourite
from jackfield.contacts.numbers import house
from jackfield.numbers.models import Extension

__all__ = ["operations"]

TEXTS = {"name": 100, "company": 100, "email": 254, "note": 1000}
SAMPLE = "BEGIN:VCARD\nVERSION:3.0\nFN:Taxi\nTEL;TYPE=work:+49 30 5550199\nEND:VCARD\n"


class Book:
    """The operations on the company's contacts, or on one's own."""

    def __init__(self, base: str, area: str, *, own: bool) -> None:
        self.base, self.area, self.own = base, area, own

    def _owner(self, asked: Asked) -> Any:
        return asked.user if self.own else None

    def _rows(self, asked: Asked) -> Any:
        return Contact.objects.filter(owner=self._owner(asked)).prefetch_related("numbers")

    def _row(self, asked: Asked) -> Contact:
        id = asked.path["id"]
        row: Contact | None = self._rows(asked).filter(pk=id).first() if id < 2**63 else None
        if row is None:
            raise problems.missing(f"contact {id}")
        return row

    def listing(self, asked: Asked) -> HttpResponse:
        """Answer with a page of contacts, by name."""
        rows = address_book.searched(self._rows(asked), (asked.query["q"] or "")[:100], house())
        return paging.page(asked, rows, "name", lambda found: [shown(row) for row in found])

    def get(self, asked: Asked) -> HttpResponse:
        """Answer with one."""
        return _answer(self._row(asked))

    def create(self, asked: Asked) -> HttpResponse:
        """Make one."""
        return repeating.once(asked, self._create)

    def _create(self, asked: Asked) -> HttpResponse:
        given = bodies.checked(asked.request, NEW)
        most = address_book.MOST_CONTACTS[not self.own]
        if self._rows(asked).count() >= most:
            raise Refusal(422, f"There are {most} contacts, which is as many as fit. Remove one first.")
        row = Contact(owner=self._owner(asked))
        _save(row, given, asked.user)
        address = f"{asked.request.path.rstrip('/')}/{row.pk}"
        return _answer(row, 201, {"Location": address})

    def change(self, asked: Asked) -> HttpResponse:
        """Change what is given; numbers, where given, are all that it is to have."""
        given = bodies.checked(asked.request, CHANGE)
        with transaction.atomic():
            row = self._row(asked)
            answers.demand_match(asked.request, answers.etag(shown(row)))
            _save(row, shown(row) | given, asked.user)
        return _answer(self._row(asked))

    def remove(self, asked: Asked) -> HttpResponse:
        """Remove one: the page of the contacts' history can bring it back."""
        row = self._row(asked)
        answers.demand_match(asked.request, answers.etag(shown(row)))
        address_book.remove(row, asked.user)
        return HttpResponse(status=204)

    def bring_in(self, asked: Asked) -> HttpResponse:
        """Add the contacts of a vCard file; one of the same name gets the numbers that it lacks."""
        content = bodies.raw(asked.request, address_book.MOST_BYTES)
        cards = vcard.read(vcard.decoded(content).replace("\0", ""))
        if not cards:
            raise Refusal(422, "There is no contact in this: send vCards, as BEGIN:VCARD … END:VCARD.")
        with transaction.atomic():
            brought = address_book.bring_in(cards, self._owner(asked), house(), asked.user)
            if asked.query["dry_run"]:
                transaction.set_rollback(True)
        found = {name: getattr(brought, name) for name in Brought.__slots__}
        return answers.json({"applied": not asked.query["dry_run"], **found})

    def export(self, asked: Asked) -> HttpResponse:
        """Answer with all of them as vCards."""
        return address_book.exported(Contact.objects.filter(owner=self._owner(asked)), asked.request)

    def changes(self, asked: Asked) -> HttpResponse:
        """Answer with what was done with them, the newest first."""
        rows = ContactChange.objects.filter(owner=self._owner(asked))
        return paging.page(asked, rows, "-at", lambda found: [_change(row) for row in found])

    def undo(self, asked: Asked) -> HttpResponse:
        """Take back what was done at once."""
        id = asked.path["change"]
        rows = ContactChange.objects.filter(owner=self._owner(asked), undone=False)
        row = rows.filter(pk=id).first() if id < 2**63 else None
        if row is None:
            raise problems.missing(f"change {id} of contacts that is not taken back")
        return answers.json({"left": changes.undo(row, asked.user, house())})

    def operations(self) -> list[Operation]:
        """Return all of them."""
        whose = "my own contacts" if self.own else "the company's contacts"
        prefix = "own_" if self.own else ""
        common: dict[str, Any] = {"area": self.area, "group": "own contacts" if self.own else "contacts"}
        one = common | {"path": f"{self.base}/{{id}}", "route": f"{self.base}/<int:id>"}
        kept = f"{self.base}/changes"
        search = Parameter("q", "Search: part of a name, a firm or a number.")
        version = Parameter("version", "Of vCard.", {"type": "string", "enum": ["3.0", "4.0"], "default": "3.0"})
        return [
            Operation(f"list_{prefix}contacts", "GET", self.base, summary=f"List {whose}", run=self.listing,
                      parameters=(search, *paging.PARAMETERS), answer=schemas.listed(CONTACT), **common),
            Operation(f"create_{prefix}contact", "POST", self.base, summary="Make a contact", run=self.create,
                      status=201, body=NEW, answer=CONTACT, repeatable=True, **common),
            Operation(f"get_{prefix}contact", "GET", summary="Read a contact", run=self.get, answer=CONTACT, **one),
            Operation(f"change_{prefix}contact", "PATCH", summary="Change a contact", run=self.change, body=CHANGE,
                      answer=CONTACT, conditional=True, about="Its numbers, where given, are all that it is to have.",
                      **one),
            Operation(f"remove_{prefix}contact", "DELETE", summary="Remove a contact", run=self.remove, status=204,
                      conditional=True, about=f"What undo_{prefix}contact_change takes back.", **one),
            Operation(f"list_{prefix}contact_changes", "GET", kept, summary=f"What was done with {whose}",
                      run=self.changes, parameters=paging.PARAMETERS, answer=schemas.listed(CONTACT_CHANGE), **common),
            Operation(f"undo_{prefix}contact_change", "POST", f"{kept}/{{change}}/undo",
                      route=f"{kept}/<int:change>/undo", summary="Take back what was done with contacts",
                      run=self.undo, answer=LEFT, about="Contacts that were changed again since are left as they are.",
                      **common),
            Operation(f"export_{prefix}contacts", "GET", f"{self.base}.vcf", summary=f"Export {whose} as vCards",
                      run=self.export, parameters=(version,), answer={"type": "string"}, answer_type="text/vcard",
                      **common),
            Operation(f"import_{prefix}contacts", "POST", f"{self.base}.vcf", summary="Add contacts from vCards",
                      run=self.bring_in, parameters=(DRY_RUN,), body={"type": "string"}, body_type="text/vcard",
                      sample=SAMPLE, answer=BROUGHT, trial=BROUGHT,
                      about="One of the same name gets the numbers that it lacks.", **common),
        ]  # fmt: skip


def shown(row: Contact) -> dict[str, Any]:
    """Return a contact as the API tells it."""
    numbers = [{"kind": one.kind, "number": one.number, "known_as": one.known_as} for one in row.numbers.all()]
    return {"id": row.pk, **{name: getattr(row, name) for name in TEXTS}, "numbers": numbers}


def _change(row: ContactChange) -> dict[str, Any]:
    at = datetime.datetime.fromtimestamp(row.at, datetime.UTC).isoformat(timespec="milliseconds")
    return {"id": row.pk, "at": at, "author": row.author, "undone": row.undone, "contacts": row.items}


def _answer(row: Contact, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    content = shown(row)
    return answers.json(content, status, headers={"ETag": answers.etag(content), **(headers or {})})


def _save(row: Contact, values: dict[str, Any], by: Any) -> None:
    """Store a contact by the rules of the pages' form. Raises `Refusal` naming the fields."""
    data = {name: str(values.get(name) or "") for name in TEXTS}
    for place, one in enumerate(values.get("numbers") or ()):
        data[f"numbers.{place}.kind"], data[f"numbers.{place}.number"] = one.get("kind", "work"), one["number"]
    where = house()
    form = address_book.posted(data, where)
    if form.problems:
        wrong = [{"field": _field(name), "message": text} for name, text in form.problems.items()]
        raise Refusal(422, wrong[0]["message"] if len(wrong) == 1 else "Several fields are not right.", wrong)
    address_book.save(row, form, where, by)
    row._prefetched_objects_cache = {}


def _field(name: str) -> str:
    head, dot, place = name.partition(".")
    return f"{head}[{place}].number" if dot else head


# --- favourites ------------------------------------------------------------------------------------------------------


def favourites(asked: Asked) -> HttpResponse:
    """Answer with what the person has marked."""
    stars = Favourite.objects.filter(user=asked.user).select_related("contact", "extension")
    items = [
        {"contact": star.contact_id, "extension": None, "name": star.contact.name}
        if star.contact_id
        else {"contact": None, "extension": star.extension.number, "name": star.extension.name}
        for star in stars.order_by("pk")
    ]
    return answers.json({"items": items, "next": None})


def mark(asked: Asked) -> HttpResponse:
    """Mark a contact or a colleague; marking twice is marking once."""
    Favourite.objects.get_or_create(user=asked.user, **_meant(asked))
    return HttpResponse(status=204)


def unmark(asked: Asked) -> HttpResponse:
    """Mark it no more."""
    Favourite.objects.filter(user=asked.user, **_meant(asked)).delete()
    return HttpResponse(status=204)


def _meant(asked: Asked) -> dict[str, Any]:
    if "number" in asked.path:
        found = Extension.objects.filter(number=asked.path["number"], enabled=True).first()
        if found is None:
            raise problems.missing(f"extension {asked.path['number'][:40]}")
        return {"extension": found}
    id = asked.path["id"]
    visible = Contact.objects.filter(Q(owner=None) | Q(owner=asked.user))
    contact = visible.filter(pk=id).first() if id < 2**63 else None
    if contact is None:
        raise problems.missing(f"contact {id} of yours or of the company's")
    return {"contact": contact}


# --- description -----------------------------------------------------------------------------------------------------

_WRITTEN: dict[str, Any] = {name: {"type": "string", "maxLength": most} for name, most in TEXTS.items()}
_NUMBER = {"kind": {"type": "string", "enum": list(Kind.values)}, "number": {"type": "string", "maxLength": 40}}
_NUMBERS = {"type": "array", "items": schemas.body(_NUMBER | {"known_as": "string"}, "number"),
            "maxItems": address_book.MOST_NUMBERS}  # fmt: skip
CHANGE = schemas.body(_WRITTEN | {"numbers": _NUMBERS})
NEW = schemas.body(_WRITTEN | {"numbers": _NUMBERS}, "name", "numbers")
CONTACT = schemas.table({"id": "integer", **_WRITTEN, "numbers": {"type": "array", "items": schemas.table(_NUMBER)}})
BROUGHT = schemas.table({"applied": "boolean", "new": "integer", "added_to": "integer", "same": "integer",
                         "left_out": "integer"})  # fmt: skip
CONTACT_CHANGE = schemas.table({
    "id": "integer", "at": {"type": "string", "format": "date-time"}, "author": "string", "undone": "boolean",
    "contacts": {"type": "array", "items": schemas.table({
        "pk": "integer", "before": {"type": ["object", "null"]}, "after": {"type": ["object", "null"]},
    })},
})  # fmt: skip
LEFT = schemas.table({"left": {"type": "array", "items": {"type": "string"}}})
_STAR = schemas.table({"contact": {"type": ["integer", "null"]}, "extension": {"type": ["string", "null"]},
                       "name": "string"})  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations on contacts."""
    common: dict[str, Any] = {"area": "own", "group": "own contacts"}
    found = [
        *Book("/contacts", "people", own=False).operations(),
        *Book("/me/contacts", "own", own=True).operations(),
        Operation("list_favourites", "GET", "/me/favourites", summary="What I have marked", run=favourites,
                  answer=schemas.listed(_STAR), **common),
    ]  # fmt: skip
    for what, name, route in (("contact", "id", "<int:id>"), ("extension", "number", "<str:number>")):
        base = f"/me/favourites/{what}s"
        one = common | {"path": f"{base}/{{{name}}}", "route": f"{base}/{route}", "status": 204}
        a = "an" if what == "extension" else "a"
        found += [
            Operation(f"mark_{what}", "PUT", summary=f"Mark {a} {what} as a favourite", run=mark, **one),
            Operation(f"unmark_{what}", "DELETE", summary=f"Mark {a} {what} no more", run=unmark, **one),
        ]
    return found
