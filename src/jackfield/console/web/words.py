"""What the fields are called on pages, and what they are for. Model choices give their own labels."""

from __future__ import annotations

import dataclasses
from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.web.forms import Words
from jackfield.console.web.phone_words import PHONES
from jackfield.notices.choices import FOR_ADMINISTRATORS
from jackfield.switch.snapshot import DEFAULT_CODECS

__all__ = ["INNER", "words"]

_CODECS = tuple((name, name) for name in DEFAULT_CODECS)
_TARGET: dict[str, Any] = {"suggestions": "numbers"}
_GROUP: dict[str, Any] = {"suggestions": "address_groups"}
_OPEN: dict[str, Any] = {"suggestions": "open_to", "wide": True}

COMMON = {
    "number": Words("Number"),
    "name": Words("Name"),
    "enabled": Words("In use", "Switched off, it stays here and does nothing."),
    "codecs": Words("Codecs", "How the voice is carried, the best first.", choices=_CODECS),
    "language": Words("Language", "Of announcements. Empty: the company's.", suggestions="languages"),
    "caller_id": Words("Number shown outside", "Empty: the trunk's."),
    "max_calls": Words("Calls at once", "0 sets no limit.", zero="no limit"),
    "trunks": Words("Trunks", "The first that works carries the call.", suggestions="trunks"),
    "trunk": Words("Trunk", "Empty: any trunk.", suggestions="trunks"),
    "outside_calls": Words("May call outside"),
    "behind_nat": Words("Behind a router (NAT)"),
    "srtp": Words("Encrypted audio"),
    "dtmf": Words("Key tones"),
    "hours": Words("Time range"),
    "closed_target": Words("Outside of it, to", **_TARGET),
}

