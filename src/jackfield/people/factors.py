"""What people prove who they are by, beside a password; and what happened with their accounts."""

from __future__ import annotations

from django.db import models

__all__ = ["AccountEvent", "Authenticator", "Passkey", "RecoveryCode"]


class Authenticator(models.Model):
    """An app that shows six digits, new every 30 seconds (TOTP, RFC 6238)."""

    user = models.OneToOneField("people.User", models.CASCADE, related_name="authenticator")
    secret = models.CharField(max_length=64)  # base32
    last_step = models.BigIntegerField(default=0)  # the 30 seconds whose code was used last: none is taken twice
    made = models.FloatField(default=0)  # seconds since 1970

    def __str__(self) -> str:
        return f"the authenticator app of {self.user_id}"


class RecoveryCode(models.Model):
    """A code on paper, for the day when the phone is lost. Only a digest is kept, and it goes when it is used."""

    user = models.ForeignKey("people.User", models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once"),)

    def __str__(self) -> str:
        return f"a recovery code of {self.user_id}"


class Passkey(models.Model):
    """A key in a phone, a computer or on a stick (WebAuthn), for one name of this system."""

    user = models.ForeignKey("people.User", models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential = models.CharField(max_length=1400, unique=True)  # its id, base64url
    public_key = models.TextField()  # COSE, base64url
    sign_count = models.BigIntegerField(default=0)
    host = models.CharField(max_length=253)  # the name that it is for: browsers use it at no other
    made = models.FloatField(default=0)  # seconds since 1970
    used = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ("made", "pk")

    def __str__(self) -> str:
        return f'the passkey "{self.name}"'


class AccountEvent(models.Model):
    """Something that happened with an account: signed in, failed, a password changed. Never a secret."""

    at = models.FloatField(db_index=True)  # seconds since 1970
    what = models.CharField(max_length=30)  # see `console.web.account_log.WORDS`
    user = models.ForeignKey("people.User", models.SET_NULL, null=True, blank=True, related_name="account_events")
    login = models.CharField(max_length=150, blank=True, default="")  # as it was typed, or of the user
    by = models.CharField(max_length=150, blank=True, default="")  # who did it, where it was somebody else
    address = models.CharField(max_length=64, blank=True, default="")
    user_agent = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.what} of {self.login}"
