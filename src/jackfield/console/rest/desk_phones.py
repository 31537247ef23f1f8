"""Desk phones beyond their settings: how each stands, one-time addresses, previews, fetching again, who asks."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.company.models import General
from jackfield.console import queries
from jackfield.console.provisioning import check_sync, links, strangers
from jackfield.console.provisioning.standing import by_hand, one_time_address, preview, states
from jackfield.console.rest import answers, bodies, problems, schemas
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author
from jackfield.desk_phones.choices import Trouble
from jackfield.desk_phones.models import Asked as Stranger
from jackfield.desk_phones.models import CheckSync, DeskPhone, Incident, ProvisioningRules
from jackfield.desk_phones.schema import template_files
from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.render import TemplateProblem, builtin

__all__ = ["operations"]

MOST = 500


def state(asked: Asked) -> HttpResponse:
    """Answer how a phone stands."""
    return answers.json(_state(_phone(asked)))


def new_link(asked: Asked) -> HttpResponse:
    """Make a one-time address, and answer with it this once."""
    phone, hours, at = _phone(asked), ProvisioningRules.current().link_hours, time.time()
    secret = links.new(phone, hours=hours, now=at)
    address = one_time_address(django_settings.JACKFIELD, asked.request.get_host(), secret)
    hand = by_hand(phone, address)
    content = {"address": address, "typed": hand.address, "places": list(hand.places)}
    return answers.json(content | {"until": queries._time(at + hours * 3600)}, 201)


def end_link(asked: Asked) -> HttpResponse:
    """End the one-time address that waits."""
    links.revoke(_phone(asked), time.time())
    return HttpResponse(status=204)


def file(asked: Asked) -> HttpResponse:
    """Answer a file as the phone would get it, secrets masked."""
    phone = _phone(asked)
    model = MODELS.get(phone.model)
    name = asked.query["name"] or (model.main_file.name if model is not None else "")
    try:
        made, problem = preview(django_settings.JACKFIELD, phone, name, asked.request.get_host())
    except KeyError:
        raise problems.missing(f"file {name[:100]}") from None
    except TemplateProblem as fault:
        raise Refusal(422, f"{fault}.") from None
    return answers.json({"name": name, "text": made.body.decode("utf-8", "replace"), "problem": str(problem or "")})


def order(asked: Asked) -> HttpResponse:
    """Tell phones to fetch or to restart, now or at night."""
    given = bodies.checked(asked.request, _ORDER)
    rows = DeskPhone.objects.filter(enabled=True)
    if "macs" in given:
        known = set(rows.values_list("mac", flat=True))
        if unknown := [mac for mac in given["macs"] if mac not in known]:
            raise Refusal(422, f"There is no desk phone {unknown[0][:40]}, or it is switched off.")
        rows = rows.filter(mac__in=given["macs"])
    at, rules = time.time(), ProvisioningRules.current()
    due = check_sync.night(rules.night, General.current().time_zone, at) if given.get("when") == "night" else at
    macs = list(rows.values_list("mac", flat=True))
    one = check_sync.order(macs, reboot=bool(given.get("restart")), due=due, by=str(asked.user), now=at)
    return answers.json(_round(one), 202)


def orders(asked: Asked) -> HttpResponse:
    """Answer what came of it."""
    rows = CheckSync.objects.prefetch_related("phones")
    return answers.json({"items": [_round(one) for one in rows], "next": None})


def cancel_order(asked: Asked) -> HttpResponse:
    """Call off what phones were to be told at night."""
    pk = asked.path["id"]
    if not CheckSync.objects.filter(pk=pk).exists():
        raise problems.missing(f"check-sync {pk}")
    if not check_sync.cancel(pk):
        raise Refusal(409, "This can't be called off any more: phones were told.")
    return HttpResponse(status=204)


def asking(asked: Asked) -> HttpResponse:
    """Answer who asks and is nobody's phone."""
    return answers.json({"items": [_stranger(row) for row in Stranger.objects.all()[:MOST]], "next": None})


def adopt(asked: Asked) -> HttpResponse:
    """Take in a phone that asks."""
    row = Stranger.objects.filter(mac=asked.path["mac"]).first()
    if row is None:
        raise problems.missing("phone that asks")
    given = bodies.checked(asked.request, _ADOPT)
    phone = strangers.adopt(
        django_settings.JACKFIELD, row.mac, given.get("model") or row.model, number=given.get("number", ""),
        author=author(asked.request),
    )  # fmt: skip
    return answers.json(_state(phone), 201)


