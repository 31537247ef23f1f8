"""The header values that have structure: addresses, Via, CSeq, credentials (RFC 3261 section 20 and 25).

Each is a value: read once with `parse`, not changed afterwards, written with `str`. One that was read is written
as the same text; one that was built is written as the grammar asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.limits import MAX_ADDRESS, MAX_AUTH, MAX_AUTH_PARAMS, MAX_PARAMS, MAX_SPLIT
from jackfield.sip.uri import Uri, read_params, readable

# `*+` and `++` never give back what they took: no input makes these patterns try twice.
_QUOTED = r'[^"\\]*+(?:\\.[^"\\]*+)*+'  # a quoted string's inside
_HOST = r"[A-Za-z0-9._-]++|\[[0-9A-Fa-f:.]++\]"
_NAME = r"[A-Za-z0-9\-.!%*_+`'~]+"  # `token` of the grammar

is_token = re.compile(_NAME).fullmatch
_match_name_addr = re.compile(rf'(?:"({_QUOTED})"\s*|([^<"]*+))<([^<>]*+)>\s*(;.*)?', re.S).fullmatch
# What nearly all senders write; anything else goes to the pattern after it, which knows the whole grammar.
_match_plain_name_addr = re.compile(
    r'(?:"([^"\\]*+)" ?|([^<"]*+))'
    rf"<((sips?):(?:([^@\s<>\"]*+)@)?({_HOST})(?::([0-9]{{1,5}}))?(;[^?@\s<>]*+)?)>"
    r"(;.*)?",
    re.S,
).fullmatch
_match_plain_via = re.compile(rf'SIP/2\.0/([A-Z]+) ({_HOST})(?::([0-9]{{1,5}}))?(;[^"]*)?').fullmatch
_match_via = re.compile(
    rf"SIP\s*/\s*[0-9.]{{1,8}}\s*/\s*({_NAME})\s+({_HOST})\s*(?::\s*([0-9]{{1,5}})\s*)?(;.*)?", re.S | re.I
).fullmatch
_match_cseq = re.compile(r"0*([0-9]{1,10})\s+(\S+)").fullmatch
_match_param = re.compile(rf'\s*([^\s=;"]+)\s*(?:=\s*(?:"({_QUOTED})"|([^\s;"]*))\s*)?(?:;|$)', re.S).match
_match_value = re.compile(rf'(?:[^",<]++|"{_QUOTED}"|<[^>]*+>)*+').match
_auth_params = re.compile(rf'((?<![^,\s])({_NAME})\s*=\s*(?:"({_QUOTED})"|([^\s,"]*))\s*(?:,[\s,]*|$))', re.S).findall
_quoted_pair = re.compile(r"\\(.)", re.S)
# Token characters, and those of an IPv6 reference: `received=[2001:db8::1]` goes out unquoted.
_plain_value = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:]+").fullmatch


MAX_CSEQ = 2**31 - 1
"""RFC 3261 8.1.1.5: the sequence number is less than 2**31."""


def quote(text: str) -> str:
    """`text` as a quoted string (RFC 3261 25.1); control characters, which none may hold, become spaces."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or 0xDC80 <= ord(c) <= 0xDCFF else " " for c in text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """A quoted string's inside with its quoted pairs resolved."""
    return _quoted_pair.sub(r"\1", text) if "\\" in text else text


def split_list(value: str) -> list[str]:
    """The values of a list header: split at the commas outside quoted strings and `<>`, blanks trimmed.

    Empty values are left out. A quote or bracket that is never closed makes the rest one value, and so do more than
    `MAX_SPLIT` values.
    """
    if "," not in value:
        value = value.strip()
        return [value] if value else []
    if '"' not in value and "<" not in value:
        values = value.split(",", MAX_SPLIT)
    else:
        values = []
        position, end = 0, len(value)
        while position <= end:
            match = _match_value(value, position)
            assert match is not None  # it matches nothing, too
            stop = match.end()
            if stop < end and (value[stop] != "," or len(values) >= MAX_SPLIT):
                stop = end  # a quote or bracket that is never closed
            values.append(value[position:stop])
            position = stop + 1
    return [part for part in map(str.strip, values) if part]


