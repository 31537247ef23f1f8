"""What there is to configure, as the pages show it: for each section of the document its list and its form.

From one `Screen` come the list, the form, the table import and export and the words of the API. Fields are named as in
the YAML document. What a field is called and what it is for stands in `words.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from jackfield.console.declarative.section import Section
from jackfield.console.declarative.sections import SECTIONS
from jackfield.notices.choices import FOR_ADMINISTRATORS

__all__ = ["SCREENS", "Group", "Screen"]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of a form that belong together. `folded`: rarely needed, shown on demand."""

    title: str
    fields: tuple[str, ...]
    folded: bool = False
    kinds: tuple[str, ...] = ()  # for which values of the field "kind" they mean something; () means all


@dataclass(frozen=True, slots=True)
class Screen:
    """The list and the form of one section."""

    name: str  # of the section, and in the address
    area: str
    title: str
    one: str
    purpose: str  # one sentence: what this is for
    groups: tuple[Group, ...]
    columns: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()  # lookups of the model
    filters: tuple[str, ...] = ()  # fields with few values
    first_step: str = ""  # what an empty list teaches

    @property
    def section(self) -> Section:
        """The section of the document."""
        return SECTIONS[self.name]


SCREENS = {
    screen.name: screen
    for screen in (
        Screen(
            "users", "people", "Users", "user",
            "People who sign in: to their own pages, or to administer the system.",
            (Group("Person", ("login", "name", "email", "language")),
             Group("Rights", ("role", "enabled", "browser_phone"))),
            columns=("login", "name", "email", "role", "enabled"),
            searched=("login", "name", "email"),
            filters=("role", "enabled", "browser_phone"),
            first_step="Add the people who have a phone; each can then choose where calls go.",
        ),
        Screen(
            "roles", "system", "Roles", "role",
            "Roles of your own, beside those built in: what each may see and change.",
            (Group("Role", ("name",)), Group("May", ("areas",))),
            columns=("name", "areas"),
            searched=("name",),
            first_step="The roles built in are enough for most. Make one of your own for a reception or a supervisor.",
        ),
        Screen(
            "call_limits", "safety", "Limits on calls", "limit",
            "What outgoing calls may come to: how many, how long, for how much money. Looked at from the top; "
            "emergency calls are never limited.",
            (
                Group("Limit", ("name", "enabled")),
                Group("Which calls", ("applies_to", "kinds", "countries", "prefixes", "opened")),
                Group("Counted for", ("per", "only", "hours", "when")),
                Group("How much", ("always", "calls_per_hour", "calls_at_once", "minutes_per_day",
                                   "minutes_per_call")),
                Group("For how much money, by the rate table",
                      ("money_per_hour", "money_per_day", "money_per_month")),
                Group("When it is reached", ("action", "pin")),
            ),
            columns=("name", "applies_to", "per", "action", "enabled"),
            searched=("name",),
            filters=("action", "per", "enabled"),
            first_step="A stolen password costs at most what is allowed here. Begin with calls abroad: "
            "50 in an hour, 2 hours of talk in a day.",
        ),
        Screen(
            "address_groups", "safety", "Address groups", "address group",
            "Addresses by a name, to say from where phones may connect and who may administer.",
            (Group("Group", ("name", "entries")),),
            columns=("name", "entries"),
            searched=("name", "entries"),
            first_step="Name the networks of the office and the branches. The group “local networks” is always there.",
        ),
        Screen(
            "firewall", "safety", "Firewall", "settings",
            "Which service is open to whom: address groups, addresses, networks, “everyone”. Empty: nobody.",
            (
                Group("Calls", ("sip", "sip_tls", "websocket", "audio", "stun")),
                Group("Pages and programs", ("own_pages", "administration", "api", "metrics")),
                Group("Phones' configurations", ("provisioning", "tftp", "dhcp", "ldap", "ldaps")),
                Group("This machine", ("vpn", "ssh", "other")),
            ),
        ),
        Screen(
            "guard", "safety", "Guard", "settings",
            "When somebody who guesses at SIP names and passwords is not heard for a while.",
            (
                Group("Blocking", ("enabled", "tries", "window", "minutes", "longest_hours")),
                Group("Never", ("never",)),
            ),
        ),
        Screen(
            "desk_phones", "phones", "Desk phones", "desk phone",
            "Telephones that fetch their configuration from here, by their MAC addresses.",
            (
                Group("Phone", ("mac", "model", "name", "enabled")),
                Group("Extensions", ("extensions",)),
                Group("Keys", ("keys",)),
                Group("Place", ("site",), folded=True),
            ),
            columns=("mac", "model", "name", "extensions"),
            searched=("mac", "model", "name", "extensions", "standing__address", "standing__user_agent"),
            filters=("model", "enabled"),
            first_step="Type or scan the MAC address from the label of a phone. It then sets itself up.",
        ),
        Screen(
            "phone_templates", "phones", "Templates of your own", "template",
            "Files for phones that differ from the built-in ones.",
            (Group("Template", ("file", "text", "made_from")),),
            columns=("file",),
            searched=("file", "text"),
            first_step="The built-in templates are enough for most. Change one from the page of models.",
        ),
        Screen(
            "provisioning", "phones", "Provisioning", "settings",
            "How phones get their configuration, and what they are told besides.",
            (
                Group("Rules", ("enabled", "new_extensions", "link_hours", "client_certificates")),
                Group("Reaching us", ("server", "backup_server", "local_transport", "remote_transport", "time_server")),
                Group("Phones", ("phone_password", "interval", "night", "logo")),
                Group("Logo and firmware by vendor or model", ("logos", "firmware"), folded=True),
            ),
        ),
        Screen(
            "plug_and_play", "phones", "Ways of the local network", "settings",
            "By which ways phones of the local networks find us, without anybody typing an address into them.",
            (
                Group("Answers", ("tftp", "multicast", "ldap")),
                Group("Our own DHCP server", ("dhcp", "dhcp_interface", "dhcp_first", "dhcp_last", "dhcp_phones_only")),
                Group("Told by DHCP", ("dhcp_gateway", "dhcp_name_servers", "dhcp_time_servers", "dhcp_hours"),
                      folded=True),
            ),
        ),
        Screen(
            "redirections", "phones", "Redirection services", "redirection service",
            "Accounts at phones' vendors, whose servers send new phones on to us wherever they are plugged in.",
            (Group("Account", ("service", "account", "password")), Group("Details", ("address",), folded=True)),
            columns=("service", "account"),
            searched=("account",),
            first_step="Ask the vendor for access to its service, then phones at home find us by themselves.",
        ),
        Screen(
            "sign_in", "system", "Sign-in", "settings",
            "How people sign in, and how long they stay so.",
            (
                Group("Sessions", ("idle_minutes", "longest_hours")),
                Group("Second factor", ("second_factor",)),
                Group("Passwords", ("password_length", "tries", "address_tries")),
                Group("Phones in browsers", ("browser_phones", "browser_roles")),
            ),
        ),
        Screen(
            "extensions", "people", "Extensions", "extension",
            "Internal numbers with the phones that ring for them.",
            (
                Group("Who", ("number", "name", "user", "enabled")),
                Group("Ringing", ("ring_time", "do_not_disturb", "call_waiting", "max_calls")),
                Group("Where calls go",
                      ("forward_always", "forward_busy", "forward_no_answer", "forward_unreachable", "hours",
                       "forward_closed")),
                Group("Calls to the outside",
                      ("outside_calls", "permission", "caller_id", "caller_id_name", "anonymous")),
                Group("Audio", ("codecs", "language"), folded=True),
                Group("Place", ("site",), folded=True),
                Group("Safety", ("phones_from",), folded=True),
            ),
            columns=("number", "name", "user", "forward_always", "do_not_disturb", "enabled"),
            searched=("number", "name", "user__login", "user__name", "lines__sip_username"),
            filters=("enabled", "do_not_disturb", "outside_calls"),
            first_step="An extension is a number that a phone rings for. Add the first, then connect a phone to it.",
        ),
        Screen(
            "ring_groups", "people", "Ring groups", "ring group",
            "One number that rings several phones.",
            (
                Group("Group", ("number", "name", "members")),
                Group("Ringing", ("strategy", "step_time", "fallback")),
                Group("More", ("caller_id_prefix", "obey_forwards"), folded=True),
            ),
            columns=("number", "name", "members", "strategy", "fallback"),
            searched=("number", "name", "members"),
            filters=("strategy",),
            first_step="For a department or a counter: whoever is free answers.",
        ),
        Screen(
            "services", "people", "Services", "service",
            "Numbers with something built in: opening hours, a night switch, announcements, music, an echo test.",
            (
                Group("Service", ("number", "kind", "name")),
                Group("Hours", ("hours",), kinds=("schedule", "night")),
                Group("Opening hours", ("open_target", "closed_target", "time_ranges"), kinds=("schedule",)),
                Group("Night switch", ("until_change",), kinds=("night",)),
                Group("Sound", ("sound",), kinds=("announcement", "music", "echo")),
                Group("Announcement", ("repeat", "then"), kinds=("announcement",)),
                Group("Destination of your own", ("plugin", "options"), kinds=("plugin",)),
            ),
            columns=("number", "kind", "name"),
            searched=("number", "name"),
            filters=("kind",),
            first_step="Opening hours send callers one way by day and another by night.",
        ),
        Screen(
            "speed_dials", "people", "Speed dials", "speed dial",
            "Short numbers for long ones that everybody dials.",
            (Group("Speed dial", ("number", "name", "target", "everybody")),),
            columns=("number", "name", "target", "everybody"),
            searched=("number", "name", "target"),
            filters=("everybody",),
            first_step="The taxi, the branch, the supplier: two digits instead of twelve.",
        ),
        Screen(
            "permissions", "people", "Permissions", "permission",
            "What may be called: extensions name one. Emergency numbers can always be called.",
            (
                Group("Permission", ("name", "default")),
                Group("Rules, the first that fits counts", ("rules",)),
            ),
            columns=("name", "default", "rules"),
            searched=("name",),
            filters=("default",),
            first_step="For phones in the hall, or for those who may call abroad. Without one, all calls are allowed.",
        ),
        Screen(
            "trunks", "lines", "Trunks", "trunk",
            "Ways to the outside: providers, and other phone systems.",
            (
                Group("Provider", ("name", "kind", "hosts", "username", "password", "enabled")),
                Group("Numbers", ("caller_id", "international_format", "caller_id_in", "out_called", "out_calling",
                                  "in_calling"), folded=True),
                Group("Connection", ("transport", "domain", "auth_username", "outbound_proxy", "from_user", "sources",
                                     "register_expires", "qualify_interval", "answer_timeout", "verify_tls",
                                     "behind_nat"), folded=True),
                Group("Audio", ("codecs", "srtp", "dtmf"), folded=True),
                Group("Limits", ("max_calls", "trust_identity", "outside_calls"), folded=True),
            ),
            columns=("name", "kind", "hosts", "enabled"),
            searched=("name", "hosts", "username"),
            filters=("kind", "enabled"),
            first_step="A trunk leads to the telephone network. Your provider gave you a name and a password.",
        ),
        Screen(
            "inbound", "lines", "Incoming numbers", "incoming number",
            "What a number that is called from outside leads to. The first line that fits counts.",
            (
                Group("Called number", ("trunk", "number", "name")),
                Group("Leads to", ("target", "rewrite")),
                Group("Outside of hours", ("hours", "closed_target")),
                Group("Caller's number", ("calling",), folded=True),
            ),
            columns=("number", "trunk", "target", "name"),
            searched=("number", "target", "name"),
            filters=(),
            first_step="Say where calls to your outside numbers go: to a person, a group or opening hours.",
        ),
        Screen(
            "outbound", "lines", "Outgoing routes", "outgoing route",
            "Which trunk carries calls to the outside, by how the number begins.",
            (
                Group("Route", ("name", "prefix", "trunks", "enabled")),
                Group("Number", ("strip", "prepend", "min_digits"), folded=True),
                Group("More", ("hours", "caller_id", "max_calls"), folded=True),
            ),
            columns=("name", "prefix", "trunks", "enabled"),
            searched=("name", "prefix"),
            filters=("enabled",),
            first_step="With one trunk, one route is enough.",
        ),
        Screen(
            "emergency_numbers", "lines", "Emergency numbers", "emergency number",
            "Numbers that everybody may call from every phone, and that no limit stops.",
            (Group("Number", ("number", "name", "trunks", "sent_as")),),
            columns=("number", "name", "trunks", "sent_as"),
            searched=("number", "name"),
            first_step="Add the numbers of your country.",
        ),
        Screen(
            "vpn_devices", "phones", "VPN devices", "device",
            "Phones, computers and sites that come in by WireGuard.",
            (Group("Device", ("name", "enabled")), Group("Tunnel", ("public_key", "address", "networks"))),
            columns=("name", "address", "networks", "enabled"),
            searched=("name", "address", "public_key", "networks"),
            first_step="The page VPN makes a device with its key and address, and shows how to set it up.",
        ),
        Screen(
            "sites", "phones", "Sites", "site",
            "Places with phones: how each is recognised, what its line carries, and what its phones are given.",
            (
                Group("Site", ("name",)),
                Group("Recognised by", ("public_addresses", "networks")),
                Group("Its line", ("bandwidth_up", "bandwidth_down", "layer", "codecs", "direct_media")),
                Group("Its phones", ("caller_id", "language", "country", "time_zone")),
                Group("Emergency", ("emergency_address",)),
            ),
            columns=("name", "public_addresses", "networks", "bandwidth_up", "bandwidth_down"),
            searched=("name", "public_addresses", "networks"),
            first_step="Add each branch with the address of its router. Its line is then never filled beyond its size.",
        ),
        Screen(
            "time_ranges", "system", "Time ranges", "time range",
            "Hours by which calls go one way or another: office hours, on-call hours, a sale.",
            (
                Group("Time range", ("name",)),
                Group("Every week", ("weekly",)),
                Group("Single dates", ("dates",)),
                Group("Holidays", ("except_on", "also_on")),
            ),
            columns=("name", "weekly", "except_on", "also_on"),
            searched=("name",),
            first_step="Say when the office is open; incoming numbers, services and extensions then go by it.",
        ),
        Screen(
            "holidays", "system", "Holidays", "list of holidays",
            "Days on which the office is closed, whatever the weekday.",
            (Group("List", ("name",)), Group("Days", ("dates",))),
            columns=("name", "dates"),
            searched=("name", "dates"),
            first_step="One list for each place where you have an office; the public holidays are put in by a button.",
        ),
        Screen(
            "sounds", "system", "Sounds", "sound",
            "Prompts and music from files of your own.",
            (Group("Sound", ("name", "language", "path")),),
            columns=("name", "language", "path"),
            searched=("name", "path"),
            first_step="Jackfield has prompts and music of its own; here you add yours.",
        ),
        Screen(
            "settings", "system", "Company", "settings",
            "What holds for the whole company.",
            (
                Group("Company", ("company", "country", "language", "time_zone")),
                Group("Numbers", ("outside_prefix", "first_number", "ring_time", "music")),
                Group("Network", ("public_address", "local_networks", "stun_servers", "turn", "anonymous_calls")),
                Group("VPN", ("vpn", "vpn_network", "vpn_port", "vpn_host"), folded=True),
                Group("Phones", ("realm", "digest", "register_min", "register_default", "register_max",
                                 "qualify_interval", "qualify_all", "session_expires"), folded=True),
                Group("Limits", ("max_hops", "max_call_minutes", "drain_seconds", "keep_calls_days"), folded=True),
            ),
        ),
        Screen(
            "mail", "system", "E-mail", "e-mail server",
            "The server that takes our messages: notices, missed calls, welcome.",
            (
                Group("Server", ("host", "port", "security", "username", "password", "sender")),
                Group("Messages", ("links",)),
            ),
        ),
        Screen(
            "webhooks", "system", "Webhooks", "webhook",
            "Other programs are told of calls, phones and changes, signed, and again until they have taken it.",
            (
                Group("Program", ("name", "address", "enabled")),
                Group("Is told of", ("events", "numbers")),
                Group("Signature", ("secret",), folded=True),
            ),
            columns=("name", "address", "events", "enabled"),
            searched=("name", "address"),
            filters=("enabled",),
            first_step="A webhook tells your customer database of each call, as soon as it ends.",
        ),
        Screen(
            "directory", "system", "Directory", "directory",
            "People of Active Directory or another LDAP directory become users here, and sign in with its passwords.",
            (
                Group("Directory", ("enabled", "kind", "hosts", "security", "certificate", "bind_name",
                                    "bind_password", "base")),
                Group("People", ("groups", "role", "group_roles", "number_attribute", "minutes")),
                Group("Details", ("filter", "login_attribute"), folded=True),
            ),
        ),
        Screen(
            "openid", "system", "OpenID Connect", "OpenID Connect",
            "People sign in at another server: Microsoft Entra, Google Workspace, Keycloak and others.",
            (
                Group("Server", ("enabled", "name", "issuer", "client_id", "client_secret")),
                Group("People", ("domains", "create_users", "role")),
            ),
        ),
        Screen(
            "notices", "system", "Notices", "notices",
            "Who is told when something goes wrong; never twice in an hour of the same.",
            (
                Group("Who", ("recipients",)),
                Group("They are told", tuple(str(kind) for kind in FOR_ADMINISTRATORS)),
                Group("Everybody is told", ("missed_call", "account", "welcome", "forgotten_password")),
            ),
        ),
    )
}  # fmt: skip
"""By name of the section."""
