"""Keeps on what is to be on in the local networks, in the console's event loop.

It looks every few seconds at what is wanted, opens and shuts, and tries again what could not be opened. What reads the
database does so in a thread of its own; files are given by the thread that gives them by HTTPS too (`serving`).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import errno
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from jackfield.console import access
from jackfield.console.lan import asking, phonebook, wanted
from jackfield.console.lan.wanted import Wanted
from jackfield.control import ControlError, ask
from jackfield.network import turn
from jackfield.network.addresses import local_addresses, reachable_addresses
from jackfield.network.certificate import names_of_this_machine
from jackfield.network.certificate_store import Store
from jackfield.network.firewall.services import ServiceName
from jackfield.network.ports import refusal
from jackfield.provisioning import pnp, tftp
from jackfield.provisioning.dhcp_server import DhcpServer
from jackfield.provisioning.phonebook.entries import Entry
from jackfield.provisioning.phonebook.ldap_server import Door, LdapServer

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Keeper", "State", "current", "running"]

log = logging.getLogger("jackfield.lan")

LOOK_SECONDS = 4.0
AGAIN_SECONDS = 60.0
T = TypeVar("T")

current: Keeper | None = None
"""That of this process, for the page."""


@dataclass(frozen=True, slots=True)
class State:
    """How one way stands: on, or why it is not."""

    on: bool
    why: str = ""
    mend: str = ""
    wrong: bool = False  # it should be on


OFF = State(False)


class Keeper:
    """The servers of the local networks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.states: dict[str, State] = {"tftp": OFF, "multicast": OFF, "ldap": OFF, "ldaps": OFF}
        settings.files.dhcp.mkdir(mode=0o700, exist_ok=True)
        self.dhcp = DhcpServer(settings.files.dhcp)
        self.dhcp_wrong: tuple[str, ...] = ()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="lan")
        self._book = phonebook.Phonebook()
        self._known: Wanted | None = None
        self._again = 0.0
        self._tftp: tftp.Server | None = None
        self._pnp: pnp.Server | None = None
        self._ldap: dict[str, LdapServer] = {}
        self._stamp: tuple[int, ...] = ()

    async def run(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    found = await self._read(wanted.read, self.settings)
                except Exception as problem:  # the database is away, or not made yet: what is on stays on
                    log.debug("what is wanted of the local networks can't be read: %s", problem)
                else:
                    await self._look(found, loop.time())
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._stop()

    async def _look(self, found: Wanted, now: float) -> None:
        again = now >= self._again and any(state.wrong for state in self.states.values())
        if found == self._known and not again and not self._other_certificate():
            return
        self._again = now + AGAIN_SECONDS
        before, self._known = self._known, found
        await self._keep_tftp(found.by_mac and found.tftp and bool(self.settings.tftp_port))
        await self._keep_multicast(found.by_mac and found.multicast)
        await self._keep_ldap(found.ldap)
        if before is None or (before.dhcp, before.dhcp_wrong, before.offers) != (
            found.dhcp, found.dhcp_wrong, found.offers,
        ):  # fmt: skip
            await self._keep_dhcp(found)

    async def _stop(self) -> None:
        await self._keep_tftp(False)
        await self._keep_multicast(False)
        await self._keep_ldap(False)
        await self.dhcp.stop()
        self._reading.shutdown(wait=False, cancel_futures=True)

    @property
    def tftp_events(self) -> list[tftp.Event]:
        """What TFTP's clients were refused, the latest first."""
        return [] if self._tftp is None else list(reversed(self._tftp.events))

    def _local(self, address: str) -> bool:
        return access.is_local(self.settings, address)

    def _may(self, service: ServiceName, address: str) -> bool:
        return access.table().allows(service, address)

    def _may_by_tftp(self, address: str) -> bool:
        return self._local(address) and self._may("tftp", address) and not self._relayed(address)

    def _relayed(self, address: str) -> bool:
        """Tell whether coturn speaks here for somebody elsewhere: from our own address, which is a local one.

        Whoever may use TURN could send a question to any UDP port of ours through it, and get a phone's file.
        """
        on = (self.settings.files.run / turn.CONFIGURATION).exists()
        return on and not ipaddress.ip_address(address).is_loopback and address in local_addresses()

    def _may_by_ldap(self, address: str, tls: bool) -> bool:
        return self._may("ldaps", address) if tls else self._local(address) and self._may("ldap", address)

    def _enter(self, name: str, state: State) -> None:
        if state.wrong and state != self.states[name]:
            log.info("%s is not on: %s; %s", name, state.why, state.mend)
        self.states[name] = state

    async def _read(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work, *given)

    # -- TFTP

    async def _keep_tftp(self, on: bool) -> None:
        if self._tftp is not None and not on:
            await self._tftp.stop()
            self._tftp = None
        if not on:
            self._enter("tftp", OFF)
        elif self._tftp is None:
            server, port = tftp.Server(asking.file_for, allowed=self._may_by_tftp), self.settings.tftp_port
            try:
                server.start(self.settings.hosts, port)
            except OSError as problem:
                why, mend = refusal("udp", self.settings.hosts[0], port, problem, "--tftp-port")
                self._enter("tftp", State(False, why, mend, True))
            else:
                self._tftp = server
                self._enter("tftp", State(True))

    # -- plug and play by SIP

    async def _keep_multicast(self, on: bool) -> None:
        if self._pnp is not None and not on:
            await self._pnp.stop()
            self._pnp = None
        ours = [one for one in reachable_addresses(self.settings.hosts) if _can_ask(one)]
        if not on or not ours:
            self._enter("multicast", State(False, "this system listens on this machine alone") if on else OFF)
        elif self._pnp is None:

            async def answer(question: pnp.Question) -> str:
                return await asking.address_for(self.settings, question)

            server = pnp.Server(answer, allowed=self._local)
            try:
                await self._join(server, ours)
            except (OSError, ControlError) as problem:
                why = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
                mend = f"see that no other SIP program has UDP port {pnp.PORT} on this machine"
                self._enter("multicast", State(False, f"{pnp.GROUP} can't be heard: {why}", mend, True))
            else:
                self._pnp = server
                self._enter("multicast", State(True))

    async def _join(self, server: pnp.Server, ours: Sequence[str]) -> None:
        try:
            server.start(ours)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or self.settings.sip_port != pnp.PORT:
                raise problem
            await ask(self.settings.files.switch_socket, "share_port")  # our own switch has it
            server.start(ours)

    # -- the directory

    async def _keep_ldap(self, on: bool) -> None:
        for name, port in (("ldap", self.settings.ldap_port), ("ldaps", self.settings.ldaps_port)):
            server = self._ldap.get(name)
            if server is not None and (not on or (name == "ldaps" and self._other_certificate())):
                await server.stop()
                del self._ldap[name]
            if not on or not port:
                self._enter(name, OFF)
            elif name not in self._ldap:
                await self._open_ldap(name, port)

    async def _open_ldap(self, name: str, port: int) -> None:
        server = LdapServer(Door(self._sign_in, self._entries, self._may_by_ldap))
        try:
            context = await asyncio.to_thread(self._context) if name == "ldaps" else None
            await server.start(self.settings.hosts, port, context)
        except OSError as problem:  # ssl.SSLError is one
            why, mend = refusal("tcp", self.settings.hosts[0], port, problem, f"--{name}-port")
            self._enter(name, State(False, why, mend, True))
        else:
            self._ldap[name] = server
            self._enter(name, State(True))

    async def _sign_in(self, name: str, password: str, address: str) -> phonebook.Reader | None:
        return await self._read(phonebook.sign_in, self.settings, name, password)

    async def _entries(self, reader: phonebook.Reader) -> Sequence[Entry]:
        return await self._read(self._book.entries, reader.user)

    def _store(self) -> Store:
        return Store(self.settings.files.certificates, (self.settings.tls_certificate, self.settings.tls_key))

    def _context(self) -> ssl.SSLContext:
        store = self._store()
        if store.current().origin == "self-signed":
            names = names_of_this_machine([*self.settings.hosts, *local_addresses()])
            store.self_signed.ensure(names, now=datetime.datetime.now(datetime.UTC))
        pair = store.current()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._stamp = pair.stamp()
        return context

    def _other_certificate(self) -> bool:
        try:
            return "ldaps" in self._ldap and self._store().current().stamp() != self._stamp
        except OSError:
            return False

    # -- DHCP

    async def _keep_dhcp(self, found: Wanted) -> None:
        self.dhcp_wrong = found.dhcp_wrong
        if found.dhcp is None or found.dhcp_wrong:
            await self.dhcp.stop()
        else:
            await self.dhcp.serve(found.dhcp, found.offers)


def _can_ask(address: str) -> bool:
    """Tell whether phones may be in a network of this address of ours: IPv4, and not this machine alone."""
    found = ipaddress.ip_address(address)
    return found.version == 4 and not found.is_loopback


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Keeper]:
    """Keep them while the block runs."""
    global current  # noqa: PLW0603 - as the importer, there is one in the process
    current = keeper = Keeper(settings)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        current = None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
