"""Trunks that register with a provider: with what, how often, and what is said when it is refused."""

from __future__ import annotations

import logging

import pytest
from carrier import account, exchange, pass_time, simulated


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
@pytest.mark.plain_python
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
        mend = "check Trunks > Odorik > Provider's address, and DNS"
        assert f"no address found for nowhere.example - {mend}" in caplog.text
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
        where = "check Trunks > Odorik > Provider's address"
        assert us.row().text.startswith(f"nobody listens at TCP 192.0.2.10:5060 - {where}")


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
