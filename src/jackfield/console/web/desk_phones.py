"""Desk phones beyond their form: how one stands, one-time addresses, what to type, previews, labels, many at once."""

from __future__ import annotations

import io
import logging
import re
import time
import uuid
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from markupsafe import Markup

from jackfield.company.models import General
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.lan import redirecting
from jackfield.console.provisioning import check_sync, links, strangers
from jackfield.console.provisioning.elsewhere import doubts, name_elsewhere
from jackfield.console.provisioning.house import House, lines_of
from jackfield.console.provisioning.standing import address_of, by_hand, one_time_address, preview, states
from jackfield.console.web import errors, saving, told
from jackfield.console.web.rights import gate
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.several import chosen
from jackfield.desk_phones.models import Asked, CheckSync, DeskPhone, Incident, ProvisioningRules
from jackfield.history.models import Event
from jackfield.numbers.models import Extension
from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.render import TemplateProblem
from jackfield.provisioning.requests import PathRefused, normal_mac, recognise, spelled_mac, vendor_of_mac

__all__ = ["urls"]

log = logging.getLogger(__name__)

SHOWN = 50
MOST_AT_ONCE = 500
_MAC_WORD = re.compile(r"^\s*MAC\b[\s:=]*", re.IGNORECASE)


def _phone(pk: int) -> Any:
    return DeskPhone.objects.select_related("standing", "site").filter(pk=pk).first()


def _missing(request: HttpRequest) -> HttpResponse:
    return errors.missing(request, _("This phone is not there any more: somebody removed it."))


