"""A whole switch in memory with phones around it: what the tests of calls play with."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from jackfield.sip.digest import ha1
from jackfield.sip.tokens import Tokens
from jackfield.switch.snapshot import Extension, General, Line, RingGroup, Service, Snapshot, Sound
from jackfield.switch.switch import Switch

from .fake_media import FakePool, FakeStream
from .network import MemoryTransports, Network, NoNames
from .phones import SWITCH, Conversation, Phone

__all__ = ["REALM", "SWITCH", "Conversation", "House", "Phone", "extension", "quiet", "sounds"]

REALM = "test"


def extension(number: str, **fields: Any) -> Extension:
    """An extension with one line: SIP name "u101", password "p101"."""
    name, password = f"u{number}", f"p{number}"
    line_fields = {key: fields.pop(key) for key in ("srtp", "dtmf", "behind_nat") if key in fields}
    line = Line(
        sip_username=name,
        ha1_md5=ha1(name, REALM, password),
        ha1_sha256=ha1(name, REALM, password, "SHA-256"),
        **line_fields,
    )
    return Extension(number=number, name=f"Phone {number}", lines=(line,), **fields)


def sounds(*names: str) -> tuple[Sound, ...]:
    return tuple(Sound(name=name, path=f"/sounds/{name}") for name in names)


class House:
    """The switch, its network, its media, and what it wrote into the spool."""

    def __init__(self) -> None:
        self.network = Network()
        self.pool = FakePool()
        self.spooled: list[tuple[str, str, dict[str, Any]]] = []
        self.snapshot = Snapshot(
            general=General(realm=REALM, company="Test"),
            extensions=tuple(extension(number) for number in ("101", "102", "103", "104")),
            ring_groups=(RingGroup(number="200", members=("102", "103"), step_time=20),),
            services=(
                Service(number="*43", kind="echo"),
                Service(number="*61", kind="announcement", sound="welcome"),
                Service(number="*62", kind="music"),
            ),
            sounds=sounds("welcome", "default", "echo-test"),
        )
        self.phones: list[Phone] = []
        self.tokens: Tokens | None = None
        """Where the phones take random names and times from; a test that is to be repeatable sets it."""
        self.switch: Switch
        self.faults_expected = False
        """A test lets something raise on purpose; else nothing may be logged with a traceback."""

    async def open(self) -> None:
        transports = MemoryTransports(self.network, SWITCH)
        loop = asyncio.get_running_loop()
        self.switch = Switch(
            self.snapshot,
            pool=self.pool,  # type: ignore[arg-type]
            emit=lambda kind, id, data: self.spooled.append((kind, id, data)),
            secret=b"a secret of the test house",
            wall_clock=lambda: 1_700_000_000.0 + loop.time(),
            transports=transports,
            resolver=NoNames(),
        )
        transports.receive = self.switch.agent.receive
        await self.switch.start()

    async def close(self) -> None:
        for phone in self.phones:
            await phone.agent.close()
        await self.switch.close()

    async def configure(self, **changes: Any) -> None:
        """Change the configuration, as an administrator would."""
        self.snapshot = replace(self.snapshot, version=self.snapshot.version + 1, **changes)
        await self.switch.reload(self.snapshot)

    async def change_extension(self, number: str, **fields: Any) -> None:
        """Change one extension."""
        await self.configure(
            extensions=tuple(
                replace(entry, **fields) if entry.number == number else entry for entry in self.snapshot.extensions
            )
        )

    async def phone(self, number: str, address: str = "", *, register: bool = True, **options: Any) -> Phone:
        """Plug a phone in for an extension, and register it."""
        phone = Phone(self, f"u{number}", f"p{number}", address or f"10.0.0.{int(number) % 250}", **options)
        self.phones.append(phone)
        if register:
            response = await phone.register()
            assert response.status == 200, response.reason
        return phone

    async def pass_time(self, seconds: float = 0.1) -> None:
        """Let things happen."""
        await asyncio.sleep(seconds)

    def stream_of(self, phone: Phone) -> FakeStream:
        """The stream that sends to this phone."""
        found = [stream for stream in self.pool.streams if stream.remote and stream.remote.address == phone.address]
        assert len(found) == 1, f"{phone.address} has {len(found)} streams"
        return found[0]

    def hears(self, phone: Phone) -> str:
        """What the user of the phone hears."""
        return self.stream_of(phone).heard

    @property
    def records(self) -> list[dict[str, Any]]:
        """Call records written."""
        return [data for kind, _, data in self.spooled if kind == "call"]

    @property
    def record(self) -> dict[str, Any]:
        """The only call record."""
        assert len(self.records) == 1, f"{len(self.records)} records"
        return self.records[0]

    def journal(self, record: dict[str, Any] | None = None) -> str:
        return "\n".join(line["text"] for line in (record or self.record)["journal"])

    def assert_quiet(self) -> None:
        """Nothing is left of any call: no dialog, no port, no task, no timer of ours, no channel of a trunk."""
        assert not self.switch.calls
        assert not len(self.switch.engaged)
        assert not len(self.switch.site_admission), "a site's line is held by nobody"
        assert not self.pool.streams
        assert not [s for s in self.switch.agent.sessions.values() if not s.ended]
        assert not self.switch.media._workers
        assert not self.switch.unwritten
        assert not [row for row in self.switch.trunks.table() if row.calls]
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("call ")]
        ids = [record["id"] for record in self.records]
        assert len(ids) == len(set(ids)), "a call has one record"
        started = {id for kind, id, _ in self.spooled if kind == "call_started"}
        assert started <= set(ids), "every call that began has a record"


async def quiet(house: House, records: int) -> None:
    """Wait until all transactions are over: nothing may be left, but so many records."""
    await house.pass_time(70)
    house.assert_quiet()
    assert len(house.records) == records
