"""Passwords of lines that have changed since the snapshot was written, and those that end once the new one was used.

A phone gets a new password with each configuration. Until it has used that, the one before counts too: it may not have
read its file yet. The file is the console's (`console.provisioning.rotation`); here it is only read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jackfield.control import ControlError
from jackfield.switch.snapshot import Snapshot

__all__ = ["LineSecret", "LineSecrets"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSecret:
    """Digests (HA1, RFC 7616) of a line's password, and of the one before where that still counts."""

    sip_username: str
    md5: str
    sha256: str
    previous_md5: str = ""
    previous_sha256: str = ""


_decoder = msgspec.json.Decoder(LineSecret)
_lines = list[LineSecret]


class LineSecrets:
    """By SIP name: those lines alone of which the snapshot does not say all."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, LineSecret] = {}
        self._used: dict[str, str] = {}  # SIP name: MD5 of the newest password that was used while the old one counted

    def __len__(self) -> int:
        return len(self._known)

    def of(self, sip_username: str) -> LineSecret | None:
        """Return what counts for a line instead of what the snapshot says; None for nearly all."""
        return self._known.get(sip_username)

    def load(self, snapshot: Snapshot) -> None:
        """Begin anew with a snapshot, and with the file that tells what has changed since it was written."""
        found = {
            line.sip_username: LineSecret(
                sip_username=line.sip_username,
                md5=line.ha1_md5,
                sha256=line.ha1_sha256,
                previous_md5=line.previous_md5,
                previous_sha256=line.previous_sha256,
            )
            for extension in snapshot.extensions
            for line in extension.lines
            if line.previous_md5
        }
        for one in self._read():
            found[one.sip_username] = one
        self._known = {name: self._without_used(one) for name, one in found.items()}
        self._used = {name: digest for name, digest in self._used.items() if name in found}

    def put(self, secrets: list[LineSecret]) -> None:
        """Take new passwords."""
        for one in secrets:
            self._known[one.sip_username] = one
            self._used.pop(one.sip_username, None)

    def used(self, sip_username: str) -> None:
        """Note that a phone has used its newest password: the one before ends."""
        one = self._known.get(sip_username)
        if one is not None and one.previous_md5:
            self._used[sip_username] = one.md5
            self._known[sip_username] = self._without_used(one)
            log.info("the phone of SIP name %s uses its new password, and the one before counts no more", sip_username)

    async def line_secrets(self, request: dict[str, Any]) -> list[str]:
        """Verb: take the passwords in `lines`; answer with the digests of the newest of `names` that were used."""
        try:
            secrets = msgspec.convert(request.get("lines", []), _lines)
        except msgspec.ValidationError as problem:
            raise ControlError(f"these are no passwords of lines: {problem}") from None
        names = request.get("names", [])
        if not isinstance(names, list):
            raise ControlError('"names" must be a list of SIP names')
        self.put(secrets)
        return [self._used[name] for name in names if name in self._used]

    def _without_used(self, one: LineSecret) -> LineSecret:
        if self._used.get(one.sip_username) != one.md5:
            return one
        return LineSecret(sip_username=one.sip_username, md5=one.md5, sha256=one.sha256)

    def _read(self) -> list[LineSecret]:
        if self._path is None:
            return []
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as problem:
            log.error("new passwords of phones can't be read: %s. They count once something is changed", problem)
            return []
        found = []
        for line in lines:
            try:
                found.append(_decoder.decode(line))
            except msgspec.DecodeError:
                log.error("%s has a line that can't be read: it is left out", self._path)
        return found
