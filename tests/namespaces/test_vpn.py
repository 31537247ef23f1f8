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

from .network import HOME, HOUSE, HOUSE_INSIDE, OFFICE, Network, why_no_namespaces

PORT = 51888
OURS, PHONE = "10.87.0.1", "10.87.0.2"
KEY = wireguard.new_key()
SHOP, SHOP_ROUTER = "192.168.50.2", "192.168.50.1"
DEVICE = {
    "name": "Home",
    "public_key": wireguard.public_key(KEY),
    "address": PHONE,
    "networks": ["192.168.50.0/24", "198.51.100.0/24"],  # the second one is the house's own, by mistake
}


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
        settings={"vpn": True, "vpn_port": PORT, "local_networks": ["198.51.100.0/24"], "public_address": HOUSE},
        vpn_devices=[DEVICE],
        firewall={"administration": ["VPN"], "api": ["VPN"]},
    )
    folder = tmp_path_factory.mktemp("vpn")
    async with System(
        folder, ports, settings, host="0.0.0.0", prefix=network.inside("house"), console_host="0.0.0.0",
        console_tls="on", user_port="0",
    ) as running:  # fmt: skip
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


async def test_a_site_behind_its_router_comes_in_with_its_own_addresses(
    system: System, tunnel: Tunnel, network: Network, ports: Block
) -> None:
    """Without NAT on the way, and told our address in the VPN, although it is no local network."""
    network.add("shop")
    try:
        network.cable("home", "shop", [f"{SHOP_ROUTER}/24"], "shop", "lan", [f"{SHOP}/24"])
        network.run("home", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        network.run("home", "nft", "delete", "table", "inet", "jfwghome")  # a router, which lets its network through
        network.run("shop", "ip", "route", "add", "default", "via", SHOP_ROUTER)
        async with (
            Booth(ports, address=SHOP, prefix=network.inside("shop")) as in_the_shop,
            Booth(ports, address=PHONE, prefix=network.inside("home")) as at_home,
        ):
            till = await in_the_shop.phone(system.account("103", host=OURS), 440)
            anna = await at_home.phone(system.account("101", host=OURS), 660)
            (row,) = await system.registrations("103")
            assert row["address"].startswith(SHOP)
            assert not row["nat_reason"]
            for caller, called in ((till, anna), (anna, till)):
                mine, theirs = await caller.call(called)
                await mine.hears(called.hertz)
                await theirs.hears(caller.hertz)
                (call,) = await system.calls()
                ladder = str(await system.ask("trace", call=call["id"], format="messages"))
                assert f"c=IN IP4 {OURS}" in ladder
                assert HOUSE not in ladder, "outside the tunnel is no way for it"
                await mine.hang_up()
                await theirs.ended()
    finally:
        network.remove("shop")


async def test_a_network_that_is_the_systems_own_is_left_out_and_told(
    system: System, tunnel: Tunnel, network: Network
) -> None:
    """Its route would have cut the house off from its office."""
    assert "dev office" in network.run("house", "ip", "route", "get", OFFICE)
    (told,) = (await status(system))["left_out"]
    assert told.startswith("198.51.100.0/24 behind Home is left out")
    assert "198.51.100.1/24 at office" in told
    assert "198.51.100.0/24 behind Home" in await system.command("check", check=False)


async def test_a_device_reaches_this_system_alone(system: System, tunnel: Tunnel, network: Network) -> None:
    """Not the office behind it, though this machine forwards packets; which the second half proves."""

    def reaches(address: str) -> bool:
        """Tell whether there is an answer, though it be that nobody listens at the port (7; silence is 28)."""
        curl = ["curl", "-s", "-m", "2", "--interface", PHONE, f"http://{address}:9/"]
        return subprocess.run([*network.inside("home"), *curl], capture_output=True, check=False).returncode == 7

    home = network.inside("home")
    network.run("house", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    network.run("office", "ip", "route", "replace", "10.87.0.0/24", "via", HOUSE_INSIDE)
    (server,) = tunnel.status()
    subprocess.run(
        [*home, "wg", "set", "jfwghome", "peer", server, "allowed-ips", f"{OURS}/32,{OFFICE}/32"], check=True
    )
    network.run("home", "ip", "route", "replace", OFFICE, "dev", "jfwghome")
    assert reaches(OURS)
    assert not reaches(OFFICE)
    network.run("house", "nft", "delete", "table", "inet", (await status(system))["name"])
    assert reaches(OFFICE)


def asked(network: Network, address: str, port: int, path: str) -> str:
    return network.run(
        "home", "curl", "-sk", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", f"https://{address}:{port}{path}"
    )


async def test_the_administration_that_is_limited_to_the_vpn_is_nowhere_else(
    system: System, tunnel: Tunnel, network: Network
) -> None:
    for address, page, api, own in ((HOUSE, "403", "403", "302"), (OURS, "302", "401", "302")):
        assert asked(network, address, system.console_port, "/admin/extensions/") == page
        assert asked(network, address, system.console_port, "/api/v1/extensions") == api
        assert asked(network, address, system.console_port, "/me/") == own


async def test_a_device_that_is_switched_off_comes_in_no_more(system: System, tunnel: Tunnel) -> None:
    async def peers() -> bool:
        return bool((await status(system))["peers"])

    async def none() -> bool:
        return not await peers()

    await eventually(peers, "the device to be there")
    await system.apply({"vpn_devices": [DEVICE | {"enabled": False}]})
    await eventually(none, "the device to be gone", 20.0)
    await system.apply({"vpn_devices": [DEVICE | {"enabled": True}]})
    await eventually(peers, "the device to be back", 20.0)
