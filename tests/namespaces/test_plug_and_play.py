"""A phone as it comes from the factory is plugged in: from a MAC address that nobody knows to a registered line.

What it asks for, Debian's DHCP and TFTP clients ask for; the account comes from the file that it fetches.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from interop.rig.accounts import Account
from interop.rig.booth import Booth, why_no_booth
from interop.rig.configuration import configuration
from interop.rig.ports import Block, block
from interop.rig.system import System

from .desk import PATH, PLACE, Desk, why_no_desk
from .network import Network, why_no_namespaces

LAN, HERE, FIRST, LAST = "pbx", "192.168.60.1", "192.168.60.100", "192.168.60.120"
PHONES = {
    "snom": ("00:04:13:aa:00:01", "snom370"),
    "yealink": ("00:15:65:aa:00:02", "yealink"),
    "linksys": ("00:0e:08:aa:00:03", "LINKSYS SPA942"),
}


@pytest.fixture(scope="module")
def lan() -> Iterator[Network]:
    if reason := why_no_namespaces() or why_no_booth() or why_no_desk():
        pytest.skip(reason)
    network = Network()
    network.names = {}
    try:
        network.add(LAN)
        network.add(PLACE)
        network.cable(LAN, "eth0", [f"{HERE}/24"], PLACE, "lan0", [])
        yield network
    finally:
        network.__exit__()


@pytest.fixture
def desk(lan: Network, tmp_path: Path) -> Desk:
    return Desk(lan, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pbx(tmp_path_factory: pytest.TempPathFactory, lan: Network) -> AsyncIterator[System]:
    ports = block()
    settings = configuration(
        provisioning={"enabled": "on"},
        plug_and_play={"dhcp": True, "dhcp_interface": "eth0", "dhcp_first": FIRST, "dhcp_last": LAST},
    )
    ways = {"tftp_port": 69, "ldap_port": 389, "ldaps_port": 636, "console_host": HERE, "sip_port": 5060}
    async with System(
        tmp_path_factory.mktemp("pbx"), ports, settings, host="0.0.0.0", prefix=lan.inside(LAN), **ways
    ) as running:
        running.sip_port = 5060
        yield running
    ports.release()


@pytest.fixture
def ports() -> Iterator[Block]:
    reserved = block()
    yield reserved
    reserved.release()


async def addressed(desk: Desk, vendor: str) -> dict[str, str]:
    """Plug a phone in and have it get its address; the system looks first whether another server is there."""
    mac, kind = PHONES[vendor]
    desk.plug_in(mac)
    for _ in range(5):
        try:
            return await asyncio.to_thread(desk.by_dhclient, kind)
        except RuntimeError:
            await asyncio.sleep(1.0)
    raise AssertionError("no address was given")


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} is not in {text[:3000]}"
    return match[1]


async def registers(pbx: System, lan: Network, ports: Block, desk: Desk, name: str, password: str) -> str:
    """Register with what the file said; return the number of the extension that it is."""
    account = Account("", name, password, HERE, pbx.sip_port)
    async with Booth(ports, address=desk.address, prefix=lan.inside(PLACE)) as booth:
        await booth.phone(account, 440)
        rows = (await pbx.ask("status"))["registrations"]
        return next(str(row["extension"]) for row in rows if row["address"].startswith(desk.address))


async def test_a_yealink_finds_its_configuration_by_dhcp_and_tftp_and_registers(
    pbx: System, lan: Network, desk: Desk, ports: Block
) -> None:
    told = await addressed(desk, "yealink")
    assert urlsplit(told["tftp-server-name"]).path == "/provision/"
    assert told["vendor-encapsulated-options"] == told["tftp-server-name"]
    server = told["tftp-addresses"]
    assert server == HERE
    assert desk.by_tftp(server, "../../etc/passwd") == ""
    file = await asyncio.to_thread(desk.by_tftp, server, "001565aa0002.cfg")
    name = found(r"account\.1\.user_name *= *(\S+)", file)
    password = found(r"account\.1\.password *= *(\S+)", file)
    assert await registers(pbx, lan, ports, desk, name, password)

    base, user = found(r"ldap\.base *= *(\S+)", file), found(r"ldap\.user *= *(\S+)", file)
    secret = found(r"ldap\.password *= *(\S+)", file)
    looked = lan.run(
        PLACE, "ldapsearch", "-x", "-LLL", "-H", f"ldap://{HERE}", "-D", user, "-w", secret, "-b", base,
        "(&(telephoneNumber=*)(cn=*phone 10*))", "telephoneNumber",
    )  # fmt: skip
    assert "telephoneNumber: 103" in looked


async def test_a_snom_finds_its_configuration_by_dhcp_and_http_and_registers(
    pbx: System, lan: Network, desk: Desk, ports: Block
) -> None:
    told = await addressed(desk, "snom")
    url = (told["tftp-server-name"] + told["bootfile-name"]).replace("{mac}", "000413AA0001")
    file = await asyncio.to_thread(desk.by_http, url)
    name = found(r"<user_name idx=\"1\"[^>]*>([^<]+)<", file)
    password = found(r"<user_pass idx=\"1\"[^>]*>([^<]+)<", file)
    assert await registers(pbx, lan, ports, desk, name, password)
    desk.plug_in(PHONES["snom"][0])
    inside = bytes.fromhex((await asyncio.to_thread(desk.by_udhcpc, "snom370"))["opt43"])
    assert told["tftp-server-name"].encode() in inside


async def test_a_linksys_finds_its_configuration_by_tftp_and_registers(
    pbx: System, lan: Network, desk: Desk, ports: Block
) -> None:
    told = await addressed(desk, "linksys")
    assert told["tftp-server-name"] == HERE
    rule = urlsplit(told["profile-rule"]).path.replace("$MA", "000e08aa0003")
    assert await asyncio.to_thread(desk.by_tftp, HERE, "/spa942.cfg")
    file = await asyncio.to_thread(desk.by_tftp, HERE, rule.rsplit("/", 1)[1])
    name = found(r"<User_ID_1_[^>]*>([^<]+)<", file)
    password = found(r"<Password_1_[^>]*>([^<]+)<", file)
    assert await registers(pbx, lan, ports, desk, name, password)


async def test_a_phone_that_asks_the_whole_network_is_told_where(pbx: System, desk: Desk) -> None:
    """The system's own SIP port is that of the multicast group, and both are heard."""
    await addressed(desk, "snom")
    url = await asyncio.to_thread(desk.by_sip, "000413AA0001", "snom", "snom370")
    assert url.startswith(f"http://{HERE}:")
    assert "<user_name" in await asyncio.to_thread(desk.by_http, url.replace("{mac}", "000413AA0001"))


