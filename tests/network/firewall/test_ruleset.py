"""What nftables is told."""

from __future__ import annotations

from pathlib import Path

from jackfield.network.firewall.policy import compiled
from jackfield.network.firewall.rules import Firewall
from jackfield.network.firewall.ruleset import doors, removal, script
from jackfield.network.firewall.services import Ports, Service, ServiceName, services, ssh_ports
from jackfield.settings import load
from jackfield.switch.snapshot import AddressGroup, General, Snapshot

INSIDE = General(local_networks=("10.0.0.0/8", "fd00::/8"))
SERVICES = (
    Service("sip", (Ports("udp", 5060, 5060), Ports("tcp", 5060, 5060))),
    Service("audio", (Ports("udp", 10000, 19999),)),
    Service("administration", (Ports("tcp", 4021, 4021),)),
    Service("metrics", (Ports("tcp", 4021, 4021),)),
    Service("dhcp", (Ports("udp", 67, 67),)),
    Service("other", ()),
)


def rules(*, public: bool = False, **open_to: tuple[str, ...]) -> list[str]:
    office = AddressGroup(name="Office", entries=("192.0.2.10-192.0.2.20", "192.0.2.21", "198.51.100.0/24"))
    snapshot = Snapshot(general=INSIDE, address_groups=(office,), firewall=Firewall(**open_to))
    made = script("t", compiled(snapshot, {}, public=public), SERVICES)
    return [line.strip() for line in made.splitlines()]


def among(lines: list[str], part: str) -> list[str]:
    return [line for line in lines if part in line]


def test_the_table_is_exchanged_in_one_transaction():
    lines = rules()
    assert lines[:3] == ["add table inet t", "delete table inet t", "table inet t {"]
    assert removal("t").splitlines() == lines[:2]


def test_audio_and_sip_are_judged_first():
    lines = rules()
    assert lines.index('udp dport 10000-19999 accept comment "audio"') == lines.index('iif "lo" accept') + 1
    assert lines.index('udp dport 5060 accept comment "sip"') < lines.index("udp dport 67 ip saddr 0.0.0.0 accept")


def test_what_is_closed_lets_in_whom_it_is_open_to_and_drops_all_others():
    lines = rules(administration=("Office",), metrics=())
    assert among(lines, "4021") == [
        "tcp dport 4021 ip saddr { 192.0.2.10-192.0.2.21, 198.51.100.0/24 } accept",
        'tcp dport 4021 drop comment "administration, metrics"',
    ]


def test_a_port_of_several_services_is_open_to_whom_any_of_them_is():
    lines = rules(administration=("Office",), metrics=("local networks",))
    assert among(lines, "4021") == [
        "tcp dport 4021 ip saddr { 192.0.2.10-192.0.2.21, 198.51.100.0/24 } accept",
        "tcp dport 4021 ip saddr { 10.0.0.0/8 } accept",
        "tcp dport 4021 ip6 saddr { fd00::/8 } accept",
        'tcp dport 4021 drop comment "administration, metrics"',
    ]
    assert among(rules(administration=("everyone",), metrics=()), "4021") == [
        'tcp dport 4021 accept comment "administration, metrics"'
    ]


def test_answers_to_what_we_began_come_in_before_anything_is_dropped():
    lines = rules(sip=("Office",))
    answers = lines.index("ct direction reply ct state established accept")
    assert answers < min(at for at, line in enumerate(lines) if " drop" in line and "@blocked" not in line)


def test_other_programs_ports_are_left_alone_until_they_are_closed():
    assert not among(rules(), '"other"')
    lines = rules(public=True)
    assert lines[-3:] == ['drop comment "other"', "}", "}"]
    assert "meta l4proto { icmp, ipv6-icmp } accept" in lines
    assert "ip saddr { 10.0.0.0/8 } accept" in lines


def test_who_has_no_address_yet_may_ask_for_one_where_anybody_may():
    assert "udp dport 67 ip saddr 0.0.0.0 accept" in rules()
    assert "udp dport 67 ip saddr 0.0.0.0 accept" not in rules(dhcp=())


def test_ports_that_overlap_are_cut_so_that_each_is_judged_once():
    names: list[ServiceName] = ["audio", "stun"]
    ranges = (Ports("udp", 100, 200), Ports("udp", 150, 250))
    found = doors(Service(name, (one,)) for name, one in zip(names, ranges, strict=True))
    assert [(one.ports, one.services) for one in found] == [
        ("100-149", ("audio",)), ("150-200", ("audio", "stun")), ("201-250", ("stun",)),
    ]  # fmt: skip


def test_the_ports_of_ssh_are_those_of_its_files(tmp_path: Path):
    assert ssh_ports(tmp_path) == (22,)
    (tmp_path / "sshd_config").write_text("# Port 1\nPort 2222\nPasswordAuthentication no\n")
    (tmp_path / "sshd_config.d").mkdir()
    (tmp_path / "sshd_config.d/more.conf").write_text("port 2200\nPort 99999\n")
    assert ssh_ports(tmp_path) == (2222, 2200)


def test_behind_a_reverse_proxy_of_this_machine_people_come_by_its_ports(tmp_path: Path):
    def own_pages(**settings: str) -> list[str]:
        found = load(data_dir=tmp_path, user_port="8443", **settings)
        return [str(one) for one in {one.name: one for one in services(found, General())}["own_pages"].ports]

    assert own_pages() == ["TCP 8443"]
    assert own_pages(trusted_proxies="192.0.2.99") == ["TCP 8443"]
    assert own_pages(trusted_proxies="127.0.0.1") == ["TCP 8443", "TCP 80", "TCP 443"]
