"""Keep-alives come just before the NAT forgets: how long it remembers is measured, and nobody is away for long."""

from __future__ import annotations

import asyncio
import random

import pytest
from carrier import Carrier, pass_time, simulated
from company import company
from test_qualify import Watched
from wire import authorize, request

from jackfield.switch.pinhole import AGAIN, LONGEST, SHORTEST, Pinhole

START = 30.0


class Home:
    """A phone behind a NAT that forgets after `life` seconds; it registers again at `share` of what it is granted."""

    def __init__(self, office: Watched, life: float, *, share: float = 0.9, user: str = "u101", restarts: bool = False):
        self.office, self.life, self.share, self.user, self.restarts = office, life, share, user, restarts
        self.phone = Carrier(office.network, "203.0.113.7", 5060)
        office.phones.append(self.phone)
        self.flow = office.transports.flow("UDP", ("203.0.113.7", 5060))
        self.passed = office.loop.time()
        self.granted: list[int] = []
        self.away = 0.0  # the longest time for which the NAT let nothing in
        office.network.lost = self.is_lost
        self.task = asyncio.create_task(self.live())

    def is_lost(self, data: bytes) -> bool:
        now = self.office.loop.time()
        if now - self.passed > self.life:
            return True
        self.passed = now
        return False

    async def live(self) -> None:
        for cseq in range(1, 10_000, 2):
            call_id = f"boot{cseq if self.restarts else 0}"
            extra = "Contact: <sip:a@192.168.1.5>;expires=300\r\n"
            made = request("REGISTER", "sip:test", from_=f"<sip:{self.user}@test>;tag=a", to=f"<sip:{self.user}@test>",
                           call_id=call_id, cseq=cseq, extra=extra)  # fmt: skip
            again = request("REGISTER", "sip:test", from_=f"<sip:{self.user}@test>;tag=a", to=f"<sip:{self.user}@test>",
                            call_id=call_id, cseq=cseq + 1, extra=extra)  # fmt: skip
            self.away = max(self.away, self.office.loop.time() - self.passed - self.life)
            self.office.now = self.office.loop.time()
            response = self.office.ask(authorize(again, self.office.ask(made, self.flow), self.user), self.flow)
            assert response.status == 200
            self.passed = self.flow.last_out = self.office.loop.time()
            self.granted.append(int(response.all("Contact")[0].rpartition("expires=")[2]))
            await asyncio.sleep(self.granted[-1] * self.share)

    @property
    def pinhole(self) -> Pinhole:
        return self.office.registrar.experience.pinhole(self.contact)

    @property
    def contact(self):
        return self.office.registrar.registered(self.office.line())[0]

    @property
    def interval(self) -> float:
        return self.office.qualifier.interval(self.contact)


@pytest.mark.parametrize("life", [40.0, 62.0, 125.0, 181.0])
@pytest.mark.parametrize("share", [0.5, 0.9])
@simulated
async def test_the_interval_of_keep_alives_comes_just_under_what_the_nat_remembers(life: float, share: float):
    async with Watched() as office:
        home = Home(office, life, share=share)
        await pass_time(4 * 3600)
        assert life * 0.65 <= home.interval < life
        assert home.contact.reachable
        assert home.away <= life + 40  # only while it was tried, and never until the registration's own end
        home.task.cancel()


@simulated
async def test_a_nat_that_remembers_long_is_asked_seldom_but_at_least_every_five_minutes():
    async with Watched(company(general={"register_max": 3600})) as office:
        home = Home(office, 7200.0)
        await pass_time(4 * 3600)
        assert 200 < home.interval <= LONGEST
        home.task.cancel()


@simulated
async def test_while_it_is_measured_the_phone_is_told_to_register_soon_after():
    async with Watched() as office:
        home = Home(office, 62.0)
        await pass_time(1800)
        assert min(home.granted) < 120  # it asked for 300
        await pass_time(4 * 3600)
        assert home.granted[-1] == 300  # and is left in peace again
        home.task.cancel()


@simulated
async def test_a_nat_that_forgets_sooner_than_before_is_believed_at_once():
    async with Watched() as office:
        home = Home(office, 125.0)
        await pass_time(4 * 3600)
        before = home.interval
        home.life = 50.0
        await pass_time(700)
        assert home.interval < before / 1.8
        await pass_time(2 * 3600)
        assert home.interval < 50.0
        assert home.contact.reachable
        home.task.cancel()


@simulated
async def test_a_phone_that_starts_anew_says_nothing_of_its_nat():
    async with Watched() as office:
        home = Home(office, 125.0)
        await pass_time(4 * 3600)
        before = home.interval
        home.restarts = True
        home.phone.silent()
        await pass_time(200)
        home.phone.says.clear()
        await pass_time(1000)
        assert home.interval >= before
        home.task.cancel()


@simulated
async def test_a_phone_that_keeps_its_pinhole_open_by_itself_is_not_asked():
    async with Watched() as office:
        home = Home(office, 60.0)
        await pass_time(40)
        asked = len(home.phone.of("OPTIONS"))

        async def ping() -> None:
            while True:
                home.flow.last_in = home.passed = office.loop.time()
                await asyncio.sleep(20)

        pinging = asyncio.create_task(ping())
        await pass_time(3600)
        assert len(home.phone.of("OPTIONS")) <= asked + 1
        assert home.interval <= START  # nothing was learnt of the NAT
        pinging.cancel()
        home.task.cancel()


@simulated
async def test_what_was_learnt_outlives_a_restart():
    async with Watched() as office:
        home = Home(office, 62.0)
        await pass_time(4 * 3600)
        learnt = list(office.registrar.experience.entries())
        home.task.cancel()
    async with Watched() as again:
        home = Home(again, 62.0)
        await pass_time(1)
        assert home.interval == START
        for entry in learnt:
            again.registrar.experience.take(entry)
        assert 40 < home.interval < 62
        home.task.cancel()


# --- the search by itself ---


def test_the_search_ends_close_to_the_life_of_the_nat():
    generator = random.Random(4)
    for _ in range(200):
        life, pinhole, steps = generator.uniform(20, 400), Pinhole(), 0
        pinhole.survived(START, 1.0) if life > START else pinhole.forgot(START, START, 1.0)
        while silence := pinhole.following(START):
            steps += 1
            if silence < life:
                pinhole.survived(silence, 1.0)
            else:
                pinhole.forgot(silence, START, 1.0)
            assert steps < 30
        assert SHORTEST <= pinhole.interval(START) <= LONGEST
        assert pinhole.interval(START) < life
        assert pinhole.interval(START) > 0.7 * min(life, LONGEST) or pinhole.good == SHORTEST


def test_one_loss_may_be_chance():
    pinhole = Pinhole(good=40.0, at=1.0)
    pinhole.forgot(60.0, START, 2.0)
    assert pinhole.following(START) == 60.0
    pinhole.forgot(60.0, START, 3.0)
    assert pinhole.following(START) == 50.0


def test_after_a_day_it_is_looked_whether_the_nat_remembers_longer_by_now():
    pinhole = Pinhole(good=40.0, bad=42.0, at=1.0)
    assert not pinhole.following(START)
    pinhole.renew(AGAIN + 2)
    assert pinhole.following(START) == 60.0
    assert pinhole.interval(START) == 36.0  # what is known to be good stays in use meanwhile


def test_a_settings_interval_shorter_than_usual_is_obeyed():
    pinhole = Pinhole()
    assert pinhole.interval(5.0) == 5.0
    pinhole.survived(7.5, 1.0)
    assert pinhole.interval(5.0) == 6.75
