"""What the configuration says of the guard."""

from __future__ import annotations

from dataclasses import dataclass

from jackfield.network.groups import LOCAL, VPN

__all__ = ["NO_RULES", "GuardRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """When somebody is blocked, and for how long."""

    enabled: bool = True
    tries: int = 10  # failures within `window`; an unknown user counts twice, a scanner for all of them
    window: int = 60  # seconds
    minutes: int = 5  # of the first block; each further one lasts twice as long
    longest_hours: int = 24
    never: tuple[str, ...] = (LOCAL, VPN)  # address groups that are never blocked; trunks never are


NO_RULES = GuardRules()
