"""A phone made of `aiosipua` and `aiortp`: SIP and RTP in pure Python by other authors. UDP, G.711."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import time
from typing import Any

from ..ear import Ear, tone
from .accounts import Account
from .ports import Block

__all__ = ["AioCall", "AioPhone", "why_no_aiosipua"]

PATIENCE = 20.0
RATE = 8000
SAMPLES = 160


def why_no_aiosipua() -> str:
    """Return why there is no such phone here, or ""."""
    missing = [name for name in ("aiosipua", "aiortp") if importlib.util.find_spec(name) is None]
    return f"the Python packages {' and '.join(missing)} are not installed (pip install aiosipua aiortp)" * bool(
        missing
    )


class AioCall:
    """A call of the phone, with its audio."""

    def __init__(self, phone: AioPhone, sip: Any, port: int) -> None:
        self.phone, self.sip, self.port = phone, sip, port
        self.ear = Ear()
        self.digits = ""
        self.over = asyncio.Event()
        self.talk: list[bytes] = []  # PCM to say instead of the tone, once
        self._rtp: Any = None
        self._task: asyncio.Task[None] | None = None

    @property
    def invite(self) -> Any:
        """The INVITE as it came."""
        return self.sip.invite

    async def early(self, hertz: float) -> None:
        """Answer 183 with audio before the call is up (early media)."""
        session = self._session()
        self.sip.ringing(early_sdp=session.sdp_answer)
        await self._start(session, hertz)

    def ring(self) -> None:
        """Answer 180."""
        self.sip.ringing()

    async def answer(self) -> AioCall:
        """Answer 200."""
        session = None
        if self._rtp is None:
            session = self._session()
            self._answer_sdp = session.sdp_answer
        self.sip.accept(self._answer_sdp)
        if session is not None:
            await self._start(session, self.phone.hertz)
        return self

    def reject(self, status: int, reason: str) -> None:
        """Refuse."""
        self.sip.reject(status, reason)

    def _session(self) -> Any:
        from aiosipua.rtp_bridge import CallSession

        session = CallSession(self.phone.address, self.port, self.sip.sdp_offer, supported_codecs=[0, 8])
        self._answer_sdp = session.sdp_answer
        return session

    async def _start(self, session: Any, hertz: float) -> None:
        await session.start()
        session.on_audio = lambda pcm, _: self.ear.feed(pcm, RATE, time.monotonic())
        session.on_dtmf = self._digit
        self._rtp = session
        self._task = asyncio.create_task(self._speak(hertz))

    async def established(self) -> AioCall:
        """Wait until an outgoing call is answered, and begin to talk. Raises `RuntimeError` with the status."""
        import aiortp

        await self.sip.wait_answered(PATIENCE)
        answer = self.sip.sdp_answer
        assert answer is not None
        assert answer.rtp_address is not None
        assert answer.audio is not None
        self._rtp = await aiortp.RTPSession.create(
            (self.phone.address, self.port), answer.rtp_address, int(answer.audio.formats[0])
        )
        self._rtp.on_audio = lambda pcm, _: self.ear.feed(pcm, RATE, time.monotonic())
        self._rtp.on_dtmf = self._digit
        self._task = asyncio.create_task(self._speak(self.phone.hertz))
        return self

    def _digit(self, digit: str, _: int) -> None:
        self.digits += digit

    async def _speak(self, hertz: float) -> None:
        second = tone(hertz, RATE, 1.0) if hertz else bytes(2 * RATE)
        due, stamp = time.monotonic(), 0
        while True:
            frame = second[stamp * 2 % (2 * RATE) :][: 2 * SAMPLES]
            if self.talk:
                frame = self.talk[0][: 2 * SAMPLES].ljust(2 * SAMPLES, b"\0")
                self.talk[0] = self.talk[0][2 * SAMPLES :]
                if not self.talk[0]:
                    self.talk.pop(0)
            self._rtp.send_audio_pcm(frame, stamp)
            stamp += SAMPLES
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def press(self, digit: str) -> None:
        """Send a digit by RFC 4733."""
        self._rtp.send_dtmf(digit)

    async def hears(
        self, hertz: float, seconds: float = 0.3, *, since: float = 0.0, timeout: float = PATIENCE
    ) -> float:
        """Wait until a tone was heard for `seconds` without a break."""
        until = time.monotonic() + timeout
        while (begun := self.ear.hears(hertz, seconds, since)) is None:
            if time.monotonic() > until:
                raise AssertionError(f"aiosipua did not hear {hertz:g} Hz, but {self.ear.story()}")
            await asyncio.sleep(0.05)
        return begun

    async def hang_up(self) -> None:
        """End the call."""
        if self.sip is not None and not self.over.is_set():
            if hasattr(self.sip, "wait_answered"):
                self.sip.hangup(self.phone.uac)
            else:
                self.sip.hangup()
        await self.close()

    async def close(self) -> None:
        """Stop the audio."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._rtp is not None:
            await self._rtp.close()
            self._rtp = None


