"""Whether the addresses of a trunk answer, and what follows when they do not."""

from __future__ import annotations

import logging

from carrier import account, exchange, pass_time, simulated
from company import trunk

from jackfield.sip.flow import Hop
from jackfield.switch.trunk_health import Health


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
        assert "check the network and Trunks > Odorik > Provider's address" in lines[0]
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
