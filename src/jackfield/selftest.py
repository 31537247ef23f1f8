"""The self-test: two built-in phones call each other through the running system and listen for each other's tone.

The extensions are lent by the switch for the time of the test (see `switch.lending`), so no real phone rings and
nothing is left behind.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jackfield.control import ask
from jackfield.phone import Account, Phone, PhoneCall, PhoneError, Silence, Tone

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Report", "Wishes", "run"]

Transport = Literal["UDP", "TCP", "TLS"]
TONES = (700.0, 1100.0)  # Hz; apart from each other, from DTMF and from every country's progress tones
BURSTS = 5  # tones by which the latency is measured
BURST_SECONDS = 0.12


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the phones behave: see `Phone`. `seconds`: how long both talk while loss is counted."""

    transport: Transport = "UDP"
    codecs: tuple[str, ...] = ("pcma",)
    answering_codecs: tuple[str, ...] = ()  # () means the same
    srtp: Literal["off", "offered", "required"] = "off"
    seconds: float = 2.0


@dataclass(slots=True)
class Report:
    """What came of it. Times in milliseconds; `problem` is empty when all went well."""

    ok: bool = False
    problem: str = ""
    server: str = ""
    transport: str = ""
    registered_ms: float = 0.0
    answered_ms: float = 0.0
    codecs: list[str] = field(default_factory=list)
    secure: bool = False
    latency_ms: list[float] = field(default_factory=list)  # first phone to second, second to first
    packets: list[int] = field(default_factory=list)  # that the second, the first phone should have received
    lost: list[int] = field(default_factory=list)
    jitter_ms: list[float] = field(default_factory=list)


class _Burst:
    """Silence until it's told, then a tone; knows when its first sample went out."""

    def __init__(self, frequency: float) -> None:
        self._tone, self._silence = Tone(frequency), Silence()
        self.on = False
        self.began = 0.0

    def start(self) -> None:
        self.on, self.began = True, 0.0

    def read(self, samples: int, rate: int) -> bytes:
        if not self.on:
            return self._silence.read(samples, rate)
        self.began = self.began or asyncio.get_running_loop().time()
        return self._tone.read(samples, rate)


async def run(settings: Settings, wishes: Wishes, *, say: Callable[[str], None] = lambda text: None) -> Report:
    """Make the test and report. `say` gets a line for each step that worked. Raises `ControlError`."""
    report = Report(transport=wishes.transport)
    lines = await ask(
        settings.files.switch_socket, "lend_extensions", count=2, seconds=60 + wishes.seconds, srtp=wishes.srtp
    )
    try:
        await _between(_accounts(settings, wishes, lines), lines, wishes, report, say)
        report.ok = True
    except PhoneError as error:
        report.problem = str(error)
    finally:
        numbers = [line["number"] for line in lines]
        await ask(settings.files.switch_socket, "return_extensions", numbers=numbers)
    return report


def _accounts(settings: Settings, wishes: Wishes, lines: list[dict[str, str]]) -> list[Account]:
    host = settings.hosts[0]
    server = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    port = settings.sip_tls_port if wishes.transport == "TLS" else settings.sip_port
    if not port:
        raise PhoneError(f"SIP over {wishes.transport} is switched off: choose another --transport")
    return [
        Account(
            line["sip_username"], line["sip_password"], server, port, wishes.transport,
            display_name=f"Self-test {line['number'][-2:]}", verify_tls=False,
        )
        for line in lines
    ]  # fmt: skip


async def _between(
    accounts: list[Account],
    lines: list[dict[str, str]],
    wishes: Wishes,
    report: Report,
    say: Callable[[str], None],
) -> None:
    report.server = f"{accounts[0].server}:{accounts[0].port}"
    sources = [_Burst(frequency) for frequency in TONES]
    options: dict[str, Any] = {"srtp": wishes.srtp, "expires": 60}
    answering = wishes.answering_codecs or wishes.codecs
    loop = asyncio.get_running_loop()
    async with (
        Phone(accounts[0], codecs=wishes.codecs, **options) as first,
        Phone(accounts[1], codecs=answering, answer="auto", source=lambda: sources[1], **options) as second,
    ):
        begun = loop.time()
        await asyncio.gather(first.register(), second.register())
        report.registered_ms = _ms(loop.time() - begun)
        say(f"two phones registered at {report.server} by {wishes.transport} in {report.registered_ms:.0f} ms")
        call = await first.call(lines[1]["number"], source=sources[0])
        await call.wait_answered()
        other = await second.next_call()
        report.answered_ms = _ms(call.times["answered"] - call.times["invited"])
        calls = (call, other)
        report.codecs = [one.audio.statistics().codec for one in calls]
        report.secure = all(one.audio.statistics().secure for one in calls)
        secured = ", encrypted" if report.secure else ""
        say(f"a call was answered after {report.answered_ms:.0f} ms, with {' and '.join(report.codecs)}{secured}")
        await _measure_latency(calls, sources, report, say)
        await _count_loss(calls, sources, wishes.seconds, report, say)
        call.hang_up()
        await other.wait_ended()
        say("the call was ended, and the other phone was told")


async def _measure_latency(
    calls: tuple[PhoneCall, PhoneCall], sources: list[_Burst], report: Report, say: Callable[[str], None]
) -> None:
    """From the first sample that one phone sends to its arrival at the other, in both directions."""
    names = ("the second phone hears the first", "the first phone hears the second")
    for number, name in enumerate(names):
        ear, source = calls[1 - number].ear, sources[number]
        measured = []
        for _ in range(BURSTS):
            await ear.silence(seconds=0.06)
            source.start()
            heard = await ear.hear(TONES[number], seconds=BURST_SECONDS, precise=True)
            source.on = False
            measured.append(_ms(max(0.0, heard - source.began)))
        report.latency_ms.append(statistics.median(measured))
        say(f"{name} ({TONES[number]:g} Hz), {report.latency_ms[-1]:.1f} ms after it was sent")


async def _count_loss(
    calls: tuple[PhoneCall, PhoneCall],
    sources: list[_Burst],
    seconds: float,
    report: Report,
    say: Callable[[str], None],
) -> None:
    """Let both talk at once, and see that all of it arrives."""
    for source in sources:
        source.start()
    await asyncio.gather(
        *(call.ear.hear(TONES[1 - number], seconds=seconds, timeout=seconds + 5) for number, call in enumerate(calls))
    )
    for call in reversed(calls):
        found = call.audio.statistics()
        report.packets.append(found.received + found.lost)
        report.lost.append(found.lost)
        report.jitter_ms.append(_ms(found.jitter))
    lost, packets = sum(report.lost), sum(report.packets)
    say(f"both talked for {seconds:g} s: {lost} of {packets} packets were lost, jitter {max(report.jitter_ms):.1f} ms")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
