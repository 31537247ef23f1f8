"""How calls sounded: the mean opinion scores that the media processes have estimated for each party, by half hour.

The score (MOS, ITU-T P.800) goes from 1 to about 4.5; it is an estimate by the E-model (ITU-T G.107) from loss, jitter
and delay. Parties of whom nothing was heard have none and are not counted.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Count, FloatField, Func, Min, Q, Sum

from jackfield.history.models import Call
from jackfield.history.slots import Slot

__all__ = ["POOR_MOS", "Heard", "heard"]

POOR_MOS = 3.5
"""Below this people complain: "some users dissatisfied" begins at 3.6 (ITU-T G.107)."""

Heard = list[float]
"""Parties, their scores added up, those below `POOR_MOS`, and the lowest score."""


class Score(Func):
    """The score in what a leg has of its media. Django's own way to a key reads the JSON three times on SQLite."""

    output_field = FloatField()
    template = "CAST(%(expressions)s ->> 'mos' AS double precision)"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """There `->>` is younger than the SQLite of some systems."""
        return self.as_sql(compiler, connection, template="JSON_EXTRACT(%(expressions)s, '$.mos')", **more)


def heard(begin: float, end: float) -> dict[int, Heard]:
    """Return how the parties sounded of calls that began from `begin` to before `end`: by half hour since 1970."""
    counted = Q(score__gt=0)
    rows = (
        Call.objects.filter(started__gte=begin, started__lt=end)
        .order_by()
        .annotate(score=Score("legs__media"))
        .values(slot=Slot("started"))
        .annotate(
            parties=Count("pk", filter=counted),
            total=Sum("score", filter=counted),
            poor=Count("pk", filter=counted & Q(score__lt=POOR_MOS)),
            lowest=Min("score", filter=counted),
        )
    )
    return {row["slot"]: _numbers(row) for row in rows if row["parties"]}


def _numbers(row: dict[str, Any]) -> Heard:
    return [row["parties"], round(row["total"], 2), row["poor"], row["lowest"]]
