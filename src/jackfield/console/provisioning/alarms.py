"""What of phones' questions somebody should look at today: for the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.desk_phones.choices import Trouble

if TYPE_CHECKING:
    from jackfield.desk_phones.models import Incident

__all__ = ["alarms"]

DAY = 86400.0
STOLEN = (Trouble.USED, Trouble.STOLEN, Trouble.TWO_PLACES)
"""After these somebody else may have a phone's passwords, or try to."""


def alarms(now: float) -> list[tuple[str, str, str]]:
    """Return sentences of the last day, each with the address of the page where it is dealt with and how bad it is."""
    from jackfield.desk_phones.models import Asked, DeskPhone, Incident

    found: list[tuple[str, str, str]] = []
    latest: dict[str, Incident] = {}
    for one in Incident.objects.filter(at__gte=now - DAY, kind__in=STOLEN).exclude(mac="").order_by("at"):
        latest[one.mac] = one
    phones = {phone.mac: phone for phone in DeskPhone.objects.filter(mac__in=latest)} if latest else {}
    for mac, phone in phones.items():
        one = latest[mac]
        text = _(
            "Desk phone %(phone)s: %(what)s, from %(address)s. See what happened, and make a new one-time address."
        )
        told = {"phone": phone.name or mac, "what": one.get_kind_display(), "address": one.address}
        found.append((text % told, f"/admin/desk_phones/{phone.pk}/now", "bad"))
    if count := Asked.objects.filter(local=True, last__gte=now - DAY).count():
        text = ngettext(
            "%(count)d phone in the local networks asks for a configuration and is nobody's: take it in, or forget it.",
            "%(count)d phones in the local networks ask for a configuration and are nobody's: take them in, or forget "
            "them.",
            count,
        )
        found.append((text % {"count": count}, "/admin/desk_phones/news", "warning"))
    return found
