"""How those who are called are reached: with an account at a provider, at an address of their own, or too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jackfield.sip.digest import Challenger, ha1
from jackfield.switch.snapshot import Outbound, Trunk

from .house import SWITCH, Conversation, House, Phone, extension

CARRIER, BACKUP = "203.0.113.1", "203.0.113.2"


class Provider(Phone):
    """A carrier that asks for the password of account 20099 before it lets a call in."""

    def __init__(self, house: House, password: str) -> None:
        super().__init__(house, "carrier", "", CARRIER, codecs=("pcma",))
        self.challenger = Challenger("carrier", b"a secret of the carrier")
        self.account_password = password
        self.auto = self.ask
        house.phones.append(self)

    def ask(self, call: Conversation) -> None:
        assert call.incoming is not None
        request, now = call.incoming.request, asyncio.get_running_loop().time()
        verdict = self.challenger.verify(
            request.get("Proxy-Authorization"), "INVITE", request.uri, SWITCH, now,
            lambda name, algorithm: ha1(name, "carrier", self.account_password, algorithm),
        )  # fmt: skip
        if verdict.ok:
            call.answer()
            return
        challenges = self.challenger.challenges(SWITCH, now, stale=verdict.stale)
        call.incoming.reject(407, headers=[("Proxy-Authenticate", value) for value in challenges])


async def with_trunks(house: House, *hosts: str, **fields: object) -> None:
    """Calls behind 9 go through a trunk with these addresses."""
    fields = {"kind": "address", "qualify_interval": 0.0} | fields
    trunk = Trunk(name="Odorik", hosts=hosts, **fields)  # type: ignore[arg-type]
    await house.configure(trunks=(trunk,), outbound=(Outbound(name="World", prefix="9", trunks=("Odorik",)),))
    await house.pass_time(1)


async def test_a_provider_that_asks_for_the_password_gets_it(house: House) -> None:
    provider = Provider(house, "secret")
    await with_trunks(house, CARRIER, username="20099", password="secret")
    alice = await house.phone("101")
    call = alice.call("90123456")
    assert await call.outcome() == 200
    assert [len(one.invite.all("Proxy-Authorization")) for one in provider.calls if one.invite] == [0, 1]
    assert house.hears(alice) == "the other party"


async def test_a_wrong_password_at_the_provider_is_tried_once_and_asked_of_no_caller(house: House) -> None:
    provider = Provider(house, "secret")
    await with_trunks(house, CARRIER, username="20099", password="forgotten")
    alice = await house.phone("101")
    assert await alice.call("90123456").outcome() == 403, "a phone would ask its user for a password"
    assert len(provider.calls) == 2
    await house.pass_time(1)
    assert house.record["sip_status"] == 407
    assert "password refused (407) - check Trunks > Odorik > Password" in house.journal()


async def test_an_address_that_answers_after_the_next_one_was_tried_is_hung_up(house: House) -> None:
    slow, second = (Phone(house, "carrier", "", address, codecs=("pcma",)) for address in (CARRIER, BACKUP))
    house.phones += [slow, second]
    await with_trunks(house, CARRIER, BACKUP)
    alice = await house.phone("101")
    late: list[Callable[[], None]] = []
    take = slow.transports.receive
    slow.transports.receive = lambda message, flow: late.append(lambda: take(message, flow))
    call = alice.call("9123")
    await second.picks_up()
    assert await call.outcome() == 200
    slow.transports.receive = take
    slow.auto = lambda one: one.answer()
    late[0]()
    await house.pass_time(1)
    (answered,) = slow.calls
    assert answered.ended is not None
    assert house.hears(alice) == "the other party", "the call itself goes on"


async def test_a_phone_that_registers_for_another_address_is_called_there(house: House) -> None:
    await house.configure(extensions=(extension("101"), extension("102", behind_nat="never")))
    alice, front = await house.phone("101"), await house.phone("102", register=False)
    desk = Phone(house, "u102", "", "10.0.0.150")
    house.phones.append(desk)
    front.address = desk.address  # in its Contact
    assert (await front.register()).status == 200
    call = alice.call("102")
    await desk.picks_up()
    assert await call.outcome() == 200
    assert not front.calls
