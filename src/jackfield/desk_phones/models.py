"""Desk phones and the rules of provisioning (configuration), and how each phone stands (state).

State is what happens by itself: digests of secrets, fetches, troubles. It is in no document, no snapshot and no
history of changes. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from jackfield.console import validation
from jackfield.console.fields import DataField
from jackfield.console.single import Single
from jackfield.desk_phones.choices import Answered, NewExtensions, Provisioning, Transport, Trouble, Way
from jackfield.desk_phones.schema import new_password, template_files
from jackfield.desk_phones.trying import unreadable
from jackfield.provisioning.configuration import Key
from jackfield.provisioning.render import builtin
from jackfield.provisioning.requests import normal_mac, spelled_mac
from jackfield.provisioning.updates import digest
from jackfield.sites.models import Site

__all__ = [
    "Asked", "CheckSync", "CheckSyncPhone", "DeskPhone", "Incident", "Link", "PhoneTemplate", "ProvisioningRules",
    "Standing",
]  # fmt: skip


MOST_LINES = 50
MOST_OF_KEY = 100
"""Lines of a phone, and characters of a key's number or words: more than any phone has."""


def text(length: int = 100) -> Any:
    """Return a column for one line of text."""
    return models.CharField(max_length=length, blank=True, default="", validators=[validation.one_line])


def mac_address(value: str) -> None:
    """Accept a MAC address as it is kept. Raises `ValidationError`."""
    try:
        normal_mac(value)
    except ValueError as why:
        raise ValidationError(str(why), code="wrong") from None


