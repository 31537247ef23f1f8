"""What all phones' configurations are made of: read once for a batch of questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from jackfield.console import own_door
from jackfield.network.public_file import is_public
from jackfield.switch.sites import site_by_address
from jackfield.switch.snapshot import Site, Snapshot

if TYPE_CHECKING:
    from jackfield.desk_phones.models import DeskPhone
    from jackfield.settings import Settings

__all__ = ["House", "lines_of", "web_port"]


@dataclass(frozen=True, slots=True)
class House:
    """The company's settings, its rules of provisioning, its sites, and its own templates by file."""

    settings: Settings
    general: Any
    rules: Any
    sites: Snapshot  # with sites only
    templates: Mapping[str, Any]
    ldap: bool = False  # the directory for phones is on

    @classmethod
    def read(cls, settings: Settings) -> House:
        """Read it from the database."""
        from jackfield.company.models import General
        from jackfield.console.declarative.sections import SECTIONS
        from jackfield.desk_phones.models import PhoneTemplate, ProvisioningRules
        from jackfield.plug_and_play.models import PlugAndPlay
        from jackfield.sites.models import Site as SiteRow

        fields = SECTIONS["sites"].fields.values()
        sites = tuple(Site(**{known.name: known.of(row) for known in fields}) for row in SiteRow.objects.all())
        templates = {row.file.replace(":", "/"): row for row in PhoneTemplate.objects.all()}
        ldap = PlugAndPlay.current().ldap
        return cls(settings, General.current(), ProvisioningRules.current(), Snapshot(sites=sites), templates, ldap)

    @property
    def by_mac(self) -> bool:
        """Whether a phone in the local networks is given its configuration for its MAC address alone."""
        if self.rules.enabled == "auto":
            return not self.is_public
        return bool(self.rules.enabled == "on")

    @property
    def is_public(self) -> bool:
        """Whether the Internet reaches this machine with no router of ours between, or somebody set its address."""
        return is_public(self.settings, self.general.public_address)

    def site(self, phone: DeskPhone, address: str) -> Site | None:
        """Return where a phone is: by hand, else by the address from which it asks."""
        if phone.site is not None:
            by_name = {site.name: site for site in self.sites.sites}
            return by_name.get(phone.site.name)
        return site_by_address(self.sites, address) if address else None


def lines_of(phones: Iterable[DeskPhone]) -> dict[str, Any]:
    """Return the lines that phones name, by the words with which they name them. Those that are gone are not there.

    A SIP name is a line's own; the number of an extension stands for its first line.
    """
    from jackfield.numbers.models import Line

    wanted = {name for phone in phones for name in phone.extensions}
    if not wanted:
        return {}
    found: dict[str, Any] = {}
    rows = Line.objects.select_related("extension").filter(Q(sip_username__in=wanted) | Q(extension__number__in=wanted))
    for row in sorted(rows, key=lambda row: (row.position, row.pk), reverse=True):
        found[row.extension.number] = row
    found |= {row.sip_username: row for row in rows}
    return {name: found[name] for name in wanted if name in found}


def desk_phones_of(extensions: Iterable[Any]) -> dict[int, DeskPhone]:
    """Return the desk phones of extensions, by the keys of the lines that they register.

    Such a line gets a new password each time its phone fetches: whatever else is set up by it is cut off then.
    """
    from jackfield.desk_phones.models import DeskPhone

    names: dict[str, int] = {}
    for row in extensions:
        lines = sorted(row.lines.all(), key=lambda line: (line.position, line.pk))
        if lines:
            names[row.number] = lines[0].pk
        names |= {line.sip_username: line.pk for line in lines}
    if not names:
        return {}
    return {names[name]: phone for phone in DeskPhone.objects.all() for name in phone.extensions if name in names}


def web_port(settings: Settings) -> int:
    """Return the port at which phones fetch: that of everybody's own pages, which may be open to the Internet."""
    return own_door.port or settings.console_port
