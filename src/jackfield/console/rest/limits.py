"""Limits on calls by the API: what is used, what was refused and how it is opened, calls that wait; the rate table."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import rates
from jackfield.console.faults import ConsoleError
from jackfield.console.rest import answers, bodies, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal, of_fields
from jackfield.console.rest.who import author
from jackfield.console.web.limits import refused_lately
from jackfield.console.web.own import in_progress
from jackfield.switch.limits.rates import MILLION, RateTable

__all__ = ["operations"]

LARGEST = 10 << 20
"""Bytes of a table that comes by the API."""


def use(asked: Asked) -> HttpResponse:
    """Answer with what is used of each limit."""
    found = ask("limits")
    rows = [{"name": rule["name"], **row} for rule in found["rules"] for row in rule["used"]]
    return answers.json({"items": rows, "next": None})


def refused(asked: Asked) -> HttpResponse:
    """Answer with what limits have refused lately."""
    found = [dataclasses.asdict(one) for one in refused_lately(time.time())]
    return answers.json({"items": found, "next": None})


def clear(asked: Asked) -> HttpResponse:
    """Let what is counted begin anew."""
    more = {} if asked.query["whose"] is None else {"whose": asked.query["whose"]}
    ask("clear_limit", missing=True, name=asked.path["name"], by=author(asked.request).name, **more)
    return HttpResponse(status=204)


def waiting(asked: Asked) -> HttpResponse:
    """Answer with the calls that wait to be approved."""
    return answers.json({"items": [_waiting(one) for one in ask("approvals")], "next": None})


def approve(asked: Asked, **more: Any) -> HttpResponse:
    """Let a call go on that waits, or refuse it."""
    given = bodies.mapping(asked.request)
    if set(given) != {"yes"} or not isinstance(given["yes"], bool):
        raise of_fields(422, [{"field": "yes", "message": "Must be true or false, and nothing else is known here."}])
    ask("approve", missing=True, id=asked.path["id"], yes=given["yes"], by=author(asked.request).name, **more)
    return HttpResponse(status=204)


def habits(asked: Asked) -> HttpResponse:
    """Answer with what is normal for each extension."""
    return answers.json({"items": ask("call_habits"), "next": None})


def own_waiting(asked: Asked) -> HttpResponse:
    """Answer with the calls of one's own extensions that wait to be approved."""
    own = sorted(in_progress.numbers_of(asked.request))
    return answers.json({"items": [_waiting(one) for one in ask("approvals", extensions=own)], "next": None})


def own_approve(asked: Asked) -> HttpResponse:
    """Let an own call go on that waits, or refuse it."""
    return approve(asked, extensions=sorted(in_progress.numbers_of(asked.request)))


