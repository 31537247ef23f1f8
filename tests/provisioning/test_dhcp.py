"""What phones are told by DHCP: by our own server, by somebody else's, and never where another one answers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from jackfield.provisioning.catalogue import vendors
from jackfield.provisioning.dhcp import Offer, Serving, configuration, leases, offers, problems
from jackfield.provisioning.dhcp_probe import discover, offered_by
from jackfield.provisioning.dhcp_server import DhcpServer, read_event
from jackfield.provisioning.dhcp_texts import SERVERS, text

DNSMASQ = shutil.which("dnsmasq") or shutil.which("dnsmasq", path="/usr/sbin")
URL = "http://192.0.2.1:4021/provision/"
SERVING = Serving(interface="lan", first="192.0.2.100", last="192.0.2.199", netmask="255.255.255.0")
OURS = {"lan": "192.0.2.1/24", "wan": "203.0.113.7/28"}


def all_offers() -> list[Offer]:
    return offers(vendors().values(), URL, "192.0.2.1")


def told(vendor: str) -> Offer:
    return next(offer for offer in all_offers() if offer.vendor == vendor)


def test_each_vendor_is_told_in_the_way_that_it_reads() -> None:
    assert told("yealink").options[66] == told("yealink").options[43] == URL
    snom = told("snom")
    assert snom.options[66] + snom.options[67] == f"{URL}snom-{{mac}}.xml"
    assert snom.inside == {66: "http://192.0.2.1:4021", 67: "/provision/snom-{mac}.xml"}
    linksys = told("linksys")
    assert (linksys.options[66], linksys.options[150]) == ("192.0.2.1", "192.0.2.1")
    assert linksys.options[160].startswith(URL)
    assert all_offers()[-1].options == {66: "192.0.2.1", 150: "192.0.2.1"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"interface": ""}, "choose the network card"),
        ({"interface": "eth9"}, "there is: lan, wan"),
        ({"first": "192.0.2"}, "is no IPv4 address"),
        ({"first": "198.51.100.10"}, "is not in 192.0.2.0/24"),
        ({"gateway": "198.51.100.1"}, "is not in 192.0.2.0/24"),
        ({"first": "192.0.2.200"}, "comes first"),
        ({"first": "192.0.2.1"}, "this machine's own address"),
        ({"last": "192.0.2.255"}, "belong to nobody"),
    ],
)
def test_a_wish_that_can_not_work_is_refused_with_the_mend(changes: dict[str, str], said: str | None) -> None:
    values = {name: getattr(SERVING, name) for name in Serving.__slots__} | changes
    found = problems(Serving(**values), OURS)
    assert found == [] if said is None else any(said in sentence for sentence in found)


def test_only_phones_get_addresses_and_no_name_is_served() -> None:
    written = configuration(SERVING, all_offers(), "/x/leases", privileged=True).splitlines()
    assert {"port=0", "interface=lan", "dhcp-ignore=tag:!phone", "user=nobody", "tag-if=set:phone,tag:snom"} <= {
        *written
    }
    assert "dhcp-mac=set:snom,00:04:13:*:*:*" in written
    assert 'dhcp-option=tag:snom,encap:43,66,"http://192.0.2.1:4021"' in written
    assert "dhcp-option=3" in written  # no router is told of, rather than this machine


def test_nothing_in_a_value_becomes_a_line_of_its_own() -> None:
    offer = Offer("x", "X", (), (), {66: 'http://x/"\nuser=root\n'})
    written = configuration(SERVING, [offer], "/x", privileged=False)
    assert 'dhcp-option=tag:x,66,"http://x/user=root"' in written.splitlines()
    assert "user=root" not in written.splitlines()


@pytest.mark.skipif(DNSMASQ is None, reason="Debian's package dnsmasq-base is not installed")
@pytest.mark.parametrize("privileged", [True, False])
def test_dnsmasq_understands_what_we_write(tmp_path: Path, privileged: bool) -> None:
    file = tmp_path / "dnsmasq.conf"
    file.write_text(configuration(SERVING, all_offers(), str(tmp_path / "leases"), privileged=privileged))
    done = subprocess.run([str(DNSMASQ), "--test", f"--conf-file={file}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file.write_text(text("dnsmasq", all_offers()))
    done = subprocess.run([str(DNSMASQ), "--test", f"--conf-file={file}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("server", SERVERS)
def test_every_servers_text_has_the_address_for_phones(server: str) -> None:
    written = text(server, all_offers())
    assert URL in written or URL.encode().hex() in written
    assert "None" not in written


def test_the_text_for_kea_is_json_with_a_class_for_each_vendor() -> None:
    classes = {one["name"]: one for one in json.loads(text("kea", all_offers()))["Dhcp4"]["client-classes"]}
    assert "0x000413" in classes["jf-snom"]["test"]
    raw = next(one["data"] for one in classes["jf-snom"]["option-data"] if one["code"] == 43)
    inside = bytes.fromhex(raw)
    assert inside[0] == 66
    assert inside[2 : 2 + inside[1]] == b"http://192.0.2.1:4021"


def test_leases_are_read_and_lines_that_are_none_left_out() -> None:
    found = leases(
        "1795496286 00:04:13:AA:bb:cc 192.0.2.110 snom370 *\n"
        "duid 00:01\n\n"
        "1795496286 00:15:65:00:00:01 192.0.2.9 * 01:00\n"
    )
    assert [(one.address, one.mac, one.name) for one in found] == [
        ("192.0.2.9", "00:15:65:00:00:01", ""),
        ("192.0.2.110", "00:04:13:aa:bb:cc", "snom370"),
    ]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("dnsmasq-dhcp[1]: 77 DHCPDISCOVER(lan) 00:04:13:aa:bb:cc", "discover"),
        ("dnsmasq-dhcp[1]: 77 DHCPDISCOVER(lan) 00:11:22:33:44:55 ignored", "ignored"),
        ("dnsmasq-dhcp[1]: 77 DHCPACK(lan) 192.0.2.110 00:04:13:aa:bb:cc snom370", "ack"),
        ("dnsmasq-dhcp[1]: no address range available for DHCP request via lan", "foreign"),
        ("dnsmasq-dhcp[1]: 77 sent size:  4 option: 42 ntp-server  192.0.2.1", None),
    ],
)
def test_what_dnsmasq_says_of_phones_is_read(line: str, kind: str | None) -> None:
    event = read_event(line, 1.0)
    assert (event.kind if event else None) == kind


# --- is there another server? ----------------------------------------------------------------------------------------


def offer_packet(number: int, kind: int = 2, options: bytes = b"") -> bytes:
    head = bytes((2, 1, 6, 0)) + number.to_bytes(4, "big") + bytes(12) + bytes((192, 0, 2, 3)) + bytes(212)
    return head + bytes((99, 130, 83, 99, 53, 1, kind)) + options + b"\xff"


def test_an_offer_names_its_server_and_nothing_else_is_one() -> None:
    server = bytes((54, 4, 192, 0, 2, 2))
    assert offered_by(offer_packet(7, options=server), 7) == "192.0.2.2"
    assert offered_by(offer_packet(7), 7) == "192.0.2.3"
    for packet in (offer_packet(8), offer_packet(7, kind=5), discover(7, b"\x02" * 6), b"", offer_packet(7)[:238]):
        assert offered_by(packet, 7) == ""
    assert offered_by(offer_packet(7, options=bytes((54, 200, 1))), 7) == ""


FAKE = """#!/bin/sh
echo "dnsmasq-dhcp[1]: DHCP, IP range 192.0.2.100 -- 192.0.2.199, lease time 12h" >&2
echo "dnsmasq-dhcp[1]: 77 DHCPDISCOVER(lan) 00:11:22:33:44:55 ignored" >&2
exec sleep 600
"""


def program(folder: Path, script: str) -> str:
    path = folder / "fake-dnsmasq"
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def nobody(interface: str) -> list[str]:
    return []


async def until(server: DhcpServer, state: str) -> None:
    async with asyncio.timeout(20):
        while server.state != state:
            await asyncio.sleep(0.01)


async def test_it_runs_tells_what_it_hears_and_is_ended(tmp_path: Path) -> None:
    server = DhcpServer(tmp_path, looks=nobody, clock=lambda: 5.0, program=program(tmp_path, FAKE))
    await server.serve(SERVING, all_offers())
    await until(server, "on")
    while not server.events:
        await asyncio.sleep(0.01)
    assert (server.events[0].kind, server.events[0].mac) == ("ignored", "00:11:22:33:44:55")
    process = server._process
    assert process is not None
    await server.stop()
    assert process.returncode is not None
    assert server.state == "off"


async def test_it_never_starts_where_another_server_answers(tmp_path: Path) -> None:
    async def somebody(interface: str) -> list[str]:
        return ["192.0.2.254"]

    server = DhcpServer(tmp_path, looks=somebody, program=program(tmp_path, FAKE))
    await server.serve(SERVING, all_offers())
    await until(server, "refused")
    assert "192.0.2.254" in server.why
    assert server._process is None
    await server.stop()


@pytest.mark.parametrize("case", ["no program", "no right", "ends"])
async def test_what_hinders_it_is_said_with_the_mend(tmp_path: Path, case: str) -> None:
    async def forbidden(interface: str) -> list[str]:
        raise PermissionError(1, os.strerror(1))

    name = (
        "no-such-program" if case == "no program" else program(tmp_path, "#!/bin/sh\necho 'dnsmasq: no' >&2\nexit 3\n")
    )
    server = DhcpServer(tmp_path, looks=forbidden if case == "no right" else nobody, program=name)
    await server.serve(SERVING, all_offers())
    await until(server, "failed")
    assert {"no program": "apt-get install", "no right": "right to low ports", "ends": "no"}[case] in server.why
    await server.stop()
