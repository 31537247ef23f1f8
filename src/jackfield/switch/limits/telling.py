"""What limits tell the console of: each thing once in its period, however often somebody tries."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.switch.limits.data import CallLimit
from jackfield.switch.limits.rules import Hit, Key, Outgoing

if TYPE_CHECKING:
    from jackfield.switch.leg import Leg

__all__ = ["Telling"]

REMEMBERED = 5000
AGAIN = 3600.0
"""Seconds after which the same thing is told once more."""


class Telling:
    """`emit(kind, id, data)` takes each event; its kind is "call_limit"."""

    def __init__(self, emit: Callable[[str, str, dict[str, Any]], None], now: Callable[[], float]) -> None:
        self._emit = emit
        self._now = now
        self._told: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()

    def refused(self, hit: Hit, call: Outgoing, call_id: str, why: str) -> None:
        """A call was refused."""
        # Of what is closed each country, and each premium-rate number, is told: that is what can be opened.
        about = ""
        if hit.what == "always":
            about = call.called.full if call.called.kind == "premium" else call.called.country
        self._tell("refused", hit.rule, hit.key, hit.what, about, why, call, call_id, hit.opens)

    def reached(self, hit: Hit, call: Outgoing, call_id: str) -> None:
        """A limit that only warns is passed."""
        self._tell("reached", hit.rule, hit.key, hit.what, "", hit.words, call, call_id, hit.opens)

    def unusual(self, what: str, text: str, call: Outgoing, call_id: str) -> None:
        """A call is unlike those that its extension has made before."""
        now = self._now()
        data = {
            "at": now, "did": "unusual", "what": what, "text": text, "call": call_id, "dialed": call.dialed,
            "number": call.called.full, "country": call.called.country, "extension": call.extension, "user": call.user,
        }  # fmt: skip
        self._emit("call_limit", f"unusual-{call_id}-{what}".replace(" ", "-"), data)

    def used_up(self, rule: CallLimit, key: Key, what: str, text: str, leg: Leg) -> None:
        """A call is ended since its budget is used up."""
        self._tell("ended", rule, key, what, "", f'limit "{rule.name}": {text}', None, leg.call.id, None)

    def forget(self, name: str) -> None:
        """Tell of a rule anew: its counts have begun anew."""
        for one in [one for one in self._told if one[1] == name]:
            del self._told[one]

    def _tell(
        self, did: str, rule: CallLimit, key: Key, what: str, about: str, why: str, call: Outgoing | None,
        call_id: str, opens: float | None,
    ) -> None:  # fmt: skip
        now = self._now()
        same = (did, rule.name, f"{key[1]}\0{what}", about)
        before = self._told.get(same)
        if before is not None and now - before < AGAIN:
            return
        self._told[same] = now
        self._told.move_to_end(same)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        data = {
            "at": now,
            "did": did,
            "rule": rule.name,
            "action": rule.action,
            "whose": key[1],
            "what": what,
            "text": why,
            "call": call_id,
            "opens": opens,
            "dialed": call.dialed if call is not None else "",
            "number": call.called.full if call is not None else "",
            "kind_of_number": call.called.kind if call is not None else "",
            "country": call.called.country if call is not None else "",
            "extension": call.extension if call is not None else "",
            "user": call.user if call is not None else "",
            "trunk": call.trunk if call is not None else "",
        }
        self._emit("call_limit", f"limit-{call_id}-{did}-{len(self._told)}-{int(now * 1000) % 100000}", data)
