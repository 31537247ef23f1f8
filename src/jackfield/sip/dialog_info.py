"""What a phone's lamps are told of another phone's calls: dialog-info documents (RFC 4235)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

__all__ = ["CONTENT_TYPE", "DialogInfo", "document"]

CONTENT_TYPE = "application/dialog-info+xml"
State = Literal["trying", "early", "confirmed"]


class DialogInfo:
    """One call of the phone that is watched.

    id: the same as long as the call lasts. recipient: the phone was called. local, remote: SIP URI and name of the
    phone and of the other party. call_id, local_tag, remote_tag: the dialog's as the phone that is watched sees it, for
    the Replaces header of whoever picks the call up (RFC 3891); "" while it has none.
    """

    __slots__ = ("call_id", "id", "local", "local_tag", "recipient", "remote", "remote_tag", "state")

    def __init__(
        self,
        name: str,
        state: State,
        *,
        recipient: bool,
        local: tuple[str, str],
        remote: tuple[str, str],
        call_id: str = "",
        local_tag: str = "",
        remote_tag: str = "",
    ) -> None:
        self.id = name
        self.state: State = state
        self.recipient = recipient
        self.local = local
        self.remote = remote
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag


def document(entity: str, version: int, dialogs: Sequence[DialogInfo], over: str = "") -> bytes:
    """Write the state of all calls of `entity` (a SIP URI).

    version: 0 in the first document of a subscription, one more in each that follows. over: the id of a call that was
    told before; without any call it is written as terminated, since many phones put their lamp out upon that only.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
        f"entity={quoteattr(entity)}>",
    ]
    for dialog in dialogs:
        lines += _dialog(dialog)
    if not dialogs:
        lines.append(f"<dialog id={quoteattr(over or 'none')}><state>terminated</state></dialog>")
    lines.append("</dialog-info>")
    return "\r\n".join(lines).encode()


def _dialog(dialog: DialogInfo) -> list[str]:
    names = ""
    if dialog.call_id and dialog.local_tag:
        names = (
            f" call-id={quoteattr(dialog.call_id)} local-tag={quoteattr(dialog.local_tag)} "
            f"remote-tag={quoteattr(dialog.remote_tag)}"
        )
    direction = "recipient" if dialog.recipient else "initiator"
    return [
        f'<dialog id={quoteattr(dialog.id)}{names} direction="{direction}">',
        f"<state>{dialog.state}</state>",
        *_party("local", dialog.local),
        *_party("remote", dialog.remote),
        "</dialog>",
    ]


def _party(side: str, party: tuple[str, str]) -> list[str]:
    uri, name = party
    display = f" display={quoteattr(name)}" if name else ""
    return [f"<{side}><identity{display}>{escape(uri)}</identity><target uri={quoteattr(uri)}/></{side}>"]
