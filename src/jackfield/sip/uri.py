"""URIs as SIP uses them: sip and sips (RFC 3261 19.1), tel (RFC 3966), and any other scheme as opaque text.

Parsing is tolerant where telephones are careless (`sip:*21#@my_pbx`, an unescaped `@` in the user part) and exact
where two readers could differ. What we build ourselves is escaped as the grammar asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import unquote

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.limits import MAX_PARAMS, MAX_URI

_match_sip = re.compile(
    r"([sS][iI][pP][sS]?):"
    r'(?:([^@\s<>"]*+)@)?'  # `*+`: what was taken is never given back, so that no text makes it try twice
    r"([A-Za-z0-9._-]++|\[[0-9A-Fa-f:.]++\])"  # `my_pbx` is a host in many offices
    r"(?::([0-9]{1,5}))?"
    r"(;[^?\s<>]*)?"
    r"(?:\?([^\s<>]*))?"
).fullmatch
_match_other = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([^\s<>]+)").fullmatch
_split_at_last_at = re.compile(r"([sS][iI][pP][sS]?:)([^;?]*)@([^@]*)", re.S).fullmatch


# RFC 3261 25.1: what may stand unescaped in the user part, the password, a parameter.
_not_in_user = re.compile(r"[^A-Za-z0-9\-_.!~*'()&=+$,;?/%]")
_not_in_password = re.compile(r"[^A-Za-z0-9\-_.!~*'()&=+$,%]")
_not_in_param = re.compile(r"[^A-Za-z0-9\-_.!~*'()\[\]/:&+$%]")
_not_in_headers = re.compile(r"[^A-Za-z0-9\-_.!~*'()\[\]/?:+$%=&]")
_is_host = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+").fullmatch
_stray_surrogate = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_escape_sequence = re.compile(r"%([0-9A-Fa-f]{2})")

# RFC 3261 19.1.4: a URI that has one of these does not equal one that lacks it.
_SIGNIFICANT_PARAMS = ("user", "ttl", "method", "maddr", "transport")


def readable(text: str) -> str:
    """`text` without lone surrogates: bytes that were not UTF-8 are read as Latin-1, as older phones mean them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return to_wire(text).decode("latin-1")
    return text


