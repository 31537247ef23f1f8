"""Users of the directory brought in step with it: made, renamed, disabled where it says so; never removed.

Everything goes through `console.change`, so it is checked, kept and can be undone like any other change.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.faults import ConsoleError
from jackfield.directory.person import DirectoryError, Person

if TYPE_CHECKING:
    from jackfield.directory.models import Directory
    from jackfield.settings import Settings

__all__ = ["Keeper", "Outcome", "bring_in_step", "import_one"]

log = logging.getLogger(__name__)

AUTHOR = Author("the directory", "directory")


@dataclass(slots=True)
class Outcome:
    """What an import did or would do, by logins; and what it could not do, in words."""

    seen: int = 0
    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def bring_in_step(settings: Settings, *, dry_run: bool = False) -> Outcome:
    """Import everybody whom the settings choose, and disable those who are gone from the directory.

    What is wrong with one person stops nobody else. Raises `DirectoryError`, `DatabaseAway`.
    """
    from jackfield.console import directory  # ldap3 takes 5 MB, which those without a directory save
    from jackfield.directory.models import Directory, Entry

    config = Directory.current()
    found = directory.people(config)
    outcome = Outcome(len(found))
    there = {person.uid for person in found}
    gone = {entry.user_id: entry for entry in Entry.objects.select_related("user") if entry.uid not in there}
    if not found and gone:
        raise DirectoryError(
            "the directory answers, but shows nobody of those whom it has shown before: nobody is disabled. "
            "Mind the DN below which people are, the filter, the groups, and what the name to read with may see"
        )
    plans = [plan for person in found if (plan := _plan(config, person, outcome, gone)) is not None]
    for entry in gone.values():
        if entry.user.enabled:
            outcome.disabled.append(entry.user.login)
            plans.append(_Plan(None, [Wish("users", {"enabled": False}, (entry.user.login,))], entry.user.login, entry))
    _carry_out(settings, plans, outcome, dry_run)
    return outcome


def import_one(settings: Settings, config: Directory, person: Person) -> Any:
    """Bring one person in step, who just signed in, and return the user; None where that can't be."""
    from jackfield.people.models import User

    outcome = Outcome(1)
    plan = _plan(config, person, outcome)
    if plan is not None:
        _carry_out(settings, [plan], outcome, dry_run=False)
    for problem in outcome.problems:
        log.warning("%s", problem)
    return User.objects.filter(entry__uid=person.uid).first()


@dataclass(slots=True)
class _Plan:
    """What one person needs. `person`: None for one who is gone; `numbers`: what may fail without the rest."""

    person: Person | None
    wishes: list[Wish]
    login: str
    entry: Any = None
    role: str = ""  # that groups give
    numbers: list[Wish] = field(default_factory=list)
    number: str = ""  # that the directory has for him, once it is his here


def _plan(config: Directory, person: Person, outcome: Outcome, gone: dict[Any, Any] | None = None) -> _Plan | None:
    """Return what `person` needs; None where he must not be touched.

    `gone`: entries by their user of whom the directory shows no more. Who has such a one's name takes his place, and
    is taken out of it.
    """
    from jackfield.directory.models import Entry
    from jackfield.people.models import User

    if not person.login:
        outcome.problems.append(f"{person.dn} has no name to sign in with: it is left out")
        return None
    entry = Entry.objects.filter(uid=person.uid).select_related("user").first()
    user = entry.user if entry is not None else User.objects.filter(login__iexact=person.login).first()
    role = _role(config, person)
    if entry is None and user is not None and (problem := _other(person, user, role or config.role, gone)):
        outcome.problems.append(f"{person.login}: {problem}")
        return None
    if entry is None and user is not None and gone is not None:
        entry = gone.pop(user.pk, None)
    wishes = []
    if user is None:
        values = {"login": person.login, "name": person.name, "email": person.email,
                  "role": role or config.role, "enabled": not person.disabled}  # fmt: skip
        wishes.append(Wish("users", values))
        outcome.created.append(person.login)
    elif values := _differing(config, person, user, entry):
        wishes.append(Wish("users", values, (user.login,)))
        (outcome.disabled if values.get("enabled") is False else outcome.changed).append(person.login)
    number = entry.number if entry is not None else ""
    numbers, settled = _extension(person, user, number, outcome)
    return _Plan(person, wishes, person.login, entry, role, numbers, person.number if settled else number)


def _other(person: Person, user: Any, role: str, gone: dict[Any, Any] | None) -> str:
    """Return why `user`, who has the person's name and is not known to be he, must be taken for another; or ""."""
    from jackfield.people.levels import exceeds, levels_of

    if user.password:
        return (
            "there is a user of that name with a password of our own. Rename one, or take that user's password away, "
            "then both are taken for the same person"
        )
    if hasattr(user, "entry") and (gone is None or user.pk not in gone):
        return "there is another person with that name in the directory, or was when it was read last"
    before = gone.get(user.pk) if gone is not None else None
    given = before is not None and before.role == user.role  # by a group of the directory, which takes it back too
    if not given and exceeds(
        levels_of(user.role), levels_of(role)
    ):  # a name alone must not give what the directory does not
        return (
            f'there is a user of that name who holds more ("{user.role}") than the directory gives ("{role}"). Give '
            "them the same, then both are taken for the same person"
        )
    return ""


