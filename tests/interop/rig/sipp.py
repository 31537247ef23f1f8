"""SIPp: scenarios written in Python, run by Debian's sip-tester.

await register(folder, account, port)          # and then on the same port:
async with Sipp(folder, account.host, account.port, port, Scenario().receive("INVITE").reply(486, "Busy")) as run:
    …
    await run.done()
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from .accounts import Account
from .ports import udp_port_in_use
from .system import eventually
from .wire import Wire

__all__ = ["Scenario", "Sipp", "SippFailed", "registered", "why_no_sipp"]

SDP = """v=0
o=- 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
"""


class SippFailed(AssertionError):
    """The scenario was not played to its end; the text has SIPp's errors and the messages."""


def why_no_sipp() -> str:
    """Return why there is no SIPp here, or ""."""
    return "" if shutil.which("sipp") else "Debian's package sip-tester is not installed (apt install sip-tester)"


class Scenario:
    """A scenario, step by step. Each method returns the scenario, so that steps can be chained."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self._variables = 0
        self._cseq = ""

    def receive(
        self, what: str | int, *, optional: bool = False, matching: dict[str, str] | None = None, timeout: float = 10.0
    ) -> Scenario:
        """Wait for a request or a status. `matching`: header → regular expression that its value must match."""
        kind = "response" if isinstance(what, int) else "request"
        actions = ""
        for header, pattern in (matching or {}).items():
            self._variables += 1
            actions += (
                f'<ereg regexp={quoteattr(pattern)} search_in="hdr" header="{header}:" check_it="true" '
                f'assign_to="m{self._variables}"/>'
            )
        if what == "INVITE":
            self._variables += 1
            self._cseq = f"m{self._variables}"
            actions += (
                f'<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" check_it="true" assign_to="{self._cseq}"/>'
            )
        record = ' rrs="true"' if what == "INVITE" else ' auth="true"' if what in (401, 407) else ""
        body = f"<action>{actions}</action>" if actions else ""
        late = "" if optional else f' timeout="{int(timeout * 1000)}"'
        self.steps.append(f'<recv {kind}="{what}" optional="{str(optional).lower()}"{late}{record}>{body}</recv>')
        return self

    def reply(
        self, status: int, reason: str, *, sdp: bool = False, headers: str = "", to: str = "last", again: float = 0.0
    ) -> Scenario:
        """Send a response to the last request; `to="INVITE"`: to the INVITE although a CANCEL came last."""
        tag = "" if to == "BYE" else ";tag=[pid]uas[call_number]"
        cseq = f"CSeq: [${self._cseq}] INVITE" if to == "INVITE" else "[last_CSeq:]"
        lines = [
            f"SIP/2.0 {status} {reason}", "[last_Via:]", "[last_From:]",
            "[last_To:]" if to == "BYE" else f"[last_To:]{tag}", "[last_Call-ID:]", cseq, "[last_Record-Route:]",
            "Contact: <sip:[local_ip]:[local_port];transport=[transport]>", "Allow: INVITE, ACK, BYE, CANCEL, UPDATE",
            *headers.splitlines(),
        ]  # fmt: skip
        self._send(lines, sdp, f' retrans="{int(again * 1000)}"' if again else "")
        return self

    def request(self, lines: list[str], *, sdp: bool = False, again: float = 0.5) -> Scenario:
        """Send a request; the lines without Content-Length."""
        self._send(lines, sdp, f' retrans="{int(again * 1000)}"' if again else "")
        return self

    def pause(self, seconds: float) -> Scenario:
        """Wait."""
        self.steps.append(f'<pause milliseconds="{int(seconds * 1000)}"/>')
        return self

    def raw(self, xml: str) -> Scenario:
        """Add a step as it is."""
        self.steps.append(xml)
        return self

    def _send(self, lines: list[str], sdp: bool, attributes: str) -> None:
        end = (
            ["Content-Type: application/sdp", "Content-Length: [len]", "", SDP]
            if sdp
            else ["Content-Length: 0", "", ""]
        )
        text = "\n".join([*lines, *end])
        self.steps.append(f"<send{attributes}><![CDATA[\n\n{text}\n]]></send>")

    def xml(self) -> str:
        """Return it as SIPp reads it."""
        names = ",".join(f"m{number}" for number in range(1, self._variables + 1))
        reference = f'<Reference variables="{names}"/>' if names else ""
        steps = "\n".join(self.steps)
        return (
            f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="test">\n{steps}\n{reference}\n</scenario>\n'
        )


class Sipp:
    """A running SIPp."""

    def __init__(
        self, folder: Path, host: str, port: int, own_port: int, scenario: Scenario, *options: str,
        address: str = "127.0.0.1", calls: int = 1, media_port: int = 0, trace: bool = True,
    ) -> None:  # fmt: skip
        self.folder, self.calls, self._own_port = folder, calls, own_port
        self._target = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
        self._scenario = scenario
        self._options = [
            "-i", address, "-p", str(own_port), "-m", str(calls), "-nostdin", "-trace_err",
            *(["-trace_msg"] if trace else []),
            *(["-mi", address, "-mp", str(media_port)] if media_port else []), *options,
        ]  # fmt: skip

    async def __aenter__(self) -> Sipp:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "scenario.xml").write_text(self._scenario.xml())
        self._process = await asyncio.create_subprocess_exec(
            "sipp", self._target, "-sf", "scenario.xml", *self._options, cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._output = asyncio.create_task(self._process.communicate())
        # It says nothing when its socket is there.
        await eventually(lambda: self._output.done() or udp_port_in_use(self._own_port), "SIPp to listen")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        await self._output

    async def done(self, timeout: float = 20.0) -> None:
        """Wait until all calls were played. Raises `SippFailed`."""
        try:
            await asyncio.wait_for(asyncio.shield(self._output), timeout)
        except TimeoutError:
            raise SippFailed(f"SIPp did not end within {timeout:g} s:\n{self.story()}") from None
        if self._process.returncode:
            raise SippFailed(f"SIPp ended with {self._process.returncode}:\n{self.story()}")

    async def until(self, pattern: str, timeout: float = 10.0) -> None:
        """Wait until the messages to and fro match the regular expression."""
        until = time.monotonic() + timeout
        while not re.search(pattern, self.messages()):
            if time.monotonic() > until:
                raise SippFailed(f"no {pattern!r} within {timeout:g} s:\n{self.story()}")
            await asyncio.sleep(0.02)

    def messages(self) -> str:
        """Return all messages that went to and fro."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("scenario_*_messages.log")))

    def received(self, start: str) -> list[str]:
        """Return the received messages whose first line matches the regular expression."""
        found = re.split(r"-{20,} \d{4}-.*\n", self.messages())
        parts = (part.split("\n\n", 1) for part in found if "message received" in part)
        return [text.strip() for _, text in (part for part in parts if len(part) == 2) if re.match(start, text.strip())]

    def story(self) -> str:
        """Return errors and messages."""
        errors = "".join(path.read_text(errors="replace") for path in self.folder.glob("scenario_*_errors.log"))
        return f"{errors}\n{self.messages()[-6000:]}"


