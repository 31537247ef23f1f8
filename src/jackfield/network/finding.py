"""Finding our addresses outside: by hand, by interface, by cloud, by what trunks say, by STUN; in this order.

For each family the first way that knows an address ends the search. Nobody on the Internet is asked unless an
administrator has named STUN servers; the cloud's metadata and the trunks' answers need no further connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from jackfield.network import metadata, outside
from jackfield.network.addresses import way_out
from jackfield.network.host_names import look_up
from jackfield.network.public_file import Found, State
from jackfield.network.stun_client import StunClient, StunRefused, addresses_of, read_server

__all__ = ["Search", "Sources", "find"]

log = logging.getLogger(__name__)

_FAMILIES = ((4, socket.AF_INET, "0.0.0.0"), (6, socket.AF_INET6, "::"))  # noqa: S104 - to ask from


@dataclass(frozen=True, slots=True)
class Search:
    """What the settings say. `by_hand`: as `outside.read` takes it; `stun`: servers, and whether to ask them now."""

    by_hand: str = ""
    stun: tuple[str, ...] = ()
    ask_stun: bool = True


async def _no_trunks() -> list[tuple[str, str, str]]:
    return []


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from; each can be replaced in tests.

    interfaces: (name, address) of this machine; cloud: which one it runs in; ask_cloud: its addresses for us, blocking;
    trunks: (trunk, how it sees us, which of our addresses that is); names: addresses of a name, blocking.
    """

    interfaces: Callable[[], Sequence[tuple[str, str]]]
    cloud: Callable[[], metadata.Cloud | None] = metadata.which
    ask_cloud: metadata.Asking = metadata.ask
    trunks: Callable[[], Awaitable[Sequence[tuple[str, str, str]]]] = _no_trunks
    names: Callable[[str], Sequence[str]] = look_up
    client: Callable[[], StunClient] = StunClient
    towards: Callable[[int], str] = way_out


async def find(search: Search, sources: Sources, before: State, now: float) -> State:
    """Look everywhere, and return what is known now. What could not be asked this time stays as it was."""
    problems: list[str] = []
    found = await _by_hand(search, sources, problems)
    have: set[int] = {ip_address(one.address).version for one in found}
    own = [one for one in _by_interface(sources) if ip_address(one.address).version not in have]
    found += own
    have |= {ip_address(one.address).version for one in own}
    wanted = [version for version, _, _ in _FAMILIES if version not in have and sources.towards(version)]
    for name, way in (("cloud", _by_cloud), ("trunk", _by_trunk), ("stun", _by_stun)):
        if not wanted:
            break
        asked = len(problems)
        answers = await way(search, sources, wanted, problems)
        if not answers and (len(problems) > asked or (name == "stun" and not search.ask_stun)):
            # Nobody answered, or was asked: what they said before holds.
            answers = [one for one in before.found if one.way == name and ip_address(one.address).version in wanted]
        found += answers
        wanted = [one for one in wanted if one not in {ip_address(each.address).version for each in answers}]
    known = {(one.address, one.inside, one.way, one.by): one.at for one in before.found}
    dated = tuple(replace(one, at=known.get((one.address, one.inside, one.way, one.by), now)) for one in found)
    return State(dated, tuple(problems), now)


async def _by_hand(search: Search, sources: Sources, problems: list[str]) -> list[Found]:
    found = []
    for one in outside.read(search.by_hand):
        addresses: Sequence[str] = [one.address]
        if not outside.is_literal(one.address):
            try:
                addresses = await asyncio.to_thread(sources.names, one.address)
            except (OSError, UnicodeError) as problem:
                problems.append(f"the public address {one.address} can't be looked up: {problem}")
                continue
        for known in outside.resolved([one], {one.address: addresses}):
            found.append(Found(known.address, "hand", one.address if known.address != one.address else "", one.inside))
    return found


def _by_interface(sources: Sources) -> list[Found]:
    """Return the addresses that are our own: the one that the default route uses first."""
    own = [Found(address, "interface", name) for name, address in sources.interfaces() if outside.is_routable(address)]
    first = {sources.towards(4), sources.towards(6)}
    return sorted(own, key=lambda one: one.address not in first)


async def _by_cloud(search: Search, sources: Sources, wanted: Sequence[int], problems: list[str]) -> list[Found]:
    cloud = sources.cloud()
    if cloud is None:
        return []
    try:
        told = await asyncio.to_thread(sources.ask_cloud, cloud)
    except metadata.MetadataError as problem:
        problems.append(f"{cloud.name}: {problem}")
        return []
    return [Found(address, "cloud", cloud.name) for address in told if ip_address(address).version in wanted]


async def _by_trunk(search: Search, sources: Sources, wanted: Sequence[int], problems: list[str]) -> list[Found]:
    found: dict[int, Found] = {}
    for trunk, address, ours in await sources.trunks():
        if outside.is_literal(address) and outside.is_literal(ours):
            version = ip_address(address).version
            if version in wanted and outside.is_routable(address) and outside.is_private(ours):
                found.setdefault(version, Found(address, "trunk", trunk))
    return list(found.values())


async def _by_stun(search: Search, sources: Sources, wanted: Sequence[int], problems: list[str]) -> list[Found]:
    found = []
    for version, family, anywhere in _FAMILIES:
        if version not in wanted or not search.stun or not search.ask_stun:
            continue
        mute = []
        async with sources.client() as client:
            endpoint = await client.open(anywhere)
            for text in search.stun:
                server = read_server(text)
                reply = None
                for address in (await addresses_of(server, family))[:2]:
                    try:
                        reply = await client.ask(endpoint, address)
                    except StunRefused as refused:
                        problems.append(f"the STUN server {server} refused: {refused}")
                    if reply is not None:
                        break
                if reply is None:
                    mute.append(str(server))
                    continue
                if outside.is_routable(reply.mapped[0]):
                    found.append(Found(reply.mapped[0], "stun", str(server)))
                    break
        if not found or mute:
            problems += [f"the STUN server {name} does not answer (IPv{version})" for name in mute]
    return found
