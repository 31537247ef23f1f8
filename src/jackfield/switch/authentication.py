"""Who may send: a phone with its password, a trunk by its address, a stranger within limits (RFC 3261 section 22)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.sip.flow import Flow
from jackfield.switch.identity import Sender
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.sip.message import Request, Response
    from jackfield.switch.trunks import Trunks

__all__ = ["Authenticator"]


class Authenticator:
    """Checks requests outside of dialogs against the snapshot."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        *,
        secret: bytes,
        wall_clock: Callable[[], float],
        trunks: Trunks | None = None,
        refused: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """`secret` makes nonces; `refused` hears of each wrong password and unknown name (for the guard)."""

    def check(self, request: Request, flow: Flow) -> Sender | Response:
        """Return who sent the request, or the response to give: 401 with challenges, 403.

        INVITE, MESSAGE, SUBSCRIBE, ...: a trunk is known by its address or by the user of our registration with it;
        whoever's From is the SIP name of a line, or who sends credentials, must authenticate; all others are
        strangers. REGISTER must always authenticate. Do not ask for requests inside a dialog, ACK or CANCEL.
        """
        raise NotImplementedError
