"""Dialogs (RFC 3261 section 12): who talks to whom, by which way, and in what order. No I/O.

A `Dialog` makes the requests that we send inside it and judges those that come. INVITE sessions and event
subscriptions both stand on it; what the requests *mean* is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import NameAddr
from jackfield.sip.message import Message, Request, Response
from jackfield.sip.uri import Uri

__all__ = ["Dialog", "DialogKey", "DialogState", "key_of_request"]

DialogKey = tuple[str, str, str]
"""Call-ID, our tag, the peer's tag ("" for an RFC 2543 peer that sends none)."""
DialogState = Literal["early", "confirmed", "terminated"]
Headers = Iterable[tuple[str, str]]


def key_of_request(request: Request) -> DialogKey:
    """Return the key of the dialog in which a peer's request wants to be: our tag is the one in To."""
    return (request.call_id, request.to.tag or "", request.from_.tag or "")


class Dialog:
    """One dialog, seen from our side.

    local, remote: what we write into From and To: address with display name and tag, as header text.
    remote_target: what our requests are addressed to: the peer's Contact.
    hop: the URI to which they are sent: the first route, else the remote target (section 12.2.1.1).
    route_set: Route values in the order in which we send them.
    local_seq: the CSeq number of our last request (0: none yet). remote_seq: of the peer's last, None if none.
    secure: sips was asked for over TLS, so that our Contact must be sips too (RFC 3261 section 12.1).
    state: "early", "confirmed" or "terminated".
    """

    __slots__ = (
        "_request_uri",
        "_routes",
        "call_id",
        "hop",
        "local",
        "local_seq",
        "local_tag",
        "remote",
        "remote_seq",
        "remote_tag",
        "remote_target",
        "route_set",
        "secure",
        "state",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str,
        remote_target: Uri,
        route_set: list[str] | None = None,
        local_seq: int = 0,
        remote_seq: int | None = None,
        secure: bool = False,
        state: DialogState = "early",
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.local_seq = local_seq
        self.remote_seq = remote_seq
        self.secure = secure
        self.state: DialogState = state
        self._aim(remote_target, route_set or [])

    @classmethod
    def from_uas(cls, request: Request, local_tag: str, *, secure: bool = False) -> Dialog:
        """Return the dialog that our response with `local_tag` to this request makes (RFC 3261 section 12.1.1).

        secure: the request came over TLS. Raises MalformedHeader when the request has no usable Contact.
        """
        contact = request.contact
        if contact is None:
            raise MalformedHeader("no Contact")
        to = request.get("To") or ""
        return cls(
            call_id=request.call_id,
            local=to if request.to.tag else f"{to};tag={local_tag}",
            local_tag=local_tag,
            remote=request.get("From") or "",
            remote_tag=request.from_.tag or "",
            remote_target=_target(contact),
            route_set=request.values("Record-Route"),
            remote_seq=request.cseq.number,
            secure=secure and request.uri[:5].lower() == "sips:",
        )

    @classmethod
    def from_uac(cls, request: Request, response: Response, *, secure: bool = False) -> Dialog:
        """Return the dialog that a peer's response to our request makes (RFC 3261 section 12.1.2).

        secure: the request went over TLS. A provisional response without Contact leaves the Request-URI as target
        until the 2xx brings one. Raises MalformedHeader.
        """
        contact = response.contact
        return cls(
            call_id=request.call_id,
            local=request.get("From") or "",
            local_tag=request.from_.tag or "",
            remote=response.get("To") or "",
            remote_tag=response.to.tag or "",
            remote_target=request.request_uri if contact is None else _target(contact),
            route_set=response.values("Record-Route")[::-1],
            local_seq=request.cseq.number,
            secure=secure and request.uri[:5].lower() == "sips:",
            state="confirmed" if response.status >= 200 else "early",
        )

    @property
    def key(self) -> DialogKey:
        """By what the dialog is found when a request of the peer comes."""
        return (self.call_id, self.local_tag, self.remote_tag)

    @property
    def local_uri(self) -> Uri:
        """Our address, as the peer called or saw it."""
        return NameAddr.parse(self.local).uri

    @property
    def remote_uri(self) -> Uri:
        """The peer's address."""
        return NameAddr.parse(self.remote).uri

    def confirm(self, response: Response) -> None:
        """Take the 2xx that confirms our early dialog: it has the last word on route set and target (13.2.2.4)."""
        self.state = "confirmed"
        routes = response.values("Record-Route")[::-1]
        contact = response.contact
        if contact is not None or routes != self.route_set:
            self._aim(self.remote_target if contact is None else _target(contact), routes)

    def refresh_target(self, message: Message) -> bool:
        """Take the Contact of an INVITE or UPDATE inside the dialog, or of its 2xx (section 12.2); True if it is new.

        Raises MalformedHeader, and changes nothing then.
        """
        contact = message.contact
        if contact is None:
            return False
        target = _target(contact)
        if str(target) == str(self.remote_target):
            return False
        self._aim(target, self.route_set)
        return True

    def check(self, request: Request) -> int:
        """Note the CSeq of a peer's request; return 0, or 500 if it is out of order (section 12.2.2)."""
        number = request.cseq.number
        if self.remote_seq is not None and number < self.remote_seq:
            return 500
        self.remote_seq = number
        return 0

    def request(
        self, method: str, headers: Headers = (), body: bytes = b"", content_type: str | None = None
    ) -> Request:
        """Make the next request of ours in this dialog (section 12.2.1.1), with the next CSeq and without Via."""
        self.local_seq += 1
        return self._build(method, self.local_seq, headers, body, content_type)

    def ack(self, number: int, headers: Headers = (), body: bytes = b"", content_type: str | None = None) -> Request:
        """Make the ACK for the 2xx to the INVITE that had the CSeq `number` (section 13.2.2.4), without Via.

        `headers` must bring the credentials that the INVITE had.
        """
        return self._build("ACK", number, headers, body, content_type)

    def _build(self, method: str, number: int, headers: Headers, body: bytes, content_type: str | None) -> Request:
        fields = [("Max-Forwards", "70")]
        if self._routes:
            fields += self._routes
        fields += (
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            *headers,
        )
        return Request.new(method, self._request_uri, fields, body, content_type)

    def _aim(self, remote_target: Uri, route_set: list[str]) -> None:
        self.remote_target = self.hop = remote_target
        self.route_set = route_set
        self._request_uri = str(remote_target)
        routes = route_set
        if route_set:
            self.hop = NameAddr.parse(route_set[0]).uri
            if not self.hop.loose:
                # A strict router of RFC 2543 finds its own address in the Request-URI and the target in the last Route.
                self._request_uri = str(self.hop)
                routes = [*route_set[1:], f"<{remote_target}>"]
        self._routes = [("Route", route) for route in routes]

    def __repr__(self) -> str:
        return f"<Dialog {self.state} {self.call_id} {self.local_tag}/{self.remote_tag}>"


def _target(contact: NameAddr) -> Uri:
    uri = contact.uri
    # Neither may stand in a Request-URI (RFC 3261 section 19.1.1), and a Contact should not have had them.
    if uri.headers or "method" in uri.params:
        uri = uri.replace(headers="", params={name: value for name, value in uri.params.items() if name != "method"})
    return uri
