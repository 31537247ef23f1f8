"""Where calls of an extension go, as one sentence and as a timeline. Plain data in, words and HTML out.

The order is that of the switch (`switch/destinations/extension.py`): always, outside of hours, do not disturb, busy,
unreachable, rings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from markupsafe import Markup

__all__ = ["Rule", "Step", "sentence", "steps", "timeline"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for an extension; targets are numbers, "" for none."""

    ring_time: float
    do_not_disturb: bool = False
    always: str = ""
    busy: str = ""
    no_answer: str = ""
    unreachable: str = ""
    phones: int = 1
    hours: str = ""  # name of the time range outside of which calls go to `closed`
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the timeline. `kind`: ring, go (on to a number), end, silent."""

    at: str
    what: str
    kind: str
    branch: bool = False  # happens instead of the main way


Say = Callable[[str], str]
"""Returns a number as people read it."""


def sentence(rule: Rule, say: Say) -> str:
    """Return what happens with calls, in one sentence: a whole one for every case, as languages differ.

    One more sentence follows for the time outside of hours.
    """
    values = {
        "seconds": f"{rule.ring_time:g}",
        "always": say(rule.always),
        "busy": say(rule.busy),
        "then": say(rule.no_answer),
        "unreachable": say(rule.unreachable),
    }
    text = _case(rule) % values
    if rule.always or not rule.closed:
        return text
    outside = _("Outside of “%(hours)s”, calls go straight to %(closed)s.")
    return f"{text} {outside % {'hours': rule.hours, 'closed': say(rule.closed)}}"


def _case(rule: Rule) -> str:
    if rule.always:
        return _("All calls go straight to %(always)s; your phones stay silent.")
    if rule.do_not_disturb and rule.busy:
        return _("You are not disturbed: your phones stay silent and calls go to %(busy)s.")
    if rule.do_not_disturb:
        return _("You are not disturbed: your phones stay silent and callers hear busy.")
    if not rule.phones and rule.unreachable:
        return _("You have no phone yet: calls go to %(unreachable)s.")
    if not rule.phones:
        return _("You have no phone yet, so nothing rings.")
    if rule.no_answer and rule.no_answer == rule.busy == rule.unreachable:
        return _(
            "Your phones ring for %(seconds)s s, then %(then)s; the same when you are busy or no phone is connected."
        )
    return _ringing(bool(rule.no_answer), bool(rule.busy), bool(rule.unreachable))


def _ringing(then: bool, busy: bool, unreachable: bool) -> str:
    """Return the sentence of phones that ring, by which targets there are."""
    if then and busy and unreachable:
        return _(
            "Your phones ring for %(seconds)s s, then %(then)s; when busy, %(busy)s; "
            "when no phone is connected, %(unreachable)s."
        )
    if then and busy:
        return _("Your phones ring for %(seconds)s s, then %(then)s; when busy, %(busy)s.")
    if then and unreachable:
        return _(
            "Your phones ring for %(seconds)s s, then %(then)s; when busy, the caller hears busy; "
            "when no phone is connected, %(unreachable)s."
        )
    if then:
        return _("Your phones ring for %(seconds)s s, then %(then)s; when busy, the caller hears busy.")
    if busy and unreachable:
        return _(
            "Your phones ring for %(seconds)s s, then the caller hears that nobody answers; when busy, %(busy)s; "
            "when no phone is connected, %(unreachable)s."
        )
    if busy:
        return _("Your phones ring for %(seconds)s s, then the caller hears that nobody answers; when busy, %(busy)s.")
    if unreachable:
        return _(
            "Your phones ring for %(seconds)s s, then the caller hears that nobody answers; when busy, the caller "
            "hears busy; when no phone is connected, %(unreachable)s."
        )
    return _(
        "Your phones ring for %(seconds)s s, then the caller hears that nobody answers; "
        "when busy, the caller hears busy."
    )


def steps(rule: Rule, say: Say) -> list[Step]:
    """Return the same as rows, from the moment that a call comes in."""
    rows = _usual_steps(rule, say)
    return rows if rule.always or not rule.closed else [*rows, Step(_("closed"), say(rule.closed), "go", True)]


def _usual_steps(rule: Rule, say: Say) -> list[Step]:
    heard_busy = Step("", say(rule.busy) if rule.busy else _("the caller hears busy"), "go" if rule.busy else "end")
    if rule.always:
        return [Step(_("at once"), say(rule.always), "go"), Step("", _("your phones stay silent"), "silent")]
    if rule.do_not_disturb:
        return [replace(heard_busy, at=_("at once")), Step("", _("your phones stay silent"), "silent")]
    unreachable = say(rule.unreachable) if rule.unreachable else _("the caller hears so")
    lost = Step(_("no phone"), unreachable, "go" if rule.unreachable else "end", True)
    if not rule.phones:
        return [lost]
    last = say(rule.no_answer) if rule.no_answer else _("the caller hears that nobody answers")
    return [
        Step("0 s", _("your phones ring"), "ring"),
        Step(f"{rule.ring_time:g} s", last, "go" if rule.no_answer else "end"),
        replace(heard_busy, at=_("busy"), branch=True),
        lost,
    ]


def timeline(rows: list[Step]) -> Markup:
    """Return the rows as a list that is drawn as a line in time, in whatever direction the page is read. Decoration:
    the sentence beside it says the same."""
    parts = [Markup('<ol class="timeline" aria-hidden="true">')]
    for number, row in enumerate(rows):
        after = rows[number + 1] if number + 1 < len(rows) else None
        goes_on = " way" if after is not None and not after.branch and after.kind != "silent" else ""
        parts.append(Markup('<li class="{}{}"><span class="at">{}</span>').format(row.kind, goes_on, row.at))
        parts.append(Markup('<span class="dot"></span><span class="what">{}</span></li>').format(row.what))
    return Markup("").join([*parts, Markup("</ol>")])
