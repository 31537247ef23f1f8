"""The switch process: `python -m jackfield.switch`, started by `jackfield run`."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import logging
import os
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import uvloop

from jackfield import capture, logs, memory, settings
from jackfield.control import ControlError, ControlServer, reachable
from jackfield.media.client import SPARES, MediaLost, MediaPool
from jackfield.network import public_file
from jackfield.network.certificate import names_of_this_machine
from jackfield.network.certificate_store import Serving, Store
from jackfield.network.firewall import table as firewall
from jackfield.network.host_names import EVERY, PATIENCE, HostNames
from jackfield.network.ports import refusal
from jackfield.settings import Settings, SettingsError
from jackfield.sip.flow import Address
from jackfield.sip.transport.local_addresses import is_wildcard
from jackfield.sip.transport.tls import server_context
from jackfield.sip.transport.transports import Transports
from jackfield.spool import Spool
from jackfield.switch import filtering, sites
from jackfield.switch import snapshot as snapshots
from jackfield.switch.commands import Commands
from jackfield.switch.switch import Switch
from jackfield.switch.whence import host_names

log = logging.getLogger("jackfield.switch")

PR_SET_PDEATHSIG = 1
Answer = Callable[[dict[str, Any]], Awaitable[Any]]
FIRST_NAMES = 2.0
"""Seconds that a start waits for names of hosts: a phone that is refused once may stay away for long."""
TIDY = 20.0
"""Seconds between the times at which freed memory is given back."""


class CannotStart(Exception):
    """The text says why, and the mend."""


def main() -> int:
    """Run until told to stop. Returns 0, or 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m jackfield.switch", description=__doc__)
    settings.add_arguments(parser)
    parser.add_argument("--ready-fd", type=int, help="file descriptor to which a line is written when all is up")
    arguments = vars(parser.parse_args())
    ready = arguments.pop("ready_fd")
    try:
        configured = settings.load(**arguments)
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return 2
    logs.configure("switch", format=configured.log_format, level=configured.log_level, folder=configured.files.logs)
    if "JACKFIELD_PROCESS" in os.environ:  # started by the supervisor: not to outlive it with the ports it needs
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    try:
        uvloop.run(run(configured, ready))
    except (CannotStart, ControlError, MediaLost) as problem:
        log.error("%s", problem)
        return 1
    return 0


