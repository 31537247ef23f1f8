"""The company's contacts, for those who look after people and numbers; everybody finds them in his own pages."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import urlencode

from jackfield.console.web import address_book, contact_changes, errors
from jackfield.console.web.address_book import NotReadable
from jackfield.console.web.own.mine import tell
from jackfield.console.web.rights import gate
from jackfield.contacts.models import Contact
from jackfield.contacts.numbers import house

__all__ = ["urls"]

PAGE = 100
GONE = "This contact is not there any more: somebody removed it."


@gate("people")
def listing(request: HttpRequest) -> HttpResponse:
    """Show one page of the company's contacts, searched as asked for."""
    search = request.GET.get("q", "").strip()[:100]
    where = house()
    rows = address_book.searched(Contact.objects.filter(owner=None), search, where)
    page = Paginator(rows.prefetch_related("numbers"), PAGE).get_page(request.GET.get("page"))
    shown = [(row, [(n.get_kind_display(), where.shown(n.known_as)) for n in row.numbers.all()]) for row in page]
    query = urlencode({"q": search}) if search else ""
    return render(request, "contacts/list.html", {"page": page, "shown": shown, "search": search, "query": query})


@gate("people", write=True)
def create(request: HttpRequest) -> HttpResponse:
    """Show the form of a new contact; make it."""
    return _edit(request, Contact(owner=None))


@gate("people")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and save one contact."""
    contact = Contact.objects.filter(pk=pk, owner=None).first()
    return errors.missing(request, GONE) if contact is None else _edit(request, contact)


def _edit(request: HttpRequest, contact: Any) -> HttpResponse:
    if request.method != "POST":
        context = {"contact": contact, "form": address_book.form_of(contact)}
        return render(request, "contacts/form.html", context)
    where = house()
    form = address_book.posted(request.POST, where)
    if form.problems:
        return render(request, "contacts/form.html", {"contact": contact, "form": form}, status=422)
    address_book.save(contact, form, where, request.user)
    tell(request, f"{contact.name} is saved.")
    return redirect("/admin/contacts/")


@gate("people", write=True)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask before a contact is removed, though its history can bring it back; remove it."""
    contact = Contact.objects.filter(pk=pk, owner=None).first()
    if contact is None:
        return errors.missing(request, GONE)
    if request.method != "POST":
        return render(request, "contacts/remove.html", {"contact": contact})
    address_book.remove(contact, request.user)
    tell(request, f"{contact.name} is removed.")
    return redirect("/admin/contacts/")


@gate("people", write=True)
def bring_in(request: HttpRequest) -> HttpResponse:
    """Read a vCard file into the company's contacts."""
    problem = ""
    if request.method == "POST":
        try:
            brought = address_book.bring_in(address_book.uploaded(request), None, house(), request.user)
        except NotReadable as wrong:
            problem = str(wrong)
        else:
            tell(request, str(brought))
            return redirect("/admin/contacts/")
    return render(request, "contacts/import.html", {"problem": problem}, status=422 if problem else 200)


@gate("people")
def export(request: HttpRequest) -> HttpResponse:
    """Give the company's contacts as a vCard file."""
    return address_book.exported(Contact.objects.filter(owner=None), request)


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/contacts/", listing),
        path("admin/contacts/new", create),
        path("admin/contacts/import", bring_in),
        path("admin/contacts/export.vcf", export),
        path("admin/contacts/changes", contact_changes.of_company),
        path("admin/contacts/<int:pk>", edit),
        path("admin/contacts/<int:pk>/remove", remove),
    ]
