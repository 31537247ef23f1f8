"""What a desk phone as it comes from the factory does, by Debian's programs in a network namespace of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .network import Network

__all__ = ["PLACE", "Desk", "why_no_desk"]

PLACE, CARD = "desk", "lan0"
PROGRAMS = {"dnsmasq": "dnsmasq-base", "dhclient": "isc-dhcp-client", "udhcpc": "udhcpc", "tftp": "tftp-hpa",
            "ldapsearch": "ldap-utils"}  # fmt: skip
PATIENCE = 10.0  # seconds
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

DHCLIENT = """
option tftp-addresses code 150 = array of ip-address;
option profile-rule code 160 = text;
send vendor-class-identifier "{kind}";
request subnet-mask, tftp-server-name, bootfile-name, tftp-addresses, profile-rule, vendor-encapsulated-options;
timeout 10;
"""
ASK_BY_SIP = """
import socket, sys
mac, vendor, model = sys.argv[1:]
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("{address}"))
own.bind(("{address}", 0)); own.settimeout(10)
here = "%s:%d" % own.getsockname()
lines = [f"SUBSCRIBE sip:MAC%3a{{mac}}@224.0.1.75 SIP/2.0", f"Via: SIP/2.0/UDP {{here}};branch=z9hG4bK1;rport",
         f"From: <sip:MAC%3a{{mac}}@224.0.1.75>;tag=1", f"To: <sip:MAC%3a{{mac}}@224.0.1.75>",
         "Call-ID: 1", "CSeq: 1 SUBSCRIBE",
         f'Event: ua-profile;profile-type="device";vendor="{{vendor}}";model="{{model}}";version="1"',
         f"Contact: <sip:{{here}}>", "Expires: 0", "Content-Length: 0", "", ""]
own.sendto("\\r\\n".join(lines).encode(), ("224.0.1.75", 5060))
while True:
    data, peer = own.recvfrom(4096)
    if data.startswith(b"NOTIFY"):
        print(data.partition(b"\\r\\n\\r\\n")[2].decode())
        break
"""
ASK_FROM_ELSEWHERE = """
import socket, sys
from jackfield.provisioning.dhcp_probe import discover
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.bind(("{address}", 67)); own.settimeout(2)
question = bytearray(discover(7, bytes.fromhex("000413000007")))
question[24:28] = socket.inet_aton("10.99.99.1")  # as a router of another network brings it
own.sendto(question, (sys.argv[1], 67))
try:
    print(len(own.recv(2000)))
except TimeoutError:
    print("silence")
"""


def why_no_desk() -> str:
    """Return what is missing, or ""."""
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name, path=PATH) is None]
    return f"Debian's packages {' '.join(missing)} are not installed" if missing else ""


@dataclass
class Desk:
    """A cable with a phone at its end, whose MAC address changes with the phone."""

    network: Network
    folder: Path
    address: str = ""

    def plug_in(self, mac: str) -> None:
        """Plug a phone in that has no address yet."""
        self.network.run(PLACE, "ip", "address", "flush", "dev", CARD)
        self.network.run(PLACE, "ip", "link", "set", CARD, "address", mac)

    def by_dhclient(self, kind: str) -> dict[str, str]:
        """Ask for an address with ISC's client, take it, and return the options as it notes them."""
        config, leases = self.folder / "dhclient.conf", self.folder / "dhclient.leases"
        config.write_text(DHCLIENT.format(kind=kind))
        leases.write_text("")
        pid = self.folder / "dhclient.pid"
        command = ["dhclient", "-1", "-cf", str(config), "-lf", str(leases), "-pf", str(pid), "-sf", "/bin/true", CARD]
        self.network.run(PLACE, *command)
        found = dict(re.findall(r"^\s*(?:option )?(\S+) (.+);$", leases.read_text(), re.MULTILINE))
        until = time.monotonic() + PATIENCE  # it writes its number down after it has gone to the background
        while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < until:
            time.sleep(0.05)
        self.network.run(PLACE, "kill", pid.read_text().strip())
        self._take(found["fixed-address"])
        return {name: value.strip('"').replace("\\", "") for name, value in found.items()}  # it escapes "$"

    def by_udhcpc(self, kind: str) -> dict[str, str]:
        """Ask with BusyBox's client; return what its script is told. Empty when nobody answers."""
        script, said = self.folder / "udhcpc.sh", self.folder / "said"
        script.write_text(f'#!/bin/sh\n[ "$1" = bound ] && env > {said}\nexit 0\n')
        script.chmod(0o755)
        said.unlink(missing_ok=True)
        command = ["udhcpc", "-i", CARD, "-n", "-q", "-t", "3", "-T", "1", "-V", kind, "-O", "43", "-O", "150"]
        done = subprocess.run(
            [*self.network.inside(PLACE), *command, "-s", str(script)], capture_output=True, text=True, check=False
        )
        if done.returncode or not said.exists():
            return {}
        found = dict(line.partition("=")[::2] for line in said.read_text().splitlines())
        self._take(found["ip"])
        return found

    def _take(self, address: str) -> None:
        self.network.run(PLACE, "ip", "address", "add", f"{address}/24", "dev", CARD)
        self.address = address

    def by_tftp(self, server: str, name: str) -> str:
        """Fetch a file by tftp-hpa; "" when there is none."""
        got = self.folder / "got"
        got.unlink(missing_ok=True)
        done = subprocess.run(
            [*self.network.inside(PLACE), "tftp", "-m", "binary", server, "-c", "get", name, str(got)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return "" if "rror" in done.stdout + done.stderr or not got.exists() else got.read_text()

    def by_http(self, url: str) -> str:
        """Fetch an address; "" when it is refused."""
        program = "import sys,urllib.request as r;sys.stdout.write(r.urlopen(sys.argv[1],timeout=20).read().decode())"
        command = [*self.network.inside(PLACE), sys.executable, "-c", program, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout if not done.returncode else ""

    def by_sip(self, mac: str, vendor: str, model: str) -> str:
        """Ask the network by SIP multicast; return the address that it is told."""
        program = ASK_BY_SIP.format(address=self.address)
        self.network.run(PLACE, "ip", "route", "replace", "224.0.0.0/4", "dev", CARD)
        return self.network.run(PLACE, sys.executable, "-c", program, mac, vendor, model).strip()

    def from_elsewhere(self, server: str) -> str:
        """Ask for an address as the router of another network would; return "silence" or what came."""
        program = ASK_FROM_ELSEWHERE.format(address=self.address)
        return self.network.run(PLACE, sys.executable, "-c", program, server).strip()