def _header_params(text: str, *, lenient: bool = False) -> dict[str, str | None]:
    """The parameters of a header value; `text` starts with ";" or is empty. Quoted values come unquoted.

    Raises MalformedHeader for a broken quoted string, for an empty parameter other than one at the end (phones
    leave a last ";" behind), and for too many.
    """
    parts = text.split(";")
    last = len(parts) - 1
    if last > MAX_PARAMS:
        raise MalformedHeader("too many parameters")
    params: dict[str, str | None] = {}
    for index, part in enumerate(parts):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        value = value.strip()
        if '"' in part:
            if value[:1] != '"' or value[-1:] != '"' or '"' in value[1:-1] or "\\" in value or len(value) < 2:
                return _params_with_odd_strings(text)
            value = value[1:-1]
        if name:
            if name not in params:
                params[name] = value if equals else None
        elif (equals or 0 < index < last) and not lenient:
            raise MalformedHeader("empty parameter")
    return params


def _params_with_odd_strings(text: str) -> dict[str, str | None]:
    """As `_header_params`, for quoted strings that hold a ";" or a quoted pair."""
    params: dict[str, str | None] = {}
    position = 1
    end = len(text.rstrip(" \t;"))
    while position < end:
        match = _match_param(text, position)
        if match is None:
            raise MalformedHeader("malformed parameter")
        name, quoted, plain = match.groups()
        params.setdefault(name.lower(), plain if quoted is None else unquote(quoted))
        position = match.end()
    return params


def _needs_care(text: str) -> bool:
    """Whether `read_params` could read something else than `_header_params`, or too much."""
    return '"' in text or ";;" in text or (len(text) > MAX_PARAMS and text.count(";") > MAX_PARAMS)


def write_params(params: Mapping[str, str | None]) -> str:
    """Parameters as `;name=value;flag`; one whose name is no token is left out, since it could come from the wire.

    Values that are no token are quoted, and those of feature tags always (RFC 3840 9: `+sip.instance="<urn:...>"`).
    """
    text = ""
    for name, value in params.items():
        if not is_token(name):
            continue
        if value is None:
            text += f";{name}"
        elif name[0] != "+" and _plain_value(value):
            text += f";{name}={value}"
        else:
            text += f";{name}={quote(value)}"
    return text


_NOBODY = Uri("*", "")


