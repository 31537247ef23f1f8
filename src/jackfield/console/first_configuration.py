"""The first configuration: enough that two phones can call each other a minute after the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from django.core.exceptions import ValidationError

from jackfield.console import validation
from jackfield.console.database import database_errors
from jackfield.console.declarative.apply import Author, apply
from jackfield.console.emergency import emergency_numbers
from jackfield.console.faults import ConsoleError
from jackfield.console.first_phones import FirstConfiguration, FirstPhone
from jackfield.console.publish import publish
from jackfield.console.whereabouts import country_of, time_zone_here
from jackfield.numbers.schema import new_password, new_sip_username

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["document", "exists", "initialise"]

SERVICES = (
    ("*43", "echo", "Echo test: says back what it hears", ""),
    ("*60", "time", "Time of day", ""),
    ("*61", "announcement", "Announcement", "welcome"),
    ("*62", "music", "Music on hold", ""),
)
LIMITS: tuple[dict[str, Any], ...] = (
    {"name": "Premium-rate numbers", "applies_to": "listed", "kinds": ["premium"], "always": True},
    {"name": "Countries never called", "applies_to": "listed", "kinds": ["international"], "always": True},
    {
        "name": "Calls abroad", "applies_to": "listed", "kinds": ["international", "premium"], "calls_per_hour": 50,
        "minutes_per_day": 120,
    },
    {"name": "Long calls", "minutes_per_call": 120},
)  # fmt: skip
"""What a stolen password may cost at most, until somebody decides otherwise. Countries are opened one by one."""
GROUP = "Everybody"
EUROPE = (
    "AD AL AT BA BE BG BY CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS "
    "SE SI SK SM TR UA VA XK"
)
MOST = 50


def exists() -> bool:
    """Tell whether anything has been configured yet."""
    from jackfield.company.models import General
    from jackfield.console.declarative.sections import SECTIONS

    things = (section.model() for section in SECTIONS.values() if section.key)
    return General.objects.exists() or any(model.objects.exists() for model in things)


def initialise(
    settings: Settings, *, company: str, country: str, language: str, time_zone: str, extensions: int
) -> FirstConfiguration:
    """See `jackfield.console.api.initialise`."""
    with database_errors(settings):
        if exists():
            publish(settings)
            return FirstConfiguration(created=False)
        time_zone = time_zone or time_zone_here()
        country = country.upper() or country_of(time_zone)
        language = language or "en"
        _check(country, language, time_zone, extensions)
        wanted = document(company, country, language, time_zone, extensions)
        apply(yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True), author=Author("Jackfield", "first run"))
    found = publish(settings)
    return FirstConfiguration(
        created=True,
        country=country,
        time_zone=time_zone,
        realm=found.general.realm,
        outside_prefix=found.general.outside_prefix,
        phones=tuple(
            FirstPhone(entry["number"], entry["name"], entry["sip_username"], entry["sip_password"])
            for entry in wanted["extensions"]
        ),
        numbers=tuple(
            (entry["number"], entry["name"])
            for section in ("ring_groups", "services", "emergency_numbers")
            for entry in wanted[section]
        ),
    )


def document(company: str, country: str, language: str, time_zone: str, extensions: int) -> dict[str, Any]:
    """Return the first configuration as `apply` takes it: `extensions` phones, a group of them all, the services."""
    emergency = emergency_numbers(country)
    first = 101
    while any(str(number) in emergency for number in range(first, first + extensions)) or str(first + 99) in emergency:
        first += 100  # where 101 is the fire brigade, the phones begin at 201
    numbers = [str(first + index) for index in range(extensions)]
    return {
        "settings": {
            "company": company,
            "country": country,
            "language": language,
            "time_zone": time_zone,
            "outside_prefix": "0" if country in EUROPE.split() else "9",
            "first_number": str(first),
        },
        "extensions": [
            {
                "number": number,
                "name": f"Phone {number}",
                "sip_username": new_sip_username(),
                "sip_password": new_password(),
            }
            for number in numbers
        ],
        "ring_groups": [{"number": str(first + 99), "name": GROUP, "members": numbers}],
        "services": [
            {"number": number, "kind": kind, "name": name} | ({"sound": sound} if sound else {})
            for number, kind, name, sound in SERVICES
        ],
        "call_limits": [dict(limit) for limit in LIMITS],
        "emergency_numbers": [{"number": number, "name": name} for number, name in emergency.items()],
    }


def _check(country: str, language: str, time_zone: str, extensions: int) -> None:
    try:
        validation.country(country)
        validation.language(language)
        validation.time_zone(time_zone)
    except ValidationError as error:
        raise ConsoleError(error.messages[0]) from None
    if not 1 <= extensions <= MOST:
        raise ConsoleError(
            f"{extensions} extensions can't be made at first: give 1 to {MOST}; more come by 'jackfield apply'"
        )