async def test_only_phones_of_this_network_get_addresses(pbx: System, desk: Desk) -> None:
    await addressed(desk, "snom")
    assert desk.from_elsewhere(HERE) == "silence"
    desk.plug_in("02:11:22:33:44:55")
    assert await asyncio.to_thread(desk.by_udhcpc, "MSFT 5.0") == {}


async def test_another_dhcp_server_is_noticed(lan: Network, tmp_path: Path) -> None:
    dnsmasq = shutil.which("dnsmasq", path=PATH)
    lan.add("other")
    try:
        lan.cable(LAN, "eth1", ["192.168.61.1/24"], "other", "eth0", ["192.168.61.2/24"])
        options = ["--keep-in-foreground", "--port=0", "--interface=eth0", "--bind-dynamic", "--pid-file=",
                   "--dhcp-range=192.168.61.10,192.168.61.20", f"--dhcp-leasefile={tmp_path / 'leases'}"]  # fmt: skip
        process = subprocess.Popen([*lan.inside("other"), str(dnsmasq), *options], stderr=subprocess.DEVNULL)
        try:
            program = (
                "import asyncio; from jackfield.provisioning.dhcp_probe import probe; print(asyncio.run(probe('eth1')))"
            )
            assert await asyncio.to_thread(lan.run, LAN, sys.executable, "-c", program) == "['192.168.61.2']\n"
        finally:
            process.terminate()
            process.wait()
    finally:
        lan.remove("other")
