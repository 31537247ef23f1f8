"""What is wrong with a new request before anybody looks at its meaning (RFC 3261 section 8.2)."""

from __future__ import annotations

from collections.abc import Collection

from jackfield.sip.message import Request, Response

__all__ = ["METHODS", "screen"]

METHODS = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "INFO",
    "PRACK",
    "UPDATE",
    "REFER",
    "NOTIFY",
    "MESSAGE",
    "SUBSCRIBE",
    "REGISTER",
    "PUBLISH",
)
_SCHEMES = frozenset(("sip", "sips", "tel"))
_ANSWERED_AT_ZERO = frozenset(("REGISTER", "OPTIONS"))
"""Requests meant for ourselves; all others we would send on (RFC 3261 sections 11 and 16.3)."""


def screen(request: Request, allow: Collection[str], options: Collection[str]) -> Response | None:
    """Return the refusal that a request deserves, None if it is in order. Never for ACK or CANCEL.

    allow: the methods that we take. options: the option tags that we understand, in lower case. Raises
    MalformedHeader for what deserves a 400.
    """
    method = request.method
    if method not in allow:
        response = request.reply(405 if method in METHODS else 501)
        response.set("Allow", ", ".join(allow))
        return response
    if "Require" in request:
        unknown = sorted(request.require.difference(options))
        if unknown:
            response = request.reply(420)
            response.set("Unsupported", ", ".join(unknown))
            return response
    if request.to.tag is not None:
        return None  # the dialog was made by a request that passed
    request.check()
    if request.request_uri.scheme not in _SCHEMES:
        return request.reply(416)
    if request.max_forwards == 0 and method not in _ANSWERED_AT_ZERO:
        return request.reply(483)
    if method == "INVITE":
        contact = request.contact
        if contact is None or contact.is_wildcard:
            return request.reply(400, "Contact missing")
    elif method in ("BYE", "PRACK", "UPDATE", "INFO"):
        return request.reply(481)  # these mean nothing outside a dialog
    return None
