"""What one party says, as the other hears it."""

from __future__ import annotations

from jackfield.rtp.codecs.g711 import PCMU_TO_PCMA

from .conftest import House


def test_audio_passes_both_ways(house: House) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa, b"\x11" * 160)
    house.say(b, sb, b"\x22" * 160)
    assert b.hear(1)[0].payload == b"\x11" * 160
    assert a.hear(1)[0].payload == b"\x22" * 160
