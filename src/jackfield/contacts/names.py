"""Who a number belongs to: extensions first, then one's own contacts, then the company's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F, Q

from jackfield.contacts.models import ContactNumber
from jackfield.contacts.numbers import House, house
from jackfield.numbers.models import Extension

__all__ = ["contacts_of", "names_of"]


def names_of(numbers: Iterable[str], *, user: Any = None, known_house: House | None = None) -> dict[str, str]:
    """Return names of those `numbers` that are known, by the number as it was given.

    `numbers` as the call history has them: extensions bare, outside numbers with the outside-line prefix. With a
    `user` its own contacts count too, and before the company's. Takes two queries (three without `known_house`),
    however many numbers there are.
    """
    asked = {number for number in numbers if number}
    if not asked:
        return {}
    where = known_house or house()
    found = dict(Extension.objects.filter(number__in=asked).exclude(name="").values_list("number", "name"))
    return found | contacts_of(asked - found.keys(), where, user=user)


def contacts_of(numbers: Iterable[str], where: House, *, user: Any = None) -> dict[str, str]:
    """Return the names of contacts that outside `numbers` belong to, by the number as it was given. One query."""
    found: dict[str, str] = {}
    forms = {number: where.forms_of(number) for number in numbers if number}
    wanted = {form for several in forms.values() for form in several}
    whose = Q(contact__owner=None) if user is None else Q(contact__owner=None) | Q(contact__owner=user)
    rows = ContactNumber.objects.filter(whose, known_as__in=wanted) if wanted else ContactNumber.objects.none()
    # The company's come first, so that one's own take their places.
    rows = rows.order_by(F("contact__owner").asc(nulls_first=True), "-contact_id")
    by_form = dict(rows.values_list("known_as", "contact__name"))
    for number, several in forms.items():
        name = next((by_form[form] for form in several if form in by_form), "")
        if name:
            found[number] = name
    return found
