"""A phone at home comes in by WireGuard, past its router: real tunnels, by the kernel's WireGuard or wireguard-go."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from interop.rig.booth import Booth, RefusedByPhone, why_no_booth
from interop.rig.configuration import configuration, extension
from interop.rig.ports import Block, block
from interop.rig.system import System, eventually
from jackfield.control import ask
from jackfield.network import wireguard
from jackfield.network.tunnel import Tunnel

from .network import HOME, HOUSE, Network, why_no_namespaces

PORT = 51888
OURS, PHONE = "10.87.0.1", "10.87.0.2"
KEY = wireguard.new_key()


def why_no_tunnel() -> str:
    if shutil.which("wg") is None:
        return "Debian's package wireguard-tools is not installed (apt install wireguard-tools)"
    probe = subprocess.run(
        ["ip", "link", "add", "dev", "jfwgprobe", "type", "wireguard"], capture_output=True, check=False
    )
    if not probe.returncode:
        subprocess.run(["ip", "link", "delete", "jfwgprobe"], check=False)
        return ""
    if shutil.which("wireguard-go") is None:
        return "this kernel has no WireGuard, and Debian's package wireguard-go is not installed"
    return ""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory, network: Network) -> AsyncIterator[System]:
    if reason := why_no_namespaces() or why_no_booth() or why_no_tunnel():
        pytest.skip(reason)
    ports = block()
    settings = configuration(
        [extension(101, phones_from="VPN")],
        settings={"vpn": True, "vpn_port": PORT},
        vpn_devices=[{"name": "Home", "public_key": wireguard.public_key(KEY), "address": PHONE}],
    )
    folder = tmp_path_factory.mktemp("vpn")
    async with System(folder, ports, settings, host="0.0.0.0", prefix=network.inside("house")) as running:
        running.address = OURS
        yield running
    ports.release()


@pytest.fixture
def tunnel(network: Network, system: System) -> Iterator[Tunnel]:
    """The phone's end: a device with the configuration that the console gives out."""
    server = wireguard.public_key((system.data / "vpn.key").read_text())
    peer = wireguard.Peer(server, (f"{OURS}/32",), f"{HOUSE}:{PORT}", wireguard.KEEPALIVE)
    mine = wireguard.Interface(KEY, (f"{PHONE}/32",), peers=(peer,))
    prefix = network.inside("home")

    def run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([*prefix, *command], input=text, capture_output=True, text=True, check=False)

    found = Tunnel("jfwghome", run)
    made = run(["ip", "link", "add", "dev", "jfwghome", "type", "wireguard"])
    child = None
    if made.returncode:
        child = subprocess.Popen([*prefix, "wireguard-go", "-f", "jfwghome"], stdout=subprocess.DEVNULL)
        while run(["wg", "show", "jfwghome"]).returncode:
            assert child.poll() is None
    found.apply(mine)
    yield found
    found.remove()
    if child is not None:
        child.wait(10)


@pytest.fixture
def ports() -> Iterator[Block]:
    reserved = block()
    yield reserved
    reserved.release()


async def status(system: System) -> dict[str, Any]:
    return dict(await ask(system.data / "run" / "network.sock", "vpn"))


async def test_a_phone_comes_in_by_the_vpn_and_hears(
    system: System, tunnel: Tunnel, network: Network, ports: Block
) -> None:
    assert (await status(system))["up"], system.log()[-2000:]
    async with Booth(ports, address=PHONE, prefix=network.inside("home")) as booth:
        phone = await booth.phone(system.account("101", host=OURS), 440)
        (row,) = await system.registrations("101")
        assert row["address"].startswith(PHONE)
        call = await phone.dial("*43")
        await call.answered()
        await call.hears(440)
        await call.hang_up()
        await call.ended()
    (peer,) = (await status(system))["peers"].values()
    assert peer["handshake"] > 0
    assert peer["received"] > 0
    assert peer["sent"] > 0
    assert tunnel.status()


async def test_a_phone_that_is_limited_to_the_vpn_is_turned_away_elsewhere(
    system: System, network: Network, ports: Block
) -> None:
    async with Booth(ports, address=HOME, prefix=network.inside("home")) as booth:
        with pytest.raises(RefusedByPhone):
            await booth.phone(system.account("101", host=HOUSE), 440)
        await booth.phone(system.account("102", host=HOUSE), 440)
    assert await system.registrations("101") == []


async def test_a_device_that_is_switched_off_comes_in_no_more(system: System, tunnel: Tunnel) -> None:
    device = {"name": "Home", "public_key": wireguard.public_key(KEY), "address": PHONE}

    async def peers() -> bool:
        return bool((await status(system))["peers"])

    async def none() -> bool:
        return not await peers()

    await eventually(peers, "the device to be there")
    await system.apply({"vpn_devices": [device | {"enabled": False}]})
    await eventually(none, "the device to be gone", 20.0)
    await system.apply({"vpn_devices": [device | {"enabled": True}]})
    await eventually(peers, "the device to be back", 20.0)
