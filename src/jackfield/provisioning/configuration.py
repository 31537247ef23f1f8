"""What a phone is told, whatever its vendor: accounts, keys, time, language, directory, where to fetch the next time.

Templates see exactly these values (`templates/<vendor>/`), so each name here is a promise to a company that has a
template of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Account", "Directory", "Fetching", "Key", "KeyKind", "PhoneConfiguration", "Server", "Srtp", "Transport"]

Transport = Literal["udp", "tcp", "tls"]
Srtp = Literal["off", "offered", "required"]
KeyKind = Literal["none", "line", "blf", "speed_dial", "park", "pickup", "voicemail", "forward"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A SIP server. `host`: a name or an address; an IPv6 address without brackets (templates ask for `host_port`)."""

    host: str
    port: int = 5060

    @property
    def uri_host(self) -> str:
        """The host as it stands in a URI: an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def host_port(self) -> str:
        """Host and port as they stand in a URI."""
        return f"{self.uri_host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One line of the phone: a registration. The first account is line 1."""

    number: str  # what others dial to reach it
    username: str  # SIP name: the user part of the address of record
    password: str
    server: Server
    backup: Server | None = None  # asked when `server` does not answer
    name: str = ""  # of the person or room, shown to others
    label: str = ""  # on the phone's own screen; "" means the number
    auth_username: str = ""  # "" means `username`
    transport: Transport = "udp"
    srtp: Srtp = "offered"
    codecs: tuple[str, ...] = ("opus", "g722", "pcma", "pcmu")  # best first, as the snapshot names them
    voicemail: str = ""  # number to dial for its messages; "" when it has no mailbox
    expires: int = 300  # seconds of a registration
    keep_alive: int = 0  # seconds between packets that keep a router's port open; 0: none

    @property
    def login(self) -> str:
        """The name in the digest (RFC 7616)."""
        return self.auth_username or self.username

    @property
    def shown(self) -> str:
        """What stands beside the line's key."""
        return self.label or self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A programmable key, by its place in `PhoneConfiguration.keys`: the first is the first key of the phone.

    `value`: the number that it watches, dials, parks at, picks up or forwards to; "" where it needs none.
    `line`: the account that it works on, from 1.
    """

    kind: KeyKind = "none"
    value: str = ""
    label: str = ""
    line: int = 1

    @property
    def shown(self) -> str:
        """What stands beside the key."""
        return self.label or self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Where the phone looks up names: an LDAP server, or the address of a directory in the vendor's XML."""

    name: str = ""  # as the phone's menu shows it
    ldap_host: str = ""  # "" means no LDAP
    ldap_port: int = 389
    ldap_tls: bool = False
    ldap_base: str = ""
    ldap_user: str = ""
    ldap_password: str = ""
    xml_url: str = ""  # "" means no XML directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """Where and how the phone fetches its configuration from now on."""

    url: str  # the folder that holds the phone's files, with a slash at its end
    username: str = ""  # the phone's own credentials; "" on local networks without
    password: str = ""
    interval: int = 86400  # seconds; 0: only when it starts or is told to
    made: int = 0  # when this was put together, seconds since 1970: a version that only rises
    authority_url: str = ""  # the certificate of our own authority (PEM); "" where phones trust the server's anyway


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneConfiguration:
    """Everything that one phone is told. `mac`: twelve lower-case hex digits."""

    mac: str
    accounts: tuple[Account, ...]
    fetching: Fetching
    keys: tuple[Key, ...] = ()
    time_zone: str = "Europe/London"  # IANA's name
    ntp_server: str = "pool.ntp.org"
    country: str = "gb"  # two letters: its tones
    language: str = "en"  # two letters
    directory: Directory = Directory()
    logo_url: str = ""  # in the form that the model's description names; "" leaves the vendor's
    admin_password: str = ""  # of the phone's own pages; "" leaves what it has
    user_password: str = ""
    firmware_url: str = ""  # "" leaves the firmware alone
    pickup_code: str = ""  # dialled before a number that rings, to take its call; "" when lamps do it by themselves
    multicast_paging: tuple[str, ...] = ()  # "address:port"s that it listens to
