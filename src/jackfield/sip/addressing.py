"""Where a peer is, as far as his messages tell, and what we call ourselves towards him."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from jackfield.sip.flow import DEFAULT_PORTS, Address, Flow, bracketed
from jackfield.sip.message import Request
from jackfield.sip.uri import Uri

__all__ = ["behind_nat", "contact_of", "leads_to"]

_TRANSPORT_PARAMS = {"UDP": "", "TCP": ";transport=tcp", "TLS": ";transport=tls", "WS": ";transport=ws"}
_TRANSPORT_PARAMS["WSS"] = ";transport=ws"  # RFC 7118 section 5.2: the URI parameter is the same
_INSIDE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
]


def contact_of(address: Address, transport: str, user: str, *, secure: bool) -> str:
    """Return a Contact value; `user` as it stands in a URI, `secure` for sips."""
    host, port = address
    at = "@" if user else ""
    scheme = "sips" if secure else "sip"
    return f"<{scheme}:{user}{at}{bracketed(host)}:{port}{_TRANSPORT_PARAMS[transport]}>"


def leads_to(uri: Uri, flow: Flow) -> bool:
    """True if requests for a URI would go where the flow goes."""
    host, port = flow.remote
    if uri.host != host or (uri.port or DEFAULT_PORTS["TLS" if uri.secure else "UDP"]) != port:
        return False
    transport = uri.transport
    return not transport or transport.upper() == flow.transport


def behind_nat(request: Request, flow: Flow) -> bool:
    """True if the peer's Contact can't be trusted to lead to him: his Via or Contact names another network."""
    source = flow.remote[0]
    if request.via.host != source:
        return True
    contact = request.contact
    if contact is None or contact.uri.host == source:
        return False
    return _is_inside(contact.uri.host) and not _is_inside(source)


def _is_inside(host: str) -> bool:
    """True for an address that only means something within one network."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _INSIDE)
