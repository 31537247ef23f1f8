"""How the rows are described that the switch tells of now: calls with their parties, phones, trunks.

The same rows are sent as events and to webhooks. Their times are seconds since 1970, as the switch counts them.
"""

from __future__ import annotations

from typing import Any

from jackfield.console.rest import schemas

__all__ = ["CALL", "LEG", "OWN_CALL", "PARTY", "PHONE", "TRUNK"]

_AT = {"type": "number", "description": "Seconds since 1970."}
_AT_OR_NOT = {"type": ["number", "null"], "description": "Seconds since 1970; null if that has not happened."}
_NAMED: dict[str, Any] = {
    "number": {"type": "string", "description": "Empty where it is hidden."},
    "name": "string",
    "extension": {"type": "string", "description": "If it is one of the house."},
    "trunk": {"type": "string", "description": "By which trunk, if it is outside."},
}
_SIDE = schemas.table(_NAMED)
_ID = {"type": "string", "description": "Of the leg: it names this party in what one does with the call."}
LEG = schemas.table({"id": _ID, "role": {"type": "string", "enum": ["caller", "callee"]}, **_NAMED})
_OWN_PARTY: dict[str, Any] = {
    **LEG["properties"],
    "answered": {"type": "boolean", "description": "It talks, or listens to us; else it rings."},
    "held": {"type": "boolean", "description": "It has put the call on hold."},
}
PARTY = schemas.table(
    {
        **_OWN_PARTY,
        "site": {"type": "string", "description": "Name of the site of its phone; empty at none."},
        "party": {"type": "string", "description": "It in words."},
        "codec": {"type": "string", "description": "How its voice is carried; empty while nothing is."},
        "secure": {"type": "boolean", "description": "Its audio is encrypted."},
        "address": {"type": "string", "description": "Transport, address and port of its phone."},
    }
)


def _call(party: dict[str, Any]) -> dict[str, Any]:
    return schemas.table(
        {
            "id": "string",
            "from": _SIDE,
            "to": _SIDE,
            "dialed": {"type": "string", "description": "What was dialled, before it was led anywhere."},
            "direction": {"type": "string", "description": "internal, in, out or through."},
            "state": {"type": "string", "enum": ["ringing", "talking"]},
            "started": _AT,
            "answered": _AT_OR_NOT,
            "seconds": {"type": "number", "description": "Since it began."},
            "legs": {"type": "array", "items": party, "description": "Who is in it now, or is rung."},
        }
    )


CALL = _call(PARTY)
OWN_CALL = _call(schemas.table(_OWN_PARTY))
_OR_NOT = ["boolean", "null"]
_SHARE = {"type": ["number", "null"], "description": "Of 1; null if that is not known."}
VERDICT = schemas.table(
    {
        "at": _AT,
        "how": {"type": "string", "enum": ["call", "test", "keep-alive"]},
        "network": {"type": "string", "description": "The public address that it was behind."},
        "is_heard": {"type": _OR_NOT, "description": "Its audio reaches us; null if that is not known."},
        "hears": {"type": _OR_NOT, "description": "Ours reaches it; null if that is not known."},
        "nat": {
            "type": "string",
            "enum": ["", "none", "keeps ports", "changes ports", "symmetric"],
            "description": "What the NAT does with the phone's ports.",
        },
        "door": {
            "type": "string",
            "enum": ["", "all", "address", "ports", "answers"],
            "description": "Whom the NAT lets in: anybody, each port of an address that the phone has sent to, each "
            "port of ours at least, or where the phone has sent to alone.",
        },
        "kind": {"type": "string", "description": "Kind of NAT in words: “port-restricted cone”."},
        "gateway": {"type": "boolean", "description": "A router on the way changes SIP messages."},
        "delay_ms": {"type": ["number", "null"], "description": "There and back."},
        "lost_in": _SHARE,
        "lost_out": _SHARE,
        "codec": "string",
        "refused": {"type": "integer", "description": "Packets from an address from which none is taken."},
        "signalling": {"type": "string", "description": "Transport by which it was registered."},
        "silent": {"type": "boolean", "description": "Not even RTCP came."},
        "moved": {"type": "boolean", "description": "It was switched to TLS because of what was found before."},
        "relayed": {"type": "boolean", "description": "Its audio comes by our own TURN server."},
        "good": {"type": "boolean", "description": "Nothing is known to be wrong."},
        "transport": {"type": "string", "description": "The transport that it should be given; empty: as it is."},
        "relay": {
            "type": "boolean",
            "description": "From outside of its site its audio is reached by way of the system only.",
        },
    }
) | {"type": ["object", "null"], "description": "What was found out about its audio; null before its first call."}
PHONE = schemas.table(
    {
        "extension": "string",
        "name": {"type": "string", "description": "Of the extension."},
        "line": {"type": "string", "description": "The name of its line, where it has one."},
        "sip_username": {"type": "string", "description": "Which of the extension's lines."},
        "model": {"type": "string", "description": "What it is, as far as it says so."},
        "transport": "string",
        "address": {"type": "string", "description": "Where it registered from."},
        "user_agent": {"type": "string", "description": "What it calls itself."},
        "behind_nat": "boolean",
        "nat_reason": {"type": "string", "description": "Why it is taken to be behind a router."},
        "expires_in": {"type": "number", "description": "Seconds until it must register again."},
        "site": {"type": "string", "description": "Name of the site at which it is; empty at none."},
        "latency_ms": {"type": ["number", "null"], "description": "How long it took to answer last."},
        "reachable": {"type": "boolean", "description": "It answers when asked."},
        "since": _AT,
        "says": {"type": "string", "description": "The most useful sentence about its way to us, with the mend."},
        "sip_alg": {"type": "boolean", "description": "A router on the way changes SIP messages."},
        "keep_alive": {
            "type": ["integer", "null"],
            "description": "Seconds of silence after which it is asked; null if it is not behind a router.",
        },
        "pinhole": {
            "type": ["integer", "null"],
            "description": "Seconds for which its router is known to remember it; null while that is not known.",
        },
        "verdict": VERDICT,
    }
)
TRUNK = schemas.table(
    {
        "name": "string",
        "kind": {"type": "string", "enum": ["register", "address", "peer"]},
        "state": {"type": "string", "description": "registered, up, registering, refused, down or disabled."},
        "text": {"type": "string", "description": "What is the matter, and the mend; empty when all is well."},
        "hosts": {"type": "array", "items": {"type": "string"}, "description": "Each address, with up or down."},
        "calls": {"type": "integer", "description": "That it carries now."},
        "since": _AT,
    }
)
