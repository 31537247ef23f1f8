"""The built-in softphone: two of them call each other directly, no server between."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jackfield.phone import Account, File, Phone, PhoneCall, PhoneError, Tone
from jackfield.rtp import codecs


def account(name: str, port: int = 9, **more: Any) -> Account:
    return Account(name, server="127.0.0.1", port=port, **more)


@asynccontextmanager
async def two_phones(
    alice: dict[str, Any] | None = None, bob: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Phone, Phone]]:
    """Alice, whose server is Bob; Bob, who can't call."""
    async with (
        Phone(account("bob"), **(bob or {})) as other,
        Phone(account("alice", other.port, display_name="Alice Liddell"), **(alice or {})) as one,
    ):
        yield one, other


async def talking(alice: Phone, bob: Phone, **call: Any) -> tuple[PhoneCall, PhoneCall]:
    """Alice calls with 440 Hz, Bob answers with 880 Hz."""
    ours = await alice.call("bob", source=Tone(440), **call)
    theirs = await bob.next_call()
    theirs.audio.source = Tone(880)
    await theirs.answer()
    await ours.wait_answered()
    return ours, theirs


async def hear_each_other(ours: PhoneCall, theirs: PhoneCall) -> None:
    ours.ear.forget()
    theirs.ear.forget()
    await asyncio.gather(ours.ear.hear(880), theirs.ear.hear(440))


async def test_a_call_rings_is_answered_carries_audio_both_ways_and_ends() -> None:
    async with two_phones() as (alice, bob):
        ours = await alice.call("bob", source=Tone(440))
        theirs = await bob.next_call()
        await ours.wait_ringing()
        assert (theirs.number, theirs.name, theirs.state) == ("alice", "Alice Liddell", "ringing")
        assert ours.provisionals[-1] == 180
        theirs.audio.source = Tone(880)
        await theirs.answer()
        await ours.wait_answered()
        await hear_each_other(ours, theirs)
        assert ours.times["invited"] <= ours.times["ringing"] <= ours.times["answered"]
        theirs.hang_up()
        assert await ours.wait_ended() == 200
        assert ours.ended_by_peer
        assert not theirs.ended_by_peer
        assert alice.calls == bob.calls == []


@pytest.mark.parametrize("name", codecs.NAMES)
async def test_every_codec_carries_a_tone(name: str) -> None:
    if name not in codecs.available():
        pytest.skip(f"no library for {name}")
    async with two_phones({"codecs": (name,)}, {"codecs": ("pcmu", name)}) as (alice, bob):
        ours, theirs = await talking(alice, bob)
        await hear_each_other(ours, theirs)
        found = ours.audio.statistics()
        assert found.codec == name
        assert found.received > 5
        assert found.lost == 0


async def test_encryption_is_used_when_both_want_it() -> None:
    async with two_phones({"srtp": "required"}, {"srtp": "offered"}) as (alice, bob):
        ours, theirs = await talking(alice, bob)
        await hear_each_other(ours, theirs)
        assert ours.audio.statistics().secure
        assert theirs.audio.statistics().secure


async def test_one_that_demands_encryption_refuses_a_plain_call() -> None:
    async with two_phones({}, {"srtp": "required", "answer": "auto"}) as (alice, _bob):
        call = await alice.call("bob")
        with pytest.raises(PhoneError, match="488"):
            await call.wait_answered()


async def test_no_codec_in_common_is_refused() -> None:
    async with two_phones({"codecs": ("gsm",)}, {"codecs": ("pcma",)}) as (alice, bob):
        call = await alice.call("bob")
        with pytest.raises(PhoneError, match="no codec in common"):
            await (await bob.next_call()).answer()
        assert await call.wait_ended() == 488


async def test_a_call_without_an_offer_gets_its_answer_in_the_ack() -> None:
    async with two_phones() as (alice, bob):
        ours, theirs = await talking(alice, bob, offer=False)
        await hear_each_other(ours, theirs)


async def test_busy_and_declined_reach_the_caller() -> None:
    async with two_phones({}, {"answer": 486}) as (alice, bob):
        call = await alice.call("bob")
        with pytest.raises(PhoneError, match="486 Busy Here") as error:
            await call.wait_answered()
        assert error.value.status == 486
        bob.answer = None
        call = await alice.call("bob")
        (await bob.next_call()).reject(603)
        assert await call.wait_ended() == 603


async def test_giving_up_before_an_answer_cancels() -> None:
    async with two_phones() as (alice, bob):
        ours = await alice.call("bob")
        theirs = await bob.next_call()
        await ours.wait_ringing()
        ours.hang_up()
        assert await theirs.wait_ended() == 487
        assert await ours.wait_ended() == 487
        with pytest.raises(PhoneError, match="can't be answered"):
            await theirs.answer()


async def test_hanging_up_a_ringing_call_says_not_now() -> None:
    async with two_phones() as (alice, bob):
        ours = await alice.call("bob")
        (await bob.next_call()).hang_up()
        assert await ours.wait_ended() == 480


async def test_hold_stops_the_audio_and_resume_brings_it_back() -> None:
    async with two_phones() as (alice, bob):
        ours, theirs = await talking(alice, bob)
        await hear_each_other(ours, theirs)
        await ours.hold("inactive")
        assert theirs.held_by_peer
        before = theirs.audio.statistics().sent
        await asyncio.sleep(0.1)
        assert theirs.audio.statistics().sent == before
        await ours.resume()
        assert not theirs.held_by_peer
        await hear_each_other(ours, theirs)
        assert ours.audio.statistics().lost == 0


