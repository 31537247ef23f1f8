"""The firewall's table as a program asks it: read from the files of the installation, and again when they change.

The network process looks up the names in address groups and says what it found in a file beside the configuration; so
every program decides alike, and goes on deciding while the network process is away.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jackfield.network.firewall.policy import Policy, compiled
from jackfield.network.public_file import is_public
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.network.firewall.services import ServiceName
    from jackfield.settings import Settings

__all__ = ["Known", "Table", "load", "policy_of", "save"]

log = logging.getLogger("jackfield.firewall")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the configuration. hosts: addresses of names; panic: since when, UTC seconds; 0: none."""

    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    panic: float = 0.0


def load(path: Path) -> Known:
    """Return what was kept; nothing where there is no file, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Known)
    except (OSError, msgspec.DecodeError):
        return Known()


def save(path: Path, known: Known) -> None:
    """Keep it. Raises `OSError`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(known))
    draft.replace(path)


def policy_of(settings: Settings, snapshot: Snapshot, known: Known) -> Policy:
    """Return what holds on this machine."""
    public = is_public(settings, snapshot.general.public_address)
    return compiled(snapshot, known.hosts, public=public, panic=bool(known.panic))


class Table:
    """Answers whether an address may use a service. For programs that have no snapshot of their own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stamp: tuple[object, ...] = ()
        self._policy = policy_of(settings, Snapshot(), Known())

    @property
    def policy(self) -> Policy:
        """What holds now. Where nothing has changed, asking costs three calls of stat(2)."""
        files = self._settings.files
        stamp = _stamp(files.snapshot), _stamp(files.firewall), _stamp(files.public_addresses)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._policy

    def allows(self, service: ServiceName, address: str) -> bool:
        """Tell whether an address, an IP literal, may use a service."""
        return self.policy.allows(service, address)

    def _read(self) -> None:
        files = self._settings.files
        try:
            snapshot = snapshots.read(files.snapshot)
        except FileNotFoundError:  # before the first configuration the defaults hold
            snapshot = Snapshot()
        except (OSError, msgspec.DecodeError) as problem:
            log.error("the firewall goes on as it was: %s can't be read (%s)", files.snapshot, problem)
            return
        self._policy = policy_of(self._settings, snapshot, load(files.firewall))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
