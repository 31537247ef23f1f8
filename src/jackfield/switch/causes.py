"""Why calls end: SIP statuses, Q.850 causes, and what people call them.

The mapping from SIP to Q.850 is that of RFC 3398 section 8.2.6, the one back that of section 7.2.4.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jackfield.sip.message import Request, Response

from jackfield.sip.headers import quote

Outcome = Literal["answered", "busy", "no_answer", "unreachable", "rejected", "failed", "cancelled", "interrupted"]

NORMAL = 16

_Q850: dict[int, int] = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 16, 488: 65, 491: 41, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21,
    604: 1, 606: 65,
}  # fmt: skip

_WORDS: dict[int, str] = {
    0: "ended", 1: "number not in use", 16: "hung up", 17: "busy", 18: "no answer", 19: "no answer", 21: "rejected",
    22: "number changed", 25: "loop in the routing", 28: "number incomplete", 31: "ended", 34: "no line free",
    38: "network out of order", 41: "temporary failure", 63: "service not available", 65: "no common codec",
    79: "not implemented", 102: "no response in time", 127: "protocol error",
}  # fmt: skip


def q850(status: int) -> int:
    """Q.850 cause for a final SIP `status`; 16 (normal clearing) for success."""
    if status < 300:
        return NORMAL
    return _Q850.get(status) or (41 if status >= 500 else 31)


_Q850_REASON = re.compile(r"\s*Q\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*(\d{1,3})\b", re.ASCII | re.IGNORECASE)


def cause_of(message: Request | Response | None) -> int:
    """Q.850 cause that a BYE or a refusal names in its Reason (RFC 3326), 0 for none: carriers know it better."""
    if message is None or "Reason" not in message:
        return 0
    for value in message.values("Reason"):
        found = _Q850_REASON.match(value)
        if found is not None and 0 < int(found[1]) < 128:
            return int(found[1])
    return 0


def in_words(cause: int) -> str:
    """What a person calls a Q.850 `cause`."""
    return _WORDS.get(cause, f"cause {cause}")


def reason_header(status: int, text: str = "") -> str:
    """Value of a Reason header (RFC 3326) for a leg that is ended because of SIP `status`."""
    cause = q850(status)
    return f"Q.850;cause={cause};text={quote(text or in_words(cause))}"


COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""RFC 3326: phones that lost the race do not show a missed call."""


# What one hop says of its own request, and must not be said of the caller's: a challenge or a redirection would make
# the caller's phone answer it, a 481 or 491 would end or repeat something else (RFC 3261 section 16.7 step 6).
_OF_ONE_HOP = frozenset((405, 406, 411, 412, 413, 414, 416, 420, 421, 422, 423, 428, 429, 439, 469, 481, 489, 491,
                         493, 494))  # fmt: skip


def for_caller(status: int) -> int:
    """Final status that the caller gets when who was called gave `status`; the record keeps the true one."""
    if status < 400:
        return 480
    if status in (401, 402, 407):
        return 403
    return 500 if status in _OF_ONE_HOP else status


def outcome_of(status: int) -> Outcome:
    """How an attempt that got the final `status` went."""
    if status < 300:
        return "answered"
    if status in (486, 600):
        return "busy"
    if status in (408, 487):
        return "no_answer"
    if status in (480, 410, 404, 604, 484):
        return "unreachable"
    if status in (403, 603, 401, 407, 433, 607):
        return "rejected"
    return "failed"
