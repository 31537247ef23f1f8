"""Where calls go: per own extension a sentence, a timeline, a switch for silence, and the form behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import errors
from jackfield.console.web.forms import by_field
from jackfield.console.web.own import mine, obstacles
from jackfield.console.web.own.sentences import Rule, sentence, steps, timeline
from jackfield.console.web.rights import gate
from jackfield.contacts.names import names_of
from jackfield.contacts.numbers import House
from jackfield.switch.snapshot import Snapshot

__all__ = ["disturb", "edit", "listing", "preview", "whereto"]

GONE = gettext_lazy("This extension is not yours (any more). Where your calls go is on the page before.")
MOST_SUGGESTED = 300


@dataclass(frozen=True, slots=True)
class Target:
    """A field of the form that takes a number."""

    name: str
    label: str
    help: str


TARGETS = (
    Target(
        "forward_no_answer",
        gettext_lazy("If nobody answers, go on to"),
        gettext_lazy("Empty: the caller hears that nobody answers."),
    ),
    Target(
        "forward_busy",
        gettext_lazy("When I am busy, go to"),
        gettext_lazy("Also while do not disturb is on, and when you decline a call. Empty: the caller hears busy."),
    ),
    Target(
        "forward_unreachable",
        gettext_lazy("When none of my phones is connected, go to"),
        gettext_lazy("Switched off, or without network."),
    ),
    Target(
        "forward_always",
        gettext_lazy("Send every call straight to"),
        gettext_lazy("Your phones stay silent as long as something stands here."),
    ),
)

CLOSED = Target(
    "forward_closed",
    gettext_lazy("Outside of these hours, send calls straight to"),
    gettext_lazy("To a colleague, say, or to your mobile. Empty: at all hours the same."),
)


@gate("own")
def listing(request: HttpRequest) -> HttpResponse:
    """Show a sentence for each own extension; with a single one, its form at once."""
    rows = mine.extensions(request)
    if len(rows) == 1:
        return redirect(f"/me/rules/{rows[0].pk}")
    found = mine.snapshot()
    shown = [(row, *_told(_rule(row, found), _say(request, found, row))) for row in rows]
    return render(request, "own/rules.html", {"shown": shown})


@gate("own")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and save the rules of one extension."""
    row = mine.extension(request, pk)
    if row is None:
        return errors.missing(request, str(GONE))
    found = mine.snapshot()
    if request.method != "POST":
        return _form(request, row, found, _stored(row), {})
    house = _house(found)
    typed = {target.name: request.POST.get(target.name, "").strip() for target in TARGETS}
    if found.time_ranges and CLOSED.name in request.POST:
        typed |= {name: request.POST.get(name, "").strip() for name in (CLOSED.name, "hours")}
    typed["ring_time"] = request.POST.get("ring_time", "").strip()
    typed["call_waiting"] = "yes" if "call_waiting" in request.POST else ""
    values: dict[str, Any] = {
        target.name: house.dialled(typed[target.name], found.numbers)
        for target in (*TARGETS, CLOSED) if target.name in typed
    }  # fmt: skip
    if "hours" in typed:
        values["hours"] = typed["hours"]
    values["ring_time"] = typed["ring_time"].replace(",", ".") or None
    values["call_waiting"] = bool(typed["call_waiting"])
    # What stands in the form as it was opened is not wished for: somebody may have changed it elsewhere since.
    was = {name: request.POST[f"was.{name}"] for name in typed if f"was.{name}" in request.POST}
    values = {name: value for name, value in values.items() if was.get(name) != typed[name]}
    problems = {
        target.name: [text]
        for target in (*TARGETS, CLOSED)
        if values.get(target.name, "") not in ("", getattr(row, target.name))
        and (text := obstacles.of_sending_on(found, row, values[target.name]))
    }
    if values.get("ring_time") is not None and not re.fullmatch(r"\d{1,9}(\.\d+)?", values["ring_time"]):
        text = _("“%(value)s” is no number: give seconds, such as 20.")
        problems["ring_time"] = [text % {"value": typed["ring_time"]}]
    if not problems:
        try:
            difference = mine.save(request, row, values)
        except DocumentError as refused:
            problems, rest = by_field(refused.problems, "extensions[0]")
            problems[""] = rest
        else:
            mine.tell(request, _("Saved.") if difference else _("Nothing was changed."))
            return redirect(f"/me/rules/{pk}")
    return _form(request, row, found, typed, problems, was=was, status=422)