OWN: dict[str, dict[str, Words]] = {
    **PHONES,
    "users": {
        "login": Words("Name to sign in with", "Letters, digits, dots and dashes."),
        "name": Words("Full name"),
        "email": Words("E-mail"),
        "language": Words("Language", "Of pages and announcements. Empty: the company's.", suggestions="languages"),
        "role": Words("May do"),
        "enabled": Words("May sign in"),
        "browser_phone": Words(
            "May use Jackfield Phone", "A phone in the browser. Switched off, those that are registered end."
        ),
    },
    "address_groups": {
        "entries": Words(
            "Addresses",
            "One in each line: 192.0.2.7, 192.0.2.10-192.0.2.20, 10.0.0.0/8, 2001:db8::/32, home.example.com, or "
            "group: and the name of another one.",
            wide=True,
        ),
    },
    "roles": {"areas": Words("Areas", "Everybody who signs in has pages of his own, whatever is chosen here.")},
    "sign_in": {
        "idle_minutes": Words("A session ends when unused for", unit="minutes"),
        "longest_hours": Words("And at the latest after", unit="hours"),
        "second_factor": Words(
            "Must have a second factor", "They set it up before they can do anything else.", wide=True
        ),
        "password_length": Words("Passwords have at least", unit="characters"),
        "tries": Words("Wrong passwords before one has to wait", "For each account."),
        "address_tries": Words("The same for each address", "An office may share one."),
        "browser_phones": Words(
            "People may use Jackfield Phone",
            "A phone in the browser, on computers and mobile phones. Switched off, those that are registered end.",
        ),
        "browser_roles": Words(
            "Only with these roles", "None: everybody. A single user is switched off on his own page.", wide=True
        ),
    },
    "guard": {
        "enabled": Words("Block who guesses"),
        "tries": Words("After so many failures", "A name that there is not counts twice, a scanner for all of them."),
        "window": Words("Within", unit="seconds"),
        "minutes": Words("The first time for", "Each further time for twice as long.", unit="minutes"),
        "longest_hours": Words("At most for", unit="hours"),
        "never": Words(
            "Never blocked", "Address groups. Providers never are.", suggestions="address_groups", wide=True
        ),
    },
    "firewall": {
        "sip": Words("SIP", "Over UDP and TCP. Providers answer us whatever stands here.", **_OPEN),
        "sip_tls": Words("SIP over TLS", **_OPEN),
        "websocket": Words("SIP over WebSocket", "For other programs; Jackfield Phone comes by own pages.", **_OPEN),
        "audio": Words("Audio of calls", "Whom we are not in a call with is not heard anyway.", **_OPEN),
        "stun": Words("STUN and TURN", "By which phones behind routers find their addresses.", **_OPEN),
        "own_pages": Words("People's own pages", "And Jackfield Phone.", **_OPEN),
        "administration": Words(
            "Administration", "Automatic: local networks and VPN where the Internet reaches this machine.", **_OPEN
        ),
        "api": Words("API", "Automatic: as the administration.", **_OPEN),
        "metrics": Words("Metrics", "Automatic: local networks and VPN.", **_OPEN),
        "provisioning": Words("By HTTPS", "Each phone has an address or a password of its own.", **_OPEN),
        "tftp": Words("By TFTP", "Nobody is asked for a password. Automatic: local networks and VPN.", **_OPEN),
        "dhcp": Words("DHCP", "Automatic: local networks and VPN.", **_OPEN),
        "ldap": Words("Directory (LDAP)", "Automatic: local networks and VPN.", **_OPEN),
        "ldaps": Words("Directory over TLS", "Each phone has a password of its own.", **_OPEN),
        "vpn": Words("VPN", "WireGuard. Who has no key gets no answer.", **_OPEN),
        "ssh": Words("SSH", "The machine's own, not ours: who closes it needs another way in.", **_OPEN),
        "other": Words(
            "Everything else",
            "Ports of other programs. Automatic: local networks and VPN where the Internet reaches this machine.",
            **_OPEN,
        ),
    },
    "extensions": {
        "phones_from": Words(
            "Phones may connect from",
            "An address group: from elsewhere its phones are turned away before the password is looked at. "
            "Empty: from anywhere.",
            **_GROUP,
        ),
        "user": Words("User", "Whose number this is; empty for a room or a door.", suggestions="users"),
        "ring_time": Words("Rings for", "Empty: as long as the company's setting says.", "seconds"),
        "do_not_disturb": Words("Do not disturb", "Callers hear the busy tone."),
        "call_waiting": Words("Second call may knock", "Off: busy while on a call."),
        "max_calls": Words("Calls at once", "More callers find it busy."),
        "forward_always": Words("All calls go to", "Empty: the phones ring.", **_TARGET),
        "forward_busy": Words("When busy, to", **_TARGET),
        "forward_no_answer": Words("When nobody answers, to", **_TARGET),
        "forward_unreachable": Words("When no phone is registered, to", **_TARGET),
        "caller_id_name": Words("Name shown outside", "Empty: the extension's name. Not all providers pass it on."),
        "anonymous": Words("Hide the number", "On calls to the outside."),
        "hours": Words("Time range", "Outside of it, calls go where the next field says."),
        "forward_closed": Words("Outside of it, all calls go to", "Empty: they go as inside.", **_TARGET),
        "outside_calls": Words("May call outside", "Emergency numbers can always be called."),
        "permission": Words("Permission", "What may be called, more closely. Empty: everything."),
        "site": Words("Site", "Where its phones are. Empty: each by the address that it comes from."),
    },
    "ring_groups": {
        "members": Words(
            "Members", "Numbers with commas between, in the order in which they ring.", wide=True, **_TARGET
        ),
        "strategy": Words("Rings"),
        "step_time": Words("Each step rings for", unit="seconds"),
        "fallback": Words("If nobody answers", "Empty: the caller hears that nobody is there.", **_TARGET),
        "caller_id_prefix": Words("Before the caller's name", "Shown on the phones, such as: Sales"),
        "obey_forwards": Words("Members' forwarding counts", "Off: only do-not-disturb does."),
    },
    "services": {
        "kind": Words("Kind"),
        "sound": Words("Sound", suggestions="sounds"),
        "repeat": Words("Played", unit="times"),
        "then": Words("Then go to", "Empty: hang up.", **_TARGET),
        "hours": Words("Time range", "Of opening hours, or which one the night switch switches."),
        "time_ranges": Words("Open, or at hours of its own", wide=True),
        "until_change": Words("Until the hours change", "What is switched lasts until the time range would change."),
        "open_target": Words("While open, to", **_TARGET),
        "closed_target": Words("Otherwise, to", **_TARGET),
        "plugin": Words("Plugin", "Name of its entry point."),
        "options": Words("Its settings", "One in each line: name: value"),
    },
    "speed_dials": {
        "target": Words("Dials", "As one of your phones would dial it, with the outside line.", **_TARGET),
        "everybody": Words("Everybody may call it", "Also those whose phones may not make such calls."),
    },
    "call_limits": {
        "applies_to": Words("Applies to"),
        "kinds": Words(
            "Kinds of numbers",
            choices=(
                ("international", "Calls abroad"),
                ("premium", "Premium-rate numbers everywhere, and satellites"),
                ("mobile", "Mobile phones of our country"),
                ("national", "Other numbers of our country"),
                ("free", "Free numbers"),
            ),
        ),
        "countries": Words("Countries", "Two letters each, such as GB or US.", suggestions="countries"),
        "prefixes": Words(
            "Beginnings of numbers", "As your phones dial them, with the outside line (9011, 00044), or +44.", wide=True
        ),
        "opened": Words(
            "Leaves alone",
            "Countries and beginnings of numbers that were opened, one by one, for this rule.",
            wide=True,
        ),
        "per": Words("A count of its own has"),
        "only": Words("Only these", "Of the users, extensions, trunks or sites. Empty: all of them.", wide=True),
        "hours": Words("Only by the time range", "Empty: at all times."),
        "when": Words("Counts"),
        "always": Words("Every call", "Acts on each of these calls, whatever is counted: closes them, or always asks."),
        "calls_per_hour": Words("Calls per hour", "0 sets no limit, here and below."),
        "calls_at_once": Words("Calls at once"),
        "minutes_per_day": Words(
            "Talk per day", "A call is ended when it is used up, and told a minute before.", "minutes"
        ),
        "minutes_per_call": Words("Longest call", "Then it ends, and is told a minute before.", "minutes"),
        "money_per_hour": Words("Money per hour", "In the currency of the rate table; calls are ended as above."),
        "money_per_day": Words("Money per day"),
        "money_per_month": Words("Money per month"),
        "action": Words("Then"),
        "pin": Words("PIN", "Digits that the caller keys in. Leave empty to keep it as it is."),
    },
    "permissions": {
        "default": Words("All other calls outside", "Calls inside the house are allowed unless a rule says otherwise."),
        "rules": Words("Rules", wide=True),
    },
    "time_ranges": {
        "weekly": Words("Open", "A row that ends before it begins goes on after midnight.", wide=True),
        "dates": Words("Also open on", "These count whatever is said above and below.", wide=True),
        "except_on": Words("Not on the dates of", "Lists of holidays.", suggestions="holidays"),
        "also_on": Words("Also on the dates of", "All day; for a time range of the holidays.", suggestions="holidays"),
    },
    "holidays": {"dates": Words("Days", "A single day needs no last one.", wide=True)},
    "trunks": {
        "kind": Words(
            "Kind",
            choices=(
                ("register", "Provider, by a password"),
                ("address", "Provider, by our address"),
                ("peer", "Another PBX"),
            ),
        ),
        "hosts": Words("Provider's address", "Domain or address; further ones are tried in order."),
        "username": Words("User name"),
        "password": Words("Password", "Leave empty to keep it as it is."),
        "transport": Words("Transport"),
        "domain": Words("SIP domain", "Empty: the provider's address."),
        "auth_username": Words("Authentication name", "Empty: the user name."),
        "outbound_proxy": Words("Outbound proxy"),
        "register_expires": Words("Registers every", unit="seconds"),
        "qualify_interval": Words("Looks whether it answers every", "0 switches this off.", "seconds"),
        "answer_timeout": Words("Tries the next address after", unit="seconds"),
        "sources": Words("Calls also come from", "Networks such as 203.0.113.0/24."),
        "verify_tls": Words("Check the certificate", "For TLS."),
        "caller_id": Words("Number shown", "Where the extension has none of its own."),
        "caller_id_in": Words("Where the provider wants the number"),
        "from_user": Words("Account in From", "Where the provider wants it there."),
        "trust_identity": Words("Believe the caller's number"),
        "international_format": Words("Numbers are sent"),
        "out_called": Words("Change the called number", wide=True),
        "out_calling": Words("Change our number", wide=True),
        "in_calling": Words("Change the caller's number", "Empty: the outside-line prefix goes before it.", wide=True),
        "outside_calls": Words("Calls from here may go outside", "For another PBX of the same company."),
        "max_calls": Words("Calls at once", "0 sets no limit.", zero="no limit"),
    },
    "inbound": {
        "number": Words("Called number", "One (5550101), a range (5550100-5550199), a beginning (55501*); empty: any."),
        "target": Words("Leads to", "Empty: the called number, changed as below.", **_TARGET),
        "rewrite": Words("Change the called number", wide=True),
        "calling": Words("Change the caller's number", "Empty: as the trunk says.", wide=True),
        "hours": Words("Time range", "Empty: calls go the same way at all hours."),
    },
    "outbound": {
        "prefix": Words("Numbers that begin with", "With the outside-line prefix; empty: all others."),
        "strip": Words("Take off the front", "Empty: the outside-line prefix.", "digits"),
        "prepend": Words("Put before it"),
        "min_digits": Words("At least", "Shorter numbers do not match.", "digits"),
        "caller_id": Words("Number shown", "Instead of the extension's and the trunk's."),
        "hours": Words("Only during", "Outside of this time range the route is not there. Empty: always."),
    },
    "emergency_numbers": {
        "trunks": Words("Trunks", "Empty: all, in order.", suggestions="trunks"),
        "sent_as": Words("Sent as", "Empty: as dialled."),
    },
    "sounds": {
        "path": Words("File", "On the server; without the ending for the sample rate."),
        "language": Words("Language", "Empty: for all.", suggestions="languages"),
    },
    "settings": {
        "company": Words("Company"),
        "country": Words("Country", "Two letters: number format and tones.", suggestions="countries"),
        "language": Words(
            "Language", "Of announcements, and of the pages of who has chosen none.", suggestions="languages"
        ),
        "time_zone": Words("Time zone", "Such as Europe/Berlin.", suggestions="time_zones"),
        "realm": Words("SIP realm", "Changing it makes all phones sign in anew."),
        "digest": Words("Phones prove themselves by"),
        "outside_prefix": Words("Outside line", "Dialled before outside numbers; empty: none."),
        "first_number": Words("First extension", "Where proposals begin."),
        "ring_time": Words("Phones ring for", unit="seconds"),
        "register_min": Words("Shortest registration", unit="seconds"),
        "register_max": Words("Longest registration", unit="seconds"),
        "register_default": Words("Registration, where a phone does not ask", unit="seconds"),
        "qualify_interval": Words(
            "Looks for phones behind NAT every",
            "To begin with: how long each router remembers a phone is measured.",
            "seconds",
        ),
        "qualify_all": Words("Look for all phones on UDP"),
        "session_expires": Words("Calls are confirmed every", unit="seconds"),
        "max_hops": Words("Forwards in one call"),
        "max_call_minutes": Words("Longest call", "0 sets no limit.", "minutes"),
        "music": Words("Music on hold", suggestions="sounds"),
        "public_address": Words(
            "Public address",
            "What phones and providers outside are told, with commas between several. Empty: Jackfield finds it.",
        ),
        "stun_servers": Words(
            "STUN servers",
            "Asked every few minutes which address this system has outside, such as stun.example.com:3478. "
            "None: nobody is asked.",
            wide=True,
        ),
        "turn": Words("Relay audio by TURN", "For browsers and phones in networks that let nothing else through."),
        "vpn": Words("VPN by WireGuard", "Phones, people and sites come in by it."),
        "vpn_network": Words(
            "Network of the VPN", "One that neither the office nor a site uses. Its first address is ours."
        ),
        "vpn_port": Words("UDP port"),
        "vpn_host": Words(
            "Reached at",
            "An address or the name of a host: a name, where the public address changes. Empty: the public address.",
        ),
        "local_networks": Words("Local networks", "Phones in them need no NAT.", wide=True),
        "anonymous_calls": Words("Strangers may call internal numbers", "SIP calls from nobody known here."),
        "drain_seconds": Words("When stopping, calls may go on for", unit="seconds"),
        "keep_calls_days": Words("Keep the call history for", "0 keeps it for ever.", "days"),
    },
    "mail": {
        "host": Words("Server", "Empty: no e-mail is sent."),
        "port": Words("Port"),
        "security": Words("Protection"),
        "username": Words("User name", "Empty: without signing in."),
        "password": Words("Password", "Leave empty to keep it as it is."),
        "sender": Words("Messages come from", "An e-mail address."),
        "links": Words(
            "Address in links", "How people reach their pages: https://phone.example.com. Empty: no links are sent."
        ),
    },
    "webhooks": {
        "address": Words("Web address", "https, or http inside the house. It gets JSON by POST.", wide=True),
        "secret": Words("Secret", "Signs what is sent. Left empty, it stays; for a new webhook one is made."),
        "events": Words(
            "Events",
            "With commas between: call.recorded, call.* for all of calls, * for all.",
            suggestions="events",
            wide=True,
        ),
        "numbers": Words("Only of extensions", "Calls and phones of these numbers alone; empty: of all.", **_TARGET),
        "enabled": Words("In use", "Switched off, it is told nothing, and what waits goes on waiting."),
    },
    "directory": {
        "enabled": Words("In use", "Keep an administrator with a password of our own, for when it does not answer."),
        "kind": Words("Kind"),
        "hosts": Words("Servers", "The next one is asked when one does not answer."),
        "security": Words("Protection"),
        "certificate": Words("Certificate of the authority", "A PEM file on the server; empty: those of the system."),
        "bind_name": Words("Name to read with", "A DN, or name@example.com. It needs no right but to read."),
        "bind_password": Words("Its password", "Leave empty to keep it as it is."),
        "base": Words("People are below", "Such as: ou=people,dc=example,dc=com", wide=True),
        "filter": Words("Filter", "Empty: all people.", wide=True),
        "groups": Words("Only members of", "DNs of groups, one in each line; empty: everybody.", wide=True),
        "login_attribute": Words("Attribute of the name", "Empty: sAMAccountName or uid."),
        "number_attribute": Words("Attribute of the extension", "Empty: numbers are kept here."),
        "role": Words("May do", "Those who are imported."),
        "group_roles": Words("Roles by group", "One in each line: role for the DN, as cn=it,dc=example,dc=com: reader"),
        "minutes": Words("Imported every", unit="minutes"),
    },
    "openid": {
        "enabled": Words("In use", "The sign-in page shows a button. Passwords of our own go on working."),
        "name": Words("On the button", "Sign in with …"),
        "issuer": Words("Address", "Such as https://login.example.com/realms/office", wide=True),
        "client_id": Words("Client id", "The server also wants our address: https://…/sign-in/openid/back"),
        "client_secret": Words("Client secret", "Leave empty to keep it as it is."),
        "domains": Words("Only addresses of", "Domains of e-mail addresses; empty: all whom the server knows."),
        "create_users": Words("Make users", "Of whoever signs in and is none yet."),
        "role": Words("They may do"),
    },
    "notices": {
        "recipients": Words("Told by e-mail", "Empty: all full administrators.", wide=True),
        **{str(kind): Words(kind.label) for kind in FOR_ADMINISTRATORS},
        "missed_call": Words("Missed calls", "For users who want it; off: for nobody."),
        "account": Words("Signing in", "A new browser, or a second factor that is gone: whose account it is."),
        "welcome": Words("Welcome", "New users get a link by which they set a password."),
        "forgotten_password": Words("Forgotten password", "Whoever forgot it is sent a link. Off: ask you for one."),
    },
    "lines": {
        "sip_username": Words("SIP name"),
        "sip_password": Words("SIP password"),
        "name": Words("Phone", "Such as: desk phone"),
        "codecs": Words("Codecs", "None chosen: the extension's.", choices=_CODECS),
        "max_contacts": Words("Phones with this name"),
        "phones_from": Words("May connect from", "An address group. Empty: the extension's.", **_GROUP),
    },
}

