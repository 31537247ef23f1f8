"""What the network process does for the firewall: has the kernel hold the rules, and looks up the names in them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from jackfield.network.firewall import kernel, policy, ruleset, table
from jackfield.network.firewall.kernel import Kernel, KernelError
from jackfield.network.firewall.services import services
from jackfield.network.guard.keeper import host_names
from jackfield.network.host_names import EVERY, HostNames
from jackfield.network.public_file import is_public
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.network.firewall.policy import Policy
    from jackfield.settings import Settings

__all__ = ["Keeper", "Standing"]

log = logging.getLogger("jackfield.firewall")

AGAIN = 60.0
"""Seconds after which rules that the kernel did not take are tried again, and those in force are looked at."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the firewall stands. `problem`: why the rules do not hold in the kernel, with the mend."""

    way: Literal["kernel", "programs"]
    table: str
    problem: str = ""
    panic: float = 0.0


async def _nobody() -> None:
    pass


class Keeper:
    """`await use(snapshot)` whenever the configuration may have changed: it does what is to be done.

    tell: called when the file beside the configuration is another, for those who do not look by themselves.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        in_kernel: Kernel | None = None,
        why_not: Callable[[], str] = kernel.why_not,
        names: HostNames | None = None,
        tell: Callable[[], Awaitable[None]] = _nobody,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._kernel = in_kernel or Kernel(settings.files.path)
        self._why_not = why_not
        self._names = names or HostNames()
        self._clock = clock
        self._known = table.load(settings.files.firewall)
        self._names.known = self._known.hosts
        self._next_names = self._next_try = 0.0
        self._script = self._wanted = ""
        self._used: tuple[Snapshot, table.Known, bool] | None = None
        self._policy = table.policy_of(settings, Snapshot(), self._known)
        self._tell = tell
        self.blocked: Callable[[], Iterable[tuple[str, float]]] = tuple
        """Gives the sources that the guard has blocked, with the seconds that are left, for a table that is new."""
        self._using = asyncio.Lock()
        self.standing = Standing("programs", self._kernel.table, panic=self._known.panic)

    @property
    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        """Addresses of names in groups, as far as they are known."""
        return self._known.hosts

    @property
    def policy(self) -> Policy:
        """What holds now."""
        return self._policy

    async def use(self, snapshot: Snapshot) -> None:
        """Have these rules hold. What the kernel refuses is said, and tried again; the rules from before stay."""
        async with self._using:
            await self._look_up(snapshot)
            public = is_public(self._settings, snapshot.general.public_address)
            if self._used is None or self._used[0] is not snapshot or self._used[1:] != (self._known, public):
                self._policy = table.policy_of(self._settings, snapshot, self._known)
                self._used = snapshot, self._known, public
                self._wanted = ruleset.script(
                    self._kernel.table, self._policy, services(self._settings, snapshot.general)
                )
            if self._settings.firewall == "programs":
                return
            if problem := self._why_not():
                self._say(problem)
                return
            await self._apply()

    async def _apply(self) -> None:
        script, now = self._wanted, self._clock()
        if script == self._script and now < self._next_try:
            return
        self._next_try = now + AGAIN
        if script == self._script and await asyncio.to_thread(self._kernel.shown) != "":
            return  # nobody has taken it away meanwhile
        try:
            await asyncio.to_thread(self._kernel.apply, script)
            self._script = script
            await self.block(self.blocked())
        except KernelError as problem:
            self._script = ""
            if str(problem) != self.standing.problem:
                log.error("%s", problem)
            self.standing = replace(self.standing, way="programs", problem=str(problem))
            return
        self._script = script
        if self.standing.way != "kernel":
            log.info("the firewall's rules hold in the kernel: nft list table inet %s", self._kernel.table)
        self.standing = replace(self.standing, way="kernel", problem="")

    async def panic(self, snapshot: Snapshot, since: float) -> None:
        """Close everything but to the local networks and the VPN; `since`: UTC seconds, 0 ends it. Raises `OSError`."""
        await self._keep(replace(self._known, panic=since))
        self.standing = replace(self.standing, panic=since)
        log.warning("%s", "panic: all is closed but to the local networks and the VPN" if since else "panic is over")
        await self.use(snapshot)

    async def block(self, sources: Iterable[tuple[str, float]]) -> None:
        """Have the kernel drop SIP from sources, for so many seconds each. What it does not take, the programs do."""
        if self._script:
            await self._try(ruleset.blocking(self._kernel.table, sources))

    async def lift(self, source: str) -> None:
        """Have the kernel take SIP from a source again."""
        await self._try(ruleset.lifting(self._kernel.table, source))

    async def _try(self, script: str) -> None:
        if script:
            try:
                await asyncio.to_thread(self._kernel.apply, script)
            except KernelError as problem:
                log.debug("%s", problem)

    def close(self) -> None:
        """Take the table away: who stops has no ports to close. Blocks."""
        if self._script:
            self._kernel.remove()
            self._script = ""

    async def _look_up(self, snapshot: Snapshot) -> None:
        names = policy.host_names(snapshot) | host_names(snapshot)
        now = self._clock()
        if names <= self._known.hosts.keys() and now < self._next_names:
            return
        self._next_names = now + EVERY
        if await asyncio.to_thread(self._names.refresh, names):
            try:
                await self._keep(replace(self._known, hosts=dict(self._names.known)))
            except OSError as problem:
                log.error("what names in address groups stand for can't be kept: %s", problem)

    async def _keep(self, known: table.Known) -> None:
        table.save(self._settings.files.firewall, known)
        self._known = known
        await self._tell()

    def _say(self, problem: str) -> None:
        """Say once why the kernel does not hold the rules; who did not ask for the kernel need not do anything."""
        if problem != self.standing.problem:
            asked = self._settings.firewall == "kernel"
            level = logging.ERROR if asked else logging.INFO
            log.log(level, "the firewall's rules hold in the programs alone: %s", problem)
            self.standing = replace(self.standing, way="programs", problem=problem)
