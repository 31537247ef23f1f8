"""A contact: one phone where a line is registered now (RFC 3261 section 10, RFC 5626, RFC 5627)."""

from __future__ import annotations

from jackfield.sip.flow import Flow

__all__ = ["Contact"]


class Contact:
    """One registered phone. There may be 20,000 of them, hence slots and shared strings.

    To call it: the INVITE's Request-URI is `request_uri`, its Route headers are `route` (Path, RFC 3327), and it
    leaves by `flow`; when `flow` is None the Request-URI (or the first Route) is resolved as any other.
    """

    __slots__ = (
        "behind_nat",
        "call_id",
        "cseq",
        "expires_at",
        "identity",
        "instance",
        "latency",
        "link",
        "local",
        "missed",
        "model",
        "nat_reason",
        "pub_gruu",
        "q",
        "reachable",
        "reg_id",
        "registered",
        "route",
        "since",
        "source",
        "transport",
        "uri",
        "user_agent",
        "username",
    )

    username: str
    """SIP name of the line."""
    uri: str
    """As the phone registered it, on the wire; what the 200 to its REGISTER gives back."""
    transport: str
    """"UDP", "TCP", "TLS", "WS" or "WSS"."""
    source: tuple[str, int]
    """Where its REGISTER came from."""
    local: tuple[str, int]
    """Our address on which it came."""
    route: tuple[str, ...]
    """Values of Path, to be sent as Route."""
    behind_nat: bool
    nat_reason: str
    """Why it is taken to be behind a NAT, in plain words; empty when it is not."""
    user_agent: str
    model: str
    """Vendor and model read from User-Agent: "Yealink SIP-T46S"."""
    instance: str
    """+sip.instance without brackets, or empty."""
    reg_id: int
    """RFC 5626; 0 when the phone does not ask for outbound."""
    latency: float | None
    """Seconds of the last OPTIONS round trip; None: not measured."""
    reachable: bool
    """False after three unanswered OPTIONS, or when its connection has gone."""
    since: float
    """Wall clock, seconds: when it first registered."""
    expires_at: float
    """Clock of the registrar (monotonic), seconds."""

    @property
    def flow(self) -> Flow | None:
        """The way to the phone, or None when the URI is to be resolved."""
        raise NotImplementedError

    @property
    def request_uri(self) -> str:
        """What a request to this phone carries as Request-URI: what the phone registered (RFC 3261 section 16.5)."""
        raise NotImplementedError