def forget(asked: Asked) -> HttpResponse:
    """Forget that a phone asked."""
    Stranger.objects.filter(mac=asked.path["mac"]).delete()
    return HttpResponse(status=204)


def incidents(asked: Asked) -> HttpResponse:
    """Answer what was refused, or went wrong."""
    return answers.json({"items": [_incident(row) for row in Incident.objects.all()[:MOST]], "next": None})


def models(asked: Asked) -> HttpResponse:
    """Answer which models there are."""
    found = [
        {"slug": slug, "vendor": model.vendor_name, "name": model.name, "lines": model.lines, "keys": model.keys,
         "ways": list(model.ways), "key_kinds": list(model.key_kinds), "screen": model.screen, "logo": model.logo,
         "transports": list(model.transports), "codecs": list(model.codecs), "quirks": list(model.quirks),
         "tried": model.tried, "templates": sorted({one.template.replace("/", ":") for one in model.files
                                                        if one.template})}
        for slug, model in MODELS.items()
    ]  # fmt: skip
    return answers.json({"items": found, "next": None})


def template(asked: Asked) -> HttpResponse:
    """Answer a built-in template."""
    name = asked.path["file"]
    if name not in template_files():
        raise problems.missing(f"template {name[:100]}")
    return answers.json({"file": name, "text": builtin(name.replace(":", "/"))})


def _phone(asked: Asked) -> Any:
    phone = DeskPhone.objects.select_related("standing", "site").filter(mac=asked.path["mac"]).first()
    if phone is None:
        raise problems.missing(f"desk phone {asked.path['mac'][:40]}")
    return phone


def _state(phone: Any) -> dict[str, Any]:
    found = states(django_settings.JACKFIELD, [phone])[0]
    standing = getattr(phone, "standing", None)
    content = {
        "mac": phone.mac, "state": found.kind, "older": found.older, "gone": list(found.gone), "trouble": found.trouble,
        "unread": found.unread,
    }  # fmt: skip
    names = ("address", "way", "file", "user_agent", "firmware", "fetches", "errors")
    last = None if standing is None or standing.last_fetch is None else queries._time(standing.last_fetch)
    blank = {"fetches": 0, "errors": 0}
    shown = {name: getattr(standing, name) if standing is not None else blank.get(name, "") for name in names}
    return content | {"last_fetch": last} | shown


def _round(one: Any) -> dict[str, Any]:
    found = check_sync.outcome(one, time.time())
    silent = [{"mac": mac, "last_fetch": queries._time(last) if last else None} for mac, last in found.silent]
    return {
        "id": one.pk, "due": queries._time(one.due), "begun": queries._time(one.begun) if one.begun else None,
        "restart": one.reboot, "by": one.by, "all": found.all, "fetched": found.fetched, "waiting": found.waiting,
        "coming": found.coming, "silent": silent,
        "refused": [{"mac": mac, "status": status} for mac, status in found.refused],
    }  # fmt: skip


def _stranger(row: Any) -> dict[str, Any]:
    names = ("mac", "model", "count", "address", "way", "file", "user_agent", "local")
    times = {"first": queries._time(row.first), "last": queries._time(row.last)}
    return times | {name: getattr(row, name) for name in names}


def _incident(row: Any) -> dict[str, Any]:
    return {"at": queries._time(row.at)} | {
        name: getattr(row, name) for name in ("kind", "mac", "address", "way", "detail", "count")
    }


# --- description ------------------------------------------------------------------------------------------------------

