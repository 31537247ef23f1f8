"""The firewall in the kernel, from outside: what is closed is as if it were not there, and nobody else is touched."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from interop.rig.configuration import configuration, extension
from interop.rig.ports import Block
from interop.rig.system import System, eventually

from .network import HOUSE, HOUSE_INSIDE, OFFICE, Network

LOOK = """
import socket, sys
with socket.socket() as probe:
    probe.settimeout(0.7)
    try:
        probe.connect((sys.argv[1], int(sys.argv[2])))
        print("open")
    except ConnectionRefusedError:
        print("refused")
    except OSError:
        print("silent")
"""
OPTIONS = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    probe.connect((host, port))
    probe.settimeout(0.7)
    ours = "%s:%d" % probe.getsockname()
    lines = (
        f"OPTIONS sip:{host} SIP/2.0", f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK1;rport", f"From: <sip:x@{ours}>;tag=1",
        f"To: <sip:{host}>", "Call-ID: 1", "CSeq: 1 OPTIONS", "Max-Forwards: 70", "Content-Length: 0", "", "",
    )
    probe.send("\\r\\n".join(lines).encode())
    try:
        print("answered" if probe.recv(9000).startswith(b"SIP/2.0") else "what?")
    except OSError:
        print("silent")
"""
GUESS = """
import socket, sys
host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    probe.connect((host, port))
    probe.settimeout(0.7)
    ours = "%s:%d" % probe.getsockname()
    answered = 0
    for number in range(60):
        user = name + str(number)
        lines = (
            f"REGISTER sip:{host} SIP/2.0", f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK{number};rport",
            f"From: <sip:{user}@{host}>;tag={number}", f"To: <sip:{user}@{host}>", f"Call-ID: {name}{number}",
            "CSeq: 1 REGISTER", f"Contact: <sip:{user}@{ours}>", "Max-Forwards: 70", "Content-Length: 0", "", "",
        )
        probe.send("\\r\\n".join(lines).encode())
        try:
            answered += probe.recv(9000).startswith(b"SIP/2.0 401")
        except OSError:
            break
    print(answered)
"""
FOREIGN = "table inet foreign { chain input { type filter hook input priority 0; tcp dport 1 counter drop; }; }"


def seen(network: Network, port: int, program: str = LOOK) -> str:
    """Say what somebody in the office sees of a port of the house."""
    return network.run("office", sys.executable, "-c", program, HOUSE_INSIDE, str(port)).strip()


