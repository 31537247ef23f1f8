"""All sections of the document, in the order in which they are written, applied and exported."""

from __future__ import annotations

from jackfield.company import schema as company
from jackfield.console.declarative.section import Section
from jackfield.desk_phones import schema as desk_phones
from jackfield.directory import schema as directory
from jackfield.firewall import schema as firewall
from jackfield.limits import schema as limits
from jackfield.notices import schema as notices
from jackfield.numbers import schema as numbers
from jackfield.people import schema as people
from jackfield.plug_and_play import schema as plug_and_play
from jackfield.sites import schema as sites
from jackfield.trunks import schema as trunks
from jackfield.vpn import schema as vpn
from jackfield.webhooks import schema as webhooks

__all__ = ["LINES", "SECTIONS"]

_apps = (
    company, vpn, people, numbers, trunks, notices, directory, webhooks, sites, desk_phones, plug_and_play, limits,
    firewall,
)  # fmt: skip
_all = {section.name: section for app in _apps for section in app.SECTIONS}

_ORDER = (
    "settings", "sign_in", "roles", "users", "holidays", "time_ranges", "permissions", "address_groups",
    "vpn_devices", "firewall", "guard", "sites",
    "extensions", "trunks", "call_limits", "inbound", "outbound", "ring_groups", "services", "speed_dials",
    "emergency_numbers",
    "sounds", "mail", "notices", "webhooks", "directory", "openid", "provisioning", "phone_templates", "desk_phones",
    "plug_and_play", "redirections",
)  # fmt: skip
SECTIONS: dict[str, Section] = {name: _all[name] for name in _ORDER}
"""By name. A thing that others refer to comes before them: roles before users, trunks before what uses them."""

LINES = numbers.LINES
"""The lines of an extension: not a section of its own, they stand within the extension."""
