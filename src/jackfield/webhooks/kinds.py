"""The kinds of events that webhooks can be told of, and how they are chosen: by name, by beginning ("call.*"), or all.

What each carries as `data` is in docs/api.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

__all__ = ["KINDS", "LIVE", "TEST", "chosen", "patterns"]

KINDS: dict[str, Any] = {
    "call.started": gettext_lazy("A call begins"),
    "call.answered": gettext_lazy("A call is answered"),
    "call.changed": gettext_lazy("Something else about a call is different: its state, its parties"),
    "call.ended": gettext_lazy("A call ends"),
    "call.recorded": gettext_lazy("The record of a call is written, with its journal"),
    "phone.registered": gettext_lazy("A phone registers"),
    "phone.changed": gettext_lazy("A phone can be reached, or can't any more"),
    "phone.gone": gettext_lazy("A phone is registered no more"),
    "phone.provisioned": gettext_lazy("A desk phone fetches its configuration"),
    "trunk.changed": gettext_lazy("The state of a trunk is different"),
    "trunk.removed": gettext_lazy("A trunk is removed"),
    "switch.changed": gettext_lazy("The switch starts, stops, or is about to stop"),
    "configuration.changed": gettext_lazy("Somebody changes the configuration"),
    "notice.raised": gettext_lazy("A notice: something is wrong, or well again"),
}
LIVE = frozenset(kind for kind in KINDS if kind.partition(".")[0] in ("call", "phone", "trunk", "switch")) - {
    "call.recorded",
    "phone.provisioned",
}
"""What is seen by asking the switch once a second. All others are kept in the same transaction as what they tell of."""
TEST = "webhook.test"
"""Sent when somebody asks for it, to every webhook."""


def chosen(patterns: Iterable[str], kind: str) -> bool:
    """Tell whether a kind is among what is chosen."""
    return any(
        pattern in ("*", kind) or (pattern.endswith("*") and kind.startswith(pattern[:-1])) for pattern in patterns
    )


def patterns(values: Iterable[str]) -> None:
    """Accept what chooses at least one kind each. Raises `ValidationError`."""
    wrong = [
        ValidationError(
            _('"%(pattern)s" is no kind of event: use * for all, a beginning such as call.*, or one of %(known)s')
            % {"pattern": value, "known": ", ".join(KINDS)},
            code="wrong",
        )
        for value in values
        if not any(chosen((value,), kind) for kind in KINDS)
    ]
    if wrong:
        raise ValidationError(wrong)
