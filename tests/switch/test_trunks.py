"""Trunks: counted, called, known by where calls come from, and changed while they work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from carrier import account, exchange, pass_time, simulated
from company import Inbound, Outbound, trunk
from wire import FakeFlow, request

from jackfield.switch.trunk import networks_of, uri_of
from jackfield.switch.trunks import may_fail_over

# --- limits ---


@simulated
async def test_calls_are_counted_against_the_trunk_s_limit():
    limited = trunk(max_calls=2)
    async with exchange(limited) as us:
        await us.trunks.start()
        assert us.trunks.acquire(limited)
        assert us.trunks.acquire(limited)
        assert not us.trunks.has_room(limited)
        assert not us.trunks.acquire(limited)
        assert us.trunks.acquire(limited, force=True)
        for _ in range(5):
            us.trunks.release(limited)
        assert us.row().calls == 0
        assert us.trunks.has_room(limited)
        unknown = trunk("Nobody")
        assert not us.trunks.acquire(unknown)
        assert not us.trunks.usable(unknown)
        us.trunks.release(unknown)


@simulated
async def test_calls_are_counted_against_the_route_s_limit():
    async with exchange(trunk()) as us:
        limited = Outbound(name="World", prefix="9", max_calls=1)
        with us.trunks.route_slot(limited) as first:
            assert first
            with us.trunks.route_slot(limited) as second:
                assert not second
        with us.trunks.route_slot(limited) as third:
            assert third
        with us.trunks.route_slot(Outbound(name="Free")) as free, us.trunks.route_slot(Outbound(name="Free")) as too:
            assert free
            assert too


# --- calls to a trunk ---


@pytest.mark.parametrize(
    ("fields", "uri"),
    [
        ({"hosts": ("sip.carrier.example",)}, "sip:777@sip.carrier.example"),
        ({"hosts": ("192.0.2.10:5080",)}, "sip:777@192.0.2.10:5080"),
        ({"hosts": ("2001:db8::1",)}, "sip:777@[2001:db8::1]"),
        ({"domain": "carrier.example"}, "sip:777@carrier.example"),
        ({"hosts": ()}, "sip:777@invalid"),
    ],
)
@simulated
async def test_the_request_uri_of_a_call(fields, uri: str):
    async with exchange() as us:
        assert us.trunks.request_uri(trunk(**fields), "777") == uri


@simulated
async def test_an_odd_number_is_escaped():
    async with exchange() as us:
        assert us.trunks.request_uri(trunk(hosts=("h",)), "*21#") == "sip:*21%23@h"


@simulated
async def test_challenges_are_answered_with_the_account():
    async with exchange(account(auth_username="auth")) as us:
        await us.trunks.reload()
        credentials = us.trunks.credentials(us.snapshot.trunks[0])
        assert (credentials.username, credentials.password) == ("auth", "pw")
        assert us.trunks.credentials(us.snapshot.trunks[0]).digest is credentials.digest
        assert us.trunks.credentials(trunk("Gone", username="u")).username == "u"
        assert us.trunks.contact_user(trunk("Gone")) == "trunk"
        assert await us.trunks.hops(trunk("Gone")) == []


@pytest.mark.parametrize("status", [408, 500, 503, 504, 599])
def test_a_failed_trunk_makes_way_for_the_next(status: int):
    assert may_fail_over(status)


@pytest.mark.parametrize("status", [400, 403, 404, 480, 486, 487, 488, 600, 603, 606])
def test_a_busy_or_unwilling_callee_does_not(status: int):
    assert not may_fail_over(status)


# --- calls from a trunk ---


def named(found):
    return found.name if found else None


@simulated
async def test_a_call_from_an_address_of_a_trunk_or_of_its_sources_is_the_trunk_s():
    carrier = trunk(hosts=("192.0.2.10", "192.0.2.11"), sources=("198.51.100.0/24", "2001:db8::/32"))
    async with exchange(carrier) as us:
        await us.trunks.start()
        await pass_time(1)

        def comes_from(host):
            return named(us.trunks.identify(request(), FakeFlow(remote=(host, 5099))))

        assert comes_from("192.0.2.11") == comes_from("198.51.100.7") == comes_from("2001:db8::7") == "Odorik"
        assert comes_from("192.0.2.12") is None
        assert comes_from("not an address") is None
        assert us.trunks.sent_from(carrier, FakeFlow(remote=("192.0.2.11", 5060)))
        assert not us.trunks.sent_from(carrier, FakeFlow(remote=("192.0.2.11", 5061)))


@simulated
async def test_a_call_to_our_registered_contact_is_the_account_s_wherever_it_comes_from():
    async with exchange(account(), trunk("Other", hosts=("192.0.2.77",))) as us:
        us.carrier()
        await us.trunks.start()
        await pass_time(1)
        user = us.trunks.contact_user(us.snapshot.trunks[0])
        flow = FakeFlow(remote=("192.0.2.77", 5060))
        assert named(us.trunks.identify(request(uri=f"sip:{user}@192.0.2.1"), flow)) == "Odorik"
        assert named(us.trunks.identify(request(uri="sip:x@y?a=b"), flow)) == "Other"


@simulated
async def test_of_two_accounts_at_one_provider_the_right_one_is_found():
    one = trunk("One", username="1001")
    two = trunk("Two", username="1002")
    three = trunk("Three", hosts=("192.0.2.10:5090",))
    rules = (Inbound(trunk="Two", number="5550202", target="101"), Inbound(number="", target="102"))
    async with exchange(one, two, three, inbound=rules) as us:
        await us.trunks.start()
        await pass_time(1)
        provider = FakeFlow(remote=("192.0.2.10", 5060))
        assert named(us.trunks.identify(request(uri="sip:1002@x"), provider)) == "Two"
        assert named(us.trunks.identify(request(uri="sip:7@x", to="<sip:1001@x>"), provider)) == "One"
        assert named(us.trunks.identify(request(uri="sip:5550202@x"), provider)) == "Two"
        assert named(us.trunks.identify(request(uri="sip:9@x"), provider)) == "One"
        assert named(us.trunks.identify(request(uri="sip:9@x"), FakeFlow(remote=("192.0.2.10", 5090)))) == "Three"


@simulated
async def test_without_trunks_nobody_is_one():
    async with exchange() as us:
        await us.trunks.start()
        assert us.trunks.identify(request(), FakeFlow()) is None
        assert us.trunks.table() == []


# --- configuration changes ---


@simulated
async def test_a_change_restarts_only_the_trunk_that_changed():
    first, second = account(), trunk("Peer", hosts=("192.0.2.20",))
    async with exchange(first, second) as us:
        carrier = us.carrier()
        peer = us.carrier("192.0.2.20")
        await us.trunks.start()
        await pass_time(5)
        assert us.trunks.acquire(first)
        us.snapshot = replace(us.snapshot, trunks=(replace(first, max_calls=7), second))
        registers, options = len(carrier.of("REGISTER")), len(peer.of("OPTIONS"))
        await us.trunks.reload()
        await pass_time(5)
        assert us.row().calls == 1
        assert us.row().state == "registered"
        assert len(carrier.of("REGISTER")) == registers + 1
        assert all(r.expires for r in carrier.of("REGISTER"))  # the new one is not undone by the old one's farewell
        assert len(peer.of("OPTIONS")) == options


@simulated
async def test_a_trunk_that_is_switched_off_is_unregistered_and_listed_as_disabled():
    async with exchange(account()) as us:
        carrier = us.carrier()
        await us.trunks.start()
        await pass_time(5)
        off = replace(us.snapshot.trunks[0], enabled=False)
        us.snapshot = replace(us.snapshot, trunks=(off,))
        await us.trunks.reload()
        await pass_time(5)
        assert carrier.of("REGISTER")[-1].expires == 0
        assert us.row().state == "disabled"
        assert not us.trunks.usable(off)
        assert us.trunks.identify(request(), FakeFlow(remote=("192.0.2.10", 5060))) is None


# --- small things ---


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip.example.com", "sip:sip.example.com"),
        ("sip.example.com:5080", "sip:sip.example.com:5080"),
        ("2001:db8::1", "sip:[2001:db8::1]"),
        ("[2001:db8::1]:5080", "sip:[2001:db8::1]:5080"),
        ("  ", "None"),
        ("not a host", "None"),
    ],
)
def test_hosts_are_read_as_people_write_them(text: str, uri: str):
    assert str(uri_of(text)) == uri
    assert str(uri_of("h", "tls")) == "sip:h;transport=tls"


def test_a_source_that_is_no_network_is_named_and_left_out(caplog):
    assert len(networks_of(("192.0.2.1", "10.0.0.0/8", "nonsense"))) == 2
    assert '"nonsense" is no network' in caplog.text