_AT = {"type": "string", "format": "date-time"}
_PERHAPS = {"type": ["string", "null"], "format": "date-time"}
_NAMES = {"type": "array", "items": {"type": "string"}}
_STATE = schemas.table(
    {"mac": "string", "state": {"type": "string", "enum": ["made", "link", "fetched", "registered", "off"]},
     "older": "boolean", "gone": _NAMES, "trouble": "string", "unread": "boolean",
     "last_fetch": _PERHAPS, "address": "string", "way": "string", "file": "string", "user_agent": "string",
     "firmware": "string", "fetches": "integer", "errors": "integer"}
)  # fmt: skip
_LINK = schemas.table({"address": "string", "typed": "string", "places": _NAMES, "until": _AT})
_FILE = schemas.table({"name": "string", "text": "string", "problem": "string"})
_SILENT = schemas.table({"mac": "string", "last_fetch": _PERHAPS})
_ROUND = schemas.table(
    {"id": "integer", "due": _AT, "begun": _PERHAPS, "restart": "boolean", "by": "string", "all": "integer",
     "fetched": "integer", "waiting": "integer", "coming": "integer", "silent": {"type": "array", "items": _SILENT},
     "refused": {"type": "array", "items": schemas.table({"mac": "string", "status": "integer"})}}
)  # fmt: skip
_STRANGER = schemas.table(
    {"first": _AT, "last": _AT, "mac": "string", "model": "string", "count": "integer", "address": "string",
     "way": "string", "file": "string", "user_agent": "string", "local": "boolean"}
)  # fmt: skip
_INCIDENT = schemas.table(
    {"at": _AT, "kind": {"type": "string", "enum": list(Trouble.values)}, "mac": "string", "address": "string",
     "way": "string", "detail": "string", "count": "integer"}
)  # fmt: skip
_MODEL = schemas.table(
    {"slug": "string", "vendor": "string", "name": "string", "lines": "integer", "keys": "integer", "ways": _NAMES,
     "key_kinds": _NAMES, "screen": "string", "logo": "string", "transports": _NAMES, "codecs": _NAMES,
     "quirks": _NAMES, "tried": "string", "templates": _NAMES}
)  # fmt: skip
_TEMPLATE = schemas.table({"file": "string", "text": "string"})
_ORDER = schemas.body(
    {"macs": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 5000},
     "restart": {"type": "boolean"}, "when": {"type": "string", "enum": ["now", "night"]}}
)  # fmt: skip
_ADOPT = schemas.body({"model": {"type": "string", "maxLength": 60}, "number": {"type": "string", "maxLength": 20}})


def operations() -> list[Operation]:
    """Return the operations of desk phones."""
    name = Parameter("name", "Which file, as the model names it; the main one, where it is left out.")
    common: dict[str, Any] = {"group": "desk_phones"}
    one = "/desk_phones/{mac}"
    return [
        Operation("get_desk_phone_state", "GET", f"{one}/state", "phones", "How a desk phone stands", state,
                  answer=_STATE, **common),
        Operation("make_desk_phone_link", "POST", f"{one}/link", "phones", "A one-time address for a desk phone",
                  new_link, answer=_LINK, status=201, about="It is in no other answer. One of before ends.", **common),
        Operation("end_desk_phone_link", "DELETE", f"{one}/link", "phones", "End a one-time address", end_link,
                  status=204, **common),
        Operation("get_desk_phone_file", "GET", f"{one}/file", "phones", "What a desk phone would get now", file,
                  parameters=(name,), answer=_FILE, about="Secrets are masked.", **common),
        Operation("check_sync_desk_phones", "POST", "/phone_check_syncs", "phones", "Have desk phones fetch again",
                  order, body=_ORDER, answer=_ROUND, status=202, about="All of them, where `macs` is left out.",
                  **common),
        Operation("list_phone_check_syncs", "GET", "/phone_check_syncs", "phones", "Who was told to fetch, and did",
                  orders, answer=schemas.listed(_ROUND), **common),
        Operation("cancel_phone_check_sync", "DELETE", "/phone_check_syncs/{id}", "phones",
                  "Call off what phones were to be told", cancel_order, status=204,
                  route="phone_check_syncs/<int:id>", **common),
        Operation("list_phones_that_ask", "GET", "/phones_that_ask", "phones", "Who asks and is nobody's phone", asking,
                  answer=schemas.listed(_STRANGER), **common),
        Operation("adopt_phone", "POST", "/phones_that_ask/{mac}", "phones", "Take in a phone that asks", adopt,
                  body=_ADOPT, answer=_STATE, status=201, about="With a new extension, where `number` is left out.",
                  **common),
        Operation("forget_phone", "DELETE", "/phones_that_ask/{mac}", "phones", "Forget that a phone asked", forget,
                  status=204, **common),
        Operation("list_phone_incidents", "GET", "/phone_incidents", "phones", "What phones were refused", incidents,
                  answer=schemas.listed(_INCIDENT), **common),
        Operation("list_phone_models", "GET", "/phone_models", "phones", "Models of desk phones", models,
                  answer=schemas.listed(_MODEL), **common),
        Operation("get_builtin_phone_template", "GET", "/builtin_phone_templates/{file}", "phones",
                  "A template as it is built in", template, answer=_TEMPLATE, **common),
    ]  # fmt: skip
