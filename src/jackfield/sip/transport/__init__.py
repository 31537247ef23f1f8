"""The SIP transports: UDP, TCP, TLS, WebSocket and secure WebSocket behind one interface."""

from jackfield.sip.flow import Flow, Hop, TransportFailed
from jackfield.sip.transport.admission import Admission
from jackfield.sip.transport.limits import TransportLimits
from jackfield.sip.transport.stats import Counters, Stats
from jackfield.sip.transport.tls import client_context, server_context
from jackfield.sip.transport.transports import Transports

__all__ = [
    "Admission",
    "Counters",
    "Flow",
    "Hop",
    "Stats",
    "TransportFailed",
    "TransportLimits",
    "Transports",
    "client_context",
    "server_context",
]
