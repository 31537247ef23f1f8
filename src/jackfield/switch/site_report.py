"""What the line of each site carries now, and which phones are there: for its page."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jackfield.switch.snapshot import Site
    from jackfield.switch.switch import Switch

__all__ = ["SiteReport"]


class SiteReport:
    """Answers the verb "sites"."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verb → coroutine."""
        return {"sites": self.sites}

    async def sites(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """All sites, or that with this `name`, which brings its phones and calls along too. kbit/s are each way."""
        name = str(request.get("name", ""))
        found = [site for site in self._switch.snapshot.sites if name in ("", site.name)]
        if name and not found:
            raise ControlError(f'there is no site "{name}"')
        rows = [self._row(site) for site in found]
        if name:
            rows[0]["phones"] = [dataclasses.asdict(row) for row in self._switch.registrar.table() if row.site == name]
        return rows

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