class NameAddr:
    """An address with an optional display name: From, To, Contact, Route, Refer-To (RFC 3261 20.10).

    uri: the address; for `Contact: *` its scheme is "*". params: those of the header, not of the URI.
    """

    __slots__ = ("_display", "_params", "_params_text", "_text", "uri")

    def __init__(self, uri: Uri, display: str = "", params: Mapping[str, str | None] | None = None) -> None:
        self.uri = uri
        self._display = display
        self._params: Mapping[str, str | None] | None = {} if params is None else params
        self._params_text = ""
        self._text: str | None = None

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one address (not a list). Raises MalformedHeader."""
        text = text.strip()
        if len(text) > MAX_ADDRESS:
            raise MalformedHeader("address too long")
        self = cls(_NOBODY)
        match = _match_plain_name_addr(text)
        if match is not None:
            quoted, plain, uri, scheme, user, host, port, uri_params, params = match.groups()
            self.uri = Uri.from_parts(uri, scheme, user, host, port, uri_params)
            self._display = plain.strip() if quoted is None else quoted
        else:
            match = _match_name_addr(text)
            if match is not None:
                quoted, plain, uri, params = match.groups()
                self._display = plain.strip() if quoted is None else unquote(quoted)
            elif text == "*":
                return cls.wildcard()
            else:
                # RFC 3261 20.10: without <> the parameters are the header's, and the URI may hold no "?" or ",".
                uri, semicolon, params = text.partition(";")
                if "?" in uri or "," in uri or "<" in uri or '"' in uri:
                    raise MalformedHeader("malformed address")
                params = semicolon + params
                self._display = ""
            self.uri = Uri.parse(uri.strip())
        self._text = text
        if params:
            self._params_text = params
            # What may fail fails now, not when somebody asks.
            self._params = _header_params(params) if _needs_care(params) else None
        else:
            self._params_text = ""
            self._params = None
        return self

    @classmethod
    def wildcard(cls) -> NameAddr:
        """The `*` that unregisters every contact (RFC 3261 10.2.2)."""
        self = cls(Uri.wildcard())
        self._text = "*"
        return self

    @property
    def is_wildcard(self) -> bool:
        """Whether this is the `*` of `Contact: *`."""
        return self.uri.scheme == "*"

    @property
    def display(self) -> str:
        """The display name without quotes, "" if there is none. Bytes that are no UTF-8 are read as Latin-1."""
        return readable(self._display)

    @property
    def params(self) -> Mapping[str, str | None]:
        """Header parameters by lower-case name, quoted values unquoted; None for one without a value."""
        params = self._params
        if params is None:
            params = self._params = read_params(self._params_text) if self._params_text else {}
        return params

    @property
    def tag(self) -> str | None:
        """The tag parameter of From and To, None if absent or empty."""
        if self._params is None:
            # Cut out of the text: every message is asked for its tags, few for the rest.
            _, found, rest = self._params_text.partition(";tag=")
            if found:
                return rest.partition(";")[0].strip() or None
        return self.params.get("tag") or None

    def replace(
        self, *, uri: Uri | None = None, display: str | None = None, params: Mapping[str, str | None] | None = None
    ) -> NameAddr:
        """A copy with what is given changed; parameters are replaced as a whole."""
        return NameAddr(
            self.uri if uri is None else uri,
            self._display if display is None else display,
            dict(self.params) if params is None else params,
        )

    def tagged(self, text: str, tag: str) -> NameAddr | None:
        """This address with a tag (a token), as they stand in `text`; None if it has parameters of its own."""
        if self._params_text:
            return None
        other = NameAddr(self.uri, self._display)
        other._params = None
        other._params_text = f";tag={tag}"
        other._text = text
        return other

    def with_tag(self, tag: str | None) -> NameAddr:
        """A copy with this tag, or with none."""
        params = dict(self.params)
        params.pop("tag", None)
        if tag is not None:
            params["tag"] = tag
        return self.replace(params=params)

    def __str__(self) -> str:
        text = self._text
        if text is None:
            uri = str(self.uri)
            if ">" in uri or "<" in uri:
                raise ValueError(f"not a URI: {uri!r}")
            display = f"{quote(self._display)} " if self._display else ""
            text = self._text = f"{display}<{uri}>{write_params(self.params)}"
        return text

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Same URI and same parameters; the display name does not count (RFC 3261 20.20)."""
        if not isinstance(other, NameAddr):
            return NotImplemented
        return self.uri == other.uri and self.params == other.params

    def __hash__(self) -> int:
        return hash(self.uri)


