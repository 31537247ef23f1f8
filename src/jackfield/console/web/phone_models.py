"""Models of desk phones and their templates: what each can do, and where a company's template differs from ours."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from jackfield.console.change import Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import errors, saving, told
from jackfield.console.web.rights import gate
from jackfield.desk_phones.choices import KeyKind
from jackfield.desk_phones.models import DeskPhone, PhoneTemplate
from jackfield.desk_phones.schema import template_files
from jackfield.desk_phones.trying import problems
from jackfield.provisioning.catalogue import MODELS, VENDORS
from jackfield.provisioning.render import builtin
from jackfield.provisioning.updates import difference

__all__ = ["urls"]

SHOWN = 50


@gate("phones")
def models(request: HttpRequest) -> HttpResponse:
    """Show every model, and which templates the company has changed."""
    own = {row.file: row for row in PhoneTemplate.objects.all()}
    used: dict[str, int] = {}
    for slug in DeskPhone.objects.values_list("model", flat=True):
        used[slug] = used.get(slug, 0) + 1
    vendors = []
    for vendor in VENDORS.values():
        names = sorted({file.template for model in vendor.models for file in model.files if file.template})
        files = [(name, own.get(name.replace("/", ":"))) for name in names]
        vendors.append((vendor, files, [(model, used.get(model.slug, 0)) for model in vendor.models]))
    older = {file for file, row in own.items() if _outdated(row)}
    wrong = {file for file, row in own.items() if problems(file.replace(":", "/"), row.text)}
    return render(request, "desk_phones/models.html", {"vendors": vendors, "older": older, "wrong": wrong})


@gate("phones")
def model(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one model: what it can do, what to know of it, how it is recognised."""
    known = MODELS.get(slug)
    if known is None:
        return errors.missing(request, _("There is no such phone model."))
    kinds = dict(KeyKind.choices)
    context = {
        "model": known,
        "vendor": VENDORS[known.vendor],
        "keys": [str(kinds[kind]) for kind in known.key_kinds] if known.keys else [],
        "side_keys": 32 * int(known.facts.get("side_cars", 0)),
        "files": [file for file in known.files if file.kind != "nothing"],
        "phones": DeskPhone.objects.filter(model=slug)[:SHOWN],
    }
    return render(request, "desk_phones/model.html", context)


def _outdated(row: Any) -> bool:
    """Whether ours has changed since the company's own was made from it."""
    if row.file not in template_files():
        return False
    if not row.base:
        return True
    return difference(row.base, builtin(row.file.replace(":", "/")), row.text).changed


@gate("phones")
def template(request: HttpRequest) -> HttpResponse:
    """Show a built-in template, and how the company's own differs; make one, or take an update over into it."""
    name = request.GET.get("file", "") or request.POST.get("file", "")
    if name not in template_files():
        return errors.missing(request, _("There is no such template."))
    ours, row = builtin(name.replace(":", "/")), PhoneTemplate.objects.filter(file=name).first()
    found = difference(row.base or ours, ours, row.text) if row is not None else None
    if request.method == "POST":
        return _change(request, name, row, ours, found)
    tried = problems(name.replace(":", "/"), row.text) if row is not None else []
    context = {"file": name, "ours": ours, "row": row, "found": found, "problems": tried,
               "unknown": row is not None and not row.base}  # fmt: skip
    return render(request, "desk_phones/template.html", context)


def _change(request: HttpRequest, name: str, row: Any, ours: str, found: Any) -> HttpResponse:
    wish: Wish | None = None
    if row is None:
        wish = Wish("phone_templates", {"file": name, "text": ours})
    elif "merge" in request.POST and found.merged is not None:
        wish = Wish("phone_templates", {"text": found.merged}, (name,))
    if wish is not None:
        try:
            saving.save(request, [wish])
        except DocumentError as wrong:
            saving.notify(request, [("bad", told.problem_words(wrong.problems[0], [wish]))])
            return redirect(f"/admin/phone_models/template?file={name}")
    if row is not None and {"merge", "seen"} & request.POST.keys():  # what it is made from is the one of now
        from jackfield.provisioning.updates import digest

        PhoneTemplate.objects.filter(file=name).update(base=ours, made_from=digest(ours))
        return redirect(f"/admin/phone_models/template?file={name}")
    return redirect(f"/admin/phone_templates/{PhoneTemplate.objects.get(file=name).pk}")


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    return [
        path("admin/phone_models/", models),
        path("admin/phone_models/template", template),
        path("admin/phone_models/<str:slug>", model),
    ]
