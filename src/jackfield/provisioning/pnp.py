"""Plug and play by SIP: a phone that knows nothing asks all of its network, and is told where its configuration is.

It sends SUBSCRIBE for `ua-profile` (RFC 6080) to 224.0.1.75, and gets 200 and a NOTIFY whose body is an address
(`application/url`), as Snom and Yealink document it. Functions read and write messages; `Server` has the sockets.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from jackfield.sip.message import MalformedHeader, MalformedMessage, Request, Response, parse
from jackfield.sip.uri import unescape

__all__ = ["GROUP", "PORT", "Question", "Server", "notify", "read_question"]

log = logging.getLogger(__name__)

GROUP, PORT = "224.0.1.75", 5060  # sip.mcast.net (RFC 3261 section 18.1.1)
RESENDS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between two sendings of a NOTIFY that has no answer yet (RFC 3261, timer E)."""
REMEMBERED_SECONDS = 32.0
"""For so long the same SUBSCRIBE, which phones send several times, is answered once."""
MOST_AT_ONCE = 500

_MAC = re.compile(r"(?i)(?:mac[:=]?)?((?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2})")
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^;\s]*))')


@dataclass(frozen=True, slots=True)
class Question:
    """A phone that looks for its configuration. Everything in it is what the phone says of itself."""

    address: str  # from where it came
    port: int
    mac: str  # twelve hex digits, small letters
    vendor: str = ""
    model: str = ""
    version: str = ""
    user_agent: str = ""


def read_question(data: bytes, source: tuple[str, int]) -> tuple[Question, Request] | None:
    """Read a datagram; None for everything that is no phone's question for its profile."""
    try:
        message = parse(data)
        if not isinstance(message, Request) or message.method != "SUBSCRIBE":
            return None
        event = message.get("Event") or ""
        users = (message.request_uri.username, message.from_.uri.username)
    except (MalformedMessage, MalformedHeader):
        return None
    package, _, rest = event.partition(";")
    said = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(";" + rest)}
    if package.strip().lower() != "ua-profile" or said.get("profile-type", "device").lower() == "user":
        return None
    mac = next((found[1] for user in users if (found := _MAC.fullmatch(unescape(user)))), "")
    if not mac:
        return None
    bare = mac.replace(":", "").replace("-", "").lower()
    return Question(
        address=source[0],
        port=source[1],
        mac=bare,
        vendor=said.get("vendor", "")[:40],
        model=said.get("model", "")[:40],
        version=said.get("version", "")[:40],
        user_agent=(message.get("User-Agent") or "")[:200],
    ), message


def accepted(request: Request, here: tuple[str, int], tag: str) -> Response:
    """Return the 200 to a SUBSCRIBE: what follows is said once, so the subscription is over at once."""
    response = request.reply(200, to_tag=tag)
    response.set("Contact", f"<sip:{here[0]}:{here[1]}>")
    response.set("Expires", "0")
    return response


def notify(request: Request, here: tuple[str, int], tag: str, url: str, branch: str) -> Request:
    """Return the NOTIFY that tells where the configuration is."""
    contact = request.contact
    to = request.to
    wanted = contact.uri if contact is not None else request.from_.uri
    return Request.new(
        "NOTIFY",
        str(wanted),
        [
            ("Via", f"SIP/2.0/UDP {here[0]}:{here[1]};branch=z9hG4bK{branch};rport"),
            ("Max-Forwards", "20"),
            ("Contact", f"<sip:{here[0]}:{here[1]}>"),
            ("To", request.get("From") or ""),
            ("From", f"{to};tag={tag}" if to.tag is None else str(to)),
            ("Call-ID", request.call_id),
            ("CSeq", f"{(request.cseq.number + 1) & 0x7FFFFFFF} NOTIFY"),
            ("Event", request.get("Event") or "ua-profile"),
            ("Subscription-State", "terminated;reason=timeout"),
        ],
        url.encode(),
        "application/url",
    )


Answer = Callable[[Question], Awaitable[str]]
"""From a question to the address of the configuration; "" where nothing is to be said: another server may know."""


class Server:
    """Hears the group on some of our addresses, and answers those whom `allowed` lets in."""

    def __init__(
        self, answer: Answer, *, allowed: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        self._answer = answer
        self._allowed = allowed
        self._clock = clock
        self._listener: socket.socket | None = None
        self._seen: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, addresses: Sequence[str], group: str = GROUP, port: int = PORT) -> None:
        """Join the group on the networks of these addresses of ours (IPv4). Raises `OSError`."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((group, port))
            for address in addresses:
                wanted = socket.inet_aton(group) + socket.inet_aton(address)
                listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wanted)
        except OSError as problem:
            listener.close()
            raise problem
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._readable, listener)

    async def stop(self) -> None:
        """Leave the group."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _readable(self, listener: socket.socket) -> None:
        for _ in range(20):
            try:
                data, source = listener.recvfrom(4096)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as problem:
                log.debug("plug and play: %s", problem)
                return
            if not self._allowed(source[0]) or len(self._tasks) >= MOST_AT_ONCE:
                self.refused += 1
                continue
            found = read_question(data, source[:2])
            if found is not None and self._is_new(found[1]):
                task = asyncio.get_running_loop().create_task(self._tell(*found))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _is_new(self, request: Request) -> bool:
        now = self._clock()
        self._seen = {key: until for key, until in self._seen.items() if until > now}
        key = f"{request.call_id} {request.cseq.number}"
        if key in self._seen or len(self._seen) > 10 * MOST_AT_ONCE:
            return False
        self._seen[key] = now + REMEMBERED_SECONDS
        return True

    async def _tell(self, question: Question, request: Request) -> None:
        try:
            url = await self._answer(question)
        except Exception:
            log.exception("plug and play: a fault in answering %s", question.mac)
            return
        if not url:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.setblocking(False)
            try:
                own.bind((_towards(question.address), 0))
                here = own.getsockname()
                tag, branch = secrets.token_hex(6), secrets.token_hex(8)
                self._reply(accepted(request, here, tag), question)
                await self._notify(own, notify(request, here, tag, url, branch).to_bytes(), question)
            except (OSError, ValueError) as problem:
                log.info("plug and play: %s (%s) can't be told: %s", question.mac, question.address, problem)

    def _reply(self, response: Response, question: Question) -> None:
        """Answer from the port that was asked, to where the question came from (RFC 3581)."""
        if self._listener is not None:
            self._listener.sendto(response.to_bytes(), (question.address, question.port))

    async def _notify(self, own: socket.socket, data: bytes, question: Question) -> None:
        """Send it until the phone says that it has it."""
        loop = asyncio.get_running_loop()
        for pause in RESENDS:
            own.sendto(data, (question.address, question.port))
            try:
                async with asyncio.timeout(pause):
                    while True:
                        said, source = await loop.sock_recvfrom(own, 4096)
                        if source[0] == question.address and said.startswith(b"SIP/2.0 "):
                            return
            except TimeoutError:
                continue
        log.info("plug and play: %s (%s) did not say that it got the address", question.mac, question.address)


def _towards(address: str) -> str:
    """Return our address on the way to another. Nothing is sent: connecting only asks the kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0])
