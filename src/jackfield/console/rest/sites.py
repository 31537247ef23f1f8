"""What sites use of their lines now, and what calls would take of one."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.http import HttpResponse

from jackfield.console.rest import answers, problems, schemas
from jackfield.console.rest.asking import ask
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.network.bandwidth import CODECS, BandwidthProblem, calls_within, checked, plan

__all__ = ["operations"]


def use(asked: Asked) -> HttpResponse:
    """Answer with what each site uses of its line now."""
    return answers.json({"items": ask("sites"), "next": None})


def bandwidth(asked: Asked) -> HttpResponse:
    """Answer with what calls take of a line, by codec."""
    query = asked.query
    codecs = [query["codec"]] if query["codec"] else None
    try:
        way = checked(query["layer"], query["security"], query["ip"])
        found = plan(way, query["calls"], codecs, query["ptime"], query["opus"] * 1000)
    except BandwidthProblem as wrong:
        raise problems.Refusal(400, f"{str(wrong)[0].upper()}{str(wrong)[1:]}.") from None
    line = query["line"]
    items = [dataclasses.asdict(one) | {"fits": calls_within(line, one.each) if line else None} for one in found]
    return answers.json({"items": items, "next": None})


_USE = schemas.table(
    {"name": "string", "limit_up": "integer", "limit_down": "integer", "up": "number", "down": "number",
     "calls": "integer", "direct": "integer", "codecs": {"type": "object", "additionalProperties": {"type": "integer"}},
     "refused": "integer", "smaller": "integer"}
)  # fmt: skip
_NEED = schemas.table(
    {"codec": "string", "label": "string", "ptime": "integer", "packet": "integer", "each": "number",
     "calls": "integer", "kbits": "number", "fits": {"type": ["integer", "null"]}}
)  # fmt: skip


def _whole(name: str, about: str, low: int, high: int, default: int) -> Parameter:
    return Parameter(name, about, {"type": "integer", "minimum": low, "maximum": high, "default": default})


def operations() -> list[Operation]:
    """Return the operations."""
    common: dict[str, Any] = {"area": "phones", "group": "sites"}
    asks = (
        Parameter("codec", "Only this one.", {"type": "string", "enum": list(CODECS)}),
        _whole("calls", "Calls at once.", 1, 100_000, 1),
        _whole("ptime", "Milliseconds of voice in a packet.", 10, 120, 20),
        Parameter("security", "Of SRTP the bits of its tag.",
                  {"type": "string", "enum": ["off", "80", "32", "gcm"], "default": "off"}),
        Parameter("layer", "Where it is counted.",
                  {"type": "string", "enum": ["ip", "ethernet", "pppoe", "vpn"], "default": "ip"}),
        _whole("ip", "Version of the Internet protocol.", 4, 6, 4),
        _whole("opus", "Opus at, in kbit/s.", 6, 510, 32),
        _whole("line", "A line in kbit/s: how many calls fit. 0: not asked.", 0, 10_000_000, 0),
    )  # fmt: skip
    return [
        Operation("list_site_use", "GET", "/live/sites", summary="What sites use of their lines now", run=use,
                  answer=schemas.listed(_USE), about="kbit/s are each way. `direct`: phones whose audio goes directly "
                  "between them, without the line; `refused` and `smaller`: calls of today that were refused, or got a "
                  "smaller codec, because the line was full.", **common),
        Operation("plan_bandwidth", "GET", "/bandwidth", summary="What calls take of a line", run=bandwidth,
                  parameters=asks, answer=schemas.listed(_NEED),
                  about="`packet` in bytes; `each` and `kbits` (all calls together) in kbit/s each way.", **common),
    ]  # fmt: skip
