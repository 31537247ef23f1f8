"""The lines of browsers in the snapshot: each can be registered only with a password that the switch was told."""

from __future__ import annotations

from django.db.models import F

from jackfield.browser_phones.models import BrowserPhone
from jackfield.people.choices import Role
from jackfield.people.models import SignIn
from jackfield.switch.snapshot import Line

__all__ = ["browser_lines"]


def browser_lines() -> dict[str, list[Line]]:
    """Return the lines by the number of their extension.

    None of users who may not sign in or may have no such phone (`accounts.allowed`), nor of somebody else's.
    """
    found: dict[str, list[Line]] = {}
    rules = SignIn.current()
    if not rules.browser_phones:
        return found
    rows = BrowserPhone.objects.filter(user__enabled=True, user__browser_phone=True, extension__user_id=F("user_id"))
    if rules.browser_roles:
        rows = rows.filter(user__role__in=rules.browser_roles)
    for row in rows.exclude(user__role=Role.NONE).select_related("extension"):
        line = Line(
            sip_username=row.sip_username,
            ha1_md5="",
            ha1_sha256="",
            name=f"Jackfield Phone, {row.browser}"[:100],
            max_contacts=1,
            kind="browser",
        )
        found.setdefault(row.extension.number, []).append(line)
    return found
