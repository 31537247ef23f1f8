"""One UDP socket that plays many phones of one extension: it registers, calls, and answers whoever calls.

Only as much of SIP as a well-behaved line needs; what it does not understand it lets the test fail for.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from interop.rig.accounts import Account

__all__ = ["Crowd", "Talk"]

AGAIN = 0.5  # seconds: timer T1


@dataclass
class Talk:
    """One call as one end of it sees it."""

    call_id: str
    port: int  # for our audio
    theirs: int = 0  # where the system wants it
    up: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    failed: str = ""
    remote: str = ""  # To or From of the other side, with its tag
    local: str = ""
    target: str = ""
    cseq: int = 1


class Crowd(asyncio.DatagramProtocol):
    """`async with Crowd(account, address, ports) as crowd: …`; registered when it begins."""

    def __init__(self, account: Account, address: str, audio_ports: Iterator[int]) -> None:
        self.account, self.address = account, address
        self.talks: dict[str, Talk] = {}
        self.answered: list[Talk] = []
        self._ports = audio_ports
        self._waiting: dict[tuple[str, str], asyncio.Future[str]] = {}
        self._answers: dict[str, str] = {}  # 200s to INVITEs, to be said again
        self._challenge = ""
        self._used = 0

    async def __aenter__(self) -> Crowd:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, 0))
        self.port = self.transport.get_extra_info("sockname")[1]
        await self._register(300)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._register(0)
        self.transport.close()

    async def call(self, number: str) -> Talk:
        """Place a call and return when it's up, or with `failed` set."""
        account, uri = self.account, self.account.uri(number)
        talk = Talk(secrets.token_hex(8), next(self._ports))
        talk.local = f"<sip:{account.username}@{account.domain}>;tag={secrets.token_hex(4)}"
        talk.remote, talk.target = f"<{uri}>", uri
        self.talks[talk.call_id] = talk
        answer = await self._ask(talk, "INVITE", uri, self._sdp(talk.port))
        if _status(answer) == 401:
            self._ack(talk, answer, uri)
            self._challenge, self._used = _header(answer, "WWW-Authenticate"), 0
            talk.cseq += 1
            answer = await self._ask(talk, "INVITE", uri, self._sdp(talk.port), sign=True)
        if _status(answer) != 200:
            self._ack(talk, answer, uri)
            talk.failed = answer.split("\r\n", 1)[0]
            talk.over.set()
            return talk
        self._agree(talk, answer, _header(answer, "To"))
        self._ack(talk, answer, talk.target, new=True)
        talk.up.set()
        return talk

    async def hang_up(self, talk: Talk) -> None:
        """End a call that is up."""
        talk.cseq += 1
        answer = await self._ask(talk, "BYE", talk.target)
        talk.failed = talk.failed or ("" if _status(answer) == 200 else answer.split("\r\n", 1)[0])
        talk.over.set()

    async def _register(self, expires: int) -> None:
        account = self.account
        talk = Talk(secrets.token_hex(8), 0)
        talk.remote = f"<sip:{account.username}@{account.domain}>"
        talk.local = f"{talk.remote};tag={secrets.token_hex(4)}"
        for sign in (False, True):
            more = f"Expires: {expires}\r\n"
            answer = await self._ask(talk, "REGISTER", f"sip:{account.domain}", sign=sign, more=more)
            if _status(answer) == 401:
                self._challenge, self._used = _header(answer, "WWW-Authenticate"), 0
            talk.cseq += 1
        assert _status(answer) == 200, answer

    async def _ask(
        self, talk: Talk, method: str, uri: str, body: str = "", *, sign: bool = False, more: str = ""
    ) -> str:
        branch = f"z9hG4bK{secrets.token_hex(6)}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        signed = f"Authorization: {self._sign(method, uri)}\r\n" if sign else ""
        data = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:{self.port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {talk.local}\r\nTo: {talk.remote}\r\nCall-ID: {talk.call_id}\r\n"
            f"CSeq: {talk.cseq} {method}\r\nContact: <sip:{self.account.username}@{self.address}:{self.port}>\r\n"
            f"{more}{signed}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        reply = self._waiting[branch, method] = asyncio.get_running_loop().create_future()
        pause = AGAIN
        for _ in range(7):  # timers A, B, E and F of RFC 3261
            self.transport.sendto(data, (self.account.host, self.account.port))
            done, _ = await asyncio.wait((reply,), timeout=pause)
            if done or (branch, "100") in self._waiting:
                break
            pause *= 2
        try:
            return await asyncio.wait_for(reply, 32.0)
        except TimeoutError:
            return "SIP/2.0 408 No Answer\r\n\r\n"
        finally:
            self._waiting.pop((branch, method), None)
            self._waiting.pop((branch, "100"), None)

    def _ack(self, talk: Talk, answer: str, uri: str, *, new: bool = False) -> None:
        via = f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport"
        sent = re.sub(r";(rport=\d+|received=[^;]+)", "", _header(answer, "Via"))
        self.transport.sendto(
            f"ACK {uri} SIP/2.0\r\nVia: {via if new else sent}\r\nMax-Forwards: 70\r\nFrom: {talk.local}\r\n"
            f"To: {_header(answer, 'To')}\r\nCall-ID: {talk.call_id}\r\nCSeq: {talk.cseq} ACK\r\n"
            "Content-Length: 0\r\n\r\n".encode(),
            (self.account.host, self.account.port),
        )

    def datagram_received(self, data: bytes, _: object) -> None:
        """Take what comes."""
        text = data.decode()
        if text.startswith("SIP/2.0 "):
            self._response(text)
            return
        method = text.split(" ", 1)[0]
        call_id = _header(text, "Call-ID")
        if method == "INVITE":
            self._answer(text, call_id)
        elif method == "ACK":
            if talk := self.talks.get(call_id):
                talk.up.set()
        else:
            self._say(text, "200 OK")
            if method == "BYE" and (talk := self.talks.get(call_id)):
                talk.over.set()

    def _response(self, text: str) -> None:
        found = re.search(r"branch=([^;\s]+)", _header(text, "Via"))
        method = _header(text, "CSeq").split()[1]
        branch = found.group(1) if found else ""
        if text.startswith("SIP/2.0 1"):
            self._waiting.setdefault((branch, "100"), asyncio.get_running_loop().create_future())
            return
        reply = self._waiting.get((branch, method))
        if reply is not None:
            if not reply.done():
                reply.set_result(text)
        elif method == "INVITE" and (talk := self.talks.get(_header(text, "Call-ID"))):
            self._ack(talk, text, talk.target, new=text.startswith("SIP/2.0 2"))  # the ACK was lost

    def _answer(self, text: str, call_id: str) -> None:
        if call_id in self._answers:
            self._say(text, "200 OK", self._answers[call_id])
            return
        talk = self.talks[call_id] = Talk(call_id, next(self._ports))
        talk.remote = _header(text, "From")
        tag = secrets.token_hex(4)
        talk.local = f"{_header(text, 'To')};tag={tag}"
        self._agree(talk, text, talk.remote)
        self.answered.append(talk)
        self._answers[call_id] = self._sdp(talk.port)
        self._say(text, "180 Ringing", tag=tag)
        self._say(text, "200 OK", self._answers[call_id], tag=tag)

    def _say(self, request: str, status: str, body: str = "", *, tag: str = "") -> None:
        talk = self.talks.get(_header(request, "Call-ID"))
        to = talk.local if talk and "tag=" not in _header(request, "To") else _header(request, "To")
        vias = "".join(f"Via: {value}\r\n" for value in re.findall(r"^Via:\s*(.*?)\r$", request, re.MULTILINE))
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.transport.sendto(
            f"SIP/2.0 {status}\r\n{vias}From: {_header(request, 'From')}\r\nTo: {to}\r\n"
            f"Call-ID: {_header(request, 'Call-ID')}\r\nCSeq: {_header(request, 'CSeq')}\r\n"
            f"Contact: <sip:{self.account.username}@{self.address}:{self.port}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode(),
            (self.account.host, self.account.port),
        )

    def _agree(self, talk: Talk, text: str, remote: str) -> None:
        talk.remote = remote
        talk.theirs = int(re.search(r"m=audio (\d+)", text).group(1))  # type: ignore[union-attr]
        talk.target = re.search(r"<([^>]+)>", _header(text, "Contact")).group(1)  # type: ignore[union-attr]

    def _sdp(self, port: int) -> str:
        return (
            f"v=0\r\no=- {port} 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
        )

    def _sign(self, method: str, uri: str) -> str:
        value = dict(re.findall(r'(\w+)="?([^",]+)"?', self._challenge.split(" ", 1)[1]))
        hashed = hashlib.sha256 if value.get("algorithm", "MD5") == "SHA-256" else hashlib.md5
        self._used += 1
        count, cnonce, user = f"{self._used:08x}", secrets.token_hex(4), self.account.username

        def digest(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        first = digest(f"{user}:{value['realm']}:{self.account.password}")
        response = digest(f"{first}:{value['nonce']}:{count}:{cnonce}:auth:{digest(f'{method}:{uri}')}")
        return (
            f'Digest username="{user}", realm="{value["realm"]}", nonce="{value["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm={value.get("algorithm", "MD5")}, qop=auth, nc={count}, cnonce="{cnonce}"'
        )


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r$", text, re.MULTILINE | re.IGNORECASE)
    return found.group(1) if found else ""


def _status(text: str) -> int:
    return int(text.split(" ", 2)[1])