@gate("phones")
def now(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how a phone stands."""
    phone = _phone(pk)
    return _missing(request) if phone is None else _shown(request, phone)


def _shown(request: HttpRequest, phone: Any, secret: str = "", password: str = "") -> HttpResponse:
    """Show a phone; with its new one-time address, which is shown this once, or with the password of its own pages."""
    at, settings = time.time(), django_settings.JACKFIELD
    here, house = request.get_host(), House.read(settings)
    address = one_time_address(settings, here, secret) if secret else address_of(settings, here)
    lines = lines_of([phone])
    model = MODELS.get(phone.model)
    answer = render(
        request,
        "desk_phones/now.html",
        {
            "phone": phone,
            "mac": spelled_mac(phone.mac),
            "model": model,
            "state": states(settings, [phone], now=at)[0],
            "standing": getattr(phone, "standing", None),
            "lines": [(name, lines.get(name)) for name in phone.extensions],
            "link": links.open_link(phone, at),
            "links": phone.links.all()[:5],
            "now": at,
            "address": address if secret else "",
            "hand": by_hand(phone, address),
            "plain": by_hand(phone, address_of(settings, here)).address,
            "by_mac": house.by_mac,
            "doubts": doubts(settings, name_elsewhere(house, here)),
            "other_model": _other_model(phone),
            "service": redirecting.service_of(phone),
            "password": password,
            "code": qr_code(by_hand(phone, address).address) if secret else "",
            "files": [file for file in model.files if file.kind != "nothing"] if model is not None else (),
            "incidents": Incident.objects.filter(mac=phone.mac)[:10],
            "hours": ProvisioningRules.current().link_hours,
            "zone": General.current().time_zone,
        },
    )
    if secret or password:
        answer["Cache-Control"] = "no-store"
    return answer


def _other_model(phone: Any) -> Any:
    """Return which model a phone last said that it is, where that is another one than it was entered as."""
    standing = getattr(phone, "standing", None)
    if standing is None or not standing.file:
        return None
    try:
        said = recognise(standing.file, standing.user_agent)
    except PathRefused:
        return None
    return MODELS.get(said.model) if said is not None and said.model != phone.model else None


def qr_code(text: str) -> Markup:
    """Return a text as a QR code, drawn as SVG."""
    import segno

    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, border=3, dark="#000", light="#fff"
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by segno


@gate("phones", write=True)
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new one-time address, and show it this once; or end the one that waits."""
    phone = _phone(pk)
    if phone is None:
        return _missing(request)
    if request.method != "POST":
        return redirect(f"/admin/desk_phones/{pk}/now")
    if "revoke" in request.POST:
        links.revoke(phone, time.time())
        saving.notify(request, [("good", _("The one-time address is not valid any more."))])
        return redirect(f"/admin/desk_phones/{pk}/now")
    secret = links.new(phone, hours=ProvisioningRules.current().link_hours)
    return _shown(request, phone, secret)


@gate("phones", write=True)
def password(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the password of the phones' own pages, and keep who looked."""
    phone = _phone(pk)
    if phone is None:
        return _missing(request)
    if request.method != "POST":
        return redirect(f"/admin/desk_phones/{pk}/now")
    who, what = saving.author(request), f"the pages of {phone}"
    log.warning("%s was shown the password of %s, from %s", who.name, what, who.address)
    data = {"what": what, "user": request.user.get_username(), "author": who.name, "through": who.through,
            "address": who.address}  # fmt: skip
    Event.objects.create(id=uuid.uuid4().hex, kind="secrets_shown", at=time.time(), data=data)
    return _shown(request, phone, password=ProvisioningRules.with_password().phone_password)


@gate("phones")
def file(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a file as the phone would get it now, its secrets masked."""
    phone = _phone(pk)
    if phone is None:
        return _missing(request)
    model, name = MODELS.get(phone.model), request.GET.get("name", "")
    context: dict[str, Any] = {"phone": phone, "mac": spelled_mac(phone.mac), "problem": "", "text": "", "model": model}
    try:
        name = name or (model.main_file.name if model is not None else "")
        made, problem = preview(django_settings.JACKFIELD, phone, name, request.get_host())
        context |= {"text": made.body.decode("utf-8", "replace"), "problem": str(problem or "")}
    except KeyError:
        return errors.missing(request, _("Phones of this model ask for no such file."))
    except TemplateProblem as problem:
        context["problem"] = str(problem)
    return render(request, "desk_phones/file.html", context | {"name": name})


@gate("phones", write=True)
def several_fetch(request: HttpRequest) -> HttpResponse:
    """Ask how phones are to fetch again, now or at night, and order it."""
    asked = request.POST if request.method == "POST" else request.GET
    every = "yes" in (asked.get("every"), asked.get("older"))
    rows = list(DeskPhone.objects.all()) if every else chosen(SCREENS["desk_phones"], asked)
    rows = [row for row in rows if row.enabled]
    if asked.get("older") == "yes" and rows:
        shown = states(django_settings.JACKFIELD, rows)
        rows = [row for row, state in zip(rows, shown, strict=True) if state.older]
    if not rows:
        return errors.missing(request, _("No phone was chosen: go back and mark some in the list."))
    rules, general, at = ProvisioningRules.current(), General.current(), time.time()
    tonight = check_sync.night(rules.night, general.time_zone, at)
    if request.method != "POST":
        older = sum(state.older for state in states(django_settings.JACKFIELD, rows))
        context = {"rows": rows[:SHOWN], "count": len(rows), "pks": [row.pk for row in rows], "older": older,
                   "every": asked.get("every") == "yes", "tonight": tonight, "zone": general.time_zone}  # fmt: skip
        return render(request, "desk_phones/fetch.html", context)
    due = tonight if request.POST.get("when") == "night" else at
    who: Any = request.user
    check_sync.order(
        [row.mac for row in rows], reboot=request.POST.get("what") == "restart", due=due, by=who.shown_name, now=at
    )
    text = ngettext("%(count)d phone is told.", "%(count)d phones are told.", len(rows))
    saving.notify(request, [("good", text % {"count": len(rows)})])
    return redirect("/admin/desk_phones/news")


@gate("phones", write=True)
def labels(request: HttpRequest) -> HttpResponse:
    """Show labels to print; by POST with a new one-time address for each phone, in its QR code."""
    asked = request.POST if request.method == "POST" else request.GET
    rows = chosen(SCREENS["desk_phones"], asked)[:MOST_AT_ONCE]
    if not rows:
        return errors.missing(request, _("No phone was chosen: go back and mark some in the list."))
    lines, settings, made = lines_of(rows), django_settings.JACKFIELD, []
    hours, general = ProvisioningRules.current().link_hours, General.current()
    for row in rows:
        secret = links.new(row, hours=hours) if request.method == "POST" else ""
        here = request.get_host()
        typed = by_hand(row, one_time_address(settings, here, secret) if secret else address_of(settings, here))
        numbers = [lines[name].extension for name in row.extensions if name in lines]
        made.append({"phone": row, "mac": spelled_mac(row.mac).upper(), "model": typed.model, "extensions": numbers,
                     "address": typed.address if secret else "",
                     "password": password,
            "code": qr_code(typed.address if secret else spelled_mac(row.mac))})  # fmt: skip
    context = {"labels": made, "pks": [row.pk for row in rows], "hours": hours, "company": general.company,
               "doubts": doubts(settings, name_elsewhere(House.read(settings), request.get_host())),
               "with_address": request.method == "POST"}  # fmt: skip
    answer = render(request, "desk_phones/labels.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@gate("phones", write=True)
def add(request: HttpRequest) -> HttpResponse:
    """Enter a box of phones: MAC addresses as they are scanned, each with the number of an extension or without."""
    problems: list[str] = []
    entered = ""
    values = {"macs": request.POST.get("macs", ""), "model": request.POST.get("model", "")}
    if request.method == "POST":
        before = set(Extension.objects.values_list("number", flat=True))
        made, problems = _add_all(request, values["macs"], values["model"])
        if made:
            text = ngettext("%(count)d phone is entered.", "%(count)d phones are entered.", len(made))
            saving.notify(request, [("good", text % {"count": len(made)}), *_new_numbers(made, before)])
            entered = "/admin/desk_phones/several/labels?" + "&".join(f"pk={pk}" for pk in made)
        if not problems:
            return redirect(entered or "/admin/desk_phones/")
        values["macs"] = "\n".join(line for line, _why in problems_lines(problems))
    context = {"values": values, "problems": problems, "models": MODELS.values(), "entered": entered}
    return render(request, "desk_phones/add.html", context, status=422 if problems else 200)


def _new_numbers(made: list[int], before: set[str]) -> list[tuple[str, str]]:
    """Return a notice that names the extensions that were made besides; a number may have been mistyped."""
    phones = DeskPhone.objects.filter(pk__in=made)
    new = sorted({line.extension.number for line in lines_of(phones).values()} - before)
    text = ngettext(
        "Extension %(numbers)s was not there, and was made.", "Extensions %(numbers)s were not there, and were made.",
        len(new),
    )  # fmt: skip
    return [("good", text % {"numbers": ", ".join(new)})] if new else []


def problems_lines(problems: list[str]) -> list[tuple[str, str]]:
    """Return lines that were wrong, each with why: "line: why" taken apart again."""
    return [(line, why) for line, _colon, why in (one.partition(" – ") for one in problems)]


def _add_all(request: HttpRequest, text: str, model: str) -> tuple[list[int], list[str]]:
    """Enter what can be; return the phones that were made, and what is wrong with the other lines."""
    made: list[int] = []
    problems = []
    known = set(DeskPhone.objects.values_list("mac", flat=True))
    for line in text.splitlines()[:MOST_AT_ONCE]:
        words = _MAC_WORD.sub("", line.replace(",", " ").replace(";", " ")).split()  # labels have it in their codes
        if not words:
            continue
        number = words[1] if len(words) > 1 else ""
        try:
            mac = normal_mac(words[0])
            vendor = vendor_of_mac(mac)
            slug = model or next((one.slug for one in MODELS.values() if one.vendor == vendor), "")
            if not slug:
                raise ValueError(_("whose make this is can't be told by its MAC address: choose the model"))
            if mac in known:
                raise ValueError(_("this phone is entered already"))
            phone = strangers.adopt(
                django_settings.JACKFIELD, mac, slug, number=number, name=" ".join(words[2:]),
                author=saving.author(request),
            )  # fmt: skip
            made.append(phone.pk)
            known.add(mac)
        except ValueError as why:
            problems.append(f"{line.strip()} – {why}")
        except DocumentError as wrong:
            problems.append(f"{line.strip()} – {told.problem_words(wrong.problems[0], [])}")
    return made, problems


@gate("phones")
def news(request: HttpRequest) -> HttpResponse:
    """Show what phones were told and did, who asks and is nobody's, and what went wrong."""
    at = time.time()
    rounds = [(one, check_sync.outcome(one, at)) for one in CheckSync.objects.prefetch_related("phones")[:10]]
    names = {phone.mac: phone for phone in DeskPhone.objects.all()}
    searching = strangers.searchers()
    context = {
        "rounds": rounds,
        "names": names,
        "asked": Asked.objects.exclude(local=False, address__in=[one.address for one in searching])[:SHOWN],
        "unknown": Asked.objects.aggregate(macs=Count("pk"), questions=Sum("count")),
        "searching": searching[:SHOWN],
        "waiting": ProvisioningRules.current().new_extensions == "local" and Asked.objects.filter(local=True).exists(),
        "incidents": Incident.objects.all()[:SHOWN],
        "refusals": lambda mac, status: _refusal(names.get(mac), status),
        "spelled": spelled_mac,
        "models": MODELS,
        "zone": General.current().time_zone,
    }
    return render(request, "desk_phones/news.html", context)


@gate("phones", write=True)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Call off what phones were to be told at night."""
    if request.method == "POST":
        done = check_sync.cancel(pk)
        text = _("These phones are not told.") if done else _("This can't be called off any more: phones were told.")
        saving.notify(request, [("good" if done else "warning", text)])
    return redirect("/admin/desk_phones/news")


def _refusal(phone: Any, status: int) -> str:
    """Return why a phone did not do as it was told, and what to set."""
    model = MODELS.get(phone.model) if phone is not None else None
    if status in (401, 407):
        text = _("(asks for a password, and takes none of its line: has it got its configuration from here?)")
        if model is None or not model.check_sync.mend:
            return text
        mend = _("(asks for a password, and takes none of its line: set %(setting)s on its own pages)")
        return mend % {"setting": model.check_sync.mend}
    texts = {
        403: _("(403: it takes orders from another server only)"),
        405: _("(405: it takes no such orders; it comes by itself when its time is over)"),
        489: _("(489: it does not know this order; it comes by itself when its time is over)"),
    }
    return texts.get(status) or _("(it answered %(status)s)") % {"status": status}


@gate("phones", write=True)
def adopt(request: HttpRequest, mac: str) -> HttpResponse:
    """Take in a phone that asks, with a new extension or one that is there; or forget that it asked."""
    row = Asked.objects.filter(mac=mac).first()
    if request.method != "POST" or row is None:
        return redirect("/admin/desk_phones/news")
    if "forget" in request.POST:
        row.delete()
        return redirect("/admin/desk_phones/news")
    model = request.POST.get("model", "") or row.model
    number = request.POST.get("number", "").strip()
    try:
        phone = strangers.adopt(django_settings.JACKFIELD, mac, model, number=number, author=saving.author(request))
    except DocumentError as wrong:
        saving.notify(request, [("bad", told.problem_words(wrong.problems[0], []))])
        return redirect("/admin/desk_phones/news")
    saving.notify(request, [("good", _("The phone is entered, as extension %(number)s.") % {"number": _number(phone)})])
    return redirect(f"/admin/desk_phones/{phone.pk}/now")


def _number(phone: Any) -> str:
    lines = lines_of([phone])
    return ", ".join(lines[name].extension.number for name in phone.extensions if name in lines)


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    base = "admin/desk_phones/"
    return [
        path(f"{base}<int:pk>/now", now),
        path(f"{base}<int:pk>/link", link),
        path(f"{base}<int:pk>/passwords", password),
        path(f"{base}<int:pk>/file", file),
        path(f"{base}several/fetch", several_fetch),
        path(f"{base}several/labels", labels),
        path(f"{base}add", add),
        path(f"{base}news", news),
        path(f"{base}news/<int:pk>/cancel", cancel),
        path(f"{base}asked/<str:mac>/adopt", adopt),
    ]
