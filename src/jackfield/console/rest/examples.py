"""What the document says beside its operations: an example of each body, what groups are about, what stands in paths.

A test holds the bodies to their schemas, and makes things of those that make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["GROUPS", "PARTS", "PROBLEM", "body", "place"]

NEW: Mapping[str, dict[str, Any]] = {
    "roles": {"name": "Front office", "areas": {"overview": "read", "people": "write", "history": "read"}},
    "users": {"login": "front.desk", "name": "Front desk", "email": "front.desk@example.com", "role": "user"},
    "holidays": {"name": "Public", "dates": [{"first": "2026-12-24", "last": "2026-12-26", "yearly": True}]},
    "time_ranges": {
        "name": "Office",
        "weekly": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "17:00"}],
    },
    "permissions": {"name": "Hall", "default": "deny", "rules": [{"calls": "national", "allow": True}]},
    "call_limits": {
        "name": "Abroad",
        "applies_to": "listed",
        "kinds": ["international"],
        "calls_per_hour": 50,
        "minutes_per_day": 120,
        "money_per_day": 30.0,
    },
    "address_groups": {"name": "Branch", "entries": ["192.0.2.0/24", "2001:db8::/32"]},
    "vpn_devices": {
        "name": "Branch router",
        "public_key": "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=",
        "address": "10.87.0.2",
        "networks": ["192.168.50.0/24"],
    },
    "sites": {"name": "Brno", "public_addresses": ["203.0.113.7"], "bandwidth_up": 2000, "bandwidth_down": 8000},
    "desk_phones": {
        "mac": "00156512abcd",
        "model": "yealink-t46u",
        "name": "Reception",
        "extensions": ["201"],
        "keys": [{"kind": "blf", "value": "202", "label": "Workshop"}],
    },
    "phone_templates": {"file": "yealink:phone.cfg", "text": "#!version:1.0.0.1"},
    "redirections": {"service": "yealink", "account": "acme", "password": "a-long-one-4711"},
    "extensions": {"number": "201", "name": "Reception", "ring_time": 25},
    "trunks": {"name": "Provider", "hosts": ["sip.example.com"], "username": "acme", "password": "a-long-one-4711"},
    "inbound": {"trunk": "", "number": "5550101", "target": "201"},
    "outbound": {"name": "Outside", "prefix": "0", "strip": 1, "trunks": ["Provider"]},
    "ring_groups": {"number": "300", "name": "Sales", "members": ["201"], "strategy": "order"},
    "services": {"number": "*62", "kind": "music", "name": "Waiting room"},
    "speed_dials": {"number": "70", "name": "Taxi", "target": "0301234567", "everybody": True},
    "emergency_numbers": {"number": "112", "name": "Emergency"},
    "sounds": {"name": "closed", "language": "en", "path": "/srv/sounds/closed.wav"},
    "webhooks": {"name": "CRM", "address": "https://crm.example.com/hook", "events": ["call.recorded", "phone.*"]},
}
"""What makes a thing of each section."""
CHANGED: Mapping[str, dict[str, Any]] = {
    "settings": {"company": "Bell & Sons", "ring_time": 30},
    "sign_in": {"second_factor": ["administrator"], "idle_minutes": 480},
    "roles": {"areas": {"overview": "read", "history": "read"}},
    "users": {"name": "Front desk, ground floor"},
    "holidays": {"dates": [{"first": "2027-01-01", "yearly": True, "name": "New Year"}]},
    "time_ranges": {"weekly": [{"days": ["mon", "tue"], "start": "09:00", "end": "16:00"}]},
    "permissions": {"rules": [{"calls": "premium", "allow": False}]},
    "call_limits": {"opened": ["GB", "+33"], "action": "end"},
    "address_groups": {"entries": ["192.0.2.0/24"]},
    "vpn_devices": {"enabled": False},
    "sites": {"codecs": ["opus", "gsm"], "layer": "pppoe"},
    "desk_phones": {"extensions": ["201", "202"]},
    "phone_templates": {"text": "#!version:1.0.0.1\n"},
    "provisioning": {"interval": 720, "new_extensions": "never"},
    "guard": {"tries": 8, "minutes": 10},
    "firewall": {"administration": ["local networks", "VPN", "Branch"]},
    "plug_and_play": {"tftp": False, "dhcp_hours": 24},
    "redirections": {"account": "acme-2"},
    "extensions": {"ring_time": 30, "forward_no_answer": "202"},
    "trunks": {"hosts": ["sip1.example.com", "sip2.example.com"]},
    "inbound": {"target": "300"},
    "outbound": {"trunks": ["Provider", "Spare"]},
    "ring_groups": {"members": ["201", "202"], "strategy": "all"},
    "services": {"name": "Waiting room, upstairs"},
    "speed_dials": {"target": "0307654321"},
    "emergency_numbers": {"trunks": ["Provider"]},
    "sounds": {"path": "/srv/sounds/closed-2027.wav"},
    "mail": {"host": "mail.example.com", "username": "pbx", "sender": "pbx@example.com"},
    "notices": {"recipients": ["it@example.com"]},
    "webhooks": {"events": ["call.*"], "numbers": ["201"]},
    "directory": {"enabled": True, "hosts": ["dc1.example.com"], "base": "dc=example,dc=com"},
    "openid": {"enabled": True, "name": "Example", "issuer": "https://login.example.com", "client_id": "jackfield"},
}
"""What changes some of its fields."""

_TRANSFER = {"to": "103", "party": "caller"}
_PLAY = {"sound": "tone:beep", "party": "101", "times": 3}
_DIGITS = {"digits": "1,,4711#"}
_CONTACT = {"name": "Taxi", "numbers": [{"kind": "work", "number": "+49 30 5550199"}]}
BODIES: Mapping[str, dict[str, Any]] = {
    "originate": {"from": "101", "to": "0301234567", "name": "Acme, order 4711"},
    "prove_phone": {"extension": "103"},
    "transfer_call": _TRANSFER,
    "transfer_own_call": {"to": "103"},
    "play_in_call": _PLAY,
    "play_in_own_call": {"sound": "tone:beep"},
    "send_digits_in_call": _DIGITS,
    "send_digits_in_own_call": _DIGITS,
    "make_vpn_device": {"name": "Branch router", "networks": ["192.168.50.0/24"]},
    "look_for_dhcp_servers": {"card": "eth0"},
    "redirect_phone": {"code": "1A2B"},
    "check_sync_desk_phones": {"macs": ["00156512abcd"], "when": "night"},
    "adopt_phone": {"number": "201", "model": "yealink-t46u"},
    "call_from_own_phone": {"to": "+49 30 1234567"},
    "approve_call": {"yes": True},
    "panic": {"on": True},
    "block_source": {"source": "203.0.113.7", "hours": 24},
    "lift_block": {"source": "203.0.113.7"},
    "approve_own_call": {"yes": False},
    "switch_hours": {"state": "closed", "until": "change"},
    "change_several": {
        "changes": [
            {"section": "extensions", "action": "change", "key": "101", "values": {"ring_time": 20}},
            {"section": "inbound", "action": "remove", "key": ["Provider", "5550101"]},
        ]
    },
    "set_order_of_trunks": {"keys": ["Provider", "Spare"]},
    "set_order_of_call_limits": {"keys": ["Abroad", "Long calls"]},
    "set_order_of_inbound": {"keys": ["Provider 5550101", "Provider"]},
    "send_welcome": {"logins": ["front.desk"]},
    "set_password": {"password": "seven-quiet-lanterns"},
    "change_own_password": {"old": "the-one-until-now", "new": "seven-quiet-lanterns"},
    "create_contact": _CONTACT,
    "change_contact": {"note": "Knows the way"},
    "create_own_contact": _CONTACT,
    "change_own_contact": {"note": "Knows the way"},
    "change_own_extension": {"forward_no_answer": "102", "do_not_disturb": False},
    "add_own_device": {"name": "Mobile"},
    "change_preferences": {"language": "de"},
    "try_mail": {"recipient": "it@example.com"},
    "try_trunk": {"kind": "register", "hosts": ["sip.example.com"], "username": "acme", "password": "a-long-one-4711"},
    "put_certificate": {"certificate": "-----BEGIN CERTIFICATE-----\n…", "key": "-----BEGIN PRIVATE KEY-----\n…"},
    "request_certificate": {"names": ["phone.example.com"], "organisation": "Bell & Sons"},
    "renew_certificate": {"names": ["phone.example.com"]},
    "replay_deliveries": {"since": "2026-11-23T00:00:00Z"},
}

GROUPS: Mapping[str, str] = {
    "now": "What is going on: calls, phones, trunks, hours; and taking part in it.",
    "calls": "The history of calls.",
    "me": "What belongs to whoever asks: the scopes own:read and own:write.",
    "own contacts": "One's own contacts, and favourites.",
    "contacts": "The company's contacts.",
    "users": "People who may sign in.",
    "extensions": "Numbers of people and rooms, with their phones.",
    "ring_groups": "Numbers at which several people are rung.",
    "services": "Numbers of the house itself: echo test, announcement, music, time of day, by the hour, night switch.",
    "speed_dials": "Short numbers for long ones.",
    "phones": "Setting phones up.",
    "accounts": "How people sign in, and where they are signed in.",
    "numbers": "The plan of numbers.",
    "trunks": "Lines to providers and to other systems.",
    "inbound": "Where calls from outside go. The first that fits counts.",
    "outbound": "By which trunks calls to the outside leave.",
    "emergency_numbers": "Numbers that may always be called.",
    "permissions": "What extensions may call.",
    "call_limits": "What outgoing calls may come to. They are looked at in their order.",
    "time_ranges": "When the house, or a part of it, is open.",
    "holidays": "Lists of days that are not like others.",
    "sounds": "Prompts and music of the company's own, by the path of their file; see `audio` to send one.",
    "audio": "Prompts and music.",
    "settings": "The company's settings, of which there is one set.",
    "roles": "Roles of the company's own, beside those built in.",
    "sign_in": "Rules of signing in.",
    "guard": "When somebody who guesses is blocked.",
    "firewall": "Which service of the machine is open to whom.",
    "address_groups": "Addresses by name, which phones, trunks and the administration may be bound to.",
    "desk_phones": "Telephones that fetch their configuration here.",
    "phone_templates": "Templates of phones' files that differ from the built-in ones.",
    "provisioning": "How phones get their configuration.",
    "plug_and_play": "By which ways phones of the local networks find us.",
    "redirections": "Accounts at vendors' services that send phones on to us.",
    "vpn_devices": "Phones, computers and sites that come in by WireGuard.",
    "sites": "Places with phones, and what the line of each carries.",
    "mail": "The server by which e-mails leave.",
    "notices": "What administrators are told by e-mail.",
    "webhooks": "Programs that are told, what was sent to them, and sending it again.",
    "directory": "Active Directory, or another LDAP directory.",
    "openid": "Signing in by OpenID Connect.",
    "certificate": "The certificate of the console and of encrypted phones.",
    "configuration": "All of it as one YAML document, and the description of the API.",
    "changes": "The history of the configuration, and taking changes back.",
    "several": "Several changes at once, the order of things, and what names a thing.",
    "tables": "Lists as CSV, out and in.",
    "figures": "How the system is and was: alerts, statistics, machine, logs.",
    "system": "Keeping the system.",
    "trials": "Trying what is set: mail, trunk, call, directory.",
    "tokens": "Tokens for programs.",
}
"""What each group of operations is about, those first that are wanted most."""

PARTS: Mapping[str, tuple[str, str]] = {
    "name": ("Its name.", "Provider"),
    "number": ("The number; of an incoming one the digits as the trunk sends them.", "101"),
    "login": ("The name that the person signs in with.", "front.desk"),
    "trunk": ('Name of the trunk; "-" stands for any.', "Provider"),
    "language": ('The language; "-" stands for all.', "en"),
    "country": ("Two letters (ISO 3166-1).", "DE"),
    "sip_username": ("The SIP name of the phone: one of the extension's `lines`.", "reception201"),
    "service": ("Of a vendor that sends new phones on.", "yealink"),
    "mac": ("Its MAC address: twelve hexadecimal digits.", "00156512abcd"),
    "file": ("Vendor and file of the template.", "yealink:phone.cfg"),
    "id": ("Its id, from the list.", ""),
    "change": ("The id of the change.", ""),
    "link": ("The id of the link.", ""),
}
"""What stands in paths, and an example of it."""

PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": 'Number 190 is already the ring group "Sales"; next free: 191.',
    "errors": [{"field": "number", "message": 'Number 190 is already the ring group "Sales"; next free: 191.'}],
}


def place(group: str) -> int:
    """Return at which place a group of operations stands."""
    return [*GROUPS].index(group) if group in GROUPS else len(GROUPS)


def body(id: str) -> dict[str, Any] | None:
    """Return an example of what the operation with this id takes; None where it takes no JSON."""
    doing, _, section = id.partition("_")
    if id in BODIES:
        return BODIES[id]
    if doing == "change":
        return CHANGED.get(section)
    if doing == "create" or (doing == "replace" and section in NEW):
        return NEW.get(section)
    return CHANGED.get(section) if doing == "replace" else None