def _role(config: Directory, person: Person) -> str:
    """Return the role that a group gives; of several the first that the settings name."""
    return next((role for group, role in config.group_roles.items() if group in person.groups), "")


def _differing(config: Directory, person: Person, user: Any, entry: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"login": person.login, "name": person.name, "email": person.email}
    if role := _role(config, person):
        values["role"] = role
    elif entry is not None and entry.role and entry.role == user.role:
        values["role"] = config.role  # what a group gave goes with it; what an administrator gave since stays
    if person.disabled or (entry is not None and entry.disabled):
        values["enabled"] = not person.disabled
    return {name: value for name, value in values.items() if getattr(user, name) != value}


def _extension(person: Person, user: Any, before: str, outcome: Outcome) -> tuple[list[Wish], bool]:
    """Return what gives `person` the number that the directory has for him, and whether it will be his then.

    `before`: the one that he had there.
    """
    from jackfield.numbers.models import Extension

    if not person.number or person.disabled:
        return [], False
    there = Extension.objects.filter(number=person.number).select_related("user").first()
    if there is None:
        if before and user is not None and Extension.objects.filter(number=before, user=user).exists():
            if person.login not in outcome.changed:
                outcome.changed.append(person.login)
            return [Wish("extensions", {"number": person.number}, (before,))], True  # it moves, with its phones
        return [Wish("extensions", {"number": person.number, "name": person.name, "user": person.login})], True
    if there.user is None:
        return [Wish("extensions", {"user": person.login}, (person.number,))], True
    if user is None or there.user.pk != user.pk:
        outcome.problems.append(f"{person.login}: extension {person.number} belongs to {there.user.login} here")
        return [], False
    return [], True


def _carry_out(settings: Settings, plans: list[_Plan], outcome: Outcome, dry_run: bool) -> None:
    """Save all at once; where something is wrong, each on his own, so that one does not stop the others."""
    wishes = [wish for plan in plans for wish in (*plan.wishes, *plan.numbers)]
    done = plans
    try:
        if wishes:
            change.save(settings, wishes, author=AUTHOR, dry_run=dry_run)
    except DocumentError:
        done = [plan for plan in plans if _one(settings, plan, outcome, dry_run)]
    if not dry_run:
        _link(done)
        _welcome([plan.login for plan in done if plan.login in outcome.created])


def _one(settings: Settings, plan: _Plan, outcome: Outcome, dry_run: bool) -> bool:
    """Save what one person needs; where the number is what does not fit, at least the rest."""
    try:
        change.save(settings, [*plan.wishes, *plan.numbers], author=AUTHOR, dry_run=dry_run)
    except DocumentError as problem:
        outcome.problems += [f"{plan.login}: {one.message}" for one in problem.problems]
        if plan.numbers:
            plan.numbers, plan.number = [], plan.entry.number if plan.entry is not None else ""
            try:
                change.save(settings, plan.wishes, author=AUTHOR, dry_run=dry_run)
            except DocumentError:
                pass
            else:
                return True
        for names in (outcome.created, outcome.changed, outcome.disabled):
            if plan.login in names:
                names.remove(plan.login)
        return False
    return True


def _link(plans: list[_Plan]) -> None:
    """Remember who is who, and what the directory said of them."""
    from jackfield.directory.models import Entry
    from jackfield.people.models import User

    for plan in plans:
        if plan.person is None:
            Entry.objects.filter(pk=plan.entry.pk).update(disabled=True)
            continue
        values = {
            "uid": plan.person.uid,
            "dn": plan.person.dn,
            "disabled": plan.person.disabled,
            "role": plan.role,
            "number": plan.number[:100],
        }
        if plan.entry is None or any(getattr(plan.entry, name) != value for name, value in values.items()):
            user = User.objects.get(login=plan.person.login)
            Entry.objects.update_or_create(user=user, defaults=values)


def _welcome(logins: list[str]) -> None:
    """Send new people the welcome mail, where the company wants that."""
    from jackfield.console import welcome
    from jackfield.people.models import User

    if logins and welcome.wanted_by_default():
        users = [user for user in User.objects.filter(login__in=logins) if user.email and user.is_active]
        welcome.queue(users)


class Keeper:
    """Brings users in step every so many minutes, in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.trouble = ""  # why nobody could be imported the last time
        self._told: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. What goes wrong is logged once, and tried again."""
        from django.db import connection

        try:
            while not stop.wait(60.0 * self.round()):
                pass
        finally:
            connection.close()

    def round(self) -> float:
        """Import if there is a directory; return the minutes until the next time. Never raises."""
        from jackfield.console.database import database_errors
        from jackfield.directory.models import Directory

        problems: list[str] = []
        minutes = 1.0
        trouble = ""
        try:
            with database_errors(self.settings):
                config = Directory.current()
                if config.enabled:
                    minutes = float(config.minutes)
                    problems = bring_in_step(self.settings).problems
        except (DirectoryError, ConsoleError) as problem:
            problems = [trouble := str(problem)]
        except Exception:
            log.exception("a fault while importing from the directory")
        self.trouble = trouble
        for text in problems:
            if text not in self._told:
                log.warning("directory: %s", text)
        self._told = set(problems)
        return minutes
