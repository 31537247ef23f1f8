"""What `jackfield run` does: first things first, then the supervisor, and a short table when all is up."""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from jackfield import __version__, logs
from jackfield.cli.output import console
from jackfield.control import NotRunning, ask_sync
from jackfield.network.addresses import local_addresses, reachable_addresses
from jackfield.network.certificate import names_of_this_machine
from jackfield.network.certificate_store import Store
from jackfield.settings import Settings, SettingsError, open_secrets, unknown_variables
from jackfield.supervisor import StartFailed, Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["console_addresses", "own_addresses", "run", "show_first_run"]

log = logging.getLogger("jackfield.run")


def run(settings: Settings, begun: float) -> None:
    """Run the system until it's stopped. `begun` is the monotonic time when the command started."""
    _refuse_second(settings)
    settings.files.prepare()
    logs.configure("run", format=settings.log_format, level=settings.log_level, folder=settings.files.logs)
    for doubtful in (*unknown_variables(os.environ), *open_secrets(sys.argv)):
        log.warning("%s", doubtful)
    if not settings.files.snapshot.exists():
        _first_configuration(settings)
    _have_certificate(settings)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each phone by TCP and each audio stream needs one
    asyncio.run(_supervise(settings, begun))
    console(stderr=True).print("Jackfield has stopped.")


def _refuse_second(settings: Settings) -> None:
    try:
        ask_sync(settings.files.supervisor_socket, "processes", timeout=2.0)
    except NotRunning:
        return
    raise StartFailed(
        f"Jackfield already runs with the data directory {settings.data_dir}: "
        "“jackfield stop” stops it; a second installation needs its own --data-dir"
    )


def _first_configuration(settings: Settings) -> None:
    """Make it in a process of its own: the database's libraries would stay in our memory for good."""
    command = [sys.executable, "-m", "jackfield.cli", "init"]
    environment = os.environ | settings.environment() | {"JACKFIELD_PROCESS": "init"}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode:
        raise StartFailed("the first configuration could not be made; the lines above say why")


def _have_certificate(settings: Settings) -> None:
    """See that there is a certificate where one is needed: made now if none was given and none is there yet."""
    if settings.tls_certificate:
        for name in ("tls_certificate", "tls_key"):
            if not os.access(getattr(settings, name), os.R_OK):
                raise SettingsError(f"{name}: {getattr(settings, name)} does not exist or can't be read")
        return
    if not (settings.sip_tls_port or settings.sip_wss_port or (settings.console_port and settings.console_secure)):
        return
    store = Store(settings.files.certificates)
    if store.current().origin != "self-signed":
        return
    names = names_of_this_machine([*settings.public_addresses, *settings.hosts, *local_addresses()])
    if store.self_signed.ensure(names, now=datetime.datetime.now(datetime.UTC)):
        console(stderr=True).print(f"A self-signed TLS certificate is in {store.self_signed.certificate}")


async def _supervise(settings: Settings, begun: float) -> None:
    out = console(stderr=True)
    supervisor = Supervisor(settings, say=lambda text: out.print(f"[bold]{text}[/bold]"))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not supervisor.stopping:
            out.print("\nStopping …")
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    if out.is_terminal:
        out.print("Starting …", style="dim")  # no spinner: the processes write to this terminal too
    await supervisor.run(up=lambda: _show(settings, time.monotonic() - begun, supervisor.said("console")))


def _show(settings: Settings, seconds: float, said: str) -> None:
    from rich.table import Table

    words = dict(word.split("=", 1) for word in said.split())  # of the console: "token=… own=8443"
    token = words.get("token", "")
    out = console()
    addresses = reachable_addresses(settings.hosts)
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    rows.add_column(style="bold")
    rows.add_column()
    rows.add_row("SIP", f"{_list(addresses)}   {_sip_ports(settings)}")
    if settings.public_addresses:
        rows.add_row("", f"{_list(settings.public_addresses)} from outside")
    rows.add_row("Audio", f"UDP ports {settings.rtp_ports}")
    if settings.console_port:
        rows.add_row("Console", ", ".join(console_addresses(settings)[:3]))
    if own := int(words.get("own", 0)):
        rows.add_row("Own pages", f"{', '.join(own_addresses(settings, own)[:3])}   nothing else is on this port")
    if settings.console_secure and (text := _closed(settings)):
        rows.add_row("Firewall", text)
    rows.add_row("Data, logs", f"{settings.data_dir}, {settings.files.logs}")
    out.print(f"\n[bold]Jackfield {__version__} is up[/bold] after {seconds:.1f} s. Ctrl-C stops it.\n")
    out.print(rows)
    port = settings.sip_port or settings.sip_tls_port
    colon = "" if port == 5060 else f":{port}"
    out.print(
        f"\nA phone needs the server (also called domain, registrar or proxy) [bold]{addresses[0]}{colon}[/bold], "
        "and the SIP name and password of an extension.\n"
        "[bold]jackfield selftest[/bold] proves that calls and audio work; [bold]jackfield status[/bold] shows who is "
        "there.\n",
        soft_wrap=True,
    )
    if token and settings.console_port:
        show_first_run(settings, token)


def _closed(settings: Settings) -> str:
    """Say how the administration is opened to who comes by the Internet, where it is closed to him."""
    import msgspec

    from jackfield.check.firewall import opening_for
    from jackfield.network.firewall import table
    from jackfield.switch import snapshot as snapshots

    try:
        snapshot = snapshots.read(settings.files.snapshot)
    except (OSError, msgspec.DecodeError):
        return ""
    holds = table.policy_of(settings, snapshot, table.load(settings.files.firewall))
    return opening_for(holds, os.environ.get("SSH_CONNECTION", ""))


def console_addresses(settings: Settings) -> list[str]:
    """Return the addresses of the console, those that other machines reach first."""
    return _outer_first(settings, settings.console_hosts, settings.console_port)


def own_addresses(settings: Settings, port: int) -> list[str]:
    """Return the addresses of everybody's own pages at their own port, those that other machines reach first."""
    return _outer_first(settings, settings.user_hosts, port)


def _outer_first(settings: Settings, hosts: Sequence[str], port: int) -> list[str]:
    found = sorted(reachable_addresses(hosts), key=lambda host: host in ("127.0.0.1", "::1"))
    return [settings.web_address(host, port) for host in found]


def show_first_run(settings: Settings, token: str) -> None:
    """Print where the first run goes on in a browser."""
    address = console_addresses(settings)[0]
    out = console(stderr=True)
    out.print("[bold]Nobody can sign in to the console yet.[/bold] Set the company up in a browser:")
    print(f"\n    {address}/first-run?token={token}\n", file=sys.stderr)  # as one line, however narrow the terminal is
    store = Store(settings.files.certificates, (settings.tls_certificate, settings.tls_key))
    if address.startswith("https:") and store.current().origin == "self-signed":
        out.print("The browser warns of the certificate, because Jackfield made it itself: go on.\n")


def _list(addresses: Sequence[str]) -> str:
    shown = ", ".join(addresses[:4])
    return shown if len(addresses) <= 4 else f"{shown} and {len(addresses) - 4} more"


def _sip_ports(settings: Settings) -> str:
    ports = {
        "UDP and TCP": settings.sip_port,
        "TLS": settings.sip_tls_port,
        "TLS too": settings.sip_tls_second_port,
        "WebSocket": settings.sip_ws_port,
        "secure WebSocket": settings.sip_wss_port,
    }
    return ", ".join(f"{port} {name}" for name, port in ports.items() if port)
