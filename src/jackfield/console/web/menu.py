"""The left rail: areas with their pages, of which everybody sees those that he may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jackfield.console.web.rights import may

__all__ = ["PAGES", "Page", "rail"]


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the rail."""

    area: str
    title: str
    address: str


AREAS = {
    "overview": ("Overview", "layout-dashboard"),
    "people": ("People and numbers", "users"),
    "phones": ("Phones", "phone"),
    "lines": ("Lines", "cable"),
    "history": ("History", "history"),
    "safety": ("Safety", "shield"),
    "system": ("System", "settings"),
}

PAGES = (
    Page("overview", "Overview", "/admin/"),
    Page("overview", "Calls in progress", "/admin/active/"),
    Page("overview", "Open or closed", "/admin/hours/"),
    Page("people", "Users", "/admin/users/"),
    Page("people", "Extensions", "/admin/extensions/"),
    Page("people", "Ring groups", "/admin/ring_groups/"),
    Page("people", "Services", "/admin/services/"),
    Page("people", "Speed dials", "/admin/speed_dials/"),
    Page("people", "Permissions", "/admin/permissions/"),
    Page("people", "Contacts", "/admin/contacts/"),
    Page("people", "Dial plan", "/admin/dialplan/"),
    Page("phones", "Registered phones", "/admin/phones/"),
    Page("phones", "Desk phones", "/admin/desk_phones/"),
    Page("phones", "What phones ask", "/admin/desk_phones/news"),
    Page("phones", "Models and templates", "/admin/phone_models/"),
    Page("phones", "Provisioning", "/admin/provisioning/"),
    Page("phones", "Sites", "/admin/sites/"),
    Page("phones", "Plug and play", "/admin/plug_and_play/now"),
    Page("phones", "Ways of the local network", "/admin/plug_and_play/"),
    Page("phones", "Redirection services", "/admin/redirections/"),
    Page("phones", "Bandwidth", "/admin/sites/bandwidth"),
    Page("phones", "VPN", "/admin/vpn/"),
    Page("lines", "Trunks", "/admin/trunks/"),
    Page("lines", "Incoming", "/admin/inbound/"),
    Page("lines", "Outgoing", "/admin/outbound/"),
    Page("lines", "Emergency", "/admin/emergency_numbers/"),
    Page("lines", "What happens if…", "/admin/whatif/"),
    Page("history", "Calls", "/admin/calls/"),
    Page("history", "Statistics", "/admin/statistics/"),
    Page("history", "Changes", "/admin/changes/"),
    Page("safety", "Firewall", "/admin/firewall/now"),
    Page("safety", "Guard", "/admin/guard/now"),
    Page("safety", "Address groups", "/admin/address_groups/"),
    Page("safety", "Limits on calls", "/admin/call_limits/"),
    Page("safety", "Limits: used and refused", "/admin/call_limits/now"),
    Page("safety", "Rate table", "/admin/rates/"),
    Page("safety", "Certificates", "/admin/certificates/"),
    Page("system", "Company", "/admin/settings/"),
    Page("system", "Addresses", "/admin/addresses/"),
    Page("system", "Time ranges", "/admin/time_ranges/"),
    Page("system", "Holidays", "/admin/holidays/"),
    Page("system", "Languages", "/admin/languages/"),
    Page("system", "Prompts and music", "/admin/audio/"),
    Page("system", "Codecs", "/admin/codecs/"),
    Page("system", "E-mail", "/admin/mail/"),
    Page("system", "Notices", "/admin/notices/"),
    Page("system", "Messages sent", "/admin/messages/"),
    Page("system", "Roles", "/admin/roles/"),
    Page("system", "Sign-in", "/admin/sign_in/"),
    Page("system", "Who is signed in", "/admin/sessions"),
    Page("system", "Directory", "/admin/directory/"),
    Page("system", "People of the directory", "/admin/directory/people"),
    Page("system", "OpenID Connect", "/admin/openid/"),
    Page("system", "API", "/admin/api/"),
    Page("system", "Webhooks", "/admin/webhooks/"),
    Page("system", "Configuration as YAML", "/admin/document/"),
    Page("system", "Health", "/admin/health/"),
    Page("system", "Logs", "/admin/logs/"),
    Page("system", "Retention", "/admin/retention/"),
)


def rail(user: Any) -> list[tuple[str, str, list[Page]]]:
    """Return (title, icon, pages) of each area that `user` may read and that has pages."""
    found = []
    for area, (title, icon) in AREAS.items():
        pages = [page for page in PAGES if page.area == area]
        if pages and may(user, area):
            found.append((title, icon, pages))
    return found
