"""SIP messages (RFC 3261 section 7): read lazily, written as the same bytes where nothing was changed.

A message is split into lines once. What every receiver needs (Via, From, To, Call-ID, CSeq) is read by `parse`, so
that those never fail later; all else is read when somebody asks (see `fields`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from jackfield.sip.errors import MalformedHeader, MalformedMessage
from jackfield.sip.fields import Message, first_value, make_line
from jackfield.sip.headers import is_token
from jackfield.sip.limits import MAX_HEADERS, MAX_MESSAGE, MAX_URI, MAX_VIAS
from jackfield.sip.names import HEADER_KEYS, REASONS
from jackfield.sip.uri import Uri

__all__ = ["REASONS", "MalformedHeader", "MalformedMessage", "Message", "Request", "Response", "parse"]

_KEYS = HEADER_KEYS
_find_blank_line = re.compile(rb"\r?\n\r?\n").search
_fold = re.compile(r"\n[ \t]+")
_has_line_break = re.compile(r"[\r\n]").search
_is_status = re.compile(r"[1-6][0-9]{2}").fullmatch
_not_in_uri = re.compile(r"[\x00-\x20\x7f<>\"]").search
# A second line of one of these means that two readers could see two different messages (RFC 4475 3.3.8, 3.3.9).
_SINGLE = frozenset(("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type"))
_UNTIDY = MalformedMessage("line ends")
_COPIED = ("via", "from", "to", "call-id", "cseq")  # RFC 3261 8.2.6.2
_NAMING = frozenset(("from", "to", "call-id", "cseq", "contact"))
_DIALOG_FORMING = frozenset(("INVITE", "SUBSCRIBE", "REFER"))


class Request(Message):
    """A request. method: as written (methods are case-sensitive). uri: the Request-URI as on the wire."""

    __slots__ = ("_request_uri", "method", "uri")

    method: str
    uri: str

    def __init__(self, method: str, uri: str) -> None:
        self.method = method
        self.uri = uri
        self._request_uri: Uri | None = None

    @classmethod
    def new(
        cls,
        method: str,
        uri: str,
        headers: Iterable[tuple[str, str]],
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Self:
        """Build a request. Raises ValueError for a method, URI, header name or value that could break the framing."""
        if not is_token(method):
            raise ValueError(f"not a method: {method!r}")
        self = cls(method, uri)
        self._start(_collect(headers, content_type if body else None), body, None)
        self.set_uri(uri)
        return self

    @property
    def start_line(self) -> str:
        """The request line, without its line end."""
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def request_uri(self) -> Uri:
        """The Request-URI. Raises MalformedHeader, also if it carries headers (RFC 3261 19.1.1, RFC 4475 3.1.2.11)."""
        uri = self._request_uri
        if uri is None:
            uri = Uri.parse(self.uri)
            if uri.headers:
                raise MalformedHeader("headers in the Request-URI")
            self._request_uri = uri
        return uri

    def set_uri(self, text: str) -> None:
        """Change the Request-URI. Raises ValueError for one that could break the request line."""
        if not text or _not_in_uri(text):
            raise ValueError(f"not a Request-URI: {text!r}")
        self.uri = text
        self._request_uri = None
        self._raw = None

    def check(self) -> None:
        """As `Message.check`, and the Request-URI too. Raises MalformedHeader."""
        _ = self.request_uri
        super().check()

    def copy(self) -> Request:
        """A request of its own with the same content: to send it again with credentials, or to another hop."""
        return self._copy_into(Request(self.method, self.uri))

    def gist(self) -> Request:
        """A copy of what names its dialog, and no more: to be remembered when the request has done its work."""
        other = Request(self.method, self.uri)
        other._start({key: line for key, line in self._headers.items() if key in _NAMING}, b"", None)
        return other

    def reply(self, status: int, reason: str | None = None, *, to_tag: str | None = None) -> Response:
        """A response to this request (RFC 3261 8.2.6): Via, From, To, Call-ID, CSeq are copied.

        Timestamp is copied into a 100, Record-Route into what may form a dialog (RFC 3261 12.1.1). to_tag: the tag
        added to To if it has none; not given, a tag is derived from the request, the same for each copy of it, which
        is what stateless answers need; a dialog brings its own random one. A 100 gets no tag unless one is given.
        """
        headers = self._headers
        copied = {key: headers[key] for key in _COPIED if key in headers}
        response = Response(status, REASONS.get(status, "") if reason is None else reason)
        if _has_line_break(response.reason):
            raise ValueError("line break in a reason phrase")
        if status == 100:
            if "timestamp" in headers:
                copied["timestamp"] = headers["timestamp"]
        elif status < 300 and self.method in _DIALOG_FORMING and "record-route" in headers:
            copied["record-route"] = headers["record-route"]
        if (to_tag or (to_tag is None and status != 100)) and "to" in copied and not self._has_to_tag():
            if to_tag is None:
                to_tag = f"{hash((headers['via'], headers.get('call-id'))) & 0xFFFFFFFFFFFFFFFF:x}"
            elif not is_token(to_tag):
                raise ValueError(f"not a tag: {to_tag!r}")
            copied["to"] = f"{copied['to'].rstrip('; ')};tag={to_tag}"  # some leave a last ";" behind
        response._start(copied, b"", None)
        return response

    def _has_to_tag(self) -> bool:
        try:
            return self.to.tag is not None
        except MalformedHeader:
            return True  # copied as it is into the 400 that tells so


class Response(Message):
    """A response. local: whether it was made here (time-out, no way to send) and never came over the network."""

    __slots__ = ("local", "reason", "status")

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        self.local = False

    @classmethod
    def new(
        cls,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes = b"",
        content_type: str | None = None,
        *,
        reason: str | None = None,
    ) -> Self:
        """Build a response from nothing (most come from `Request.reply`). Raises ValueError as `Request.new`."""
        self = cls(status, REASONS.get(status, "") if reason is None else reason)
        if _has_line_break(self.reason):
            raise ValueError("line break in a reason phrase")
        self._start(_collect(headers, content_type if body else None), body, None)
        return self

    @property
    def start_line(self) -> str:
        """The status line, without its line end."""
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Response:
        """A response of its own with the same content."""
        other = self._copy_into(Response(self.status, self.reason))
        other.local = self.local
        return other


def _collect(headers: Iterable[tuple[str, str]], content_type: str | None) -> dict[str, str]:
    """The headers of a message that is built, Via first."""
    collected: dict[str, str] = {}
    for name, value in headers:
        key, line = make_line(name, value)
        if key in collected:
            collected[key] += f"\r\n{line}"
        elif key == "via" and collected:
            collected = {key: line, **collected}
        else:
            collected[key] = line
    if content_type is not None:
        collected["content-type"] = make_line("Content-Type", content_type)[1]
    return collected


# --- reading --------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> Request | Response:
    """Read one message: a datagram, or what the framing of a stream cut out.

    `via`, `from_`, `to`, `call_id` and `cseq` of the result can be read without error. What follows the body in a
    datagram is left out (RFC 3261 18.3); a Content-Length greater than what came is an error. Lines may end in a
    bare LF; a bare CR is an error, since the next reader could take it for the end of a line.

    Raises MalformedMessage (and nothing else).
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedMessage("message too large", 513)
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")  # RFC 3261 7.5; also what is left of a keep-alive
    head_bytes, blank_line, body = data.partition(b"\r\n\r\n")
    head = head_bytes.decode("utf-8", "surrogateescape")
    lines = head.split("\r\n")
    breaks = len(lines) - 1
    if blank_line and head.count("\n") == breaks and head.count("\r") == breaks:
        headers, problem = _index(lines)
    else:
        headers, problem = {}, _UNTIDY
    if problem is not None:
        # Perhaps only folded, or with bare LFs. Rare, so it may cost the work twice.
        lines, body, untidy = _untidy_lines(data)
        headers, problem = _index(lines)
        problem = untidy or problem
    message, complaint = _start_of(lines[0])
    message._start(headers, body, data)
    problem = complaint or problem or _check(message)
    if problem is not None:
        if isinstance(message, Request) and _answerable(message):
            problem.request = message
        raise problem
    return message


