"""TURN by coturn as Jackfield runs it, asked by coturn's own client: to our audio yes, to anything else no."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from interop.rig.booth import why_no_booth
from interop.rig.configuration import configuration
from interop.rig.ports import block
from interop.rig.system import System, eventually
from jackfield.control import ask
from jackfield.network import turn

from .network import HOUSE, HOUSE_INSIDE, OFFICE, Network, why_no_namespaces

PEER_PORT = 45000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory, network: Network) -> AsyncIterator[System]:
    if reason := why_no_namespaces() or why_no_booth():
        pytest.skip(reason)
    if shutil.which("turnutils_uclient") is None or not turn.program():
        pytest.skip("Debian's package coturn is not installed (apt install coturn)")
    ports = block()
    settings = configuration(settings={"turn": True})
    async with System(
        tmp_path_factory.mktemp("turn"), ports, settings, host=f"{HOUSE},{HOUSE_INSIDE}", prefix=network.inside("house")
    ) as running:

        async def on() -> bool:
            known = await ask(running.data / "run" / "network.sock", "addresses")
            listening = network.run("house", "ss", "-lun") if known["turn"] else ""
            return f"{HOUSE}:3478" in listening

        await eventually(on, "coturn to be up", 20.0)
        yield running
    ports.release()


def relay(network: Network, system: System, peer: str, *more: str, password: str = "") -> str:
    """Relay a few packets from home through TURN to a peer that echoes; return what the client says."""
    found = turn.credentials((system.data / "turn.secret").read_bytes().strip(), "anna", [], time.time())
    command = [
        *network.inside("home"), "turnutils_uclient", "-u", found.username, "-w", password or found.password,
        "-e", peer, "-r", str(PEER_PORT), "-n", "3", "-m", "1", "-c", *more, HOUSE,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired as late:
        return ((late.stdout or b"") + (late.stderr or b"")).decode(errors="replace")
    return done.stdout + done.stderr


async def test_audio_is_relayed_to_us_and_to_nobody_else(system: System, network: Network) -> None:
    echoes = [
        subprocess.Popen(
            [*network.inside(place), "turnutils_peer", "-p", str(PEER_PORT), "-L", address], stdout=subprocess.DEVNULL
        )
        for place, address in (("house", HOUSE), ("office", OFFICE))
    ]
    try:
        ours, by_tcp, neighbour, loopback, guessed = await asyncio.gather(
            asyncio.to_thread(relay, network, system, HOUSE),
            asyncio.to_thread(relay, network, system, HOUSE, "-t"),
            asyncio.to_thread(relay, network, system, OFFICE),
            asyncio.to_thread(relay, network, system, "127.0.0.1"),
            asyncio.to_thread(relay, network, system, HOUSE, password="guessed"),
        )
        assert "Total lost packets 0 " in ours, ours
        assert "Total lost packets 0 " in by_tcp, by_tcp
        assert "403" in neighbour, "another machine of our networks"
        assert "403" in loopback, "this machine itself"
        assert "Total lost packets 0 " not in guessed
    finally:
        for echo in echoes:
            echo.terminate()
            echo.wait()


async def test_tls_shows_the_certificate_of_the_system(system: System, network: Network) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("Debian's package openssl is not installed (apt install openssl)")
    command = ["openssl", "s_client", "-connect", f"{HOUSE}:{turn.TLS_PORT}"]
    done = subprocess.run(
        [*network.inside("home"), *command], input="", capture_output=True, text=True, timeout=20, check=False
    )
    shown = done.stdout.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    assert shown.strip()
    assert shown in (system.data / "certificates" / "self-signed.pem").read_text()
