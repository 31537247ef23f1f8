"""What requests and responses share: header lines, body, and the values read from them (RFC 3261 section 7).

A header is read when somebody first asks for it, kept, and thrown away when the header is changed. Header lines that
nobody touches go out as they came in.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import CSeq, NameAddr, Via, is_token, split_list
from jackfield.sip.limits import MAX_SHARED_ADDRESSES, MAX_SHARED_LENGTH, MAX_VALUES
from jackfield.sip.names import HEADER_KEYS
from jackfield.sip.uri import to_wire

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
        "_call_id",
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

    # Canonical name -> the header's lines as they go out, joined by CRLF. Lines of one name stand side by side, which
    # RFC 3261 7.3.1 allows; the order of names is that of their first lines.
    _headers: dict[str, str]

    def _start(self, headers: dict[str, str], body: bytes, raw: bytes | None) -> None:
        self._headers = headers
        self._body = body
        self._raw = raw
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None
        self._call_id = ""
        self._contacts: list[NameAddr] | None = None
        self._options: dict[str, frozenset[str]] | None = None
        self.received_from: tuple[str, int] | None = None

    # --- headers as text ------------------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return _KEYS[name] in self._headers

    def get(self, name: str) -> str | None:
        """The value of the first line of that name, blanks trimmed; None if there is no such line."""
        block = self._headers.get(_KEYS[name])
        return None if block is None else first_value(block)

    def all(self, name: str) -> list[str]:
        """The value of each line of that name, in order."""
        block = self._headers.get(_KEYS[name])
        return [] if block is None else [first_value(line) for line in block.split("\r\n")]

    def values(self, name: str) -> list[str]:
        """The values of a list header, from all its lines, split at commas."""
        block = self._headers.get(_KEYS[name])
        if block is None:
            return []
        if "\r" not in block:
            return split_list(first_value(block))
        return [value for line in block.split("\r\n") for value in split_list(first_value(line))]

    def names(self) -> list[str]:
        """The canonical (lower-case, long) names of the headers present, in the order they go out."""
        return list(self._headers)

    def set(self, name: str, value: str) -> None:
        """Replace all lines of that name by one. Raises ValueError for a line break in `value`, or a bad name."""
        key, line = make_line(name, value)
        self._changed(key)
        if key == "via" and key not in self._headers:
            self._headers = {key: line, **self._headers}
        else:
            self._headers[key] = line

    def add(self, name: str, value: str) -> None:
        """Append a line after those of that name. Raises ValueError as `set` does."""
        key, line = make_line(name, value)
        block = self._headers.get(key)
        if block is None:
            self.set(name, value)
        else:
            self._changed(key)
            self._headers[key] = f"{block}\r\n{line}"

    def prepend(self, name: str, value: str) -> None:
        """Put a line before the first of that name, or on top. Raises ValueError as `set` does."""
        key, line = make_line(name, value)
        self._changed(key)
        block = self._headers.get(key)
        if block is None:
            self._headers = {key: line, **self._headers}
        else:
            self._headers[key] = f"{line}\r\n{block}"

    def remove(self, name: str) -> None:
        """Take away all lines of that name."""
        key = _KEYS[name]
        if key in self._headers:
            self._changed(key)
            del self._headers[key]

    def remove_first(self, name: str) -> None:
        """Take away the first *value* of that name: the top Via, the top Route."""
        key = _KEYS[name]
        block = self._headers.get(key)
        if block is None:
            return
        self._changed(key)
        line, _, others = block.partition("\r\n")
        rest = ", ".join(split_list(first_value(line))[1:])
        if rest:
            self._headers[key] = f"{name}: {rest}\r\n{others}" if others else f"{name}: {rest}"
        elif others:
            self._headers[key] = others
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
        elif key == "call-id":
            self._call_id = ""
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
            headers.pop("content-length", None)
            headers["content-length"] = f"Content-Length: {len(self._body)}"  # now it is the last
            head = "\r\n".join((self.start_line, *headers.values(), "", ""))
            raw = self._raw = to_wire(head) + self._body
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
            via = self._via = Via.parse(line if "," not in line else next(iter(split_list(line)), ""))
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
        call_id = self._call_id
        if not call_id:
            call_id = self._call_id = self._need("call-id", "Call-ID")
        return call_id

    @property
    def cseq(self) -> CSeq:
        """CSeq. Raises MalformedHeader in a message that was built without one."""
        cseq = self._cseq
        if cseq is None:
            text = self._need("cseq", "CSeq")
            cseq = self._cseq = _shared_cseq(text) if len(text) <= _MAX_SHARED_CSEQ else CSeq.parse(text)
        return cseq

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; `*` is one whose `is_wildcard` is true, and then the only one. Raises MalformedHeader."""
        contacts = self._contacts
        if contacts is None:
            block = self._headers.get("contact")
            if block is None:
                contacts = []
            elif "," in block or "\r" in block:
                contacts = self.addresses("Contact")
                if len(contacts) > 1 and any(contact.is_wildcard for contact in contacts):
                    raise MalformedHeader("Contact: * together with an address")
            else:
                value = first_value(block)
                contacts = [_address("Contact", value)] if value else []
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
            self._raw = None
            block = self._headers["via"]
            if "," in block or "\r" in block:
                self.remove_first("Via")
                self.prepend("Via", str(stamped))
            else:
                self._headers["via"] = f"Via: {stamped}"
            self._via = stamped

    def _need(self, key: str, name: str) -> str:
        block = self._headers.get(key)
        value = first_value(block) if block is not None else ""
        if not value:
            raise MalformedHeader(f"no {name}")
        return value

    def _number(self, key: str, name: str, limit: int) -> int | None:
        block = self._headers.get(key)
        if block is None:
            return None
        value = first_value(block)
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
        other._start(self._headers.copy(), self._body, self._raw)
        other.received_from = self.received_from
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.start_line!r}>"


def first_value(block: str) -> str:
    """The value in the first of a header's lines."""
    if "\r" in block:
        block = block[: block.index("\r")]
    return block[block.index(":") + 1 :].strip()


def make_line(name: str, value: str) -> tuple[str, str]:
    """Canonical key and line of a header. Raises ValueError for a bad name, or a line break in the value."""
    key = _KEYS[name]
    if not key:
        raise ValueError(f"not a header name: {name!r}")
    if "\n" in value or "\r" in value:
        raise ValueError(f"line break in the value of {name}")
    return key, f"{name}: {value}"


# The same few addresses are repeated in all calls of a phone, but for the tag; a `NameAddr` is a value, so that all may
# share one. Long ones, which nobody repeats but a flood, are not kept: what is kept takes a few MB at most.
_shared_address = lru_cache(MAX_SHARED_ADDRESSES)(NameAddr.parse)
_shared_cseq = lru_cache(256)(CSeq.parse)  # "1 INVITE" is in every call
_MAX_SHARED_CSEQ = 24
_TAG = ">;tag="


def _read_address(value: str) -> NameAddr:
    if len(value) > MAX_SHARED_LENGTH:
        return NameAddr.parse(value)
    end = value.find(_TAG) + 1
    if end:
        tag = value[end + len(_TAG) - 1 :]
        if is_token(tag):
            address = _shared_address(value[:end]).tagged(value, tag)
            if address is not None:
                return address
    return _shared_address(value)


def _address(name: str, value: str) -> NameAddr:
    try:
        address = _read_address(value)
    except MalformedHeader as error:
        raise MalformedHeader(f"{name}: {error.reason}") from None
    if address.is_wildcard and name != "Contact":
        raise MalformedHeader(f"{name}: malformed address")
    return address
