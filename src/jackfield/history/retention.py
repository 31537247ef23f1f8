"""What is too old leaves the history, a little at a time so that nobody waits for it."""

from __future__ import annotations

from jackfield.company.models import General
from jackfield.history.models import Call, DaySums, Event, Journal, Leg, Party

__all__ = ["clean"]

DAY = 86400.0
AT_ONCE = 500


def clean(now: float, *, most: int = 20) -> int:
    """Remove calls and events older than the company's `keep_calls_days`, in up to `most` steps of 500.

    `now`: seconds since 1970. Returns how many calls and events went; there may be more.
    """
    days = General.current().keep_calls_days
    if not days:
        return 0
    gone = 0
    for _ in range(most):
        calls = list(
            Call.objects.filter(started__lt=now - days * DAY).order_by().values_list("id", flat=True)[:AT_ONCE]
        )
        events = list(Event.objects.filter(at__lt=now - days * DAY).order_by().values_list("id", flat=True)[:AT_ONCE])
        if not calls and not events:
            break
        Leg.objects.filter(call_id__in=calls).delete()
        Journal.objects.filter(call_id__in=calls).delete()
        Call.objects.filter(id__in=calls).delete()
        Event.objects.filter(id__in=events).delete()
        gone += len(calls) + len(events)
    if gone:
        DaySums.objects.filter(day__lte=(now - days * DAY) // DAY).delete()
        Party.objects.filter(last__lt=now - days * DAY).delete()
    return gone
