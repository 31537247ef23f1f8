"""As what providers see us: told by their answers to REGISTER, so that nobody else has to be asked."""

from __future__ import annotations

from carrier import account, exchange, pass_time, simulated


@simulated
async def test_the_answer_to_a_registration_tells_our_address_outside():
    async with exchange(account()) as us:
        carrier = us.carrier()
        carrier.says["REGISTER"] = _seen("203.0.113.5")
        assert us.trunks.seen_as() == []
        await us.trunks.start()
        await pass_time(1)
        (seen,) = us.trunks.seen_as()
        assert (seen["trunk"], seen["address"]) == ("Odorik", "203.0.113.5")
        assert seen["ours"] != "203.0.113.5"


@simulated
async def test_a_provider_is_told_of_a_new_address_within_seconds():
    async with exchange(account()) as us:
        carrier = us.carrier()
        await us.trunks.start()
        await pass_time(1)
        assert len(carrier.of("REGISTER")) == 1
        us.trunks.register_again()
        await pass_time(6)
        assert len(carrier.of("REGISTER")) == 2
        await pass_time(60)
        assert len(carrier.of("REGISTER")) == 2


def _seen(address):
    def answer(request):
        response = request.reply(200)
        response.set("Via", request.get("Via") + f";received={address};rport=40001")
        response.add("Contact", f"<{request.contact.uri}>;expires=600")
        return response

    return answer
