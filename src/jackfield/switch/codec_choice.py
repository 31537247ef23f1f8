"""Which codecs to offer and to answer, so that audio passes untouched when it can and is transcoded when it must.

All pure: names of codecs in, names out, in order of preference.
"""

from __future__ import annotations

from collections.abc import Sequence

TRANSCODABLE = frozenset(("pcmu", "pcma", "g722", "gsm", "opus"))
"""What the media process can turn into each other. Everything else passes through or not at all."""


def to_offer(callee: Sequence[str], caller: Sequence[str], *, caller_is_fixed: bool = False) -> list[str]:
    """Codecs to offer to the called party.

    `callee`: what the called line may use, in its order. `caller`: what the caller can use: its offer cut down to what
    its line may use, or, once it is `fixed` by an earlier answer, the one codec in use. An empty `caller` means that it
    made no offer yet and can be asked for anything.

    Shared codecs come first, in the order of the called line, so that the answer picks one that needs no transcoding.
    """
    if not caller:
        return [name for name in callee if name in TRANSCODABLE] or list(callee)
    shared = [name for name in callee if name in caller]
    if not any(name in TRANSCODABLE for name in caller):
        return shared
    rest = [name for name in callee if name not in caller and name in TRANSCODABLE]
    if caller_is_fixed and caller[0] not in callee:
        return rest
    return shared + rest


def to_answer(caller: Sequence[str], offered: Sequence[str], callee_codec: str) -> list[str]:
    """Order of preference for the answer to the caller, when the called party uses `callee_codec` ("" if unknown).

    `caller`: what the caller's line may use, in its order; `offered`: what it offered. Empty when nothing fits.
    """
    usable = [name for name in caller if name in offered]
    if callee_codec in usable:
        usable.remove(callee_codec)
        return [callee_codec, *usable]
    if callee_codec and callee_codec not in TRANSCODABLE:
        return []
    return [name for name in usable if name in TRANSCODABLE] if callee_codec else usable


def usable_by(line: Sequence[str], offered: Sequence[str]) -> list[str]:
    """What a party can use: its offer, cut down to what its line may use, in the line's order."""
    return [name for name in line if name in offered]
