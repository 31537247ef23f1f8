"""A country's tones in the ways that vendors write them: a phone plays what the system plays (`rtp/cadences.py`)."""

from __future__ import annotations

from jackfield.rtp.cadences import Part, cadence

__all__ = ["elements", "grandstream", "parts", "sipura"]

LEVEL = -16  # dBm0, as of the system's own tones


def parts(name: str, country: str) -> tuple[Part, ...]:
    """Return a tone ("dial", "ringback", "busy", "congestion") of a country as frequencies and seconds."""
    return cadence(name, country)


def elements(name: str, country: str) -> str:
    """Return a tone as Yealink writes it: `425/480,0/480`, frequencies and milliseconds; `425` without end."""
    tone = parts(name, country)
    if len(tone) == 1:
        return "+".join(_number(one) for one in tone[0].frequencies)
    return ",".join(
        f"{'+'.join(_number(one) for one in part.frequencies) or '0'}/{round(part.seconds * 1000)}" for part in tone
    )


def sipura(name: str, country: str, seconds: str = "*") -> str:
    """Return a tone as a script of Linksys and Cisco: `425@-16;*(.48/.48/1)`.

    Frequencies with their level, how long (`*`: until it is stopped), then on, off and the places of the frequencies
    in the list (Linksys Provisioning Guide, "Tone Scripts"; up to six frequencies).
    """
    tone = parts(name, country)
    known = list(dict.fromkeys(one for part in tone for one in part.frequencies))
    levels = ",".join(f"{_number(one)}@{LEVEL}" for one in known)
    if len(tone) == 1:
        return f"{levels};{seconds}(*/0/{_places(tone[0], known)})"
    sections = []
    for index in range(0, len(tone), 2):
        pause = tone[index + 1].seconds if index + 1 < len(tone) else 0
        sections.append(f"{_number(tone[index].seconds)}/{_number(pause)}/{_places(tone[index], known)}")
    return f"{levels};{seconds}({','.join(sections)})"


def grandstream(name: str, country: str) -> str:
    """Return a tone as Grandstream writes it: `f1=425,f2=425,c=48/48;`, on and off in hundredths of a second."""
    tone = parts(name, country)
    known = list(dict.fromkeys(one for part in tone for one in part.frequencies))[:2]
    frequencies = ",".join(f"f{index}={_number(one)}@{LEVEL}" for index, one in enumerate(known, 1))
    if len(tone) == 1:
        return f"{frequencies};"
    pairs = [
        f"{round(tone[at].seconds * 100)}/{round(tone[at + 1].seconds * 100)}" for at in range(0, len(tone) - 1, 2)
    ]
    return f"{frequencies},c={'-'.join(pairs)};"


def _places(part: Part, known: list[float]) -> str:
    return "+".join(str(known.index(one) + 1) for one in part.frequencies)


def _number(value: float) -> str:
    return f"{value:g}".replace("0.", ".", 1) if 0 < value < 1 else f"{value:g}"
