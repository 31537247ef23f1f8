"""From a SIP URI to the places to try, in order: RFC 3263."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from jackfield.sip.dns_lookup import DnsLookup, Found, Naptr, Srv
from jackfield.sip.flow import DEFAULT_PORTS, Hop
from jackfield.sip.transport.local_addresses import is_ip

if TYPE_CHECKING:
    from jackfield.sip.uri import Uri

__all__ = ["Resolver", "by_priority"]

logger = logging.getLogger("jackfield.sip.resolver")

_MAX_HOPS = 16
_SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
_SRV_PREFIX = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
_WEBSOCKETS = frozenset({"WS", "WSS"})


class Resolver:
    """Finds the next hops of a URI. Never raises: who can't be found has no hops, and the log says why.

    The URI's `maddr` is ignored: it would let anybody who can place a URI choose where our packets go.
    """

    def __init__(
        self,
        *,
        lookup: DnsLookup | None = None,
        time_limit: float = 5.0,
        randomness: Callable[[], float] = random.random,
        families: Sequence[str] = ("A", "AAAA"),
        usable: Callable[[str, str], bool] | None = None,
    ) -> None:
        """Take what asks the DNS, the seconds that one resolution may take in all, and numbers in [0, 1).

        families: which addresses to look for, in order of trial. IPv4 comes first: where both exist, trunks and
            office lines are more often broken on IPv6 than the other way round.
        usable: `usable(transport, address)` may leave out what can't be reached from here.
        """
        self._lookup = lookup or DnsLookup(asyncio.get_running_loop().time)
        self._time_limit = time_limit
        self._randomness = randomness
        self._families = tuple(families)
        self._usable = usable

    async def resolve(self, uri: Uri, *, prefer: str | None = None, verify: bool = True) -> list[Hop]:
        """Return the hops in order of trial; empty if there are none.

        uri: a sip or sips URI. prefer: the transport where the URI names none, as a trunk's setting does.
        verify: False makes hops that accept any certificate.
        """
        transport = _transport(uri, prefer)
        if transport == "":
            logger.warning("%s can't be reached: its transport %r is none of ours", uri, uri.params.get("transport"))
            return []
        host = uri.host.strip("[]")
        if not host:
            logger.warning("%s can't be reached: it names no host", uri)
            return []
        try:
            async with asyncio.timeout(self._time_limit):
                hops, problem = await self._find(host, uri.port, transport, secure=uri.scheme == "sips")
        except TimeoutError:
            hops, problem = [], f"the DNS took longer than {self._time_limit:g} s"
        name = "" if is_ip(host) else host
        usable = [
            Hop(one.transport, one.host, one.port, name, verify)
            for one in hops
            if self._usable is None or self._usable(one.transport, one.host)
        ]
        if not usable:
            logger.warning("%s can't be reached: %s", host, problem or "there is no way to its addresses from here")
        return usable[:_MAX_HOPS]

    async def close(self) -> None:
        """Stop what is still being asked."""
        await self._lookup.close()

    async def _find(self, host: str, port: int | None, transport: str | None, *, secure: bool) -> tuple[list[Hop], str]:
        """RFC 3263 section 4: the transport by 4.1, address and port by 4.2."""
        fallback = transport or ("TLS" if secure else "UDP")
        if is_ip(host):
            return [Hop(fallback, host, port or DEFAULT_PORTS[fallback])], ""
        if port is None and fallback not in _WEBSOCKETS:
            services = await self._services(host, transport, secure=secure)
            if services:
                return await self._hops(services)
        return await self._hops([(fallback, Srv(0, 0, port or DEFAULT_PORTS[fallback], host))])

    async def _services(self, host: str, transport: str | None, *, secure: bool) -> list[tuple[str, Srv]]:
        """Return the SRV records to use, each with its transport, in order of trial."""
        if transport is not None:
            return await self._srv([(transport, _SRV_PREFIX[transport] + host)])
        transports = ["TLS"] if secure else list(_SRV_PREFIX)
        by_name = [(one, _SRV_PREFIX[one] + host) for one in transports]
        naptr, *_ = await asyncio.gather(
            self._lookup.records(host, "NAPTR"),
            *(self._lookup.records(name, "SRV") for _, name in by_name),  # the answers wait in the cache
        )
        by_naptr = _from_naptr(naptr, transports)
        return (await self._srv(by_naptr) if by_naptr else []) or await self._srv(by_name)

    async def _srv(self, names: Sequence[tuple[str, str]]) -> list[tuple[str, Srv]]:
        answers = await asyncio.gather(*(self._lookup.records(name, "SRV") for _, name in names))
        services: list[tuple[str, Srv]] = []
        for (transport, _), found in zip(names, answers, strict=True):
            records = [record for record in found.records if isinstance(record, Srv)]
            # A target of "." says: this service is decidedly not offered here (RFC 2782).
            offered = [record for record in records if record.target.strip(".")]
            services += [(transport, record) for record in by_priority(offered, self._randomness)]
        return services[:_MAX_HOPS]

    async def _hops(self, services: Sequence[tuple[str, Srv]]) -> tuple[list[Hop], str]:
        """Look up the addresses of all targets, at once."""
        targets = {record.target for _, record in services}
        questions = [(target, family) for target in targets for family in self._families if not is_ip(target)]
        answers = await asyncio.gather(*(self._lookup.addresses(*question) for question in questions))
        found = dict(zip(questions, answers, strict=True))
        hops: dict[Hop, None] = {}
        for transport, record in services:
            if is_ip(record.target):  # against RFC 2782, and yet to be met
                hops[Hop(transport, record.target, record.port)] = None
                continue
            for family in self._families:
                for address in found[record.target, family].records:
                    if isinstance(address, str):
                        hops[Hop(transport, address, record.port)] = None
        problem = next((answer.problem for answer in answers if answer.problem), "")
        return list(hops), problem


def by_priority(records: Iterable[Srv], randomness: Callable[[], float] = random.random) -> list[Srv]:
    """Order SRV records for trial: lower priority first, among equals at random by weight (RFC 2782)."""
    ordered: list[Srv] = []
    # Weight 0 first, so that it has its very small chance of being chosen.
    rest = sorted(records, key=lambda record: (record.priority, record.weight))
    while rest:
        same = [record for record in rest if record.priority == rest[0].priority]
        ordered.append(_pick(same, randomness()))
        rest.remove(ordered[-1])
    return ordered


def _pick(records: Sequence[Srv], number: float) -> Srv:
    """Choose one by weight; where no record has any, all have the same chance."""
    total = sum(record.weight for record in records)
    if not total:
        return records[int(number * len(records))]
    point = number * total
    for record in records:
        point -= record.weight
        if point < 0 or (point == 0 and not record.weight):
            return record
    return records[-1]


def _transport(uri: Uri, prefer: str | None) -> str | None:
    """Return the transport that the URI or the setting names, None if neither does, "" for one that we have not."""
    named = uri.params.get("transport") or prefer
    if named is None:
        return None
    transport = named.upper()
    if uri.scheme == "sips":
        transport = {"TCP": "TLS", "WS": "WSS"}.get(transport, transport)
        if transport == "UDP":
            return ""  # RFC 3261 section 26.2.2: sips is TLS all the way
    return transport if transport in DEFAULT_PORTS else ""


def _from_naptr(found: Found, transports: Sequence[str]) -> list[tuple[str, str]]:
    """Return transport and SRV name of each NAPTR record that we can use, best first (RFC 3263 section 4.1)."""
    records = sorted(record for record in found.records if isinstance(record, Naptr))
    return [
        (_SERVICES[record.service], record.replacement)
        for record in records
        if record.flags == "S" and _SERVICES.get(record.service) in transports and record.replacement.strip(".")
    ]
