"""Browsers: ICE lite, DTLS-SRTP, all on one port."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import pytest

from jackfield.media.protocol import Failed, Remote, Started, WebRtc
from jackfield.media.stream import Stream
from jackfield.media.webrtc import DTLS, MEDIA, NOTHING, STUN, kind_of
from jackfield.rtp import dtls, packet, rtcp, srtp

from .conftest import ULAW_SILENCE, House, Phone
from .stun import binding_request, read

UFRAG, PASSWORD, THEIRS = "ours1234", "a-password-of-ours-12345", "thrs"


class Browser(Phone):
    """A party that checks connectivity, shakes hands, and encrypts."""

    def __init__(self, house: House, *, client: bool = True, identity: dtls.Identity | None = None) -> None:
        super().__init__()
        house.phones.append(self)
        self.house = house
        self.identity = identity or dtls.Identity()
        self.client = client
        self.association: dtls.Association | None = None
        self.fingerprint = self.identity.fingerprint
        self.ufrag = THEIRS
        self.ours, self.our_password = UFRAG, PASSWORD
        self.stream: Stream | None = None

    def web(self, **changes: Any) -> WebRtc:
        said = WebRtc(self.ours, self.our_password, self.ufrag, (self.fingerprint,), client=not self.client)
        return replace(said, **changes)

    def remote(self, **changes: Any) -> Remote:
        said: dict[str, Any] = {"address": "", "port": 9, "rtcp_port": None, "rtcp_mux": True, "webrtc": self.web()}
        return super().remote(**{**said, **changes})

    def call(self, **remote: Any) -> Stream:
        self.stream = self.house.stream(self, **remote)
        return self.stream

    def check(self, *, nominates: bool = True, **how: Any) -> dict[int, bytes]:
        """Check connectivity; returns the attributes of the answer."""
        request = binding_request(f"{self.ours}:{self.ufrag}", self.our_password, nominates=nominates, **how)
        self.send(request)
        answers = self._wait(lambda data: kind_of(data) == STUN)
        return read(answers, self.our_password)

    def _wait(self, wanted: Any) -> bytes:
        got: list[bytes] = []

        def came() -> bool:
            got.extend(self.datagrams())
            return any(wanted(data) for data in got)

        self.house.until(came)
        self.kept = [data for data in got if not wanted(data)]
        return next(data for data in got if wanted(data))

    def shake(self) -> None:
        """Shake hands until both are done or one gives up."""
        ours = self.house.worker.identity().fingerprint
        made = self.association = dtls.Association(self.identity, (ours,), client=self.client)
        if self.client:
            for data in made.begin():
                self.send(data)
        else:
            for data in (data for data in self.kept if kind_of(data) == DTLS):
                for answer in made.receive(data):
                    self.send(answer)

        def done() -> bool:
            for data in self.datagrams():
                if kind_of(data) == DTLS:
                    for answer in made.receive(data):
                        self.send(answer)
            assert self.stream is not None
            return not made.under_way and not self.stream.endpoint.path.shaking

        self.house.until(done)
        if made.keys is not None:
            self.receiver, self.sender = srtp.Receiver(made.keys[0]), srtp.Sender(made.keys[1])

    def connect(self, **remote: Any) -> Stream:
        stream = self.call(**remote)
        self.check()
        self.shake()
        return stream

    def speak(self, payload: bytes = ULAW_SILENCE, payload_type: int = 0) -> None:
        self.seq += 1
        self.ts += 160
        self.send(self.sender.protect(packet.build(payload_type, self.seq, self.ts, self.ssrc, payload)))

    def listen(self, count: int = 1) -> list[packet.Packet]:
        heard: list[packet.Packet] = []

        def came() -> bool:
            for data in self.datagrams():
                if packet.is_rtp(data):
                    clear = packet.parse(self.receiver.unprotect(data) or b"")
                    assert clear is not None, "it is not genuine"
                    heard.append(clear)
            return len(heard) >= count

        self.house.until(came)
        return heard


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


KINDS = {(0, 3): STUN, (4, 19): NOTHING, (20, 63): DTLS, (64, 127): NOTHING, (128, 191): MEDIA, (192, 255): NOTHING}


@pytest.mark.parametrize(("edges", "kind"), KINDS.items())
def test_what_a_datagram_is_tells_its_first_byte(edges: tuple[int, int], kind: int) -> None:
    assert [kind_of(bytes((first, 0))) for first in edges] == [kind, kind]
    assert kind_of(b"") == NOTHING


@pytest.mark.parametrize("client", [True, False])
def test_a_browser_and_a_desk_phone_hear_each_other(house: House, client: bool) -> None:
    browser = Browser(house, client=client)
    theirs = browser.connect()
    desk = house.phone()
    ours = house.stream(desk)
    theirs.bridge(ours)
    browser.speak(b"\x11" * 160)
    house.until(lambda: theirs.lane.packets_in == 1)
    assert desk.hear(1)[0].payload == b"\x11" * 160
    house.say(desk, ours, b"\x22" * 160)
    assert browser.listen()[0].payload == b"\x22" * 160
    started = house.told(Started)[0]
    assert (started.stream, started.port) == (theirs.id, browser.port)
    assert theirs.statistics().remote == f"127.0.0.1:{browser.port}"
    assert not house.told(Failed)


def test_two_browsers_hear_each_other(house: House) -> None:
    one, two = Browser(house), Browser(house)
    a, b = one.connect(), two.connect()
    a.bridge(b)
    one.speak(b"\x33" * 160)
    house.until(lambda: a.lane.packets_in == 1)
    assert two.listen()[0].payload == b"\x33" * 160


def test_a_browser_and_a_phone_that_encrypts_by_sdes_hear_each_other(house: House) -> None:
    theirs, desk = Browser(house), house.phone()
    browser = theirs.connect()
    mine, its = (srtp.Key.generate("AES_CM_128_HMAC_SHA1_80") for _ in range(2))
    ours = house.stream(desk, srtp_in=str(its), srtp_out=str(mine))
    browser.bridge(ours)
    theirs.speak(b"\x44" * 160)
    house.until(lambda: browser.lane.packets_in == 1)
    clear = srtp.Receiver(mine).unprotect(desk.datagrams(1)[0])
    assert clear is not None
    assert clear[12:] == b"\x44" * 160
    spoken = srtp.Sender(its).protect(packet.build(0, 9, 160, desk.ssrc, b"\x55" * 160))
    assert spoken is not None
    desk.send(spoken)
    house.until(lambda: ours.lane.packets_in == 1)
    assert theirs.listen()[0].payload == b"\x55" * 160


def test_nothing_is_sent_or_heard_in_clear(house: House, browser: Browser) -> None:
    stream = browser.call()
    browser.check()
    desk = house.phone()
    ours = house.stream(desk)
    stream.bridge(ours)
    house.say(desk, ours)
    house.say(browser, stream)  # plain RTP from the right source
    house.pass_time(8)  # and no reports either
    assert stream.lane.packets_out == 0
    assert stream.endpoint.dropped_source == 1
    assert not browser.datagrams()


def test_a_wrong_fingerprint_means_no_audio_and_is_told(house: House, browser: Browser) -> None:
    stream = browser.call(webrtc=browser.web(fingerprints=(dtls.Identity().fingerprint,)))
    browser.check()
    browser.shake()
    assert stream.endpoint._decrypt is None
    assert "certificate is not the one" in house.told(Failed)[0].reason
    house.pass_time(3)
    assert len(house.told(Failed)) == 1, "once is enough"


def test_a_check_is_answered_with_the_address_it_came_from(house: House, browser: Browser) -> None:
    stream = browser.call()
    answer = browser.check(nominates=False)
    port = int.from_bytes(answer[0x0020][2:4], "big") ^ 0x2112
    assert port == browser.port
    assert stream.endpoint.path.source == ("127.0.0.1", browser.port)


@pytest.mark.parametrize("wrong", [
    {"password": "another-password-1234567"}, {"username": "other:thrs"}, {"username": f"{UFRAG}:nobody"},
    {"signed": False}, {"fingerprint": b"\0\0\0\0"}, {"kind": 0x0101},
])  # fmt: skip
def test_a_check_that_is_not_signed_for_us_gets_no_answer(house: House, browser: Browser, wrong: Any) -> None:
    stream = browser.call()
    said = {"username": f"{UFRAG}:{THEIRS}", "password": PASSWORD, "nominates": True} | wrong
    browser.send(binding_request(said.pop("username"), said.pop("password"), **said))
    house.until(lambda: stream.endpoint.dropped_source == 1)
    assert not browser.datagrams()
    assert stream.endpoint.path.source is None


def test_whoever_has_passed_no_check_is_not_heard(house: House, browser: Browser) -> None:
    stream = browser.connect()
    thief = house.phone("127.0.0.2")
    thief.peer = browser.peer
    for data in (browser.sender.protect(packet.build(0, 5000, 0, browser.ssrc, ULAW_SILENCE)), b"\x16" * 40, b"\xff"):
        thief.send(data)
    house.until(lambda: stream.endpoint.dropped_source == 2 and stream.endpoint.dropped_malformed == 1)
    assert stream.lane.packets_in == 0
    assert not thief.datagrams()


def test_a_party_that_thinks_it_is_controlled_too_is_told_so(house: House, browser: Browser) -> None:
    stream = browser.call()
    answer = browser.check(controlled=True)
    assert answer[0x0009][2:4] == bytes((4, 87))
    assert stream.endpoint.path.source is None


def test_an_attribute_that_must_be_understood_and_is_not_is_named(house: House, browser: Browser) -> None:
    browser.call()
    answer = browser.check(more=((0x7777, b"what"),))
    assert answer[0x0009][2:4] == bytes((4, 20))
    assert answer[0x000A] == b"\x77\x77"


def test_a_browser_that_changes_its_network_is_followed(house: House, browser: Browser) -> None:
    stream = browser.connect()
    house.pass_time(3)
    moved = house.phone("127.0.0.3")
    moved.peer = browser.peer
    moved.send(binding_request(f"{UFRAG}:{THEIRS}", PASSWORD, nominates=True))
    house.until(lambda: stream.endpoint.path.source == ("127.0.0.3", moved.port))
    moved.send(browser.sender.protect(packet.build(0, 7, 0, browser.ssrc, ULAW_SILENCE)))
    house.until(lambda: stream.lane.packets_in == 1)


def test_of_several_nominated_at_the_beginning_the_best_is_used(house: House, browser: Browser) -> None:
    stream = browser.call()
    browser.check(priority=200)
    other = house.phone("127.0.0.3")
    other.peer = browser.peer
    other.send(binding_request(f"{UFRAG}:{THEIRS}", PASSWORD, nominates=True, priority=100))
    house.until(lambda: stream.endpoint.path.knows(("127.0.0.3", other.port)))
    assert stream.endpoint.path.source == ("127.0.0.1", browser.port)


def test_nothing_is_sent_any_more_when_checks_cease(house: House, browser: Browser) -> None:
    stream = browser.connect()
    house.pass_time(33)
    browser.datagrams()
    assert stream.endpoint.path.source is None
    assert "30 s" in house.told(Failed)[-1].reason
    house.pass_time(10)
    assert not browser.datagrams()
    browser.check()
    assert stream.endpoint.path.source == ("127.0.0.1", browser.port)


def test_a_browser_that_never_comes_is_told_of_with_the_port_to_open(house: House, browser: Browser) -> None:
    stream = browser.call()
    house.pass_time(22)
    reasons = [event.reason for event in house.told(Failed)]
    assert len(reasons) == 1
    assert f"UDP port {stream.pair.port}" in reasons[0]


def test_a_handshake_that_never_ends_is_told_of(house: House, browser: Browser) -> None:
    stream = browser.call()
    browser.check()
    made = dtls.Association(browser.identity, (), client=True)
    browser.send(made.begin()[0])
    house.until(lambda: stream.endpoint.path.shaking)
    house.pass_time(22)
    assert "handshake" in house.told(Failed)[0].reason


def test_hold_and_resume_keep_the_keys(house: House, browser: Browser) -> None:
    stream = browser.connect()
    stream.configure(browser.remote(receives=False))
    stream.configure(browser.remote())
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 1)
    assert not house.told(Failed)


def test_a_restart_of_ice_keeps_the_keys_and_wants_the_new_password(house: House, browser: Browser) -> None:
    stream = browser.connect()
    browser.ours, browser.our_password, browser.ufrag = "new12345", "a-new-password-1234567890", "else"
    stream.configure(browser.remote())
    assert stream.endpoint.path.source is not None, "audio goes the old way until it is checked anew"
    browser.check()
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 1)


def test_another_certificate_means_another_handshake(house: House, browser: Browser) -> None:
    stream = browser.connect()
    browser.identity = dtls.Identity()
    browser.fingerprint = browser.identity.fingerprint
    stream.configure(browser.remote())
    assert stream.endpoint._decrypt is None
    browser.check()
    browser.shake()
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 1)


def test_reports_share_the_port_and_are_encrypted(house: House, browser: Browser) -> None:
    stream = browser.connect()
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 1)
    house.pass_time(8)
    mine = [data for data in browser.datagrams(1) if packet.is_rtcp(data)]
    assert isinstance(rtcp.parse(browser.receiver.unprotect_rtcp(mine[0]))[0], rtcp.ReceiverReport)
    feedback = rtcp.Other(206, 15, b"\0" * 8)  # what browsers send besides
    block = rtcp.ReportBlock(stream.lane.ssrc_out, lost=4)
    sent = rtcp.build([rtcp.ReceiverReport(browser.ssrc, (block,)), feedback])
    browser.send(browser.sender.protect_rtcp(sent))
    house.until(lambda: stream.statistics().lost_out == 4)


def test_handshakes_at_once_are_limited(house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtls, "MOST_HANDSHAKES", 1)
    waiting = Browser(house)
    first = waiting.call()
    waiting.check()
    hello = dtls.Association(waiting.identity, (), client=True)
    waiting.send(hello.begin()[0])
    house.until(lambda: first.endpoint.path.shaking)
    stream = browser.call()
    browser.check()
    browser.send(dtls.Association(browser.identity, (), client=True).begin()[0])
    house.pass_time(0.1)
    assert not stream.endpoint.path.shaking
    house.worker._close(first)
    browser.shake()
    assert stream.endpoint._decrypt is not None, "there is room again"


def test_garbage_raises_nothing(house: House, browser: Browser) -> None:
    stream = browser.connect()
    junk = [secrets.token_bytes(size) for size in (1, 2, 13, 19, 20, 60, 400) for _ in range(20)]
    junk += [bytes((first,)) + secrets.token_bytes(40) for first in range(0, 256, 3)]
    for data in junk:
        browser.send(data)
        house.turn()
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 1)


def test_a_party_without_ice_is_found_where_it_was_signalled(house: House) -> None:
    browser = Browser(house)
    browser.stream = stream = house.stream()
    browser.peer = ("127.0.0.1", stream.pair.port)
    stream.configure(browser.remote(address="127.0.0.1", port=browser.port, webrtc=browser.web(peer_ufrag="")))
    browser.shake()
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 1)
    stream.configure(browser.remote(address="127.0.0.1", port=browser.port, webrtc=browser.web(peer_ufrag="")))
    browser.speak()
    house.until(lambda: stream.lane.packets_in == 2)


def test_a_party_that_becomes_a_desk_phone_again_is_heard_as_such(house: House, browser: Browser) -> None:
    stream = browser.connect()
    stream.configure(Remote(address="127.0.0.1", port=browser.port, rtcp_port=browser.rtcp_port))
    house.say(browser, stream)
    assert stream.lane.packets_in == 1