def to_wire(text: str) -> bytes:
    """`text` as UTF-8, with the bytes that `surrogateescape` hid as they came; what can be neither becomes "?"."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _stray_surrogate.sub("?", text).encode("utf-8", "surrogateescape")


def unescape(text: str) -> str:
    """`text` with every `%HH` decoded (RFC 3261 19.1.2); a `%` that starts no escape stays."""
    return readable(unquote(text, errors="surrogateescape") if "%" in text else text)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in to_wire(match[0]))


def escape_user(text: str) -> str:
    """`text` as it may stand in the user part of a sip URI: `*21#` gives `*21%23` (RFC 3261 25.1).

    Every `%` is escaped too: give it a plain name, not one that came from the wire.
    """
    return _not_in_user.sub(_escaped, text.replace("%", "%25"))


def read_params(text: str) -> dict[str, str | None]:
    """The parameters in `;name=value;flag` where no quoted strings can occur; names in lower case, first one wins.

    Never fails: the caller has bounded the number.
    """
    params: dict[str, str | None] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name and name not in params:
            params[name] = value.strip() if equals else None
    return params


class Uri:
    """One URI; a value that is not changed after it was made (use `replace`).

    scheme: "sip", "sips", "tel", or any other, in lower case; "*" stands for the `*` of `Contact: *`.
    user: the user part as on the wire (escaped); for tel the number, for other schemes all after the colon.
    password: what follows ":" in the user part, escaped, or None.
    host: as written, IPv6 without its brackets; "" for schemes without one. port: None if not given.
    headers: the raw text after "?".
    """

    __slots__ = ("_params", "_params_text", "_text", "headers", "host", "password", "port", "scheme", "user")

    def __init__(
        self,
        scheme: str,
        user: str = "",
        host: str = "",
        port: int | None = None,
        *,
        password: str | None = None,
        params: Mapping[str, str | None] | None = None,
        headers: str = "",
    ) -> None:
        """Build a URI. `user`, `password` and `headers` are given escaped (see `escape_user`).

        Raises ValueError for a host that could not stand in a URI, or a port that is none.
        """
        if host and not _is_host(host):
            raise ValueError(f"not a host name: {host!r}")
        if port is not None and not 0 <= port <= 65535:
            raise ValueError(f"not a port: {port}")
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.headers = headers
        self._params: Mapping[str, str | None] | None = {} if params is None else params
        self._params_text = ""
        self._text: str | None = None

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI. Raises MalformedHeader when it is none, or too long."""
        match = _match_sip(text)
        if match is None:
            return cls._parse_unusual(text)
        scheme, user, host, port, params, headers = match.groups()
        return cls.from_parts(text, scheme, user, host, port, params, headers)

    @classmethod
    def from_parts(
        cls,
        text: str,
        scheme: str,
        user: str | None,
        host: str,
        port: str | None,
        params: str | None,
        headers: str | None = None,
    ) -> Uri:
        """The URI `text`, whose parts a regular expression has found already. Raises MalformedHeader."""
        self = cls("sip")
        self.scheme = scheme if scheme == "sip" else scheme.lower()
        self.password = None
        if user is None:
            self.user = ""
        elif ":" in user:
            self.user, _, self.password = user.partition(":")
        else:
            self.user = user
        self.host = host if host[0] != "[" else host[1:-1]
        self.port = port if port is None else int(port)
        self.headers = headers or ""
        self._params = None
        self._params_text = params or ""
        self._text = text
        if len(text) > MAX_PARAMS and (len(text) > MAX_URI or self._params_text.count(";") > MAX_PARAMS):
            raise MalformedHeader("URI too long")
        if port is not None and len(port) > 4 and int(port) > 65535:
            raise MalformedHeader("port number out of range in a URI")
        return self

    @classmethod
    def _parse_unusual(cls, text: str) -> Uri:
        if len(text) > MAX_URI:
            raise MalformedHeader("URI too long")
        if text[:4].lower() in ("sip:", "sips"):
            # Phones whose account name is an e-mail address send `sip:bob@example.com@pbx` unescaped.
            host_at_last = _split_at_last_at(text)
            if host_at_last and "@" in host_at_last[2]:
                scheme, user, rest = host_at_last.groups()
                return cls.parse(f"{scheme}{user.replace('@', '%40')}@{rest}")
            if text[:4].lower() == "sip:" or text[4:5] == ":":
                raise MalformedHeader("malformed SIP URI")
        match = _match_other(text)
        if match is None:
            raise MalformedHeader("malformed URI")
        scheme = match[1].lower()
        user, params = match[2], ""
        if scheme == "tel":
            user, semicolon, params = user.partition(";")
            if not user or params.count(";") >= MAX_PARAMS:
                raise MalformedHeader("malformed tel URI")
            params = semicolon + params
        self = cls(scheme, user)
        self._params = None
        self._params_text = params
        self._text = text
        return self

    @classmethod
    def wildcard(cls) -> Uri:
        """The `*` of `Contact: *` (RFC 3261 10.2.2)."""
        self = cls("*")
        self._text = "*"
        return self

    @property
    def params(self) -> Mapping[str, str | None]:
        """URI parameters by lower-case name; None for one without a value. Not to be changed."""
        params = self._params
        if params is None:
            params = self._params = read_params(self._params_text) if self._params_text else {}
        return params

    @property
    def username(self) -> str:
        """The user part without escapes, as a person or a table knows it."""
        return unescape(self.user)

    @property
    def transport(self) -> str:
        """The transport parameter in lower case, "" if there is none."""
        return (self.params.get("transport") or "").lower() if self._params_text or self._params else ""

    @property
    def loose(self) -> bool:
        """Whether this route is a loose router's: has `lr` (RFC 3261 19.1.1)."""
        return "lr" in self.params

    @property
    def secure(self) -> bool:
        """Whether the scheme is sips."""
        return self.scheme == "sips"

    @property
    def host_port(self) -> str:
        """`host` or `host:port` as in the URI, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def header(self, name: str) -> str | None:
        """The unescaped value of a URI header (`?Replaces=...`), its name compared without regard to case."""
        for part in self.headers.split("&"):
            key, equals, value = part.partition("=")
            if equals and unescape(key).lower() == name.lower():
                return unescape(value)
        return None

    def replace(self, **changes: Any) -> Self:
        """A copy with some of scheme, user, password, host, port, params, headers changed.

        Raises ValueError for a host or a port that is none, TypeError for an unknown name.
        """
        fields: dict[str, Any] = {
            "scheme": self.scheme,
            "user": self.user,
            "password": self.password,
            "host": self.host,
            "port": self.port,
            "params": dict(self.params),
            "headers": self.headers,
        }
        return type(self)(**(fields | changes))

    def __str__(self) -> str:
        text = self._text
        if text is None:
            text = self._text = self._build()
        return text

    def _build(self) -> str:
        params = "".join(
            f";{_not_in_param.sub(_escaped, name)}"
            + ("" if value is None else f"={_not_in_param.sub(_escaped, value)}")
            for name, value in self.params.items()
        )
        if self.scheme not in ("sip", "sips"):
            opaque = re.sub(r'[\s<>"]', _escaped, self.user)
            return f"{self.scheme}:{opaque}{params}"
        user = _not_in_user.sub(_escaped, self.user)
        if self.password is not None:
            user += f":{_not_in_password.sub(_escaped, self.password)}"
        if user:
            user += "@"
        headers = f"?{_not_in_headers.sub(_escaped, self.headers)}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host_port}{params}{headers}"

    def __repr__(self) -> str:
        return f"Uri({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """RFC 3261 19.1.4 for sip and sips, RFC 3966 4 for tel, the text for all others.

        Not transitive: a parameter that only one of the two has is ignored, unless 19.1.4 names it.
        """
        if not isinstance(other, Uri):
            return NotImplemented
        if self.scheme != other.scheme:
            return False
        if self.scheme == "tel":
            return _bare_number(self.user) == _bare_number(other.user) and _folded(self.params) == _folded(other.params)
        if self.scheme not in ("sip", "sips"):
            return self.user == other.user
        return (
            self.host.lower() == other.host.lower()
            and self.port == other.port
            and _normal(self.user) == _normal(other.user)
            and _normal(self.password or "") == _normal(other.password or "")
            and _same_params(self.params, other.params)
            and _same_headers(self.headers, other.headers)
        )

    def __hash__(self) -> int:
        if self.scheme == "tel":
            return hash(("tel", _bare_number(self.user)))
        return hash((self.scheme, _normal(self.user), self.host.lower(), self.port))


def _normal(text: str) -> str:
    """`text` with each escape of a character that needs none decoded, so that equal user parts compare equal."""
    if "%" not in text:
        return text

    def decode(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return (
            character if character.isascii() and (character.isalnum() or character in "-_.!~*'()") else match[0].upper()
        )

    return _escape_sequence.sub(decode, text)


def _bare_number(number: str) -> str:
    return re.sub(r"[-.()]", "", number).lower()


def _folded(params: Mapping[str, str | None]) -> dict[str, str]:
    return {name: _normal(value or "").lower() for name, value in params.items()}


def _same_params(ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> bool:
    if not ours and not theirs:
        return True
    for name in _SIGNIFICANT_PARAMS:
        if (name in ours) != (name in theirs):
            return False
    return all(
        _normal(value or "").lower() == _normal(theirs[name] or "").lower()
        for name, value in ours.items()
        if name in theirs
    )


def _same_headers(ours: str, theirs: str) -> bool:
    if ours == theirs:
        return True

    def pairs(text: str) -> list[tuple[str, str]]:
        return sorted((unescape(k).lower(), unescape(v)) for k, _, v in (p.partition("=") for p in text.split("&")))

    return pairs(ours) == pairs(theirs)
