"""Phones in browsers. They are state, not configuration: made by using one, in no document and no history of changes.

The snapshot has a line for each (`console.browser_phones.lines`), whose passwords are in the switch's memory alone.
"""

from __future__ import annotations

from django.db import models

from jackfield.numbers.models import Extension
from jackfield.people.models import Session, User

__all__ = ["BrowserPhone"]


class BrowserPhone(models.Model):
    """One browser that is a phone of an extension. Without a session it is signed out, and waits for its next one."""

    user = models.ForeignKey(User, models.CASCADE, related_name="browser_phones")
    extension = models.ForeignKey(Extension, models.CASCADE, related_name="browser_phones")
    session = models.ForeignKey(Session, models.SET_NULL, null=True, default=None, related_name="browser_phones")
    sip_username = models.CharField(max_length=64, unique=True)
    browser = models.CharField(max_length=60)  # "Chrome on Android"
    used = models.FloatField(default=0)  # seconds since 1970: when its page was started last
    push_name = models.CharField(max_length=64, blank=True, default="", db_index=True)  # pn-prid, RFC 8599
    push_address = models.CharField(max_length=1000, blank=True, default="")  # of the subscription, RFC 8030
    push_key = models.CharField(max_length=100, blank=True, default="")  # p256dh of the Push API, base64url
    push_secret = models.CharField(max_length=40, blank=True, default="")  # auth of the Push API, base64url

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"the phone {self.sip_username} in a browser"
