"""A phone that is not ours watches another one, and sees it ring and talk (RFC 4235)."""

from __future__ import annotations

from pathlib import Path

import pytest

from .rig.booth import Booth
from .rig.ports import Block
from .rig.sipp import Scenario, Sipp, why_no_sipp
from .rig.system import System


def subscription(number: str) -> Scenario:
    """SUBSCRIBE with a password; SIPp answers each NOTIFY by itself (-aa)."""

    def lines(cseq: int) -> list[str]:
        return [
            f"SUBSCRIBE sip:{number}@[remote_ip]:[remote_port] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "From: <sip:[service]@[remote_ip]:[remote_port]>;tag=[pid]lamp[call_number]",
            f"To: <sip:{number}@[remote_ip]:[remote_port]>",
            "Call-ID: [call_id]", f"CSeq: {cseq} SUBSCRIBE", "Max-Forwards: 70", "User-Agent: SIPp",
            "Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>",
            "Event: dialog", "Accept: application/dialog-info+xml", "Expires: 600",
            *(["[authentication]"] if cseq > 1 else []),
        ]  # fmt: skip

    return Scenario().request(lines(1)).receive(401).request(lines(2)).receive(200).pause(60)


@pytest.mark.skipif(bool(why_no_sipp()), reason=why_no_sipp())
async def test_a_lamp_follows_the_calls_of_another_phone(
    system: System, booth: Booth, ports: Block, tmp_path: Path
) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    watcher = system.account("103")
    options = ("-s", watcher.username, "-au", watcher.username, "-ap", watcher.password, "-aa")
    async with Sipp(tmp_path / "lamp", watcher.host, watcher.port, ports.take(), subscription("102"), *options) as lamp:
        await lamp.until("NOTIFY (.|\n)*<state>terminated")
        mine = await anna.dial("102")
        theirs = await bert.rings()
        await lamp.until("NOTIFY (.|\n)*<state>early")
        await theirs.answer()
        await mine.answered()
        await lamp.until("NOTIFY (.|\n)*<state>confirmed")
        await mine.hang_up()
        await lamp.until("<state>confirmed(.|\n)*NOTIFY (.|\n)*<state>terminated")
        assert all("sip:101@" in text for text in lamp.received("NOTIFY") if "<remote>" in text)
