"""The codecs: how each sounds and what it takes, whether it can be translated here, and who has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.console.web.rights import gate
from jackfield.switch.snapshot import DEFAULT_CODECS

__all__ = ["Known", "codecs", "known", "urls"]

WIDE, NARROW = gettext_lazy("like in the same room (HD)"), gettext_lazy("like a telephone")
ABOUT: dict[str, tuple[str, Any, str]] = {  # its name, how it sounds, kbit/s of the voice in each direction
    "opus": ("Opus", WIDE, "6–40"),
    "g722": ("G.722", WIDE, "64"),
    "pcma": ("G.711 A-law", NARROW, "64"),
    "pcmu": ("G.711 µ-law", NARROW, "64"),
    "gsm": ("GSM", NARROW, "13"),
    "g729": ("G.729", NARROW, "8"),
    "g726-32": ("G.726", NARROW, "32"),
    "ilbc": ("iLBC", NARROW, "13–15"),
    "speex": ("Speex", NARROW, "2–25"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """One codec. `translated`: into others, where two parties have none in common; `missing`: why it can't be, here."""

    name: str
    title: str
    sounds: str
    kbits: str
    translated: bool
    missing: str
    extensions: int
    trunks: int


def known() -> list[Known]:
    """Return all codecs, in the order in which new extensions have them."""
    from jackfield.numbers.models import Extension
    from jackfield.rtp import codecs as rtp
    from jackfield.trunks.models import Trunk

    extensions = Counter(name for row in Extension.objects.values_list("codecs", flat=True) for name in row)
    trunks = Counter(name for row in Trunk.objects.values_list("codecs", flat=True) for name in row)
    here, lacking = rtp.available(), "; ".join(rtp.missing_libraries())
    found = []
    for name in DEFAULT_CODECS:
        title, sounds, kbits = ABOUT[name]
        missing = lacking if name in rtp.NAMES and name not in here else ""
        found.append(
            Known(name, title, str(sounds), kbits, name in here, missing, extensions[name], trunks[name])
        )  # fmt: skip
    return found


@gate("system")
def codecs(request: HttpRequest) -> HttpResponse:
    """Show the codecs."""
    from jackfield.numbers.models import Extension
    from jackfield.trunks.models import Trunk

    context = {
        "rows": known(),
        "extensions": Extension.objects.count(),
        "trunks": Trunk.objects.count(),
        "passed_on": _("passed on only: both ends must have it"),
    }
    return render(request, "codecs.html", context)


def urls() -> list[Any]:
    """Return the address of the page here."""
    from django.urls import path

    return [path("admin/codecs/", codecs)]
