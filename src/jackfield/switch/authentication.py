"""Who may send: a phone with its password, a trunk by its address, a stranger within limits (RFC 3261 section 22)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.sip.digest import Challenger, Verdict
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import Flow
from jackfield.sip.message import Response
from jackfield.sip.transport.bridged import BridgedFlow
from jackfield.sip.transport.sparse_log import SparseLog
from jackfield.switch.identity import Sender, called_number, read_caller
from jackfield.switch.line_secrets import LineSecrets
from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk
from jackfield.switch.snapshot import Extension, Line, Snapshot, Trunk
from jackfield.switch.user_agents import digest_algorithms
from jackfield.switch.whence import Whence

if TYPE_CHECKING:
    from jackfield.sip.message import Request
    from jackfield.switch.guard import Guard
    from jackfield.switch.trunks import Trunks
    from jackfield.switch.whence import Rule

__all__ = ["Authenticator"]

log = logging.getLogger("jackfield.registrar")

_BOTH = ("SHA-256", "MD5")
_ALGORITHMS = {"md5": ("MD5",), "sha256": ("SHA-256",), "both": _BOTH}
# Credentials that were not made for our challenge, rather than with a wrong password.
_TRY_AGAIN = frozenset(
    ("no credentials", "malformed credentials", "wrong realm", "algorithm not offered", "no qop", "qop not offered")
)
_WITH_PASSWORD = frozenset(("INVITE", "MESSAGE"))  # what phones send outside of dialogs
LATER = (3, 30)
"""Seconds after which phones may come again that are turned away because the switch has too much to do."""
_GIVEN = 256  # challenges remembered, twice: copies of a request come within half a second, or not at all
_LOG_EVERY = 60.0  # seconds between two lines about the same address and name: scanners try thousands


class Authenticator:
    """Checks requests outside of dialogs against the snapshot."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        *,
        secret: bytes,
        wall_clock: Callable[[], float],
        trunks: Trunks | None = None,
        guard: Guard | None = None,
    ) -> None:
        """`secret` makes nonces; `guard` hears of each wrong password and unknown name, and of who gets in."""
        self._snapshot = snapshot
        self._secret = secret
        self._now = wall_clock
        self._trunks = trunks
        self._guard = guard
        self._realm = ""
        self._challengers: dict[tuple[str, ...], Challenger] = {}
        self._use_realm(snapshot().general.realm)
        self._log = SparseLog(log, wall_clock, _LOG_EVERY)
        self.overloaded = False
        """The switch is behind: phones that register have to come later, spread over some time (Retry-After)."""
        self._given: dict[str, list[str]] = {}  # challenges, by source, branch and Call-ID
        self._given_before: dict[str, list[str]] = {}
        self.counters = {"challenged": 0, "accepted": 0, "refused": 0, "turned_away": 0}
        self.whence = Whence()
        self.secrets = LineSecrets()
        self.browsers: dict[str, tuple[str, str]] = {}
        """Digests of the passwords that browsers have now, by SIP name: MD5, SHA-256. See `browser_phones`."""

    def at_the_door(self, request: Request, flow: Flow) -> Response | None:
        """Return the challenge for a phone's request that has no password yet, before any state is made for it.

        RFC 3261 section 8.2.7 allows it, and nearly every call and registration begins so. A copy of the request gets
        the same challenge, as that section asks. None: look more closely.
        """
        if self._guard is not None and self._guard.blocking and (away := self._guard.turned_away(request, flow)):
            return away
        if "Authorization" in request:
            return None
        if self.overloaded and request.method == "REGISTER":
            response = request.reply(503)
            response.set("Retry-After", str(random.randint(*LATER)))
            return response
        if request.method != "REGISTER":
            if request.method not in _WITH_PASSWORD or request.from_.uri.username not in self._snapshot().lines:
                return None
            if self._trunks is not None and self._trunks.identify(request, flow) is not None:
                return None
        host, port = flow.remote
        key = f"{host} {port}\n{request.via.branch}\n{request.call_id}"
        challenges = self._given.get(key) or self._given_before.get(key)
        if challenges is None:
            challenges = self._challenges(request, flow)
            if len(self._given) >= _GIVEN:
                self._given, self._given_before = {}, self._given
            self._given[key] = challenges
        return _challenge(request, challenges)

    def check(self, request: Request, flow: Flow) -> Sender | Response:
        """Return who sent the request, or the response to give: 401 with challenges, 403.

        INVITE, MESSAGE, SUBSCRIBE, ...: a trunk is known by its address or by the user of our registration with it;
        whoever's From is the SIP name of a line, or who sends credentials, must authenticate; all others are
        strangers. Not for REGISTER (see `line_of`), requests inside a dialog, ACK and CANCEL.
        """
        if self._trunks is not None:
            trunk = self._trunks.identify(request, flow)
            if trunk is not None and not self._is_phone(request, flow, trunk):
                return self._from_trunk(request, trunk)
        if "Authorization" not in request and not self._must_authenticate(request, flow):
            return self._from_stranger(request)
        found = self.line_of(request, flow)
        if isinstance(found, Response):
            return found
        extension, line = found
        asked = read_caller(request, trusted=False)
        return Sender(
            FromExtension(extension.number),
            extension,
            line,
            None,
            extension.number,
            extension.name,
            asked.anonymous,
            called_number(request),
        )

    def line_of(self, request: Request, flow: Flow) -> tuple[Extension, Line] | Response:
        """Return the line whose password the request proves, or the response to give. For REGISTER."""
        credentials = self._credentials(request)
        if credentials is None:
            return self._challenge(request, flow)
        snapshot = self._snapshot()
        general = snapshot.general
        self._use_realm(general.realm)
        challenger = self._challengers[_ALGORITHMS.get(general.digest, _BOTH)]
        rules = self.whence.rules(snapshot)
        ha1 = self._ha1_within(snapshot, flow.remote[0]) if rules else self._ha1
        verdict = challenger.verify(
            credentials, request.method, request.uri, flow.remote[0], self._now(), ha1, request.body
        )
        if verdict.reason == "wrong password":
            verdict = self._with_password_before(challenger, credentials, request, flow, verdict)
        elif verdict.ok and self.secrets:
            self.secrets.used(verdict.username)
        if not verdict.ok:
            if rules and (rule := self.whence.outside(snapshot, verdict.username, flow.remote[0])) is not None:
                return self._turn_away(request, flow, verdict.username, rule)
            if verdict.stale or verdict.reason in _TRY_AGAIN:
                return self._challenge(request, flow, stale=verdict.stale)
            return self._refuse(request, flow, verdict.username, verdict.reason)
        found = snapshot.lines.get(verdict.username)
        if found is None:
            return self._refuse(request, flow, verdict.username, "unknown user")
        if found[1].kind == "browser" and not isinstance(flow, BridgedFlow):
            return self._refuse(request, flow, verdict.username, "a browser's account is used by something else")
        self.counters["accepted"] += 1
        if self._guard is not None:
            self._guard.accepted(flow.remote[0])
        return found

    def _is_phone(self, request: Request, flow: Flow, trunk: Trunk) -> bool:
        """Say if a request from the address of a trunk comes from a phone on the same machine or behind one NAT."""
        assert self._trunks is not None
        claims = "Authorization" in request or request.from_.uri.username in self._snapshot().lines
        return claims and not self._trunks.sent_from(trunk, flow)

    def _credentials(self, request: Request) -> str | None:
        """Return the credentials for our realm; those for other servers on the way are not for us."""
        if "Authorization" not in request:
            return None
        values = request.all("Authorization")
        if len(values) == 1:
            return values[0]
        return next((v for v in values if f'realm="{self._realm}"' in v), values[0])

    def _must_authenticate(self, request: Request, flow: Flow) -> bool:
        """Say if the sender claims to be one of us, or strangers are not let in."""
        snapshot = self._snapshot()
        if not snapshot.general.anonymous_calls:
            return True
        uri = request.from_.uri
        name = uri.username
        if name in snapshot.lines:
            return True
        here = uri.host == flow.local[0] or uri.host.lower() == self._realm.lower()
        return here and name in snapshot.numbers

    def _ha1(self, username: str, algorithm: str) -> str | None:
        found = self._snapshot().lines.get(username)
        if found is None:
            return None
        line, stronger = found[1], algorithm.upper().startswith("SHA-256")
        if line.kind == "browser":
            known = self.browsers.get(username)
            return None if known is None else known[stronger]
        if self.secrets and (newer := self.secrets.of(username)) is not None:
            return newer.sha256 if stronger else newer.md5
        return line.ha1_sha256 if stronger else line.ha1_md5

    def _with_password_before(
        self, challenger: Challenger, credentials: str, request: Request, flow: Flow, verdict: Verdict
    ) -> Verdict:
        """Judge again by the password before, while it counts: until the phone has used its new one."""
        known = self.secrets.of(verdict.username)
        if known is None or not known.previous_md5:
            return verdict
        strong, weak = known.previous_sha256, known.previous_md5

        def ha1(_username: str, algorithm: str) -> str | None:
            return strong if algorithm.upper().startswith("SHA-256") else weak

        return challenger.verify(
            credentials, request.method, request.uri, flow.remote[0], self._now(), ha1, request.body
        )

    def _ha1_within(self, snapshot: Snapshot, address: str) -> Callable[[str, str], str | None]:
        """The same, where a phone outside of its address group is nobody: its password is not even looked at."""

        def ha1(username: str, algorithm: str) -> str | None:
            return None if self.whence.outside(snapshot, username, address) else self._ha1(username, algorithm)

        return ha1

    def _turn_away(self, request: Request, flow: Flow, username: str, rule: Rule) -> Response:
        self.counters["turned_away"] += 1
        self.whence.refused(self._snapshot(), rule, username, flow, self._now())
        return self._refuse(request, flow, username, f'its address is not in the address group "{rule.group}"')

    def _challenge(self, request: Request, flow: Flow, *, stale: bool = False) -> Response:
        return _challenge(request, self._challenges(request, flow, stale=stale))

    def _challenges(self, request: Request, flow: Flow, *, stale: bool = False) -> list[str]:
        general = self._snapshot().general
        self._use_realm(general.realm)
        self.counters["challenged"] += 1
        if self._guard is not None:
            self._guard.challenged(request, flow)
        algorithms = _ALGORITHMS.get(general.digest) or digest_algorithms(request.get("User-Agent") or "")
        return self._challengers[algorithms].challenges(flow.remote[0], self._now(), stale=stale)

    def _use_realm(self, realm: str) -> None:
        if realm != self._realm:
            self._realm = realm
            for algorithms in (_BOTH, _BOTH[::-1], ("MD5",), ("SHA-256",)):
                self._challengers[algorithms] = Challenger(realm, self._secret, algorithms=algorithms)

    def _refuse(self, request: Request, flow: Flow, username: str, reason: str) -> Response:
        """Refuse with the same answer whatever was wrong, so that names can't be found by trying."""
        self.counters["refused"] += 1
        found = self._snapshot().lines.get(username)
        whose = f" of extension {found[0].number}" if found else ""
        address = flow.remote[0]
        mend = (
            f"see Extensions > {found[0].number} > Phones" if found else "a scanner, or a phone set up for another name"
        )
        key = f"{address} {username}"
        text = '%s from %s refused: %s for SIP name "%s"%s - %s'
        self._log(logging.WARNING, key, text, request.method, address, reason, username[:64], whose, mend)
        if self._guard is not None:
            self._guard.refused(
                {
                    "address": address,
                    "transport": flow.transport,
                    "username": username,
                    "extension": found[0].number if found else "",
                    "reason": reason,
                    "method": request.method,
                }
            )
        return request.reply(403)

    def _from_trunk(self, request: Request, trunk: Trunk) -> Sender:
        assert self._trunks is not None
        dialed = called_number(request, trunk, self._trunks.contact_user(trunk))
        caller = read_caller(request, trusted=trunk.trust_identity)
        return Sender(FromTrunk(trunk.name), None, None, trunk, caller.number, caller.name, caller.anonymous, dialed)

    def _from_stranger(self, request: Request) -> Sender | Response:
        try:
            caller = read_caller(request, trusted=False, stranger=True)
        except MalformedHeader:
            return request.reply(400)
        dialed = called_number(request)
        return Sender(FromAnonymous(), None, None, None, caller.number, caller.name, caller.anonymous, dialed)


def _challenge(request: Request, challenges: list[str]) -> Response:
    response = request.reply(401)
    for value in challenges:
        response.add("WWW-Authenticate", value)
    return response
