"""What own and company contacts share: searching, the form, vCards in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console import formats
from jackfield.console.searching import having
from jackfield.console.web.forms import sentence
from jackfield.contacts import changes, vcard
from jackfield.contacts.choices import Kind
from jackfield.contacts.models import Contact, ContactNumber
from jackfield.contacts.numbers import House
from jackfield.contacts.vcard import Card
from jackfield.switch.numbers import clean

__all__ = [
    "Brought",
    "Form",
    "NotReadable",
    "bring_in",
    "exported",
    "form_of",
    "posted",
    "remove",
    "save",
    "searched",
    "uploaded",
]

MOST_BYTES = 5 << 20
MOST_UPLOADED = 20 << 20
"""Of a file: phones export contacts with their pictures, which nobody can leave out there."""
MOST_NUMBERS = 20
MOST_CONTACTS = {True: 20_000, False: 5_000}
"""How many contacts the company may have, and how many a person."""
_ROW = re.compile(r"numbers\.(\d{1,3})\.number")
_LENGTHS = {"name": 100, "company": 100, "email": 254, "note": 1000}


class NotReadable(ValueError):
    """A file that is no vCard file; the message says what to do."""


@dataclass(slots=True)
class Form:
    """A contact as it stands in the form. `numbers`: kind and number; `problems`: by field, "numbers.0" for a row."""

    values: dict[str, str]
    numbers: list[tuple[str, str]]
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers, and one row more to write into."""
        return [*self.numbers, ("mobile" if not self.numbers else "work", "")]

    kinds = tuple(Kind.choices)


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import has come to."""

    new: int = 0
    added_to: int = 0  # contacts that were there and got a number more
    same: int = 0
    left_out: int = 0  # without a number, or more than fit

    def __str__(self) -> str:
        told = [
            (self.new, ngettext("%(count)s contact is new.", "%(count)s contacts are new.", self.new)),
            (
                self.added_to,
                ngettext("%(count)s got a number more.", "%(count)s got numbers more.", self.added_to),
            ),
            (self.same, ngettext("%(count)s was there already.", "%(count)s were there already.", self.same)),
            (
                self.left_out,
                ngettext(
                    "%(count)s was left out: without a number, or more than fit.",
                    "%(count)s were left out: without a number, or more than fit.",
                    self.left_out,
                ),
            ),
        ]
        return " ".join(text % {"count": formats.number(count)} for count, text in told if count or text is told[0][1])


def searched(contacts: Any, search: str, house: House) -> Any:
    """Return those of `contacts` whose name, firm or number has what is searched for."""
    if not search:
        return contacts
    found = having("name", search) | having("company", search) | having("email", search)
    digits = clean(search)
    if len(digits) > 1 and digits.lstrip("+").isdigit():
        # "0171 55" is found in +4917155…: without the zeros of the beginning the digits are the same.
        found |= Q(numbers__known_as__contains=digits.lstrip("+0") or digits)
        found |= Q(numbers__known_as__in=house.forms_of(digits))
    return contacts.filter(found).distinct()


def form_of(contact: Any) -> Form:
    """Return the form of a stored contact, or an empty one for a new one."""
    values = {name: getattr(contact, name) for name in _LENGTHS}
    numbers = [(one.kind, one.number) for one in contact.numbers.all()] if contact.pk else []
    return Form(values, numbers)


def posted(data: Mapping[str, Any], house: House) -> Form:
    """Return what was sent, with what is wrong with it."""
    values = {name: str(data.get(name, "")).strip().replace("\r\n", "\n") for name in _LENGTHS}
    rows = sorted(int(found[1]) for key in data if (found := _ROW.fullmatch(key)))
    numbers = []
    for row in rows[:MOST_NUMBERS]:
        kind, number = str(data.get(f"numbers.{row}.kind", "")), str(data.get(f"numbers.{row}.number", "")).strip()
        if number:
            numbers.append((kind if kind in Kind.values else "other", number))
    form = Form(values, numbers)
    if not values["name"]:
        form.problems["name"] = _("Give a name.")
    if not numbers:
        form.problems["numbers.0"] = _("Give at least one number.")
    for index, (_kind, number) in enumerate(numbers):
        if not house.known_as(number) or not re.fullmatch(r"[+*#0-9]{2,30}", clean(number)):
            form.problems[f"numbers.{index}"] = _("“%(number)s” can't be dialled: use digits, blanks, + and -.") % {
                "number": number
            }
    try:
        Contact(**values).clean_fields(exclude=["owner"])
    except ValidationError as error:
        for name, several in error.message_dict.items():
            form.problems.setdefault(name, sentence(several[0]))
    return form


def save(contact: Any, form: Form, house: House, by: Any = None) -> None:
    """Store a form without problems, and keep what `by` changed."""
    with transaction.atomic():
        before = changes.data(Contact.objects.get(pk=contact.pk)) if contact.pk else None
        for name, value in form.values.items():
            setattr(contact, name, value)
        contact.save()
        contact.numbers.all().delete()
        ContactNumber.objects.bulk_create(_numbers(contact, form.numbers, house))
        changes.keep(contact.owner, by, [(contact.pk, before, changes.data(Contact.objects.get(pk=contact.pk)))])


def remove(contact: Any, by: Any = None) -> None:
    """Remove a contact, and keep how it was."""
    with transaction.atomic():
        before = changes.data(contact)
        pk = contact.pk
        contact.delete()
        changes.keep(contact.owner, by, [(pk, before, None)])


def _numbers(contact: Any, numbers: Iterable[tuple[str, str]], house: House, first: int = 0) -> list[ContactNumber]:
    return [
        ContactNumber(contact=contact, position=place, kind=kind, number=number[:40], known_as=house.known_as(number))
        for place, (kind, number) in enumerate(numbers, first)
    ]


def uploaded(request: HttpRequest) -> list[Card]:
    """Return the cards of the file that was sent as `file`. Raises `NotReadable`."""
    file = request.FILES.get("file")
    if file is None:
        raise NotReadable(_("Choose a file first: one that ends in .vcf."))
    if file.size > MOST_UPLOADED:
        raise NotReadable(
            _("The file is larger than %(size)s MB. Export the contacts without pictures.")
            % {"size": MOST_UPLOADED >> 20}
        )
    cards = vcard.read(vcard.decoded(file.read()))
    if not cards:
        raise NotReadable(_("There is no contact in this file. Export your contacts as vCard (.vcf), and choose that."))
    return cards


def bring_in(cards: Sequence[Card], owner: Any, house: House, by: Any = None) -> Brought:
    """Add cards to the contacts of `owner` (None: the company). One of the same name gets the numbers it lacks."""
    counts = {"new": 0, "added_to": 0, "same": 0, "left_out": 0}
    # Before anything is locked: reading thousands of numbers takes its time.
    wanted = [(card, {house.known_as(one[1]): one for one in card.numbers[:MOST_NUMBERS]}) for card in cards]
    with transaction.atomic():
        there: dict[str, Contact] = {}
        for contact in Contact.objects.filter(owner=owner).prefetch_related("numbers"):
            there.setdefault(contact.name.casefold(), contact)
        before = {contact.pk: changes.data(contact) for contact in there.values()}
        touched: dict[str, Contact] = {}
        made: list[Contact] = []
        room = MOST_CONTACTS[owner is None] - len(there)
        known = {key: {one.known_as for one in contact.numbers.all()} for key, contact in there.items()}
        rows: list[ContactNumber] = []
        for card, numbers in wanted:
            numbers.pop("", None)
            name = _fitting(card.name, 100)
            key = name.casefold()
            if not numbers or (key not in there and room <= 0):
                counts["left_out"] += 1
                continue
            if key in there:
                fresh = [number for form, number in numbers.items() if form not in known[key]]
                counts["added_to" if fresh else "same"] += 1
            else:
                there[key] = Contact(
                    owner=owner,
                    name=name,
                    company=_fitting(card.company, 100),
                    email=_fitting(card.email, 254) if "@" in card.email else "",
                    note=card.note[:1000],
                )
                made.append(there[key])
                known[key], fresh = set(), list(numbers.values())
                counts["new"] += 1
                room -= 1
            if fresh:
                touched[key] = there[key]
            rows += _numbers(there[key], fresh, house, len(known[key]))
            known[key] |= numbers.keys()
        Contact.objects.bulk_create(made, batch_size=500)
        ContactNumber.objects.bulk_create(rows, batch_size=500)
        known_now = {one.pk for one in touched.values()}
        after = (one for one in Contact.objects.filter(owner=owner).prefetch_related("numbers") if one.pk in known_now)
        changes.keep(owner, by, [(one.pk, before.get(one.pk), changes.data(one)) for one in after])
    return Brought(**counts)


def _fitting(text: str, length: int) -> str:
    return "".join(character for character in text if character.isprintable())[:length]


def exported(contacts: Any, request: HttpRequest) -> HttpResponse:
    """Answer with a vCard file: version 3.0, or 4.0 where `?version=4.0` asks for it."""
    version = "4.0" if request.GET.get("version") == "4.0" else "3.0"
    cards = (
        Card(one.name, one.company, one.email, one.note, tuple((n.kind, n.number) for n in one.numbers.all()))
        for one in contacts.prefetch_related("numbers")
    )
    answer = HttpResponse(vcard.write(cards, version=version), content_type="text/vcard; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="contacts.vcf"'
    return answer
