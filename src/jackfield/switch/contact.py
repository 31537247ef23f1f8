"""A contact: one phone where a line is registered now (RFC 3261 section 10, RFC 5626, RFC 5627)."""

from __future__ import annotations

from functools import lru_cache

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import Address, Flow, bracketed
from jackfield.sip.uri import Uri

__all__ = ["Contact"]


@lru_cache(maxsize=4096)
def host_of(uri: str) -> str:
    """Return the host of a URI, without brackets; "" when it can't be read."""
    try:
        return Uri.parse(uri).host.strip("[]")
    except MalformedHeader:
        return ""


class Contact:
    """One registered phone. There may be 20,000 of them, hence slots and shared strings.

    To call it: the INVITE's Request-URI is `request_uri`, its Route headers are `route` (Path, RFC 3327), and it
    leaves by `flow`; when `flow` is None the Request-URI (or the first Route) is resolved as any other.
    """

    __slots__ = (
        "asked",
        "asked_at",
        "bait",
        "baited",
        "by_flow",
        "call_id",
        "cseq",
        "doubt",
        "expires_at",
        "gateway",
        "granted",
        "granted_at",
        "gruu_index",
        "heard",
        "id",
        "instance",
        "latency",
        "link",
        "local",
        "missed",
        "model",
        "nat_reason",
        "own_address",
        "own_port",
        "params",
        "push",
        "quiet",
        "reachable",
        "reg_id",
        "repeated",
        "route",
        "share",
        "since",
        "source",
        "transport",
        "trial",
        "uri",
        "user_agent",
        "username",
    )

    def __init__(self, number: int, username: str, uri: str) -> None:
        self.id = number
        """Number in the registrar's file."""
        self.username = username
        """SIP name of the line."""
        self.uri = uri
        """As the phone registered it, on the wire; what the 200 to its REGISTER gives back."""
        self.params = ""
        """Parameters of the Contact that the 200 gives back: `;+sip.instance="<urn:uuid:…>";reg-id=1;q=0.5`."""
        self.transport = "UDP"
        """"UDP", "TCP", "TLS", "WS" or "WSS"."""
        self.source: Address = ("", 0)
        """Where its REGISTER came from."""
        self.local: Address = ("", 0)
        """Our side of the flow, as `Flow.key` has it."""
        self.link: Flow | None = None
        """The flow on which its REGISTER came."""
        self.by_flow = False
        """It is reached by that flow, whatever its URI says: NAT, outbound, WebSocket, or just the same address."""
        self.route: tuple[str, ...] = ()
        """Values of Path, to be sent as Route."""
        self.nat_reason = ""
        """Why it is taken to be behind a NAT, in plain words; empty when it is not."""
        self.user_agent = ""
        self.model = ""
        """Vendor and model read from User-Agent: "Yealink T46S"."""
        self.instance = ""
        """+sip.instance without brackets, or empty."""
        self.reg_id = 0
        """RFC 5626; 0 when the phone does not ask for outbound."""
        self.gruu_index = 0
        """Its number in temporary GRUUs; 0 when it did not ask for any."""
        self.push = ""
        """What names its Web Push subscription (pn-prid of RFC 8599); empty when it can't be woken."""
        self.call_id = ""
        self.cseq = 0
        self.latency: float | None = None
        """Seconds of the last OPTIONS round trip; None: not measured."""
        self.missed = 0
        """OPTIONS in a row without an answer."""
        self.reachable = True
        """False after three unanswered OPTIONS, or when its connection has gone."""
        self.since = 0.0
        """Wall clock, seconds: when it first registered."""
        self.expires_at = 0.0
        """Clock of the registrar (monotonic), seconds."""
        # What `qualify` knows of it. Times are of the registrar's clock, spans are seconds.
        self.asked = ""
        """Branch of the question that it has not answered yet."""
        self.asked_at = 0.0
        self.repeated = 0
        """Times that this question was repeated."""
        self.quiet = 0.0
        """How long nothing had passed when it was asked."""
        self.heard = 0.0
        """When it registered or answered last."""
        self.granted = 0
        """For how long it was last registered,"""
        self.granted_at = 0.0
        """and when."""
        self.share = 0.0
        """After which share of that it registers again; 0: not known."""
        self.trial = 0.0
        """The silence after which it is to be asked, to find out how long its NAT remembers; 0: it is not tried."""
        self.doubt = 0.0
        """The silence after which it did not answer; 0: it did."""
        self.bait = ""
        """Host and port that the question under way names in To (see `gateway`)."""
        self.baited = 0
        """Questions with a bait that were asked on this binding."""
        self.gateway = False
        """A router on the way changes what it says and hears."""
        self.own_address = ""
        """Its private address as far as it has told,"""
        self.own_port = 0
        """and its port."""

    @property
    def behind_nat(self) -> bool:
        """A NAT stands between the phone and us."""
        return self.nat_reason != ""

    @property
    def asleep(self) -> bool:
        """Nothing reaches it now, but a push wakes it and it registers anew."""
        return self.push != "" and not self.reachable

    @property
    def flow(self) -> Flow | None:
        """The way to the phone, or None when the URI is to be resolved."""
        link = self.link
        return link if self.by_flow and link is not None and not link.closed else None

    @property
    def request_uri(self) -> str:
        """What a request to this phone carries as Request-URI: what the phone registered (RFC 3261 section 16.5)."""
        return self.uri

    @property
    def host(self) -> str:
        """The address that the phone gives itself in its Contact; a name where it gives one."""
        return host_of(self.uri)

    @property
    def address(self) -> str:
        """Where it is, for people: "192.0.2.7:5060"."""
        return f"{bracketed(self.source[0])}:{self.source[1]}"

    @property
    def last_heard(self) -> float:
        """When anything came from it last; 0: never, as far as is known."""
        return self.heard if self.link is None else max(self.heard, self.link.last_in)

    @property
    def last_passed(self) -> float:
        """When anything passed last, either way."""
        return self.last_heard if self.link is None else max(self.last_heard, self.link.last_out)

    def came_by(self, flow: Flow) -> bool:
        """Say if the phone registered on this flow."""
        return self.link is flow or (self.source == flow.remote and self.transport == flow.transport)

    def __str__(self) -> str:
        return f"{self.model or 'phone'} at {self.transport} {self.address}"
