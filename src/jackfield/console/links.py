"""Whole addresses of pages, for messages that people get elsewhere than in a browser.

An administrator has set where people reach the console. What a request says of itself (its Host header) is never
believed: whoever sends one could make us send a stranger's address, with a link that sets a password behind it.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.utils.translation import gettext as _

from jackfield.console import own_door

__all__ = ["address_for_administrators", "address_for_users", "hindrance"]


def address_for_users(path: str) -> str:
    """Return the whole address of a page; "" while nobody has set where people reach the console."""
    from jackfield.notices.models import Mail

    base: str = Mail.current().links.rstrip("/")
    return f"{base}{path}" if base else ""


def address_for_administrators(path: str) -> str:
    """Return the whole address of a page of the administration, which is not at the port of people's own pages; "" as
    above, and where the administration answers on its own machine alone.
    """
    base = address_for_users("")
    parts = urlsplit(base)
    if not base or not own_door.port or (parts.port or (443 if parts.scheme == "https" else 80)) != own_door.port:
        return f"{base}{path}" if base else ""
    settings = django_settings.JACKFIELD
    if all(ipaddress.ip_address(host).is_loopback for host in settings.console_hosts):
        return ""
    host = parts.netloc.removesuffix(f":{own_door.port}")
    return f"{parts.scheme}://{host}:{settings.console_port}{path}"


def hindrance() -> str:
    """Return why no message with a link can be sent, with the mend; "" where nothing is in the way."""
    from jackfield.notices.models import Mail

    found = ""
    if not Mail.current().host:
        found = _("No e-mail can be sent: no server is set up yet. See System, E-mail.")
    elif not address_for_users("/"):
        found = _(
            "No links can be sent: nobody has set yet at which address people reach their pages. "
            "See System, E-mail, “Address in links”."
        )
    return found
