"""What an e-mail of ours looks like: one structure, written as plain text and as HTML that fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import get_language, get_language_bidi, gettext
from django.utils.translation import gettext as _

__all__ = ["Button", "Letter", "Said", "When", "button_for", "language_of", "up_to_you"]


@dataclass(frozen=True, slots=True)
class Said:
    """A text that becomes words of the language in which it is written down. `values` may hold others of these."""

    message: str | Promise  # lazy where it depends on a count: `ngettext_lazy`
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        found = str(self.message if isinstance(self.message, Promise) else gettext(self.message))
        return found % self.values if self.values else found


@dataclass(frozen=True, slots=True)
class When:
    """A time (seconds since 1970) as the reader's language writes it, in the company's zone."""

    at: float

    def __str__(self) -> str:
        from jackfield.company.models import General
        from jackfield.console.formats import when

        return str(when(self.at, General.current().time_zone))


@dataclass(frozen=True, slots=True)
class Button:
    """What the reader is to press."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, in the words of one language. `facts`: pairs of a label and a value."""

    subject: str
    greeting: str = ""
    paragraphs: tuple[str, ...] = ()
    button: Button | None = None
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[Button, ...] = ()
    small: tuple[str, ...] = ()  # what stands below, for those who wonder

    def text(self) -> str:
        """Return it as plain text (RFC 3676 lets the reader's program break lines)."""
        parts = [self.greeting, *self.paragraphs]
        if self.button is not None:
            parts.append(_line(self.button.text, f"\n{self.button.address}"))
        if self.facts:
            parts.append("\n".join(_line(*fact) for fact in self.facts))
        parts += [_line(link.text, f"\n{link.address}") for link in self.links]
        if self.small:
            parts.append("-- \n" + "\n".join(self.small))
        return "\n\n".join(part for part in parts if part) + "\n"

    def html(self) -> str:
        """Return it as HTML: styles in place, since that is all that mail programs read, and no pictures."""
        from jackfield.company.models import General

        context: dict[str, Any] = {
            "letter": self,
            "house": General.current().company or _("Your phone system"),
            "language": get_language() or "en",
            "direction": "rtl" if get_language_bidi() else "ltr",
        }
        return str(render_to_string("mail/letter.html", context))


def _line(label: str, value: str) -> str:
    """Return a label with its value, as the language sets a colon; no blank stands at the end of a line."""
    return str(_("%(label)s: %(value)s") % {"label": label, "value": value}).replace(" \n", "\n")


def button_for(kind: Any) -> Button | None:
    """Return where the reader of a notice looks next; None while nobody has said at which address that is."""
    from jackfield.console.links import address_for_administrators, address_for_users
    from jackfield.notices.choices import FOR_ADMINISTRATORS, Kind

    found = None
    if kind == Kind.ROUTER:
        found = Button(_("Look at the phones"), address_for_administrators("/admin/phones/?show=audio"))
    elif kind in (Kind.CALL_LIMIT, Kind.UNUSUAL_CALL):
        found = Button(_("See what was refused, and open it"), address_for_administrators("/admin/call_limits/now"))
    elif kind in FOR_ADMINISTRATORS:
        found = Button(_("Look at the system"), address_for_administrators("/admin/"))
    elif kind == Kind.MISSED_CALL:
        found = Button(_("See your calls"), address_for_users("/me/"))
    elif kind == Kind.ACCOUNT:
        found = Button(_("See who is signed in"), address_for_users("/me/account"))
    return found if found is not None and found.address else None


def up_to_you(address: str) -> str:
    """Return the line below a notice that leads to where one switches it off."""
    return str(_("Which messages you get is up to you: %(address)s") % {"address": address})


def language_of(user: Any) -> str:
    """Return the language in which somebody is written to; of None, the company's."""
    from jackfield.company.models import General

    return str((user.language if user is not None else "") or General.current().language or "en")
