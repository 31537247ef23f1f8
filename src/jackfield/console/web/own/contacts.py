"""The person's contacts: favourites, his own, colleagues, and those of the company."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from jackfield.console import formats
from jackfield.console.searching import having
from jackfield.console.web import address_book, errors
from jackfield.console.web.address_book import NotReadable
from jackfield.console.web.own import mine
from jackfield.console.web.rights import gate
from jackfield.contacts.choices import Kind
from jackfield.contacts.models import Contact, Favourite
from jackfield.contacts.numbers import House, house
from jackfield.numbers.models import Extension

__all__ = ["bring_in", "create", "edit", "export", "favourite", "listing", "remove"]

MOST = 100
"""Of each group that are shown at once; searching finds the others."""
GONE = gettext_lazy("This contact is not yours, or it was removed.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a contact or a colleague."""

    kind: str  # contact, extension
    pk: int
    name: str
    about: str
    numbers: tuple[tuple[str, str, str], ...]  # label, as shown, as dialled
    favourite: bool
    address: str = ""  # where it is changed


@gate("own")
def listing(request: HttpRequest) -> HttpResponse:
    """Show everybody whom one may want to call; with `q` those that are searched for."""
    where = house()
    search = request.GET.get("q", "").strip()[:100]
    stars = Favourite.objects.filter(user_id=request.user.pk)
    marked = {("contact", one.contact_id) for one in stars} | {("extension", one.extension_id) for one in stars}
    inside = set(Extension.objects.values_list("number", flat=True))
    contacts = address_book.searched(Contact.objects.prefetch_related("numbers"), search, where)
    own = list(contacts.filter(owner_id=request.user.pk)[: MOST + 1])
    shared = list(contacts.filter(owner=None)[: MOST + 1])
    colleagues = Extension.objects.filter(enabled=True).exclude(user_id=request.user.pk, user__isnull=False)
    if search:
        colleagues = colleagues.filter(having("name", search) | Q(number__startswith=search))
    people = list(colleagues[: MOST + 1])
    groups = [
        (_("Favourites"), [] if search else _favourites(request, marked, where, inside)),
        (_("Mine"), [_contact(one, marked, where, inside, own=True) for one in own[:MOST]]),
        (_("Colleagues"), [_colleague(one, marked) for one in people[:MOST]]),
        (_("Company"), [_contact(one, marked, where, inside) for one in shared[:MOST]]),
    ]
    context = {
        "groups": [(title, entries) for title, entries in groups if entries],
        "search": search,
        "more": max(len(own), len(shared), len(people)) > MOST,
        "back": urlencode({"q": search}) if search else "",
    }
    return render(request, "own/contacts_part.html" if "part" in request.GET else "own/contacts.html", context)


def _favourites(request: HttpRequest, marked: set[tuple[str, Any]], where: House, inside: Iterable[str]) -> list[Entry]:
    contacts = Contact.objects.filter(_visible(request), favourites__user_id=request.user.pk)
    people = Extension.objects.filter(enabled=True, favourites__user_id=request.user.pk)
    found = [_contact(one, marked, where, inside) for one in contacts.prefetch_related("numbers")]
    return sorted([*found, *(_colleague(one, marked) for one in people)], key=lambda entry: entry.name.casefold())


def _visible(request: HttpRequest) -> Q:
    return Q(owner=None) | Q(owner_id=request.user.pk)


def _contact(
    one: Any, marked: set[tuple[str, Any]], where: House, inside: Iterable[str], *, own: bool = False
) -> Entry:
    kinds = dict(Kind.choices)
    numbers = tuple(
        (str(kinds.get(number.kind, "")), where.shown(number.known_as), where.dialable(number.number, inside))
        for number in one.numbers.all()
    )
    address = f"/me/contacts/{one.pk}" if own else ""
    about = one.company or (numbers[0][1] if numbers else "")
    return Entry("contact", one.pk, one.name, about, numbers, ("contact", one.pk) in marked, address)


def _colleague(one: Any, marked: set[tuple[str, Any]]) -> Entry:
    numbers = (("", one.number, one.number),)
    return Entry("extension", one.pk, one.name or one.number, one.number, numbers, ("extension", one.pk) in marked)


@gate("own")
@require_POST
def favourite(request: HttpRequest) -> HttpResponse:
    """Mark a contact or a colleague as a favourite, or no more."""
    back = f"/me/contacts/?{urlencode({'q': request.POST['q']})}" if request.POST.get("q") else "/me/contacts/"
    kind, pk = request.POST.get("kind", ""), request.POST.get("pk", "")
    if not pk.isdecimal() or len(pk) > 18:
        return redirect(back)
    found: Any = None
    if kind == "contact":
        found = Contact.objects.filter(_visible(request), pk=pk).first()
    elif kind == "extension":
        found = Extension.objects.filter(pk=pk).first()
    if found is None:
        return errors.missing(request, str(GONE))
    star, made = Favourite.objects.get_or_create(user_id=request.user.pk, **{kind: found})
    if not made:
        star.delete()
    return redirect(back)


@gate("own")
def create(request: HttpRequest) -> HttpResponse:
    """Show the form of a new contact; `number` and `name` fill it in."""
    contact = Contact(owner_id=request.user.pk, name=request.GET.get("name", "")[:100])
    return _edit(request, contact, request.GET.get("number", "")[:40])


@gate("own")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and save one of the person's own contacts."""
    contact = Contact.objects.filter(pk=pk, owner_id=request.user.pk).first()
    return errors.missing(request, str(GONE)) if contact is None else _edit(request, contact)


def _edit(request: HttpRequest, contact: Any, number: str = "") -> HttpResponse:
    where = house()
    if request.method != "POST":
        form = address_book.form_of(contact)
        if number:
            form.numbers.append(("mobile", where.shown(number)))
        return render(request, "own/contact.html", {"contact": contact, "form": form})
    form = address_book.posted(request.POST, where)
    new = contact.pk is None
    most = address_book.MOST_CONTACTS[False]
    if new and Contact.objects.filter(owner_id=request.user.pk).count() >= most:
        text = _("You have %(most)s contacts, which is as many as fit. Remove one first.")
        form.problems[""] = text % {"most": formats.number(most)}
    if form.problems:
        return render(request, "own/contact.html", {"contact": contact, "form": form}, status=422)
    address_book.save(contact, form, where, request.user)
    text = _("%(name)s is a contact of yours now.") if new else _("%(name)s is saved.")
    mine.tell(request, text % {"name": contact.name})
    return redirect("/me/contacts/")


@gate("own")
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove one of the person's own contacts."""
    contact = Contact.objects.filter(pk=pk, owner_id=request.user.pk).first()
    if contact is None:
        return errors.missing(request, str(GONE))
    address_book.remove(contact, request.user)
    mine.tell(request, _("%(name)s is removed.") % {"name": contact.name})
    return redirect("/me/contacts/")


@gate("own")
def bring_in(request: HttpRequest) -> HttpResponse:
    """Read a vCard file into the person's own contacts."""
    problem = ""
    if request.method == "POST":
        try:
            brought = address_book.bring_in(address_book.uploaded(request), request.user, house(), request.user)
        except NotReadable as wrong:
            problem = str(wrong)
        else:
            mine.tell(request, str(brought))
            return redirect("/me/contacts/")
    return render(request, "own/import.html", {"problem": problem}, status=422 if problem else 200)


@gate("own")
def export(request: HttpRequest) -> HttpResponse:
    """Give the person's own contacts as a vCard file."""
    return address_book.exported(Contact.objects.filter(owner_id=request.user.pk), request)
