"""Accounts of browsers: what the console gives to Jackfield Phone anew with each start of its page.

The line stands in the configuration, its password does not: this process alone has the digests of the present one.
After a restart of it the page asks for another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.switch.leg import IncomingLeg

if TYPE_CHECKING:
    from jackfield.switch.switch import Switch

__all__ = ["BrowserPhones"]


class BrowserPhones:
    """Answers the verbs. What it is told goes to the authenticator."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {"browser_account": self.account, "browser_over": self.over}

    async def account(self, request: dict[str, Any]) -> None:
        """Let a browser register `sip_username` with the password of these digests, and with no other from now on."""
        username = str(request.get("sip_username", ""))
        found = self._switch.snapshot.lines.get(username)
        if found is None or found[1].kind != "browser":
            raise ControlError(f'"{username}" is no line of a browser')
        digests = str(request.get("ha1_md5", "")), str(request.get("ha1_sha256", ""))
        if [len(one) for one in digests] != [32, 64]:
            raise ControlError("ha1_md5 and ha1_sha256 are digests in hexadecimal digits")
        self._hang_up(username, "its page was started anew")
        self._switch.authenticator.browsers[username] = digests

    async def over(self, request: dict[str, Any]) -> None:
        """Let nobody register `sip_username` any more, forget where it is registered, and end its calls."""
        username = str(request.get("sip_username", ""))
        self._switch.authenticator.browsers.pop(username, None)
        found = self._switch.snapshot.lines.get(username)
        if found is not None and found[1].kind == "browser":
            self._switch.registrar.forget(username, "its browser has signed out")
            self._hang_up(username, "its browser has signed out")

    def _hang_up(self, username: str, why: str) -> None:
        """End the calls of a page that is gone: it can't do so itself, and who talks to it would talk to nobody."""
        for call in list(self._switch.calls.values()):
            for leg in list(call.legs):
                if leg.record.line != username or leg.ended or leg.leaving:
                    continue
                if leg.answered:
                    call.record.hung_up_by = call.record.hung_up_by or leg.record.role
                    call.end(200, why)
                elif isinstance(leg, IncomingLeg):
                    leg.vanish(why)