async def test_the_codec_can_be_changed_while_talking() -> None:
    async with two_phones({"codecs": ("pcma",)}) as (alice, bob):
        ours, theirs = await talking(alice, bob)
        await hear_each_other(ours, theirs)
        await ours.change_codecs("pcmu")
        await hear_each_other(ours, theirs)
        assert theirs.audio.statistics().codec == "pcmu"
        with pytest.raises(PhoneError, match="488"):
            await ours.change_codecs("g729")
        await hear_each_other(ours, theirs)


@pytest.mark.parametrize("how", ["rfc4733", "info", "inband"])
async def test_digits_arrive_each_once(how: Any) -> None:
    async with two_phones() as (alice, bob):
        ours, theirs = await talking(alice, bob)
        theirs.audio.listen_inband = how == "inband"
        await ours.send_digits("1590#*", how)
        while len(theirs.digits) < 6:
            await asyncio.sleep(0.01)
        assert theirs.digits == [(digit, how) for digit in "1590#*"]
        await hear_each_other(ours, theirs)
        assert theirs.audio.statistics().lost == 0


async def test_digits_by_events_need_an_other_side_that_takes_them() -> None:
    async with two_phones({}, {"dtmf_events": False}) as (alice, bob):
        ours, _ = await talking(alice, bob)
        with pytest.raises(PhoneError, match="takes no telephone events"):
            await ours.send_digits("1")


async def test_a_file_is_played_and_what_is_heard_is_recorded(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        mono = Tone(660).read(44100, 44100)
        file.writeframes(b"".join(mono[at : at + 2] * 2 for at in range(0, len(mono), 2)))
    async with two_phones() as (alice, bob):
        ours, theirs = await talking(alice, bob)
        ours.audio.source = File(tmp_path / "in.wav", loop=True)
        await theirs.ear.hear(660)
        theirs.ear.record(tmp_path / "out.wav")
        await theirs.ear.hear(660, seconds=0.5)
        ours.hang_up()
        await theirs.wait_ended()
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getframerate() == 8000
        assert file.getnframes() >= 0.5 * 8000
    found = File(tmp_path / "out.wav")
    assert len(found.read(4000, 8000)) == 8000
    with pytest.raises(PhoneError, match="can't be played"):
        File(tmp_path / "none.wav")


async def test_the_ear_says_what_it_hears_instead() -> None:
    async with two_phones() as (alice, bob):
        ours, _theirs = await talking(alice, bob)
        await ours.ear.hear(880)
        with pytest.raises(PhoneError, match=r"a tone of 1000 Hz was not heard .* mostly 880 Hz"):
            await ours.ear.hear(1000, timeout=0.3)
        with pytest.raises(PhoneError, match="silence was not heard"):
            await ours.ear.silence(timeout=0.1)


async def test_a_phone_that_closes_hangs_up_its_calls() -> None:
    async with two_phones() as (alice, bob):
        ours, theirs = await talking(alice, bob)
        await alice.close()
        assert await theirs.wait_ended() == 200
        assert ours.state == "ended"


async def test_requests_outside_of_calls_are_kept() -> None:
    async with two_phones() as (alice, bob):
        from jackfield.sip.message import Request

        assert alice.flow is not None
        request = Request.new(
            "OPTIONS", "sip:bob@127.0.0.1", [("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>"), ("Call-ID", "c1")]
        )
        response = await alice._running().request(request, flow=alice.flow)
        assert response.status == 200
        assert [message.method for message in bob.messages] == ["OPTIONS"]


async def test_nobody_answers_in_time() -> None:
    async with two_phones() as (alice, bob):
        call = await alice.call("bob")
        with pytest.raises(PhoneError, match="nobody at bob was answered within"):
            await call.wait_answered(timeout=0.05)
        await bob.next_call()
        with pytest.raises(PhoneError, match="nobody called bob"):
            await bob.next_call(timeout=0.01)
        with pytest.raises(PhoneError, match="did not end"):
            await call.wait_ended(timeout=0.01)
        with pytest.raises(PhoneError, match="no conversation"):
            await call.hold()


async def test_a_server_that_is_not_there_is_named() -> None:
    phone = Phone(account("x", 1, transport="TCP"))
    with pytest.raises(PhoneError, match=r"TCP 127\.0\.0\.1:1 can't be reached"):
        await phone.start()
    await phone.close()
    with pytest.raises(PhoneError, match="not started"):
        await Phone(account("x")).call("y")


async def test_a_server_without_an_answer_is_told() -> None:
    async with Phone(account("x", 1)) as phone:
        with pytest.raises(PhoneError, match="can't register"):
            await phone.register()


def test_an_account_makes_addresses() -> None:
    plain = Account("101", server="192.0.2.1")
    assert plain.uri("102") == "sip:102@192.0.2.1"
    assert account("101", 5070).uri("102") == "sip:102@127.0.0.1:5070"
    assert Account("101", server="2001:db8::1", port=5061, transport="TLS").uri("1") == "sip:1@[2001:db8::1]"
    assert Account("101", server="192.0.2.1", domain="example.com").uri("1") == "sip:1@example.com"
    assert plain.uri("sip:bob@example.org") == "sip:bob@example.org"