def _index(lines: list[str]) -> tuple[dict[str, str], MalformedMessage | None]:
    """The header lines by canonical name, and what is wrong with them; `lines` begins with the start line."""
    problem = None
    headers: dict[str, str] = {}
    if len(lines) > MAX_HEADERS:
        problem = MalformedMessage("too many headers")
        lines = lines[:MAX_HEADERS]
    repeated: list[str] = []
    keys = _KEYS
    for line in lines[1:]:
        name, colon, _ = line.partition(":")
        if not colon:
            return headers, MalformedMessage("header line without a colon")
        key = keys[name]
        if key in headers:
            repeated.append(key)
            headers[key] += f"\r\n{line}"
        else:
            headers[key] = line
    if "" in headers:
        return headers, MalformedMessage("malformed header name")
    if repeated:
        for key in repeated:
            if key in _SINGLE:
                return headers, MalformedMessage(f"{key} given more than once")
        if repeated.count("via") >= MAX_VIAS:
            return headers, MalformedMessage("too many Via headers", 483)
    return headers, problem


def _untidy_lines(data: bytes) -> tuple[list[str], bytes, MalformedMessage | None]:
    """The lines of a head with bare LFs or folded lines (RFC 3261 7.3.1), the body, and what can't be mended."""
    problem = None
    blank = _find_blank_line(data)
    if blank is not None:
        end, body_at = blank.span()
    else:
        # Some devices leave out the empty line when there is no body; half a line means that the rest was lost.
        end = body_at = len(data)
        if not data.endswith(b"\n"):
            problem = MalformedMessage("headers without an end")
    head = data[:end].decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n")
    if "\r" in head:
        problem = MalformedMessage("CR without LF")
        head = head.replace("\r", " ")
    return _fold.sub(" ", head).split("\n"), data[body_at:], problem


