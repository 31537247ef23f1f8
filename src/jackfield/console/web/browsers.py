"""A browser's name out of the long line that it sends: enough that people recognise their own."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

__all__ = ["browser"]

_NAMES = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Vivaldi", "Vivaldi"),
    ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
    ("curl", "curl"), ("python", gettext_noop("A Python program")),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


def browser(user_agent: str) -> str:
    """Return "Firefox on Windows"; "unknown" where nothing is recognised."""
    # The order matters: every browser also claims to be those that were famous before it.
    name = next((name for sign, name in _NAMES if sign in user_agent), "")
    system = next((system for sign, system in _SYSTEMS if sign in user_agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": _(name), "system": system}
    return _(name) if name else system or _("unknown")
