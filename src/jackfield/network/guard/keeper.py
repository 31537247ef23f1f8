"""The guard in the network process: hears of failures, judges, and has kernel and switch keep out who is blocked."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from jackfield.network.groups import Addresses, groups_of, names_in, ranges_of
from jackfield.network.guard.rules import NO_RULES
from jackfield.network.guard.story import Block, Failure, Story, Success
from jackfield.switch.snapshot import Snapshot

__all__ = ["GuardKeeper", "Report", "host_names"]

log = logging.getLogger("jackfield.guard")

SAVE_EVERY = 30.0
"""Seconds between two writings of who has come from where; blocks are written at once."""


class Report(msgspec.Struct, frozen=True):
    """What a program has seen since its last report."""

    failures: tuple[Failure, ...] = ()
    successes: tuple[Success, ...] = ()


class _File(msgspec.Struct):
    blocks: list[Block] = msgspec.field(default_factory=list)
    friends: dict[str, dict[str, float]] = msgspec.field(default_factory=dict)


class GuardKeeper:
    """`await heard(report)`, `await tick(snapshot)`.

    block(sources), lift(source): to the kernel, with seconds; tell(blocks): to the switch.
    """

    def __init__(
        self,
        path: Path,
        *,
        block: Callable[[Iterable[tuple[str, float]]], Awaitable[None]],
        lift: Callable[[str], Awaitable[None]],
        tell: Callable[[list[Block]], Awaitable[bool]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._block, self._lift, self._tell = block, lift, tell
        self._clock = clock
        self._never = Addresses()
        self._snapshot: Snapshot | None = None
        self._told = False
        self._unsaved = 0.0
        self._working = asyncio.Lock()
        self.story = Story(NO_RULES, lambda address: address in self._never)
        self._load()

    def in_kernel(self) -> list[tuple[str, float]]:
        """Return the sources that the kernel can drop for all, with the seconds that are left."""
        now = self._clock()
        return [
            (one.source, one.until - now) for one in self.story.blocks.values() if not one.spared and one.until > now
        ]

    async def tick(self, snapshot: Snapshot, hosts: Any) -> None:
        """Take up a new configuration, and let go whose time is over. hosts: addresses of names, by name."""
        async with self._working:
            if snapshot is not self._snapshot:
                self._snapshot = snapshot
                self.story.rules = snapshot.guard
                self._never = _never(snapshot, hosts)
            now = self._clock()
            over = self.story.expire(now)
            for one in over:
                log.info("%s is heard again", one.source)
            if over or not self._told:
                await self._say()
            if over or (self._unsaved and now - self._unsaved > SAVE_EVERY):
                self._save()

    async def heard(self, report: Report) -> None:
        """Take note of what a program reports, and block whom it brings about."""
        async with self._working:
            for success in report.successes:
                self.story.succeeded(success)
            made = [block for failure in report.failures for block in self.story.failed(failure)]
            self._unsaved = self._unsaved or self._clock()
            if made:
                await self._put(made)

    async def by_hand(self, source: str, seconds: float, by: str) -> Block:
        """Block an address or network. Raises `ValueError` for what is neither."""
        async with self._working:
            made = self.story.block("sip", source, self._clock(), seconds, by)
            await self._put([made])
            return made

    async def lifted(self, source: str, by: str) -> bool:
        """End a block; False where there is none."""
        async with self._working:
            found = self.story.lift("sip", source)
            if found is None:
                return False
            log.warning("%s is heard again: lifted by %s", source, by)
            await self._lift(source)
            await self._say()
            self._save()
            return True

    async def _put(self, made: list[Block]) -> None:
        now = self._clock()
        for one in made:
            spared = f"; heard from there all the same: {len(one.spared)} accounts" if one.spared else ""
            log.warning("%s is blocked for %.0f s: %s%s", one.source, one.until - now, one.reason, spared)
        await self._block((one.source, one.until - now) for one in made if not one.spared)
        await self._say()
        self._save()

    async def _say(self) -> None:
        self._told = await self._tell(list(self.story.blocks.values()))

    def forget_told(self) -> None:
        """Tell the switch again: it may be another one."""
        self._told = False

    def _load(self) -> None:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError):
            return
        self.story.restore(found.blocks, found.friends, self._clock())

    def _save(self) -> None:
        """Keep it for the next start; a full disk loses nothing but that."""
        self._unsaved = 0.0
        blocks, friends = self.story.kept()
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            draft.write_bytes(msgspec.json.encode(_File(blocks, friends)))
            draft.replace(self._path)
        except OSError as problem:
            log.error("who is blocked can't be kept for the next start: %s", problem)


def _never(snapshot: Snapshot, hosts: Any) -> Addresses:
    groups = groups_of(snapshot)
    local = snapshot.general.local_networks
    return Addresses(one for name in snapshot.guard.never for one in ranges_of(name, groups, local, hosts))


def host_names(snapshot: Snapshot) -> set[str]:
    """Return the names of hosts in the groups that are never blocked."""
    groups = groups_of(snapshot)
    return {host for name in snapshot.guard.never for host in names_in(name, groups)}
