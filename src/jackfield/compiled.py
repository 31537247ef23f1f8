"""The hot modules, compiled by mypyc: the same Python source as machine code. Optional.

`jackfield.compiling` builds them into the virtual environment; from then on they are imported in place of the source. A
folder's name carries a checksum of the sources, so that what was compiled from other sources is never used: after an
edit everything runs as plain Python until the next build. JACKFIELD_PURE_PYTHON=1 leaves them aside, for example to
step through the code with a debugger.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent
COMPILED = ("sip/*.py", "sip/transport/*.py", "sdp/*.py", "switch/*.py", "capture.py")
"""Patterns of the sources that are compiled, below the package."""
LEFT_OUT = frozenset({
    # asyncio has an interpreted base class for these
    "sip/transport/stream.py", "sip/transport/websocket.py", "sip/transport/bridged.py",
    "switch/filtering.py",
    "sip/dns_lookup.py", "sip/resolver.py", "sip/stun.py", "switch/lending.py",  # nothing to win
    "sip/transport/transports.py",  # tests put a network of their own in its place
    "sip/transport/connections.py", "sip/transport/listener.py", "sip/transport/tls.py", "sip/transport/icmp.py",
    "sip/transport/sockets.py", "sip/transport/limits.py",
    "switch/plugins.py",  # companies' code stands on it
    "switch/snapshot.py", "switch/numbering.py", "switch/registration_log.py", "switch/verdict.py",
    "switch/line_secrets.py",  # msgspec reads their annotations
    "switch/dial.py", "switch/events.py",  # dataclasses of types that import them in turn
})  # fmt: skip


class Finder:
    """Finds compiled modules before Python looks for their sources (an entry of `sys.meta_path`)."""

    def __init__(self, folder: Path) -> None:
        self._files = dict(_modules(folder))

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The compiled module of that name, None for all others."""
        file = self._files.get(name)
        if file is None:
            return None
        return spec_from_file_location(name, file, loader=ExtensionFileLoader(name, str(file)))


def sources() -> list[Path]:
    """The sources that are compiled, in a fixed order."""
    found = {path for pattern in COMPILED for path in PACKAGE.glob(pattern)}
    return sorted(path for path in found if path.name[:2] != "__" and below(path) not in LEFT_OUT)


@cache
def folder() -> Path:
    """Where modules compiled from the present sources by this Python belong."""
    sign = hashlib.sha256(f"{sys.implementation.cache_tag} {platform.machine()}".encode())
    for path in sources():
        sign.update(f"\0{below(path)}\0".encode() + path.read_bytes())
    root = Path(os.environ.get("JACKFIELD_LIBRARY_DIR") or Path(sys.prefix) / "lib" / "jackfield")
    return root / f"compiled-{sign.hexdigest()[:16]}"


def in_use() -> bool:
    """Whether compiled modules are imported in this process."""
    return any(isinstance(finder, Finder) for finder in sys.meta_path)


def unwanted() -> bool:
    """Whether JACKFIELD_PURE_PYTHON asks for plain Python."""
    return os.environ.get("JACKFIELD_PURE_PYTHON", "") not in ("", "0")


def use() -> None:
    """Import compiled modules from now on, where they are wanted and fit the sources."""
    if not unwanted() and folder().is_dir():
        sys.meta_path.insert(0, Finder(folder()))


def _modules(place: Path) -> Iterator[tuple[str, Path]]:
    suffix = EXTENSION_SUFFIXES[0]
    for file in place.rglob(f"*{suffix}"):
        yield str(file.relative_to(place)).removesuffix(suffix).replace(os.sep, "."), file


def below(path: Path) -> str:
    """A source's place in the package, with slashes."""
    return path.relative_to(PACKAGE).as_posix()
