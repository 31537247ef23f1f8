"""Call records as the switch writes them."""

from __future__ import annotations

from typing import Any

from jackfield.switch.party import Party
from jackfield.switch.record import CallRecord, LegRecord


def record(id: str, *, started: float = 1_700_000_000.0, boot: str = "boot-1", **more: Any) -> CallRecord:
    """A finished call from 101 to 102."""
    anna, bob = Party("101", "Anna", extension="101"), Party("102", "Bob", extension="102")
    call = CallRecord(id, started, anna, "102", boot=boot, called=bob, direction="internal", outcome="answered")
    call.ringing, call.answered, call.ended = started + 1, started + 3, started + 63
    call.hung_up_by, call.sip_status, call.q850 = "caller", 200, 16
    call.legs = [
        LegRecord(
            f"{id}-0", "caller", anna, line="annas", call_id="x@y", invited=started, answered=started + 3, codec="pcma"
        ),
        LegRecord(f"{id}-1", "callee", bob, line="bobs", status=200, media={"lost": 0, "mos": 4.2}),
    ]
    call.note(started, "102 is the extension Bob", "extensions/102")
    call.note(started + 3, "Bob answered")
    for name, value in more.items():
        setattr(call, name, value)
    return call
