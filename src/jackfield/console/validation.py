"""What a single value must be like, with words that say how to mend it. Used by the models, so by pages and YAML alike.

Each function takes the value and raises Django's `ValidationError`. An empty value is never given to them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as later

from jackfield.switch.snapshot import DEFAULT_CODECS, Rewrite, TimeRange

_NUMBER = re.compile(r"[0-9*#]{1,20}")
_TARGET = re.compile(r"\+?[0-9*#]{1,40}")
_CALLER_ID = re.compile(r"\+?[0-9*#]{1,30}")
_PREFIX = re.compile(r"\+?[0-9*#]{0,20}")
_SIP_NAME = re.compile(r"[A-Za-z0-9._~!$&+=-]{1,64}")
_LOGIN = re.compile(r"[^\s/\\\"<>]{1,150}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_INBOUND = re.compile(r"\+?[0-9*#]{1,30}\*?|\+?[0-9]{1,30}-\+?[0-9]{1,30}")


def _fail(text: str) -> ValidationError:
    return ValidationError(text, code="wrong")


def _each(values: Iterable[Any], check: Callable[[Any], None]) -> None:
    """Check every value of a list, and tell of all that are wrong at once."""
    found: list[ValidationError] = []
    for value in values:
        try:
            check(value)
        except ValidationError as error:
            found += error.error_list
    if found:
        raise ValidationError(found)


def number(value: str) -> None:
    """Accept a number of the dial plan."""
    if not _NUMBER.fullmatch(value):
        raise _fail(_('"%(value)s" is not a number of the dial plan: use 1 to 20 digits, * and #') % {"value": value})


def prefix(value: str) -> None:
    """Accept a prefix of outside numbers."""
    if not _PREFIX.fullmatch(value):
        raise _fail(_('"%(value)s" is not a prefix: use digits, * and #, or leave it empty') % {"value": value})


def target(value: str) -> None:
    """Accept a number to go to, of the house or outside."""
    if not _TARGET.fullmatch(value):
        text = _('"%(value)s" can\'t be dialled: write a number as on a telephone, digits, * and # without blanks')
        raise _fail(text % {"value": value})


def targets(values: Iterable[str]) -> None:
    """Accept a list of numbers to go to."""
    _each(values, target)


def caller_id(value: str) -> None:
    """Accept a number to be shown to those who are called."""
    if not _CALLER_ID.fullmatch(value):
        raise _fail(f"\"{value}\" can't be shown as a caller's number: use digits, with + before the country code")


def inbound_number(value: str) -> None:
    """Accept a called number, a range or a prefix."""
    if not _INBOUND.fullmatch(value):
        raise _fail(f'"{value}" is no number, range ("5550100-5550199") or beginning ("55501*")')
    first, dash, last = value.replace("+", "").partition("-")
    if dash and (len(first) != len(last) or int(first) > int(last)):
        raise _fail(f'"{value}" is no range: both ends have as many digits, and the first is the smaller')


def sip_username(value: str) -> None:
    """Accept the user part of a SIP address (RFC 3261 section 25.1, the part that needs no escaping)."""
    if not _SIP_NAME.fullmatch(value):
        raise _fail(f'"{value}" is no SIP name: use letters, digits and . _ - without blanks, 64 at most')


def sip_password(value: str) -> None:
    """Accept a SIP password. The message never repeats it."""
    if not value.isprintable() or len(value) > 128:
        raise _fail(_("the password has characters that phones can't type, or more than 128 of them"))


def login(value: str) -> None:
    """Accept the name that a user signs in with."""
    if not _LOGIN.fullmatch(value):
        raise _fail(_('"%(value)s" is no login name: leave out blanks, quotes and slashes') % {"value": value})


def one_line(value: str) -> None:
    """Accept a name or a short text: one line, nothing that a screen or a SIP header could not show."""
    if not value.isprintable():
        raise _fail(_("has a line break or another control character: remove it"))


def email(value: str) -> None:
    """Accept an e-mail address."""
    if not _EMAIL.fullmatch(value):
        raise _fail(_('"%(value)s" is no e-mail address') % {"value": value})


def emails(values: Iterable[str]) -> None:
    """Accept e-mail addresses."""
    _each(values, email)


def web_address(value: str) -> None:
    """Accept an address of the web."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable() or " " in value:
        raise _fail(f'"{value}" is no web address: write it as https://example.com/hook')


def web_origin(value: str) -> None:
    """Accept the beginning of addresses of the web: protocol, host and port."""
    web_address(value)
    if urlsplit(value).path.strip("/") or set(value) & set("?#@\"<>'"):
        raise _fail(f'"{value}" has too much: write it as https://phone.example.com, or with a port behind')


def realm(value: str) -> None:
    """Accept a digest realm (RFC 3261 section 22)."""
    if not value.isprintable() or not value.isascii() or '"' in value or "\\" in value or ":" in value:
        raise _fail(f'"{value}" can\'t be a realm: use letters, digits, dots and blanks')


def country(value: str) -> None:
    """Accept a country by its ISO 3166-1 alpha-2 code."""
    import phonenumbers  # 45 ms to load, needed here only

    if value not in phonenumbers.SUPPORTED_REGIONS:
        hint = f': did you mean "{value.upper()}"?' if value.upper() in phonenumbers.SUPPORTED_REGIONS else ""
        raise _fail(f'"{value}" is no country{hint or ": use its two-letter code, such as US, DE or CZ"}')