@gate("own")
@require_POST
def disturb(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch do not disturb on or off: `to` says which."""
    row = mine.extension(request, pk)
    if row is None:
        return errors.missing(request, str(GONE))
    on = request.POST.get("to") == "on"
    mine.save(request, row, {"do_not_disturb": on})
    mine.tell(request, _("Your phones stay silent now.") if on else _("Your phones ring again."))
    return redirect("/me/rules/")


@gate("own")
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the sentence and the timeline of what the form holds, as a part of the page. Changes nothing."""
    row = mine.extension(request, pk)
    if row is None:
        return errors.missing(request, str(GONE))
    found = mine.snapshot()
    return render(request, "own/preview.html", _preview(request, row, found, request.GET))


def whereto(request: HttpRequest, row: Any) -> str:
    """Return the sentence of an extension, for other pages."""
    found = mine.snapshot()
    return sentence(_rule(row, found), _say(request, found, row))


# --- from the row and the form to a rule -----------------------------------------------------------------------------


def _house(found: Snapshot) -> House:
    return House(found.general.country, found.general.outside_prefix)


def _stored(row: Any) -> dict[str, str]:
    values = {target.name: getattr(row, target.name) for target in (*TARGETS, CLOSED)}
    values["hours"] = row.hours.name if row.hours is not None else ""
    values["ring_time"] = "" if row.ring_time is None else f"{row.ring_time:g}"
    values["call_waiting"] = "yes" if row.call_waiting else ""
    return values


def _rule(row: Any, found: Snapshot, values: Mapping[str, str] | None = None) -> Rule:
    given = _stored(row) if values is None else values
    house = _house(found)
    try:
        seconds = float(given.get("ring_time", "").replace(",", ".") or found.general.ring_time)
    except ValueError:
        seconds = found.general.ring_time
    target = {one.name: house.dialled(given.get(one.name, ""), found.numbers) for one in (*TARGETS, CLOSED)}
    hours = given.get("hours", "")
    return Rule(
        seconds,
        row.do_not_disturb,
        target["forward_always"],
        target["forward_busy"],
        target["forward_no_answer"],
        target["forward_unreachable"],
        len(row.lines.all()),
        hours,
        target[CLOSED.name] if hours else "",
    )


def _say(request: HttpRequest, found: Snapshot, row: Any, more: tuple[str, ...] = ()) -> Callable[[str], str]:
    numbers = {getattr(row, target.name) for target in (*TARGETS, CLOSED)} | set(more)
    house = _house(found)
    names = names_of(numbers, user=request.user, known_house=house)

    def say(number: str) -> str:
        entry = found.numbers.get(number)
        name = names.get(number) or (entry.name if entry else "")
        shown = number if entry else house.shown(number)
        return f"{name} ({shown})" if name else shown

    return say


def _told(rule: Rule, say: Callable[[str], str]) -> tuple[str, Any]:
    return sentence(rule, say), timeline(steps(rule, say))


def _preview(request: HttpRequest, row: Any, found: Snapshot, values: Mapping[str, str]) -> dict[str, Any]:
    rule = _rule(row, found, values)
    targets = (rule.always, rule.busy, rule.no_answer, rule.unreachable, rule.closed)
    text, picture = _told(rule, _say(request, found, row, targets))
    return {"sentence": text, "timeline": picture}


def _form(
    request: HttpRequest,
    row: Any,
    found: Snapshot,
    values: Mapping[str, str],
    problems: Mapping[str, list[str]],
    *,
    was: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    prefix = found.general.outside_prefix
    context = {
        "row": row,
        "several": len(mine.extensions(request)) > 1,
        "values": values,
        "was": _stored(row) | dict(was or {}),
        "targets": TARGETS,
        "closed": CLOSED,
        "ranges": [one.name for one in found.time_ranges],
        "problems": problems,
        "usual": f"{found.general.ring_time:g}",
        "prefix": prefix,
        "suggested": [(one.number, one.name) for one in found.extensions if one.number != row.number][:MOST_SUGGESTED],
        **_preview(request, row, found, values),
    }
    return render(request, "own/rule.html", context, status=status)
