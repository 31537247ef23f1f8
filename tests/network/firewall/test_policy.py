"""Who may use which service, by the configuration, by the machine and in a panic."""

from __future__ import annotations

from jackfield.network.firewall.policy import Policy, compiled, host_names
from jackfield.network.firewall.rules import AUTOMATIC, EVERYONE, Firewall
from jackfield.network.firewall.services import NAMES
from jackfield.switch.snapshot import AddressGroup, General, Snapshot, VpnDevice

OFFICE = AddressGroup(name="Office", entries=("192.0.2.0/24", "2001:db8:1::/48", "home.example.com"))
ALL = AddressGroup(name="All", entries=("group: Office", "203.0.113.10-203.0.113.20"))


def policy(*, public: bool = True, panic: bool = False, **open_to: tuple[str, ...]) -> Policy:
    snapshot = Snapshot(address_groups=(OFFICE, ALL), firewall=Firewall(**open_to))
    return compiled(snapshot, {"home.example.com": ("198.51.100.7",)}, public=public, panic=panic)


def test_on_the_internet_calls_are_open_and_the_administration_is_not():
    found = policy()
    for service in ("sip", "sip_tls", "websocket", "audio", "own_pages", "provisioning", "stun", "vpn", "ssh", "ldaps"):
        assert found.allows(service, "203.0.113.99"), service
    for service in ("administration", "api", "metrics", "tftp", "dhcp", "ldap", "other"):
        assert not found.allows(service, "203.0.113.99"), service
        assert found.allows(service, "192.168.1.7"), service
        assert found.allows(service, "fd00::7"), service


def test_in_the_office_the_administration_is_open_and_what_asks_for_no_password_only_within():
    found = policy(public=False)
    assert found.allows("administration", "203.0.113.99")
    assert found.allows("other", "203.0.113.99")
    assert not found.allows("tftp", "203.0.113.99")
    assert not found.allows("metrics", "203.0.113.99")


def test_every_service_has_a_rule_a_name_and_a_default():
    assert set(policy().openings) == set(NAMES) == set(Firewall.__dataclass_fields__)
    assert all(one.automatic for one in policy().openings.values())


def test_groups_addresses_and_names_of_hosts_open_a_service():
    found = policy(administration=("All", "203.0.113.77", "2001:db8:2::/64"))
    for address in ("192.0.2.200", "203.0.113.15", "198.51.100.7", "203.0.113.77", "2001:db8:1::5", "2001:db8:2::1"):
        assert found.allows("administration", address), address
    for address in ("192.0.3.1", "203.0.113.21", "198.51.100.8", "203.0.113.78", "2001:db8:3::1", "192.168.1.1"):
        assert not found.allows("administration", address), address
    assert found.allows("administration", "::ffff:192.0.2.200")
    assert not found.allows("administration", "no address")


def test_nothing_is_closed_to_the_machine_itself():
    found = policy(administration=(), sip=())
    for address in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        assert found.allows("administration", address)
    assert not found.allows("sip", "192.168.1.1")


def test_the_group_of_the_vpn_is_there_while_the_vpn_is_on():
    device = VpnDevice(name="Branch", public_key="x", networks=("172.30.0.0/24",))
    snapshot = Snapshot(general=General(vpn=True, local_networks=()), vpn_devices=(device,))
    found = compiled(snapshot, {}, public=True)
    assert found.allows("administration", "10.87.0.9")
    assert found.allows("administration", "172.30.0.4")
    assert not found.allows("administration", "172.30.1.4")
    assert not compiled(Snapshot(general=General(local_networks=())), {}, public=True).allows("metrics", "10.87.0.9")


def test_a_group_that_is_gone_opens_nothing_and_is_named():
    found = policy(administration=("Gone", "Office"))
    assert found.openings["administration"].missing == ("Gone",)
    assert found.allows("administration", "192.0.2.1")


def test_in_a_panic_everything_is_closed_but_to_the_house():
    found = policy(panic=True, sip=(EVERYONE,), administration=("203.0.113.77",))
    for service in NAMES:
        assert not found.allows(service, "203.0.113.77"), service
        assert found.allows(service, "10.1.2.3"), service
    said = found.verdict("sip", "203.0.113.77")
    assert "panic" in said.why
    assert said.mend == "to end it: jackfield firewall panic --end"


def test_the_verdict_says_why_and_what_to_do():
    found = policy(administration=("Office",), sip=(AUTOMATIC,))
    closed = found.verdict("administration", "203.0.113.5")
    assert not closed.allowed
    assert closed.why == "administration: open to Office, and 203.0.113.5 is not among them"
    assert closed.mend == "to open it: jackfield firewall open administration 203.0.113.5"
    assert found.verdict("administration", "192.0.2.5").allowed
    assert found.verdict("sip", "203.0.113.5").why == "SIP over UDP and TCP: open to everyone"
    assert "nothing is closed" in found.verdict("administration", "127.0.0.1").why


def test_names_of_hosts_are_looked_up_where_they_open_something_only():
    assert host_names(Snapshot(address_groups=(OFFICE, ALL))) == set()
    wanted = Snapshot(address_groups=(OFFICE, ALL), firewall=Firewall(ssh=("All",)))
    assert host_names(wanted) == {"home.example.com"}