def _waiting(one: dict[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("id", "at", "until", "call", "rule", "extension", "user", "number", "country")}


def price(asked: Asked) -> HttpResponse:
    """Answer with what a call to a number costs."""
    from jackfield.company.models import General

    full, rate = rates.price_of(_current(), asked.path["number"], General.current().country)
    if rate is None:
        raise Refusal(404, f"{full} has no price.")
    return answers.json(
        {
            "number": full, "name": rate.name, "per_minute": rate.per_minute / MILLION,
            "per_call": rate.per_call / MILLION, "first": rate.first, "next": rate.next,
        }
    )  # fmt: skip


def export(asked: Asked) -> HttpResponse:
    """Answer with the rate table."""
    headers = {"Content-Disposition": 'attachment; filename="rates.csv"'}
    return HttpResponse(rates.to_csv(_current()), content_type="text/csv; charset=utf-8", headers=headers)


def bring(asked: Asked) -> HttpResponse:
    """Put a table in the place of the one before, or tell what that would change."""
    from jackfield.trunks.models import Trunk

    reading = rates.read_csv(
        bodies.raw(asked.request, LARGEST), frozenset(Trunk.objects.values_list("name", flat=True))
    )
    if reading.problems:
        wrong = [{"field": "", "message": text} for text in reading.problems]
        raise Refusal(422, f"{len(wrong) + reading.more} lines are not right. Nothing was imported.", wrong)
    before = _current()
    answer = dataclasses.asdict(rates.compare(before, reading.entries)) | {"prefixes": len(reading.entries)}
    if not asked.query["dry_run"]:
        currency = (asked.query["currency"] or before.currency).upper()
        try:
            rates.store(django_settings.JACKFIELD, reading.entries, currency, by=author(asked.request).name)
        except ConsoleError as problem:
            raise Refusal(503, str(problem)) from None
    return answers.json(answer)


def _current() -> RateTable:
    try:
        return rates.current(django_settings.JACKFIELD)
    except ConsoleError as problem:
        raise Refusal(503, str(problem)) from None


_USE = schemas.table(
    {"name": "string", "whose": "string", "calls": "integer", "at_once": "integer", "seconds": "number",
     "money_hour": "number", "money_day": "number", "money_month": "number"}
)  # fmt: skip
_REFUSED = schemas.table(
    {"at": "number", "rule": "string", "number": "string", "country": "string", "extension": "string",
     "text": "string", "call": "string", "opens": "string", "is_open": "boolean"}
)  # fmt: skip
_WAITING = schemas.table(
    {"id": "string", "at": "number", "until": "number", "call": "string", "rule": "string", "extension": "string",
     "user": "string", "number": "string", "country": "string"}
)  # fmt: skip
_HOURS = {"type": "array", "items": {"type": "integer"}}
_HABIT = schemas.table(
    {"extension": "string", "learned": "boolean", "days": "integer", "calls": "integer",
     "countries": {"type": "array", "items": {"type": "string"}}, "hours": _HOURS, "weekend_hours": _HOURS,
     "dearest_day": "number", "longest_day": "number", "cost_today": "number", "talk_today": "number"}
)  # fmt: skip
_PRICE = schemas.table(
    {"number": "string", "name": "string", "per_minute": "number", "per_call": "number", "first": "integer",
     "next": "integer"}
)  # fmt: skip
_CHANGED = schemas.table(
    {"prefixes": "integer", "added": "integer", "removed": "integer", "dearer": "integer", "cheaper": "integer",
     "otherwise": "integer"}
)  # fmt: skip
_APPROVE = {
    "type": "object",
    "required": ["yes"],
    "properties": {"yes": {"type": "boolean"}},
    "additionalProperties": False,
}


def operations() -> list[Operation]:
    """Return the operations."""
    common: dict[str, Any] = {"area": "safety", "group": "call_limits"}
    whose = Parameter("whose", "Only the count of this one; left out: all counts of the limit.")
    currency = Parameter("currency", "As it is shown, such as EUR; left out: the one before.",
                         {"type": "string", "maxLength": 8})  # fmt: skip
    return [
        Operation("list_limit_use", "GET", "/live/limits", summary="What is used of limits on calls", run=use,
                  answer=schemas.listed(_USE), about="`calls` of this hour, `seconds` of talk today, money in the "
                  "currency of the rate table.", **common),
        Operation("list_refused_calls", "GET", "/live/limits/refused", summary="What limits have refused in 7 days",
                  run=refused, answer=schemas.listed(_REFUSED), about="`opens`: the country or the number that, put "
                  "into the limit's `opened`, lets such calls through.", **common),
        Operation("clear_limit", "DELETE", "/live/limits/{name}", summary="Let a limit count anew", run=clear,
                  route="/live/limits/<path:name>", parameters=(whose,), status=204, **common),
        Operation("list_waiting_calls", "GET", "/live/approvals", summary="Calls that wait to be approved",
                  run=waiting, answer=schemas.listed(_WAITING), **common),
        Operation("approve_call", "POST", "/live/approvals/{id}", summary="Approve or refuse a call that waits",
                  run=approve, body=_APPROVE, status=204, **common),
        Operation("list_call_habits", "GET", "/live/habits", summary="What is normal for each extension", run=habits,
                  answer=schemas.listed(_HABIT), about="Learned from outgoing calls; `learned` once there is enough "
                  "to compare with. Hours of working days, and of Saturdays and Sundays.", **common),
        Operation("list_own_waiting_calls", "GET", "/me/live/approvals", area="own", group="me",
                  summary="Calls of mine that wait to be approved", run=own_waiting, answer=schemas.listed(_WAITING)),
        Operation("approve_own_call", "POST", "/me/live/approvals/{id}", area="own", group="me",
                  summary="Approve or refuse a call of mine that waits", run=own_approve, body=_APPROVE, status=204),
        Operation("get_price", "GET", "/rates/{number}", summary="What a call to a number costs", run=price,
                  answer=_PRICE, **common),
        Operation("export_rates", "GET", "/rates.csv", summary="The rate table", run=export,
                  answer={"type": "string"}, answer_type="text/csv", **common),
        Operation("import_rates", "PUT", "/rates.csv", summary="Import a rate table", run=bring,
                  parameters=(DRY_RUN, currency), body={"type": "string"}, body_type="text/csv",
                  sample="prefix,name,per_minute\n44,United Kingdom,0.0125\n", answer=_CHANGED, trial=_CHANGED,
                  about="It takes the place of the table as a whole. Columns: prefix (with the country code; * for "
                  "everything else), name, per_minute, per_call, first, next, trunk.", **common),
    ]  # fmt: skip
