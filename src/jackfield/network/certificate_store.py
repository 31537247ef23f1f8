"""Where the certificate in use lies, and the TLS contexts that follow it.

One store in the data directory serves the console, SIP over TLS and secure WebSocket. Which pair is in use, the first
that there is: the one that the settings name (`tls_certificate`, `tls_key`), the one that somebody gave us
(`in-use.pem`, chain and key in one file, so that they can only ever be exchanged together), our own self-signed one.
Whatever fetches certificates by itself one day (ACME, RFC 8555) needs `Store.put` alone: everybody else follows.
"""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jackfield.network.certificate import SelfSigned

__all__ = ["Origin", "Pair", "Serving", "Store"]

log = logging.getLogger(__name__)

Origin = Literal["settings", "given", "self-signed"]


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of a certificate and its key, which may be the same, and where they come from."""

    certificate: Path
    key: Path
    origin: Origin

    def stamp(self) -> tuple[int, ...]:
        """What differs as soon as one of the files is another. Raises `OSError`."""
        found: list[int] = []
        for path in dict.fromkeys((self.certificate, self.key)):
            stat = path.stat()
            found += (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        return tuple(found)


class Store:
    """The certificates in `folder`; `settings` are the two files that the settings name, "" where they name none."""

    def __init__(self, folder: Path, settings: tuple[str, str] = ("", "")) -> None:
        self.folder = folder
        self.given = folder / "in-use.pem"
        self.request = folder / "request.csr"
        self.request_key = folder / "request.key"
        self.self_signed = SelfSigned(folder)
        self._settings = settings

    def current(self) -> Pair:
        """Return the pair in use. Its files need not be there."""
        certificate, key = self._settings
        if certificate:
            return Pair(Path(certificate), Path(key), "settings")
        if self.given.exists():
            return Pair(self.given, self.given, "given")
        return Pair(self.self_signed.certificate, self.self_signed.key, "self-signed")

    def put(self, chain: bytes, key: bytes) -> None:
        """Use this certificate chain with this key (PEM both) from now on. Raises `OSError`."""
        write(self.given, chain.rstrip() + b"\n" + key, 0o600)

    def remove(self) -> None:
        """Use our own self-signed certificate again."""
        self.given.unlink(missing_ok=True)

    def keep_request(self, request: bytes, key: bytes) -> None:
        """Keep a signing request and its key until the signed certificate comes. Raises `OSError`."""
        write(self.request_key, key, 0o600)
        write(self.request, request, 0o600)

    def forget_request(self) -> None:
        """Remove the signing request with its key."""
        self.request.unlink(missing_ok=True)
        self.request_key.unlink(missing_ok=True)


class Serving:
    """The TLS context for new connections: another one as soon as the files of the certificate are others.

    Connections that stand keep the context that they began with. `make` turns two files into a context; where it
    fails later on, the one before stays in use, so that a half-copied file shuts nobody out.
    """

    def __init__(self, store: Store, make: Callable[[Path, Path], ssl.SSLContext]) -> None:
        """Raises `OSError` (of which `ssl.SSLError` is one) where there is nothing to begin with."""
        self._store = store
        self._make = make
        pair = store.current()
        self._stamp = pair.stamp()
        self.context = make(pair.certificate, pair.key)

    def refresh(self) -> bool:
        """Look at the files; True when `context` is another one now. Costs a few microseconds where nothing differs."""
        pair = self._store.current()
        try:
            stamp = pair.stamp()
        except OSError:
            return False  # it is being exchanged, or was removed: go on with what we have
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.context = self._make(pair.certificate, pair.key)
        except OSError as problem:
            log.error("the new certificate %s can't be used, the one before stays: %s", pair.certificate, problem)
            return False
        log.info("new connections get the certificate %s", pair.certificate)
        return True


def write(path: Path, data: bytes, mode: int) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
