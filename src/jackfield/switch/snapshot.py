"""The snapshot: the whole configuration as plain frozen data, which is all that the switch knows of it.

The console builds it from the database and writes it as one JSON file; the switch reads the file, builds a new
`Snapshot` beside the old one and swaps. Calls in progress keep the one that they started with.

The names of the fields are those of the YAML that `jackfield apply` reads and `jackfield export` writes.
Wherever something leads somewhere (a forward, a fallback, an incoming number), the target is a *number* of the dial
plan, written as a user would dial it: "201", "912345678" through the outside-line prefix, or "" for nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from jackfield.network.firewall.rules import SAID_NOTHING, Firewall
from jackfield.network.guard.rules import NO_RULES, GuardRules
from jackfield.switch.limits.data import CallLimit as CallLimit
from jackfield.switch.numbering import Numbering as Numbering
from jackfield.switch.numbering import World as World

DEFAULT_CODECS = ("opus", "g722", "pcma", "pcmu", "gsm", "g729", "g726-32", "ilbc", "speex")
"""Order of preference. The first five are transcoded; the rest pass through when both sides have them."""

NatMode = Literal["auto", "always", "never"]
SrtpMode = Literal["off", "offered", "required"]
DtmfMode = Literal["auto", "rfc4733", "info", "inband"]
RingStrategy = Literal["all", "order", "random", "least_recent"]
TrunkKind = Literal["register", "address", "peer"]
ServiceKind = Literal["echo", "announcement", "music", "time", "schedule", "night", "plugin"]
SiteLayer = Literal["ip", "ethernet", "pppoe", "vpn"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CallKind = Literal[
    "internal", "outside", "national", "mobile", "international", "premium", "free", "route", "prefix"
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    """Settings of the company and of SIP that hold for everything."""

    company: str = ""
    country: str = "US"  # ISO 3166-1 alpha-2: number format and tones
    language: str = "en"  # of prompts, BCP 47
    time_zone: str = "UTC"  # IANA name
    realm: str = "jackfield"
    digest: Literal["auto", "md5", "sha256", "both"] = "auto"  # what phones are challenged with; auto: what they know
    outside_prefix: str = "9"  # "" means that outside numbers are dialled as they are
    first_number: str = "101"
    ring_time: float = 25.0  # seconds, where an extension says nothing else
    register_min: int = 60  # seconds
    register_max: int = 3600
    register_default: int = 300
    qualify_interval: float = 30.0  # seconds between OPTIONS to phones behind NAT
    qualify_all: bool = False  # ask phones on UDP that are not behind NAT too
    session_expires: int = 1800  # seconds, RFC 4028
    max_hops: int = 10  # forwards and transfers in one call before it is refused as a loop
    max_call_minutes: int = 0  # 0: no limit
    music: str = "default"  # sound played on hold
    public_address: str = ""  # what phones outside the local networks are told; "" means found by itself
    local_networks: tuple[str, ...] = (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128",
    )  # fmt: skip
    anonymous_calls: bool = True  # SIP calls from nobody we know may reach internal numbers
    drain_seconds: int = 300  # how long a stopping system lets calls go on
    stun_servers: tuple[str, ...] = ()  # asked which address we have outside; () asks nobody
    turn: bool = False  # relay the audio of browsers and phones that get through no other way (coturn)
    vpn: bool = False  # phones, people and sites come in by WireGuard
    vpn_network: str = "10.87.0.0/24"  # the first address is ours
    vpn_port: int = 51820  # UDP
    vpn_host: str = ""  # under which VPN devices reach us; "" means the public address


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGroup:
    """Addresses that others name: where phones may connect from, who may administer. See `network.groups`."""

    name: str
    entries: tuple[str, ...] = ()  # an address, a range, a network, the name of a host, "group: NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with phones. A phone belongs to it by where it is seen (see `switch.sites`), or by its extension."""

    name: str
    networks: tuple[str, ...] = ()  # addresses that its phones have inside: "192.168.1.0/24"
    public_addresses: tuple[str, ...] = ()  # from where it is seen: an address, a range, a network, the name of a host
    bandwidth_up: int = 0  # kbit/s that its line carries from the site; 0: no limit
    bandwidth_down: int = 0  # kbit/s to the site
    layer: SiteLayer = "ip"  # at which those are counted
    codecs: tuple[str, ...] = ()  # order of preference at this site; () has no say
    time_zone: str = ""  # IANA name; "" means the company's, here and below
    language: str = ""  # of announcements to its phones
    country: str = ""  # ISO 3166-1 alpha-2: tones
    caller_id: str = ""  # number shown outside, for extensions that have none of their own
    emergency_address: str = ""  # where help has to come to, in one line
    direct_media: bool = True  # calls between its phones may go directly between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One registration of an extension: a phone with its own SIP name (RFC 3261 section 10)."""

    sip_username: str
    ha1_md5: str  # hex of MD5(username:realm:password), RFC 7616
    ha1_sha256: str
    previous_md5: str = ""  # of the password before, which counts until the phone has used the new one
    previous_sha256: str = ""
    name: str = ""  # "desk phone", "mobile"
    codecs: tuple[str, ...] = ()  # () means those of the extension
    behind_nat: NatMode = "auto"
    srtp: SrtpMode = "offered"
    dtmf: DtmfMode = "auto"
    max_contacts: int = 5  # phones that may share this SIP name
    phones_from: str = ""  # address group that it may connect from; "" means the extension's
    kind: Literal["phone", "browser"] = "phone"  # browser: Jackfield Phone, whose passwords only the switch has
    provisioned: bool = False  # a desk phone fetches what it is told of this line from us


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A person's or a room's number with the phones that ring for it."""

    number: str
    name: str = ""
    user: str = ""  # login of the user that it belongs to
    lines: tuple[Line, ...] = ()
    phones_from: str = ""  # address group that its phones may connect from; "" means anywhere
    codecs: tuple[str, ...] = DEFAULT_CODECS
    language: str = ""  # "" means the company's
    caller_id: str = ""  # outside number shown on outgoing calls; "" means the trunk's
    caller_id_name: str = ""
    anonymous: bool = False  # hide the number on outgoing calls (RFC 3323)
    ring_time: float | None = None  # seconds
    do_not_disturb: bool = False
    call_waiting: bool = True  # False: busy while on a call
    max_calls: int = 4  # at once, more is busy
    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    forward_unreachable: str = ""
    hours: str = ""  # name of a time range, for `forward_closed`
    forward_closed: str = ""  # where all calls go outside of `hours`
    outside_calls: bool = True  # may dial outbound routes
    permission: str = ""  # name of a permission, which says more closely what may be called; "" allows everything
    site: str = ""  # name of the site that its phones belong to; "" means by the address of each
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RingGroup:
    """One number that rings many."""

    number: str
    name: str = ""
    members: tuple[str, ...] = ()  # numbers, in order
    strategy: RingStrategy = "all"
    step_time: float = 20.0  # seconds that each step rings
    fallback: str = ""  # number to go to when nobody answers; "" means the caller gets 480
    caller_id_prefix: str = ""  # put before the caller's name on the phones
    obey_forwards: bool = False  # members' own forwards and do-not-disturb rules: False only honours DND


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """Hours of a week. A time is inside when its weekday is named and start <= time < end (end "24:00" allowed).

    An end before the start lies on the next day.
    """

    name: str
    days: tuple[Weekday, ...]
    start: str = "00:00"
    end: str = "24:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """Hours of every week: start <= time < end ("24:00" allowed). An end before the start lies on the next day."""

    days: tuple[Weekday, ...]
    start: str = "00:00"
    end: str = "24:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day, or all days from the first to the last. Of one that returns every year the year does not count."""

    first: str  # "2026-12-24"
    last: str = ""  # "" means the first
    yearly: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedHours:
    """Hours of a day, or of each of several days."""

    first: str  # "2026-12-24"
    last: str = ""  # "" means the first
    start: str = "00:00"
    end: str = "24:00"
    yearly: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """A list of days, such as the public holidays of a country."""

    name: str
    dates: tuple[Day, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHours:
    """A time range by which others open and close. Hours over midnight belong to the day on which they begin.

    Inside are its own `dates`, whatever else is said; and the hours of the week together with the days of `also_on`,
    without the days of `except_on`.
    """

    name: str
    weekly: tuple[WeeklyHours, ...] = ()
    dates: tuple[DatedHours, ...] = ()
    also_on: tuple[str, ...] = ()  # names of lists of holidays
    except_on: tuple[str, ...] = ()  # names of lists of holidays


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A time range that somebody has switched by hand. Kept by the switch, and in no published snapshot."""

    range: str
    open: bool
    until: float = 0.0  # UTC seconds since 1970; 0: until somebody switches it back
    by: str = ""  # in words: "extension 101", "Anna"


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionRule:
    """Which calls are allowed or not. Kinds of calls to the outside are those of the company's country."""

    calls: CallKind = "outside"
    only: str = ""  # name of the route, or the prefix; of internal calls: how the number begins, "" means all
    allow: bool = False
    hours: str = ""  # name of a time range inside of which the rule counts; "" means always


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What an extension may call. The first rule that fits decides; without one calls inside the house are allowed,
    and calls to the outside as `default` says. Emergency numbers are always allowed."""

    name: str
    default: Literal["allow", "deny"] = "allow"
    rules: tuple[PermissionRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A number with a built-in function, or a destination written in Python by the company (`plugin`)."""

    number: str
    kind: ServiceKind
    name: str = ""
    sound: str = ""  # announcement and music: name of the sound
    repeat: int = 1  # announcement: times to play
    then: str = ""  # announcement: number to go on to; "" hangs up
    time_ranges: tuple[TimeRange, ...] = ()  # schedule
    open_target: str = ""  # schedule: number while inside a range
    closed_target: str = ""  # schedule: number otherwise
    hours: str = ""  # schedule: name of a time range, beside or instead of its own; night: the one that it switches
    until_change: bool = False  # night: what is switched lasts until the hours would change by themselves
    plugin: str = ""  # plugin: name of the entry point
    options: dict[str, str] = field(default_factory=dict)  # plugin: its own settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """How a number is changed: `strip` leading characters off, `prefix` before it; or `pattern` and `replace`.

    When `pattern` (Python regular expression, matched from the start to the end) is given it is used first, and if it
    does not match the number stays as it is.
    """

    strip: int = 0
    prefix: str = ""
    pattern: str = ""
    replace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A way to the outside: a provider that we register with, one that knows our address, or another PBX."""

    name: str
    kind: TrunkKind = "register"
    hosts: tuple[str, ...] = ()  # domains (RFC 3263) or "address:port", tried in order
    transport: Literal["", "udp", "tcp", "tls"] = ""  # "" means what DNS says, else UDP
    domain: str = ""  # in From and To; "" means the first host
    username: str = ""
    auth_username: str = ""  # "" means username
    password: str = ""
    outbound_proxy: str = ""
    register_expires: int = 600
    qualify_interval: float = 60.0  # seconds between OPTIONS; 0 means no health check
    answer_timeout: float = 6.0  # seconds to wait for any response before the next address is tried
    sources: tuple[str, ...] = ()  # networks that calls may come from besides the hosts' addresses
    codecs: tuple[str, ...] = ("pcma", "pcmu", "g722", "gsm", "opus", "g729", "g726-32", "ilbc", "speex")
    srtp: SrtpMode = "off"
    verify_tls: bool = True
    dtmf: DtmfMode = "auto"
    max_calls: int = 0  # 0: no limit
    caller_id: str = ""  # number shown when the extension has none of its own
    caller_id_in: Literal["from", "p-asserted-identity", "remote-party-id"] = "p-asserted-identity"
    from_user: str = ""  # user part of From where the provider wants the account there; "" means the caller's number
    trust_identity: bool = True  # believe P-Asserted-Identity in calls from this trunk
    international_format: Literal["as_dialled", "e164", "e164_plus", "national"] = "as_dialled"  # of called numbers
    out_called: Rewrite = Rewrite()
    out_calling: Rewrite = Rewrite()
    in_calling: Rewrite | None = None  # None: the outside-line prefix goes before it
    behind_nat: NatMode = "auto"
    outside_calls: bool = False  # calls from here may dial outbound routes (another PBX of the same company)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What a called number of a trunk leads to. The first rule that matches, by order, wins."""

    trunk: str = ""  # "" means any trunk
    number: str = ""  # "5550101", a range "5550100-5550199", a prefix "55501*", "" means any
    rewrite: Rewrite = Rewrite()  # the result is the target when `target` is ""
    target: str = ""
    calling: Rewrite | None = None  # instead of the trunk's in_calling
    hours: str = ""  # name of a time range; outside of it calls go to `closed_target`
    closed_target: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """A route to the outside: numbers that begin with `prefix` go to `trunks`, the first that works."""

    name: str
    prefix: str = ""  # as dialled, the outside-line prefix included
    strip: int | None = None  # None: as many as the outside-line prefix has if the number begins with it
    prepend: str = ""
    trunks: tuple[str, ...] = ()
    caller_id: str = ""  # instead of the extension's and the trunk's
    max_calls: int = 0
    min_digits: int = 1  # shorter numbers do not match
    hours: str = ""  # name of a time range outside of which the route is not there
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyNumber:
    """A number that nothing may block: dialled with or without the outside-line prefix."""

    number: str
    name: str = ""
    trunks: tuple[str, ...] = ()  # () means every trunk, in order
    sent_as: str = ""  # "" means the number itself


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedDial:
    """A short number of the house for a long one."""

    number: str
    target: str  # as one of our phones dials it: with the outside-line prefix
    name: str = ""
    everybody: bool = False  # also those who may not call outside, or whose permission forbids it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A prompt or music: a folder or file that the media process can play, converted once beforehand."""

    name: str
    path: str  # of the file, without the ending for the sample rate: the media process picks `.8000.wav` / `.16000.wav`
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnDevice:
    """A phone, a person's device or a site's router that comes in by WireGuard."""

    name: str
    public_key: str  # X25519 in base64; the private one stays with the device
    address: str = ""  # in the VPN, IP literal
    networks: tuple[str, ...] = ()  # behind it, where it is a site's router
    enabled: bool = True


Entry = Extension | RingGroup | Service | Outbound | EmergencyNumber


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The whole configuration at one moment. Look-ups are built when first asked for."""

    version: int = 0
    general: General = General()
    extensions: tuple[Extension, ...] = ()
    ring_groups: tuple[RingGroup, ...] = ()
    services: tuple[Service, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    outbound: tuple[Outbound, ...] = ()
    emergency_numbers: tuple[EmergencyNumber, ...] = ()
    sounds: tuple[Sound, ...] = ()
    speed_dials: tuple[SpeedDial, ...] = ()
    address_groups: tuple[AddressGroup, ...] = ()
    firewall: Firewall = SAID_NOTHING
    guard: GuardRules = NO_RULES
    vpn_devices: tuple[VpnDevice, ...] = ()
    sites: tuple[Site, ...] = ()
    time_ranges: tuple[NamedHours, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    permissions: tuple[Permission, ...] = ()
    numbering: Numbering = Numbering()  # noqa: RUF009 - it is frozen
    call_limits: tuple[CallLimit, ...] = ()
    world: World = World()  # noqa: RUF009
    overrides: tuple[Override, ...] = ()
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses of the names by which sites are recognised. Kept by the switch, and in no published snapshot."""

    @cached_property
    def numbers(self) -> dict[str, Extension | RingGroup | Service]:
        """Every number of the house by its digits."""
        everything: tuple[Extension | RingGroup | Service, ...] = (*self.services, *self.ring_groups, *self.extensions)
        return {entry.number: entry for entry in everything}

    @cached_property
    def lines(self) -> dict[str, tuple[Extension, Line]]:
        """Every line with its extension by the line's SIP name."""
        return {line.sip_username: (extension, line) for extension in self.extensions for line in extension.lines}

    @cached_property
    def trunks_by_name(self) -> dict[str, Trunk]:
        """Trunks by name."""
        return {trunk.name: trunk for trunk in self.trunks}

    @cached_property
    def emergency(self) -> dict[str, EmergencyNumber]:
        """Emergency numbers by their digits, also behind the outside-line prefix."""
        found = {self.general.outside_prefix + entry.number: entry for entry in self.emergency_numbers}
        return found | {entry.number: entry for entry in self.emergency_numbers}

    @cached_property
    def speed_dials_by_number(self) -> dict[str, SpeedDial]:
        """Speed dials by their short number."""
        return {entry.number: entry for entry in self.speed_dials}

    @cached_property
    def derived(self) -> dict[str, object]:
        """Room for what other modules work out of this snapshot once, by their own names."""
        return {}


_decoder = msgspec.json.Decoder(Snapshot)
_encoder = msgspec.json.Encoder()


def read(path: Path) -> Snapshot:
    """Read the snapshot file. Raises `OSError` when it can't be read, `msgspec.ValidationError` when it's damaged."""
    return _decoder.decode(path.read_bytes())


def write(snapshot: Snapshot, path: Path) -> None:
    """Write the snapshot so that a reader sees the old file or the new one, never a part. Mode 0600."""
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(_encoder.encode(snapshot))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