def language(value: str) -> None:
    """Accept a language tag (BCP 47)."""
    if not _LANGUAGE.fullmatch(value):
        raise _fail(_('"%(value)s" is no language: use its code, such as en, de or pt-BR') % {"value": value})


def time_zone(value: str) -> None:
    """Accept an IANA time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _fail(f'"{value}" is no time zone: use its IANA name, such as Europe/Prague or UTC') from None


def codecs(values: Iterable[str]) -> None:
    """Accept codecs by the names of `DEFAULT_CODECS`, each once."""
    seen = set()

    def codec(value: str) -> None:
        if value not in DEFAULT_CODECS:
            raise _fail(f'"{value}" is not a codec; known: {", ".join(DEFAULT_CODECS)}')
        if value in seen:
            raise _fail(f'"{value}" is in the list twice: the first place is the one that counts')
        seen.add(value)

    _each(values, codec)


def networks(values: Iterable[str]) -> None:
    """Accept IP networks and single addresses."""
    _each(values, _network)


def _network(value: str) -> None:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise _fail(f'"{value}" is no network: write it as 192.0.2.0/24, 2001:db8::/32 or a single address') from None


def host(value: str) -> None:
    """Accept a host name, an address, or one of them with a port; IPv6 addresses with a port in brackets."""
    name, port = value, "5060"
    if value.startswith("["):
        name, bracket, port = value[1:].partition("]")
        port = port.removeprefix(":") or "5060"
        good = bool(bracket) and _is_address(name)
    elif value.count(":") > 1:
        good = _is_address(value)
    else:
        name, colon, port = value.partition(":")
        port = port if colon else "5060"
        good = bool(_HOST.fullmatch(name))
    if not good or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _fail(f'"{value}" is no host: write a name or an address, with ":port" behind where it is not 5060')


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def hosts(values: Iterable[str]) -> None:
    """Accept a list of hosts."""
    _each(values, host)


def proxy(value: str) -> None:
    """Accept an outbound proxy: a host, or a SIP URI."""
    parts = urlsplit(value)
    if parts.scheme in ("sip", "sips") and parts.path and value.isprintable() and " " not in value:
        return
    host(value)


def address(value: str) -> None:
    """Accept an IP address or a host name."""
    if not _is_address(value) and not _HOST.fullmatch(value):
        raise _fail(f'"{value}" is neither an IP address nor a host name')


def rewrite(value: Rewrite) -> None:
    """Accept a rule that changes a number."""
    if value.strip < 0:
        raise _fail(f"strip is {value.strip}: give how many characters to take off the front, 0 or more")
    if not _PREFIX.fullmatch(value.prefix):
        raise _fail(f'prefix "{value.prefix}" can\'t be dialled: use digits, * and #')
    if value.replace and not value.pattern:
        raise _fail("replace is given without pattern: add the pattern whose match it replaces")
    if value.pattern:
        try:
            # An empty alternative matches for sure, so that every \\1 of `replace` is looked up once.
            re.compile(f"(?:{value.pattern})|").sub(value.replace, "")
        except (re.error, IndexError) as error:
            raise _fail(
                f'pattern "{value.pattern}" with replace "{value.replace}" is no regular expression: {error}'
            ) from None


def time_ranges(values: Iterable[TimeRange]) -> None:
    """Accept hours of the week."""
    _each(values, _time_range)


def _time_range(value: TimeRange) -> None:
    wrong: list[str] = []
    if not value.name:
        wrong.append("a time range needs a name, such as office hours")
    if not value.days:
        wrong.append(f'time range "{value.name}" has no days: name at least one of mon, tue, wed, thu, fri, sat, sun')
    clocks = [clock for clock in (value.start, value.end) if not _CLOCK.fullmatch(clock)]
    for clock in clocks:
        wrong.append(f'"{clock}" in time range "{value.name}" is no time of day: write it as 08:30, or 24:00')
    if not clocks and value.start in (value.end, "24:00"):
        wrong.append(
            f'time range "{value.name}" begins and ends at {value.start}: for a whole day write 00:00 to 24:00'
        )
    if wrong:
        raise ValidationError([_fail(text) for text in wrong])


UNITS = (later("seconds"), later("minutes"), later("hours"), later("days"), later("characters"))
"""Those of `Between`, for the translators."""


@deconstructible
class Between:
    """Accept a number from `low` to `high`, in `unit` (for the message)."""

    def __init__(self, low: float, high: float, unit: str = "") -> None:
        self.low, self.high, self.unit = low, high, unit

    def __call__(self, value: float) -> None:
        """Raise `ValidationError` when `value` lies outside."""
        if not self.low <= value <= self.high:
            low, high = (f"{limit:.12g}" for limit in (self.low, self.high))  # never 1e+07
            values = {"value": f"{value:.12g}", "low": low, "high": high, "unit": self.unit}
            if self.unit:
                text = _("%(value)s is out of range: give %(low)s to %(high)s %(unit)s")
                raise _fail(text % (values | {"unit": _(self.unit)}))
            raise _fail(_("%(value)s is out of range: give %(low)s to %(high)s") % values)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Between) and (self.low, self.high, self.unit) == (other.low, other.high, other.unit)

    def __hash__(self) -> int:
        return hash((self.low, self.high, self.unit))


def wrong(field: str, text: str) -> ValidationError:
    """Return the error of a model's `clean()` that belongs to `field`."""
    return all_wrong({field: text})


def all_wrong(texts: Mapping[str, str]) -> ValidationError:
    """Return the errors of a model's `clean()`, by the field that each belongs to."""
    return ValidationError({field: [_fail(text)] for field, text in texts.items()})
