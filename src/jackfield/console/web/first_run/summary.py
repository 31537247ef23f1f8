"""What was typed in each step, in a line."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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
            told = {"language": language, "country": country, "number": _example(values["country"])}
            text = (
                _("%(language)s, %(country)s, numbers like %(number)s")
                if told["number"]
                else "%(language)s, %(country)s"
            )
            return text % told
        case "company":
            return ", ".join(part for part in (values["company"], values["time_zone"]) if part)
        case "numbers":
            return _("Extensions begin with %(first)s") % {"first": values["first"]}
        case "administrator":
            return _("%(name)s can do everything here") % {"name": values["login"]}
        case "network":
            return values["public_address"] or _("None: no router is between")
        case "mail":
            return values["host"] or _("None: no e-mail is sent")
        case "trunk":
            told = {"name": values["trunk"]["name"], "where": ", ".join(values["trunk"]["hosts"])}
            return _("%(name)s at %(where)s") % told
        case "people":
            people = [f"{row['number']} {row['name']}".strip() for row in values["rows"]]
            named, more = ", ".join(people[:6]), len(people) - 6
            if more > 0:
                text = ngettext("%(people)s and %(count)s more", "%(people)s and %(count)s more", more)
                return str(text % {"people": named, "count": more})
            return named or _("Nobody yet")
    return ""


def _example(country: str) -> str:
    """Return how numbers of a country are written: "030 123456"."""
    import phonenumbers

    number = phonenumbers.example_number(country)
    if number is None:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
