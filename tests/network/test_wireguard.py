"""WireGuard's keys, files and addresses, and what the tools are told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from jackfield.network.service import tunnel_of
from jackfield.network.tunnel import Tunnel, TunnelError, name_for, why_not
from jackfield.network.wireguard import Interface, Peer, free_address, new_key, public_key, read_key, server_address
from jackfield.switch.snapshot import General, Snapshot, VpnDevice

# RFC 7748 section 6.1: Alice's keys.
PRIVATE = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="
PUBLIC = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="


def test_a_public_key_belongs_to_its_private_one() -> None:
    assert public_key(PRIVATE) == PUBLIC
    assert new_key() != new_key()


@pytest.mark.parametrize("text", ["", "short", "x" * 44, "A" * 43 + "=", PRIVATE[:-4]])
def test_what_is_no_key_is_said_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="key") as wrong:
        read_key(text)
    assert not text or text not in str(wrong.value)


def test_addresses_are_given_out_in_order_and_run_out() -> None:
    assert server_address("10.87.0.0/24") == "10.87.0.1/24"
    assert free_address("10.87.0.0/24", []) == "10.87.0.2"
    assert free_address("10.87.0.0/24", ["10.87.0.2", "10.87.0.4"]) == "10.87.0.3"
    assert free_address("fd00:87::/64", ["fd00:87::2"]) == "fd00:87::3"
    with pytest.raises(ValueError, match="take a larger one"):
        free_address("10.87.0.0/30", ["10.87.0.2"])


def test_the_tunnel_has_the_devices_that_are_switched_on() -> None:
    devices = (
        VpnDevice(name="Branch", public_key=PUBLIC, address="10.87.0.2", networks=("192.168.50.0/24",)),
        VpnDevice(name="Lost", public_key=PRIVATE, address="10.87.0.3", enabled=False),
    )
    found = tunnel_of(Snapshot(general=General(vpn=True), vpn_devices=devices), PRIVATE)
    assert found.addresses == ("10.87.0.1/24",)
    assert [peer.allowed for peer in found.peers] == [("10.87.0.2/32", "192.168.50.0/24")]
    assert found.routes() == ["192.168.50.0/24"], "its own network has a route by its address"
    assert "ListenPort = 51820" in found.kernel_file()
    assert "Address" not in found.kernel_file()


class Tools:
    """Stands for `ip` and `wg`: notes what they are told, answers what it is told to."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.answers = answers
        self.told: list[str] = []
        self.typed = ""

    def __call__(self, command: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
        line = " ".join(command)
        self.told.append(line)
        self.typed += text
        for key, (status, said) in self.answers.items():
            if key.replace("_", " ") in line:
                return subprocess.CompletedProcess(command, status, said, said if status else "")
        return subprocess.CompletedProcess(command, 0, "", "")


def test_keys_go_by_standard_input_alone_and_old_routes_go() -> None:
    tools = Tools(
        address_show=(0, '[{"addr_info": [{"local": "10.86.0.1", "prefixlen": 24, "scope": "global"}]}]'),
        route_show=(0, '[{"dst": "192.168.40.0/24"}]'),
    )
    peer = Peer(PUBLIC, ("10.87.0.2/32", "192.168.50.0/24"))
    Tunnel("jfvpn0", tools).apply(Interface(PRIVATE, ("10.87.0.1/24",), 51820, (peer,)))
    assert PRIVATE in tools.typed
    assert not any(PRIVATE in line for line in tools.told)
    assert "ip address delete 10.86.0.1/24 dev jfvpn0" in tools.told
    assert "ip address replace 10.87.0.1/24 dev jfvpn0" in tools.told
    assert any(line.startswith("ip route delete 192.168.40.0/24 dev jfvpn0") for line in tools.told)
    assert any(line.startswith("ip route replace 192.168.50.0/24 dev jfvpn0") for line in tools.told)


HERE = '[{"ifname": "eth0", "addr_info": [{"local": "192.168.1.10", "prefixlen": 24, "scope": "global"}]}]'


@pytest.mark.parametrize("own", ["192.168.1.0/24", "192.168.1.128/25"])
def test_a_network_that_this_machine_is_in_itself_is_left_out_and_the_others_come_in(own: str) -> None:
    """Its route would take the machine away from everybody in its own network, the gateway among them."""
    tools = Tools(address_show=(0, HERE))
    peer = Peer(PUBLIC, ("10.87.0.2/32", own, "192.168.50.0/24"), name="Branch")
    (said,) = Tunnel("jfvpn0", tools).apply(Interface(PRIVATE, ("10.87.0.1/24",), 51820, (peer,)))
    assert said.startswith(f"{own} behind Branch is left out")
    assert "192.168.1.10/24 at eth0" in said
    assert not any("route replace 192.168.1." in line for line in tools.told)
    assert any("route replace 192.168.50.0/24" in line for line in tools.told)
    assert "AllowedIPs = 10.87.0.2/32, 192.168.50.0/24\n" in tools.typed


def test_a_network_of_the_vpn_that_this_machine_is_in_already_is_refused_before_anything_is_made() -> None:
    tools = Tools(address_show=(0, HERE))
    with pytest.raises(TunnelError, match=r"192\.168\.1\.10/24 at eth0\. Choose another"):
        Tunnel("jfvpn0", tools).apply(Interface(PRIVATE, ("192.168.0.1/16",)))
    assert tools.told == ["ip -j address show"]


@pytest.mark.skipif(shutil.which("nft") is None, reason="Debian's package nftables is not installed")
def test_devices_reach_this_machine_alone() -> None:
    tools = Tools()
    Tunnel("jfvpn0", tools).apply(Interface(PRIVATE, ("10.87.0.1/24",)))
    assert tools.told.index("nft -f -") < tools.told.index("ip link set dev jfvpn0 mtu 1420 up")
    assert 'iifname "jfvpn0" drop' in tools.typed
    Tunnel("jfvpn0", tools).remove()
    assert tools.told[-1] == "nft delete table inet jfvpn0"


def test_without_the_right_the_mend_is_said(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000000000\n")
    said = why_not(status)
    assert "CAP_NET_ADMIN" in said or "is not installed" in said
    tools = Tools(syncconf=(1, "Unable to modify interface: Operation not permitted"))
    with pytest.raises(TunnelError, match="CAP_NET_ADMIN"):
        Tunnel("jfvpn0", tools).apply(Interface(PRIVATE, ("10.87.0.1/24",)))


def test_what_is_known_of_peers_is_read() -> None:
    own = f"{PRIVATE}\t{PUBLIC}\t51820\toff\n"
    dump = own + f"{PUBLIC}\t(none)\t203.0.113.7:40000\t10.87.0.2/32\t1700000000\t1200\t3400\t25\n"
    status = Tunnel("jfvpn0", Tools(wg_show=(0, dump))).status()
    assert status[PUBLIC].endpoint == "203.0.113.7:40000"
    assert (status[PUBLIC].handshake, status[PUBLIC].received, status[PUBLIC].sent) == (1700000000, 1200, 3400)
    assert Tunnel("jfvpn0", Tools(wg_show=(1, "No such device"))).status() == {}


def test_two_installations_have_two_interfaces() -> None:
    assert name_for(Path("/srv/one")) != name_for(Path("/srv/two"))
    assert len(name_for(Path("/srv/one"))) <= 15


def test_the_service_leaves_what_wireguard_go_needs() -> None:
    """It opens /dev/net/tun and has a socket in /run/wireguard, which is read-only otherwise (ProtectSystem)."""
    unit = (Path(__file__).parents[2] / "packaging" / "jackfield.service").read_text().splitlines()
    assert {"DeviceAllow=/dev/net/tun rw", "RuntimeDirectory=wireguard"} <= set(unit)
    assert "PrivateDevices=true" not in unit
