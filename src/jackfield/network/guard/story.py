"""The guard's judgement: failures and successes go in with their time, blocks come out. No clock, no socket.

What fails is counted for the address, and for its network where several addresses of it fail (an IPv4 /24; whoever has
IPv6 has a whole /64, which counts as one address). Identity comes before address: a block names the accounts that have
come from there in the last days with the right password, and what they do is let through; so one phone with an old
password, or one guesser behind a company's NAT, does not cut off the others. An account that is guessed at from there
is not among them.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jackfield.network.guard.rules import GuardRules
from jackfield.network.guard.scanners import is_scanner

__all__ = ["Block", "Failure", "Story", "Success", "source_of"]

GuardService = Literal["sip"]
_KNOWN, _UNKNOWN = 1.0, 2.0
"""What a wrong password counts, and a user that there is not: who has a phone here rarely mistypes its name."""
_NETWORK_TIMES, _NETWORK_ADDRESSES = 5, 3
"""A network is blocked when so many times as much fails in it as one address may, from so many addresses."""
_FRIEND_DAYS = 7
_FORGET = 86400.0
"""Seconds after the end of a block after which the next one is short again."""
_MOST_SOURCES, _MOST_FRIENDS, _MOST_ACCOUNTS, _MOST_BLOCKS = 50_000, 50_000, 500, 100_000
_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """Somebody did not get in. `at`: UTC seconds; `account`: what he claimed to be; `known`: whether there is such one.

    `proven`: he has answered a challenge that was sent to this address, so that it is his; else anybody may have
    written it on a packet.
    """

    at: float
    service: GuardService
    address: str
    account: str = ""
    known: bool = False
    proven: bool = True
    user_agent: str = ""
    what: str = ""
    weight: float = 0.0
    """How much it counts; 0: as such a failure does."""


@dataclass(frozen=True, slots=True)
class Success:
    """Somebody got in by his own password."""

    at: float
    service: GuardService
    address: str
    account: str


@dataclass(frozen=True, slots=True)
class Block:
    """A source that is not heard for a while. `source`: an address, or a network ("192.0.2.0/24").

    spared: accounts that are heard from there all the same; evidence: the last of what it did, in words.
    """

    service: GuardService
    source: str
    since: float
    until: float
    reason: str
    evidence: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    times: int = 1
    """How many blocks this source has had in a row, this one included."""
    by_hand: bool = False


@dataclass(slots=True)
class _Source:
    """What is remembered of one that fails."""

    tries: deque[tuple[float, float, str, str]] = field(default_factory=lambda: deque(maxlen=200))
    """When, what it counts, which account, in words."""
    times: int = 0
    ended: float = 0.0


class Story:
    """All that the guard remembers. `never(address)`: those who are not blocked whatever they do."""

    def __init__(self, rules: GuardRules, never: Callable[[str], bool] = lambda address: False) -> None:
        self.rules = rules
        self.never = never
        self.blocks: dict[tuple[GuardService, str], Block] = {}
        self._sources: OrderedDict[tuple[GuardService, str], _Source] = OrderedDict()
        self._networks: OrderedDict[tuple[GuardService, str], deque[tuple[float, float, str]]] = OrderedDict()
        self._friends: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()

    # --- what happens

    def failed(self, failure: Failure) -> list[Block]:
        """Take note of a failure. Returns the blocks that it brought about."""
        source = source_of(failure.address)
        if not self.rules.enabled or not source or self.never(failure.address):
            return []
        key = failure.service, source
        known = self._sources.pop(key, None) or _Source()
        self._sources[key] = known
        _shorten(self._sources, _MOST_SOURCES)
        if (blocked := self.blocks.get(key)) is not None and blocked.until > failure.at:
            return self._spared_no_more(blocked, known, failure)
        weight = failure.weight or (_KNOWN if failure.known else _UNKNOWN)
        if is_scanner(failure.user_agent):
            weight = float(self.rules.tries)
        words = f"{failure.what or 'failed'} ({failure.user_agent[:60]})" if failure.user_agent else failure.what
        known.tries.append((failure.at, weight, failure.account, words))
        counted = [one for one in known.tries if one[0] > failure.at - self.rules.window]
        if sum(one[1] for one in counted) >= self.rules.tries:
            return [self._block(key, known, counted, failure)]
        return self._count_network(failure, source, weight)

    def succeeded(self, success: Success) -> None:
        """Take note of somebody who got in: what he does from there is not blocked with others."""
        source = source_of(success.address)
        accounts = self._friends.pop(source, None) or OrderedDict()
        accounts.pop(success.account, None)
        accounts[success.account] = success.at
        _shorten(accounts, _MOST_ACCOUNTS)
        self._friends[source] = accounts
        _shorten(self._friends, _MOST_FRIENDS)
        key = success.service, source
        if (block := self.blocks.get(key)) is not None and success.account not in block.spared:
            self.blocks[key] = replace(block, spared=(*block.spared, success.account))

    def block(self, service: GuardService, source: str, now: float, seconds: float, by: str) -> Block:
        """Block an address or network by hand. Raises `ValueError` for what is neither."""
        network = ipaddress.ip_network(source, strict=False)
        name = str(network.network_address) if network.num_addresses == 1 else str(network)
        found = Block(service, name, now, now + seconds, f"by {by}", spared=self.friends(name, now), by_hand=True)
        self.blocks[service, name] = found
        return found

    def lift(self, service: GuardService, source: str) -> Block | None:
        """End a block, and forget what led to it. Returns it; None where there is none."""
        self._sources.pop((service, source), None)
        self._networks.pop((service, source), None)
        return self.blocks.pop((service, source), None)

    def expire(self, now: float) -> list[Block]:
        """Return the blocks that are over, and forget them."""
        over = [key for key, block in self.blocks.items() if block.until <= now]
        return [self.blocks.pop(key) for key in over]

    def friends(self, source: str, now: float) -> tuple[str, ...]:
        """Return the accounts that have come from an address or network in the last days."""
        since = now - _FRIEND_DAYS * 86400
        if "/" not in source or source in self._friends:
            known = self._friends.get(source, OrderedDict())
            return tuple(account for account, at in known.items() if at > since)
        network = ipaddress.ip_network(source)
        return tuple(
            dict.fromkeys(
                account
                for address, accounts in self._friends.items()
                if _within(address, network)
                for account, at in accounts.items()
                if at > since
            )
        )

    # --- what is kept over a restart

    def kept(self) -> tuple[list[Block], dict[str, dict[str, float]]]:
        """Return what is to be known after a restart: the blocks, and who has come from where."""
        return list(self.blocks.values()), {source: dict(accounts) for source, accounts in self._friends.items()}

    def restore(self, blocks: Iterable[Block], friends: dict[str, dict[str, float]], now: float) -> None:
        """Take up what `kept` returned."""
        self.blocks = {(block.service, block.source): block for block in blocks if block.until > now}
        self._friends = OrderedDict((source, OrderedDict(accounts)) for source, accounts in friends.items())
        for (service, source), block in self.blocks.items():
            self._sources[service, source] = _Source(times=block.times, ended=block.until)

    # --- inside

    def _block(
        self,
        key: tuple[GuardService, str],
        known: _Source,
        counted: list[tuple[float, float, str, str]],
        failure: Failure,
    ) -> Block:
        known.times = known.times + 1 if failure.at - known.ended < _FORGET else 1
        seconds = min(self.rules.minutes * 60.0 * 2 ** (known.times - 1), self.rules.longest_hours * 3600.0)
        known.ended = failure.at + seconds
        known.tries.clear()
        accounts = {one[2] for one in counted if one[2]}
        if is_scanner(failure.user_agent):
            reason = f"a scanner ({failure.user_agent[:60]})"
        else:
            reason = f"{len(counted)} failures in {self.rules.window} s, for {_named(accounts)}"
        guessed = accounts if failure.proven else set()
        spared = tuple(one for one in self.friends(key[1], failure.at) if one not in guessed)
        evidence = tuple(dict.fromkeys(one[3] for one in counted if one[3]))[-_EVIDENCE:]
        return self._enter(Block(*key, failure.at, known.ended, reason, evidence, spared, known.times))

    def _spared_no_more(self, block: Block, known: _Source, failure: Failure) -> list[Block]:
        """Count what fails for a spared account: who is blocked must not guess at his neighbours' passwords."""
        if failure.account not in block.spared or not failure.proven:
            return []
        known.tries.append((failure.at, _KNOWN, failure.account, failure.what))
        since = failure.at - self.rules.window
        if sum(at > since and account == failure.account for at, _, account, _ in known.tries) < self.rules.tries:
            return []
        return [self._enter(replace(block, spared=tuple(one for one in block.spared if one != failure.account)))]

    def _count_network(self, failure: Failure, source: str, weight: float) -> list[Block]:
        if ":" in source:
            return []
        name = str(ipaddress.ip_network(f"{source}/24", strict=False))
        key = failure.service, name
        tries = self._networks.pop(key, None) or deque(maxlen=1000)
        self._networks[key] = tries
        _shorten(self._networks, _MOST_SOURCES)
        tries.append((failure.at, weight, source))
        counted = [one for one in tries if one[0] > failure.at - self.rules.window]
        sources = {one[2] for one in counted}
        if len(sources) < _NETWORK_ADDRESSES or sum(one[1] for one in counted) < self.rules.tries * _NETWORK_TIMES:
            return []
        tries.clear()
        reason = f"{len(counted)} failures in {self.rules.window} s from {len(sources)} addresses of this network"
        until = failure.at + self.rules.minutes * 60.0
        spared = self.friends(name, failure.at)
        return [
            self._enter(Block(failure.service, name, failure.at, until, reason, tuple(sorted(sources)[:5]), spared))
        ]

    def _enter(self, block: Block) -> Block:
        self.blocks[block.service, block.source] = block
        if len(self.blocks) > _MOST_BLOCKS:
            del self.blocks[min(self.blocks, key=lambda key: self.blocks[key].until)]
        return block


def source_of(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 that every IPv6 customer has for himself; or ""."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), 64), strict=False))
        found = found.ipv4_mapped
    return str(found)


def _within(source: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    found = ipaddress.ip_network(source)
    return found.version == network.version and found.subnet_of(network)  # type: ignore[arg-type]


def _named(accounts: set[str]) -> str:
    names = sorted(accounts)
    if len(names) <= 2:
        return " and ".join(f'"{name}"' for name in names) or "nobody"
    return f'"{names[0]}" and {len(names) - 1} other names'


def _shorten(table: OrderedDict[Any, Any], most: int) -> None:
    while len(table) > most:
        table.popitem(last=False)
