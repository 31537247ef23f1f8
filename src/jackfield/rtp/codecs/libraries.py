"""The C libraries behind the codecs, opened when first needed (cffi's ABI mode: no compiler, no headers)."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cffi


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library: its file name, what it declares for us, and where an administrator gets it."""

    file: str
    declarations: str
    package: str
    purpose: str


# Audio goes in as `const uint8_t *`: cffi then hands the memory of a bytes object over without a copy.
OPUS = Library(
    file="libopus.so.0",
    declarations="""
        void *opus_encoder_create(int32_t rate, int channels, int application, int *error);
        int32_t opus_encode(void *st, const uint8_t *pcm, int samples, uint8_t *data, int32_t max_bytes);
        int opus_encoder_ctl(void *st, int request, ...);
        void opus_encoder_destroy(void *st);
        void *opus_decoder_create(int32_t rate, int channels, int *error);
        int opus_decode(void *st, const uint8_t *data, int32_t len, int16_t *pcm, int samples, int decode_fec);
        void opus_decoder_destroy(void *st);
        int opus_packet_get_nb_samples(const uint8_t *packet, int32_t len, int32_t rate);
    """,
    package="libopus0",
    purpose="Opus",
)
GSM = Library(
    file="libgsm.so.1",
    declarations="""
        void *gsm_create(void);
        void gsm_destroy(void *state);
        void gsm_encode(void *state, const uint8_t *pcm, uint8_t *frame);
        int gsm_decode(void *state, const uint8_t *frame, int16_t *pcm);
    """,
    package="libgsm1",
    purpose="GSM",
)
SPANDSP = Library(
    file="libspandsp.so.2",
    declarations="""
        void *g722_encode_init(void *s, int rate, int options);
        int g722_encode(void *s, uint8_t *data, const uint8_t *pcm, int samples);
        int g722_encode_free(void *s);
        void *g722_decode_init(void *s, int rate, int options);
        int g722_decode(void *s, int16_t *pcm, const uint8_t *data, int len);
        int g722_decode_free(void *s);
        void *dtmf_rx_init(void *s, void *callback, void *user_data);
        int dtmf_rx(void *s, const uint8_t *pcm, int samples);
        int dtmf_rx_status(void *s);
        size_t dtmf_rx_get(void *s, char *digits, int max);
        void dtmf_rx_parms(void *s, int filter_dialtone, int twist, int reverse_twist, int threshold);
        int dtmf_rx_free(void *s);
    """,
    package="libspandsp2",
    purpose="G.722",
)
LIBRARIES = (OPUS, GSM, SPANDSP)

ffi: Any = cffi.FFI()
NULL: Any = ffi.NULL


class LibraryMissing(RuntimeError):
    """A codec's library isn't on this machine; the text names the Debian package that brings it."""

    def __init__(self, library: Library) -> None:
        super().__init__(
            f"{library.purpose} is not available: {library.file} not found - install the package {library.package}"
        )
        self.library = library


@cache
def _candidates(file: str, chosen: str) -> tuple[str, ...]:
    """Paths to try, the system's own search last."""
    places = [Path(sys.prefix) / "lib" / "jackfield"]
    if chosen:
        places.insert(0, Path(chosen))
    return (*(str(place / file) for place in places), file)


@cache
def _declare(library: Library) -> None:
    ffi.cdef(library.declarations)


@cache
def _open(library: Library, candidates: Sequence[str]) -> Any:
    _declare(library)
    for path in candidates:
        for prepare in (None, _load_neighbours):
            if prepare is not None and not prepare(Path(path)):
                break
            try:
                return ffi.dlopen(path)
            except OSError:
                continue
    return None


def _load_neighbours(path: Path) -> bool:
    """Load what lies beside a library that is there but can't be opened: it may need it. False if there's nothing.

    That is so for libspandsp and its libtiff where the Debian packages were unpacked into a folder without root: the
    loader doesn't search there, but takes what is loaded already under the name that it looks for.
    """
    if not path.is_absolute() or not path.exists():
        return False
    waiting = [other for other in path.parent.glob("lib*.so.*") if other != path]
    while waiting:
        left = [other for other in waiting if not _loadable(other)]
        if len(left) == len(waiting):
            break
        waiting = left
    return True


def _loadable(path: Path) -> bool:
    try:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def load(library: Library) -> Any:
    """The opened library. Raises LibraryMissing when it's nowhere.

    It's looked for in the folder that JACKFIELD_LIBRARY_DIR names, in lib/jackfield of this Python's prefix, and then
    where the system has its libraries.
    """
    opened = _open(library, _candidates(library.file, os.environ.get("JACKFIELD_LIBRARY_DIR", "")))
    if opened is None:
        raise LibraryMissing(library)
    return opened


def present(library: Library) -> bool:
    """True when `load` would succeed."""
    try:
        load(library)
    except LibraryMissing:
        return False
    return True
