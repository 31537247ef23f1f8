"""Asking the DNS: cached, bounded in time, answered from what was known before when no server answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

__all__ = ["DnsLookup", "Found", "Naptr", "Srv"]

_MAX_ENTRIES = 4_096
_MAX_RECORDS = 32
_MIN_TTL, _MAX_TTL = 1.0, 86_400.0
_MIN_NEGATIVE, _MAX_NEGATIVE = 5.0, 300.0
_RETRY_AFTER = 30.0
"""Seconds until a server that did not answer is asked the same again: some routers drop what they don't know."""
_STALE = 86_400.0
"""Seconds for which an expired answer is better than none while no server answers (RFC 8767)."""
_FILE_CHECK = 5.0


class Srv(NamedTuple):
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class Naptr(NamedTuple):
    """One NAPTR record (RFC 3403); service and flags in upper case."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


Record = str | Srv | Naptr


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a question; without records, `problem` says why in plain words."""

    records: tuple[Record, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class _Entry:
    found: Found
    expires: float
    stale_until: float


class DnsLookup:
    """Asks the servers of the system, or of the resolver that is given. Never raises, whatever they answer.

    Names in the hosts file come first, as everywhere on the system. Both system files are read again when they change.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        resolver: dns.asyncresolver.Resolver | None = None,
        question_time: float = 3.0,
        hosts: Path = Path("/etc/hosts"),
        resolv_conf: Path = Path("/etc/resolv.conf"),
    ) -> None:
        """Take the clock (seconds, monotonic), and how long one question may take with all its repetitions."""
        self._clock = clock
        self._given = resolver
        self._question_time = question_time
        self._cache: dict[tuple[str, str], _Entry] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Found]] = {}
        self._hosts = _WatchedFile(hosts, clock)
        self._host_names: dict[str, list[str]] = {}
        self._resolv_conf = _WatchedFile(resolv_conf, clock)
        self._system: dns.asyncresolver.Resolver | None = None

    async def addresses(self, name: str, kind: str) -> Found:
        """Look up the addresses of a host; kind is "A" or "AAAA"."""
        text = self._hosts.changed_text()
        if text is not None:
            self._host_names = _read_hosts(text)
        known = self._host_names.get(name.lower().rstrip("."))
        if known:
            addresses = tuple(address for address in known if (":" in address) == (kind == "AAAA"))
            return Found(addresses, "" if addresses else f"the hosts file has no {kind} address for {name}")
        return await self.records(name, kind)

    async def records(self, name: str, kind: str) -> Found:
        """Look up records of one kind: "SRV" and "NAPTR" give those types, "A" and "AAAA" text."""
        key = (name.lower().rstrip("."), kind)
        entry = self._cache.get(key)
        if entry is not None and self._clock() < entry.expires:
            return entry.found
        # Ten calls to the same trunk at once ask once.
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.get_running_loop().create_task(self._ask(key))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Stop what is still being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, key: tuple[str, str]) -> Found:
        try:
            found, ttl = await self._ask_servers(*key)
            now = self._clock()
            if ttl is None:
                # No server answered: what it said last is most likely still true.
                old = self._cache.get(key)
                if old is not None and old.found.records and now < old.stale_until:
                    old.expires = now + _RETRY_AFTER
                    return old.found
                ttl = _RETRY_AFTER
            if len(self._cache) >= _MAX_ENTRIES:
                self._cache.clear()
            self._cache[key] = _Entry(found, now + ttl, now + ttl + _STALE)
            return found
        finally:
            del self._asking[key]

    async def _ask_servers(self, name: str, kind: str) -> tuple[Found, float | None]:
        """Return what was found and for how many seconds it holds; None when nobody answered."""
        resolver = self._servers()
        if resolver is None:
            return Found(problem="no DNS server is configured"), None
        try:
            answer = await resolver.resolve(
                name,
                kind,
                raise_on_no_answer=False,
                lifetime=self._question_time,
                search="." not in name,
                backend=dns.asyncbackend.get_backend("asyncio"),
            )
        except dns.resolver.NXDOMAIN as error:
            responses = cast("dict[object, dns.message.QueryMessage]", error.kwargs.get("responses", {}))
            ttl = min((_ttl(response) for response in responses.values()), default=_MIN_NEGATIVE)
            return Found(problem=f"there is no name {name}"), _negative(ttl)
        except (dns.name.NameTooLong, dns.name.LabelTooLong, dns.name.EmptyLabel, dns.name.BadEscape, UnicodeError):
            return Found(problem=f"{name!r} is not a host name"), _MAX_NEGATIVE
        except dns.exception.DNSException as error:
            return Found(problem=f"the DNS servers gave no answer about {name} ({type(error).__name__})"), None
        except OSError as error:
            return Found(problem=f"the DNS servers can't be reached ({error.strerror or error})"), None
        if answer.rrset is None:
            return Found(problem=f"{name} has no {kind} record"), _negative(answer.chaining_result.minimum_ttl)
        records = tuple(_read(list(answer.rrset)[:_MAX_RECORDS]))
        return Found(records), min(max(float(answer.chaining_result.minimum_ttl), _MIN_TTL), _MAX_TTL)

    def _servers(self) -> dns.asyncresolver.Resolver | None:
        if self._given is not None:
            return self._given
        if self._resolv_conf.changed_text() is not None:
            try:
                self._system = dns.asyncresolver.Resolver(filename=str(self._resolv_conf.path))
            except (dns.exception.DNSException, OSError):
                self._system = None
            else:
                self._system.timeout = self._question_time / 2
        return self._system


class _WatchedFile:
    """A text file that is read again when it has changed, and looked at every few seconds at most."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._next_look = float("-inf")
        self._seen: tuple[int, int] | None = None

    def changed_text(self) -> str | None:
        """Return the text if it is new, else None; a file that is not there is empty."""
        now = self._clock()
        if now < self._next_look:
            return None
        self._next_look = now + _FILE_CHECK
        try:
            status = self.path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return None
            text = self.path.read_text(errors="replace")
        except OSError:
            seen, text = (0, 0), ""
            if seen == self._seen:
                return None
        self._seen = seen
        return text


def _read_hosts(text: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *aliases = line.partition("#")[0].split() or [""]
        for alias in aliases:
            names.setdefault(alias.lower().rstrip("."), []).append(address)
    return names


def _read(records: Iterable[object]) -> Iterable[Record]:
    for record in records:
        if isinstance(record, A | AAAA):
            yield record.address
        elif isinstance(record, SRV):
            yield Srv(record.priority, record.weight, record.port, record.target.to_text(omit_final_dot=True))
        elif isinstance(record, NAPTR):
            yield Naptr(
                record.order,
                record.preference,
                record.flags.decode("latin-1").upper(),
                record.service.decode("latin-1").upper(),
                record.replacement.to_text(omit_final_dot=True),
            )


def _ttl(response: dns.message.QueryMessage) -> float:
    try:
        return float(response.resolve_chaining().minimum_ttl)
    except dns.exception.DNSException:
        return _MIN_NEGATIVE


def _negative(ttl: float) -> float:
    return min(max(float(ttl), _MIN_NEGATIVE), _MAX_NEGATIVE)
