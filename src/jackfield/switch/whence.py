"""From where the phones of a line may connect: the address groups of the snapshot, ready to be asked at each request.

Where no line is bound to a group there are no rules, and nobody is asked anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.network.groups import Addresses, addresses_of, groups_of, names_in

if TYPE_CHECKING:
    from jackfield.sip.flow import Flow
    from jackfield.switch.snapshot import Snapshot

__all__ = ["Rule", "Whence", "host_names"]

REMEMBERED = 200
"""Phones that were turned away, by SIP name and address, of which the page knows."""
TELL_AGAIN = 3600.0
"""Seconds after which the log of registrations tells of the same one again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where the phones of a SIP name may connect from. `complete`: all names of hosts in it are known by now."""

    group: str
    addresses: Addresses
    complete: bool


class Whence:
    """Answers whether a phone may connect from an address, and remembers whom it turned away."""

    def __init__(self) -> None:
        self.hosts: Mapping[str, tuple[str, ...]] = {}
        self.turned_away: dict[tuple[str, str], dict[str, Any]] = {}
        """The last ones, by SIP name and address."""
        self.tell: Callable[[dict[str, Any]], None] | None = None
        """Hears of each, but not of every try."""
        self._used: Snapshot | None = None
        self._rules: dict[str, Rule] = {}

    def know(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """Take note of what names of hosts stand for."""
        self.hosts = hosts
        self._used = None

    def rules(self, snapshot: Snapshot) -> dict[str, Rule]:
        """Return the rules of a configuration by SIP name; empty where it binds nobody."""
        if snapshot is not self._used:
            self._rules = self._made(snapshot)
            self._used = snapshot
        return self._rules

    def outside(self, snapshot: Snapshot, username: str, address: str) -> Rule | None:
        """Return the rule that keeps a SIP name's phones from connecting from an address; None when they may."""
        rule = self.rules(snapshot).get(username)
        return None if rule is None or address in rule.addresses else rule

    def refused(self, snapshot: Snapshot, rule: Rule, username: str, flow: Flow, now: float) -> None:
        """Remember that a phone was turned away, and tell of it when nobody has heard for a while."""
        key = username, flow.remote[0]
        known = self.turned_away.pop(key, None)
        extension, line = snapshot.lines[username]
        told = known["told"] if known is not None else None
        row = {
            "extension": extension.number,
            "name": extension.name,
            "line": line.name,
            "sip_username": username,
            "address": flow.remote[0],
            "transport": flow.transport,
            "group": rule.group,
            "count": known["count"] + 1 if known is not None else 1,
            "since": known["since"] if known is not None else now,
            "at": now,
            "told": told,
        }
        self.turned_away[key] = row  # the latest are last
        if len(self.turned_away) > REMEMBERED:
            del self.turned_away[next(iter(self.turned_away))]
        if self.tell is not None and (told is None or now - told >= TELL_AGAIN):
            row["told"] = now
            self.tell(row)

    def _made(self, snapshot: Snapshot) -> dict[str, Rule]:
        entries = groups_of(snapshot)
        made: dict[str, Rule] = {}
        rules: dict[str, Rule] = {}
        for username, (extension, line) in snapshot.lines.items():
            group = line.phones_from or extension.phones_from
            if not group:
                continue
            if group not in made:
                found = addresses_of(group, entries, snapshot.general.local_networks, self.hosts)
                made[group] = Rule(group, found, names_in(group, entries) <= self.hosts.keys())
            rules[username] = made[group]
        return rules


def host_names(snapshot: Snapshot) -> set[str]:
    """Return the names of hosts that the rules of a configuration stand on."""
    entries = {group.name: group.entries for group in snapshot.address_groups}
    if not entries:
        return set()
    used = {line.phones_from or extension.phones_from for extension, line in snapshot.lines.values()}
    return {name for group in used if group for name in names_in(group, entries)}
