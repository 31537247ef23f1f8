"""What was typed in each step, in a line."""

from __future__ import annotations

from typing import Any

from jackfield.console.web.first_run.draft import Draft
from jackfield.console.web.first_run.proposals import LANGUAGES, countries

__all__ = ["summary"]


def summary(step: str, draft: Draft) -> str:
    """Return what a step is going to set; "" when nothing."""
    values: dict[str, Any] = draft.typed.get(step, {})
    if not draft.counts(step):
        return ""
    match step:
        case "place":
            country = dict(countries()).get(values["country"], values["country"])
            language = LANGUAGES.get(values["language"], values["language"])
            return f"{language}, {country}{_example(values['country'])}"
        case "company":
            return ", ".join(part for part in (values["company"], values["time_zone"]) if part)
        case "numbers":
            return f"Extensions begin with {values['first']}"
        case "administrator":
            return f"{values['login']} can do everything here"
        case "network":
            return values["public_address"] or "Found by itself"
        case "mail":
            return values["host"] or "None"
        case "trunk":
            return f"{values['trunk']['name']} at {', '.join(values['trunk']['hosts'])}"
        case "people":
            people = [f"{row['number']} {row['name']}".strip() for row in values["rows"]]
            more = f" and {len(people) - 6} more" if len(people) > 6 else ""
            return ", ".join(people[:6]) + more or "Nobody yet"
    return ""


def _example(country: str) -> str:
    """Return how numbers of a country are written: ", numbers like 030 123456"."""
    import phonenumbers

    number = phonenumbers.example_number(country)
    if number is None:
        return ""
    return f", numbers like {phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)}"
