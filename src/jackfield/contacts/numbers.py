"""Numbers of contacts: as they are recognised, dialled and shown. By the company's country and outside-line prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import phonenumbers

from jackfield.switch.numbers import callable_back, clean, to_e164

__all__ = ["House", "house"]


@dataclass(frozen=True, slots=True)
class House:
    """What is to be known of a company to read its numbers."""

    country: str
    outside_prefix: str

    def known_as(self, number: str) -> str:
        """Return the one form in which a number is recognised however it is written; "" when it is none."""
        bare = clean(number)
        if not any(c.isdigit() for c in bare):
            return ""
        return (to_e164(bare, self.country) or bare)[:40]

    def forms_of(self, seen: str) -> list[str]:
        """Return the forms under which a number of the call history may be known, the likeliest first.

        The history has numbers as they are called back: with the outside-line prefix before those outside.
        """
        prefix = self.outside_prefix
        stripped = seen[len(prefix) :] if prefix and seen.startswith(prefix) else ""
        found = [self.known_as(stripped)] if len(stripped) > 2 else []
        return [form for form in dict.fromkeys([*found, self.known_as(seen)]) if form]

    def dialable(self, number: str, inside: Any = ()) -> str:
        """Return a contact's number as it is dialled on a phone here. `inside`: numbers of the house (a container).

        What is no public number (a short code, an extension) stays as it is.
        """
        bare = clean(number)
        e164 = None if bare in inside else to_e164(bare, self.country)
        return bare if e164 is None else self.outside_prefix + callable_back(e164, self.country)

    def dialled(self, typed: str, inside: Any = ()) -> str:
        """Return what somebody typed who writes numbers as he dials them; only "+49 …" needs the prefix for that."""
        return self.dialable(typed, inside) if clean(typed).startswith("+") else clean(typed)

    def shown(self, number: str) -> str:
        """Return a number for people, grouped as the country does, without the outside-line prefix: "0171 5550101"."""
        prefix = self.outside_prefix
        for text in (number[len(prefix) :] if prefix and number.startswith(prefix) else "", number):
            e164 = to_e164(text, self.country) if len(text) > 5 else None
            if e164:
                parsed, kind = phonenumbers.parse(e164), phonenumbers.PhoneNumberFormat
                if phonenumbers.is_valid_number(parsed):
                    home = phonenumbers.country_code_for_region(self.country) == parsed.country_code
                    form = kind.NATIONAL if home else kind.INTERNATIONAL
                elif text.startswith("+") and phonenumbers.is_possible_number(parsed):
                    form = kind.INTERNATIONAL  # it may be a new one
                else:
                    continue
                return str(phonenumbers.format_number(parsed, form))
        return number


def house() -> House:
    """Return the company's, from the database."""
    from jackfield.company.models import General

    general = General.current()
    return House(general.country, general.outside_prefix)
