"""From what was typed to what is wished of the configuration: one change for the whole first run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Q

from jackfield.console.change import Removal, Wish
from jackfield.console.emergency import emergency_numbers
from jackfield.console.first_configuration import EUROPE, GROUP
from jackfield.console.first_run import administrator_exists
from jackfield.console.web.first_run.draft import Draft
from jackfield.console.web.first_run.proposals import plans
from jackfield.people.choices import Role

__all__ = ["Present", "Wanted", "present", "wanted"]

ROUTE = "Outside"


@dataclass(frozen=True, slots=True)
class Present:
    """What is there before anything is applied. `untouched`: first extensions that nobody has used or changed."""

    general: Any
    untouched: tuple[str, ...] = ()
    group: str = ""  # number of the group of everybody
    members: tuple[str, ...] = ()  # of that group
    numbers: frozenset[str] = frozenset()  # all of the house
    logins: frozenset[str] = frozenset()
    trunks: frozenset[str] = frozenset()
    own_emergency: bool = False  # other emergency numbers than those of the country
    routes: bool = False


@dataclass(slots=True)
class Wanted:
    """All wishes, and for each of which step and field of its form it comes."""

    wishes: list[Wish | Removal] = field(default_factory=list)
    origins: list[tuple[str, str]] = field(default_factory=list)  # step, prefix of its fields
    settings: dict[str, str] = field(default_factory=dict)  # field of the settings -> step

    def add(self, step: str, wish: Wish | Removal, prefix: str = "") -> None:
        """Add a wish of a step."""
        self.wishes.append(wish)
        self.origins.append((step, prefix))

    def origin(self, path: str) -> tuple[str, str]:
        """Return step and field of the form to which a problem's path (`extensions[2].number`) belongs."""
        head, _, rest = path.partition(".")
        section, _, number = head.partition("[")
        if section == "settings":
            name = rest.partition("[")[0]
            return self.settings.get(name, ""), name
        index = int(number.rstrip("]")) if number.rstrip("]").isdecimal() else -1
        same = [
            origin
            for wish, origin in zip(self.wishes, self.origins, strict=True)
            if wish.section == section and isinstance(wish, Wish)
        ]
        if not 0 <= index < len(same):
            return "", ""
        step, prefix = same[index]
        return step, prefix + rest.partition("[")[0].partition(".")[0]


def present() -> Present:
    """Read what is there."""
    from jackfield.company.models import General
    from jackfield.numbers.models import Extension, RingGroup
    from jackfield.numbers.plan import DialPlan
    from jackfield.people.models import User
    from jackfield.trunks.models import EmergencyNumber, Outbound, Trunk

    general = General.current()
    extensions = list(Extension.objects.prefetch_related("lines").order_by("number"))
    first = [one for one in extensions if one.name == f"Phone {one.number}" and one.user_id is None]
    used = _used(first)
    untouched = tuple(one.number for one in first if one.number not in used)
    group = RingGroup.objects.filter(name=GROUP).first()
    known = set(EmergencyNumber.objects.values_list("number", flat=True))
    return Present(
        general,
        untouched if len(untouched) == len(first) else (),
        group.number if group is not None else "",
        tuple(group.members) if group is not None else (),
        frozenset(DialPlan.current().numbers),
        frozenset(User.objects.values_list("login", flat=True)),
        frozenset(Trunk.objects.values_list("name", flat=True)),
        known != set(emergency_numbers(general.country)),
        Outbound.objects.exists(),
    )


def _used(extensions: list[Any]) -> set[str]:
    """Return the numbers with which somebody has called already, or on which a phone is registered."""
    from jackfield.control import ControlError, ask_sync
    from jackfield.history.models import Call

    numbers = [one.number for one in extensions]
    found = Call.objects.filter(Q(caller_extension__in=numbers) | Q(called_extension__in=numbers))
    used = {number for pair in found.values_list("caller_extension", "called_extension")[:1000] for number in pair}
    with contextlib.suppress(ControlError):
        status = ask_sync(django_settings.JACKFIELD.files.switch_socket, "status", timeout=2.0)
        used |= {row["extension"] for row in status["registrations"]}
    return used & set(numbers)


def wanted(draft: Draft, now: Present) -> Wanted:
    """Return everything that the draft wishes."""
    found = Wanted()
    values: dict[str, Any] = {}
    for step, names in (("place", ("language", "country")), ("company", ("company", "time_zone")),
                        ("network", ("public_address",))):  # fmt: skip
        if draft.counts(step):
            for name in names:
                values[name] = draft.typed[step][name]
                found.settings[name] = step
    country = str(values.get("country", now.general.country))
    prefix = _country(found, values, country, now)
    extensions, group = _numbers(draft, values, country, prefix, now, found)
    if draft.counts("administrator"):
        typed = draft.typed["administrator"]
        # Where somebody can sign in already, nobody's account is taken over by this: it must be a new one.
        known = typed["login"] in now.logins and not administrator_exists()
        wish = {name: typed[name] for name in ("login", "name", "email")}
        wish |= {"role": str(Role.ADMINISTRATOR), "enabled": True}
        found.add("administrator", Wish("users", wish, (typed["login"],) if known else None))
    if draft.counts("people"):
        _people(draft, extensions, now, found)
    for old, more in extensions.items():
        step, row = more.pop("_step", "numbers"), more.pop("_row", "")
        if more:
            about = (old,) if old in now.numbers else None
            found.add(step, Wish("extensions", {"number": old} | more, about), row)
    if draft.counts("mail"):
        found.add("mail", Wish("mail", _mail(draft.typed["mail"]), ()))
    if draft.counts("trunk"):
        _trunk(draft.typed["trunk"], prefix, group or now.group, now, found)
    if now.group and extensions:
        kept = [one for one in now.members if one not in extensions]
        members = [*kept, *(str(more.get("number", old)) for old, more in extensions.items())]
        more = {"members": members} | ({"number": group} if group else {})
        found.add("numbers", Wish("ring_groups", more, (now.group,)))
    if values:
        found.add("", Wish("settings", values, ()))
    return found


