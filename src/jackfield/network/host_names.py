"""What names of hosts stand for, looked up again every few minutes: for address groups and sites that name some."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

__all__ = ["EVERY", "HostNames", "look_up"]

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two look-ups of a name: those of home connections change about once a day."""
PATIENCE = 10.0
AT_ONCE = 8


def look_up(name: str) -> tuple[str, ...]:
    """Return the addresses of a name. Raises `OSError`."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))


class HostNames:
    """The addresses of names, by name. Those of a name that can't be looked up any more stay as they were."""

    def __init__(self, look_up: Callable[[str], tuple[str, ...]] = look_up) -> None:
        self._look_up = look_up
        self.known: Mapping[str, tuple[str, ...]] = {}

    def refresh(self, names: Collection[str], patience: float = PATIENCE) -> bool:
        """Look all names up, within `patience` seconds; True when something is different now. Blocks; never raises."""
        found = {name: addresses for name, addresses in self.known.items() if name in names}
        if names:
            pool = ThreadPoolExecutor(min(AT_ONCE, len(names)), thread_name_prefix="names")
            asked = {pool.submit(self._look_up, name): name for name in sorted(names)}
            for done in wait(asked, patience).done:
                name = asked[done]
                try:
                    found[name] = done.result()
                except (OSError, UnicodeError) as problem:
                    kept = ", ".join(found.get(name, ())) or "nothing: who comes from there is not known"
                    text = "the name %s can't be looked up (%s): in address groups and sites it stands for %s"
                    log.warning(text, name, problem, kept)
            pool.shutdown(wait=False, cancel_futures=True)
        changed = found != self.known
        self.known = found
        return changed
