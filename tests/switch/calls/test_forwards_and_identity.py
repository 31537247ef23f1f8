"""Calls that are sent on, and who is shown to whom: From, P-Asserted-Identity, Diversion, Reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jackfield.sip.abilities import Abilities
from jackfield.switch.snapshot import Inbound, Outbound, RingGroup, Service, TimeRange

from .house import SWITCH, Conversation, House, Phone, extension
from .test_hold_and_transfer import talking
from .test_races import over
from .test_trunk_calls import CARRIER, trunk, with_trunk


def redirect(call: Conversation, target: str, status: int = 302) -> None:
    """What a phone does on which call forwarding is set."""
    assert call.incoming is not None
    call.incoming.reject(status, headers=[("Contact", f"<sip:{target}@{SWITCH}>")])


async def diversion_of(phone: Phone) -> list[str]:
    await phone.rings()
    invite = phone.calls[-1].invite
    assert invite is not None
    return invite.values("Diversion")


# --- forwards that are set in the phone ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302])
async def test_a_phone_that_forwards_sends_the_call_to_that_number(house: House, status: int) -> None:
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    call = alice.call("102")
    redirect(await bob.rings(), "103", status)
    await carol.picks_up()
    assert await call.outcome() == 200
    assert call.shown == "103"
    call.hang_up()
    await over(house)
    assert "a phone of extension 102 forwards" in house.journal()


async def test_a_phone_that_forwards_speaks_for_all_phones_of_its_user(house: House) -> None:
    alice, desk, carol = [await house.phone(number) for number in ("101", "102", "103")]
    mobile = await house.phone("102", "10.0.0.202")
    call = alice.call("102")
    ringing = await desk.rings()
    await mobile.rings()
    redirect(ringing, "103")
    await carol.picks_up()
    assert await call.outcome() == 200
    assert mobile.calls[-1].cancelled is not None
    call.hang_up()
    await over(house)


async def test_a_phone_forwards_outside_only_if_its_extension_may_call_there(house: House) -> None:
    carrier = await with_trunk(house)
    await house.change_extension("102", outside_calls=False)
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    redirect(await bob.rings(), "9123")
    assert await call.outcome() == 403
    assert not carrier.calls
    await house.change_extension("102", outside_calls=True)
    call = alice.call("102")
    redirect(await bob.rings(), "9123")
    await carrier.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await house.pass_time(70)
    house.assert_quiet()
    assert house.records[-1]["direction"] == "out"


async def test_a_phone_that_forwards_to_itself_does_not_ring_for_ever(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    bob.auto = lambda call: redirect(call, "102")
    assert await alice.call("102").outcome() == 482
    await over(house)


@pytest.mark.parametrize("contact", [None, "<<>>"])
async def test_a_redirection_that_names_nobody_is_a_failure(house: House, contact: str | None) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    assert ringing.incoming is not None
    ringing.incoming.reject(302, headers=[("Contact", contact)] if contact else [])
    assert await call.outcome() == 480, "and never a 302, which the caller's phone would follow"
    record = await over(house)
    assert record["sip_status"] == 302


async def test_a_redirection_to_a_number_that_nobody_has_is_refused_in_words(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    redirect(await bob.rings(), "carl")
    assert await call.outcome() == 404
    record = await over(house)
    assert "sent on to carl: a phone of extension 102 forwards" in house.journal()
    assert record["reason"].startswith("nothing has the number carl")


async def test_phones_that_forward_to_each_other_do_not_ring_for_ever(house: House) -> None:
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    bob.auto = lambda call: redirect(call, "103")
    carol.auto = lambda call: redirect(call, "102")
    assert await alice.call("102").outcome() == 482
    record = await over(house)
    assert "which is a loop" in house.journal()
    assert (record["outcome"], record["q850"]) == ("failed", 25)


async def test_a_carrier_is_told_that_a_phone_forwards(house: House) -> None:
    carrier = await with_trunk(house, caller_id="5550100")
    await house.change_extension("102", caller_id="5550102")
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.call("102")
    redirect(await bob.rings(), "9777")
    assert await diversion_of(carrier) == [f"<sip:5550102@{SWITCH}>;reason=deflection;counter=1;privacy=off"]


async def test_a_carrier_sends_us_nowhere(house: House) -> None:
    carrier = await with_trunk(house)
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("9123")
    redirect(await carrier.rings(), "102")
    assert await call.outcome() == 480
    assert not bob.calls
    await over(house)


async def test_a_member_of_a_group_that_forwards_in_its_phone_is_left_out(house: House) -> None:
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    call = alice.call("200")
    redirect(await bob.rings(), "104")
    await carol.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)


@pytest.mark.parametrize(("status", "caller_gets"), [(401, 403), (407, 403), (481, 500), (486, 486), (603, 603)])
async def test_what_one_hop_says_of_its_own_request_is_not_passed_to_the_caller(
    house: House, status: int, caller_gets: int
) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    (await bob.rings()).reject(status)
    assert await call.outcome() == caller_gets
    record = await over(house)
    assert record["legs"][1]["status"] == status, "the record tells the truth"


# --- Diversion -------------------------------------------------------------------------------------------------------


async def test_a_carrier_is_told_who_forwards_and_why(house: House) -> None:
    carrier = await with_trunk(house, caller_id="5550100")
    await house.configure(
        extensions=(extension("101"), extension("102", forward_busy="9777", caller_id="5550102"), extension("103"))
    )
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.call("102")
    (await bob.rings()).reject(486)
    assert await diversion_of(carrier) == [f"<sip:5550102@{SWITCH}>;reason=user-busy;counter=1;privacy=off"]


async def test_a_phone_is_told_who_forwards_and_why_and_the_last_one_comes_first(house: House) -> None:
    await house.change_extension("102", forward_always="103")
    await house.change_extension("103", forward_no_answer="104", ring_time=5.0)
    alice, carol, dave = [await house.phone(number) for number in ("101", "103", "104")]
    alice.call("102")
    assert [value.partition(";counter")[0] for value in await diversion_of(carol)] == [
        f'"Phone 102" <sip:102@{SWITCH}>;reason=unconditional'
    ]
    assert [value.partition("reason=")[2].partition(";")[0] for value in await diversion_of(dave)] == [
        "no-answer",
        "unconditional",
    ]


async def test_the_record_says_whom_a_call_was_meant_for_that_was_sent_on_without_ringing(house: House) -> None:
    await house.change_extension("102", forward_always="103")
    await house.change_extension("103", forward_no_answer="104", ring_time=5.0)
    alice, _carol, dave = [await house.phone(number) for number in ("101", "103", "104")]
    call = alice.call("102")
    (await dave.rings()).answer()
    assert await call.outcome() == 200
    call.hang_up()
    await house.pass_time(2)
    record = house.record
    assert [(leg["extension"], leg["status"]) for leg in record["legs"]] == [
        ("101", 200), ("102", 302), ("103", 487), ("104", 200),
    ]  # fmt: skip
    assert record["legs"][1]["reason"] == "sent on to 103"


async def test_an_unavailable_extension_and_one_that_does_not_want_to_be_disturbed_say_so(house: House) -> None:
    carol = await house.phone("103")
    alice = await house.phone("101")
    await house.change_extension("102", forward_unreachable="103", forward_busy="103")
    call = alice.call("102")
    assert "reason=unavailable" in (await diversion_of(carol))[0]
    call.hang_up()
    await call.outcome()
    await house.change_extension("102", do_not_disturb=True)
    call = alice.call("102")
    assert "reason=do-not-disturb" in (await diversion_of(carol))[0]
    call.hang_up()
    await call.outcome()
    bob = await house.phone("102")
    await house.change_extension("102", do_not_disturb=False)
    call = alice.call("102")
    redirect(await bob.rings(), "103")
    assert "reason=deflection" in (await diversion_of(carol))[0]


async def test_groups_and_schedules_say_who_they_are(house: House) -> None:
    carrier = await with_trunk(house, caller_id="5550100")
    always = TimeRange(name="always", days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    await house.configure(
        ring_groups=(RingGroup(number="200", name="Sales", members=("102",), step_time=5, fallback="9777"),),
        services=(Service(number="300", kind="schedule", time_ranges=(always,), open_target="103"),),
    )
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    alice.call("200")
    await bob.rings()
    assert await diversion_of(carrier) == [f"<sip:5550100@{SWITCH}>;reason=no-answer;counter=1;privacy=off"]
    alice.call("300")
    assert "reason=time-of-day" in (await diversion_of(carol))[0]


async def test_a_member_of_a_group_that_forwards_outside_is_named_to_the_carrier(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(
        extensions=(
            extension("101"),
            extension("102", forward_always="9777", caller_id="5550102", anonymous=True),
            extension("103", forward_always="104"),
            extension("104"),
        ),
        ring_groups=(RingGroup(number="200", members=("102", "103"), obey_forwards=True),),
    )
    alice, dave = await house.phone("101"), await house.phone("104")
    call = alice.call("200")
    assert await diversion_of(carrier) == [f"<sip:5550102@{SWITCH}>;reason=unconditional;counter=1;privacy=full"]
    assert "sip:103@" in (await diversion_of(dave))[0]
    call.hang_up()
    await over(house)


async def test_a_call_that_is_not_forwarded_says_nothing_of_it(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.call("102")
    assert await diversion_of(bob) == []


# --- connected identity ----------------------------------------------------------------------------------------------


async def test_the_caller_sees_who_really_answered(house: House) -> None:
    await house.change_extension("102", forward_always="103")
    alice, carol = await house.phone("101"), await house.phone("103")
    call = alice.call("102")
    await carol.picks_up()
    assert await call.outcome() == 200
    assert call.shown == "103"


@pytest.mark.plain_python
async def test_the_display_of_a_phone_without_update_is_changed_by_reinvite(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, call, answered = await talking(house)
    monkeypatch.setattr(Abilities, "allows", lambda self, method: method != "UPDATE")
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    await carol.picks_up()
    await house.pass_time(3)
    assert call.shown == "103"
    assert call.offers[-1].method == "INVITE"
    assert house.hears(alice) == "the other party"


def rings_as(ringing: Conversation, identity: str) -> None:
    """Ring, and say who it is that rings."""
    assert ringing.incoming is not None
    ringing.incoming.progress(180, headers=[("P-Asserted-Identity", identity)])


async def test_another_exchange_tells_us_whom_it_has_connected(house: House) -> None:
    peer = await with_trunk(house)
    alice = await house.phone("101")
    peer.auto = lambda ringing: rings_as(ringing, '"Reception" <sip:0555@203.0.113.1>')
    call = alice.call("9123")
    ringing = await peer.rings()
    await house.pass_time()
    assert call.shown == "90555", "as Alice can dial it"
    ringing.answer()
    assert await call.outcome() == 200
    assert ringing.session is not None
    await ringing.session.update(headers=[("P-Asserted-Identity", '"Boss" <sip:0777@203.0.113.1>')])
    await house.pass_time()
    assert call.shown == "90777"
    await ringing.session.update(headers=[("P-Asserted-Identity", '"Boss" <sip:0777@203.0.113.1>')])
    call.hang_up()
    record = await over(house)
    assert record["called"]["number"] == "9123", "the record keeps whom she called"


async def test_the_number_that_was_dialled_stays_when_the_carrier_names_it_in_its_own_way(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101")
    carrier.auto = lambda ringing: rings_as(ringing, '"Shop" <sip:123@203.0.113.1>')
    call = alice.call("9123")
    await carrier.rings()
    await house.pass_time()
    assert call.shown == "9123"


async def test_a_trunk_that_is_not_believed_and_a_phone_change_nobodys_display(house: House) -> None:
    carrier = await with_trunk(house, trust_identity=False)
    alice, bob = await house.phone("101"), await house.phone("102")
    for number, callee in (("9123", carrier), ("102", bob)):
        callee.auto = lambda ringing: rings_as(ringing, "<sip:110@police.example>")
        call = alice.call(number)
        await callee.rings()
        await house.pass_time()
        assert call.shown == number


async def test_a_hidden_caller_from_outside_stays_hidden_through_a_forward_and_a_transfer(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(inbound=(Inbound(trunk="Odorik", number="5550101", target="101"),))
    await house.change_extension("101", forward_always="102")
    bob, carol = await house.phone("102"), await house.phone("103")
    hidden = (("Privacy", "id"), ("P-Asserted-Identity", "<sip:0123456@203.0.113.1>"))
    call = carrier.call("5550101", headers=hidden)
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await answered.refer(f"<sip:103@{SWITCH}>")
    second = await carol.picks_up()
    await house.pass_time(3)
    for seen in (answered, second):
        invite = seen.invite
        assert invite is not None
        assert b"0123456" not in invite.to_bytes()
        assert "anonymous" in str(invite.from_)
    call.hang_up()
    record = await over(house)
    assert record["direction"] == "in"
    assert record["caller"]["anonymous"]
    assert "0123456" in record["caller"]["number"], "but the record keeps it"


async def test_a_provider_is_not_told_who_transfers_and_another_exchange_is(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carrier = await with_trunk(house)
    await house.configure(
        trunks=(*house.snapshot.trunks, replace(trunk("Peer", CARRIER), kind="peer")),
        outbound=(*house.snapshot.outbound, Outbound(name="Branch", prefix="8", trunks=("Peer",), strip=1)),
    )
    call.hang_up()
    await house.pass_time(1)
    for number, told in (("9123", False), ("8200", True)):
        call = alice.call("102")
        answered = await bob.picks_up()
        await call.outcome()
        await answered.refer(f"<sip:{number}@{SWITCH}>")
        ringing = await carrier.rings()
        assert ringing.invite is not None
        assert (ringing.invite.get("Referred-By") is not None) == told
        call.hang_up()
        await house.pass_time(1)


async def test_an_incoming_call_that_is_forwarded_outside_passes_through(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(inbound=(Inbound(trunk="Odorik", number="5550101", target="101"),))
    await house.change_extension("101", forward_always="9777")
    call = carrier.call("5550101")
    await house.pass_time()
    outside = carrier.calls[-1]
    assert outside is not call
    outside.ring()
    outside.answer()
    assert await call.outcome() == 200
    call.hang_up()
    record = await over(house)
    assert record["direction"] == "through"


# --- Reason ----------------------------------------------------------------------------------------------------------


async def test_reasons_are_well_formed_whatever_the_text(house: House) -> None:
    await house.configure(outbound=(Outbound(name='The "World"', prefix="9", trunks=()),))
    alice = await house.phone("101")
    call = alice.call("9123")
    await call.outcome()
    assert call.final is not None
    reason = call.final.get("Reason") or ""
    text = reason.partition("text=")[2]
    assert text.startswith('"')
    assert text.endswith('"')
    inside = text[1:-1].replace('\\"', "")
    assert '"' not in inside


async def test_the_bye_says_why(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    answered.hang_up()
    await house.pass_time()
    assert call.ended is not None
    message: Any = call.ended.message
    assert "Q.850;cause=16" in (message.get("Reason") or "")
