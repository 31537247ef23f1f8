"""An office in which everything happens at odd times, on a bad network: phones that do what comes into their heads.

All of it follows from one seed, so that what went wrong can be looked at again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from jackfield.capture import Recorder
from jackfield.control import ControlError
from jackfield.sip.tokens import Tokens
from jackfield.switch.commands import Commands
from jackfield.switch.destinations.outbound import LONGEST_RINGING
from jackfield.switch.in_call import InCall
from jackfield.switch.snapshot import Inbound, Outbound, RingGroup, Site

from .house import SWITCH, House
from .phones import Conversation, Phone
from .test_trunk_calls import BACKUP, CARRIER, provider, trunk

__all__ = ["Chaos"]

NUMBERS = ("101", "102", "102", "103", "104", "200", "201", "202", "*43", "*61", "*62", "9123", "9123", "9456", "777")
KEYS = ("hold", "resume", "codec", "fax", "ask", "refer", "refer", "replace", "info", "update", "bye")
REFUSALS = (302, 403, 404, 480, 486, 488, 500, 503, 603)
MOMENT = 1e-5  # seconds
REPORTS = 5.0  # seconds
QUIET = 100.0
"""Seconds after which everything that was begun is over: a round of ringing and the longest transaction."""


class Chaos:
    """One scenario. `said` tells what happened, a line each."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.random = Random(seed)
        self.said: list[str] = []
        self.phones: list[Phone] = []
        self.vanished: set[str] = set()
        self.timers = 0
        self.sites = seed % 2 == 1  # phones talk directly where they can
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loss = self.random.choice((0.0, 0.0, 0.1, 0.25))
        self._doubling = self.random.choice((0.0, 0.1, 0.3))
        self._delay = self.random.choice((0.0, 0.02, 0.3))

    def say(self, text: str) -> None:
        now = asyncio.get_running_loop().time()
        self.said.append(f"{now:9.3f} {text}")

    # --- before and after --------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Plug everything in, by good weather."""
        house, agent = self.house, self.house.switch.agent
        house.tokens = agent.tokens = agent.layer.tokens = Tokens(self.random.randbytes)
        house.switch.random.seed(self.random.random())
        house.switch.trunks._random = house.switch.random
        await house.configure(
            trunks=(trunk("One", CARRIER, max_calls=2), trunk("Two", CARRIER, BACKUP)),
            outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two"), max_calls=3),),
            inbound=(Inbound(trunk="", number="5550101", target="200"), Inbound(trunk="", target="101")),
            ring_groups=(
                RingGroup(number="200", members=("102", "103"), step_time=8, fallback="104"),
                RingGroup(number="201", members=("104", "102", "103"), strategy="random", step_time=4),
                RingGroup(number="202", members=("101", "102", "103", "104"), fallback="9123", step_time=5),
            ),
        )
        if self.sites:
            everywhere = ("10.0.0.0/24",)
            await house.configure(sites=(Site(name="Brno", networks=everywhere, public_addresses=everywhere),))
            self._later(REPORTS, self._report)
        await house.change_extension("103", forward_no_answer="104", forward_busy="200", ring_time=6.0)
        await house.change_extension("104", forward_unreachable="9456", ring_time=9.0)
        await house.pass_time(1)
        for number in ("101", "102", "103", "104"):
            options = {"codecs": self.random.choice((("pcmu", "pcma"), ("pcma",), ("g722", "pcma"), ("g729", "pcmu")))}
            phone = await house.phone(number, offers=self.random.random() < 0.85, **options)
            self.phones.append(phone)
        self.phones.append(await house.phone("102", "10.0.0.202"))
        self.phones += [await provider(house, CARRIER), await provider(house, BACKUP)]
        for phone in self.phones:
            phone.auto = self._comes
            phone.acknowledges = self.random.random() < 0.97
        await house.pass_time(40.5)  # not just when some timer of the house is being set anew
        self.timers = len(agent.timers)
        house.network.weather = self._weather

    def _weather(self, source: str, target: str) -> list[float]:
        random = self.random
        if source in self.vanished or target in self.vanished or random.random() < self._loss:
            return []
        copies = 2 if random.random() < self._doubling else 1
        # Never two things at exactly the same time: which comes first would be left to chance, not to the seed.
        return [random.uniform(MOMENT, self._delay + 2 * MOMENT) for _ in range(copies)]

    async def play(self) -> None:
        """Let things happen for about a minute."""
        random = self.random
        for _ in range(random.randint(5, 30)):
            pause = random.choice((0.0, 0.0, 0.01, 0.3, 1.0, 4.0, random.uniform(0.0, 9.0)))
            await self.house.pass_time(pause + random.uniform(0.0, MOMENT) if pause else 0.0)
            deed = random.choices(DEEDS, WEIGHTS)[0]
            deed(self)

    async def settle(self) -> None:
        """Good weather again; whoever is in a call goes on talking."""
        self.house.network.weather = None if not self.vanished else self._only_vanished
        await self.house.pass_time(QUIET)

    def _only_vanished(self, source: str, target: str) -> list[float]:
        return [] if source in self.vanished or target in self.vanished else [0.0]

    async def close(self) -> None:
        """Everybody hangs up."""
        for phone in self.phones:
            for conversation in list(phone.calls):
                conversation.hang_up()
        for call in list(self.house.switch.calls.values()):
            streams = [leg.audio.stream for leg in call.legs if leg.audio.address and leg.audio.stream is not None]
            for stream in streams:
                self._silence(stream)
        await self.house.pass_time(QUIET + LONGEST_RINGING if self.vanished else QUIET)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.house.pass_time(1)

    # --- what is looked at -------------------------------------------------------------------------------------------

    def talking(self) -> list[tuple[Phone, Conversation]]:
        """Who is in a call, from the phones' point of view."""
        return [
            (phone, conversation)
            for phone in self.phones
            for conversation in phone.calls
            if conversation.session is not None and conversation.session.confirmed and not conversation.session.ended
        ]

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.say(f"a phone's own trouble: {task.exception()!r}")

    def _report(self) -> None:
        """Phones that talk directly report so, most of the time."""
        for stream in self.house.pool.streams:
            remote = stream.remote
            if remote is not None and remote.address not in self.vanished and self.random.random() < 0.9:
                stream.report()
        self._later(REPORTS, self._report)

    def _later(self, seconds: float, what: Callable[..., object], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(seconds + self.random.uniform(0.0, MOMENT), what, *arguments)

    # --- what phones do with a call that comes -----------------------------------------------------------------------

    def _comes(self, conversation: Conversation) -> None:
        random = self.random
        first = random.uniform(0.0, 2.0)
        match random.randrange(10):
            case 0:
                self.say(f"{conversation.phone.address} does not even ring")
                return
            case 1:
                self._later(0.0, self._answers, conversation, random.random() < 0.3)
                return
            case 2:
                self._later(first, self._rings, conversation, 183, True)
            case 3:
                self._later(first, self._rings, conversation, 183, False)
            case _:
                self._later(random.choice((0.0, first)), self._rings, conversation, 180, False)
        second = first + random.choice((0.0, 0.01, random.uniform(0.0, 12.0)))
        if random.random() < 0.3:
            self._later(second, self._refuses, conversation, random.choice(REFUSALS))
        elif random.random() < 0.85:
            self._later(second, self._answers, conversation, random.random() < 0.1)

    def _rings(self, conversation: Conversation, status: int, early_media: bool) -> None:
        if conversation.incoming is not None and conversation.incoming.state == "early":
            self.say(f"{conversation.phone.address} rings {status}")
            conversation.ring(status, early_media=early_media)

    def _answers(self, conversation: Conversation, hang_up: bool) -> None:
        if conversation.incoming is not None and conversation.incoming.state == "early":
            self.say(f"{conversation.phone.address} answers{' and hangs up' if hang_up else ''}")
            conversation.answer()
            if hang_up:
                conversation.hang_up()

    def _refuses(self, conversation: Conversation, status: int) -> None:
        if conversation.incoming is not None and conversation.incoming.state == "early":
            self.say(f"{conversation.phone.address} says {status}")
            target = self.random.choice(NUMBERS)
            headers = [("Contact", f"<sip:{target}@{SWITCH}>")] if status == 302 else []
            conversation.incoming.reject(status, headers=headers)

    # --- what people do ----------------------------------------------------------------------------------------------

    def dial(self) -> None:
        """Somebody calls somebody."""
        phone = self.random.choice(self.phones)
        number = "5550101" if phone.username == "carrier" else self.random.choice(NUMBERS)
        self.say(f"{phone.address} dials {number}")
        phone.call(number)

    def dial_and_think_better_of_it(self) -> None:
        """Somebody calls, and gives up a moment later."""
        self.dial()
        conversation = self.phones[0].calls[-1] if self.phones[0].calls else None
        newest = [phone.calls[-1] for phone in self.phones if phone.calls and phone.calls[-1].outgoing is not None]
        chosen = conversation if not newest else self.random.choice(newest)
        if chosen is not None:
            self._later(self.random.choice((0.0, 0.001, 0.5, 5.0)), self._hangs_up, chosen)

    def _hangs_up(self, conversation: Conversation) -> None:
        self.say(f"{conversation.phone.address} hangs up")
        conversation.hang_up()

    def hang_up(self) -> None:
        """Somebody in a call, or who calls, hangs up."""
        able = [c for _, c in self.talking()]
        able += [c for phone in self.phones for c in phone.calls if c.outgoing is not None and c.final is None]
        if able:
            self._hangs_up(self.random.choice(able))

    def change(self) -> None:
        """Somebody in a call presses a key of its phone."""
        if able := self.talking():
            self._change(self.random.choice(able)[1])

    def change_at_both_ends(self) -> None:
        """Both of a call press keys in the same moment, or hang up."""
        by_call_id = {c.session.dialog.call_id: c for _, c in self.talking() if c.session is not None}
        for call in self.house.switch.calls.values():
            ends = [by_call_id[leg.record.call_id] for leg in call.legs if leg.record.call_id in by_call_id]
            if len(ends) >= 2 and self.random.random() < 0.7:
                for end in ends[:2]:
                    self._change(end)
                return

    def _change(self, conversation: Conversation) -> None:
        random = self.random
        session = conversation.session
        assert session is not None
        what = random.choice(KEYS)
        self.say(f"{conversation.phone.address}: {what}")
        match what:
            case "hold":
                self.spawn(conversation.hold(random.choice(("sendonly", "inactive"))))
            case "resume":
                self.spawn(conversation.resume())
            case "codec":
                self.spawn(conversation.reoffer(codecs=random.choice((("pcma",), ("pcmu",), ("g722",), ("g729",)))))
            case "fax":
                self.spawn(conversation.ask_for_fax())
            case "ask":
                self.spawn(conversation.ask_for_offer())
            case "refer":
                self.spawn(conversation.refer(f"<sip:{random.choice(NUMBERS)}@{SWITCH}>"))
            case "replace":
                other = random.choice(self.talking())[1]
                self.spawn(conversation.refer(f"<sip:101@{SWITCH}?Replaces={other.replaces}>"))
            case "info":
                relay = {"body": b"Signal=5\r\n", "content_type": "application/dtmf-relay"}
                self.spawn(session.request("INFO", **relay))  # type: ignore[arg-type]
            case "update":
                self.spawn(session.update(conversation.phone.describe(conversation)))
            case _:
                conversation.hang_up()

    def vanish(self) -> None:
        """A phone loses its power; those that sent no audio are asked whether they are there."""
        if not self.vanished:
            phone = self.random.choice(self.phones)
            self.say(f"{phone.address} vanishes")
            self.vanished.add(phone.address)
            for stream in self.house.pool.streams:
                if stream.remote is not None and stream.remote.address == phone.address:
                    self._later(20.0, self._silence, stream)

    def _silence(self, stream: Any) -> None:
        if not stream.closed and stream.on_event is not None:
            stream.fall_silent()

    def kill_media(self) -> None:
        """The media process dies."""
        self.say("the media process dies")
        self.house.pool.kill(self.house.pool.workers[0])

    def administrate(self) -> None:
        """The administrator hangs up a call."""
        if calls := list(self.house.switch.calls.values()):
            self.say("the administrator hangs up")
            self.random.choice(calls).end(200, "hung up by the administrator")

    def pick_up(self) -> None:
        """A phone takes over a call of another one."""
        if able := self.talking():
            phone, (_, other) = self.random.choice(self.phones[:5]), self.random.choice(able)
            self.say(f"{phone.address} takes over a call of {other.phone.address}")
            phone.call("101", headers=(("Replaces", other.replaces_header),))

    def program(self) -> None:
        """A program transfers somebody, connects two calls, plays something, or declines for somebody."""
        calls = list(self.house.switch.calls)
        if not calls:
            return
        random = self.random
        one, other = random.choice(calls), random.choice(calls)
        verb, more = random.choice((
            ("transfer", {"to": random.choice(("102", "103", "200", "*43", "*62"))}),
            ("transfer", {"to": random.choice(("101", "104")), "party": random.choice(("caller", "callee"))}),
            ("transfer", {"call": other, "party": "caller", "with_party": random.choice(("caller", "callee"))}),
            ("play", {"sound": "tone:beep", "times": random.choice((0, 1, 3))}),
            ("stop_play", {}),
            ("hangup", {"extension": random.choice(("101", "102", "103"))}),
        ))  # fmt: skip
        self.say(f"a program wants {verb} {more} in {one}")
        self.spawn(self._ask(verb, {"id": one, **more}))

    async def _ask(self, verb: str, request: dict[str, Any]) -> None:
        switch = self.house.switch
        commands = Commands(switch, Recorder(1), stop=lambda: None, path=Path())
        handlers = {**InCall(switch).handlers(), "hangup": commands.hang_up}
        with contextlib.suppress(ControlError):
            await handlers[verb](request)


DEEDS: tuple[Callable[[Chaos], None], ...] = (
    Chaos.dial, Chaos.dial_and_think_better_of_it, Chaos.hang_up, Chaos.change, Chaos.change_at_both_ends, Chaos.vanish,
    Chaos.kill_media, Chaos.administrate, Chaos.pick_up, Chaos.program,
)  # fmt: skip
WEIGHTS = (30, 10, 8, 25, 12, 1, 2, 1, 3, 8)
