"""Text messages (RFC 3428) from one phone to the phones of another extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jackfield.sip.message import Request, Response
from jackfield.sip.tokens import Tokens
from jackfield.switch import identity
from jackfield.switch.route import Plan, route
from jackfield.switch.snapshot import Extension

if TYPE_CHECKING:
    from jackfield.sip.flow import Flow
    from jackfield.switch.contact import Contact
    from jackfield.switch.leg import Reply
    from jackfield.switch.switch import Switch

__all__ = ["receive"]

_tokens = Tokens()


def receive(switch: Switch, request: Request, flow: Flow, reply: Reply) -> None:
    """Take a message to one of our extensions and pass it to its phones."""
    sender = switch.authenticator.check(request, flow)
    if isinstance(sender, Response):
        reply(sender)
        return
    plan = route(switch.snapshot, sender.question(), switch.local_time(switch.snapshot))
    if not isinstance(plan.entry, Extension):
        reply(request.reply(404))
        return
    contacts = [contact for line in plan.entry.lines for contact in switch.registrar.contacts(line)]
    if not contacts:
        reply(request.reply(480))
        return
    reply(request.reply(202))
    for contact in contacts:
        switch.spawn(_pass(switch, request, plan, contact))


async def _pass(switch: Switch, request: Request, plan: Plan, contact: Contact) -> None:
    headers = [
        ("From", f"{identity.to_phone(plan.caller, switch.domain).from_};tag={_tokens.tag()}"),
        ("To", f"<sip:{plan.number}@{switch.domain}>"),
        ("Call-ID", _tokens.call_id()),
        *(("Route", value) for value in contact.route),
    ]
    message = Request.new(
        "MESSAGE", contact.request_uri, headers, request.body, request.get("Content-Type") or "text/plain"
    )
    await switch.agent.request(message, flow=contact.flow)
