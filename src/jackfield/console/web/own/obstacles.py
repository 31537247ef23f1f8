"""Why a number can't be called, or calls can't be sent on to it, in words for users."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from jackfield.switch.plan import Refusal
from jackfield.switch.route import FromExtension, RouteRequest, route
from jackfield.switch.snapshot import Snapshot

__all__ = ["NOT_RUNNING", "of_calling", "of_sending_on", "told"]

NOT_RUNNING = gettext_lazy(
    "The telephone system does not run just now. Try again in a moment, or tell an administrator."
)
TOLD = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"no phone .*is connected", gettext_lazy("None of your phones is connected, so none can ring first.")),
        (r".* calls already: hang", gettext_lazy("You have as many calls as you may have: hang one up first.")),
        (r".* the number of the phone itself", gettext_lazy("That is your own number.")),
        (
            r"your phones already ring",
            gettext_lazy("Your phones ring for another call already: pick up, or wait until they stop."),
        ),
        (r"\d+ calls in a minute", gettext_lazy("You have begun many calls within a minute: wait a moment.")),
        (r"the system is stopping|the (switch|control|connection)|you may not use", NOT_RUNNING),
        (r"a transfer .*is under way", gettext_lazy("A transfer is under way already: wait until it has ended.")),
        (r"call .*is on hold", gettext_lazy("The call is on hold: take it back on your phone first.")),
        (
            r'limit "',
            gettext_lazy(
                "Such calls are closed, or as many as are allowed have been made. An administrator can open them."
            ),
        ),
        (r"a fax ", gettext_lazy("A fax is being sent in this call.")),
        (r"no call |call .*(ended|not answered)", gettext_lazy("The call is over, or nobody has answered it yet.")),
    )
)
"""What the switch answers to those who ask it, by how it begins, and what users are told. It speaks English only."""


def of_calling(found: Snapshot, row: Any, number: str) -> str:
    """Return why an extension can't call a number; "" when it can. The dial plan is asked, as a call would."""
    if number == row.number:
        return _("That is your own number.")
    refusal = _refusal(found, row, number)
    if refusal is None:
        return ""
    if refusal.status == 403 and not row.enabled:
        return _("Your extension is switched off. An administrator can switch it on again.")
    if refusal.status == 403 and not row.outside_calls:
        return _("You may call numbers of the house only. An administrator can allow others.")
    if refusal.status == 403:
        return _("You may not call %(number)s. An administrator can allow it.") % {"number": number}
    return _nowhere(found, number)


def of_sending_on(found: Snapshot, row: Any, number: str) -> str:
    """Return why an extension can't forward to a number; "" when it can."""
    if number == row.number:
        return _("That is this number itself: the call would come back at once.")
    refusal = _refusal(found, row, number)
    if refusal is None:
        return ""
    if refusal.status == 403 and not row.outside_calls:
        return _("Calls may be sent on to numbers of the house only. An administrator can allow others.")
    if refusal.status == 403 and refusal.prompt:
        return _("This extension may not call that number, so nothing can be sent on to it. Ask an administrator.")
    if refusal.status == 403:
        return _("This extension is switched off, so nothing can be sent on. Ask an administrator.")
    return _nowhere(found, number)


def told(problem: object) -> str:
    """Return what the running switch has answered, in the language of the page and as a sentence."""
    text = str(problem)
    for pattern, words in TOLD:
        if pattern.match(text):
            return str(words)
    if text == str(NOT_RUNNING) or (get_language() or "en").startswith("en"):
        return text[:1].upper() + text[1:].removesuffix(".") + "."
    return _("The telephone system has refused that. An administrator can see why.")


def _refusal(found: Snapshot, row: Any, number: str) -> Refusal | None:
    now = datetime.now(ZoneInfo(found.general.time_zone))
    return route(found, RouteRequest(number, FromExtension(row.number)), now).refusal


def _nowhere(found: Snapshot, number: str) -> str:
    prefix = found.general.outside_prefix
    text = _("%(number)s leads nowhere: no one in the house has it, and no line carries it outside.")
    if prefix and not number.startswith(prefix):
        text += " " + _("Outside numbers begin with %(prefix)s here.")
    return text % {"number": number, "prefix": prefix}
