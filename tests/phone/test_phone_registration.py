"""The softphone's registration, against a registrar of a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from jackfield.phone import Account, Phone, PhoneError
from jackfield.sip.agent import Agent
from jackfield.sip.digest import Challenger, ha1
from jackfield.sip.flow import Flow
from jackfield.sip.message import Request
from jackfield.sip.session_events import Reply


class Registrar:
    """Knows alice, whose password is "sesame"; `script` has the statuses to give before it looks."""

    def __init__(self, port: int) -> None:
        self.agent = Agent(user_agent="registrar", on_invite=lambda invite: invite.reject(404), on_request=self.take)
        self.challenger = Challenger("test", b"sixteen bytes or more")
        self.script: list[tuple[int, dict[str, str]]] = []
        self.seen: list[Request] = []
        self.expires = 300
        self.port = port

    async def start(self) -> None:
        await self.agent.listen("UDP", "127.0.0.1", self.port)
        await self.agent.listen("TCP", "127.0.0.1", self.port)

    def take(self, request: Request, flow: Flow, reply: Reply) -> None:
        self.seen.append(request)
        if self.script:
            status, headers = self.script.pop(0)
            response = request.reply(status)
            for name, value in headers.items():
                response.set(name, value)
            return reply(response)
        client, now = flow.remote[0], asyncio.get_running_loop().time()
        verdict = None
        if given := request.get("Authorization"):
            verdict = self.challenger.verify(
                given, "REGISTER", request.uri, client, now,
                lambda name, algorithm: ha1(name, "test", "sesame", algorithm) if name == "alice" else None,
            )  # fmt: skip
        if verdict is None or not verdict.ok:
            response = request.reply(401 if verdict is None or verdict.stale else 403)
            for challenge in self.challenger.challenges(client, now):
                response.add("WWW-Authenticate", challenge)
            return reply(response)
        response = request.reply(200)
        if request.expires:
            response.set("Contact", f"{request.get('Contact')};expires={self.expires}")
        return reply(response)


@pytest.fixture
async def registrar(free_port: Callable[[], int]) -> AsyncIterator[Registrar]:
    made = Registrar(free_port())
    await made.start()
    yield made
    await made.agent.close()


def alice(registrar: Registrar, password: str = "sesame", transport: str = "UDP") -> Account:
    return Account("alice", password, "127.0.0.1", registrar.port, transport)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_phone_registers_with_its_password_and_leaves_when_it_closes(
    registrar: Registrar, transport: str
) -> None:
    async with Phone(alice(registrar, transport=transport)) as phone:
        await phone.register()
        assert phone.registered > asyncio.get_running_loop().time() + 200
        assert [request.expires for request in registrar.seen] == [300, 300]
    assert registrar.seen[-1].expires == 0
    assert phone.registered == 0.0
    assert len({request.call_id for request in registrar.seen}) == 1
    numbers = [request.cseq.number for request in registrar.seen]
    assert numbers == sorted(set(numbers))


async def test_a_wrong_password_says_so(registrar: Registrar) -> None:
    async with Phone(alice(registrar, "wrong")) as phone:
        with pytest.raises(PhoneError, match="alice can't register: 403") as error:
            await phone.register()
        assert error.value.status == 403


async def test_an_interval_that_is_too_short_is_corrected(registrar: Registrar) -> None:
    async with Phone(alice(registrar), expires=30) as phone:
        registrar.script = [(423, {"Min-Expires": "60"})]
        await phone.register()
        assert registrar.seen[1].expires == 60


async def test_the_registration_is_renewed_in_time(registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jackfield.phone.phone.SHORTEST_REFRESH", 0.02)
    registrar.expires = 0  # over at once
    async with Phone(alice(registrar)) as phone:
        await phone.register()
        while len(registrar.seen) < 4:
            await asyncio.sleep(0.005)
        registrar.expires = 300
        registrar.script = [(500, {}), (503, {})]
        while phone.registered < asyncio.get_running_loop().time() + 200:
            await asyncio.sleep(0.005)


async def test_a_server_that_has_no_such_name_is_told_with_a_hint(registrar: Registrar) -> None:
    async with Phone(alice(registrar)) as phone:
        registrar.script = [(404, {})]
        with pytest.raises(PhoneError, match="the SIP name is not known there"):
            await phone.register()


async def test_a_call_that_the_server_refuses_has_its_status(registrar: Registrar) -> None:
    async with Phone(alice(registrar)) as phone:
        call = await phone.call("102")
        with pytest.raises(PhoneError, match="102: 404"):
            await call.wait_ringing()
