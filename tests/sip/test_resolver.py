"""From a URI to the places to try (RFC 3263), asked of a small DNS server of our own."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.nameserver
import dns.rcode
import dns.rrset
import pytest
import pytest_asyncio
import uvloop

from jackfield.sip.dns_lookup import DnsLookup, Naptr, Srv
from jackfield.sip.flow import Hop
from jackfield.sip.resolver import Resolver, by_priority
from jackfield.sip.uri import Uri

ZONE = """
example.com.            IN NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp.example.com.
example.com.            IN NAPTR 10 50 "s" "SIP+D2U" "" _sip._udp.example.com.
example.com.            IN NAPTR 5 10 "s" "SIP+D2S" "" _sip._sctp.example.com.
example.com.            IN NAPTR 30 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.
_sip._udp.example.com.  IN SRV 20 0 5062 backup.example.com.
_sip._udp.example.com.  IN SRV 10 60 5060 main.example.com.
_sip._udp.example.com.  IN SRV 10 40 5061 second.example.com.
_sip._tcp.example.com.  IN SRV 10 0 5070 main.example.com.
_sips._tcp.example.com. IN SRV 10 0 5071 main.example.com.
main.example.com.       IN A 192.0.2.1
main.example.com.       IN AAAA 2001:db8::1
second.example.com.     IN A 192.0.2.2
backup.example.com.     IN A 192.0.2.3
_sip._udp.srv.example.  IN SRV 1 1 5080 main.example.com.
_sip._tcp.srv.example.  IN SRV 1 1 5081 second.example.com.
plain.example.          IN A 192.0.2.10
plain.example.          IN A 192.0.2.11
alias.example.          IN CNAME plain.example.
refused.example.        IN A 192.0.2.12
_sip._udp.refused.example. IN SRV 0 0 0 .
literal.example.        IN A 192.0.2.13
_sip._udp.literal.example. IN SRV 0 0 5099 192.0.2.14.
dangling.example.       IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.nowhere.example.
dangling.example.       IN NAPTR 20 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
_sip._tcp.dangling.example. IN SRV 0 0 5060 plain.example.
"""
SOA = "example. 60 IN SOA ns.example. root.example. 1 1 1 1 60"


class DnsServer(asyncio.DatagramProtocol):
    """Answers from a zone; counts the questions; can be told to fail or to say nothing."""

    def __init__(self) -> None:
        self.questions: Counter[tuple[str, str]] = Counter()
        self.records: dict[tuple[str, str], list[str]] = {}
        self.ttl = 100
        self.mute_kinds: set[str] = set()
        self.rcode: dns.rcode.Rcode | None = None
        for line in ZONE.strip().splitlines():
            name, _, kind, data = line.split(None, 3)
            self.records.setdefault((name, kind), []).append(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.questions[name, kind] += 1
        if kind in self.mute_kinds:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.rcode is not None:
            response.set_rcode(self.rcode)
        elif not self._answer(response, name, kind):
            response.authority.append(dns.rrset.from_text(*SOA.split(None, 4)))
            if not any(known == name for known, _ in self.records):
                response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), address)

    def _answer(self, response: dns.message.Message, name: str, kind: str) -> bool:
        if (name, "CNAME") in self.records:
            target = self.records[name, "CNAME"][0]
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "CNAME", target))
            name = target
        found = self.records.get((name, kind), [])
        for data in found:  # one by one, since the library shuffles the records of a set
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", kind, data))
        return bool(found)

    def resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        host, port = self.transport.get_extra_info("sockname")[:2]
        resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port)]
        resolver.timeout = 0.1
        return resolver


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Setting:
    def __init__(self, server: DnsServer, tmp_path: Path, **more: Any) -> None:
        self.server = server
        self.clock = Clock()
        self.hosts = tmp_path / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")
        self.lookup = DnsLookup(self.clock, resolver=server.resolver(), question_time=0.2, hosts=self.hosts)
        self.resolver = Resolver(lookup=self.lookup, randomness=lambda: 0.0, **more)

    async def hops(self, uri: str, **more: Any) -> list[str]:
        return [str(hop) for hop in await self.resolver.resolve(Uri.parse(uri), **more)]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DnsServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(DnsServer, local_addr=("127.0.0.1", 0))
    yield server
    transport.close()


@pytest_asyncio.fixture
async def setting(server: DnsServer, tmp_path: Path) -> AsyncIterator[Setting]:
    setting = Setting(server, tmp_path)
    yield setting
    await setting.resolver.close()


async def test_an_address_needs_no_dns(setting: Setting) -> None:
    assert await setting.hops("sip:a@192.0.2.9") == ["UDP 192.0.2.9:5060"]
    assert await setting.hops("sip:a@192.0.2.9:5070;transport=tcp") == ["TCP 192.0.2.9:5070"]
    assert await setting.hops("sips:a@[2001:db8::9]") == ["TLS [2001:db8::9]:5061"]
    assert await setting.hops("sip:a@192.0.2.9;maddr=192.0.2.66") == ["UDP 192.0.2.9:5060"]
    assert await setting.hops("sip:a@192.0.2.9;transport=ws") == ["WS 192.0.2.9:80"]
    assert await setting.hops("sips:a@192.0.2.9;transport=ws") == ["WSS 192.0.2.9:443"]
    assert await setting.hops("sip:a@192.0.2.9", prefer="tls") == ["TLS 192.0.2.9:5061"]
    assert not setting.server.questions


async def test_naptr_gives_the_transports_and_srv_the_hosts_in_order_of_trial(setting: Setting) -> None:
    assert await setting.hops("sip:a@example.com") == [
        "UDP 192.0.2.2:5061",  # by weight: randomness 0 picks the first, and weights are in rising order
        "UDP 192.0.2.1:5060",
        "UDP [2001:db8::1]:5060",
        "UDP 192.0.2.3:5062",
        "TCP 192.0.2.1:5070",
        "TCP [2001:db8::1]:5070",
        "TLS 192.0.2.1:5071",
        "TLS [2001:db8::1]:5071",
    ]


async def test_a_sips_uri_goes_by_tls_only_and_the_certificate_must_bear_its_domain(setting: Setting) -> None:
    hops = await setting.resolver.resolve(Uri.parse("sips:a@example.com"))
    assert hops == [
        Hop("TLS", "192.0.2.1", 5071, "example.com"),
        Hop("TLS", "2001:db8::1", 5071, "example.com"),
    ]
    unverified = await setting.resolver.resolve(Uri.parse("sips:a@example.com"), verify=False)
    assert not any(hop.verify for hop in unverified)
    assert await setting.hops("sips:a@example.com;transport=udp") == []


async def test_without_naptr_the_srv_records_of_each_transport_count(setting: Setting) -> None:
    assert await setting.hops("sip:a@srv.example") == [
        "UDP 192.0.2.1:5080",
        "UDP [2001:db8::1]:5080",
        "TCP 192.0.2.2:5081",
    ]
    assert await setting.hops("sip:a@srv.example;transport=tcp") == ["TCP 192.0.2.2:5081"]
    assert await setting.hops("sip:a@srv.example", prefer="TCP") == ["TCP 192.0.2.2:5081"]


async def test_naptr_that_leads_nowhere_is_as_good_as_none(setting: Setting) -> None:
    assert await setting.hops("sip:a@dangling.example") == ["TCP 192.0.2.10:5060", "TCP 192.0.2.11:5060"]


async def test_a_name_with_a_port_has_only_addresses(setting: Setting) -> None:
    assert await setting.hops("sip:a@example.com:5060;transport=tcp") == []
    assert await setting.hops("sip:a@main.example.com:5090") == ["UDP 192.0.2.1:5090", "UDP [2001:db8::1]:5090"]
    assert not any(kind in {"SRV", "NAPTR"} for _, kind in setting.server.questions)


async def test_a_plain_name_has_the_default_port_of_its_transport(setting: Setting) -> None:
    assert await setting.hops("sip:a@plain.example") == ["UDP 192.0.2.10:5060", "UDP 192.0.2.11:5060"]
    assert await setting.hops("sip:a@alias.example") == ["UDP 192.0.2.10:5060", "UDP 192.0.2.11:5060"]
    assert await setting.hops("sips:a@plain.example") == ["TLS 192.0.2.10:5061", "TLS 192.0.2.11:5061"]
    assert await setting.hops("sip:a@PLAIN.example;transport=WSS") == ["WSS 192.0.2.10:443", "WSS 192.0.2.11:443"]


async def test_a_service_that_is_decidedly_not_offered_falls_back_to_the_address(setting: Setting) -> None:
    assert await setting.hops("sip:a@refused.example") == ["UDP 192.0.2.12:5060"]


async def test_an_srv_target_that_is_an_address_is_taken_as_it_is(setting: Setting) -> None:
    assert await setting.hops("sip:a@literal.example") == ["UDP 192.0.2.14:5099"]


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("sip:a@nobody.example", "there is no name nobody.example"),
        ("sip:a@example.com:5060", "example.com has no A record"),
        ("sip:a@b;transport=sctp", "its transport 'sctp' is none of ours"),
        ("sip:a@" + "x" * 64 + ".example", "is not a host name"),
        ("sip:a@pbx..example", "is not a host name"),
        ("tel:+4212345", "it names no host"),
    ],
)
async def test_who_cannot_be_found_has_no_hops_and_the_log_says_why(
    setting: Setting, uri: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await setting.hops(uri) == []
    assert complaint in caplog.text


async def test_what_cannot_be_reached_from_here_is_left_out(server: DnsServer, tmp_path: Path) -> None:
    setting = Setting(server, tmp_path, usable=lambda transport, address: transport == "TCP" and ":" not in address)
    assert await setting.hops("sip:a@example.com") == ["TCP 192.0.2.1:5070"]


async def test_ipv6_comes_first_where_it_is_wanted(server: DnsServer, tmp_path: Path) -> None:
    setting = Setting(server, tmp_path, families=("AAAA", "A"))
    assert await setting.hops("sip:a@main.example.com:5060") == ["UDP [2001:db8::1]:5060", "UDP 192.0.2.1:5060"]


async def test_answers_are_kept_for_their_time_to_live(setting: Setting) -> None:
    first = await setting.hops("sip:a@example.com")
    asked = setting.server.questions.copy()
    assert set(asked.values()) == {1}
    setting.clock.now = 99.0
    assert await setting.hops("sip:a@EXAMPLE.com") == first
    assert setting.server.questions == asked
    setting.clock.now = 101.0
    assert await setting.hops("sip:a@example.com") == first
    assert setting.server.questions["example.com.", "NAPTR"] == 2


async def test_that_there_is_nothing_is_kept_too(setting: Setting) -> None:
    for _ in range(2):
        await setting.hops("sip:a@nobody.example:5060")
        await setting.hops("sip:a@example.com:5060")
    assert setting.server.questions["nobody.example.", "A"] == 1
    assert setting.server.questions["example.com.", "A"] == 1
    setting.clock.now = 61.0  # the SOA's minimum
    await setting.hops("sip:a@nobody.example:5060")
    assert setting.server.questions["nobody.example.", "A"] == 2


async def test_ten_calls_at_once_ask_once(setting: Setting) -> None:
    answers = await asyncio.gather(*(setting.hops("sip:a@example.com") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert set(setting.server.questions.values()) == {1}


async def test_while_no_server_answers_what_was_known_still_holds(setting: Setting) -> None:
    known = await setting.hops("sip:a@plain.example:5060")
    setting.clock.now = 1_000.0
    setting.server.rcode = dns.rcode.SERVFAIL
    assert await setting.hops("sip:a@plain.example:5060") == known
    asked = setting.server.questions.copy()
    assert await setting.hops("sip:a@plain.example:5060") == known
    assert setting.server.questions == asked  # nor is the server asked for each call
    setting.clock.now = 100_000.0
    assert await setting.hops("sip:a@plain.example:5060") == []


async def test_a_server_that_ignores_naptr_and_srv_only_costs_a_moment(setting: Setting) -> None:
    setting.server.mute_kinds = {"NAPTR", "SRV"}
    assert await setting.hops("sip:a@plain.example") == ["UDP 192.0.2.10:5060", "UDP 192.0.2.11:5060"]
    asked = setting.server.questions["plain.example.", "NAPTR"]
    await setting.hops("sip:a@plain.example")
    assert setting.server.questions["plain.example.", "NAPTR"] == asked


async def test_the_time_for_all_questions_together_is_limited(
    server: DnsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.mute_kinds = {"NAPTR", "SRV", "A", "AAAA"}
    setting = Setting(server, tmp_path, time_limit=0.02)
    assert await setting.hops("sip:a@plain.example") == []
    assert "the DNS took longer than 0.02 s" in caplog.text
    await setting.resolver.close()


async def test_names_in_the_hosts_file_are_found_and_changes_noticed(setting: Setting) -> None:
    setting.hosts.write_text("127.0.0.1 localhost # this machine\n192.0.2.77 pbx PBX.office\n2001:db8::77 pbx\n\n#\n")
    assert await setting.hops("sip:a@pbx:5060") == ["UDP 192.0.2.77:5060", "UDP [2001:db8::77]:5060"]
    assert await setting.hops("sip:a@pbx.office:5060") == ["UDP 192.0.2.77:5060"]
    assert not setting.server.questions
    setting.hosts.write_text("192.0.2.78 pbx\n")
    os.utime(setting.hosts, ns=(1, 1))
    setting.clock.now = 10.0
    assert await setting.hops("sip:a@pbx:5060") == ["UDP 192.0.2.78:5060"]
    setting.hosts.unlink()
    setting.clock.now = 20.0
    assert await setting.hops("sip:a@pbx:5060") == []
    setting.clock.now = 30.0
    assert await setting.hops("sip:a@pbx:5060") == []


async def test_the_servers_of_the_system_are_asked(tmp_path: Path) -> None:
    clock = Clock()
    resolv_conf = tmp_path / "resolv.conf"
    lookup = DnsLookup(clock, hosts=tmp_path / "none", resolv_conf=resolv_conf, question_time=0.05)
    assert "no DNS server is configured" in (await lookup.records("plain.example", "A")).problem
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        resolv_conf.write_text("nameserver 127.0.0.1\n")
        clock.now = 40.0
        system = lookup._servers()
        assert system is not None
        assert [str(server) for server in system.nameservers] == ["127.0.0.1"]
        system.port = mute.getsockname()[1]
        assert "gave no answer about plain.example" in (await lookup.records("plain.example", "A")).problem
    await lookup.close()


def test_it_works_on_uvloop(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(DnsServer, local_addr=("127.0.0.1", 0))
        setting = Setting(server, tmp_path)
        hops = await setting.hops("sip:a@srv.example;transport=tcp")
        await setting.resolver.close()
        transport.close()
        return hops

    assert uvloop.run(scene()) == ["TCP 192.0.2.2:5081"]


async def test_a_resolver_can_be_made_with_nothing_given() -> None:
    resolver = Resolver()
    assert await resolver.resolve(Uri.parse("sip:127.0.0.1")) == [Hop("UDP", "127.0.0.1", 5060)]
    await resolver.close()


def srv(*records: tuple[int, int, str]) -> list[Srv]:
    return [Srv(priority, weight, 5060, target) for priority, weight, target in records]


def targets(records: list[Srv], randomness: Callable[[], float]) -> str:
    return "".join(record.target for record in by_priority(records, randomness))


def test_priority_comes_before_weight() -> None:
    records = srv((30, 100, "c"), (10, 1, "a"), (20, 50, "b"))
    assert all(targets(records, lambda number=number: number) == "abc" for number in (0.0, 0.5, 0.999))


def test_weight_is_the_share_of_first_choices() -> None:
    rng = random.Random(2782)
    firsts = Counter(
        targets(srv((1, 60, "a"), (1, 30, "b"), (1, 10, "c"), (1, 0, "z")), rng.random)[0] for _ in range(5_000)
    )
    assert 2_850 < firsts["a"] < 3_150
    assert 1_400 < firsts["b"] < 1_600
    assert 420 < firsts["c"] < 580
    assert firsts["z"] < 5


def test_without_weights_all_have_the_same_chance() -> None:
    rng = random.Random(2782)
    firsts = Counter(targets(srv((1, 0, "a"), (1, 0, "b")), rng.random)[0] for _ in range(2_000))
    assert 900 < firsts["a"] < 1_100
    assert targets(srv((1, 0, "a"), (1, 5, "b")), lambda: 0.0) == "ab"
    assert by_priority([]) == []


def test_records_sort_as_their_rfcs_say() -> None:
    assert Naptr(1, 9, "S", "SIP+D2U", "x") < Naptr(2, 1, "S", "SIP+D2U", "x")