INNER = {
    "strip": Words("Take off the front", unit="digits"),
    "prefix": Words("Put before it"),
    "pattern": Words("Pattern", "Regular expression"),
    "replace": Words("Replaced by"),
    "name": Words("Name"),
    "days": Words("Days", choices=tuple(zip(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"), strict=True
    ))),
    "start": Words("From"),
    "end": Words("To"),
    "first": Words("Day", kind="date"),
    "last": Words("Last day", kind="date"),
    "yearly": Words("Every year"),
    "calls": Words("Calls", choices=(
        ("outside", "To the outside, all"), ("national", "National"), ("mobile", "To mobile phones"),
        ("international", "Abroad"), ("premium", "Premium rate"), ("free", "Free of charge"),
        ("route", "By the outgoing route …"), ("prefix", "To numbers that begin with …"),
        ("internal", "Inside the house"),
    )),
    "only": Words("Route or beginning", suggestions="routes"),
    "allow": Words("Allowed"),
    "hours": Words("Only during", suggestions="time_ranges"),
    "kind": Words("Key", choices=(
        ("none", "Nothing"), ("line", "Line"), ("blf", "Lamp (BLF)"), ("speed_dial", "Speed dial"), ("park", "Park"),
        ("pickup", "Pick up"), ("voicemail", "Voicemail"), ("forward", "Forward"),
    )),
    "value": Words("Number", suggestions="numbers"),
    "label": Words("On the screen"),
    "line": Words("By line"),
    **{
        area: Words(title, choices=(("nothing", "Nothing"), ("read", "See"), ("write", "See and change")))
        for area, title in {
            "overview": "Overview", "people": "People and numbers", "phones": "Phones", "lines": "Lines",
            "history": "History", "safety": "Safety", "system": "System",
        }.items()
    },
}  # fmt: skip
"""Of rewriting rules, time ranges, permissions and what a role holds."""


