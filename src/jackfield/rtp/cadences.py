"""Call progress tones per country as figures (ITU-T E.180 and its supplement 2): frequencies and cadences."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = ("dial", "ringback", "busy", "congestion", "hold", "beep")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a cadence: frequencies in Hz, all at once (none: a pause), for `seconds`."""

    frequencies: tuple[float, ...]
    seconds: float


Cadence = tuple[Part, ...]


def _cadence(frequencies: tuple[float, ...], *seconds: float) -> Cadence:
    """Tone and pause in turn; no seconds: a tone without end, made of whole seconds."""
    if not seconds:
        return (Part(frequencies, 1.0),)
    return tuple(Part(() if index % 2 else frequencies, length) for index, length in enumerate(seconds))


def _tones(
    *,
    ring: tuple[float, ...],
    busy: tuple[float, ...],
    congestion: tuple[float, ...],
    frequency: tuple[float, ...] = (425,),
    dial: tuple[float, ...] = (),
    dial_frequency: tuple[float, ...] | None = None,
    ring_frequency: tuple[float, ...] | None = None,
    busy_frequency: tuple[float, ...] | None = None,
) -> dict[str, Cadence]:
    """A country: `frequency` is meant where nothing else is said; the others are seconds of tone and pause."""
    return {
        "dial": _cadence(dial_frequency or frequency, *dial),
        "ringback": _cadence(ring_frequency or frequency, *ring),
        "busy": _cadence(busy_frequency or frequency, *busy),
        "congestion": _cadence(busy_frequency or frequency, *congestion),
        "hold": _cadence(frequency, 0.1, 0.1, 0.1, 4.7),  # nobody's standard: "you are still connected"
        "beep": (Part((1000,), 0.2),),
    }


_NORTH_AMERICA = _tones(
    dial_frequency=(350, 440),
    ring_frequency=(440, 480),
    busy_frequency=(480, 620),
    ring=(2, 4),
    busy=(0.5, 0.5),
    congestion=(0.25, 0.25),
)
_BRITAIN = _tones(
    dial_frequency=(350, 440),
    ring_frequency=(400, 450),
    busy_frequency=(400,),
    ring=(0.4, 0.2, 0.4, 2),
    busy=(0.375, 0.375),
    congestion=(0.4, 0.35, 0.225, 0.525),
)
# Where E.180 lists "400x25" (400 Hz modulated by 25 Hz), its two sidebands stand.
COUNTRIES: dict[str, dict[str, Cadence]] = {
    "us": _NORTH_AMERICA,
    "ca": _NORTH_AMERICA,
    "gb": _BRITAIN,
    "ie": _tones(ring_frequency=(400, 450), ring=(0.4, 0.2, 0.4, 2), busy=(0.5, 0.5), congestion=(0.25, 0.25)),
    "de": _tones(ring=(1, 4), busy=(0.48, 0.48), congestion=(0.24, 0.24)),
    "cz": _tones(dial=(0.33, 0.33, 0.66, 0.66), ring=(1, 4), busy=(0.33, 0.33), congestion=(0.165, 0.165)),
    "sk": _tones(dial=(0.33, 0.33, 0.66, 0.66), ring=(1, 4), busy=(0.33, 0.33), congestion=(0.165, 0.165)),
    "fr": _tones(frequency=(440,), ring=(1.5, 3.5), busy=(0.5, 0.5), congestion=(0.25, 0.25)),
    "it": _tones(dial=(0.2, 0.2, 0.6, 1), ring=(1, 4), busy=(0.5, 0.5), congestion=(0.2, 0.2)),
    "es": _tones(ring=(1.5, 3), busy=(0.2, 0.2), congestion=(0.2, 0.2, 0.2, 0.2, 0.2, 0.6)),
    "pt": _tones(ring=(1, 5), busy=(0.5, 0.5), congestion=(0.2, 0.2)),
    "at": _tones(frequency=(420,), ring=(1, 5), busy=(0.4, 0.4), congestion=(0.2, 0.2)),
    "ch": _tones(ring=(1, 4), busy=(0.5, 0.5), congestion=(0.2, 0.2)),
    "pl": _tones(ring=(1, 4), busy=(0.5, 0.5), congestion=(0.5, 0.5)),
    "hu": _tones(ring=(1.25, 3.75), busy=(0.3, 0.3), congestion=(0.3, 0.3)),
    "nl": _tones(ring=(1, 4), busy=(0.5, 0.5), congestion=(0.25, 0.25)),
    "be": _tones(ring=(1, 3), busy=(0.5, 0.5), congestion=(0.167, 0.167)),
    "se": _tones(ring=(1, 5), busy=(0.25, 0.25), congestion=(0.25, 0.75)),
    "no": _tones(ring=(1, 4), busy=(0.5, 0.5), congestion=(0.2, 0.2)),
    "dk": _tones(ring=(1, 4), busy=(0.25, 0.25), congestion=(0.25, 0.25)),
    "fi": _tones(ring=(1, 4), busy=(0.3, 0.3), congestion=(0.2, 0.2)),
    "gr": _tones(dial=(0.2, 0.3, 0.7, 0.8), ring=(1, 4), busy=(0.3, 0.3), congestion=(0.15, 0.15)),
    "tr": _tones(frequency=(450,), ring=(2, 4), busy=(0.5, 0.5), congestion=(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.6, 0.2)),
    "ru": _tones(ring=(0.8, 3.2), busy=(0.4, 0.4), congestion=(0.2, 0.2)),
    "ua": _tones(ring=(1, 4), busy=(0.4, 0.4), congestion=(0.2, 0.2)),
    "au": _tones(
        dial_frequency=(413, 438),
        ring_frequency=(413, 438),
        ring=(0.4, 0.2, 0.4, 2),
        busy=(0.375, 0.375),
        congestion=(0.375, 0.375),
    ),
    "nz": _tones(
        frequency=(400,),
        ring_frequency=(400, 450),
        ring=(0.4, 0.2, 0.4, 2),
        busy=(0.5, 0.5),
        congestion=(0.25, 0.25),
    ),
    "jp": _tones(frequency=(400,), ring_frequency=(384, 416), ring=(1, 2), busy=(0.5, 0.5), congestion=(0.5, 0.5)),
    "cn": _tones(frequency=(450,), ring=(1, 4), busy=(0.35, 0.35), congestion=(0.7, 0.7)),
    "in": _tones(
        frequency=(400,),
        dial_frequency=(375, 425),
        ring_frequency=(375, 425),
        ring=(0.4, 0.2, 0.4, 2),
        busy=(0.75, 0.75),
        congestion=(0.25, 0.25),
    ),
    "br": _tones(ring=(1, 4), busy=(0.25, 0.25), congestion=(0.25, 0.25, 0.75, 0.25)),
    "mx": _tones(ring=(1, 4), busy=(0.25, 0.25), congestion=(0.25, 0.25)),
    "za": _tones(
        frequency=(400,),
        dial_frequency=(383, 417),
        ring_frequency=(383, 417),
        ring=(0.4, 0.2, 0.4, 2),
        busy=(0.5, 0.5),
        congestion=(0.25, 0.25),
    ),
}
COUNTRIES["uk"] = COUNTRIES["gb"]

# ETSI TR 101 041-2's harmonised tones, for every country that isn't listed.
HARMONISED = _tones(ring=(1, 4), busy=(0.5, 0.5), congestion=(0.25, 0.25))


def cadence(name: str, country: str) -> Cadence:
    """A tone of a country (two letters, any case). Raises KeyError for a name that isn't in NAMES."""
    return COUNTRIES.get(country.lower(), HARMONISED)[name]