def _start_of(line: str) -> tuple[Request | Response, MalformedMessage | None]:
    """The message that a start line opens, and what is wrong with the line."""
    parts = line.split(" ")
    if len(parts) == 3 and parts[2] == "SIP/2.0":
        method, uri = parts[0], parts[1]
        complaint = None
        if not is_token(method) or not uri:
            complaint = MalformedMessage("malformed request line")
        elif len(uri) > MAX_URI:
            complaint = MalformedMessage("Request-URI too long", 414)
        elif _not_in_uri(uri):
            complaint = MalformedMessage("malformed Request-URI")
        return Request(method, uri), complaint
    if line[:8].upper() == "SIP/2.0 ":
        status, reason = line[8:11], line[12:]
        if _is_status(status) and line[11:12] in ("", " "):
            return Response(int(status), reason), None
        return Response(0, ""), MalformedMessage("malformed status line")
    if line[:4].upper() == "SIP/":
        return Response(0, ""), MalformedMessage("unknown SIP version", 505)
    return _odd_request_line(line)


def _odd_request_line(line: str) -> tuple[Request, MalformedMessage | None]:
    method, _, rest = line.strip(" \t").partition(" ")
    rest, _, version = rest.rpartition(" ")
    uri = rest.strip(" \t")
    if not uri or not is_token(method) or version[:4].upper() != "SIP/":
        # Not SIP at all: nobody to answer.
        return Request("ACK", ""), MalformedMessage("no start line of SIP")
    request = Request(method, uri)
    if version[4:] != "2.0":
        return request, MalformedMessage("unknown SIP version", 505)
    if line == f"{method} {uri} {version}" and not _not_in_uri(uri):
        return request, None  # `sip/2.0`: RFC 3261 7.1 compares it without regard to case
    return request, MalformedMessage("malformed request line")


def _check(message: Request | Response) -> MalformedMessage | None:
    """What is wrong with the headers that everybody needs; sets the body to the length that was announced."""
    headers = message._headers
    length = headers.get("content-length")
    if length is None:
        message._raw = None  # it may go out over a stream, where the length is a must
    else:
        value = first_value(length)
        if not (value.isascii() and value.isdigit()) or len(value) > 16:
            return MalformedMessage("malformed Content-Length")
        announced, came = int(value), len(message._body)
        if announced > came:
            return MalformedMessage("Content-Length is greater than the body")
        if announced < came:
            surplus = came - announced
            message._body = message._body[:announced]
            assert message._raw is not None
            message._raw = message._raw[:-surplus]
    try:
        _ = message.via, message.to, message.from_, message.call_id
        cseq = message.cseq
    except MalformedHeader as error:
        return MalformedMessage(error.reason)
    if isinstance(message, Request) and cseq.method != message.method:
        return MalformedMessage("CSeq names another method")
    return None


def _answerable(request: Request) -> bool:
    """Whether a 4xx may be sent: not to an ACK (RFC 3261 17.1.1.3), and only where a Via says where to."""
    if request.method == "ACK":
        return False
    try:
        _ = request.via
    except MalformedHeader:
        return False
    return True
