"""SIP by hand, for what no phone would send: one UDP socket, messages as text."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from .accounts import Account

__all__ = ["Answer", "Wire"]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    text: str

    def header(self, name: str) -> str:
        """Return the first value of a header, or ""."""
        found = re.search(rf"^{name}\s*:\s*(.*?)\r?$", self.text, re.MULTILINE | re.IGNORECASE)
        return found.group(1) if found else ""


@dataclass
class Wire(asyncio.DatagramProtocol):
    """`async with Wire(account) as wire: answer = await wire.send("REGISTER")`."""

    account: Account
    port: int = 0
    address: str = "127.0.0.1"
    received: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Wire:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        self.port = self.transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.close()

    def datagram_received(self, data: bytes, _: object) -> None:
        """Keep it."""
        self.received.append(data.decode(errors="replace"))
        self.changed.set()

    def throw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.transport.sendto(data, (self.account.host, self.account.port))

    async def until(self, matches: Callable[[str], bool], timeout: float = 5.0) -> str:
        """Wait for a message that matches."""
        async with asyncio.timeout(timeout):
            while True:
                for message in self.received:
                    if matches(message):
                        return message
                self.changed.clear()
                await self.changed.wait()

    async def send(
        self, method: str, uri: str = "", *, to: str = "", headers: str = "", body: str = "", password: str = "",
        contact: str = "", final: bool = True, timeout: float = 5.0,
    ) -> Answer:  # fmt: skip
        """Send a request and return the final response, to which a challenge is answered if there is a password."""
        uri = uri or f"sip:{self.account.domain}"
        if method == "REGISTER":
            to = to or f"sip:{self.account.username}@{self.account.domain}"
        contact = contact or f"<sip:{self.account.username}@{self.address}:{self.port}>"
        headers = f"Contact: {contact}\r\n{headers}"
        call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
        answer = await self._once(method, uri, to or uri, headers, body, "", call_id, tag, 1, timeout, final)
        if answer.status in (401, 407) and password:
            name, value = ("Authorization", "WWW-Authenticate") if answer.status == 401 else (
                "Proxy-Authorization", "Proxy-Authenticate")  # fmt: skip
            line = f"{name}: {self._credentials(method, uri, answer.header(value), password)}\r\n"
            answer = await self._once(method, uri, to or uri, headers, body, line, call_id, tag, 2, timeout, final)
        return answer

    async def _once(
        self, method: str, uri: str, to: str, headers: str, body: str, credentials: str, call_id: str, tag: str,
        cseq: int, timeout: float, final: bool,
    ) -> Answer:  # fmt: skip
        branch = f"z9hG4bK{secrets.token_hex(6)}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        head = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:{self.port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.account.username}@{self.account.domain}>;tag={tag}\r\n"
        )
        rest = (
            f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"{headers}{credentials}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.throw((head + f"To: <{to}>\r\n" + rest).encode())

        def ours(message: str) -> bool:
            return branch in message and message.startswith("SIP/2.0 ") and (
                not final or not message.startswith("SIP/2.0 1"))  # fmt: skip

        found = await self.until(ours, timeout)
        answer = Answer(int(found.split()[1]), found)
        if method == "INVITE" and answer.status >= 300:
            ack = head.replace("INVITE", "ACK", 1) + f"To: {answer.header('To')}\r\n"
            self.throw((ack + f"Call-ID: {call_id}\r\nCSeq: {cseq} ACK\r\nContent-Length: 0\r\n\r\n").encode())
        return answer

    def _credentials(self, method: str, uri: str, challenge: str, password: str) -> str:
        value = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.split(" ", 1)[1]))
        hashed = hashlib.sha256 if value.get("algorithm", "MD5").upper() == "SHA-256" else hashlib.md5
        user, cnonce = self.account.username, secrets.token_hex(4)

        def digest(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        first = digest(f"{user}:{value['realm']}:{password}")
        second = digest(f"{method}:{uri}")
        response = digest(f"{first}:{value['nonce']}:00000001:{cnonce}:auth:{second}")
        return (
            f'Digest username="{user}", realm="{value["realm"]}", nonce="{value["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm={value.get("algorithm", "MD5")}, qop=auth, nc=00000001, '
            f'cnonce="{cnonce}"' + (f', opaque="{value["opaque"]}"' if "opaque" in value else "")
        )
