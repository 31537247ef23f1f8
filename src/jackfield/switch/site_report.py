"""What the line of each site carries now, and which phones are there: for its page.

What is reckoned (see `site_admission`) stands beside what is measured: the packets that the media process counted since
the question before, with what the line's layer puts around them. Phones that fall silent, or that send other packets
than they agreed to, show there.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.media.client import StreamStats
from jackfield.network.bandwidth import on_the_line
from jackfield.switch.site_admission import ip_of, security_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jackfield.switch.leg import Leg
    from jackfield.switch.snapshot import Site
    from jackfield.switch.switch import Switch

__all__ = ["SiteReport"]

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds between two readings of a meter that tell something."""
ANSWER = 0.1
"""Seconds in which the media process tells its figures."""


@dataclasses.dataclass(slots=True)
class _Meter:
    """What one phone has sent and got, as it was read last; `up` and `down` in kbit/s, None at first."""

    at: float
    stats: StreamStats
    up: float | None = None
    down: float | None = None


class SiteReport:
    """Answers the verb "sites"."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._meters: dict[str, dict[str, _Meter]] = {}
        """Of the legs of a site, by its name and theirs."""

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verb → coroutine."""
        return {"sites": self.sites}

    async def sites(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """All sites, or that with this `name`, which brings its phones along too. kbit/s are each way.

        `measured_up`, `measured_down`: as counted since the question before; None when there was none of late.
        """
        name = str(request.get("name", ""))
        found = [site for site in self._switch.snapshot.sites if name in ("", site.name)]
        if name and not found:
            raise ControlError(f'there is no site "{name}"')
        if not name:
            return self.table()
        up, down = await self._measured(found[0])
        row = self._row(found[0]) | {"measured_up": up, "measured_down": down}
        row["phones"] = [dataclasses.asdict(one) for one in self._switch.registrar.table() if one.site == name]
        return [row]

    def table(self) -> list[dict[str, Any]]:
        """All sites, without their phones."""
        return [self._row(site) for site in self._switch.snapshot.sites]

    def _row(self, site: Site) -> dict[str, Any]:
        admission = self._switch.site_admission
        refused, smaller = admission.today(site.name)
        return {
            "name": site.name,
            "limit_up": site.bandwidth_up,
            "limit_down": site.bandwidth_down,
            **dataclasses.asdict(admission.use(site.name)),
            "refused": refused,
            "smaller": smaller,
        }

    async def _measured(self, site: Site) -> tuple[float | None, float | None]:
        legs = self._switch.site_admission.talking(site.name)
        for leg in legs:
            if leg.audio.stream is not None:
                leg.audio.stream.ask_statistics()
        if legs:
            await asyncio.sleep(ANSWER)
        now = asyncio.get_running_loop().time()
        before = self._meters.get(site.name, {})
        meters = self._meters[site.name] = {
            leg.record.id: _read(leg, site, now, before.get(leg.record.id)) for leg in legs if _figures(leg) is not None
        }
        ups, downs = [one.up for one in meters.values()], [one.down for one in meters.values()]
        if legs and all(one is None for one in ups):
            return None, None
        return round(sum(one or 0.0 for one in ups), 1), round(sum(one or 0.0 for one in downs), 1)


def _figures(leg: Leg) -> StreamStats | None:
    return leg.audio.stream.statistics if leg.audio.stream is not None else None


def _read(leg: Leg, site: Site, now: float, before: _Meter | None) -> _Meter:
    stats = _figures(leg)
    assert stats is not None  # only those are read
    if before is not None and now - before.at < SHORTEST:
        return before
    meter = _Meter(now, stats)
    if before is not None and now - before.at <= LONGEST and stats.ssrc_out == before.stats.ssrc_out:
        seconds, was = now - before.at, before.stats
        meter.up = _kbits(leg, site, stats.packets_in - was.packets_in, stats.bytes_in - was.bytes_in, seconds)
        meter.down = _kbits(leg, site, stats.packets_out - was.packets_out, stats.bytes_out - was.bytes_out, seconds)
    return meter


def _kbits(leg: Leg, site: Site, packets: int, payload: int, seconds: float) -> float:
    if packets <= 0:
        return 0.0
    size = on_the_line(round(payload / packets), site.layer, security_of(leg), ip_of(leg))
    return packets * size * 8 / 1000 / seconds
