"""Programs that look for phone systems to break into, as far as they say who they are (User-Agent).

Nobody has to tell the truth there: the guard blocks by what somebody does. This only ends the story of those who do.
"""

from __future__ import annotations

import re

__all__ = ["is_scanner"]

_SCANNERS = re.compile(
    r"friendly-?scanner|sipvicious|sundayddr|sip-?scan|sipcli|sivus|vaxsip|vax ?softphone|pplsip|iwar\b|"
    r"svmap|svwar|svcrack|siparmyknife|smap \d|\bgulp\b|sip ?brute|mr\.? ?robot|masscan|zgrab|nmap",
    re.IGNORECASE,
)


def is_scanner(user_agent: str) -> bool:
    """Tell whether a program says of itself that it is a scanner."""
    return _SCANNERS.search(user_agent[:200]) is not None