class AioPhone:
    """`async with AioPhone(ports, account, 440) as phone: …`; registered when it begins."""

    def __init__(self, ports: Block, account: Account, hertz: float, *, address: str = "127.0.0.1") -> None:
        self.account, self.hertz, self.address = account, hertz, address
        self.port, self._rtp_port = ports.take(2), ports.take(20)
        self.calls: asyncio.Queue[AioCall] = asyncio.Queue()
        self._all: list[AioCall] = []
        self._refused: set[tuple[str, str]] = set()

    async def __aenter__(self) -> AioPhone:
        from aiosipua import Registration, SipDigestAuth, SipUAC, SipUAS
        from aiosipua.transport import UdpSipTransport

        account = self.account
        transport = UdpSipTransport(local_addr=(self.address, self.port))
        self.uac = SipUAC(transport)
        self.uas = SipUAS(transport, uac=self.uac, user_agent="aiosipua")
        self.uas.on_invite = self._rings
        self.uas.on_bye = self._bye
        self.uas.on_cancel = self._cancelled
        await self.uas.start()
        transport.on_message = self._message
        self.auth = SipDigestAuth(account.username, account.password)
        self.registration = Registration(
            self.uac, f"sip:{account.username}@{account.domain}", (account.host, account.port), auth=self.auth,
            registrar_uri=f"sip:{account.domain}", user_agent="aiosipua",
        )  # fmt: skip
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.registration.on_registered = lambda *_: done.done() or done.set_result("")
        self.registration.on_failed = lambda _, status, reason: done.set_result(f"{status} {reason}")
        self.registration.register()
        if problem := await asyncio.wait_for(done, PATIENCE):
            await self.uas.stop()
            raise AssertionError(f"aiosipua could not register: {problem}")
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in self._all:
            await call.close()
        self.registration.unregister()
        await asyncio.sleep(0.1)
        await self.uas.stop()

    def dial(self, number: str) -> AioCall:
        """Call a number; `established()` waits for the answer."""
        from aiosipua.sdp import build_sdp

        port = self._next_port()
        account = self.account
        offer = build_sdp(self.address, port, 0, "PCMU")
        sip = self.uac.send_invite(
            f"sip:{account.username}@{account.domain}", account.uri(number), (account.host, account.port), offer,
            auth=self.auth, user_agent="aiosipua",
        )  # fmt: skip
        return self._keep(AioCall(self, sip, port))

    async def rings(self) -> AioCall:
        """Wait for a call."""
        return await asyncio.wait_for(self.calls.get(), PATIENCE)

    def _message(self, message: Any, address: tuple[str, int]) -> None:
        """Acknowledge refusals (RFC 3261 section 17.1.1.3), which aiosipua leaves out, and take each of them once."""
        from aiosipua import SipRequest, SipResponse

        if (
            isinstance(message, SipResponse)
            and message.status_code >= 300
            and "INVITE" in (message.get_header("cseq") or "")
        ):
            number = (message.get_header("cseq") or "").split()[0]
            ack = SipRequest(method="ACK", uri=f"sip:{self.account.domain}")
            for name in ("Via", "From", "To", "Call-ID"):
                ack.headers.append(name, message.get_header(name.lower()) or "")
            ack.headers.append("CSeq", f"{number} ACK")
            ack.headers.append("Max-Forwards", "70")
            self.uas.transport.send(ack, address)
            key = (message.call_id or "", number)
            if key in self._refused:
                return
            self._refused.add(key)
        self.uas._on_message(message, address)

    def _rings(self, sip: Any) -> None:
        self.calls.put_nowait(self._keep(AioCall(self, sip, self._next_port())))

    def _bye(self, sip: Any, _: Any) -> None:
        for call in self._all:
            if call.sip.call_id == sip.call_id:
                call.over.set()

    def _cancelled(self, request: Any, *_: Any) -> None:
        for call in self._all:
            if call.sip.call_id == request.call_id:
                call.over.set()

    def _keep(self, call: AioCall) -> AioCall:
        self._all.append(call)
        return call

    def _next_port(self) -> int:
        self._rtp_port += 2
        return self._rtp_port - 2
