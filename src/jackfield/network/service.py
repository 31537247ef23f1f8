"""What the network process does: finds our addresses, serves STUN or TURN, keeps the VPN's tunnel, tests the router.

Nothing of it is in the way of a call: when it fails, calls go on, and the page says what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError, ControlServer, ask
from jackfield.network import finding, outside, outside_in, public_file, turn, wireguard
from jackfield.network.addresses import reachable_addresses, way_out
from jackfield.network.certificate_store import Store
from jackfield.network.coturn import Coturn
from jackfield.network.firewall.keeper import Keeper
from jackfield.network.guard.keeper import GuardKeeper, Report
from jackfield.network.guard.story import Block
from jackfield.network.interfaces import Changes, interfaces
from jackfield.network.ports import refusal
from jackfield.network.stun_server import Pace, StunServer
from jackfield.network.tunnel import Tunnel, TunnelError, name_for, why_not
from jackfield.settings import PortRange
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Service", "tunnel_of"]

log = logging.getLogger("jackfield.network")

TICK = 2.0
"""Seconds between looks at the configuration."""
QUICK, SLOW, STUN_EVERY = 5.0, 60.0, 300.0
"""Seconds between searches: while nothing is known, later; and between questions to STUN servers."""
SETTLE = 1.0
"""Seconds that addresses may go on changing before they are looked at: an interface gets several at once."""
AUTOMATIC = "auto"


class Service:
    """`await run(stopping)`. `sources` are for tests."""

    def __init__(
        self, settings: Settings, *, sources: finding.Sources | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        files = settings.files
        self.sources = sources or finding.Sources(interfaces=interfaces, trunks=self._trunks)
        self.state = public_file.load(files.public_addresses)
        self.snapshot = Snapshot()
        self.report: outside_in.Report | None = None
        self.stun: StunServer | None = None
        self.stun_problem = ""
        self.vpn_problem = ""
        self.vpn_left_out: list[str] = []
        self._clock = clock
        self._pace = Pace(time.monotonic)
        self.firewall = Keeper(settings, tell=self._tell_firewall)
        self.guard = GuardKeeper(
            files.guard, block=self.firewall.block, lift=self.firewall.lift, tell=self._tell_blocks
        )
        self.firewall.blocked = self.guard.in_kernel
        self._coturn = Coturn(files.run, files.logs)
        self._tunnel = Tunnel(name_for(files.path))
        self._tunnelled: wireguard.Interface | None = None
        self._version: tuple[int, int] = (0, 0)
        self._certificate: tuple[int, ...] = ()
        self._own: list[str] = []
        self._told: object = None
        self._soon = asyncio.Event()
        self._moved = False
        self._next = self._next_stun = self._next_tunnel = 0.0
        self._searching = asyncio.Lock()
        self._testing = asyncio.Lock()
        verbs = {"addresses": self._addresses, "search": self._search_now, "test": self._test, "vpn": self._vpn,
                 "firewall": self._firewall, "panic": self._panic, "guard": self._guard,
                 "guard_report": self._guard_report, "guard_block": self._guard_block, "guard_lift": self._guard_lift,
                 "blocks_again": self._blocks_again}  # fmt: skip
        self._control = ControlServer(files.network_socket, verbs)

    async def run(self, stopping: asyncio.Event, up: Callable[[], None] = lambda: None) -> None:
        """Work until `stopping` is set; `up` is called when all that can be open is open."""
        changes = Changes()
        loop = asyncio.get_running_loop()
        if changes.socket is not None:
            loop.add_reader(changes.socket.fileno(), self._changed, changes)
        try:
            try:
                await self._look_at_configuration()
            except Exception:  # calls are possible without all this
                log.exception("the network process begins without STUN, TURN or VPN")
            await self._control.start()
            up()
            while not stopping.is_set():
                await self._round()
                waiting = [asyncio.create_task(event.wait()) for event in (stopping, self._soon)]
                await asyncio.wait(waiting, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting:
                    task.cancel()
        finally:
            if changes.socket is not None:
                loop.remove_reader(changes.socket.fileno())
            changes.close()
            await self._control.close()
            self._close_stun()
            await self._coturn.close()
            if self._tunnelled is not None:
                await asyncio.to_thread(self._tunnel.remove)
            await asyncio.to_thread(self.firewall.close)

    def _changed(self, changes: Changes) -> None:
        changes.read()
        self._soon.set()

    async def _round(self) -> None:
        if self._soon.is_set():
            await asyncio.sleep(SETTLE)
            self._soon.clear()
            own = sorted(address for _, address in interfaces())
            if own != self._own:
                self._own, self._moved, self._next, self._next_stun = own, True, 0.0, 0.0
        try:
            await self._look_at_configuration()
            if time.monotonic() >= self._next:
                await self.search()
        except Exception:
            log.exception("a round of the network process failed")
            self._next = time.monotonic() + SLOW

    # --- the configuration

    async def _look_at_configuration(self) -> None:
        path = self.settings.files.snapshot
        try:
            found = os.stat(path)
            version = (found.st_mtime_ns, found.st_ino)
            if version != self._version:
                self.snapshot, self._version = snapshots.read(path), version
                self._next = self._next_stun = 0.0
        except FileNotFoundError:
            pass
        except Exception as problem:
            log.error("the configuration %s can't be read: %s", path, problem)
        await self.firewall.use(self.snapshot)
        await self.guard.tick(self.snapshot, self.firewall.hosts)
        await self._serve()
        await self._keep_tunnel()

    async def _serve(self) -> None:
        """Have coturn run where TURN is enabled, which is a STUN server too; else our own STUN."""
        port, general = self.settings.stun_base, self.snapshot.general
        own = reachable_addresses(self.settings.hosts)
        relays = PortRange.parse(self.settings.turn_ports)
        why = ""
        if general.turn:
            why = turn.overlap(relays, self.settings.rtp_range) or ("" if turn.program() else turn.MISSING)
            why = why or ("" if port else "stun_port is 0: give it a port, such as 3478")
        if general.turn and not why:
            self._close_stun()
            pair = Store(
                self.settings.files.certificates, (self.settings.tls_certificate, self.settings.tls_key)
            ).current()
            there = pair.certificate.exists() and pair.key.exists()
            await self._coturn.use(
                turn.lines(
                    realm=general.realm,
                    key=turn.secret(self.settings.files.turn_secret),
                    addresses=own,
                    known=self.state.outside,
                    port=port,
                    relay_ports=relays,
                    certificate=(pair.certificate, pair.key) if there else None,
                    folder=self.settings.files.run,
                ),
                turn.listening(own, port, tls=there),
            )
            stamp = pair.stamp() if there else ()
            if self._certificate not in ((), stamp):
                self._coturn.renew_certificate()
            self._certificate = stamp
            return
        await self._coturn.use(None, why=why)
        if port and (self.stun is None or {host for host, _ in self.stun.bound} != set(own)):
            self._close_stun()
            self._open_stun(own, port)

    def _open_stun(self, own: Sequence[str], port: int) -> None:
        server = StunServer(own, port, pace=self._pace, seen=self._outside_of, allows=self._may_ask)
        try:
            server.start()
        except OSError as problem:
            text = turn.taken(*refusal("udp", ", ".join(own), port, problem, "--stun-port"))
            if text != self.stun_problem:
                quiet = self.settings.stun_port == AUTOMATIC
                log.log(logging.INFO if quiet else logging.ERROR, "no STUN server: %s", text)
            self.stun_problem = text
            return
        self.stun, self.stun_problem = server, ""

    def _outside_of(self, ours: str) -> str:
        return outside.told(self.state.outside, ours) or ours

    def _may_ask(self, address: str) -> bool:
        return self.firewall.policy.allows("stun", address)

    def _close_stun(self) -> None:
        if self.stun is not None:
            self.stun.close()
            self.stun = None

    # --- addresses

    async def search(self, *, ask_stun: bool = True) -> public_file.State:
        """Look for our addresses, keep what is found, and tell the switch."""
        async with self._searching:
            general, now = self.snapshot.general, time.monotonic()
            by_hand = self.settings.public_address or general.public_address
            due = ask_stun and now >= self._next_stun
            if due:
                self._next_stun = now + STUN_EVERY
            before = self.state
            try:
                wanted = finding.Search(by_hand, general.stun_servers, due)
                self.state = await finding.find(wanted, self.sources, before, self._clock())
            except ValueError as problem:  # from before it was checked so
                self.state = dataclasses.replace(before, problems=(str(problem),), at=self._clock())
            self._next = time.monotonic() + (SLOW if self.state.found else QUICK)
            if self.state.found != before.found:
                shown = ", ".join(f"{one.address} ({one.way})" for one in self.state.found) or "none"
                log.info("our addresses outside: %s", shown)
            if self.state != before:
                public_file.save(self.settings.files.public_addresses, self.state)
            await self._tell()
            return self.state

    async def _tell(self) -> None:
        known = [[one.address, one.inside] for one in self.state.outside]
        if known == self._told and not self._moved:
            return
        with contextlib.suppress(ControlError):  # when it comes up, it reads the file
            await ask(self.settings.files.switch_socket, "public_addresses", known=known, moved=self._moved)
            self._told, self._moved = known, False

    async def _trunks(self) -> list[tuple[str, str, str]]:
        try:
            seen = await ask(self.settings.files.switch_socket, "seen_as", timeout=2.0)
        except ControlError:
            return []
        return [(one["trunk"], one["address"], one["ours"]) for one in seen]

    # --- the VPN

    async def _keep_tunnel(self) -> None:
        """Have the tunnel be as the configuration wants it; looked at again every minute, should it be gone."""
        wanted, problem = None, ""
        if self.snapshot.general.vpn:
            try:
                problem = why_not()
                if not problem:
                    wanted = tunnel_of(self.snapshot, own_key(self.settings))
            except (OSError, ValueError) as wrong:
                problem = str(wrong)
        now = time.monotonic()
        if wanted == self._tunnelled and (wanted is None or now < self._next_tunnel):
            self.vpn_problem = problem if wanted is None else self.vpn_problem
            return
        self._next_tunnel = now + SLOW
        try:
            if wanted is None:
                await asyncio.to_thread(self._tunnel.remove)
            else:
                before, self.vpn_left_out = self.vpn_left_out, await asyncio.to_thread(self._tunnel.apply, wanted)
                for left_out in self.vpn_left_out if self.vpn_left_out != before else ():
                    log.warning("the VPN: %s", left_out)
        except (TunnelError, OSError, subprocess.TimeoutExpired) as wrong:
            problem = str(wrong)
            if problem != self.vpn_problem:
                log.error("the VPN: %s", problem)
        self.vpn_problem = problem
        self._tunnelled = wanted

    # --- the firewall

    async def _tell_firewall(self) -> None:
        with contextlib.suppress(ControlError):  # when it comes up, it reads the file
            await ask(self.settings.files.switch_socket, "firewall")

    async def _firewall(self, request: dict[str, Any]) -> Any:
        """Have the rules in force that the configuration wants now, and say how they stand."""
        await self._look_at_configuration()
        return self.firewall.standing

    async def _panic(self, request: dict[str, Any]) -> Any:
        """Close everything but to the local networks and the VPN (`on`), or end that."""
        await self.firewall.panic(self.snapshot, self._clock() if request.get("on") else 0.0)
        return self.firewall.standing

    # --- the guard

    async def _tell_blocks(self, blocks: list[Block]) -> bool:
        try:
            await ask(self.settings.files.switch_socket, "blocks", blocks=msgspec.to_builtins(blocks))
        except ControlError:
            return False
        return True

    async def _guard(self, request: dict[str, Any]) -> list[Block]:
        """Who is blocked now."""
        return list(self.guard.story.blocks.values())

    async def _guard_report(self, request: dict[str, Any]) -> None:
        """What a program has seen: `failures` and `successes`."""
        given = {name: request[name] for name in ("failures", "successes") if name in request}
        await self.guard.heard(msgspec.convert(given, Report))

    async def _guard_block(self, request: dict[str, Any]) -> Block:
        """Block `source` for `seconds`, by the wish of `by`."""
        try:
            return await self.guard.by_hand(request["source"], float(request["seconds"]), request["by"])
        except ValueError:
            raise ControlError(f'"{request["source"]}" is neither an address nor a network') from None

    async def _guard_lift(self, request: dict[str, Any]) -> bool:
        """Hear `source` again, by the wish of `by`; false where it is not blocked."""
        return await self.guard.lifted(request["source"], request["by"])

    async def _blocks_again(self, request: dict[str, Any]) -> None:
        """A switch has come up, and wants to know who is blocked."""
        self.guard.forget_told()
        await self.guard.tick(self.snapshot, self.firewall.hosts)

    # --- what is asked

    async def _addresses(self, request: dict[str, Any]) -> dict[str, Any]:
        """What is known, what is open, and the last test."""
        return {
            "state": self.state,
            "interfaces": interfaces(),
            "inside": way_out(4),
            "stun": [list(one) for one in self.stun.bound] if self.stun is not None else [],
            "stun_answered": self.stun.answered if self.stun is not None else 0,
            "stun_refused": self._pace.refused,
            "stun_problem": self.stun_problem,
            "turn": bool(self._coturn.pid),
            "turn_problem": self._coturn.why,
            "report": self.report,
        }

    async def _search_now(self, request: dict[str, Any]) -> public_file.State:
        self._next_stun = 0.0
        return await self.search()

    async def _test(self, request: dict[str, Any]) -> outside_in.Report:
        """Test from outside; two who ask at once get one test."""
        if self._testing.locked():
            async with self._testing:
                if self.report is not None:
                    return self.report
        async with self._testing:
            self._next_stun = 0.0
            await self.search()
            settings, ours = self.settings, way_out(4)
            if not ours:
                raise ControlError("this machine has no way to the Internet: there is no default route")
            public = next((one.address for one in self.state.found if ":" not in one.address), "")
            low, high = settings.rtp_range
            pages = settings.own_port if not all(ip_address(host).is_loopback for host in settings.user_hosts) else 0
            tcp = (
                ("sip_tcp", settings.sip_port), ("sip_tls", settings.sip_tls_port),
                ("sip_tls", settings.sip_tls_second_port), ("console", pages),
            )  # fmt: skip
            task = outside_in.Task(
                ours=ours, public=public, sip_port=settings.sip_port, audio=(low, high),
                tcp=tuple(one for one in tcp if one[1]), servers=self.snapshot.general.stun_servers,
            )  # fmt: skip
            try:
                self.report = await outside_in.look(task, self._heard, self._clock())
            except OSError as problem:
                raise ControlError(f"the test could not be made: {problem.strerror or problem}") from None
            return self.report

    async def _heard(self) -> list[str]:
        try:
            return list(await ask(self.settings.files.switch_socket, "stun_heard", timeout=2.0))
        except ControlError:
            return []

    async def _vpn(self, request: dict[str, Any]) -> dict[str, Any]:
        """The tunnel with what is known of each device."""
        peers = await asyncio.to_thread(self._tunnel.status) if self._tunnelled is not None else {}
        return {
            "name": self._tunnel.name,
            "up": self._tunnelled is not None and not self.vpn_problem,
            "problem": self.vpn_problem,
            "left_out": self.vpn_left_out if self._tunnelled is not None else [],
            "peers": peers,
        }


def own_key(settings: Settings) -> str:
    """Return our private key of the VPN, made at the first call. Raises `OSError`."""
    return turn.secret(settings.files.vpn_key, wireguard.new_key).decode()


def tunnel_of(snapshot: Snapshot, key: str) -> wireguard.Interface:
    """Return our end of the VPN as the configuration has it."""
    general = snapshot.general
    peers = tuple(
        wireguard.Peer(device.public_key, (_single(device.address), *device.networks), name=device.name)
        for device in snapshot.vpn_devices
        if device.enabled and device.address
    )
    return wireguard.Interface(key, (wireguard.server_address(general.vpn_network),), general.vpn_port, peers)


def _single(address: str) -> str:
    return f"{address}/128" if ":" in address else f"{address}/32"
