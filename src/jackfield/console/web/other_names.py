"""What else people call a setting or a page: other phone systems' words, the field's words, and everyday ones.

Each is one text with commas, so that whoever translates puts down the words of his own language, however many.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

__all__ = ["of_page", "of_setting"]

SETTINGS = {
    "extensions.number": _("internal number, local number, subscriber"),
    "extensions.ring_time": _("ring time, timeout, ring duration, how long it rings, no answer timeout"),
    "extensions.do_not_disturb": _("DND, silence, mute, quiet"),
    "extensions.call_waiting": _("call waiting, knocking, second call, busy on busy"),
    "extensions.max_calls": _("call limit, simultaneous calls, concurrent calls, channels"),
    "extensions.forward_always": _("call forwarding, diversion, redirect, unconditional forward, CFU, forward all"),
    "extensions.forward_busy": _("call forwarding, diversion, redirect, forward when busy, CFB"),
    "extensions.forward_no_answer": _("call forwarding, diversion, redirect, forward on no answer, CFNA, voicemail"),
    "extensions.forward_unreachable": _("call forwarding, diversion, redirect, not registered, offline"),
    "extensions.outside_calls": _("permissions, barring, toll restriction, external calls, class of service"),
    "extensions.caller_id": _("caller ID, CLIP, CLI, number display, outgoing number"),
    "extensions.caller_id_name": _("caller name, display name, CNAM"),
    "extensions.anonymous": _("CLIR, withhold number, hide number, private number"),
    "extensions.codecs": _("codec, G.711, G.722, Opus, alaw, ulaw, audio quality, HD voice"),
    "ring_groups.members": _("hunt group, who rings, agents, extensions of the group"),
    "ring_groups.strategy": _("ring all, sequential, hunting, order, linear, distribution"),
    "ring_groups.step_time": _("ring time, timeout, seconds each rings"),
    "ring_groups.fallback": _("overflow, nobody answers, failover, timeout destination"),
    "ring_groups.caller_id_prefix": _("name prefix, label, tag, caller prefix"),
    "services.time_ranges": _("opening hours, business hours, night mode, day and night, schedule, calendar"),
    "trunks.hosts": _("registrar, SIP server, provider address, host, proxy"),
    "trunks.username": _("SIP account, login, credentials"),
    "trunks.password": _("SIP password, secret, credentials"),
    "trunks.transport": _("UDP, TCP, TLS, encryption"),
    "trunks.qualify_interval": _("OPTIONS, keep-alive, ping, monitoring"),
    "trunks.register_expires": _("registration interval, expiry"),
    "trunks.srtp": _("encryption, secure media, SRTP"),
    "trunks.dtmf": _("DTMF, RFC 2833, telephone-event, tones, key presses"),
    "inbound.number": _("DID, DDI, direct line, incoming number"),
    "inbound.target": _("destination, route to, answer point"),
    "outbound.prefix": _("dial pattern, route pattern, area code, least cost"),
    "outbound.strip": _("remove digits, cut, manipulation"),
    "outbound.prepend": _("add digits, prefix, manipulation"),
    "settings.ring_time": _("ring time, timeout, ring duration, no answer timeout"),
    "settings.outside_prefix": _("outside line, 0 for outside, exchange line, trunk access code, leading zero"),
    "settings.first_number": _("number plan, numbering, first extension"),
    "settings.time_zone": _("clock, local time, daylight saving"),
    "settings.music": _("music on hold, MOH, waiting music"),
    "settings.public_address": _("NAT, external IP, router, STUN, public IP"),
    "guard": _("fail2ban, blacklist, ban, brute force, scanner, blocked addresses, intrusion"),
    "firewall": _("iptables, nftables, ports, ACL, access list, block, security"),
    "settings.local_networks": _("LAN, subnet, NAT, private addresses"),
    "settings.turn": _("coturn, relay, WebRTC, STUN, ICE"),
    "settings.vpn": _("WireGuard, tunnel, remote access"),
    "settings.anonymous_calls": _("strangers, spam, anonymous, unknown callers, allow guest"),
    "settings.keep_calls_days": _("retention, delete old calls, privacy, GDPR"),
    "settings.max_call_minutes": _("longest call, call duration limit, fraud"),
    "settings.country": _("tones, region, locale, number format"),
    "settings.realm": _("SIP domain, authentication realm"),
    "sign_in.idle_minutes": _("session timeout, automatic logout, inactivity"),
    "sign_in.longest_hours": _("session length, timeout, automatic logout"),
    "sign_in.second_factor": _("2FA, MFA, two-factor, TOTP, passkey, authenticator"),
    "sign_in.browser_phones": _("WebRTC, web client, softphone, web phone"),
    "users.browser_phone": _("WebRTC, web client, softphone, web phone"),
    "sign_in.password_length": _("password policy, minimum length"),
    "sign_in.tries": _("brute force, lockout, wrong password"),
    "mail.host": _("SMTP server, mail server, outgoing mail, relay"),
    "mail.sender": _("from address, reply address"),
    "mail.security": _("STARTTLS, SSL, TLS, encryption"),
    "notices.recipients": _("alerts, alarm, who is told, e-mail to"),
    "notices.missed_call": _("missed call e-mail, notification"),
    "call_limits.calls_per_hour": _("maximum calls, rate limit, fraud"),
    "call_limits.minutes_per_call": _("maximum duration, longest call, call length"),
    "call_limits.money_per_day": _("budget, spending cap, cost limit"),
    "call_limits.countries": _("international barring, blocked countries, allowed countries"),
    "call_limits.pin": _("authorisation code, account code"),
    "users.role": _("permissions, rights, administrator, access"),
    "users.email": _("mail address"),
    "directory.hosts": _("LDAP server, domain controller, Active Directory"),
    "openid.issuer": _("SSO, single sign-on, Entra, Azure AD, Google, Keycloak, OAuth"),
}
"""By section and field, as the YAML document names them."""

PAGES = {
    "/admin/": _("dashboard, home, start"),
    "/admin/active/": _("live calls, current calls, ongoing, who is talking, hang up"),
    "/admin/users/": _("people, accounts, staff, employees, persons"),
    "/admin/extensions/": _("internal numbers, phones, subscribers"),
    "/admin/ring_groups/": _("hunt groups, departments, teams, call groups"),
    "/admin/services/": _("opening hours, night mode, announcements, echo test, IVR"),
    "/admin/speed_dials/": _("short codes, quick dial, abbreviated numbers"),
    "/admin/contacts/": _("phone book, address book, customers, vCard"),
    "/admin/dialplan/": _("numbering plan, all numbers, free numbers"),
    "/admin/phones/": _("registrations, devices, handsets, endpoints, online, MAC"),
    "/admin/call_limits/": _("fraud, toll fraud, outgoing call limits, constraints, spending cap, IRSF, budget"),
    "/admin/call_limits/now": _(
        "blocked calls, refused countries, unblock, usage of limits, spent money, open a country"
    ),
    "/admin/rates/": _("tariff, price list, cost of calls, call charges, price per minute, currency"),
    "/admin/sites/": _("branches, offices, locations, bandwidth of a line, home office"),
    "/admin/sites/bandwidth": _("bandwidth calculator, planner, kbit/s, how many calls fit"),
    "/admin/trunks/": _("providers, SIP account, carrier, outside lines, gateways"),
    "/admin/inbound/": _("DID, direct numbers, incoming routes"),
    "/admin/outbound/": _("routes, dial rules, least cost routing"),
    "/admin/emergency_numbers/": _("112, 110, 911, 999, police, fire, ambulance"),
    "/admin/whatif/": _("test a route, simulate, trace, why"),
    "/admin/calls/": _("call log, CDR, call records, history, missed calls"),
    "/admin/statistics/": _("reports, charts, figures"),
    "/admin/changes/": _("audit log, who changed, undo, history of changes, restore"),
    "/admin/settings/": _("general, global settings"),
    "/admin/addresses/": _("NAT, port forwarding, router, firewall, one-way audio, external IP, STUN, test"),
    "/admin/vpn/": _("WireGuard, tunnel, remote phones, home office, QR code"),
    "/admin/codecs/": _("audio quality, HD voice, transcoding, Opus, G.711, G.722, G.729"),
    "/admin/languages/": _("translations, language packs, locale, prompts"),
    "/admin/retention/": _("delete old data, privacy, GDPR, storage, how long"),
    "/admin/audio/": _("prompts, recordings, announcements, music on hold, wav, mp3"),
    "/admin/mail/": _("SMTP, mail server"),
    "/admin/notices/": _("alerts, alarms, notifications, webhooks"),
    "/admin/api/": _("REST, tokens, developers, integration, webhooks"),
    "/admin/directory/": _("LDAP, Active Directory, domain"),
    "/admin/openid/": _("SSO, single sign-on, Entra, Google, Keycloak"),
    "/admin/health/": _("CPU, memory, disk, status, monitoring, load"),
    "/admin/logs/": _("log files, errors, debugging, support"),
    "/admin/roles/": _("permissions, rights, access control"),
    "/admin/sign_in/": _("login, password policy, sessions, 2FA"),
    "/admin/sessions": _("logged in, active sessions, who is online, end a session"),
    "/admin/document/": _("export, import, backup, declarative, YAML, configuration file"),
    "/admin/certificates/": _("TLS, HTTPS, SSL, Let's Encrypt, ACME"),
    "/admin/time_ranges/": _("opening hours, business hours, holidays, schedule, calendar"),
    "/admin/webhooks/": _("HTTP callbacks, events, integration"),
}
"""By address."""


def of_setting(section: str, field: str) -> tuple[str, ...]:
    """Return what else a setting is called."""
    return _split(SETTINGS.get(f"{section}.{field}", ""))


def of_page(address: str) -> tuple[str, ...]:
    """Return what else a page is called."""
    return _split(PAGES.get(address, ""))


def _split(text: object) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(text).split(",") if part.strip())
