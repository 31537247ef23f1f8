"""A small LDAP server, for reading alone, from which phones look names up.

Every phone signs in with a name and a password of its own (simple bind); nobody else sees anything. Without TLS it
answers only those whom `allowed` lets in: the password would be read on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jackfield.provisioning.phonebook import ldap_messages as ldap
from jackfield.provisioning.phonebook.ber import SEQUENCE, header
from jackfield.provisioning.phonebook.entries import Entry
from jackfield.provisioning.phonebook.ldap_messages import Bind, Message, Other, Page, Search

__all__ = ["BASE", "Door", "LdapServer"]

log = logging.getLogger(__name__)

BASE = "dc=phonebook"
"""Below it everything is: ou=extensions, ou=company, ou=personal."""
SECTIONS = ("extensions", "company", "personal")

LARGEST_MESSAGE = 64 << 10
MOST_ENTRIES = 500
SECONDS = 5.0
"""Longest time of a search."""
IDLE_SECONDS = 900.0
MOST_CONNECTIONS, MOST_PER_SOURCE = 500, 10
MOST_FAILURES, FAILURES_SECONDS = 10, 300.0
"""Wrong passwords from one address after which nobody there is asked any more, for so long."""
SLICE = 500
"""Entries that are looked at before others have their turn."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the server asks of the house. A reader is whatever `sign_in` returns for who signed in."""

    sign_in: Callable[[str, str, str], Awaitable[Any]]
    """From name, password and address to the reader; None for who is not known."""
    entries: Callable[[Any], Awaitable[Sequence[Entry]]]
    """From a reader to all entries that he may see, ordered."""
    allowed: Callable[[str, bool], bool]
    """Whether this address may speak to us; the second says whether by TLS."""