def _country(found: Wanted, values: dict[str, Any], country: str, now: Present) -> str:
    """Change what hangs on the country, as long as it was as the old country has it; return the outside prefix."""
    prefix = str(now.general.outside_prefix)
    if country == now.general.country:
        return prefix
    usual = _usual_prefix(now.general.country)
    if prefix == usual and not now.routes:
        prefix = values["outside_prefix"] = _usual_prefix(country)
        found.settings["outside_prefix"] = "place"
    if not now.own_emergency:
        old, new = emergency_numbers(now.general.country), emergency_numbers(country)
        for number in old.keys() - new.keys():
            found.add("place", Removal("emergency_numbers", (number,)))
        for number, name in new.items():
            about = (number,) if number in old else None
            found.add("place", Wish("emergency_numbers", {"number": number, "name": name}, about))
    return prefix


def _usual_prefix(country: str) -> str:
    return "0" if country in EUROPE.split() else "9"


def _numbers(
    draft: Draft, values: dict[str, Any], country: str, prefix: str, now: Present, found: Wanted
) -> tuple[dict[str, dict[str, Any]], str]:
    """Return what changes of the first extensions, by their number of now, and the new number of their group."""
    extensions: dict[str, dict[str, Any]] = {number: {} for number in now.untouched}
    first = str(draft.typed["numbers"]["first"]) if draft.counts("numbers") else ""
    if not first or first == now.general.first_number:
        return extensions, ""
    values["first_number"] = first
    found.settings["first_number"] = "numbers"
    if not now.untouched or not first.isdecimal():
        return extensions, ""
    emergency = set(emergency_numbers(country))
    plan = next((plan for plan in plans(country, prefix) if plan.first == first), None)
    step = 10 ** (len(first) - 1)
    group = plan.group if plan else str(int(first) // step * step + step - 1)
    free: list[str] = []
    number = int(first)
    while len(free) < len(now.untouched):
        if str(number) not in emergency and f"{number:0{len(first)}d}" != group:
            free.append(f"{number:0{len(first)}d}")
        number += 1
    moved = [old for old in now.untouched if old not in free]  # who has a number of the new plan keeps it
    targets = [one for one in free if one not in now.untouched]
    for old, new in zip(moved, targets, strict=True):
        extensions[old] = {"number": new, "name": f"Phone {new}", "_step": "numbers", "_row": "own"}
    return extensions, group if now.group and group != now.group else ""


def _people(draft: Draft, extensions: dict[str, dict[str, Any]], now: Present, found: Wanted) -> None:
    new_numbers = {str(more.get("number", old)): old for old, more in extensions.items()}
    administrator = draft.typed["administrator"]["login"] if draft.counts("administrator") else ""
    for index, row in enumerate(draft.typed["people"]["rows"]):
        login, number, where = row["login"], row["number"], f"rows.{index}."
        if login and login != administrator:
            user = {"login": login, "name": row["name"], "email": row["email"]}
            found.add("people", Wish("users", user, (login,) if login in now.logins else None, index + 1), where)
        if not number:
            continue
        more = {"name": row["name"], "_step": "people", "_row": where} | ({"user": login} if login else {})
        if number in new_numbers:  # one of the first extensions becomes this person's
            extensions[new_numbers[number]].update(more)
        else:
            lines = {} if number in now.numbers else {"lines": [{"sip_username": None}]}
            extensions[number] = more | lines


def _mail(typed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in typed.items() if name in MAIL and (name != "password" or value)}


MAIL = ("host", "port", "security", "username", "password", "sender", "links")


def _trunk(typed: dict[str, Any], prefix: str, group: str, now: Present, found: Wanted) -> None:
    name = typed["trunk"]["name"]
    found.add("trunk", Wish("trunks", typed["trunk"], (name,) if name in now.trunks else None))
    if not now.routes:
        found.add("trunk", Wish("outbound", {"name": ROUTE, "prefix": prefix, "trunks": [name]}), "route.")
    if typed.get("target") and name not in now.trunks:
        target = group if typed["target"] == now.group and group else typed["target"]
        found.add("trunk", Wish("inbound", {"trunk": name, "number": "", "target": target}), "in.")