def words(section: Section, field: str) -> Words:
    """Return what a field is called, with the choices that its model has."""
    found = OWN.get(section.name, {}).get(field) or COMMON.get(field) or Words(field.replace("_", " ").capitalize())
    choices = _choices(section, field)
    if choices and not found.choices:
        return dataclasses.replace(found, choices=choices)
    return found


ROLES = {
    ("users", "role"),
    ("sign_in", "second_factor"),
    ("sign_in", "browser_roles"),
    ("directory", "role"),
    ("openid", "role"),
}
"""Fields with a role in them."""


def _choices(section: Section, field: str) -> tuple[tuple[str, str], ...]:
    reference = section.fields[field].reference
    if reference in ("time_ranges", "permissions", "sites"):
        names = SECTIONS[reference].model().objects.values_list("name", flat=True)
        return (("", "–"), *((name, name) for name in names))
    if (section.name, field) == ("desk_phones", "model"):
        return phone_models()
    if (section.name, field) in ROLES:
        known = role_choices()
        return known if field == "role" else tuple(one for one in known if one[0] != "none")
    column: Any = next((known for known in section.model()._meta.get_fields() if known.name == field), None)
    return tuple((str(value), str(label)) for value, label in (getattr(column, "choices", None) or ()))


def phone_models() -> tuple[tuple[str, str], ...]:
    """Return the models of desk phones with their names, by vendor."""
    from jackfield.provisioning.catalogue import MODELS

    return tuple((slug, f"{model.vendor_name} {model.name}") for slug, model in MODELS.items())


def role_choices() -> tuple[tuple[str, str], ...]:
    """Return the roles that there are: those built in, and the company's own."""
    from jackfield.people.choices import Role
    from jackfield.people.models import OwnRole

    own = OwnRole.objects.values_list("name", flat=True)
    return (*((str(value), str(label)) for value, label in Role.choices), *((name, name) for name in own))
