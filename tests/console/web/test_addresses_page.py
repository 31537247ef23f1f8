"""The pages of addresses and the VPN: what they say when nothing runs, what was proved, and a device's key."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from django.test import Client

from jackfield.console import reaching, vpn_devices
from jackfield.control import ControlError
from jackfield.network import wireguard
from jackfield.network.outside_in import Port, Report
from jackfield.network.public_file import Found, State
from jackfield.settings import Settings
from jackfield.vpn.models import VpnDevice

REPORT = Report(
    at=1_700_000_000.0, ours="192.168.1.10", public="203.0.113.5", behind_router=True, mapping="kept",
    helper="stun.example.com",     answers_elsewhere=True,
    ports=(
        Port("sip", "udp", 5060, "closed"), Port("audio", "udp", 10000, "closed"),
        Port("audio", "udp", 15000, "outside"),
        Port("sip_tcp", "tcp", 5060, "unproved"), Port("sip_tls", "tcp", 5061, "hairpin"),
    ),
)  # fmt: skip


def known(report: Report | None = None) -> reaching.Known:
    state = State((Found("203.0.113.5", "stun", "stun.example.com:3478", at=1_700_000_000.0),), ("why not",), 1.0)
    return reaching.Known(
        state, [("eth0", "192.168.1.10")], "192.168.1.10", [("192.168.1.10", 3478)], "", False, "", report
    )


@pytest.fixture
def no_device(company: Settings) -> None:
    """The company has no device yet."""
    VpnDevice.objects.all().delete()


def test_without_the_system_running_the_page_says_so(admin: Client) -> None:
    html = admin.get("/admin/addresses/").content.decode()
    assert "Jackfield is not running" in html
    assert admin.post("/admin/addresses/test").status_code == 503


def test_what_was_proved_and_what_to_do_at_the_router_is_said(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "known", lambda settings: known(REPORT))
    html = admin.get("/admin/addresses/").content.decode()
    assert "203.0.113.5" in html
    assert "told by a STUN server: stun.example.com:3478" in html
    assert "At the router, forward UDP 10000-19999 and TCP/UDP 5060 to 192.168.1.10, to the same ports." in html
    assert "a packet that stun.example.com sent from the Internet arrived" in html
    assert "it did not arrive" in html
    assert "It came back" in html
    assert "why not" in html


def test_nobody_on_the_internet_is_asked_before_an_administrator_agrees(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jackfield.company.models import General

    monkeypatch.setattr(reaching, "known", lambda settings: known())
    assert General.current().stun_servers == ()
    assert reaching.SUGGESTED[0] in admin.get("/admin/addresses/").content.decode()
    admin.post("/admin/addresses/agree")
    assert General.current().stun_servers == reaching.SUGGESTED


def test_a_search_that_finds_nothing_says_so(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "search", lambda settings: State())
    assert "No public address was found." in admin.post("/admin/addresses/search", follow=True).content.decode()

    def away(settings: Settings) -> State:
        raise ControlError("Jackfield is not running")

    monkeypatch.setattr(reaching, "search", away)
    assert admin.post("/admin/addresses/search").status_code == 503


# --- the VPN


def make(admin: Client, **fields: str) -> Any:
    return admin.post("/admin/vpn/new", fields)


@pytest.mark.usefixtures("no_device")
def test_a_device_gets_a_key_and_an_address_and_its_key_is_shown_this_once(admin: Client, company: Settings) -> None:
    from jackfield.vpn.models import VpnDevice

    answer = make(admin, name="Branch", networks="192.168.50.0/24")
    html = answer.content.decode()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    (link,) = re.findall(r'download="Branch.conf" href="data:application/octet-stream;base64,([^"]+)"', html)
    file = base64.b64decode(link).decode()
    (private,) = re.findall(r"PrivateKey = (\S+)", file)
    device = VpnDevice.objects.get(name="Branch")
    assert device.public_key == wireguard.public_key(private)
    assert device.address == "10.87.0.2"
    assert "Address = 10.87.0.2/32" in file
    assert "AllowedIPs = 10.87.0.1/32" in file
    assert "PersistentKeepalive = 25" in file
    for router in ("OpenWrt", "MikroTik", "FRITZ!Box", "OPNsense"):
        assert router in html
    assert "data:image/svg+xml" in html, "the QR code"

    for page in ("/admin/vpn/", "/admin/vpn_devices/", "/admin/changes/", "/admin/document/"):
        assert private not in admin.get(page).content.decode()
    assert "@zone[0].network=&#39;jackfield&#39;" in html, "of OpenWrt: the site's network"
    assert "masquerade" not in html
    html = make(admin, name="Filiale Köln").content.decode()
    assert 'download="Filiale-Koln.conf"' in html
    assert VpnDevice.objects.get(name="Filiale Köln").address == "10.87.0.3"
    assert "@zone[1].network=&#39;jackfield&#39;" in html, "phones behind it come by its address alone: NAT"
    assert "masquerade" in html


@pytest.mark.usefixtures("no_device")
def test_a_device_that_could_not_find_here_from_elsewhere_is_told_so(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host, warned in (("192.168.1.10", True), ("203.0.113.5", False)):
        monkeypatch.setattr(vpn_devices, "reached", lambda settings, host=host: host)
        html = make(admin, name=f"At {host}").content.decode()
        assert ("from your own network only" in html) is warned
        assert f"Endpoint = {host}:51820" in html


@pytest.mark.usefixtures("no_device")
def test_a_device_is_switched_off_and_removed(admin: Client) -> None:
    from jackfield.vpn.models import VpnDevice

    make(admin, name="Branch")
    device = VpnDevice.objects.get()
    admin.post(f"/admin/vpn/{device.pk}/switch")
    assert not VpnDevice.objects.get().enabled
    assert "off" in admin.get("/admin/vpn/").content.decode()
    admin.post(f"/admin/vpn/{device.pk}/remove")
    assert not VpnDevice.objects.exists()


@pytest.mark.usefixtures("no_device")
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "Give the device a name"),
        ({"name": "x", "networks": "192.168.50.1/24"}, "192.168.50.0/24 is meant"),
        ({"name": "x", "networks": "0.0.0.0/0"}, "is the whole Internet"),
        ({"name": "x", "networks": "10.87.0.0/25"}, "overlaps the VPN"),
        ({"name": "First"}, "First"),
        ({"name": "x", "networks": "192.168.60.0/25"}, "behind &#34;First&#34;"),
    ],
)
def test_what_can_not_be_a_device_is_told(admin: Client, fields: dict[str, str], said: str) -> None:
    from jackfield.vpn.models import VpnDevice

    make(admin, name="First", networks="192.168.60.0/24")
    answer = make(admin, **fields)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert VpnDevice.objects.count() == 1


@pytest.mark.usefixtures("no_device")
def test_keys_and_addresses_are_nobody_elses(company: Settings) -> None:
    from jackfield.console import api
    from jackfield.console.declarative.difference import DocumentError

    key = wireguard.public_key(wireguard.new_key())
    for devices, said in (
        (f"[{{name: a, public_key: {key}, address: 10.87.0.1}}]", "10.87.0.1 is not free"),
        (f"[{{name: a, public_key: {key}, address: 10.99.0.5}}]", "10.99.0.5 is not free"),
        ("[{name: a, public_key: short, address: 10.87.0.2}]", "no key of WireGuard"),
        (
            f"[{{name: a, public_key: {key}, address: 10.87.0.2}}, {{name: b, public_key: {key}, address: 10.87.0.3}}]",
            "has the same",
        ),
    ):
        with pytest.raises(DocumentError) as wrong:
            api.apply(company, f"vpn_devices: {devices}")
        assert any(said in problem.message for problem in wrong.value.problems), wrong.value.problems


@pytest.mark.usefixtures("no_device")
def test_phones_can_be_limited_to_the_vpn(company: Settings) -> None:
    """The group "VPN" is there as soon as the VPN is switched on, with the networks behind its devices."""
    from jackfield.console import api
    from jackfield.switch import snapshot
    from jackfield.switch.whence import Whence

    key = wireguard.public_key(wireguard.new_key())
    api.apply(
        company,
        f"settings: {{vpn: true}}\n"
        f"vpn_devices: [{{name: Branch, public_key: {key}, address: 10.87.0.2, networks: [192.168.50.0/24]}}]\n"
        "extensions: [{number: '301', sip_username: remote, phones_from: VPN}]",
    )
    found = snapshot.read(company.files.snapshot)
    whence = Whence()
    assert whence.outside(found, "remote", "203.0.113.7") is not None
    assert whence.outside(found, "remote", "10.87.0.2") is None
    assert whence.outside(found, "remote", "192.168.50.20") is None
