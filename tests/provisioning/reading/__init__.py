"""Phones' files read back as each vendor documents its format, apart from the templates that wrote them."""

from dataclasses import dataclass, field
from xml.etree import ElementTree

SUNDAY = 7


@dataclass
class ReadLine:
    """A registration that the phone would make. `server`, `backup`: "host:port"; `codecs`: by our names."""

    username: str
    login: str
    password: str
    server: str
    transport: str
    name: str = ""
    backup: str = ""
    srtp: str = "off"
    expires: int = 0
    voicemail: str = ""
    codecs: tuple[str, ...] = ()


@dataclass
class ReadChange:
    """When the clock changes: the week is 5 for the last; weekday 1 is Monday; `day`: on or after this day."""

    month: int
    weekday: int
    hour: int
    week: int = 0
    day: int = 0


@dataclass
class ReadPhone:
    """What the phone would be. `keys`: kind, number and label by place from 1."""

    lines: dict[int, ReadLine] = field(default_factory=dict)
    keys: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    offset: int | None = None
    saving: int = 0
    begins: ReadChange | None = None
    ends: ReadChange | None = None
    zone_name: str = ""
    ntp: str = ""
    language: str = ""
    tones: dict[str, str] = field(default_factory=dict)
    ldap: tuple[str, ...] = ()
    directory: str = ""
    logo: str = ""
    admin_password: str = ""
    firmware: str = ""
    authority: str = ""
    url: str = ""
    user: str = ""
    password: str = ""
    interval: int | None = None


def tree(body: bytes) -> ElementTree.Element:
    """Parse XML as strictly as phones do."""
    return ElementTree.fromstring(body)


def clock(phone: ReadPhone, saving: int, begins: ReadChange | None, ends: ReadChange | None) -> None:
    """Note when clocks change."""
    phone.saving, phone.begins, phone.ends = saving, begins, ends
