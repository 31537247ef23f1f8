"""What happens live, for webhooks: the hub's events as things to be told, from when somebody wants them.

The hub asks the switch only while somebody listens, so without a webhook for live kinds this costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from jackfield.console.live import Event, Hub, Listener
from jackfield.webhooks import outbox
from jackfield.webhooks.outbox import Happening

__all__ = ["Feed"]

FIRST_SECONDS = 3.0
"""How long the first answer of the switch may take: what it tells is how things are, and no event."""

Row = dict[str, Any]


class Feed:
    """Listens to the hub while it is wanted. Used by one thread."""

    def __init__(self, hub: Callable[[], Hub]) -> None:
        self._hub = hub
        self._stack = contextlib.ExitStack()
        self._listener: Listener | None = None
        self._running = False
        self._phones: dict[str, Row] = {}  # that were registered when the switch stopped
        self._trunks: dict[str, Row] = {}

    @property
    def listening(self) -> bool:
        """Whether somebody wants live events."""
        return self._listener is not None

    def follow(self, wanted: bool) -> None:
        """Begin to listen, or end. What is so already when it begins is not told."""
        if self._listener is not None and (self._listener.ended or not wanted):
            self._stack.close()
            self._listener = None
        if wanted and self._listener is None:
            hub = self._hub()
            self._listener = self._stack.enter_context(hub.listen(outbox.filled.set))
            hub.known(FIRST_SECONDS)
            self._listener.take()
            self._running = hub.state.running
            self._phones, self._trunks = {}, {}

    def take(self, now: float) -> list[Happening]:
        """Return what happened since the last time. `now`: seconds since 1970."""
        if self._listener is None:
            return []
        found = list(self._told(self._listener.take(), now))
        if self._running and (self._phones or self._trunks):  # the switch is back: what did not come back is gone
            found += [_phone("phone.gone", now, row) for row in self._phones.values()]
            found += [Happening("trunk.removed", now, {"name": name}, name) for name in self._trunks]
            self._phones, self._trunks = {}, {}
        return found

    def _told(self, events: Iterable[Event], now: float) -> Iterator[Happening]:
        for event in events:
            group = event.kind.partition(".")[0]
            row = event.before if event.before is not None and event.kind.endswith((".ended", ".gone")) else event.data
            if group == "switch":
                self._running = bool(event.data["running"])
                yield Happening("switch.changed", now, event.data)
            elif group == "call":
                if event.before is not None and not event.before.get("answered") and event.data.get("answered"):
                    yield Happening("call.answered", now, row, row["id"], _numbers(row))
                    continue
                yield Happening(event.kind, now, row, row["id"], _numbers(row))
            elif group == "phone" and not self._stays(event, self._phones, event.data["id"]):
                yield _phone(event.kind, now, row)
            elif group == "trunk" and not self._stays(event, self._trunks, event.data["name"]):
                yield Happening(event.kind, now, event.data, event.data["name"])

    def _stays(self, event: Event, kept: dict[str, Row], key: str) -> bool:
        """Tell whether this only seems to be one: with the switch, all phones and trunks go and come again."""
        if not self._running and event.before is not None:
            kept[key] = event.before
            return True
        before = kept.pop(key, None)
        return before is not None and (before == event.data or event.kind.startswith("phone."))


def _phone(kind: str, now: float, row: Row) -> Happening:
    return Happening(kind, now, row, str(row["id"]), {str(row.get("extension") or "")} - {""})


def _numbers(row: Row) -> Collection[str]:
    """Return the numbers that a call has to do with."""
    parties = [row.get("from") or {}, row.get("to") or {}, *(row.get("legs") or ())]
    found = {str(party.get(name) or "") for party in parties for name in ("number", "extension")}
    return (found | {str(row.get("dialed") or "")}) - {""}
