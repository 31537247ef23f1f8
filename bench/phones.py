"""Phones of the benchmarks that SIPp can't be: a clock of microseconds, calls that are held, and audio ports.

One thread, two sockets (callers on one, phones that answer on the other), SIP by templates. A call is INVITE,
challenge, INVITE with digest, ringing, answer at once, ACK, and BYE from the caller after its time.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import servers
from rig import HOST, LOAD_CORE, Server

_HEADER = {
    name: re.compile(rb"^(?:" + names + rb")[ \t]*:[ \t]*(.*?)\r$", re.M | re.I)
    for name, names in {
        "to": b"To|t",
        "from": b"From|f",
        "call-id": b"Call-ID|i",
        "cseq": b"CSeq",
        "contact": b"Contact|m",
        "challenge": b"WWW-Authenticate|Proxy-Authenticate",
    }.items()
}
_VIAS = re.compile(rb"^(?:Via|v)[ \t]*:.*?\r\n", re.M | re.I)
_ROUTES = re.compile(rb"^Record-Route[ \t]*:.*?\r\n", re.M | re.I)
_AUDIO = re.compile(rb"^m=audio (\d+)", re.M)

RTPMAP = {
    "pcmu": (0, "PCMU/8000"),
    "gsm": (3, "GSM/8000"),
    "pcma": (8, "PCMA/8000"),
    "g722": (9, "G722/8000"),
    "opus": (96, "opus/48000/2"),
}
_WIDE_BAND = "maxplaybackrate=16000;sprop-maxcapturerate=16000"  # RFC 7587: Opus at 16 kHz
T1 = 0.5


@dataclass(slots=True, eq=False)
class Call:
    """One call of a caller. `state` goes "calling", "up", "ended" or "failed"."""

    index: int
    caller: int
    callee: int
    call_id: str
    state: str = "calling"
    seq: int = 1
    invite: bytes = b""
    invited: float = 0.0
    ringing_ms: float = -1.0  # from the INVITE with credentials to 180
    remote_tag_line: str = ""
    target: str = ""
    caller_sends_to: int = 0  # the server's audio ports
    callee_sends_to: int = 0
    callee_payload_type: int = 0
    until: float = 0.0
    why: str = ""
    rung: bool = False


class Phones:
    """See the module. `audio_ports(index)` gives each call's own two ports; the default is a dead pair."""

    def __init__(
        self,
        server: Server,
        *,
        codecs: Sequence[str] = ("pcmu",),
        callee_codecs: Sequence[str] = (),
        audio_ports: Callable[[int], tuple[int, int]] = lambda index: (9, 9),
    ) -> None:
        os.sched_setaffinity(0, {LOAD_CORE})
        self.server = server
        self.calls: list[Call] = []
        self._codecs, self._callee_codecs = codecs, callee_codecs or codecs
        self._audio_ports = audio_ports
        self._of_id: dict[bytes, Call] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0  # timers so far, which keeps those of one moment in order
        self._count = 0
        self._registered = 0
        self._nonces = 0
        self._ringing: dict[int, list[Call]] = {}  # by callee: calls that are on their way to it
        self._answers: dict[bytes, bytes] = {}  # of the phones that answer, by Call-ID: the last 200 to an INVITE
        self._callers, self._callees = _socket(), _socket()
        self._address = (server.host, server.port)
        self._poll = select.epoll()
        self._poll.register(self._callers.fileno(), select.EPOLLIN)
        self._poll.register(self._callees.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """Let go of the sockets."""
        self._poll.close()
        self._callers.close()
        self._callees.close()

    # --- what the benchmarks do

    def register(self, numbers: Sequence[int], *, at_once: int = 20) -> None:
        """Register these numbers at the socket that answers. Raises RuntimeError when one isn't registered in time."""
        self._registered = 0
        waiting = iter(numbers)
        sent = 0
        deadline = time.monotonic() + 30 + len(numbers) / 100
        while self._registered < len(numbers):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(numbers) - self._registered} phones could not register")
            while sent - self._registered < at_once and (number := next(waiting, None)) is not None:
                self._register(number, "", 1)
                sent += 1
            self._turn(0.01)

    def run(self, count: int, *, rate: float, hold: float | None, settle: float = 10.0) -> list[Call]:
        """Place `count` calls, `rate` per second. Each lasts `hold` seconds; None leaves them up.

        Returns them when all are over (or up), or `settle` seconds after the last was due.
        """
        placed: list[Call] = []
        going: deque[Call] = deque()
        began = time.monotonic()
        deadline = began + count / rate + (hold or 0) + settle
        while True:
            now = time.monotonic()
            while len(placed) < count and now >= began + len(placed) / rate:
                placed.append(self._place(hold))
                going.append(placed[-1])
            while going and not _open(going[0], hold):
                going.popleft()
            if (len(placed) == count and not going) or now > deadline:
                return placed
            following = began + len(placed) / rate if len(placed) < count else now + 0.05
            self._turn(max(0.0, min(following - now, 0.05)))

    def wait(self, seconds: float) -> None:
        """Answer what comes for so long."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self._turn(min(0.05, until - now))

    def hang_up(self, calls: Sequence[Call], *, rate: float = 200.0) -> None:
        """End calls that are up."""
        for call in calls:
            self._bye(call)
            self.wait(1 / rate)
        self.wait(1.0)

    # --- callers

    def _place(self, hold: float | None) -> Call:
        index = self._count
        self._count += 1
        caller = servers.FIRST_CALLER + index % servers.PHONES
        callee = servers.FIRST_CALLEE + index % servers.PHONES
        call = Call(index, caller, callee, f"bench-{os.getpid()}-{index}")
        call.until = -1.0 if hold is None else hold
        self.calls.append(call)
        self._of_id[call.call_id.encode()] = call
        self._ringing.setdefault(callee, []).append(call)
        self._invite(call, "")
        return call

    def _invite(self, call: Call, credentials: str) -> None:
        port = self._audio_ports(call.index)[0]
        text = self._request("INVITE", call, f"sip:{call.callee}@{HOST}:{self.server.port}", "", credentials)
        call.invite = text + sdp(self._codecs, port)
        call.invited = time.perf_counter()
        self._send_again(call, call.seq, T1)

    def _send_again(self, call: Call, seq: int, pause: float) -> None:
        if call.seq != seq or call.state != "calling" or call.rung or pause > 16:
            return
        self._callers.sendto(call.invite, self._address)
        self._after(pause, lambda: self._send_again(call, seq, pause * 2))

    def _request(self, method: str, call: Call, target: str, to_tag_line: str, credentials: str = "") -> bytes:
        port = self._callers.getsockname()[1]
        to = to_tag_line or f"<sip:{call.callee}@{HOST}>"
        body = "Content-Type: application/sdp\r\n" if method == "INVITE" else "Content-Length: 0\r\n\r\n"
        branch = f"z9hG4bK-{call.index}-{call.seq}{'a' if method == 'ACK' else ''}"
        return (
            f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};branch={branch}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{call.caller}@{HOST}>;tag=c{call.index}\r\nTo: {to}\r\n"
            f"Call-ID: {call.call_id}\r\nCSeq: {call.seq} {method}\r\n"
            f"Contact: <sip:{call.caller}@{HOST}:{port}>\r\n{credentials}{body}"
        ).encode()

    def _caller_heard(self, data: bytes) -> None:
        heard = time.perf_counter()
        if not data.startswith(b"SIP/2.0 "):
            self._answer(self._callers, data)
            return
        call = self._of_id.get(header(data, "call-id"))
        if call is None:
            return
        status = int(data[8:11])
        number, method = header(data, "cseq").split()
        if method == b"BYE":
            if call.state == "ending":
                call.state = "ended"
            return
        if method != b"INVITE" or int(number) != call.seq:
            return
        if status < 200:
            if status >= 180 and call.ringing_ms < 0:
                call.rung = True
                call.ringing_ms = (heard - call.invited) * 1000
        elif status < 300:
            self._answered(call, data)
        else:
            self._refused(call, data, status)

    def _answered(self, call: Call, data: bytes) -> None:
        call.remote_tag_line = header(data, "to").decode()
        contact = header(data, "contact").decode()
        call.target = contact[contact.index("<") + 1 : contact.index(">")] if "<" in contact else contact
        self._callers.sendto(self._request("ACK", call, call.target, call.remote_tag_line), self._address)
        if call.state != "calling":
            return
        call.state = "up"
        if call.ringing_ms < 0:
            call.ringing_ms = float("nan")
        found = _AUDIO.search(data)
        call.caller_sends_to = int(found[1]) if found else 0
        if call.until >= 0:
            self._after(call.until, lambda: self._bye(call))

    def _refused(self, call: Call, data: bytes, status: int) -> None:
        ack = self._request("ACK", call, f"sip:{call.callee}@{HOST}:{self.server.port}", header(data, "to").decode())
        branch = f"branch=z9hG4bK-{call.index}-{call.seq}".encode()
        self._callers.sendto(ack.replace(branch + b"a", branch, 1), self._address)
        if status in (401, 407) and call.seq == 1:
            call.seq = 2
            uri = f"sip:{call.callee}@{HOST}:{self.server.port}"
            self._invite(call, self._credentials(call.caller, "INVITE", uri, data, status))
        elif call.state == "calling":
            call.state, call.why = "failed", f"{status}"

    def _bye(self, call: Call) -> None:
        if call.state != "up":
            return
        call.state = "ending"
        call.seq += 1
        self._callers.sendto(self._request("BYE", call, call.target, call.remote_tag_line), self._address)

    def _credentials(self, number: int, method: str, uri: str, challenge: bytes, status: int) -> str:
        self._nonces += 1
        return digest(number, servers.PASSWORD, method, uri, challenge, status, f"{self._nonces:08x}")

    # --- phones that answer

    def _register(self, number: int, credentials: str, seq: int) -> None:
        port = self._callees.getsockname()[1]
        uri = f"sip:{HOST}:{self.server.port}"
        self._callees.sendto(
            f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK-r{number}-{seq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{number}@{HOST}>;tag=r{number}\r\nTo: <sip:{number}@{HOST}>\r\n"
            f"Call-ID: r{number}-{port}\r\nCSeq: {seq} REGISTER\r\nContact: <sip:{number}@{HOST}:{port}>\r\n"
            f"Expires: 3600\r\nUser-Agent: Bench phone 1.0\r\n{credentials}Content-Length: 0\r\n\r\n".encode(),
            self._address,
        )

    def _callee_heard(self, data: bytes) -> None:
        if not data.startswith(b"SIP/2.0 "):
            self._answer(self._callees, data)
            return
        status = int(data[8:11])
        seq, method = header(data, "cseq").split()
        if method != b"REGISTER":
            return
        if status == 200:
            self._registered += 1
        elif status in (401, 407) and seq == b"1":
            number = int(re.search(rb"sip:(\d+)@", header(data, "to"))[1])  # type: ignore[index]
            uri = f"sip:{HOST}:{self.server.port}"
            self._register(number, self._credentials(number, "REGISTER", uri, data, status), 2)

    def _answer(self, sock: socket.socket, data: bytes) -> None:
        """A request to a phone: an INVITE rings and is answered, all else gets 200."""
        method = data[: data.index(b" ")]
        if method == b"ACK":
            self._answers.pop(header(data, "call-id"), None)
            return
        if method != b"INVITE":
            sock.sendto(response_to(data, b"200 OK", b"", b""), self._address)
            return
        call_id = header(data, "call-id")
        known = self._answers.get(call_id)
        if known is not None:
            sock.sendto(known, self._address)
            return
        callee = int(re.match(rb"INVITE sip:(\d+)@", data)[1])  # type: ignore[index]
        waiting = self._ringing.get(callee)
        call = waiting.pop(0) if waiting else None
        contact = f"Contact: <sip:{callee}@{HOST}:{sock.getsockname()[1]}>\r\n".encode()
        sock.sendto(response_to(data, b"180 Ringing", contact, b""), self._address)
        found = _AUDIO.search(data)
        if call is not None and found:
            call.callee_sends_to = int(found[1])
        numbers = {name: _offered_number(data, name) for name in self._callee_codecs}
        if call is not None:
            call.callee_payload_type = numbers[self._callee_codecs[0]]
        body = sdp(self._callee_codecs, self._audio_ports(call.index)[1] if call else 9, numbers)
        answer = response_to(data, b"200 OK", contact + b"Content-Type: application/sdp\r\n", body)
        self._answers[call_id] = answer
        sock.sendto(answer, self._address)

    # --- the loop

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._made += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._made, action))

    def _turn(self, longest: float) -> None:
        timers = self._timers
        if timers:
            longest = max(0.0, min(longest, timers[0][0] - time.monotonic()))
        for fileno, _ in self._poll.poll(longest):
            caller = fileno == self._callers.fileno()
            sock = self._callers if caller else self._callees
            for _ in range(64):
                try:
                    data = sock.recv(65536)
                except OSError:
                    break
                if len(data) > 4:
                    (self._caller_heard if caller else self._callee_heard)(data)
        now = time.monotonic()
        while timers and timers[0][0] <= now:
            heapq.heappop(timers)[2]()


def digest(number: int, password: str, method: str, uri: str, challenge: bytes, status: int, cnonce: str) -> str:
    """The header with credentials: MD5 with qop=auth (RFC 7616), whatever else is offered."""
    for value in _HEADER["challenge"].findall(challenge):
        fields = {name.lower(): given for name, given in re.findall(r'(\w+)="?([^",]*)"?', value.decode())}
        if fields.get("algorithm", "MD5").upper() == "MD5":
            break
    realm, nonce = fields["realm"], fields["nonce"]
    ha1, ha2 = _md5(f"{number}:{realm}:{password}"), _md5(f"{method}:{uri}")
    response = _md5(f"{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")
    opaque = f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""
    name = "Authorization" if status == 401 else "Proxy-Authorization"
    return (
        f'{name}: Digest username="{number}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}",'
        f' algorithm=MD5, cnonce="{cnonce}", qop=auth, nc=00000001{opaque}\r\n'
    )


def _open(call: Call, hold: float | None) -> bool:
    return call.state == "calling" or (hold is not None and call.state in ("up", "ending"))


def _socket() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    found.bind((HOST, 0))
    found.setblocking(False)
    return found


def header(data: bytes, name: str) -> bytes:
    """The first value of one of the headers in `_HEADER`, b"" if there is none."""
    found = _HEADER[name].search(data)
    return found[1] if found else b""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def sdp(codecs: Sequence[str], port: int, numbers: Mapping[str, int] | None = None) -> bytes:
    """The end of a message: Content-Length and a description; `numbers` are the other side's payload types."""
    types = [((numbers or {}).get(name, RTPMAP[name][0]), RTPMAP[name][1]) for name in codecs]
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {' '.join(str(number) for number, _ in types)} 101\r\n"
        + "".join(f"a=rtpmap:{number} {name}\r\n" for number, name in types)
        + "".join(f"a=fmtp:{number} {_WIDE_BAND}\r\n" for number, name in types if name.startswith("opus"))
        + "a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
    )
    return f"Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _offered_number(offer: bytes, codec: str) -> int:
    number, name = RTPMAP[codec]
    found = re.search(rb"^a=rtpmap:(\d+) " + name.partition("/")[0].encode() + rb"/", offer, re.M | re.I)
    return int(found[1]) if found else number


def response_to(request: bytes, status: bytes, headers: bytes, body: bytes) -> bytes:
    """A response with our tag; `body` begins with its Content-Length, as `sdp` makes it."""
    to = header(request, "to")
    if b";tag=" not in to:
        to += b";tag=p" + hashlib.md5(header(request, "call-id")).hexdigest()[:8].encode()
    head = b"".join((
        b"SIP/2.0 ", status, b"\r\n", *_VIAS.findall(request), *_ROUTES.findall(request),
        b"From: ", header(request, "from"), b"\r\nTo: ", to, b"\r\nCall-ID: ", header(request, "call-id"),
        b"\r\nCSeq: ", header(request, "cseq"), b"\r\n", headers,
    ))  # fmt: skip
    return head + (body or b"Content-Length: 0\r\n\r\n")