class Via:
    """One Via value (RFC 3261 20.42). transport in upper case; host without IPv6 brackets; port None if not given."""

    __slots__ = ("_params", "_params_text", "_text", "host", "port", "transport")

    def __init__(
        self, transport: str, host: str, port: int | None = None, params: Mapping[str, str | None] | None = None
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self._params: Mapping[str, str | None] | None = {} if params is None else params
        self._params_text = ""
        self._text: str | None = None

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one Via value (not a list). Raises MalformedHeader."""
        text = text.strip()
        if len(text) > MAX_ADDRESS:
            raise MalformedHeader("Via too long")
        match = _match_plain_via(text) or _match_via(text)
        if match is None:
            raise MalformedHeader("malformed Via")
        transport, host, port, params = match.groups()
        self = cls(transport.upper(), host if host[0] != "[" else host[1:-1])
        self.port = None if port is None else int(port)
        if port is not None and len(port) > 4 and int(port) > 65535:
            raise MalformedHeader("port number out of range in Via")
        self._text = text
        self._params_text = params or ""
        # Lenient about empty parameters: without a Via, who sent them could not be told that they are wrong.
        if params and len(params) > MAX_PARAMS and params.count(";") > MAX_PARAMS:
            raise MalformedHeader("too many parameters")
        self._params = _header_params(params, lenient=True) if params and '"' in params else None
        return self

    @property
    def params(self) -> Mapping[str, str | None]:
        """Parameters by lower-case name; None for one without a value."""
        params = self._params
        if params is None:
            params = self._params = read_params(self._params_text) if self._params_text else {}
        return params

    @property
    def branch(self) -> str | None:
        """The branch parameter, None if absent or empty (RFC 3261 8.1.1.7)."""
        if self._params is None:
            _, found, rest = self._params_text.partition(";branch=")
            if found:
                return rest.partition(";")[0].strip() or None
        return self.params.get("branch") or None

    @property
    def received(self) -> str | None:
        """The address that the message really came from, IPv6 without brackets (RFC 3261 18.2.1)."""
        if self._params is None and "received" not in self._params_text.lower():
            return None
        received = self.params.get("received")
        return received.strip("[]") if received else None

    @property
    def rport(self) -> int | None:
        """The port that the message really came from (RFC 3581); None if absent, empty or no port."""
        rport = self.params.get("rport")
        return int(rport) if rport and rport.isascii() and rport.isdigit() and 0 < int(rport[:6]) < 65536 else None

    @property
    def sent_by(self) -> str:
        """`host` or `host:port` as the sender wrote it, in lower case, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port is None else f"{host}:{self.port}").lower()

    def stamped(self, host: str, port: int) -> Via:
        """This Via with what the receiving transport adds: `received`, and `rport` if asked for.

        host: the source address, an IP literal. RFC 3261 18.2.1, RFC 3581 4. Itself if there is nothing to add.
        """
        given = self._params_text
        if self._params is None and self._text is not None and "received" not in given.lower():
            # The usual forms, without taking the parameters apart and writing them all again.
            if given.endswith(";rport"):
                return self._with_params_text(f"{given}={port};received={host}")
            if ";rport;" in given:
                return self._with_params_text(given.replace(";rport;", f";rport={port};", 1) + f";received={host}")
            if host == self.host and "rport" not in given.lower():
                return self
        wants_port = "rport" in self.params
        if not wants_port and host == self.host and "received" not in self.params:
            return self
        params = dict(self.params)
        params["received"] = host
        if wants_port:
            params["rport"] = str(port)
        return Via(self.transport, self.host, self.port, params)

    def _with_params_text(self, params: str) -> Via:
        via = Via(self.transport, self.host, self.port)
        assert self._text is not None
        via._text = self._text.removesuffix(self._params_text) + params
        via._params_text = params
        via._params = None
        return via

    def __str__(self) -> str:
        text = self._text
        if text is None:
            host = f"[{self.host}]" if ":" in self.host else self.host
            port = "" if self.port is None else f":{self.port}"
            text = self._text = f"SIP/2.0/{self.transport} {host}{port}{write_params(self.params)}"
        return text

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"


class CSeq(NamedTuple):
    """The CSeq value (RFC 3261 20.16): `str` writes it as it stands in the header."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read it. Raises MalformedHeader, also for a number that RFC 3261 8.1.1.5 does not allow."""
        number_text, _, method = text.partition(" ")
        if not (len(number_text) < 11 and number_text.isdigit() and number_text.isascii() and method.isalpha()):
            match = _match_cseq(text.strip())
            if match is None:
                raise MalformedHeader("malformed CSeq")
            number_text, method = match.groups()
        number = int(number_text)
        if number > MAX_CSEQ:
            raise MalformedHeader("CSeq number out of range")
        return cls(number, method)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(slots=True)
class AuthParams:
    """Credentials or a challenge: Authorization, WWW-Authenticate ... (RFC 3261 25.1, RFC 7235).

    scheme: in lower case ("digest"). params: by lower-case name, quoted values unquoted.
    """

    scheme: str
    params: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        """One parameter by its lower-case name."""
        return self.params.get(name, default)


def parse_auth(value: str) -> AuthParams:
    """Read one Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate value.

    Also Authentication-Info, by giving it a scheme: `parse_auth("Digest " + value)`. Raises MalformedHeader, also
    when a parameter occurs twice (two readers could take different ones).
    """
    scheme, _, rest = value.strip().partition(" ")
    if not is_token(scheme):
        raise MalformedHeader("malformed credentials")
    rest = rest.strip(" \t,")
    if len(rest) > MAX_AUTH:
        raise MalformedHeader("credentials too long")
    found = _auth_params(rest)
    params = {name.lower(): quoted or plain for _, name, quoted, plain in found}
    if sum([len(whole) for whole, *_ in found]) != len(rest) or len(found) > MAX_AUTH_PARAMS:
        raise MalformedHeader("malformed credentials")
    if len(params) != len(found):
        raise MalformedHeader("parameter given twice in credentials")
    if "\\" in rest:
        params = {name: unquote(value) for name, value in params.items()}
    return AuthParams(scheme.lower(), params)