def time_of_day(value: str) -> None:
    """Accept a time such as 02:00. Raises `ValidationError`."""
    hours, _colon, minutes = value.partition(":")
    if not (len(value) == 5 and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise ValidationError(_('"%(time)s" is no time: write it as 02:00') % {"time": value}, code="wrong")


def model_slug(value: str) -> None:
    """Accept a model of the catalogue. Raises `ValidationError`."""
    from jackfield.console.declarative.values import suggestion
    from jackfield.provisioning.catalogue import MODELS

    if value not in MODELS:
        known = _('there is no phone model "%(model)s"; %(known)s')
        raise ValidationError(known % {"model": value, "known": suggestion(value, MODELS)}, code="wrong")


def template_file(value: str) -> None:
    """Accept the name of a built-in template. Raises `ValidationError`."""
    from jackfield.console.declarative.values import suggestion

    if value not in template_files():
        known = _('there is no template "%(file)s"; %(known)s')
        raise ValidationError(known % {"file": value, "known": suggestion(value, template_files())}, code="wrong")


def phones_password(value: str) -> None:
    """Accept a password that phones take for their own pages. Raises `ValidationError`."""
    if not 8 <= len(value) <= 32 or not value.isascii() or not value.isprintable() or " " in value:
        text = _("phones take passwords of 8 to 32 letters, digits and signs, without blanks and accents")
        raise ValidationError(text, code="wrong")


def of_models(value: dict[str, str]) -> None:
    """Accept web addresses by vendor or model. Raises `ValidationError`."""
    from jackfield.console.declarative.values import suggestion
    from jackfield.provisioning.catalogue import MODELS, VENDORS

    for name, address in value.items():
        if name not in VENDORS and name not in MODELS:
            known = _('there is neither a vendor nor a phone model "%(name)s"; %(known)s')
            names = suggestion(name, [*VENDORS, *MODELS]) if name else suggestion(name, VENDORS)
            raise ValidationError(known % {"name": name, "known": names}, code="wrong")
        validation.web_address(address)


class DeskPhone(models.Model):
    """A telephone on a desk. Its MAC address is its name, and proves nothing."""

    mac = models.CharField(max_length=17, unique=True, validators=[mac_address])
    model = models.CharField(max_length=60, validators=[model_slug])
    name = text()
    extensions = DataField(tuple[str, ...], default=tuple)
    keys = DataField(tuple[Key, ...], default=tuple)
    site = models.ForeignKey(Site, models.SET_NULL, null=True, blank=True, default=None, related_name="desk_phones")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("mac",)
        verbose_name = "desk phone"

    def __str__(self) -> str:
        name = f' "{self.name}"' if self.name else ""
        return f"the desk phone {spelled_mac(self.mac)}{name}"

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse a line that stands here twice, and keys that no phone can have. Raises `ValidationError`."""
        if "keys" not in unread:
            for place, key in enumerate(self.keys, 1):
                if why := _wrong_key(key):
                    raise validation.wrong("keys", _("key %(place)d: %(why)s") % {"place": place, "why": why})
        twice = [name for name in self.extensions if self.extensions.count(name) > 1]
        if twice and "extensions" not in unread:
            raise validation.wrong("extensions", _("%(line)s is here twice: leave one out") % {"line": twice[0]})

    def clean(self) -> None:
        """Do the same for a form."""
        self.check_together()


def _wrong_key(key: Key) -> str:
    """Return what is wrong with a key; "" for one that a phone may be told of."""
    if not 1 <= key.line <= MOST_LINES:
        return str(_("its line must be between 1 and %(most)d") % {"most": MOST_LINES})
    if not (key.value + key.label).isprintable() or max(len(key.value), len(key.label)) > MOST_OF_KEY:
        return str(_("number and words are at most %(most)d characters, in one line") % {"most": MOST_OF_KEY})
    return ""


class Standing(models.Model):
    """How a phone stands: its secrets as digests, and what it has fetched. Made when there is something to say."""

    phone = models.OneToOneField(DeskPhone, models.CASCADE, primary_key=True, related_name="standing")
    password = models.CharField(max_length=64, blank=True, default="")  # HA1 by MD5, RFC 7616; "": it has none yet
    password_before = models.CharField(max_length=64, blank=True, default="")  # until the new one was used
    first_fetch = models.FloatField(null=True, blank=True)
    last_fetch = models.FloatField(null=True, blank=True)  # of its configuration
    fetches = models.IntegerField(default=0)
    address = models.CharField(max_length=45, blank=True, default="")  # from where it last asked
    way = models.CharField(max_length=10, choices=Way.choices, blank=True, default="")
    file = models.CharField(max_length=200, blank=True, default="")
    user_agent = models.CharField(max_length=200, blank=True, default="")
    firmware = models.CharField(max_length=60, blank=True, default="")
    given = models.CharField(max_length=64, blank=True, default="")  # SHA-256 of what it was told, without secrets
    errors = models.IntegerField(default=0)
    trouble = models.CharField(max_length=20, choices=Trouble.choices, blank=True, default="")
    trouble_at = models.FloatField(null=True, blank=True)
    trouble_detail = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"how {self.phone} stands"


class Link(models.Model):
    """A one-time address of a phone. Those that are over are kept for a while, to name who uses one again."""

    digest = models.CharField(max_length=64, primary_key=True)  # SHA-256 of the secret in it
    phone = models.ForeignKey(DeskPhone, models.CASCADE, related_name="links")
    made = models.FloatField()
    until = models.FloatField()
    used = models.FloatField(null=True, blank=True)
    used_by = models.CharField(max_length=45, blank=True, default="")  # address
    files = DataField(tuple[str, ...], default=tuple)  # that were given by it

    class Meta:
        ordering = ("-made",)

    def __str__(self) -> str:
        return f"a one-time address of {self.phone}"


class PhoneTemplate(models.Model):
    """A template of the company's own.

    `good`: its text of when it last made a file, for when it has an error now. `base`: the built-in text that it was
    made from, to tell what an update changed; "" where that is not known.
    """

    file = models.CharField(max_length=120, unique=True, validators=[template_file])
    text = models.TextField()
    made_from = models.CharField(max_length=64, blank=True, default="")
    good = models.TextField(blank=True, default="")
    base = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("file",)
        verbose_name = "template of phones"

    def __str__(self) -> str:
        return f'the template "{self.file}"'

    def check_together(self, unread: Collection[str] = ()) -> None:
        """Refuse what can't be read as a template, with the line. Raises `ValidationError`.

        One that is new, or was made from a built-in one that is no more, notes from which it is made.
        """
        if {"file", "text"} & set(unread) or self.file not in template_files():
            return
        name = self.file.replace(":", "/")
        ours = builtin(name)
        self.made_from = self.made_from or digest(ours)
        if not self.base and self.made_from == digest(ours):
            self.base = ours
        if problem := unreadable(name, self.text):
            raise validation.wrong("text", problem)


class ProvisioningRules(Single):
    """How phones get their configuration. The password is stored readable, because it is written into phones."""

    enabled = models.CharField(max_length=20, choices=Provisioning.choices, default=Provisioning.AUTO)
    new_extensions = models.CharField(max_length=20, choices=NewExtensions.choices, default=NewExtensions.LOCAL)
    server = models.CharField(max_length=253, blank=True, default="", validators=[validation.address])
    time_server = models.CharField(max_length=253, blank=True, default="", validators=[validation.address])
    backup_server = models.CharField(max_length=253, blank=True, default="", validators=[validation.address])
    local_transport = models.CharField(max_length=20, choices=Transport.choices, default=Transport.UDP)
    remote_transport = models.CharField(max_length=20, choices=Transport.choices, default=Transport.TLS)
    interval = models.IntegerField(default=1440, validators=[validation.Between(5, 43200, "minutes")])
    link_hours = models.IntegerField(default=72, validators=[validation.Between(1, 8760, "hours")])
    night = models.CharField(max_length=5, default="02:00", validators=[time_of_day])
    phone_password = models.CharField(max_length=64, blank=True, default="", validators=[phones_password])
    logo = models.CharField(max_length=300, blank=True, default="", validators=[validation.web_address])
    logos = DataField(dict[str, str], default=dict, validators=[of_models])
    firmware = DataField(dict[str, str], default=dict, validators=[of_models])
    client_certificates = models.BooleanField(default=False)

    class Meta:
        verbose_name = "rules of provisioning"
        verbose_name_plural = "rules of provisioning"

    def __str__(self) -> str:
        return "the rules of provisioning"

    @classmethod
    def with_password(cls) -> ProvisioningRules:
        """Return the one row; it is made, with a password for the phones, where nobody has ever saved it."""
        found: ProvisioningRules = cls.objects.get_or_create(pk=1)[0]
        if not found.phone_password:
            found.save(update_fields=["phone_password"])
        return found

    def save(self, **more: Any) -> None:
        """Write it. Phones always get a password: those of the vendors are known to everybody."""
        if not self.phone_password:
            self.phone_password = new_password()
            if more.get("update_fields") is not None:
                more["update_fields"] = {*more["update_fields"], "phone_password"}
        super().save(**more)


class Asked(models.Model):
    """A MAC address that asked for a configuration and is nobody's. Bounded in number: see `console.provisioning`."""

    mac = models.CharField(max_length=12, unique=True)
    model = models.CharField(max_length=60, blank=True, default="")  # as far as it can be told
    first = models.FloatField()
    last = models.FloatField(db_index=True)
    count = models.IntegerField(default=1)
    address = models.CharField(max_length=45, blank=True, default="")
    way = models.CharField(max_length=10, choices=Way.choices, blank=True, default="")
    file = models.CharField(max_length=200, blank=True, default="")
    user_agent = models.CharField(max_length=200, blank=True, default="")
    local = models.BooleanField(default=False)

    class Meta:
        ordering = ("-last",)

    def __str__(self) -> str:
        return spelled_mac(self.mac)


class Incident(models.Model):
    """A request that was refused, or went wrong. Bounded in number."""

    at = models.FloatField(db_index=True)
    kind = models.CharField(max_length=20, choices=Trouble.choices)
    mac = models.CharField(max_length=12, blank=True, default="", db_index=True)
    address = models.CharField(max_length=45, blank=True, default="")
    way = models.CharField(max_length=10, choices=Way.choices, blank=True, default="")
    detail = models.TextField(blank=True, default="")
    count = models.IntegerField(default=1)  # of the same within a short time

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.kind} {self.mac}"


class CheckSync(models.Model):
    """Phones that were told, or are to be told, to fetch their configuration or to restart."""

    made = models.FloatField()
    due = models.FloatField(db_index=True)
    begun = models.FloatField(null=True, blank=True)
    reboot = models.BooleanField(default=False)
    by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"check-sync {self.pk}"


class CheckSyncPhone(models.Model):
    """One phone of a check-sync."""

    round = models.ForeignKey(CheckSync, models.CASCADE, related_name="phones")
    mac = models.CharField(max_length=12)
    answered = models.CharField(max_length=20, choices=Answered.choices, default=Answered.WAITING)
    status = models.IntegerField(default=0)  # of SIP; 0: there was no answer
    at = models.FloatField(null=True, blank=True)  # of the answer, then of the fetch

    class Meta:
        constraints = (models.UniqueConstraint(fields=("round", "mac"), name="check_sync_once"),)

    def __str__(self) -> str:
        return spelled_mac(self.mac)
