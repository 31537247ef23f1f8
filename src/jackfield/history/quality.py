"""How calls sounded: the mean opinion scores that the media processes have estimated for each party, by half hour.

The score (MOS, ITU-T P.800) goes from 1 to about 4.5; it is an estimate by the E-model (ITU-T G.107) from loss, jitter
and delay. Parties of whom nothing was heard have none and are not counted.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Count, FloatField, Min, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from jackfield.history.models import Leg
from jackfield.history.slots import Slot

__all__ = ["POOR_MOS", "Heard", "heard"]

POOR_MOS = 3.5
"""Below this people complain: "some users dissatisfied" begins at 3.6 (ITU-T G.107)."""

Heard = list[float]
"""Parties, their scores added up, those below `POOR_MOS`, and the lowest score."""


def heard(begin: float, end: float) -> dict[int, Heard]:
    """Return how the parties sounded of calls that began from `begin` to before `end`: by half hour since 1970."""
    rows = (
        Leg.objects.filter(call__started__gte=begin, call__started__lt=end)
        .order_by()
        .annotate(score=Cast(KeyTextTransform("mos", "media"), FloatField()))
        .filter(score__gt=0)
        .values(slot=Slot("call__started"))
        .annotate(
            parties=Count("*"), total=Sum("score"), poor=Count("pk", filter=Q(score__lt=POOR_MOS)), lowest=Min("score")
        )
    )
    return {row["slot"]: _numbers(row) for row in rows}


def _numbers(row: dict[str, Any]) -> Heard:
    return [row["parties"], round(row["total"], 2), row["poor"], row["lowest"]]
