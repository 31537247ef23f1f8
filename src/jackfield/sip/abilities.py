"""What a peer can do, as his Allow and Supported say (RFC 3261 sections 20.5 and 20.37)."""

from __future__ import annotations

from jackfield.sip.message import Message

__all__ = ["Abilities"]

_ALWAYS_ALLOWED = frozenset(("INVITE", "ACK", "CANCEL", "BYE"))


class Abilities:
    """Kept as the text that came, because most calls end before anybody asks."""

    __slots__ = ("_allow", "_supported")

    def __init__(self) -> None:
        self._allow: str | None = None
        self._supported: str | None = None

    def learn(self, message: Message) -> None:
        """Take a message of the peer; what it does not say stays as it was."""
        allow = message.get("Allow")
        if allow is not None:
            self._allow = allow if "," in allow else ",".join(message.all("Allow"))
        supported = message.get("Supported")
        if supported is not None:
            self._supported = supported if "," in supported else ",".join(message.all("Supported"))

    def supports(self, option: str) -> bool:
        """True if the peer named this option tag."""
        return self._supported is not None and _names(self._supported.lower(), option.lower())

    def allows(self, method: str) -> bool:
        """True if the peer named the method; where he said nothing, only what every session needs."""
        if self._allow is None:
            return method in _ALWAYS_ALLOWED
        return _names(self._allow.upper(), method)


def _names(listed: str, name: str) -> bool:
    return name in listed and name in [item.strip() for item in listed.split(",")]