class LdapServer:
    """Listens for phones. `start` may be called twice: for plain connections and for TLS."""

    def __init__(self, door: Door, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.ports: list[int] = []
        self.door = door
        self.clock = clock
        self._servers: list[asyncio.Server] = []
        self._sources: Counter[str] = Counter()
        self._clients: set[asyncio.Task[None]] = set()
        self._failures: dict[str, list[float]] = {}

    async def start(self, hosts: Sequence[str], port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen on all of them, or on none. Raises `OSError`."""

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._accept(reader, writer, secure=tls is not None)

        server = await asyncio.start_server(accepted, list(hosts), port, ssl=tls, limit=LARGEST_MESSAGE * 2)
        self._servers.append(server)
        self.ports.append(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and hang up."""
        for server in self._servers:
            server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self.ports.clear()

    def failed(self, address: str) -> None:
        """Remember a wrong password."""
        if len(self._failures) > 1000:
            self._failures.clear()
        self._failures.setdefault(address, []).append(self.clock())

    def blocked(self, address: str) -> bool:
        """Tell whether too many wrong passwords came from there lately."""
        since = self.clock() - FAILURES_SECONDS
        known = [at for at in self._failures.get(address, ()) if at > since]
        if known:
            self._failures[address] = known
        else:
            self._failures.pop(address, None)
        return len(known) >= MOST_FAILURES

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, secure: bool) -> None:
        address = str(writer.get_extra_info("peername")[0]).partition("%")[0]
        full = self._sources.total() >= MOST_CONNECTIONS or self._sources[address] >= MOST_PER_SOURCE
        if full or not self.door.allowed(address, secure):
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self._sources[address] += 1
        try:
            await _Session(self, reader, writer, address).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # it went away, or we end
        except Exception:
            log.exception("LDAP: a fault with %s", address)
        finally:
            self._clients.discard(task)
            self._sources[address] -= 1
            if not self._sources[address]:
                del self._sources[address]
            writer.close()


@dataclass(slots=True)
class _Session:
    """One connection."""

    server: LdapServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str
    who: Any = None

    async def run(self) -> None:
        """Answer until one side hangs up."""
        try:
            while (content := await self._next()) is not None:
                message = ldap.read_message(content)
                if not await self._answer(message):
                    return
        except ValueError:
            self.writer.write(ldap.goodbye(ldap.PROTOCOL_ERROR, "this is no message of LDAP"))
            with contextlib.suppress(OSError):
                await self.writer.drain()

    async def _next(self) -> bytes | None:
        """Return the inside of the next message; None when the phone has nothing to say for long, or hung up."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                start = await self.reader.readexactly(2)
                while (found := header(start)) is None:
                    start += await self.reader.readexactly(1)
                if start[0] != SEQUENCE or found[1] > LARGEST_MESSAGE:
                    raise ValueError("no message of LDAP")
                return await self.reader.readexactly(found[1])
        except (TimeoutError, asyncio.IncompleteReadError):
            return None

    async def _answer(self, message: Message) -> bool:
        """Answer one message; False ends the connection."""
        number, wish = message.number, message.operation
        if isinstance(wish, Bind):
            code, text = await self._bind(wish)
            self.writer.write(ldap.result(number, ldap.BIND, code, text))
        elif isinstance(wish, Search):
            if message.needs_unknown:
                text = "a control that this server does not have"
                self.writer.write(ldap.result(number, ldap.SEARCH, ldap.CRITICAL_UNAVAILABLE, text))
            else:
                await self._search(number, wish, message.page)
        elif not self._other(number, wish):
            return False
        await self.writer.drain()
        return True

    def _other(self, number: int, wish: Other) -> bool:
        if wish.tag == ldap.UNBIND:
            return False
        if wish.tag == ldap.ABANDON:
            return True  # answers are short: what is to be abandoned was said already
        if wish.tag not in ldap.DONE:
            raise ValueError("an operation that LDAP does not have")
        code = ldap.PROTOCOL_ERROR if wish.tag == ldap.EXTENDED else ldap.UNWILLING
        self.writer.write(ldap.result(number, wish.tag, code, "this directory is for looking names up"))
        return True

    async def _bind(self, wish: Bind) -> tuple[int, str]:
        self.who = None
        if wish.version != 3:
            return ldap.PROTOCOL_ERROR, "only version 3 of LDAP is spoken here"
        if wish.password is None:
            return ldap.STRONGER_METHOD, "only name and password are known here (simple bind)"
        if not wish.name and not wish.password:
            return ldap.SUCCESS, ""  # anonymous (RFC 4513 section 5.1.1): allowed to ask what the server can
        if self.server.blocked(self.address):
            return ldap.BUSY, "too many wrong passwords came from this address: try again in some minutes"
        name = _first_value(wish.name)
        self.who = await self.server.door.sign_in(name, wish.password, self.address) if wish.password else None
        if self.who is None:
            self.server.failed(self.address)
            return ldap.WRONG_CREDENTIALS, "name or password is wrong"
        return ldap.SUCCESS, ""

    async def _search(self, number: int, wish: Search, page: Page | None) -> None:
        base = _normal(wish.base)
        if not base and wish.scope == 0:
            self.writer.write(ldap.entry(number, "", _chosen(_ROOT, wish)))
            self.writer.write(ldap.result(number, ldap.SEARCH, ldap.SUCCESS))
            return
        if self.who is None:
            text = "sign in with the phone's own name and password to see anything"
            self.writer.write(ldap.result(number, ldap.SEARCH, ldap.NO_ACCESS, text))
            return
        section = _section(base)
        if section is None:
            text = f"there is nothing: everything is below {BASE}"
            self.writer.write(ldap.result(number, ldap.SEARCH, ldap.NO_SUCH_OBJECT, text))
            return
        seconds = min(float(wish.time_limit) or SECONDS, SECONDS)
        try:
            async with asyncio.timeout(seconds):
                entries = await self.server.door.entries(self.who)
                found = [one async for one in _matching(entries, wish, base, section)]
        except TimeoutError:
            self.writer.write(ldap.result(number, ldap.SEARCH, ldap.TIME_EXCEEDED, "that took too long: ask for less"))
            return
        self._send(number, wish, found, page)

    def _send(self, number: int, wish: Search, found: list[Entry], page: Page | None) -> None:
        first, most = 0, len(found)
        if page is not None and page.size:
            first = int(page.cookie) if page.cookie.isdigit() and len(page.cookie) < 10 else 0
            most = page.size
        limit = min(wish.size_limit or MOST_ENTRIES, MOST_ENTRIES)
        portion = found[first : first + min(most, limit)]
        for one in portion:
            self.writer.write(ldap.entry(number, _dn(one), _chosen(one.attributes, wish)))
        until = first + len(portion)
        if page is None or not page.size:
            code = ldap.SIZE_EXCEEDED if until < len(found) else ldap.SUCCESS
            self.writer.write(ldap.result(number, ldap.SEARCH, code))
            return
        cookie = str(until).encode() if until < len(found) and portion else b""
        self.writer.write(ldap.result(number, ldap.SEARCH, ldap.SUCCESS, page=Page(len(found), cookie)))


_ROOT = {
    "objectClass": ("top",),
    "namingContexts": (BASE,),
    "supportedLDAPVersion": ("3",),
    "supportedControl": (ldap.PAGED.decode(),),
}


async def _matching(entries: Sequence[Entry], wish: Search, base: str, section: str) -> AsyncIterator[Entry]:
    """Yield who is below the base. One level is taken for all: phones that ask so want names and no folders."""
    if wish.scope == 0 and not base.startswith("uid="):
        return  # a folder itself; phones ask for nothing of it
    for count, one in enumerate(entries):
        if not count % SLICE:
            await asyncio.sleep(0)
        if section and one.section != section:
            continue
        if base.startswith("uid=") and _dn(one) != base:
            continue
        if wish.filter.matches(one.values):
            yield one


def _chosen(attributes: Mapping[str, Sequence[str]], wish: Search) -> dict[str, Sequence[str]]:
    """Return the attributes that were asked for: all, none ("1.1"), or those named."""
    names = {name.lower() for name in wish.attributes}
    kept = attributes if not names or "*" in names else {k: v for k, v in attributes.items() if k.lower() in names}
    return {name: () if wish.types_only else values for name, values in kept.items()}


def _dn(entry: Entry) -> str:
    return f"uid={entry.key},ou={entry.section},{BASE}"


def _normal(dn: str) -> str:
    return ",".join("=".join(part.strip() for part in rdn.split("=", 1)) for rdn in dn.lower().split(","))


def _section(base: str) -> str | None:
    """Return the section below which to look, "" for all of them; None when there is no such place."""
    if base in ("", BASE):
        return ""
    rest = base.removesuffix("," + BASE)
    where = rest.rpartition(",")[2]
    return where.removeprefix("ou=") if rest != base and where in {f"ou={name}" for name in SECTIONS} else None


def _first_value(name: str) -> str:
    """Return the name of who signs in: phones are told it bare, some write it as "uid=…,dc=phonebook"."""
    first = name.split(",", 1)[0]
    return first.partition("=")[2].strip() if "=" in first else first.strip()
