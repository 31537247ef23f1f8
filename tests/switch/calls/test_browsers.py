"""Browsers call and are called: what each side's description says, and what the media process is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jackfield import sdp
from jackfield.media.client import WebRtc
from jackfield.switch.user_agents import speaks_webrtc

from .browsers import FINGERPRINT, Browser, browser, line
from .fake_media import FakePool, FakeStream
from .house import SWITCH, Conversation, House, Phone


def web_streams(house: House) -> list[FakeStream]:
    return [stream for stream in house.pool.streams if stream.remote is not None and stream.remote.webrtc is not None]


def web_of(house: House) -> WebRtc:
    (stream,) = web_streams(house)
    assert stream.remote is not None
    assert stream.remote.webrtc is not None
    return stream.remote.webrtc


async def test_a_browser_calls_a_desk_phone(house: House) -> None:
    page, desk = await browser(house, "101", codecs=("opus", "pcma")), await house.phone("102")
    call = page.call("102")
    await desk.picks_up()
    assert await call.outcome() == 200
    answered = line(call.remote)
    said = sdp.dtls_of(call.remote, answered)  # type: ignore[arg-type]
    assert answered.protocol == "UDP/TLS/RTP/SAVPF"
    assert answered.rtcp_mux
    assert answered.codecs[0].name == "pcma", "what both have"
    assert said is not None
    assert said.lite
    assert said.setup == "passive"
    assert said.fingerprints == (house.pool.workers[0].fingerprint,)
    candidates = [text for text in answered.attributes if text.startswith("candidate:")]
    assert len(candidates) == 1
    assert f" 10.0.0.1 {answered.port} typ host" in candidates[0]
    assert line(desk.calls[0].remote).protocol == "RTP/AVP"
    web = web_of(house)
    assert (web.ufrag, web.password, web.peer_ufrag) == (said.ufrag, said.password, page.ufrag)
    assert web.fingerprints == (FINGERPRINT,)
    assert not web.client
    assert web_streams(house)[0].heard == "the other party", "0.0.0.0 is no hold when a browser says it"


async def test_a_desk_phone_calls_a_browser(house: House) -> None:
    page, desk = await browser(house, "102"), await house.phone("101")
    call = desk.call("102")
    ringing = await page.rings()
    offered = line(ringing.remote)
    assert offered.protocol == "UDP/TLS/RTP/SAVPF"
    assert not offered.crypto
    said = sdp.dtls_of(ringing.remote, offered)  # type: ignore[arg-type]
    assert said is not None
    assert said.setup == "actpass"
    assert "ice-lite" in ringing.remote.attributes  # type: ignore[union-attr]
    assert "group:BUNDLE 0" in ringing.remote.attributes  # type: ignore[union-attr]
    ringing.answer()
    assert await call.outcome() == 200
    assert web_of(house).client, "the test's browser answers passive"


async def test_a_line_with_a_browser_and_a_desk_phone_offers_each_what_it_takes(house: House) -> None:
    caller, desk = await house.phone("101"), await house.phone("102")
    page = await browser(house, "102")
    caller.call("102")
    await desk.rings()
    await page.rings()
    assert line(desk.calls[0].remote).protocol == "RTP/AVP"
    assert line(page.calls[0].remote).protocol == "UDP/TLS/RTP/SAVPF"


async def test_a_softphone_on_websocket_that_is_no_browser_gets_another_offer(house: House) -> None:
    caller, page = await house.phone("101"), await browser(house, "102")
    page.sdes = True

    def decide(call: Any) -> None:
        if call.remote.audio.protocol.startswith("UDP/TLS"):
            call.reject(488)
        else:
            call.ring()
            call.answer()

    page.auto = decide
    assert await caller.call("102").outcome() == 200
    assert line(page.calls[-1].remote).protocol == "RTP/AVP"
    assert not web_streams(house)


async def test_two_browsers_talk(house: House) -> None:
    one, two = await browser(house, "101", codecs=("opus",)), await browser(house, "102", codecs=("opus",))
    call = one.call("102")
    await two.picks_up()
    assert await call.outcome() == 200
    assert call.codec == "opus"
    webs = [stream.remote.webrtc for stream in web_streams(house)]  # type: ignore[union-attr]
    assert len({web.ufrag for web in webs if web}) == 2


async def test_hold_and_resume_change_neither_role_nor_password(house: House) -> None:
    page, desk = await browser(house, "101"), await house.phone("102")
    call = page.call("102")
    await desk.picks_up()
    before = web_of(house)
    await call.hold()
    assert line(call.remote).direction == "recvonly"
    assert house.hears(desk) == "/sounds/default"
    await call.resume()
    assert web_of(house) == before
    assert house.hears(desk) == "the other party"


async def test_a_role_that_was_given_stays(house: House) -> None:
    page, desk = await browser(house, "102"), await house.phone("101")
    desk.call("102")
    call = await page.picks_up()
    assert web_of(house).client
    await call.hold()  # offers actpass again
    assert web_of(house).client
    assert sdp.dtls_of(call.remote, line(call.remote)).setup == "active"  # type: ignore[arg-type, union-attr]


async def test_a_restart_of_ice_is_answered_with_a_new_password(house: House) -> None:
    page, desk = await browser(house, "101"), await house.phone("102")
    call = page.call("102")
    await desk.picks_up()
    before = web_of(house)
    page.ufrag = "anew"
    await call.reoffer()
    after = web_of(house)
    assert after.peer_ufrag == "anew"
    assert after.ufrag != before.ufrag
    assert after.password != before.password
    assert replace(after, ufrag="", password="", peer_ufrag="") == replace(before, ufrag="", password="", peer_ufrag="")


async def test_a_browser_is_offered_anew_when_its_media_process_dies(house: House) -> None:
    page, desk = await browser(house, "101"), await house.phone("102")
    call = page.call("102")
    await desk.picks_up()
    before = web_of(house)
    house.pool.kill(house.pool.workers[0])
    await house.pass_time(1.0)
    offered = sdp.parse(call.offers[-1].body)
    said = sdp.dtls_of(offered, line(offered))
    assert said is not None
    assert said.fingerprints == (house.pool.workers[0].fingerprint,)
    assert said.setup == "actpass"
    assert said.ufrag not in ("", before.ufrag)
    assert web_of(house).ufrag == said.ufrag


async def test_a_browser_is_transferred_to_another_phone(house: House) -> None:
    page, desk, third = await browser(house, "101"), await house.phone("102"), await house.phone("103")
    call = page.call("102")
    talking = await desk.picks_up()
    before = web_of(house)
    assert (await talking.refer("<sip:103@10.0.0.1>")).status == 202
    await third.picks_up()
    await house.pass_time(1.0)
    assert web_of(house) == before
    assert web_streams(house)[0].heard == "the other party"
    assert call.ended is None


async def test_a_browser_that_names_no_certificate_is_refused_with_the_reason(house: House) -> None:
    page, desk = await browser(house, "101"), await house.phone("102")
    page.fingerprint = "sha-1 AB"
    call = page.call("102")
    await desk.picks_up()
    assert await call.outcome() == 488
    await house.pass_time(70)
    assert "names no certificate" in house.journal()


@pytest.mark.parametrize("srtp", ["off", "required"])
async def test_a_browser_is_encrypted_whatever_its_line_says(house: House, srtp: str) -> None:
    extension = house.snapshot.extensions[0]
    await house.change_extension("101", lines=(replace(extension.lines[0], srtp=srtp),))  # type: ignore[arg-type]
    page, desk = await browser(house, "101"), await house.phone("102")
    call = page.call("102")
    await desk.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await house.pass_time(70)
    assert [leg["secure"] for leg in house.record["legs"]] == [True, False]


async def test_video_is_refused_and_audio_goes_on(house: House) -> None:
    class WithVideo(Browser):
        def describe(self, conversation: Any, **how: Any) -> bytes:
            text = super().describe(conversation, **how).decode()
            text = text.replace("group:BUNDLE 0", "group:BUNDLE 0 1")
            return (text + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n").encode()

    page, desk = WithVideo(house, "u101", "p101", "10.0.7.1"), await house.phone("102")
    house.phones.append(page)
    await page.register()
    call = page.call("102")
    await desk.picks_up()
    assert await call.outcome() == 200
    assert call.remote is not None
    assert [media.port > 0 for media in call.remote.media] == [True, False]
    assert call.remote.media[1].attribute("mid") == "1"
    assert "group:BUNDLE 0" in call.remote.attributes


async def _consulting(house: House, first: Phone) -> tuple[Conversation, Conversation, Conversation]:
    """102 talks with 101, holds it and talks with 103, each in a media process of its own. Returns 102's and 103's."""
    bob, carol = await house.phone("102"), await house.phone("103")
    house.pool.workers = FakePool(2).workers
    answered = bob.call("101")
    await first.picks_up()
    await house.pass_time()
    await answered.hold()
    asked = bob.call("103")
    theirs = await carol.picks_up()
    await house.pass_time()
    assert all(worker.streams for worker in house.pool.workers)
    return answered, asked, theirs


async def test_a_call_follows_a_browser_into_its_media_process(house: House) -> None:
    page = await browser(house, "101")
    answered, asked, theirs = await _consulting(house, page)
    before = web_of(house)
    offers = len(page.calls[0].offers)
    await answered.refer(f"<sip:103@{SWITCH}?Replaces={asked.replaces}>")
    await house.pass_time(3)
    assert len(page.calls[0].offers) == offers, "it was asked for nothing"
    assert web_of(house) == before
    assert theirs.offers, "the desk phone has moved"
    assert web_streams(house)[0].heard == "the other party"
    assert len({stream.worker for stream in house.pool.streams}) == 1


async def test_a_browser_moves_where_the_others_cannot(house: House) -> None:
    page = await browser(house, "101")
    answered, asked, theirs = await _consulting(house, page)
    theirs.phone.answers_offers = 488
    before = web_of(house)
    await answered.refer(f"<sip:103@{SWITCH}?Replaces={asked.replaces}>")
    await house.pass_time(3)
    assert web_of(house).fingerprints == before.fingerprints
    assert web_of(house).ufrag != before.ufrag
    assert web_streams(house)[0].heard == "the other party"


async def test_early_media_reaches_a_browser_before_the_answer(house: House) -> None:
    page, desk = await browser(house, "101"), await house.phone("102")
    desk.auto = lambda call: call.ring(183, early_media=True)
    call = page.call("102")
    await house.pass_time(1.0)
    early = [response for response in call.provisional if response.body]
    assert early[0].status == 183
    assert web_streams(house)[0].heard == "the other party"
    desk.calls[0].answer()
    assert await call.outcome() == 200
    assert call.final is not None
    assert call.final.body == early[0].body


@pytest.mark.parametrize("anonymous", [False, True])
async def test_our_address_inside_is_told_to_our_own_people_only(house: House, anonymous: bool) -> None:
    await house.configure(general=replace(house.snapshot.general, public_address="203.0.113.9", local_networks=()))
    page, desk = await browser(house, "101"), await house.phone("102")
    if anonymous:
        page.password = "of somebody else"
        page.username = "stranger"
    call = page.call("102")
    await desk.picks_up()
    assert await call.outcome() == 200
    told = [text.split()[4] for text in line(call.remote).attributes if text.startswith("candidate:")]
    assert told == (["203.0.113.9"] if anonymous else ["203.0.113.9", "10.0.0.1"])


@pytest.mark.parametrize(("transport", "user_agent", "contact", "webrtc"), [
    ("WSS", "JsSIP 3.13.8", "", True),
    ("WS", "SIP.js/0.21.2", "", True),
    ("WSS", "Shop-Window/3", "", True),
    ("WSS", "", "", True),
    ("UDP", "JsSIP 3.13.8", "sip:x@y.invalid;transport=ws", True),  # through a proxy
    ("WSS", "baresip v3.16.0 (x86_64/Linux)", "", False),
    ("WSS", "Linphone-Desktop/5.2", "", False),
    ("TLS", "snomD785/10.1.54.13", "sip:x@192.0.2.9:5061;transport=tls", False),
    ("UDP", "", "", False),
])  # fmt: skip
def test_what_is_taken_for_a_browser(transport: str, user_agent: str, contact: str, webrtc: bool) -> None:
    assert speaks_webrtc(transport, user_agent, contact) is webrtc
