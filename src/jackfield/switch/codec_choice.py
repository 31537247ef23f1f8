"""Which codecs to offer and to answer, so that audio passes untouched when it can and is transcoded when it must.

All pure: names of codecs in, names out, in order of preference.
"""

from __future__ import annotations

from collections.abc import Sequence

TRANSCODABLE = frozenset(("pcmu", "pcma", "g722", "gsm", "opus"))
"""What the media process can turn into each other. Everything else passes through or not at all."""


def to_offer(callee: Sequence[str], caller: Sequence[str]) -> tuple[list[str], list[str]]:
    """Codecs to offer to the called party, and those to offer when it refuses the first ones (488).

    `callee`: what the called line may use, in its order. `caller`: what the caller can use: its offer cut down to what
    its line may use, or, once that is settled by an earlier answer, the one codec in use. An empty `caller` means that
    it made no offer yet and can be asked for anything.

    Only what both share is offered at first: phones answer in their own order, not in ours (RFC 3264 section 6.1 only
    asks them to), so whatever else stands in the offer may be taken and cost a transcoding that nobody needs.
    """
    if not caller:
        return [name for name in callee if name in TRANSCODABLE] or list(callee), []
    shared = [name for name in callee if name in caller]
    if not any(name in TRANSCODABLE for name in caller):
        return shared, []
    rest = [name for name in callee if name not in caller and name in TRANSCODABLE]
    return (shared, rest) if shared else (rest, [])


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
    ours = [name for name in usable if name in TRANSCODABLE]
    # With nobody there yet, what we can play to the caller comes first; the rest may still pass through.
    return ours if callee_codec else ours + [name for name in usable if name not in TRANSCODABLE]


def to_ask(line: Sequence[str], other_codec: str) -> list[str]:
    """Codecs to offer to a party that asks us to (no description in its INVITE), when the other uses `other_codec`.

    `other_codec` comes first, so that nothing need be transcoded; "" if there is nobody at the other end.
    """
    usable = [name for name in line if name in TRANSCODABLE or name == other_codec]
    return [other_codec, *(name for name in usable if name != other_codec)] if other_codec in usable else usable


def usable_by(line: Sequence[str], offered: Sequence[str]) -> list[str]:
    """What a party can use: its offer, cut down to what its line may use, in the line's order."""
    return [name for name in line if name in offered]
