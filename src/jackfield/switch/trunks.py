"""The trunks of the house: registration, health, hops and limits of each."""

from __future__ import annotations

import random as random_module
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.sip.flow import Flow, Hop
from jackfield.switch.snapshot import Outbound, Snapshot, Trunk

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent
    from jackfield.sip.digest import DigestClient
    from jackfield.sip.message import Request

__all__ = ["Credentials", "TrunkRow", "Trunks", "may_fail_over"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a 401 or 407 from the trunk is answered with: `agent.authenticate(request, response, *credentials)`."""

    digest: DigestClient
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """A trunk in the table that the administrator sees."""

    name: str
    kind: str
    state: str
    """"registered", "up", "down", "refused", "registering", "disabled"."""
    text: str
    """What is the matter and the mend, empty when all is well."""
    hosts: tuple[str, ...]
    """Each address with "up" or "down"."""
    calls: int
    since: float


def may_fail_over(status: int) -> bool:
    """Say if a call that a trunk answered so may be tried on the next: 5xx and 408, never busy or rejected."""
    return status == 408 or 500 <= status <= 599


class Trunks:
    """All trunks. The order of `hops()` is the order of trial: healthy ones first."""

    def __init__(
        self,
        agent: Agent,
        snapshot: Callable[[], Snapshot],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        random: random_module.Random | None = None,
    ) -> None:
        """`emit("event", data)` hears of each trunk that goes up or down."""

    async def start(self) -> None:
        """Begin to register and to watch."""

    async def reload(self) -> None:
        """The snapshot has changed: begin new trunks, end those that are gone, restart those that differ."""

    async def close(self) -> None:
        """Unregister and stop everything."""

    def usable(self, trunk: Trunk) -> bool:
        """Say if a call may be tried: enabled, an address is known, and it is not known to be down."""
        raise NotImplementedError

    def has_room(self, trunk: Trunk) -> bool:
        """Say if the trunk's `max_calls` allows one more."""
        raise NotImplementedError

    def acquire(self, trunk: Trunk, *, force: bool = False) -> bool:
        """Count a call (either direction) that begins; False when there is no room. `force`: emergency."""
        raise NotImplementedError

    def release(self, trunk: Trunk) -> None:
        """Count a call that has ended."""

    @contextmanager
    def route_slot(self, route: Outbound) -> Iterator[bool]:
        """Hold one of the route's `max_calls` while the block runs; gives False when all are taken."""
        raise NotImplementedError

    async def hops(self, trunk: Trunk) -> list[Hop]:
        """Return where a call is tried, in order: healthy addresses first. Empty when no name could be resolved."""
        raise NotImplementedError

    def request_uri(self, trunk: Trunk, number: str) -> str:
        """Return the Request-URI for a number."""
        raise NotImplementedError

    def credentials(self, trunk: Trunk) -> Credentials:
        """Return what challenges of the trunk are answered with."""
        raise NotImplementedError

    def contact_user(self, trunk: Trunk) -> str:
        """Return the user part of our Contact towards the trunk: the one registered there, hard to guess."""
        raise NotImplementedError

    def identify(self, request: Request, flow: Flow) -> Trunk | None:
        """Return the trunk from which a request comes: by our registered contact, else by its source address."""
        raise NotImplementedError

    def attempted(self, trunk: Trunk, hop: Hop | None, status: int, *, local: bool) -> None:
        """Hear how a call attempt ended: a time-out or transport failure (`local`) counts against the hop's health."""

    def table(self) -> list[TrunkRow]:
        """Return one row for each trunk."""
        raise NotImplementedError
