"""Permissions: what an extension may call, by the kind of the call, the outgoing route or the number.

The kinds of calls to the outside are told by tables of prefixes that stand in the snapshot (`Numbering`): no library is
asked, and a number with digits too many is known as well as a proper one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jackfield.switch.hours import state
from jackfield.switch.snapshot import Extension, Numbering, Outbound, Permission, PermissionRule, Snapshot

__all__ = ["Asked", "Numbers", "Verdict", "verdict"]

WORDS = {
    "internal": "calls inside the house",
    "national": "national calls",
    "mobile": "calls to mobile phones",
    "international": "calls abroad",
    "premium": "calls to premium-rate numbers",
    "free": "calls to free numbers",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that is judged."""

    called: str
    """The number as the outgoing route leaves it, without the outside-line prefix; or one of the house."""
    route: Outbound | None = None
    """None: the call stays inside the house."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is allowed, and by what, in words."""

    allowed: bool
    why: str


class _Prefixes:
    """Beginnings of numbers, looked up by their lengths."""

    __slots__ = ("_known", "_lengths")

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._known = frozenset(prefixes)
        self._lengths = sorted({len(prefix) for prefix in self._known})

    def fit(self, number: str) -> bool:
        return any(number[:length] in self._known for length in self._lengths)


class Numbers:
    """The numbers of a country: which kind each is of."""

    __slots__ = ("_abroad", "_free", "_mobile", "_numbering", "_premium")

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._mobile = _Prefixes(numbering.mobile)
        self._premium = _Prefixes(numbering.premium)
        self._free = _Prefixes(numbering.free)
        self._abroad = _Prefixes(numbering.abroad)

    def full(self, number: str) -> str:
        """Return "+49…" for a number as it is dialled on an outside line; what is a local or short one as it is."""
        known = self._numbering
        home = f"+{known.country_code}"
        if not number.startswith("+"):
            for prefix in known.international:
                if number.startswith(prefix):
                    number = f"+{number[len(prefix) :]}"
                    break
        if number.startswith("+"):
            if known.national == "0" and number.startswith(home + "0"):
                return home + number[len(home) + 1 :]  # "+49 0 …", as many write it
            return number
        if known.national and number.startswith(known.national):
            return home + number[len(known.national) :]
        if not known.country_code or (known.national and len(number) < known.shortest):
            return number
        return home + number

    def begins(self, number: str, beginning: str) -> bool:
        """Say if a number begins so in the international form too: "+49900…" with "0900", but not "030…" with "00"."""
        full, wanted, home = self.full(number), self.full(beginning), f"+{self._numbering.country_code}"
        return full.startswith("+") and full.startswith(wanted) and full.startswith(home) is wanted.startswith(home)

    def kind(self, number: str) -> str:
        """Return the kind of a call to a number, dialled on an outside line."""
        full, home = self.full(number), f"+{self._numbering.country_code}"
        if not full.startswith("+"):
            return "national"
        if not full.startswith(home):
            return "international"
        rest = full[len(home) :]
        if self._premium.fit(rest):
            return "premium"
        if self._free.fit(rest):
            return "free"
        if self._mobile.fit(rest):
            return "mobile"
        return "international" if self._abroad.fit(rest) else "national"


def verdict(snapshot: Snapshot, extension: Extension, asked: Asked, at: datetime) -> Verdict:
    """Say whether an extension that has a permission may make a call at `at`."""
    permission = _known(snapshot).get(extension.permission)
    if permission is None:  # a name that nothing has, which no published snapshot holds: rather no call than any
        return Verdict(asked.route is None, f'there is no permission "{extension.permission}"')
    numbers = _numbers(snapshot)
    kind = "internal" if asked.route is None else numbers.kind(asked.called)
    for number, rule in enumerate(permission.rules, 1):
        if _fits(rule, kind, asked, numbers) and (not rule.hours or state(snapshot, rule.hours, at).open):
            where = f'rule {number} of the permission "{permission.name}"'
            return Verdict(rule.allow, f"{_verb(rule.allow)} {_words(rule, kind)}: {where}")
    allowed = asked.route is None or permission.default == "allow"
    where = f'no rule of the permission "{permission.name}" fits'
    return Verdict(allowed, f"{_verb(allowed)} {WORDS[kind]}: {where}")


def _verb(allowed: bool) -> str:
    return "may make" if allowed else "may not make"


def _words(rule: PermissionRule, kind: str) -> str:
    if rule.calls == "route":
        return f'calls by the route "{rule.only}"'
    if rule.only:
        return f"calls to {rule.only}…"
    return WORDS[kind]


def _fits(rule: PermissionRule, kind: str, asked: Asked, numbers: Numbers) -> bool:
    if asked.route is None or rule.calls == "internal":
        return asked.route is None and rule.calls == "internal" and asked.called.startswith(rule.only)
    if rule.calls == "outside":
        return True
    if rule.calls == "route":
        return asked.route.name == rule.only
    if rule.calls == "prefix":
        return asked.called.startswith(rule.only) or numbers.begins(asked.called, rule.only)
    return rule.calls == kind


def _known(snapshot: Snapshot) -> dict[str, Permission]:
    made = snapshot.derived.get("permissions")
    if not isinstance(made, dict):
        made = {one.name: one for one in snapshot.permissions}
        snapshot.derived["permissions"] = made
    return made


def _numbers(snapshot: Snapshot) -> Numbers:
    made = snapshot.derived.get("numbering")
    if not isinstance(made, Numbers):
        made = snapshot.derived["numbering"] = Numbers(snapshot.numbering)
    return made