async def run(configured: Settings, ready: int | None) -> None:
    """Start everything, say so, and wait for the end. Raises `CannotStart`."""
    files = configured.files
    files.prepare()
    try:
        snapshot = snapshots.read(files.snapshot)
    except FileNotFoundError:
        raise CannotStart(f"there is no configuration in {files.path}: 'jackfield init' makes a first one") from None
    except Exception as problem:
        raise CannotStart(f"the configuration {files.snapshot} can't be read: {problem}") from None
    pool = MediaPool(spares=SPARES)
    await pool.connect([files.media_socket(number) for number in range(configured.media_count)])
    spool = Spool(files.spool)
    recorder = capture.Recorder()
    switch = Switch(
        snapshot,
        pool=pool,
        emit=spool.append,
        secret=files.secret(),
        registrations=files.registrations,
        overrides=files.overrides,
        line_secrets=files.line_secrets,
        counts=files.counts,
        rates=files.rates,
        public_address=configured.public_address,
        rtp_ports=configured.rtp_ports,
        found_addresses=public_file.load(files.public_addresses).outside,
        hosts=configured.hosts,
        network_socket=files.network_socket,
        firewall=lambda holds: firewall.policy_of(configured, holds, firewall.load(files.firewall)),
        trace=recorder.record,
    )
    switch.proofs.tls, switch.proofs.tls_second = configured.sip_tls_port, configured.sip_tls_second_port
    switch.proofs.hosts = tuple(host for host in configured.hosts if not is_wildcard(host))
    switch.proofs.probe = _ask_from_elsewhere
    stopping, at_once = asyncio.Event(), asyncio.Event()
    certificate, names = _Certificate(switch, configured), _Names(switch)
    commands = Commands(switch, recorder, stop=stopping.set, path=files.snapshot)
    handlers = commands.handlers()
    more = {
        "certificate": certificate.exchanged,
        "firewall": _firewall(switch),
        "blocks": switch.guard.blocks,
        "reload": names.after(handlers["reload"]),
    }
    control = ControlServer(files.switch_socket, handlers | more)
    try:
        await names.look(FIRST_NAMES)
        await _listen(switch, configured, certificate)
        await switch.start()
        await control.start()
        await _listen_bridge(switch, configured)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stopping.set)  # calls may go on for a while
        loop.add_signal_handler(signal.SIGINT, _set_all, stopping, at_once)
        gc.collect()
        gc.freeze()  # what is here now stays: the collector need not look at it again
        gc.set_threshold(10_000, 20, 100)
        tidying = loop.create_task(_tidy(certificate, names))
        if ready is not None:
            os.write(ready, b"ready\n")
            os.close(ready)
        log.info("the switch is ready with configuration %d", snapshot.version)
        await stopping.wait()
        tidying.cancel()
        draining, hurry = loop.create_task(switch.drain(configured.drain_seconds)), loop.create_task(at_once.wait())
        await asyncio.wait((draining, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if draining.done():
            await draining
        else:
            draining.cancel()
    finally:
        await control.close()
        await switch.close()
        spool.close()


async def _ask_from_elsewhere(ours: str, phone: Address) -> bool:
    return await filtering.probe(ours, phone, token=secrets.token_hex(10))


def _firewall(switch: Switch) -> Callable[[dict[str, Any]], Awaitable[None]]:
    async def changed(request: dict[str, Any]) -> None:
        """What the names in the firewall's groups stand for has changed, or there is panic."""
        switch.doors.close()

    return changed


def _set_all(*events: asyncio.Event) -> None:
    for event in events:
        event.set()


class _Certificate:
    """What the TLS and WSS ports show to those who connect: another certificate as soon as there is one."""

    def __init__(self, switch: Switch, configured: Settings) -> None:
        self._switch = switch
        self._configured = configured
        self._serving: Serving | None = None

    def begin(self) -> ssl.SSLContext:
        """Return the context to begin with. Raises `CannotStart`."""
        configured = self._configured
        store = Store(configured.files.certificates, (configured.tls_certificate, configured.tls_key))
        pair = store.current()
        if pair.origin == "self-signed":
            store.self_signed.ensure(names_of_this_machine(configured.hosts), now=datetime.now(UTC))
        try:
            self._serving = Serving(store, server_context)
        except OSError as problem:  # ssl.SSLError is one
            raise CannotStart(f"the TLS certificate {pair.certificate} can't be used: {problem}") from None
        return self._serving.context

    def look(self) -> bool:
        """Give new connections the certificate that there is now; those that stand go on. True when it is another."""
        if self._serving is None or not self._serving.refresh():
            return False
        transports = self._switch.agent.transports
        if isinstance(transports, Transports):
            transports.use_tls(self._serving.context)
        return True

    async def exchanged(self, request: dict[str, Any]) -> dict[str, bool]:
        """Answer the control socket: look now, rather than in a few seconds."""
        return {"exchanged": self.look()}


class _Names:
    """The names of hosts in address groups and of sites: looked up before anybody is let in, and every few minutes."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._names = HostNames()
        self._next = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def look(self, patience: float = PATIENCE) -> None:
        """Look up what is due or new."""
        snapshot, now = self._switch.snapshot, asyncio.get_running_loop().time()
        wanted = host_names(snapshot) | sites.host_names(snapshot)
        if not wanted and not self._names.known:
            return
        if now < self._next and wanted == self._names.known.keys():
            return
        self._next = now + EVERY
        if await asyncio.to_thread(self._names.refresh, wanted, patience):
            self._switch.authenticator.whence.know(self._names.known)
            self._switch.snapshot = replace(self._switch.snapshot, hosts=dict(self._names.known))
            self._switch.registrar.reload()

    def after(self, handler: Answer) -> Answer:
        """Return a handler that looks too, once the configuration is another."""

        async def reload(request: dict[str, Any]) -> Any:
            answer = await handler(request)
            self._looking = asyncio.create_task(self.look())
            return answer

        return reload


async def _tidy(certificate: _Certificate, names: _Names) -> None:
    while True:
        await asyncio.sleep(TIDY)
        memory.give_back()
        certificate.look()  # the settings' own files may have been exchanged, by a program that tells nobody
        await names.look()


async def _listen(switch: Switch, configured: Settings, certificate: _Certificate) -> None:
    agent = switch.agent
    tls = None
    if configured.sip_tls_port or configured.sip_wss_port:
        tls = certificate.begin()
    for host in configured.hosts:
        for transport, port in (
            ("UDP", configured.sip_port),
            ("TCP", configured.sip_port),
            ("TLS", configured.sip_tls_port),
            ("TLS", configured.sip_tls_second_port),
            ("WS", configured.sip_ws_port),
            ("WSS", configured.sip_wss_port),
        ):
            if not port:
                continue
            try:
                await agent.listen(transport, host, port, tls=tls if transport in ("TLS", "WSS") else None)
            except OSError as problem:
                setting = {"UDP": "sip", "TCP": "sip"}.get(transport, f"sip-{transport.lower()}")
                flag = "--sip-tls-second-port" if port == configured.sip_tls_second_port else f"--{setting}-port"
                kind: Literal["udp", "tcp"] = "udp" if transport == "UDP" else "tcp"
                why, mend = refusal(kind, host, port, problem, flag)
                raise CannotStart(f"SIP over {transport} can't listen: {why}; {mend}") from None


async def _listen_bridge(switch: Switch, configured: Settings) -> None:
    """Listen for the browsers that the console hands on. The control socket has told of a second switch."""
    transports, path = switch.agent.transports, configured.files.browser_socket
    if not isinstance(transports, Transports):
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        draft.unlink(missing_ok=True)
        with reachable(draft) as name:
            listener.bind(name)
        draft.chmod(0o600)
        listener.listen(64)
        listener.setblocking(False)
        draft.replace(path)
    except OSError as problem:
        raise CannotStart(f"browsers can't connect by {path}: {problem.strerror or problem}") from None
    await transports.listen_bridge(listener)


if __name__ == "__main__":
    sys.exit(main())
