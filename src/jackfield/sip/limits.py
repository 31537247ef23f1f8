"""What one peer may make us hold or compute: every bound of the SIP layers, in one place.

A peer that exceeds one of these gets a SIP error where an answer is allowed, or is cut off. Sizes are bytes (or
characters, in text already decoded), times are seconds. The parser does work linear in the message, so that with
`MAX_MESSAGE` no message can take long; the counts keep the *typed* readers (addresses, parameters) short as well.
"""

from __future__ import annotations

from typing import Final

# --- one message -------------------------------------------------------------------------------------------------

#: The largest message, start line to end of body (RFC 3261 18.1.1: 65,535 must be accepted by UDP). Over it: 513.
MAX_MESSAGE: Final = 65_535
#: Header lines in one message, after unfolding. A call through ten proxies has about 60. Over it: 400.
MAX_HEADERS: Final = 256
#: Characters of one URI. Over it: 414 for a Request-URI, 400 elsewhere.
MAX_URI: Final = 2_048
#: Via values that a request may have gathered: Max-Forwards starts at 70, so more than that is a loop. Over it: 483.
MAX_VIAS: Final = 70
#: Characters of one address with its display name and parameters, or of one Via. Over it: 400.
MAX_ADDRESS: Final = 4_096
#: Values into which one list header line is split; what comes after stays one value.
MAX_SPLIT: Final = 1_024
#: Values of one list header that are read as addresses (Contact, Route, Record-Route ...). Over it: 400.
MAX_VALUES: Final = 128
#: Parameters after one address, in one URI, or in one Via. Over it: 400.
MAX_PARAMS: Final = 64
#: Characters, and parameters, of one Authorization, WWW-Authenticate ... value.
MAX_AUTH: Final = 4_096
MAX_AUTH_PARAMS: Final = 32

#: Addresses that are kept because the next message repeats them, and how many characters they may have.
MAX_SHARED_ADDRESSES: Final = 4_096
MAX_SHARED_LENGTH: Final = 256

# --- digest ------------------------------------------------------------------------------------------------------

#: Nonces whose nonce-counts the challenger remembers; the oldest are forgotten (and then refused as stale).
MAX_NONCES: Final = 65_536
#: How far behind the highest nonce-count one may arrive and still be looked up as "new" (UDP reorders).
NONCE_COUNT_WINDOW: Final = 32

# --- STUN --------------------------------------------------------------------------------------------------------

#: Attributes in one STUN message. A binding request of a phone has fewer than ten.
MAX_STUN_ATTRIBUTES: Final = 32
