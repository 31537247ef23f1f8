"""The registrar: where the phones of each line are (RFC 3261 section 10; 3327 Path; 5626 Outbound; 5627 GRUU)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jackfield.sip.flow import Flow
from jackfield.switch.contact import Contact
from jackfield.switch.snapshot import Line, Snapshot

if TYPE_CHECKING:
    from jackfield.sip.message import Request, Response
    from jackfield.sip.uri import Uri
    from jackfield.switch.authentication import Authenticator

__all__ = ["PhoneRow", "Registrar"]

Reply = "Callable[[Response], None]"


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A phone in the table that the administrator sees."""

    extension: str
    line: str
    sip_username: str
    model: str
    user_agent: str
    address: str
    transport: str
    behind_nat: bool
    nat_reason: str
    latency_ms: float | None
    reachable: bool
    since: float
    expires_in: float


class Registrar:
    """Answers REGISTER and knows the phones of each line."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        authenticator: Authenticator,
        *,
        store: Path | None = None,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        secret: bytes = b"",
    ) -> None:
        """`store`: the file registrations.log; `emit(kind, data)` gets "registration" events for the spool."""

    async def start(self, transports: Any = None) -> int:
        """Read the stored registrations and make their UDP flows anew. Returns how many came back."""
        raise NotImplementedError

    def handle(self, request: Request, flow: Flow, reply: Callable[[Response], None]) -> None:
        """Answer a REGISTER. Never raises."""

    def contacts(self, line: Line) -> list[Contact]:
        """Return the phones of the line that can be rung now: not expired, and reachable as far as is known."""
        raise NotImplementedError

    def registered(self, line: Line) -> list[Contact]:
        """Return every phone of the line, also those that do not answer OPTIONS."""
        raise NotImplementedError

    def on_flow(self, username: str, flow: Flow) -> Contact | None:
        """Return the line's phone that registered on this flow (which phone sent this INVITE?)."""
        raise NotImplementedError

    def find_gruu(self, uri: Uri) -> Contact | None:
        """Return the phone that a GRUU of ours names (RFC 5627 section 5.1), if it is registered."""
        raise NotImplementedError

    def flow_failed(self, flow: Flow, reason: str) -> None:
        """A connection has gone: its phones can't be reached until they connect anew (RFC 5626 section 5.4)."""

    def reload(self) -> None:
        """The snapshot has changed: forget phones of lines that are gone."""

    def sweep(self) -> None:
        """Remove what has expired and write what is waiting. To be called about every second."""

    def table(self) -> list[PhoneRow]:
        """Return one row for each phone, by extension."""
        raise NotImplementedError

    async def close(self) -> None:
        """Write what is waiting and close the file."""