def registration() -> Scenario:
    """Return the scenario of a registration with a password; needs `-s`, `-au` and `-ap`."""

    def lines(cseq: int) -> list[str]:
        return [
            "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "From: <sip:[service]@[remote_ip]:[remote_port]>;tag=[pid]reg[call_number]",
            "To: <sip:[service]@[remote_ip]:[remote_port]>",
            "Call-ID: [call_id]", f"CSeq: {cseq} REGISTER", "Max-Forwards: 70", "User-Agent: SIPp",
            "Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>", "Expires: 300",
            *(["[authentication]"] if cseq > 1 else []),
        ]  # fmt: skip

    return Scenario().request(lines(1)).receive(401).request(lines(2)).receive(200)


@contextlib.asynccontextmanager
async def registered(
    folder: Path, account: Account, own_port: int, *, address: str = "127.0.0.1"
) -> AsyncIterator[None]:
    """Have an account registered with a contact on `own_port`, which nothing uses yet. Raises `SippFailed`."""
    options = ("-s", account.username, "-au", account.username, "-ap", account.password)
    async with Sipp(folder, account.host, account.port, own_port, registration(), *options, address=address) as run:
        await run.done()
    try:
        yield
    finally:
        async with Wire(account, address=address) as wire:
            contact = f"<sip:{account.username}@{address}:{own_port};transport=UDP>"
            done = await wire.send("REGISTER", headers="Expires: 0\r\n", password=account.password, contact=contact)
            assert done.status == 200, done
            assert str(own_port) not in done.text, done
