"""What the fields of phones, sites and the VPN are called on pages, and what they are for: see `words`."""

from __future__ import annotations

from jackfield.console.web.forms import Words
from jackfield.switch.snapshot import DEFAULT_CODECS

__all__ = ["PHONES"]

_CODECS = tuple((name, name) for name in DEFAULT_CODECS)
PHONES: dict[str, dict[str, Words]] = {
    "sites": {
        "networks": Words(
            "Networks inside", "As its phones are addressed at the site, such as 192.168.1.0/24.", wide=True
        ),
        "public_addresses": Words(
            "Seen from outside as",
            "Addresses, networks or names of hosts of its router, such as 203.0.113.7 or branch.example.com.",
            wide=True,
        ),
        "bandwidth_up": Words(
            "Up", "What calls may use from the site to the Internet. 0 sets no limit.", "kbit/s", zero="no limit"
        ),
        "bandwidth_down": Words(
            "Down", "What calls may use from the Internet to the site. 0 sets no limit.", "kbit/s", zero="no limit"
        ),
        "layer": Words("Counted as", "PPPoE for most DSL lines; each layer adds to what a packet weighs."),
        "codecs": Words(
            "Codecs",
            "The best first, within what each phone may use. When the line is full, calls change to the smallest of "
            "these. None chosen: as the phones have them.",
            choices=_CODECS,
        ),
        "time_zone": Words("Time zone", "Empty: the company's.", suggestions="time_zones"),
        "country": Words(
            "Country", "Two letters, for the tones of its phones. Empty: the company's.", suggestions="countries"
        ),
        "caller_id": Words("Number shown outside", "For extensions that have none of their own. Empty: the trunk's."),
        "emergency_address": Words(
            "Address for emergencies",
            "Where help has to come to: street, floor, room, town. Whoever gets notices of emergency calls is told; "
            "the provider is not.",
            wide=True,
        ),
        "direct_media": Words(
            "Calls within the site go directly", "From phone to phone, without crossing the Internet twice."
        ),
    },
    "desk_phones": {
        "mac": Words("MAC address", "As on its label: 00:15:65:12:AB:CD."),
        "model": Words("Model", "Not in this list: Other SIP phone, and type into it what its page says."),
        "name": Words("Place or person", "Such as: Reception"),
        "extensions": Words(
            "Extensions",
            "Numbers, in the order of the phone's lines; or the SIP name of one of an extension's phones.",
            suggestions="numbers",
        ),
        "keys": Words(
            "Keys",
            "From the first key of the phone on. Without any, its first keys are its lines. A key for a line "
            "needs no number: it is for the line beside it.",
            wide=True,
        ),
        "site": Words("Site", "Empty: by its address."),
        "enabled": Words("May fetch its configuration", "Switched off, it is given nothing."),
    },
    "phone_templates": {
        "file": Words("File", "Vendor and name, such as yealink:phone.cfg.", suggestions="phone_template_files"),
        "text": Words("Text", kind="text_area", wide=True),
        "made_from": Words("Made from", "Which built-in template it was made from. Empty: the one of now."),
    },
    "provisioning": {
        "enabled": Words(
            "Phones are given their configuration",
            "In the local networks, for the MAC address alone. From elsewhere, with a one-time address or their own "
            "password, they are in any case; with No nobody is.",
        ),
        "new_extensions": Words(
            "A phone that nobody has entered gets an extension", "Otherwise it is listed at What phones ask."
        ),
        "server": Words("Our name or address", "As phones are to reach us. Empty: the one by which each asks."),
        "backup_server": Words("Backup server", "Phones go to it when ours does not answer, by the same port."),
        "time_server": Words("Time server", "Where phones ask for the time. Empty: pool.ntp.org."),
        "local_transport": Words("Transport in the local networks"),
        "remote_transport": Words("Transport from elsewhere"),
        "interval": Words(
            "Phones look for changes every", "Polycom, Grandstream and Fanvil once an hour at most.", unit="minutes"
        ),
        "link_hours": Words("One-time addresses last", unit="hours"),
        "night": Words("At night is at", "When phones are restarted that shall be so at night."),
        "phone_password": Words(
            "Password of the phones' own pages",
            "Leave empty to keep it as it is. Capitals, small letters and digits; a phone's page shows it.",
        ),
        "logo": Words("Logo", "Web address of a picture. The page of a model says which it shows."),
        "logos": Words(
            "Other logos",
            "For who takes no such picture, a vendor or model in each line: yealink-t42u: https://files.example.com/t42.dob",
            wide=True,
        ),
        "firmware": Words(
            "Firmware",
            "One vendor or model in each line; {model} stands for the model's name: "
            "yealink: https://files.example.com/{model}.rom",
            wide=True,
        ),
        "client_certificates": Words(
            "Vendors' certificates prove phones",
            "For models that have one of their maker. Their authorities must be in certificates/phones of the data "
            "directory, as PEM files.",
        ),
    },
    "plug_and_play": {
        "tftp": Words("TFTP", "Phones fetch their configuration by TFTP. In the local networks only."),
        "multicast": Words("Plug and play by SIP", "Phones that ask all of their network are told where to fetch."),
        "ldap": Words("Directory by LDAP", "Phones look up extensions and contacts, each with a password of its own."),
        "dhcp": Words("Our own DHCP server", "Never where another one answers."),
        "dhcp_interface": Words("Network card", "Where the phones are, such as eth0.", suggestions="network_cards"),
        "dhcp_first": Words("First address"),
        "dhcp_last": Words("Last address"),
        "dhcp_gateway": Words("Router", "Empty: the phones stay in their network."),
        "dhcp_name_servers": Words("Name servers"),
        "dhcp_time_servers": Words("Time servers", "Addresses. Phones also ask the one in their configuration."),
        "dhcp_hours": Words("An address is kept for", unit="hours"),
        "dhcp_phones_only": Words("For phones only", "By their MAC addresses, and by what they say they are."),
    },
    "redirections": {
        "service": Words("Service"),
        "account": Words("Account", "The name, or the id of the key for programs."),
        "password": Words("Password", "Or the secret of the key. Leave empty to keep it as it is."),
        "address": Words("Address of the service", "Empty: the vendor's own."),
    },
    "vpn_devices": {
        "public_key": Words("Public key", "Of the device, 44 characters. Its private key stays there.", wide=True),
        "address": Words("Address in the VPN"),
        "networks": Words(
            "Networks behind it", "Of a site, such as 192.168.50.0/24. None for a single device.", wide=True
        ),
    },
}
