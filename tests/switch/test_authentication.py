"""Who may send: phones with their password, trunks by address, strangers within limits."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from carrier import exchange, pass_time, simulated
from company import company, extension, trunk
from wire import FakeFlow, authorize, request

from jackfield.sip.message import Response
from jackfield.switch.authentication import Authenticator
from jackfield.switch.guard import Guard
from jackfield.switch.identity import Sender
from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk
from jackfield.switch.snapshot import Trunk


class Door:
    def __init__(self, snapshot=None, trunks=None):
        self.snapshot = snapshot or company()
        self.now = 1000.0
        self.guard = Guard(None, lambda: self.now)
        self.authenticator = Authenticator(
            lambda: self.snapshot,
            secret=b"0123456789abcdef",
            wall_clock=lambda: self.now,
            trunks=trunks,
            guard=self.guard,
        )

    @property
    def refusals(self):
        return self.guard.failures

    def check(self, made, flow=None):
        ask = self.authenticator.line_of if made.method == "REGISTER" else self.authenticator.check
        return ask(made, flow or FakeFlow())

    def challenge(self, made, flow=None):
        response = self.check(made, flow)
        assert isinstance(response, Response)
        assert response.status == 401
        return response


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_phone_is_challenged_and_then_known_by_its_line(door: Door):
    made = request()
    sender = door.check(authorize(made, door.challenge(made), "u101"))
    assert isinstance(sender, Sender)
    assert sender.origin == FromExtension("101")
    assert (sender.extension.number, sender.line.sip_username) == ("101", "u101")
    assert (sender.number, sender.dialed) == ("101", "102")


def test_a_phone_can_t_call_itself_somebody_else_by_from(door: Door):
    made = request(from_='"Boss" <sip:201@test>;tag=a')
    sender = door.check(authorize(made, door.challenge(made), "u101"))
    assert sender.number == "101"


def test_a_phone_may_ask_to_hide_its_number(door: Door):
    made = request(extra="Privacy: id\r\n")
    assert door.check(authorize(made, door.challenge(made), "u101")).anonymous


def test_a_wrong_password_is_refused_reported_and_logged_once(door: Door, caplog):
    made = request("REGISTER", "sip:test")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            answer = door.check(authorize(made, door.challenge(made), "u101", "guess"))
            assert answer.status == 403
    assert [(r.account, r.known, r.what) for r in door.refusals] == [
        ("u101", True, 'REGISTER for "u101": wrong password')
    ] * 3
    assert len(caplog.records) == 1
    assert "Extensions > 101" in caplog.text
    assert "192.0.2.7" in caplog.text


def test_an_unknown_name_gets_the_same_answer_as_a_wrong_password(door: Door):
    made = request("REGISTER", "sip:test")
    wrong = door.check(authorize(made, door.challenge(made), "u101", "guess"))
    unknown = door.check(authorize(made, door.challenge(made), "nobody", "guess"))
    assert (wrong.status, wrong.reason) == (unknown.status, unknown.reason)


def test_an_old_nonce_is_stale_and_no_offence(door: Door):
    made = request()
    again = authorize(made, door.challenge(made), "u101")
    door.now += 600
    response = door.challenge(again)
    assert "stale=true" in response.get("WWW-Authenticate")
    assert door.refusals == []


def test_credentials_are_good_once(door: Door):
    made = request()
    again = authorize(made, door.challenge(made), "u101")
    assert isinstance(door.check(again), Sender)
    assert door.check(again).status == 401


def test_a_nonce_is_good_for_the_address_that_it_was_given_to(door: Door):
    made = request()
    again = authorize(made, door.challenge(made), "u101")
    assert door.check(again, FakeFlow(remote=("198.51.100.9", 5060))).status == 401


def test_credentials_for_another_realm_are_no_offence(door: Door):
    made = request(
        extra='Authorization: Digest username="u101", realm="other", nonce="x", uri="sip:x", response="y"\r\n'
    )
    assert door.check(made).status == 401
    assert door.refusals == []


def test_of_several_credentials_ours_are_taken(door: Door):
    made = request()
    again = authorize(made, door.challenge(made), "u101")
    other = 'Digest username="x", realm="other", nonce="x", uri="sip:x", response="y"'
    again.prepend("Authorization", other)
    assert isinstance(door.check(again), Sender)


def test_a_new_realm_holds_at_once(door: Door):
    door.snapshot = replace(door.snapshot, general=replace(door.snapshot.general, realm="new"))
    assert 'realm="new"' in door.challenge(request()).get("WWW-Authenticate")


def test_challenges_are_those_that_the_phone_understands(door: Door):
    def algorithms(user_agent: str) -> list[str]:
        made = request("REGISTER", "sip:test", extra=f"User-Agent: {user_agent}\r\n")
        return [v.split("algorithm=")[1].split(",")[0] for v in door.challenge(made).all("WWW-Authenticate")]

    assert algorithms("Linphone/5.1") == ["SHA-256", "MD5"]
    assert algorithms("baresip v1.0.0") == ["MD5"]
    assert algorithms("Unheard of/1.0") == ["MD5", "SHA-256"]
    for setting, offered in (("md5", ["MD5"]), ("sha256", ["SHA-256"]), ("both", ["SHA-256", "MD5"])):
        door.snapshot = replace(door.snapshot, general=replace(door.snapshot.general, digest=setting))
        assert algorithms("baresip v1.0.0") == offered


@pytest.mark.parametrize("setting", ["sha256", "both", "auto"])
def test_a_phone_may_answer_by_sha_256(setting: str):
    door = Door(company(general={"digest": setting}))
    made = request(extra="User-Agent: Linphone/5\r\n")
    again = authorize(made, door.challenge(made), "u101")
    assert "SHA-256" in again.get("Authorization")
    assert isinstance(door.check(again), Sender)


def test_a_line_that_is_gone_is_unknown(door: Door):
    made = request()
    again = authorize(made, door.challenge(made), "u101")
    door.snapshot = replace(door.snapshot, extensions=())
    assert door.check(again).status == 403


def test_a_disabled_extension_is_still_known(door: Door):
    """So that its phone can dial emergency numbers; all else is refused by the dial plan."""
    door.snapshot = replace(door.snapshot, extensions=(extension("101", enabled=False),))
    made = request()
    assert isinstance(door.check(authorize(made, door.challenge(made), "u101")), Sender)


# --- strangers ---


def test_a_stranger_is_let_in_with_its_own_address_as_number(door: Door):
    sender = door.check(request(from_='"Bob" <sip:bob@example.com>;tag=a'))
    assert sender.origin == FromAnonymous()
    assert (sender.number, sender.name, sender.dialed) == ("bob@example.com", "Bob", "102")


def test_who_claims_to_be_one_of_us_must_prove_it(door: Door):
    assert door.check(request(from_="<sip:u101@anywhere>;tag=a")).status == 401
    assert door.check(request(from_="<sip:101@192.0.2.1>;tag=a")).status == 401
    assert door.check(request(from_="<sip:101@TEST>;tag=a")).status == 401
    assert isinstance(door.check(request(from_="<sip:101@elsewhere.example>;tag=a")), Sender)


def test_strangers_are_challenged_where_they_are_not_welcome():
    door = Door(company(general={"anonymous_calls": False}))
    assert door.check(request(from_="<sip:bob@example.com>;tag=a")).status == 401


def test_nobody_registers_as_a_stranger(door: Door):
    assert door.check(request("REGISTER", "sip:test", from_="<sip:bob@example.com>;tag=a")).status == 401


# --- trunks ---


@contextlib.asynccontextmanager
async def door_for(*trunks: Trunk) -> AsyncIterator[Door]:
    """A door at which the addresses of these trunks are known."""
    async with exchange(*trunks) as us:
        for one in trunks:
            address, _, port = one.hosts[0].partition(":")
            us.carrier(address, int(port or 5060))
        await us.trunks.start()
        await pass_time(1)
        yield Door(us.snapshot, us.trunks)


@pytest.mark.parametrize(("trusted", "number"), [(True, "778"), (False, "777")])
@simulated
async def test_a_trunk_needs_no_password(trusted: bool, number: str):
    async with door_for(trunk("Odorik", trust_identity=trusted)) as door:
        made = request(
            uri="sip:5550101@192.0.2.1",
            from_="<sip:777@carrier>;tag=a",
            extra='P-Asserted-Identity: "K" <sip:778@carrier>\r\n',
        )
        sender = door.check(made, FakeFlow(remote=("192.0.2.10", 5060)))
        assert sender.origin == FromTrunk("Odorik")
        assert (sender.number, sender.dialed) == (number, "5550101")
        assert sender.name == ("K" if trusted else "")


@simulated
async def test_a_phone_on_the_machine_of_a_trunk_is_a_phone():
    carrier = trunk("Odorik", hosts=("127.0.0.1:5070",))
    async with door_for(carrier) as door:
        assert door.check(request(), FakeFlow(remote=("127.0.0.1", 40000))).status == 401
        assert door.check(request(), FakeFlow(remote=("127.0.0.1", 5070))).trunk == carrier
        assert door.check(request(from_="<sip:777@x>;tag=a"), FakeFlow(remote=("127.0.0.1", 40000))).trunk == carrier


@simulated
async def test_a_trunk_does_not_register_without_a_password():
    async with door_for(trunk()) as door:
        assert door.check(request("REGISTER", "sip:test"), FakeFlow(remote=("192.0.2.10", 5060))).status == 401


def test_a_phone_without_a_password_is_challenged_at_the_door(door: Door):
    at_the_door = door.authenticator.at_the_door
    made = request()
    challenge = at_the_door(made, FakeFlow())
    assert isinstance(challenge, Response)
    assert at_the_door(made.copy(), FakeFlow()).to_bytes() == challenge.to_bytes(), "a copy that was sent too early"
    answered = authorize(made, challenge, "u101")
    assert at_the_door(answered, FakeFlow()) is None, "passwords are looked at inside"
    assert isinstance(door.check(answered), Sender)
    anybody = "<sip:bob@example.com>;tag=a"
    assert at_the_door(request("REGISTER", "sip:test", from_=anybody), FakeFlow()).status == 401
    assert at_the_door(request(from_=anybody), FakeFlow()) is None
    assert at_the_door(request("OPTIONS"), FakeFlow()) is None


@simulated
async def test_a_trunk_is_not_challenged_at_the_door_though_it_names_a_phone():
    async with door_for(trunk("provider", hosts=("198.51.100.9",))) as door:
        assert door.authenticator.at_the_door(request(), FakeFlow(remote=("198.51.100.9", 5060))) is None
        assert door.authenticator.at_the_door(request(), FakeFlow()) is not None
