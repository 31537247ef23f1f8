"""The certificate by the API: what is in use, another one in its place, a request for one. Keys only ever come in."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import certificates
from jackfield.console.certificates import CertificateError, Shown
from jackfield.console.rest import answers, bodies, repeating, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author

__all__ = ["operations"]


def show(asked: Asked) -> HttpResponse:
    """Answer with the certificate in use, and what is to be said of it."""
    return answers.json(_shown(certificates.in_use(django_settings.JACKFIELD)))


def give(asked: Asked) -> HttpResponse:
    """Use another certificate from now on."""
    given = bodies.mapping(asked.request)
    _known(given, {"certificate": str, "key": str, "pkcs12": str, "password": str})
    files = [given[name].encode("utf-8", "replace") for name in ("certificate", "key") if given.get(name)]
    if given.get("pkcs12"):
        try:
            files.append(base64.b64decode(given["pkcs12"], validate=True))
        except (binascii.Error, ValueError):
            raise _refusal("pkcs12", "This is not base64.") from None
    try:
        found = certificates.give(
            django_settings.JACKFIELD, files, given.get("password", ""), author=author(asked.request),
            dry_run=asked.query["dry_run"],
        )  # fmt: skip
    except CertificateError as problem:
        raise _refusal("pkcs12" if given.get("pkcs12") else "certificate", str(problem)) from None
    return answers.json(_shown(found))


def ask(asked: Asked) -> HttpResponse:
    """Make a key, which stays here, and answer with the request that an authority signs."""

    def run(asked: Asked) -> HttpResponse:
        given = bodies.mapping(asked.request)
        _known(given, {"names": list, "organisation": str})
        names, organisation = _names(given), given.get("organisation", "")
        try:
            text = certificates.ask(django_settings.JACKFIELD, names, organisation, author=author(asked.request))
        except CertificateError as problem:
            raise _refusal("names", str(problem)) from None
        return answers.json({"request": text}, status=201)

    return repeating.once(asked, run)


def drop(asked: Asked) -> HttpResponse:
    """Throw the request with its key away."""
    certificates.drop(django_settings.JACKFIELD, author=author(asked.request))
    return HttpResponse(status=204)


def renew(asked: Asked) -> HttpResponse:
    """Make a new self-signed certificate, and use it."""
    given = bodies.mapping(asked.request)
    _known(given, {"names": list})
    try:
        found = certificates.renew(django_settings.JACKFIELD, _names(given), author=author(asked.request))
    except CertificateError as problem:
        raise _refusal("names", str(problem)) from None
    return answers.json(_shown(found))


def _known(given: dict[str, Any], kinds: dict[str, type]) -> None:
    wrong = []
    for name, value in given.items():
        if name not in kinds:
            wrong.append({"field": name[:100], "message": f"This is not known here; known: {', '.join(kinds)}."})
        elif not isinstance(value, kinds[name]):
            wrong.append({"field": name, "message": f"Must be a {'text' if kinds[name] is str else 'list of texts'}."})
    if wrong:
        raise Refusal(422, wrong[0]["message"], wrong)


def _names(given: dict[str, Any]) -> list[str]:
    found = given.get("names", [])
    if not all(isinstance(name, str) for name in found):
        raise _refusal("names", "Must be a list of texts.")
    return list(found)


def _refusal(field: str, text: str) -> Refusal:
    return Refusal(422, text, [{"field": field, "message": text}])


def _shown(found: Shown) -> dict[str, Any]:
    return found.to_dict()


_AT = {"type": ["string", "null"], "format": "date-time"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_CERTIFICATE = schemas.table(
    {"origin": {"type": "string", "enum": ["settings", "given", "self-signed"]}, "names": _TEXTS, "issuer": "string",
     "begins": _AT, "ends": _AT, "fingerprint": "string", "key": "string", "chain": "string", "chain_names": _TEXTS,
     "key_fits": "boolean", "problems": _TEXTS, "warnings": _TEXTS,
     "listeners": {"type": "array", "items": schemas.table({"what": "string", "port": "integer"})},
     "request": "string", "request_names": _TEXTS}
)  # fmt: skip


def _body(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def operations() -> list[Operation]:
    """Return the operations on the certificate."""
    common: dict[str, Any] = {"area": "safety", "group": "certificate"}
    text = {"type": "string"}
    return [
        Operation("get_certificate", "GET", "/certificate", summary="The certificate in use", run=show,
                  answer=_CERTIFICATE, about="Never with its key.", **common),
        Operation("put_certificate", "PUT", "/certificate", summary="Use another certificate", run=give,
                  body=_body(certificate=text, key=text, pkcs12=text, password=text), parameters=(DRY_RUN,),
                  answer=_CERTIFICATE, about="PEM texts, with the chain behind the certificate, or PKCS#12 in base64. "
                  "The key may be left out where it is here: that of the request, or the one in use. New connections "
                  "get the certificate at once; those that stand go on.", **common),
        Operation("request_certificate", "POST", "/certificate/request", summary="Make a signing request (CSR)",
                  run=ask, body=_body(names=_TEXTS, organisation=text), answer=schemas.table({"request": "string"}),
                  status=201, repeatable=True, **common),
        Operation("drop_certificate_request", "DELETE", "/certificate/request", summary="Throw the request away",
                  run=drop, status=204, **common),
        Operation("renew_certificate", "POST", "/certificate/self-signed", summary="Make a self-signed one",
                  run=renew, body=_body(names=_TEXTS), answer=_CERTIFICATE,
                  about="Without names: for all of this machine.", **common),
    ]  # fmt: skip
