"""The values that fields of calls choose from, with their labels."""

from django.db import models

__all__ = ["Direction", "Outcome"]


class Direction(models.TextChoices):
    """Where a call came from and went."""

    INTERNAL = "internal", "Inside the house"
    IN = "in", "From outside"
    OUT = "out", "To the outside"
    THROUGH = "through", "From outside to outside"


class Outcome(models.TextChoices):
    """How a call went. The empty value is a call that is still going on."""

    ONGOING = "", "Going on"
    ANSWERED = "answered", "Answered"
    BUSY = "busy", "Busy"
    NO_ANSWER = "no_answer", "No answer"
    UNREACHABLE = "unreachable", "Nobody was reachable"
    REJECTED = "rejected", "Refused"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Given up by the caller"
    INTERRUPTED = "interrupted", "Interrupted when the system stopped"
