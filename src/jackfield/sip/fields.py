"""What requests and responses share: header lines, body, and the values read from them (RFC 3261 section 7).

A header is read when somebody first asks for it, kept, and thrown away when the header is changed. Header lines that
nobody touches go out as they came in.
"""

from __future__ import annotations

from typing import TypeVar

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import CSeq, NameAddr, Via, split_list
from jackfield.sip.limits import MAX_VALUES
from jackfield.sip.names import HEADER_KEYS

_KEYS = HEADER_KEYS

_M = TypeVar("_M", bound="Message")


class Message:
    """What requests and responses have in common: headers, body, and the typed values read from them.

    Header names are compared without regard to case, and the compact forms are understood. Values come as text;
    bytes that are no UTF-8 come as lone surrogates (`uri.readable` mends them for people), and go out unchanged.

    received_from: the source (address, port) of the message, if the transport noted it.
    """

    __slots__ = (
        "_body",
        "_contacts",
        "_cseq",
        "_from",
        "_headers",
        "_options",
        "_raw",
        "_to",
        "_via",
        "received_from",
    )

    # canonical key -> the header's lines, "Name: value" each, in order. Lines of one name go out side by side, which
    # RFC 3261 7.3.1 allows; the order of names is that of their first lines.
    _headers: dict[str, list[str]]

    def _start(self, headers: dict[str, list[str]], body: bytes, raw: bytes | None) -> None:
        self._headers = headers
        self._body = body
        self._raw = raw
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None
        self._contacts: list[NameAddr] | None = None
        self._options: dict[str, frozenset[str]] | None = None
        self.received_from: tuple[str, int] | None = None

    # --- headers as text ------------------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return _KEYS[name] in self._headers

    def get(self, name: str) -> str | None:
        """The value of the first line of that name, blanks trimmed; None if there is no such line."""
        lines = self._headers.get(_KEYS[name])
        return None if lines is None else value_of(lines[0])

    def all(self, name: str) -> list[str]:
        """The value of each line of that name, in order."""
        return [value_of(line) for line in self._headers.get(_KEYS[name], ())]

    def values(self, name: str) -> list[str]:
        """The values of a list header, from all its lines, split at commas."""
        lines = self._headers.get(_KEYS[name])
        if lines is None:
            return []
        if len(lines) == 1:
            return split_list(value_of(lines[0]))
        return [value for line in lines for value in split_list(value_of(line))]

    def names(self) -> list[str]:
        """The canonical (lower-case, long) names of the headers present, in the order they go out."""
        return list(self._headers)

    def set(self, name: str, value: str) -> None:
        """Replace all lines of that name by one. Raises ValueError for a line break in `value`, or a bad name."""
        key, line = make_line(name, value)
        self._changed(key)
        if key == "via" and key not in self._headers:
            self._headers = {key: [line], **self._headers}
        else:
            self._headers[key] = [line]

    def add(self, name: str, value: str) -> None:
        """Append a line after those of that name. Raises ValueError as `set` does."""
        key, line = make_line(name, value)
        lines = self._headers.get(key)
        if lines is None:
            self.set(name, value)
        else:
            self._changed(key)
            lines.append(line)

    def prepend(self, name: str, value: str) -> None:
        """Put a line before the first of that name, or on top. Raises ValueError as `set` does."""
        key, line = make_line(name, value)
        self._changed(key)
        lines = self._headers.get(key)
        if lines is None:
            self._headers = {key: [line], **self._headers}
        else:
            lines.insert(0, line)

    def remove(self, name: str) -> None:
        """Take away all lines of that name."""
        key = _KEYS[name]
        if key in self._headers:
            self._changed(key)
            del self._headers[key]

    def remove_first(self, name: str) -> None:
        """Take away the first *value* of that name: the top Via, the top Route."""
        key = _KEYS[name]
        lines = self._headers.get(key)
        if lines is None:
            return
        self._changed(key)
        rest = split_list(value_of(lines[0]))[1:]
        if rest:
            lines[0] = f"{name}: {', '.join(rest)}"
        elif len(lines) > 1:
            del lines[0]
        else:
            del self._headers[key]

    def _changed(self, key: str) -> None:
        self._raw = None
        if key == "via":
            self._via = None
        elif key == "from":
            self._from = None
        elif key == "to":
            self._to = None
        elif key == "cseq":
            self._cseq = None
        elif key == "contact":
            self._contacts = None
        elif self._options is not None:
            self._options.pop(key, None)

    # --- body and wire --------------------------------------------------------------------------------------------

    @property
    def body(self) -> bytes:
        """The body, b"" if there is none. Setting it keeps the Content-Type."""
        return self._body

    @body.setter
    def body(self, body: bytes) -> None:
        self._body = body
        self._raw = None

    def set_body(self, content_type: str, body: bytes) -> None:
        """Set the body and its type; with an empty body the Content-Type goes too."""
        if body:
            self.set("Content-Type", content_type)
        else:
            self.remove("Content-Type")
        self.body = body

    def to_bytes(self) -> bytes:
        """The message for the wire: the received bytes while unchanged, else written anew, Content-Length last."""
        raw = self._raw
        if raw is None:
            headers = self._headers
            headers.pop("content-length", None)  # put back below, as the last one
            lines = [self.start_line]
            for of_one_name in headers.values():
                lines += of_one_name
            length = f"Content-Length: {len(self._body)}"
            headers["content-length"] = [length]
            lines += (length, "", "")
            raw = self._raw = "\r\n".join(lines).encode("utf-8", "surrogateescape") + self._body
        return raw

    @property
    def start_line(self) -> str:
        """The request line or status line, without its line end."""
        raise NotImplementedError

    # --- headers with structure -----------------------------------------------------------------------------------

    @property
    def via(self) -> Via:
        """The top Via. Raises MalformedHeader in a message that was built without one."""
        via = self._via
        if via is None:
            line = self._need("via", "Via")
            via = self._via = Via.parse(line if "," not in line else split_list(line)[0])
        return via

    @property
    def from_(self) -> NameAddr:
        """From. Raises MalformedHeader in a message that was built without one."""
        address = self._from
        if address is None:
            address = self._from = _address("From", self._need("from", "From"))
        return address

    @property
    def to(self) -> NameAddr:
        """To. Raises MalformedHeader in a message that was built without one."""
        address = self._to
        if address is None:
            address = self._to = _address("To", self._need("to", "To"))
        return address

    @property
    def call_id(self) -> str:
        """Call-ID. Raises MalformedHeader in a message that was built without one."""
        return self._need("call-id", "Call-ID")

    @property
    def cseq(self) -> CSeq:
        """CSeq. Raises MalformedHeader in a message that was built without one."""
        cseq = self._cseq
        if cseq is None:
            cseq = self._cseq = CSeq.parse(self._need("cseq", "CSeq"))
        return cseq

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; `*` is one whose `is_wildcard` is true, and then the only one. Raises MalformedHeader."""
        contacts = self._contacts
        if contacts is None:
            contacts = self.addresses("Contact")
            if len(contacts) > 1 and any(contact.is_wildcard for contact in contacts):
                raise MalformedHeader("Contact: * together with an address")
            self._contacts = contacts
        return contacts

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None if there is none. Raises MalformedHeader."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    def addresses(self, name: str) -> list[NameAddr]:
        """The values of a header that lists addresses: Route, Record-Route, Path, P-Asserted-Identity ...

        Raises MalformedHeader if one can't be read, or for more than `MAX_VALUES`. Not cached.
        """
        values = self.values(name)
        if len(values) > MAX_VALUES:
            raise MalformedHeader(f"too many values in {name}")
        return [_address(name, value) for value in values]

    @property
    def routes(self) -> list[NameAddr]:
        """The Route set, first hop first. Raises MalformedHeader."""
        return self.addresses("Route") if "route" in self._headers else []

    @property
    def record_routes(self) -> list[NameAddr]:
        """The Record-Route values as they stand. Raises MalformedHeader."""
        return self.addresses("Record-Route") if "record-route" in self._headers else []

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, None if absent; more than 255 counts as 255 (RFC 3261 20.22). Raises MalformedHeader."""
        return self._number("max-forwards", "Max-Forwards", 255)

    @property
    def expires(self) -> int | None:
        """Expires in seconds, None if absent; at most 2**32 - 1 (RFC 3261 20.19). Raises MalformedHeader."""
        return self._number("expires", "Expires", 2**32 - 1)

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters, "" if there is none."""
        value = self.get("Content-Type")
        return "" if value is None else value.partition(";")[0].strip().lower()

    def has_option(self, name: str, option: str) -> bool:
        """Whether a list header names `option`: `has_option("Supported", "100rel")`. Case does not count."""
        return option.lower() in self._tokens(name)

    @property
    def require(self) -> frozenset[str]:
        """The option tags in Require, lower-case."""
        return self._tokens("Require")

    @property
    def supported(self) -> frozenset[str]:
        """The option tags in Supported, lower-case."""
        return self._tokens("Supported")

    @property
    def allow(self) -> frozenset[str]:
        """The methods in Allow, upper-case; empty if the peer does not say."""
        return frozenset(value.upper() for value in self.values("Allow"))

    def check(self) -> None:
        """Read every header that calls and registrations rely on; raises MalformedHeader if one is broken.

        For requests that open something (INVITE, REGISTER, SUBSCRIBE ...): asked once at the door, the code behind
        it needs no handler. Not done by `parse`, since an odd Contact in a BYE is no reason to keep a call up.
        """
        _ = self.contacts, self.routes, self.record_routes, self.max_forwards, self.expires

    def stamp_received(self, host: str, port: int) -> None:
        """Note the source in the top Via (RFC 3261 18.2.1, RFC 3581) and in `received_from`.

        host: the source address as an IP literal without brackets. The bytes change only if the Via does.
        """
        self.received_from = (host, port)
        via = self.via
        stamped = via.stamped(host, port)
        if stamped is not via:
            lines = self._headers["via"]
            rest = split_list(value_of(lines[0]))[1:] if "," in lines[0] else []
            lines[0] = f"Via: {', '.join([str(stamped), *rest])}"
            self._raw = None
            self._via = stamped

    def _need(self, key: str, name: str) -> str:
        lines = self._headers.get(key)
        value = value_of(lines[0]) if lines is not None else ""
        if not value:
            raise MalformedHeader(f"no {name}")
        return value

    def _number(self, key: str, name: str, limit: int) -> int | None:
        lines = self._headers.get(key)
        if lines is None:
            return None
        value = value_of(lines[0])
        if not (value.isascii() and value.isdigit()):
            raise MalformedHeader(f"malformed {name}")
        return limit if len(value.lstrip("0")) > 10 else min(int(value[-11:]), limit)

    def _tokens(self, name: str) -> frozenset[str]:
        key = _KEYS[name]
        options = self._options
        if options is None:
            options = self._options = {}
        tokens = options.get(key)
        if tokens is None:
            tokens = options[key] = frozenset(value.lower() for value in self.values(name))
        return tokens

    def _copy_into(self, other: _M) -> _M:
        other._start({key: list(lines) for key, lines in self._headers.items()}, self._body, self._raw)
        other.received_from = self.received_from
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.start_line!r}>"


def value_of(line: str) -> str:
    """The value in a header line."""
    return line[line.index(":") + 1 :].strip()


def make_line(name: str, value: str) -> tuple[str, str]:
    """Canonical key and line of a header. Raises ValueError for a bad name, or a line break in the value."""
    key = _KEYS[name]
    if not key:
        raise ValueError(f"not a header name: {name!r}")
    if "\n" in value or "\r" in value:
        raise ValueError(f"line break in the value of {name}")
    return key, f"{name}: {value}"


def _address(name: str, value: str) -> NameAddr:
    try:
        return NameAddr.parse(value)
    except MalformedHeader as error:
        raise MalformedHeader(f"{name}: {error.reason}") from None
