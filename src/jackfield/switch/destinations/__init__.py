"""Destinations: what a number can lead to, one coroutine in one file each.

A destination gets the call and its own entry of the snapshot (or of the plan), uses the verbs of `Call`, and ends by
`bridge()` and return, `hang_up()` or `go()`. One that returns without having answered gives the caller 480.
A hang-up of the caller reaches it as cancellation.

Of the switch they use: `registrar`, `trunks`, `plugins`, `overrides`, `calls_of(extension number)`,
`local_time(snapshot)`, `random` (a `random.Random`) and `memory` (a dict that lives as long as the process).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from jackfield.switch.destinations.announcement import announcement
from jackfield.switch.destinations.echo import echo
from jackfield.switch.destinations.emergency import emergency
from jackfield.switch.destinations.extension import extension
from jackfield.switch.destinations.music import music
from jackfield.switch.destinations.night import night
from jackfield.switch.destinations.outbound import outbound
from jackfield.switch.destinations.plugin import plugin
from jackfield.switch.destinations.ring_group import ring_group
from jackfield.switch.destinations.schedule import schedule
from jackfield.switch.destinations.time_of_day import time_of_day
from jackfield.switch.route import EmergencyPlan, Entry, OutboundPlan
from jackfield.switch.snapshot import Extension, RingGroup, Service

__all__ = ["DESTINATIONS", "SERVICES", "Destination", "destination_of"]

Destination = Callable[[Any, Any], Awaitable[None]]

DESTINATIONS: dict[type, Destination] = {
    Extension: extension,
    RingGroup: ring_group,
    OutboundPlan: outbound,
    EmergencyPlan: emergency,
}
SERVICES: dict[str, Destination] = {
    "echo": echo,
    "announcement": announcement,
    "music": music,
    "time": time_of_day,
    "schedule": schedule,
    "night": night,
    "plugin": plugin,
}


def destination_of(entry: Entry) -> Destination:
    """Return the coroutine for what a plan leads to."""
    return SERVICES[entry.kind] if isinstance(entry, Service) else DESTINATIONS[type(entry)]
