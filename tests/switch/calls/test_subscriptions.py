"""Lamps: a phone watches another one by SUBSCRIBE, and sees it ring, talk and rest (RFC 4235)."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from jackfield.sip.message import Request, Response
from jackfield.switch.subscriptions import MOST_OF_ONE_LINE

from .house import SWITCH, House, Phone, extension, quiet

NS = "{urn:ietf:params:xml:ns:dialog-info}"


class Lamp:
    """A key of a phone that watches a number."""

    def __init__(self, phone: Phone, number: str, *, event: str = "dialog", accept: str = "") -> None:
        self.phone = phone
        self.number = number
        self.event = event
        self.accept = accept
        self.call_id = f"lamp-{phone.username}-{number}-{event}"
        self.remote = ""
        self.sequence = 0
        self.response: Response

    async def ask(self, expires: int | None = 600, *, password: str = "") -> int:
        """Subscribe, refresh, or (0) end it; the status."""
        self.sequence += 1
        headers = [
            ("From", f"<sip:{self.phone.username}@{SWITCH}>;tag=lamp"),
            ("To", self.remote or f"<sip:{self.number}@{SWITCH}>"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.sequence} SUBSCRIBE"),
            ("Contact", f"<{self.phone.uri}>"),
            ("Event", self.event),
        ]
        if expires is not None:
            headers.append(("Expires", str(expires)))
        if self.accept:
            headers.append(("Accept", self.accept))
        request = Request.new("SUBSCRIBE", f"sip:{self.number}@{SWITCH}", headers)
        agent = self.phone.agent
        self.response = await agent.request(request, flow=self.phone.flow)
        if self.response.status == 401:
            again = agent.authenticate(
                request, self.response, self.phone._digest, self.phone.username, password or self.phone.password
            )
            assert again is not None
            self.sequence += 1
            again.set("CSeq", f"{self.sequence} SUBSCRIBE")
            self.response = await agent.request(again, flow=self.phone.flow)
        if self.response.status == 200:
            self.remote = self.response.get("To") or ""
        return self.response.status

    @property
    def notifications(self) -> list[Request]:
        return [one for one in self.phone.requests if one.method == "NOTIFY" and one.call_id == self.call_id]

    @property
    def documents(self) -> list[ElementTree.Element]:
        return [ElementTree.fromstring(one.body) for one in self.notifications]

    @property
    def seen(self) -> list[str]:
        """What the lamp showed one after the other."""
        return ["+".join(state.text or "" for state in found.iter(f"{NS}state")) for found in self.documents]

    @property
    def state(self) -> str:
        """Of the subscription, as last told."""
        return (self.notifications[-1].get("Subscription-State") or "").partition(";expires")[0]

    def dialog(self) -> ElementTree.Element:
        """The only call that was told last."""
        (found,) = self.documents[-1].iter(f"{NS}dialog")
        return found


@pytest.fixture
async def lamp(house: House) -> Lamp:
    """103 watches 102."""
    return Lamp(await house.phone("103"), "102")


async def test_a_lamp_shows_free_ringing_talking_and_free_again(house: House, lamp: Lamp) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    assert await lamp.ask() == 200
    assert lamp.response.expires == 600
    await house.pass_time()
    assert lamp.seen == ["terminated"]
    assert lamp.notifications[0].get("Subscription-State") == "active;expires=600"
    assert lamp.documents[0].get("entity") == f"sip:102@{SWITCH}"
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    assert lamp.dialog().get("direction") == "recipient"
    assert lamp.dialog().find(f"{NS}remote/{NS}identity").text == f"sip:101@{SWITCH}"  # type: ignore[union-attr]
    assert lamp.dialog().find(f"{NS}remote/{NS}identity").get("display") == "Phone 101"  # type: ignore[union-attr]
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time()
    call.hang_up()
    await quiet(house, 1)
    assert lamp.seen[-1] == "terminated"
    shown = [state for state in dict.fromkeys(lamp.seen) if state != "trying"]
    assert shown == ["terminated", "early", "confirmed"]
    assert [int(found.get("version") or "") for found in lamp.documents] == list(range(len(lamp.documents)))
    assert {found.get("state") for found in lamp.documents} == {"full"}


async def test_a_lamp_shows_that_its_phone_calls_out(house: House) -> None:
    alice, bob, carol = await house.phone("101"), await house.phone("102"), await house.phone("103")
    lamp = Lamp(carol, "101")
    await lamp.ask()
    call = alice.call("102")
    (await bob.rings()).answer()
    await call.outcome()
    await house.pass_time()
    assert lamp.dialog().get("direction") == "initiator"
    assert lamp.seen[-1] == "confirmed"
    assert lamp.dialog().find(f"{NS}remote/{NS}identity").text == f"sip:102@{SWITCH}"  # type: ignore[union-attr]


async def test_a_call_that_rings_is_picked_up_by_what_the_lamp_was_told(house: House, lamp: Lamp) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    await lamp.ask()
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    told = lamp.dialog()
    # The tags are as 102's phone sees them (RFC 4235 section 4.1.2); to-tag is that of the switch (RFC 3891 section 3).
    replaces = f"{told.get('call-id')};to-tag={told.get('remote-tag')};from-tag={told.get('local-tag')};early-only"
    picked = lamp.phone.call("102", headers=(("Replaces", replaces),))
    assert await picked.outcome() == 200
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert ringing.cancelled is not None
    assert lamp.seen[-1] == "terminated"
    assert house.hears(alice) == "the other party"


async def test_a_subscription_is_refreshed_and_ended_by_the_phone(house: House, lamp: Lamp) -> None:
    await lamp.ask()
    await house.pass_time(400)
    assert await lamp.ask(300) == 200
    await house.pass_time(290)
    assert lamp.state == "active"
    assert await lamp.ask(0) == 200
    await house.pass_time()
    assert lamp.state == "terminated;reason=timeout"
    told = len(lamp.notifications)
    alice, _ = await house.phone("101"), await house.phone("102")
    alice.call("102")
    await house.pass_time()
    assert len(lamp.notifications) == told
    assert len(house.switch.subscriptions) == 0
    assert await lamp.ask() == 481, "what is over can't be refreshed"


async def test_a_subscription_that_nobody_refreshes_runs_out(house: House, lamp: Lamp) -> None:
    await lamp.ask(60)
    await house.pass_time(61)
    assert lamp.state == "terminated;reason=timeout"
    assert len(house.switch.subscriptions) == 0


async def test_asking_once_tells_the_state_once(house: House, lamp: Lamp) -> None:
    assert await lamp.ask(0) == 200
    await house.pass_time()
    assert (lamp.seen, lamp.state) == (["terminated"], "terminated;reason=timeout")
    assert len(house.switch.subscriptions) == 0


async def test_a_phone_that_has_forgotten_its_subscription_is_told_nothing_more(house: House, lamp: Lamp) -> None:
    await lamp.ask()
    await house.pass_time()
    lamp.phone.answers_requests = 481
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.call("102")
    await bob.rings()
    await house.pass_time()
    assert len(lamp.notifications) == 2
    assert len(house.switch.subscriptions) == 0


async def test_a_phone_that_is_gone_costs_no_more_than_one_time_out(house: House, lamp: Lamp) -> None:
    await lamp.ask()
    await house.pass_time()
    del house.network.ends[(lamp.phone.address, 5060)]
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    (await bob.rings()).answer()
    await call.outcome()
    await house.pass_time(40)
    assert len(house.switch.subscriptions) == 0
    assert house.hears(alice) == "the other party"


async def test_news_waits_for_the_answer_to_the_news_before(house: House, lamp: Lamp) -> None:
    await lamp.ask()
    await house.pass_time()
    lamp.phone.held_answers = []
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    (await bob.rings()).answer()
    await call.outcome()
    await house.pass_time()
    assert len(lamp.notifications) == 2, "the second one could overtake the first on its way"
    lamp.phone.give_answers()
    await house.pass_time()
    assert lamp.seen[-1] == "confirmed"
    assert len(lamp.notifications) == 3, "what came in between is told at once"


@pytest.mark.parametrize(
    ("event", "accept", "expires", "status", "header"),
    [
        ("presence", "", 600, 489, ("Allow-Events", "dialog, refer")),
        ("message-summary", "", 600, 489, ("Allow-Events", "dialog, refer")),
        ("", "", 600, 489, ("Allow-Events", "dialog, refer")),
        ("dialog", "application/pidf+xml", 600, 406, None),
        ("dialog", "", 30, 423, ("Min-Expires", "60")),
        ("dialog", "application/pidf+xml, application/dialog-info+xml", None, 200, ("Expires", "3600")),
        ("dialog", "*/*", 100_000, 200, ("Expires", "3600")),
    ],
)
async def test_what_can_be_watched_and_how(
    house: House, event: str, accept: str, expires: int | None, status: int, header: tuple[str, str] | None
) -> None:
    lamp = Lamp(await house.phone("103"), "102", event=event, accept=accept)
    assert await lamp.ask(expires) == status
    if header is not None:
        assert lamp.response.get(header[0]) == header[1]


async def test_the_id_of_the_event_comes_back(house: House) -> None:
    lamp = Lamp(await house.phone("103"), "102", event="dialog;id=7")
    await lamp.ask()
    await house.pass_time()
    assert lamp.notifications[0].get("Event") == "dialog;id=7"


async def test_only_extensions_can_be_watched(house: House) -> None:
    carol = await house.phone("103")
    for number in ("999", "200", "*43"):
        assert await Lamp(carol, number).ask() == 404


async def test_only_our_own_phones_may_watch(house: House) -> None:
    carol = await house.phone("103")
    assert await Lamp(carol, "102").ask(password="wrong") == 403
    stranger = await house.phone("nobody", "10.9.9.9", register=False)
    assert await Lamp(stranger, "102").ask() in (401, 403)
    assert len(house.switch.subscriptions) == 0


async def test_a_subscription_without_a_contact_is_refused(house: House) -> None:
    carol = await house.phone("103")
    lamp = Lamp(carol, "102")
    request = Request.new(
        "SUBSCRIBE",
        f"sip:102@{SWITCH}",
        [
            ("From", f"<sip:{carol.username}@{SWITCH}>;tag=x"),
            ("To", f"<sip:102@{SWITCH}>"),
            ("Call-ID", lamp.call_id),
            ("Event", "dialog"),
        ],
    )
    response = await carol.agent.request(request, flow=carol.flow)
    again = carol.agent.authenticate(request, response, carol._digest, carol.username, carol.password)
    assert again is not None
    assert (await carol.agent.request(again, flow=carol.flow)).status == 400


async def test_removing_what_is_watched_ends_the_subscription(house: House, lamp: Lamp) -> None:
    await lamp.ask()
    other = Lamp(await house.phone("104"), "101")
    await other.ask()
    await house.configure(extensions=(extension("101"), extension("103")))
    await house.pass_time()
    assert lamp.state == "terminated;reason=noresource"
    assert other.state == "terminated;reason=rejected", "the watching line was removed"


async def test_a_phone_can_not_pile_up_subscriptions(house: House) -> None:
    carol = await house.phone("103")
    lamps = [Lamp(carol, "102") for _ in range(MOST_OF_ONE_LINE + 3)]
    for number, lamp in enumerate(lamps):
        lamp.call_id = f"lamp-{number}"
        assert await lamp.ask() == 200
    assert len(house.switch.subscriptions) == MOST_OF_ONE_LINE
    assert await lamps[-1].ask(300) == 200, "the youngest stay"
    assert await lamps[0].ask(300) == 481
