"""Trunks: registered, watched, counted, and known by where calls come from."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from carrier import Exchange, pass_time, simulated
from company import Inbound, Outbound, company, trunk
from wire import FakeFlow, request

from jackfield.sip.flow import Hop
from jackfield.switch.trunk import networks_of, uri_of
from jackfield.switch.trunk_health import Health
from jackfield.switch.trunks import may_fail_over


def account(**fields):
    fields = {"kind": "register", "hosts": ("sip.carrier.example",), "username": "20099", "password": "pw"} | fields
    return trunk("Odorik", **fields)


def exchange(*trunks, **fields) -> Exchange:
    made = Exchange(company(trunks=trunks, **fields))
    made.names.known["sip.carrier.example"] = ["192.0.2.10"]
    return made


# --- registration ---


@simulated
async def test_an_account_is_registered_with_its_password_and_kept_so():
    async with exchange(account()) as us:
        carrier = us.carrier()
        carrier.password = "pw"
        await us.trunks.start()
        await pass_time(1)
        assert us.row().state == "registered"
        first, second = carrier.of("REGISTER")
        assert "Authorization" not in first
        assert second.uri == "sip:sip.carrier.example"
        assert second.to.uri.user == "20099"
        assert second.contact.uri.user == us.trunks.contact_user(us.snapshot.trunks[0])
        assert len(second.contact.uri.user) >= 16
        assert second.cseq.number > first.cseq.number
        await pass_time(600)
        registers = carrier.of("REGISTER")
        assert len(registers) >= 3
        assert "Authorization" in registers[2]  # the second round needs no challenge, if the nonce still holds
        assert us.states == ["registered"]


@simulated
async def test_a_registration_is_renewed_between_half_and_nine_tenths_of_its_time():
    async with exchange(account(register_expires=1000)) as us:
        carrier = us.carrier()
        carrier.says["REGISTER"] = lambda r: _granted(r, 200)
        await us.trunks.start()
        await pass_time(90)
        assert len(carrier.of("REGISTER")) == 1
        await pass_time(100)
        assert len(carrier.of("REGISTER")) == 2


def _granted(request_, seconds):
    response = request_.reply(200)
    contact = request_.contact
    response.add("Contact", f"<{contact.uri}>;expires={seconds}")
    return response


@simulated
async def test_an_old_nonce_is_no_refusal_even_if_the_provider_does_not_say_stale():
    async with exchange(account(register_expires=200)) as us:
        carrier = us.carrier()
        carrier.password = "pw"
        await us.trunks.start()
        await pass_time(1)
        really = carrier.challenger.challenges
        carrier.challenger.challenges = lambda client, now, stale=False: really(client, now)
        await pass_time(200)
        assert us.row().state == "registered"
        assert us.states == ["registered"]


@simulated
async def test_a_wrong_password_is_told_with_the_mend_and_not_tried_again_soon(caplog):
    async with exchange(account(password="wrong")) as us:
        carrier = us.carrier()
        carrier.password = "pw"
        with caplog.at_level(logging.INFO):
            await us.trunks.start()
            await pass_time(40)
        assert us.row().state == "refused"
        assert 'trunk "Odorik": password refused (403) - check Trunks > Odorik > Password' in caplog.text
        assert len(carrier.of("REGISTER")) == 2
        assert not us.trunks.usable(us.snapshot.trunks[0])
        carrier.password = "wrong"  # mended at the provider
        await pass_time(120)
        assert us.states == ["refused", "registered"]


@simulated
async def test_a_second_challenge_for_the_same_password_is_a_refusal():
    async with exchange(account()) as us:
        carrier = us.carrier()
        carrier.says["REGISTER"] = lambda r: _challenged(r)
        await us.trunks.start()
        await pass_time(5)
        assert us.row().text == "password refused (401) - check Trunks > Odorik > Password"


def _challenged(request_):
    response = request_.reply(401)
    response.add("WWW-Authenticate", 'Digest realm="carrier", nonce="same", algorithm=MD5, qop="auth"')
    return response


@pytest.mark.parametrize(
    ("status", "text"),
    [(404, 'knows no user "20099"'), (402, "registration refused (402 Payment Required)")],
)
@simulated
async def test_other_refusals_are_told_in_words(status: int, text: str):
    async with exchange(account()) as us:
        us.carrier().says["REGISTER"] = lambda r: r.reply(status)
        await us.trunks.start()
        await pass_time(5)
        assert text in us.row().text


@simulated
async def test_retry_after_is_respected():
    async with exchange(account()) as us:
        carrier = us.carrier()

        def busy(r):
            response = r.reply(503)
            response.set("Retry-After", "900 (maintenance)")
            return response

        carrier.says["REGISTER"] = busy
        await us.trunks.start()
        await pass_time(800)
        assert len(carrier.of("REGISTER")) == 1
        del carrier.says["REGISTER"]
        await pass_time(200)
        assert us.row().state == "registered"


@simulated
async def test_too_short_a_time_is_asked_again_as_the_provider_wants_it():
    async with exchange(account(register_expires=60)) as us:
        carrier = us.carrier()

        def brief(r):
            if r.expires >= 1800:
                return _granted(r, 1800)
            response = r.reply(423)
            response.set("Min-Expires", "1800")
            return response

        carrier.says["REGISTER"] = brief
        await us.trunks.start()
        await pass_time(5)
        assert us.row().state == "registered"
        assert [r.expires for r in carrier.of("REGISTER")] == [60, 1800]


@simulated
async def test_when_the_first_address_is_silent_the_next_takes_the_registration():
    async with exchange(account()) as us:
        us.names.known["sip.carrier.example"] = ["192.0.2.10", "192.0.2.11"]
        us.carrier("192.0.2.10").silent()
        second = us.carrier("192.0.2.11")
        await us.trunks.start()
        await pass_time(20)
        assert us.row().state == "registered"
        assert second.of("REGISTER")


@simulated
async def test_a_provider_that_is_silent_is_tried_again_with_growing_pauses(caplog):
    async with exchange(account(qualify_interval=0)) as us:
        carrier = us.carrier()
        carrier.silent()
        await us.trunks.start()
        await pass_time(3600)
        rounds = {r.cseq.number for r in carrier.of("REGISTER")}
        assert 10 <= len(rounds) <= 20
        assert us.row().state == "down"
        assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1
        carrier.says.clear()
        await pass_time(400)
        assert us.row().state == "registered"


@simulated
async def test_a_name_that_can_t_be_resolved_is_told(caplog):
    async with exchange(account(hosts=("nowhere.example",))) as us:
        await us.trunks.start()
        await pass_time(5)
        assert us.row().state == "down"
        assert "no address found for nowhere.example - check Trunks > Odorik > Hosts, and DNS" in caplog.text
        assert not us.trunks.usable(us.snapshot.trunks[0])
        us.names.known["nowhere.example"] = ["192.0.2.10"]
        us.carrier()
        await pass_time(120)
        assert us.row().state == "registered"


@simulated
async def test_a_server_that_takes_no_connection_is_told():
    async with exchange(account(transport="tcp", qualify_interval=0)) as us:
        await us.trunks.start()
        await pass_time(5)
        assert us.row().text.startswith("nobody listens at TCP 192.0.2.10:5060 - check Trunks > Odorik > Hosts")


@simulated
async def test_a_lost_connection_is_made_anew_at_once():
    async with exchange(account(transport="tcp")) as us:
        carrier = us.carrier()
        await us.trunks.start()
        await pass_time(5)
        flow = us.transports.flow("TCP", ("192.0.2.10", 5060))
        flow.closed = True
        us.transports._flows.clear()
        await pass_time(10)
        assert len(carrier.of("REGISTER")) == 2
        assert us.row().state == "registered"


@simulated
async def test_the_pinhole_is_kept_open_when_the_provider_sees_another_address():
    async with exchange(account()) as us:
        carrier = us.carrier()
        pinged = []
        us.transports.keep_alive = pinged.append

        def through_nat(r):
            response = _granted(r, 600)
            response.set("Via", f"{r.get('Via')};received=203.0.113.1")
            return response

        carrier.says["REGISTER"] = through_nat
        await us.trunks.start()
        await pass_time(100)
        assert 3 <= len(pinged) <= 4


@simulated
async def test_the_registration_is_taken_back_at_the_end():
    us = exchange(account())
    carrier = us.carrier()
    await us.trunks.start()
    await pass_time(5)
    await us.trunks.close()
    assert carrier.of("REGISTER")[-1].expires == 0
    await us.agent.close()
    await carrier.agent.close()


@simulated
async def test_the_contact_of_an_account_is_the_same_after_a_restart():
    async with exchange(account()) as one, exchange(account()) as other:
        await one.trunks.reload()
        await other.trunks.reload()
        ours = one.snapshot.trunks[0]
        assert one.trunks.contact_user(ours) == other.trunks.contact_user(ours)


# --- health ---


@simulated
async def test_an_address_that_stops_answering_is_down_and_comes_back(caplog):
    carriers = trunk(hosts=("192.0.2.10", "192.0.2.11"), qualify_interval=60.0)
    async with exchange(carriers) as us:
        first, second = us.carrier("192.0.2.10"), us.carrier("192.0.2.11")
        await us.trunks.start()
        await pass_time(5)
        assert [h.host for h in await us.trunks.hops(carriers)] == ["192.0.2.10", "192.0.2.11"]
        assert us.row().hosts == ("UDP 192.0.2.10:5060 up", "UDP 192.0.2.11:5060 up")
        first.silent()
        with caplog.at_level(logging.INFO):
            await pass_time(120)
        assert [h.host for h in await us.trunks.hops(carriers)] == ["192.0.2.11", "192.0.2.10"]
        assert "192.0.2.10:5060 is down (it does not answer) - calls go to UDP 192.0.2.11:5060" in caplog.text
        assert us.trunks.usable(carriers)
        assert us.states == []
        first.says.clear()
        with caplog.at_level(logging.INFO):
            await pass_time(120)
        assert "192.0.2.10:5060 is up again" in caplog.text
        assert [h.host for h in await us.trunks.hops(carriers)] == ["192.0.2.10", "192.0.2.11"]
        assert len(second.of("OPTIONS")) >= 3


@simulated
async def test_a_trunk_without_an_address_that_answers_is_down_with_one_line(caplog):
    async with exchange(trunk()) as us:
        carrier = us.carrier()
        carrier.silent()
        await us.trunks.start()
        await pass_time(1000)
        assert us.row().state == "down"
        assert not us.trunks.usable(us.snapshot.trunks[0])
        lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
        assert len(lines) == 1
        assert "none of its addresses answers" in lines[0]
        assert "check the network and Trunks > Odorik > Hosts" in lines[0]
        carrier.says.clear()
        await pass_time(60)
        assert us.states == ["down", "up"]
        assert us.row().text == ""


@simulated
async def test_one_lost_answer_is_no_reason_to_go_elsewhere():
    async with exchange(trunk()) as us:
        carrier = us.carrier()
        await us.trunks.start()
        await pass_time(5)
        carrier.silent()
        await pass_time(65)
        carrier.says.clear()
        await pass_time(60)
        assert us.states == []


@simulated
async def test_any_answer_is_a_sign_of_life_except_503():
    async with exchange(trunk()) as us:
        carrier = us.carrier()
        carrier.says["OPTIONS"] = lambda r: r.reply(405)
        await us.trunks.start()
        await pass_time(200)
        assert us.row().state == "up"
        carrier.says["OPTIONS"] = lambda r: r.reply(503)
        await pass_time(200)
        assert us.row().state == "down"


@simulated
async def test_a_provider_that_ignores_options_but_registers_us_is_not_down():
    async with exchange(account()) as us:
        us.carrier().says["OPTIONS"] = lambda r: None
        await us.trunks.start()
        await pass_time(2000)
        assert us.row().state == "registered"
        assert us.trunks.usable(us.snapshot.trunks[0])


@simulated
async def test_a_call_that_found_nobody_makes_the_address_second_choice_and_has_it_checked():
    carriers = trunk(hosts=("192.0.2.10", "192.0.2.11"))
    async with exchange(carriers) as us:
        first = us.carrier("192.0.2.10")
        us.carrier("192.0.2.11")
        await us.trunks.start()
        await pass_time(5)
        before = len(first.of("OPTIONS"))
        bad = (await us.trunks.hops(carriers))[0]
        us.trunks.attempted(carriers, bad, 408, local=True)
        assert [h.host for h in await us.trunks.hops(carriers)] == ["192.0.2.11", "192.0.2.10"]
        await pass_time(1)
        assert len(first.of("OPTIONS")) == before + 1
        assert [h.host for h in await us.trunks.hops(carriers)] == ["192.0.2.10", "192.0.2.11"]


@simulated
async def test_a_call_that_was_answered_brings_the_address_up():
    async with exchange(trunk(qualify_interval=0.0)) as us:
        await us.trunks.start()
        await pass_time(1)
        ours = us.snapshot.trunks[0]
        hop = (await us.trunks.hops(ours))[0]
        for _ in range(2):
            us.trunks.attempted(ours, hop, 408, local=True)
        assert us.row().state == "down"
        us.trunks.attempted(ours, hop, 486, local=False)
        assert us.row().state == "up"
        us.trunks.attempted(ours, Hop("UDP", "198.51.100.1", 5060), 408, local=True)
        us.trunks.attempted(ours, None, 503, local=True)
        assert us.row().state == "up"


@simulated
async def test_an_outbound_proxy_takes_the_place_of_the_hosts():
    async with exchange(account(outbound_proxy="192.0.2.20:5080", transport="tcp", verify_tls=False)) as us:
        us.carrier("192.0.2.20", 5080)
        await us.trunks.start()
        await pass_time(5)
        hop = (await us.trunks.hops(us.snapshot.trunks[0]))[0]
        assert (hop.transport, hop.host, hop.port, hop.verify) == ("TCP", "192.0.2.20", 5080, False)
        assert us.row().state == "registered"


@simulated
async def test_while_dns_is_away_the_last_addresses_serve():
    async with exchange(account()) as us:
        us.carrier()
        await us.trunks.start()
        await pass_time(5)
        us.names.known.clear()
        await pass_time(300)
        assert [h.host for h in await us.trunks.hops(us.snapshot.trunks[0])] == ["192.0.2.10"]


@simulated
async def test_a_call_right_after_the_start_waits_for_the_name():
    async with exchange(account()) as us:
        us.carrier()
        await us.trunks.start()
        assert [h.host for h in await us.trunks.hops(us.snapshot.trunks[0])] == ["192.0.2.10"]


@simulated
async def test_a_fault_while_watching_does_not_end_the_watch(caplog):
    async with exchange(trunk()) as us:
        us.carrier()
        really = us.names.resolve

        async def broken(uri, *, prefer=None):
            us.names.resolve = really
            raise RuntimeError("boom")

        us.names.resolve = broken
        await us.trunks.start()
        await pass_time(120)
        assert "boom" in caplog.text
        assert us.row().hosts == ("UDP 192.0.2.10:5060 up",)


def test_health_forgets_addresses_that_dns_no_longer_names():
    health = Health()
    a, b = Hop("UDP", "192.0.2.10", 5060), Hop("UDP", "192.0.2.11", 5060)
    assert health.use([a, b, a])
    for _ in range(2):
        health.failed(a, 0.0)
    assert health.in_order(0.0) == [b, a]
    assert not health.use([b, a])
    assert health.use([a])
    assert health.of(b) is None
    assert not health.of(a).up
    assert not health.answered(b)
    assert not health.failed(b, 0.0)


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