@pytest.fixture
def neighbour(network: Network) -> Iterator[int]:
    """Another program of that machine, with rules of its own; gives its port."""
    network.run("house", "nft", FOREIGN)
    code = (
        "import socket\ns = socket.create_server(('0.0.0.0', 0))\nprint(s.getsockname()[1], flush=True)\n"
        "while True: s.accept()[0].close()"
    )
    command = [*network.inside("house"), sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield int(running.stdout.readline())
        running.kill()
    network.run("house", "nft", "delete table inet foreign")


@pytest_asyncio.fixture(loop_scope="session")
async def hosted(tmp_path: Path, network: Network, ports: Block, neighbour: int) -> AsyncIterator[System]:
    """A system as it stands in a data centre, on a public address."""
    async with System(
        tmp_path, ports, configuration([extension(131)]), host=f"{HOUSE},{HOUSE_INSIDE}",
        prefix=network.inside("house"), firewall="kernel", public_address=HOUSE, stun_port=0,
        console_host=f"127.0.0.1,{HOUSE_INSIDE}", user_host=HOUSE_INSIDE, user_port=ports.take(),
    ) as running:  # fmt: skip
        await eventually(lambda: "hold in the kernel" in running.log(), "the firewall in the kernel")
        yield running


async def test_a_system_on_a_public_address_shows_what_it_says_and_nothing_else(
    hosted: System, network: Network, neighbour: int
):
    def office(port: int) -> str:
        return seen(network, port)

    assert office(hosted.sip_port) == office(hosted.tls_port) == "open"
    assert office(int(hosted._settings["user_port"])) == "open"
    assert seen(network, hosted.sip_port, OPTIONS) == "answered"
    assert office(hosted.console_port) == "silent"
    assert office(neighbour) == "silent"
    shown = await hosted.command("firewall", "show")
    assert "hold in the kernel" in shown
    assert "local networks, VPN (automatic)" in shown

    await hosted.command("firewall", "open", "administration", OFFICE)
    await eventually(lambda: office(hosted.console_port) == "open", "the administration open to the office")
    await hosted.command("firewall", "open", "other")
    await eventually(lambda: office(neighbour) == "open", "other programs open")
    await hosted.command("firewall", "close", "sip")
    await eventually(lambda: seen(network, hosted.sip_port, OPTIONS) == "silent", "SIP closed")
    assert office(hosted.tls_port) == "open"

    await hosted.command("firewall", "panic")
    await eventually(lambda: office(hosted.tls_port) == "silent", "panic")
    assert office(hosted.console_port) == office(neighbour) == "silent"
    await hosted.command("firewall", "panic", "--end")
    await eventually(lambda: office(hosted.console_port) == "open", "the end of the panic")

    tables = await asyncio.to_thread(network.run, "house", "nft", "list", "ruleset")
    assert "tcp dport 1 counter" in tables
    await hosted.stop()
    tables = await asyncio.to_thread(network.run, "house", "nft", "list", "ruleset")
    assert "jackfield" not in tables
    assert "tcp dport 1 counter" in tables


async def test_who_looks_for_names_is_blocked_in_the_kernel_and_heard_again_when_that_is_lifted(
    hosted: System, network: Network
):
    def blocked() -> str:
        return network.run("house", "nft", "list", "ruleset").partition("set blocked4")[2].partition("}")[0]

    found = int(network.run("office", sys.executable, "-c", GUESS, HOUSE_INSIDE, str(hosted.sip_port), "x").strip())
    assert 40 <= found <= 60
    await eventually(lambda: OFFICE in blocked(), "the guesser in the kernel's set")
    assert seen(network, hosted.sip_port, OPTIONS) == "silent"
    assert seen(network, int(hosted._settings["user_port"])) == "open"  # the pages are not SIP
    shown = await hosted.command("guard", "show")
    assert OFFICE in shown
    assert "never answered" in await hosted.command("guard", "show", "--json")
    await hosted.command("guard", "lift", OFFICE)
    await eventually(lambda: seen(network, hosted.sip_port, OPTIONS) == "answered", "the office heard again")
    assert OFFICE not in blocked()
    await hosted.command("guard", "block", f"{OFFICE}/32", "--hours", "1")
    await eventually(lambda: seen(network, hosted.sip_port, OPTIONS) == "silent", "the office blocked by hand")
    await hosted.stop()
    await hosted.start()
    assert seen(network, hosted.sip_port, OPTIONS) == "silent"  # over a restart


async def test_without_the_kernel_the_same_is_closed_by_the_programs(tmp_path: Path, network: Network, ports: Block):
    closed = {"sip": [HOUSE], "sip_tls": [], "administration": [HOUSE], "api": [HOUSE], "own_pages": [HOUSE]}
    written = configuration([extension(132)]) | {"firewall": closed}
    async with System(
        tmp_path, ports, written, host=f"{HOUSE},{HOUSE_INSIDE}", prefix=network.inside("house"), stun_port=0,
        console_host=f"127.0.0.1,{HOUSE_INSIDE}", console_tls="off",
    ) as running:  # fmt: skip
        assert seen(network, running.sip_port, OPTIONS) == "silent"
        page = network.run("office", "curl", "-s", f"http://{HOUSE_INSIDE}:{running.console_port}/sign-in")
        assert "t be reached from your address" in page
        await running.command("firewall", "open", "sip", OFFICE)
        await eventually(lambda: seen(network, running.sip_port, OPTIONS) == "answered", "SIP open to the office")
        assert "in the programs alone" in await running.command("firewall", "show")
        network.run("office", sys.executable, "-c", GUESS, HOUSE_INSIDE, str(running.sip_port), "x")
        await eventually(lambda: seen(network, running.sip_port, OPTIONS) == "silent", "the guesser blocked")
