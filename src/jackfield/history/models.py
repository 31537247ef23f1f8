"""Calls, their legs and their journal; and notices of the system. Written by the importer, read by everybody else.

Times are seconds since 1970, UTC, as in the records themselves: exact, and cheap to write by the thousand.
Texts have no length limit, since one record that does not fit must not stop the others.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from jackfield.history.choices import Direction, Outcome

__all__ = ["Call", "DaySums", "Event", "Journal", "Leg", "Looked", "Owned", "Party"]


def text_field(**options: Any) -> Any:
    """Return a column for text of any length."""
    return models.TextField(blank=True, default="", **options)


LOOKED_UP = ("caller_number", "called_number", "dialed", "caller_trunk", "called_trunk")
TIMES = ("started", "answered", "ended")


class Call(models.Model):
    """One call, as the user thinks of it."""

    id = models.CharField(primary_key=True, max_length=64)
    boot = models.CharField(max_length=64, blank=True, default="")
    snapshot_version = models.IntegerField(default=0)
    started = models.FloatField(db_index=True)
    ringing = models.FloatField(null=True, blank=True)
    answered = models.FloatField(null=True, blank=True)
    ended = models.FloatField(null=True, blank=True)
    caller_number = text_field()
    caller_name = text_field()
    caller_extension = text_field()
    caller_trunk = text_field()
    called_number = text_field()
    called_name = text_field()
    called_extension = text_field()
    called_trunk = text_field()
    dialed = text_field()
    direction = models.CharField(max_length=20, choices=Direction.choices, default=Direction.INTERNAL)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, blank=True, default=Outcome.ONGOING)
    hung_up_by = models.CharField(max_length=20, blank=True, default="")
    sip_status = models.IntegerField(default=0)
    q850 = models.IntegerField(default=0)
    reason = text_field()
    caller_hidden = models.BooleanField(null=True, blank=True)
    """Whether the caller asked not to be told apart; None of calls from before this was kept."""

    class Meta:
        ordering = ("-started", "id")
        indexes = (
            # Few rows at any time: what is to be closed when the switch starts anew.
            models.Index(fields=("boot",), condition=models.Q(ended=None), name="call_ongoing"),
            # Each with the time: a list reads the newest of one number and stops.
            *(models.Index(fields=(name, "started"), name=f"call_{name}") for name in LOOKED_UP),
            # With all that statistics add up, so that these read the index alone and in its order: a sixth of the time.
            models.Index(fields=("caller_extension", *TIMES), name="call_from_extension"),
            models.Index(fields=("called_extension", *TIMES), name="call_to_extension"),
            models.Index(fields=("direction", "outcome", "caller_trunk", "called_trunk", *TIMES), name="call_kinds"),
        )

    def __str__(self) -> str:
        return f"the call {self.id}"


class Leg(models.Model):
    """One party's part of a call."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="legs", db_index=False)
    position = models.SmallIntegerField()
    role = models.CharField(max_length=20)
    number = text_field()
    name = text_field()
    extension = text_field()
    trunk = text_field()
    line = text_field()
    address = text_field()
    user_agent = text_field()
    sip_call_id = text_field()
    invited = models.FloatField(default=0)
    ringing = models.FloatField(null=True, blank=True)
    answered = models.FloatField(null=True, blank=True)
    ended = models.FloatField(null=True, blank=True)
    status = models.IntegerField(default=0)
    reason = text_field()
    codec = text_field()
    secure = models.BooleanField(default=False)
    media: Any = models.JSONField(blank=True, default=dict)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("call", "position"), name="leg_once_per_call"),)
        indexes = (models.Index(fields=("extension", "call"), name="leg_by_extension"),)  # a user's own calls

    def __str__(self) -> str:
        return f"leg {self.position} of {self.call_id}"


class Journal(models.Model):
    """What happened in a call, in plain words: one row per call, since it is always read as a whole."""

    call = models.OneToOneField(Call, models.CASCADE, primary_key=True, related_name="journal")
    lines: Any = models.JSONField(default=list)
    """A list of `{"at": seconds, "text": words, "link": the setting behind it}`."""

    def __str__(self) -> str:
        return f"the journal of {self.call_id}"


class Party(models.Model):
    """A number with a name that calls have had: few beside the calls, so a search can look at each of them."""

    number = text_field()
    name = text_field()
    folded = text_field()
    """Number and name as a search compares them; see `jackfield.history.parties`."""
    calls = models.IntegerField(default=0)  # about: how often it is met
    last = models.FloatField(default=0, db_index=True)  # seconds since 1970

    class Meta:
        ordering = ("number", "name")
        constraints = (models.UniqueConstraint(fields=("number", "name"), name="party_once"),)

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip()


class Owned(models.Model):
    """Whose extension a number was, and when: a user's own calls are those of his time. Written when that changes."""

    number = models.CharField(max_length=31)
    user_id = models.BigIntegerField(db_index=True)  # no foreign key: the history stays when a user is removed
    since = models.FloatField(default=0)  # seconds since 1970
    until = models.FloatField(null=True, blank=True)  # None: he still has it

    class Meta:
        ordering = ("number", "since")
        indexes = (models.Index(fields=("number", "until"), name="owned_now"),)

    def __str__(self) -> str:
        return f"{self.number} of user {self.user_id}"


class Looked(models.Model):
    """When a user looked at his own calls last: those that he has missed since are counted for him."""

    user_id = models.BigIntegerField(primary_key=True)  # no foreign key, as in `Owned`
    at = models.FloatField(default=0)  # seconds since 1970

    def __str__(self) -> str:
        return f"when user {self.user_id} looked at his calls"


class DaySums(models.Model):
    """What the calls of one day (UTC) come to, so that nobody adds up a year of them. See `jackfield.history.sums`."""

    day = models.IntegerField(primary_key=True)  # days since 1970
    slots = models.TextField(default="{}")  # JSON: half hour of the day -> sums
    kinds = models.TextField(default="[]")  # JSON: (direction, outcome, caller's trunk, called trunk, *sums)
    extensions = models.TextField(blank=True, default="")
    """JSON: extension -> sums of calls made and got, of all days up to the end of this one; "" on most days."""
    heard = models.TextField(default="{}")  # JSON: half hour of the day -> how parties sounded; `history.quality`

    class Meta:
        ordering = ("day",)

    def __str__(self) -> str:
        return f"the calls of day {self.day}"


class Event(models.Model):
    """A notice of the system or of a registration, as the spool had it."""

    id = models.CharField(primary_key=True, max_length=64)
    kind = models.CharField(max_length=40)
    at = models.FloatField(db_index=True)
    data: Any = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "id")

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
