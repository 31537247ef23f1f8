"""The certificate: what is in use and who would complain of it; another one given, asked for, or made."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.console import certificates
from jackfield.console.certificates import CertificateError
from jackfield.console.certificates.reading import LARGEST
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import author, notify

__all__ = ["urls"]

PAGE = "/admin/certificates/"
ORIGINS = {
    "settings": gettext_lazy("Given by the settings file (tls_certificate, tls_key)"),
    "given": gettext_lazy("Given here"),
    "self-signed": gettext_lazy("Made by Jackfield itself"),
}
CHAINS = {
    "trusted": gettext_lazy("Complete, to an authority that browsers know"),
    "private": gettext_lazy("Complete, to an authority of your own"),
    "self-signed": gettext_lazy("None: it is signed by itself"),
    "incomplete": gettext_lazy("Not complete"),
}


@gate("safety")
def page(request: HttpRequest) -> HttpResponse:
    """Show the certificate in use, and what can be done."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", about: str = "", status: int = 200) -> HttpResponse:
    from jackfield.company.models import General

    settings = django_settings.JACKFIELD
    here = re.sub(r":\d+$", "", request.get_host()).strip("[]")  # to be shown beside the names, nothing else
    found = certificates.in_use(settings, [here] if request.is_secure() else [])
    context = {
        "found": found,
        "origin": ORIGINS[found.origin],
        "chain": CHAINS.get(found.chain, ""),
        "problem": problem,
        "about": about,
        "names": request.POST.get("names", "") or "\n".join(found.names or certificates.reached_by(settings)),
        "organisation": request.POST.get("organisation", "") or General.current().company,
        "zone": General.current().time_zone,
        "largest": LARGEST >> 10,
    }
    return render(request, "certificates.html", context, status=status)


@gate("safety", write=True)
def give(request: HttpRequest) -> HttpResponse:
    """Take a certificate, as files or as text; "check" looks at it only."""
    if request.method != "POST":
        return redirect(PAGE)
    files = [request.FILES[name] for name in ("certificate", "key", "chain") if name in request.FILES]
    texts = [request.POST.get(name, "").encode() for name in ("certificate_text", "key_text")]
    try:
        if any((file.size or 0) > LARGEST for file in files):
            text = _("A file is larger than %(most)d kB: give the certificate, its chain and its key alone.")
            raise CertificateError(text % {"most": LARGEST >> 10})
        data = [*(file.read() for file in files), *(text for text in texts if text.strip())]
        if not data:
            raise CertificateError(_("Choose the file with the certificate, or paste its text."))
        found = certificates.give(
            django_settings.JACKFIELD, data, request.POST.get("password", ""), author=author(request)
        )
    except CertificateError as problem:
        return _page(request, str(problem), "give", 422)
    text = _("The certificate for %(names)s is in use. New connections get it; those that stand go on.")
    notify(request, [("good", text % {"names": ", ".join(found.names)})])
    return redirect(PAGE)


@gate("safety", write=True)
def ask(request: HttpRequest) -> HttpResponse:
    """Make a signing request, and show it."""
    if request.method != "POST":
        return redirect(PAGE)
    try:
        certificates.ask(
            django_settings.JACKFIELD, _names(request), request.POST.get("organisation", ""), author=author(request)
        )
    except CertificateError as problem:
        return _page(request, str(problem), "ask", 422)
    notify(request, [("good", _("The request is made. Have it signed, then give the certificate here."))])
    return redirect(f"{PAGE}#request")


@gate("safety")
def request_file(request: HttpRequest) -> HttpResponse:
    """Answer with the signing request that waits."""
    found = certificates.in_use(django_settings.JACKFIELD)
    if not found.request:
        return redirect(PAGE)
    headers = {"Content-Disposition": 'attachment; filename="jackfield.csr"'}
    return HttpResponse(found.request, content_type="application/pkcs10", headers=headers)


@gate("safety", write=True)
def drop(request: HttpRequest) -> HttpResponse:
    """Throw the signing request away."""
    if request.method == "POST":
        certificates.drop(django_settings.JACKFIELD, author=author(request))
        notify(request, [("good", _("The request and its key are thrown away."))])
    return redirect(PAGE)


@gate("safety", write=True)
def renew(request: HttpRequest) -> HttpResponse:
    """Make a new self-signed certificate."""
    if request.method != "POST":
        return redirect(PAGE)
    try:
        certificates.renew(django_settings.JACKFIELD, _names(request), author=author(request))
    except CertificateError as problem:
        return _page(request, str(problem), "renew", 422)
    text = _("A new self-signed certificate is in use. Your browser will ask about it once more.")
    notify(request, [("good", text)])
    return redirect(PAGE)


def _names(request: HttpRequest) -> list[str]:
    return [name for name in re.split(r"[\s,;]+", request.POST.get("names", "")) if name]


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [
        path("admin/certificates/", page),
        path("admin/certificates/give", give),
        path("admin/certificates/ask", ask),
        path("admin/certificates/request.csr", request_file),
        path("admin/certificates/drop", drop),
        path("admin/certificates/renew", renew),
    ]
